#include "unit/store/support_store.h"

#include <errno.h>
#include "store/sqlite/database.h"

#define LOG_MAX 100

struct seen {
	bool done;
	size_t count, bytes;
	int markers;
	uint64_t last;
	char text[400];
};

static bool is_seen(void *arg)
{
	return ((struct seen *)arg)->done;
}

static void keep_logs(void *arg, int status, const struct store_log_row *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	seen->count = count;
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(seen->text);
		assert_true(rows[i].position > seen->last);
		seen->last = rows[i].position;
		seen->markers += rows[i].stream == 'm';
		if (rows[i].stream == 'm')
			continue;
		seen->bytes += rows[i].len;
		snprintf(seen->text + len, sizeof(seen->text) - len, "%.*s|", (int)rows[i].len, rows[i].text);
	}
	seen->done = true;
}

static struct seen read_logs(struct fixture *f, const char *id, int step, uint64_t after, size_t limit)
{
	struct seen seen = {0};
	assert_int_equal(store_read_logs(f->store, id, step, after, limit, keep_logs, &seen), 0);
	wait_until(f, is_seen, &seen);
	return seen;
}

static int write_log(struct fixture *f, const char *id, uint32_t step, const char *text)
{
	struct store_log l = {
		.step = step, .attempt = 1, .stream = 'o', .time_ms = NOW_MS, .text = text, .len = strlen(text)};
	memcpy(l.id, id, ID_SIZE);
	return run_op(f, &l.op, STORE_LOG);
}

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	assert_non_null(f);
	fixture_init(f);
	f->options.log_max = LOG_MAX;
	assert_int_equal(fixture_open(f), 0);
	fixture_define(f);
	*state = f;
	return 0;
}

static void records_are_read_in_order_by_step_and_from_a_position(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	admit(f, id);
	assert_int_equal(write_log(f, id, 0, "a"), 0);
	assert_int_equal(write_log(f, id, 1, "b"), 0);
	assert_int_equal(write_log(f, id, 0, "c"), 0);
	assert_string_equal(read_logs(f, id, -1, 0, 100).text, "a|b|c|");
	assert_string_equal(read_logs(f, id, 0, 0, 100).text, "a|c|");
	struct seen first = read_logs(f, id, -1, 0, 2);
	assert_string_equal(first.text, "a|b|");
	assert_string_equal(read_logs(f, id, -1, first.last, 2).text, "c|");
	assert_int_equal(write_log(f, "00000000000000000000000f", 0, "x"), -ENOENT);
}

static void a_log_at_its_bound_is_cut_with_one_marker(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], long_text[2 * LOG_MAX];

	admit(f, id);
	memset(long_text, 'x', sizeof(long_text));
	long_text[LOG_MAX - 10] = '\0';
	assert_int_equal(write_log(f, id, 0, long_text), 0);
	assert_int_equal(read_logs(f, id, 0, 0, 100).markers, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(write_log(f, id, 0, long_text), 0);
	struct seen seen = read_logs(f, id, 0, 0, 100);
	assert_int_equal(seen.bytes, LOG_MAX);
	assert_int_equal(seen.markers, 1);
	/* Each step has a bound of its own. */
	assert_int_equal(write_log(f, id, 1, "still"), 0);
	assert_int_equal(read_logs(f, id, 1, 0, 100).bytes, 5);
}

static void a_log_is_not_cut_inside_a_character(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], text[LOG_MAX + 20];

	admit(f, id);
	memset(text, 'x', LOG_MAX - 1);
	memcpy(text + LOG_MAX - 1, "\xe2\x82\xac", 4);
	assert_int_equal(write_log(f, id, 0, text), 0);
	assert_int_equal(read_logs(f, id, 0, 0, 100).bytes, LOG_MAX - 1);
	assert_int_equal(read_logs(f, id, 0, 0, 100).markers, 1);
}

static void keep_steps(void *arg, int status, const struct store_activity_row *row)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	seen->count = row->step_count;
	seen->done = true;
}

static size_t step_count(struct fixture *f, const char *id)
{
	struct seen seen = {0};
	assert_int_equal(store_get_activity(f->store, id, keep_steps, &seen), 0);
	wait_until(f, is_seen, &seen);
	return seen.count;
}

