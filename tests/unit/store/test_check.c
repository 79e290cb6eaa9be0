#include "unit/store/support_store.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/sqlite/database.h"

#define IN_LANE 5

struct faults {
	size_t count;
	char text[2000];
};

static void keep_fault(void *arg, const char *text)
{
	struct faults *f = arg;
	size_t len = strlen(f->text);
	f->count++;
	snprintf(f->text + len, sizeof(f->text) - len, "%s\n", text);
}

static void assert_sound(const char *path)
{
	struct faults faults = {0};
	int r = store_check(path, keep_fault, &faults);
	assert_string_equal(faults.text, "");
	assert_int_equal(r, 0);
}

static void change(const char *path, const char *sql)
{
	struct database c;
	assert_int_equal(database_open(&c, path, NULL), 0);
	assert_int_equal(database_exec(&c, sql), 0);
	database_close(&c);
}

static void define_lanes(struct fixture *f, uint32_t limit)
{
	char ids[2][ID_SIZE];
	struct store_definition item = {
		.slug = "demo", .hash = "aa", .canonical = "{}", .canonical_len = 2, .lane_limit = limit};
	struct store_definitions d = {.items = &item, .count = 1, .new_ids = ids, .from_folder = true, .by = "folder"};
	id_next(&f->ids, NOW_MS, 0, ids[0]);
	id_next(&f->ids, NOW_MS, 0, ids[1]);
	assert_int_equal(run_op(f, &d.op, STORE_DEFINITIONS), 0);
	store_events_free(d.ret_events, d.ret_event_count);
}

static void enter_lane(struct fixture *f, uint32_t limit)
{
	struct store_lane lane = {"", 0, STORE_OVERLAP_QUEUE, limit, 0};
	struct store_admit a = make_admit(f);
	a.lane = &lane;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	free_admit(&a);
}

/* Something of everything. */
static void fill(struct fixture *f)
{
	struct store_step_change step = {.status = STATUS_COMPLETED, .attempt = 1, .exit_code = 0};
	struct store_transition t = {
		.from_any = true, .to = STATUS_COMPLETED, .now_ms = NOW_MS, .steps = &step, .step_count = 1};
	struct store_log l = {.stream = 'o', .text = "x", .len = 1};
	struct store_action action = {.topic = "t", .data = "{}", .data_len = 2, .time_ms = NOW_MS};
	struct store_admit a = make_admit(f);

	define_lanes(f, 2);
	for (int i = 0; i < IN_LANE; i++)
		enter_lane(f, 2);
	a.dedup_key = "k";
	a.dedup_key_len = 1;
	a.dedup_expires_ms = 4 * NOW_MS;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	memcpy(t.id, a.id, ID_SIZE);
	memcpy(l.id, a.id, ID_SIZE);
	assert_int_equal(run_op(f, &l.op, STORE_LOG), 0);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	assert_int_equal(run_op(f, &action.op, STORE_ACTION), 0);
	store_events_free(t.ret_events, t.ret_event_count);
	free_admit(&a);
}

static void a_sound_store_has_no_fault_also_while_it_is_open(void **state)
{
	struct fixture *f = *state;

	assert_sound(f->path);
	fill(f);
	assert_sound(f->path);
	fixture_close(f);
	assert_sound(f->path);
	assert_int_equal(fixture_open(f), 0);
	/* A limit that was lowered drains by itself. */
	define_lanes(f, 1);
	assert_sound(f->path);
	define_lanes(f, 0);
	assert_sound(f->path);
	define_lanes(f, 1);
	assert_sound(f->path);
}

static void each_fault_is_told_in_plain_words(void **state)
{
	static const struct {
		const char *sql, *expected;
	} faults[] = {
		{"DELETE FROM input WHERE num = (SELECT max(input) FROM activity)", "its input is missing"},
		{"DELETE FROM revision", "its latest revision is missing"},
		{"DELETE FROM source", "its source is missing"},
		{"DELETE FROM activity WHERE id = (SELECT activity FROM step)", "a step belongs to the activity"},
		{"DELETE FROM activity WHERE id = (SELECT activity FROM log)", "a log belongs to the activity"},
		{"DELETE FROM activity WHERE id = (SELECT activity FROM dedup)", "a dedup key belongs to the activity"},
		{"DELETE FROM activity WHERE id = (SELECT max(id) FROM activity)",
		 "there are 1 inputs that belong to no"},
		{"DELETE FROM event WHERE seq = 4", "a hole behind number 3"},
		{"DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)", "the events have a hole"},
		{"UPDATE store SET event_seq = event_seq - 1", "beyond the newest number given"},
		{"UPDATE store SET input_seq = 1", "the input 6 lies beyond the newest number given, 1"},
		{"UPDATE store SET log_seq = 0", "the log record 1 lies beyond"},
		{"UPDATE store SET action_seq = 0", "the action 1 lies beyond"},
		{"UPDATE store SET newest_id = x'00'", "lies beyond the newest id given"},
		{"UPDATE store SET activities = 7", "the store counts 7 activities, but there are 6"},
		{"DELETE FROM store", "the store does not know itself"},
		{"UPDATE activity SET turn = 1",
		 "the workflow demo: 5 activities of one lane have their turn, more than "
		 "its limit of 2"},
		{"UPDATE activity SET turn = 0 WHERE lane IS NOT NULL",
		 "5 activities of one lane wait, and none has its"},
		{"UPDATE activity SET turn = 0 WHERE lane IS NULL", "it waits for a turn, but has no lane"},
		{"UPDATE activity SET ended_ms = 1", "its status and its time of ending do not agree"},
		{"UPDATE activity SET workflow = 9", "its workflow is missing"},
	};
	struct fixture *f = *state;
	char copy[100], sql[200];

	fill(f);
	fixture_close(f);
	snprintf(copy, sizeof(copy), "%s/copy.db", f->folder);
	snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", copy);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct faults found = {0};
		unlink(copy);
		change(f->path, sql);
		change(copy, faults[i].sql);
		assert_int_equal(store_check(copy, keep_fault, &found), -EILSEQ);
		if (!strstr(found.text, faults[i].expected))
			fail_msg("\"%s\": expected \"%s\", found \"%s\"", faults[i].sql, faults[i].expected,
				 found.text);
	}
	assert_sound(f->path);
	assert_int_equal(fixture_open(f), 0);
}

