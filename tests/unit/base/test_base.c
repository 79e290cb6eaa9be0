#include <math.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uv.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/health.h"
#include "base/id.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/post.h"

static void a_buffer_keeps_its_first_error(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 4);
	assert_int_equal(buf_str(&b, "abcd"), 0);
	assert_int_equal(buf_char(&b, 'e'), -ENOBUFS);
	assert_int_equal(buf_append(&b, "", 0), -ENOBUFS);
	assert_string_equal(buf_cstr(&b), "abcd");
	assert_null(buf_detach(&b, NULL));
	buf_clear(&b);
	assert_int_equal(buf_printf(&b, "%d", 42), 0);
	assert_string_equal(buf_cstr(&b), "42");
	buf_consume(&b, 1);
	assert_string_equal(buf_cstr(&b), "2");
	buf_release(&b);
}

static void ids_sort_by_their_making_even_when_the_clock_goes_back(void **state)
{
	(void)state;
	struct id_source source;
	id_source_init(&source, 7);
	char before[ID_SIZE] = "", id[ID_SIZE], sibling[ID_SIZE];
	static const int64_t times[] = {1000, 1000, 999, 1, 1001, 1001, 500};
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		id_next(&source, times[i], 3, id);
		assert_true(id_valid(id));
		assert_true(strcmp(before, id) < 0);
		id_sibling(id, 3, before);
	}
	id_source_init(&source, 7);
	id_source_seed(&source, id);
	id_sibling(id, 3, sibling);
	id_next(&source, 1, 0, id);
	assert_true(strcmp(sibling, id) < 0);
}

static void times_are_written_and_read(void **state)
{
	(void)state;
	char text[CLOCK_TEXT_MAX];
	assert_string_equal(clock_rfc3339(1575492447394, text), "2019-12-04T20:47:27.394Z");
	int64_t ms = 0;
	assert_int_equal(clock_parse_rfc3339("2019-12-04T21:47:27.394+01:00", &ms), 0);
	assert_int_equal(ms, 1575492447394);
	assert_int_equal(clock_parse_rfc3339("2019-12-04", &ms), -EINVAL);
	assert_int_equal(clock_parse_rfc3339("2019-12-04T21:47:27", &ms), -EINVAL);
	assert_int_equal(clock_parse_duration("90m", &ms), 0);
	assert_int_equal(ms, 5400000);
	assert_int_equal(clock_parse_duration("250ms", &ms), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(clock_parse_duration("10", &ms), -EINVAL);
	assert_int_equal(clock_parse_duration("-1s", &ms), -EINVAL);
	assert_int_equal(clock_parse_duration("99999999999999999999s", &ms), -ERANGE);
}

static int count_entry(void *arg, const char *key, size_t key_len, void *value)
{
	assert_int_equal(strtoul(key, NULL, 10), (size_t)value);
	assert_true(key_len > 0);
	++*(size_t *)arg;
	return 0;
}

static void a_map_finds_what_was_put_and_not_what_was_removed(void **state)
{
	(void)state;
	struct map m;
	map_init(&m);
	char key[24];
	for (size_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "%zu", i);
		assert_int_equal(map_put(&m, key, strlen(key) + 1, (void *)i, NULL), 0);
	}
	for (size_t i = 1; i <= 5000; i += 2) {
		snprintf(key, sizeof(key), "%zu", i);
		assert_ptr_equal(map_remove(&m, key, strlen(key) + 1), (void *)i);
	}
	size_t count = 0;
	map_each(&m, count_entry, &count);
	assert_int_equal(count, 2500);
	assert_null(map_get(&m, "1", 2));
	assert_ptr_equal(map_get(&m, "2", 2), (void *)2);
	void *old = NULL;
	assert_int_equal(map_put(&m, "2", 2, (void *)9, &old), 0);
	assert_ptr_equal(old, (void *)2);
	map_release(&m);
}