static void a_log_makes_no_step_appear(void **state)
{
	struct fixture *f = *state;
	struct store_step_change step = {.status = STATUS_INPROGRESS, .attempt = 1, .exit_code = -1};
	char id[ID_SIZE];

	admit(f, id);
	assert_int_equal(write_log(f, id, 0, "early"), 0);
	assert_int_equal(step_count(f, id), 0);
	struct store_transition t = {
		.from = STATUS_NOTSTARTED, .to = STATUS_INPROGRESS, .steps = &step, .step_count = 1};
	memcpy(t.id, id, ID_SIZE);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	store_events_free(t.ret_events, t.ret_event_count);
	assert_int_equal(step_count(f, id), 1);
	assert_int_equal(write_log(f, id, 0, "late"), 0);
	assert_string_equal(read_logs(f, id, 0, 0, 100).text, "early|late|");
}

struct told {
	bool done;
	size_t count, without_data;
	uint64_t last;
	char text[2000]; /* of step.log, one a line */
};

static void keep_events(void *arg, int status, const struct event *events, size_t count, uint64_t oldest)
{
	struct told *told = arg;
	(void)oldest;
	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(told->text);
		told->last = events[i].seq;
		if (events[i].type != EVENT_STEP_LOG)
			continue;
		told->count++;
		told->without_data += !events[i].data;
		if (events[i].data)
			snprintf(told->text + len, sizeof(told->text) - len, "%.24s %s\n", events[i].activity_id,
				 events[i].data);
	}
	told->done = true;
}

static bool is_told(void *arg)
{
	return ((struct told *)arg)->done;
}

static struct told read_lines(struct fixture *f, bool logs)
{
	struct told told = {0};
	assert_int_equal(store_read_events(f->store, 0, 1000, logs, keep_events, &told), 0);
	wait_until(f, is_told, &told);
	return told;
}

static void each_record_is_an_event_with_its_text(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], expected[1000], long_text[LOG_MAX + 50];
	struct store_log l = {.step = 2, .attempt = 3, .stream = 'e', .time_ms = NOW_MS, .text = "a \"b\"\n", .len = 6};

	admit(f, id);
	memcpy(l.id, id, ID_SIZE);
	memcpy(l.workflow_id, f->workflow_id, ID_SIZE);
	assert_int_equal(run_op(f, &l.op, STORE_LOG), 0);
	assert_int_equal(l.ret_line_count, 1);
	assert_int_equal(l.ret_lines[0].seq, read_lines(f, true).last);
	snprintf(expected, sizeof(expected),
		 "%s {\"order\":3,\"attempt\":3,\"stream\":\"stderr\",\"position\":%llu,\"text\":\"a \\\"b\\\"\\n\"}\n",
		 id, (unsigned long long)l.ret_lines[0].position);
	assert_string_equal(read_lines(f, true).text, expected);
	assert_int_equal(read_lines(f, false).without_data, 1);
	/* Where it is cut there are two: what was kept, and the mark. */
	memset(long_text, 'x', sizeof(long_text));
	l.text = long_text;
	l.len = sizeof(long_text);
	assert_int_equal(run_op(f, &l.op, STORE_LOG), 0);
	assert_int_equal(l.ret_line_count, 2);
	assert_int_equal(l.ret_lines[0].len, LOG_MAX - 6);
	assert_int_equal(l.ret_lines[1].stream, 'm');
	assert_int_equal(l.ret_lines[1].seq, l.ret_lines[0].seq + 1);
	assert_non_null(strstr(read_lines(f, true).text, "\"stream\":\"marker\""));
	/* Nothing is kept behind that, and nothing told. */
	assert_int_equal(run_op(f, &l.op, STORE_LOG), 0);
	assert_int_equal(l.ret_line_count, 0);
	assert_int_equal(read_lines(f, true).count, 3);
}

static void an_event_whose_record_has_gone_comes_without_its_text(void **state)
{
	struct fixture *f = *state;
	struct database c;
	char id[ID_SIZE], expected[100];

	admit(f, id);
	assert_int_equal(write_log(f, id, 0, "a"), 0);
	fixture_close(f);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_int_equal(database_exec(&c, "DELETE FROM log"), 0);
	database_close(&c);
	assert_int_equal(fixture_open(f), 0);
	snprintf(expected, sizeof(expected), "%s {\"position\":1}\n", id);
	assert_string_equal(read_lines(f, true).text, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_are_read_in_order_by_step_and_from_a_position, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(each_record_is_an_event_with_its_text, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_event_whose_record_has_gone_comes_without_its_text, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_log_at_its_bound_is_cut_with_one_marker, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_log_is_not_cut_inside_a_character, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_log_makes_no_step_appear, setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