static void many_faults_of_one_kind_are_cut(void **state)
{
	struct fixture *f = *state;
	struct faults found = {0};
	char id[ID_SIZE];

	for (int i = 0; i < 100; i++)
		admit(f, id);
	fixture_close(f);
	change(f->path, "DELETE FROM input WHERE num > 1");
	assert_int_equal(store_check(f->path, keep_fault, &found), -EILSEQ);
	assert_int_equal(found.count, 21);
	assert_non_null(strstr(found.text, "and more of that kind"));
}

static void damage(const char *path, long offset, int byte, size_t len)
{
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	for (size_t i = 0; i < len; i++)
		fputc(byte, file);
	fclose(file);
}

static void damaged_pages_are_found(void **state)
{
	struct fixture *f = *state;
	struct faults found = {0};
	struct stat about;
	char id[ID_SIZE];

	for (int i = 0; i < 500; i++)
		admit(f, id);
	fixture_close(f);
	assert_int_equal(stat(f->path, &about), 0);
	/* From the middle on, where the activities are. */
	for (long at = about.st_size / 2 / 4096 * 4096; at < about.st_size; at += 4096)
		damage(f->path, at, 0xa5, 200);
	assert_int_equal(store_check(f->path, keep_fault, &found), -EILSEQ);
	assert_true(found.count > 0);
	damage(f->path, 0, 'x', 100);
	found = (struct faults){0};
	assert_int_equal(store_check(f->path, keep_fault, &found), -EILSEQ);
	assert_string_equal(found.text, "this is not a store\n");
	assert_int_equal(truncate(f->path, 0), 0);
	found = (struct faults){0};
	assert_int_equal(store_check(f->path, keep_fault, &found), -EILSEQ);
	unlink(f->path);
	assert_int_equal(store_check(f->path, keep_fault, &found), -ENOENT);
	assert_true(access(f->path, F_OK) < 0);
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	char bytes[4096];
	size_t len;
	assert_non_null(in);
	assert_non_null(out);
	while ((len = fread(bytes, 1, sizeof(bytes), in)) > 0)
		assert_int_equal(fwrite(bytes, 1, len, out), len);
	fclose(in);
	fclose(out);
}

static off_t size_of(const char *path)
{
	struct stat about;
	return stat(path, &about) == 0 ? about.st_size : -1;
}

/* As after a kill: what is only in the journal counts, and stays there. */
static void what_is_in_the_journal_is_checked_and_left_there(void **state)
{
	struct fixture *f = *state;
	char from[100], copy[100], journal[110];

	fill(f);
	snprintf(copy, sizeof(copy), "%s/copy.db", f->folder);
	snprintf(from, sizeof(from), "%s-wal", f->path);
	snprintf(journal, sizeof(journal), "%s-wal", copy);
	copy_file(f->path, copy);
	copy_file(from, journal);
	off_t size = size_of(copy), journal_size = size_of(journal);
	assert_true(journal_size > 0);
	assert_sound(copy);
	assert_int_equal(size_of(copy), size);
	assert_int_equal(size_of(journal), journal_size);
	/* And what is in none stays without one. */
	fixture_close(f);
	assert_sound(f->path);
	assert_int_equal(size_of(from), -1);
	assert_int_equal(fixture_open(f), 0);
}

static void a_newer_store_is_not_judged(void **state)
{
	struct fixture *f = *state;
	struct faults found = {0};

	fixture_close(f);
	change(f->path, "PRAGMA user_version = 10000");
	assert_int_equal(store_check(f->path, keep_fault, &found), -EPROTO);
	assert_int_equal(found.count, 0);
}

#define CHECK_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK_TEST(a_sound_store_has_no_fault_also_while_it_is_open),
		CHECK_TEST(each_fault_is_told_in_plain_words),
		CHECK_TEST(many_faults_of_one_kind_are_cut),
		CHECK_TEST(damaged_pages_are_found),
		CHECK_TEST(what_is_in_the_journal_is_checked_and_left_there),
		CHECK_TEST(a_newer_store_is_not_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