static void digests_are_those_of_the_standards(void **state)
{
	(void)state;
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE], uuid[37];
	digest_sha256("abc", 3, hash);
	digest_hex(hash, sizeof(hash), hex);
	/* FIPS 180-2, appendix B.1 */
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	/* RFC 9562, appendix A.4 */
	static const uint8_t dns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
					0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
	digest_uuid5(dns, "www.example.com", 15, uuid);
	assert_string_equal(uuid, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void metrics_are_prometheus_text(void **state)
{
	(void)state;
	struct metrics *m;
	assert_int_equal(metrics_open(&m), 0);
	struct buf labels, out;
	buf_init(&labels, 100);
	buf_init(&out, 4096);
	metrics_label(&labels, "plugin", "a\"b");
	metric_add(metrics_counter(m, "tappet_x_total", "Xs.", buf_cstr(&labels)), 2);
	metric_add(metrics_counter(m, "tappet_x_total", "Xs.", buf_cstr(&labels)), 1);
	static const double bounds[] = {0.1, 1};
	struct metric *h = metrics_histogram(m, "tappet_t_seconds", "Time.", NULL, bounds, 2);
	metric_observe(h, 0.05);
	metric_observe(h, 5);
	assert_null(metrics_gauge(m, "tappet_x_total", "another kind", NULL));
	assert_int_equal(metrics_render(m, &out), 0);
	assert_string_equal(buf_cstr(&out),
			    "# HELP tappet_x_total Xs.\n# TYPE tappet_x_total counter\n"
			    "tappet_x_total{plugin=\"a\\\"b\"} 3\n"
			    "# HELP tappet_t_seconds Time.\n# TYPE tappet_t_seconds histogram\n"
			    "tappet_t_seconds_bucket{le=\"0.1\"} 1\ntappet_t_seconds_bucket{le=\"1\"} 1\n"
			    "tappet_t_seconds_bucket{le=\"+Inf\"} 2\n"
			    "tappet_t_seconds_sum 5.05\ntappet_t_seconds_count 2\n");
	buf_release(&labels);
	buf_release(&out);
	metrics_free(m);
}

static void odd_helps_and_values_do_not_break_the_text(void **state)
{
	(void)state;
	struct metrics *m;
	assert_int_equal(metrics_open(&m), 0);
	struct buf out;
	buf_init(&out, 4096);
	metric_set(metrics_gauge(m, "tappet_a", "One\n\"two\" \\.", NULL), (double)NAN);
	metric_set(metrics_gauge(m, "tappet_b", "B.", NULL), -(double)INFINITY);
	metric_set(metrics_gauge(m, "tappet_b", "B.", "least=\"1\""), -999999999999999.0);
	metric_set(metrics_gauge(m, "tappet_b", "B.", "most=\"1\""), 1e15);
	static const double bounds[] = {1};
	metric_observe(metrics_histogram(m, "tappet_c", "C.", NULL, bounds, 1), (double)NAN);
	assert_int_equal(metrics_render(m, &out), 0);
	assert_string_equal(buf_cstr(&out), "# HELP tappet_a One\\n\"two\" \\\\.\n# TYPE tappet_a gauge\ntappet_a NaN\n"
					    "# HELP tappet_b B.\n# TYPE tappet_b gauge\ntappet_b -Inf\n"
					    "tappet_b{least=\"1\"} -999999999999999\ntappet_b{most=\"1\"} 1e+15\n"
					    "# HELP tappet_c C.\n# TYPE tappet_c histogram\n"
					    "tappet_c_bucket{le=\"1\"} 0\ntappet_c_bucket{le=\"+Inf\"} 0\n"
					    "tappet_c_sum 0\ntappet_c_count 0\n");
	buf_release(&out);
	metrics_free(m);
}

static int parts_in(struct metrics *m, const char *labels)
{
	return (int)metric_value(metrics_gauge(m, "tappet_health_parts", "", labels));
}

static void parts_are_counted_by_their_health(void **state)
{
	(void)state;
	struct health *h;
	struct metrics *m;
	assert_int_equal(health_open(&h), 0);
	assert_int_equal(metrics_open(&m), 0);
	health_set(h, "a", HEALTH_OK, NULL);
	health_show(h, m);
	assert_int_equal(parts_in(m, "state=\"ok\""), 1);
	health_set(h, "b", HEALTH_DOWN, "gone");
	health_set(h, "a", HEALTH_DEGRADED, "slow");
	assert_int_equal(parts_in(m, "state=\"ok\""), 0);
	assert_int_equal(parts_in(m, "state=\"degraded\""), 1);
	assert_int_equal(parts_in(m, "state=\"down\""), 1);
	health_forget(h, "b");
	assert_int_equal(parts_in(m, "state=\"down\""), 0);
	health_free(h);
	metrics_free(m);
}

static void health_is_the_worst_part(void **state)
{
	(void)state;
	struct health *h;
	assert_int_equal(health_open(&h), 0);
	health_set(h, "a", HEALTH_OK, NULL);
	assert_int_equal(health_worst(h), HEALTH_OK);
	health_set(h, "b", HEALTH_DOWN, "gone");
	health_set(h, "a", HEALTH_DEGRADED, "slow");
	assert_int_equal(health_worst(h), HEALTH_DOWN);
	health_forget(h, "b");
	assert_int_equal(health_worst(h), HEALTH_DEGRADED);
	health_free(h);
}

struct posting {
	struct post *post;
	int next, wrong;
};

static struct posting posting;

static void take(void *arg)
{
	if ((int)(size_t)arg != posting.next++)
		posting.wrong++;
	if (posting.next == 10000)
		post_close(posting.post);
}

static void post_many(void *arg)
{
	for (size_t i = 0; i < 10000; i++)
		post_send(arg, take, (void *)i);
}

static void posts_run_on_the_loop_in_order(void **state)
{
	(void)state;
	uv_loop_t loop;
	uv_thread_t thread;
	uv_loop_init(&loop);
	assert_int_equal(post_open(&loop, &posting.post), 0);
	uv_thread_create(&thread, post_many, posting.post);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_thread_join(&thread);
	assert_int_equal(posting.next, 10000);
	assert_int_equal(posting.wrong, 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_keeps_its_first_error),
		cmocka_unit_test(ids_sort_by_their_making_even_when_the_clock_goes_back),
		cmocka_unit_test(times_are_written_and_read),
		cmocka_unit_test(a_map_finds_what_was_put_and_not_what_was_removed),
		cmocka_unit_test(digests_are_those_of_the_standards),
		cmocka_unit_test(metrics_are_prometheus_text),
		cmocka_unit_test(odd_helps_and_values_do_not_break_the_text),
		cmocka_unit_test(parts_are_counted_by_their_health),
		cmocka_unit_test(health_is_the_worst_part),
		cmocka_unit_test(posts_run_on_the_loop_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
