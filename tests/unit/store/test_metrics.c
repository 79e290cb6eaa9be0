#include "unit/store/support_store.h"

#define MANY 200

static double gauge(struct fixture *f, const char *name)
{
	return metric_value(metrics_gauge(f->metrics, name, "", NULL));
}

static bool three_wait(void *arg)
{
	return (int)gauge(arg, "tappet_queue_activities") == 3;
}

static bool none_waits(void *arg)
{
	return (int)gauge(arg, "tappet_queue_activities") == 0;
}

static void the_queue_tells_its_length_and_its_age(void **state)
{
	struct fixture *f = *state;
	char ids[3][ID_SIZE];

	assert_true(none_waits(f));
	for (int i = 0; i < 3; i++)
		admit(f, ids[i]);
	wait_until(f, three_wait, f);
	double least = (double)(clock_wall_ms() - NOW_MS) / 1000 - 100;
	assert_true(gauge(f, "tappet_queue_oldest_seconds") > least);
	assert_true(gauge(f, "tappet_queue_oldest_seconds") < least + 200);
	for (int i = 0; i < 3; i++)
		transition(f, ids[i], STATUS_NOTSTARTED, STATUS_INPROGRESS);
	wait_until(f, none_waits, f);
	assert_true(gauge(f, "tappet_queue_oldest_seconds") < 0.1);
}

/* The value that stands behind a name in the text. */
static double rendered(struct fixture *f, const char *name)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	assert_int_equal(metrics_render(f->metrics, &text), 0);
	const char *at = strstr(buf_cstr(&text), name);
	assert_non_null(at);
	double value = strtod(at + strlen(name), NULL);
	buf_release(&text);
	return value;
}

static void commits_tell_how_many_operations_they_hold(void **state)
{
	struct fixture *f = *state;
	struct store_admit *ops = calloc(MANY, sizeof(*ops));

	assert_non_null(ops);
	for (int i = 0; i < MANY; i++) {
		ops[i] = make_admit(f);
		begin_op(f, &ops[i].op, STORE_ADMIT);
	}
	for (int i = 0; i < MANY; i++) {
		end_op(f, &ops[i].op);
		free_admit(&ops[i]);
	}
	free(ops);
	/* The definition, and those. */
	assert_int_equal((int)rendered(f, "\ntappet_store_commit_operations_sum "), MANY + 1);
	assert_true(rendered(f, "\ntappet_store_commit_operations_count ") < MANY);
	assert_true(rendered(f, "\ntappet_store_commit_operations_bucket{le=\"20\"} ") <
		    rendered(f, "\ntappet_store_commit_operations_count "));
}

#define METRICS_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		METRICS_TEST(the_queue_tells_its_length_and_its_age),
		METRICS_TEST(commits_tell_how_many_operations_they_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
