#include "unit/store/support_store.h"

#include <errno.h>

#define STREAM 2000

struct seen {
	bool done;
	int status;
	size_t count;
	char ids[1000][ID_SIZE];
	size_t steps, payload_len;
};

static bool is_seen(void *arg)
{
	return ((struct seen *)arg)->done;
}

static void keep_list(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct seen *seen = arg;
	seen->status = status;
	seen->count = count;
	for (size_t i = 0; i < count && i < 1000; i++)
		memcpy(seen->ids[i], rows[i].id, ID_SIZE);
	if (count > 0) {
		seen->steps = rows[0].step_count;
		seen->payload_len = rows[0].payload ? rows[0].payload_len : 0;
	}
	seen->done = true;
}

static void list(struct fixture *f, const struct store_activity_filter *filter, struct seen *seen)
{
	*seen = (struct seen){0};
	assert_int_equal(store_list_activities(f->store, filter, keep_list, seen), 0);
	wait_until(f, is_seen, seen);
	assert_int_equal(seen->status, 0);
}

static void an_acknowledged_write_is_seen_by_the_next_read(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	for (int i = 0; i < 200; i++) {
		admit(f, id);
		assert_int_equal(activity_status(f, id), STATUS_NOTSTARTED);
		assert_int_equal(transition(f, id, STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
		assert_int_equal(activity_status(f, id), STATUS_INPROGRESS);
	}
}

struct stream {
	struct fixture *f;
	struct store_admit admit;
	int left;
	uint64_t acknowledged, seen;
	int reads, reading;
};

static void read_on(struct stream *stream);

static void on_streamed_events(void *arg, int status, const struct event *events, size_t count, uint64_t oldest)
{
	struct stream *stream = arg;
	(void)oldest;
	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(events[i].seq, stream->seen + 1);
		stream->seen = events[i].seq;
	}
	stream->reads++;
	stream->reading--;
	read_on(stream);
}

static void read_on(struct stream *stream)
{
	if (stream->left > 0 || stream->seen < stream->acknowledged) {
		stream->reading++;
		store_read_events(stream->f->store, stream->seen, 100, true, on_streamed_events, stream);
	}
}

static void on_streamed(struct store_op *op)
{
	struct stream *stream = list_entry(op, struct stream, admit.op);
	assert_int_equal(op->status, 0);
	stream->acknowledged = stream->admit.ret_event.seq;
	free_admit(&stream->admit);
	if (--stream->left == 0)
		return;
	stream->admit = make_admit(stream->f);
	stream->admit.op.kind = STORE_ADMIT;
	stream->admit.op.done = on_streamed;
	store_submit(stream->f->store, &stream->admit.op);
}

static bool stream_is_read(void *arg)
{
	const struct stream *stream = arg;
	return stream->left == 0 && stream->seen >= stream->acknowledged && stream->reading == 0;
}

static void a_reader_beside_the_writer_meets_no_hole(void **state)
{
	struct fixture *f = *state;
	struct stream stream = {.f = f, .left = STREAM};

	stream.admit = make_admit(f);
	stream.admit.op.kind = STORE_ADMIT;
	stream.admit.op.done = on_streamed;
	store_submit(f->store, &stream.admit.op);
	read_on(&stream);
	wait_until(f, stream_is_read, &stream);
	assert_int_equal(stream.seen, STREAM + 1);
	assert_true(stream.reads > 1);
}

static void lists_filter_and_go_on_from_a_cursor(void **state)
{
	struct fixture *f = *state;
	struct seen *seen = malloc(sizeof(*seen));
	char ids[30][ID_SIZE];

	assert_non_null(seen);
	for (int i = 0; i < 30; i++) {
		struct store_admit a = make_admit(f);
		a.created_ms = NOW_MS + i;
		id_next(&f->ids, NOW_MS + i, 0, a.id);
		assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
		memcpy(ids[i], a.id, ID_SIZE);
		free_admit(&a);
	}
	assert_int_equal(transition(f, ids[3], STATUS_NOTSTARTED, STATUS_FAILURE), 0);
	assert_int_equal(transition(f, ids[9], STATUS_NOTSTARTED, STATUS_COMPLETED), 0);

	list(f, &(struct store_activity_filter){.limit = 10}, seen);
	assert_int_equal(seen->count, 10);
	assert_string_equal(seen->ids[0], ids[29]);
	list(f, &(struct store_activity_filter){.limit = 100, .before = ids[20]}, seen);
	assert_int_equal(seen->count, 20);
	assert_string_equal(seen->ids[0], ids[19]);
	list(f, &(struct store_activity_filter){.statuses = 1u << STATUS_FAILURE, .limit = 100}, seen);
	assert_int_equal(seen->count, 1);
	assert_string_equal(seen->ids[0], ids[3]);
	list(f,
	     &(struct store_activity_filter){
		     .statuses = 1u << STATUS_COMPLETED, .limit = 100, .workflow_id = f->workflow_id},
	     seen);
	assert_int_equal(seen->count, 1);
	assert_string_equal(seen->ids[0], ids[9]);
	list(f, &(struct store_activity_filter){.limit = 100, .since_ms = NOW_MS + 25}, seen);
	assert_int_equal(seen->count, 5);
	list(f, &(struct store_activity_filter){.limit = 100, .workflow_id = "00000000000000000000000f"}, seen);
	assert_int_equal(seen->count, 0);
	list(f, &(struct store_activity_filter){.limit = 100, .workflow_id = "no id"}, seen);
	assert_int_equal(seen->count, 0);
	list(f, &(struct store_activity_filter){.limit = 100, .until_ms = NOW_MS + 7, .since_ms = NOW_MS + 5}, seen);
	assert_int_equal(seen->count, 2);
	assert_string_equal(seen->ids[0], ids[6]);
	list(f,
	     &(struct store_activity_filter){.limit = 100, .statuses = 1u << STATUS_FAILURE | 1u << STATUS_COMPLETED},
	     seen);
	assert_int_equal(seen->count, 2);
	assert_string_equal(seen->ids[0], ids[9]);
	assert_string_equal(seen->ids[1], ids[3]);
	free(seen);
}

static void lists_filter_by_trigger_and_workflows(void **state)
{
	struct fixture *f = *state;
	struct seen *seen = malloc(sizeof(*seen));
	char two[2 * ID_SIZE];

	assert_non_null(seen);
	struct store_admit a = make_admit(f);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	const char *const triggers[] = {a.trigger, a.trigger_id, "another"};
	for (size_t i = 0; i < 3; i++) {
		list(f, &(struct store_activity_filter){.limit = 100, .trigger = triggers[i]}, seen);
		assert_int_equal(seen->count, i < 2 ? 1 : 0);
	}
	snprintf(two, sizeof(two), "00000000000000000000000f %s", f->workflow_id);
	const char *const workflows[] = {two, "00000000000000000000000f", ""};
	for (size_t i = 0; i < 3; i++) {
		list(f, &(struct store_activity_filter){.limit = 100, .workflow_ids = workflows[i]}, seen);
		assert_int_equal(seen->count, i < 1 ? 1 : 0);
	}
	free_admit(&a);
	free(seen);
}

static void what_must_run_is_listed_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct seen *seen = calloc(1, sizeof(*seen));
	struct store_step_change step = {.status = STATUS_INPROGRESS, .attempt = 1, .exit_code = -1};
	char ids[6][ID_SIZE];

	assert_non_null(seen);
	for (int i = 0; i < 6; i++)
		admit(f, ids[i]);
	struct store_transition t = {
		.from = STATUS_NOTSTARTED, .to = STATUS_INPROGRESS, .steps = &step, .step_count = 1};
	memcpy(t.id, ids[1], ID_SIZE);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	store_events_free(t.ret_events, t.ret_event_count);
	assert_int_equal(transition(f, ids[0], STATUS_NOTSTARTED, STATUS_COMPLETED), 0);
	assert_int_equal(transition(f, ids[4], STATUS_NOTSTARTED, STATUS_WAITING), 0);
	assert_int_equal(transition(f, ids[5], STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);

	assert_int_equal(store_list_runnable(f->store, f->workflow_id, "", 10, keep_list, seen), 0);
	wait_until(f, is_seen, seen);
	assert_int_equal(seen->count, 2);
	assert_string_equal(seen->ids[0], ids[2]);
	assert_string_equal(seen->ids[1], ids[3]);
	assert_int_equal(seen->payload_len, 7);

	*seen = (struct seen){0};
	assert_int_equal(store_list_interrupted(f->store, NULL, 2, keep_list, seen), 0);
	wait_until(f, is_seen, seen);
	assert_int_equal(seen->count, 2);
	assert_string_equal(seen->ids[0], ids[1]);
	assert_string_equal(seen->ids[1], ids[4]);
	assert_int_equal(seen->steps, 1);
	assert_int_equal(seen->payload_len, 7);
	*seen = (struct seen){0};
	assert_int_equal(store_list_interrupted(f->store, ids[4], 2, keep_list, seen), 0);
	wait_until(f, is_seen, seen);
	assert_int_equal(seen->count, 1);
	assert_string_equal(seen->ids[0], ids[5]);
	free(seen);
}

static void a_long_backlog_comes_in_pages_of_bounded_size(void **state)
{
	struct fixture *f = *state;
	struct seen *seen = calloc(1, sizeof(*seen));
	size_t len = (size_t)1 << 20;
	char *payload = malloc(len), last[ID_SIZE] = "";
	size_t total = 0;

	assert_non_null(seen);
	assert_non_null(payload);
	memset(payload, '1', len);
	for (int i = 0; i < 20; i++) {
		struct store_admit a = make_admit(f);
		a.payload = payload;
		a.payload_len = len;
		assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
		free_admit(&a);
	}
	do {
		*seen = (struct seen){0};
		assert_int_equal(store_list_runnable(f->store, f->workflow_id, last, 100, keep_list, seen), 0);
		wait_until(f, is_seen, seen);
		assert_true(seen->count <= 9);
		total += seen->count;
		if (seen->count > 0)
			memcpy(last, seen->ids[seen->count - 1], ID_SIZE);
	} while (seen->count > 0);
	assert_int_equal(total, 20);
	free(payload);
	free(seen);
}

struct closing {
	struct fixture *f;
	struct store_admit ops[600];
	struct store_admit late;
	int done;
};

static void on_late(struct store_op *op)
{
	op->done = NULL;
}

static void on_closed_over(struct store_op *op)
{
	struct store_admit *a = list_entry(op, struct store_admit, op);
	assert_int_equal(op->status, 0);
	free_admit(a);
	op->done = NULL;
}

static void on_last(struct store_op *op)
{
	struct closing *closing = list_entry(op, struct closing, ops[599].op);
	on_closed_over(op);
	closing->late = make_admit(closing->f);
	closing->late.op.kind = STORE_ADMIT;
	closing->late.op.done = on_late;
	store_submit(closing->f->store, &closing->late.op);
}

static void closing_commits_what_is_queued_and_calls_everybody_back(void **state)
{
	struct fixture *f = *state;
	struct closing *closing = calloc(1, sizeof(*closing));
	struct seen *reads = calloc(20, sizeof(*reads));

	assert_non_null(closing);
	assert_non_null(reads);
	closing->f = f;
	for (int i = 0; i < 600; i++) {
		closing->ops[i] = make_admit(f);
		closing->ops[i].op.kind = STORE_ADMIT;
		closing->ops[i].op.done = i == 599 ? on_last : on_closed_over;
		store_submit(f->store, &closing->ops[i].op);
	}
	for (int i = 0; i < 20; i++)
		store_list_runnable(f->store, f->workflow_id, NULL, 100, keep_list, &reads[i]);
	store_close(f->store);
	f->store = NULL;
	for (int i = 0; i < 600; i++)
		assert_null(closing->ops[i].op.done);
	assert_null(closing->late.op.done);
	assert_int_equal(closing->late.op.status, -ECANCELED);
	for (int i = 0; i < 20; i++) {
		assert_true(reads[i].done);
		assert_true(reads[i].status == 0 || reads[i].status == -ECANCELED);
	}
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(store_newest_event(f->store), 601);
	free(closing);
	free(reads);
}

struct page {
	bool done;
	char text[200];
	size_t count;
};

static bool is_paged(void *arg)
{
	return ((struct page *)arg)->done;
}

static void keep_page(void *arg, int status, const struct store_checkpoint *rows, size_t count)
{
	struct page *page = arg;
	size_t len = 0;
	assert_int_equal(status, 0);
	for (size_t i = 0; i < count && i < 5; i++)
		len += (size_t)snprintf(page->text + len, sizeof(page->text) - len, "%.*s=%.*s ", (int)rows[i].key_len,
					(const char *)rows[i].key, rows[i].value_len < 10 ? (int)rows[i].value_len : 10,
					(const char *)rows[i].value);
	page->count = count;
	page->done = true;
}

static struct page read_page(struct fixture *f, const char *scope, const char *after, size_t limit)
{
	struct page page = {0};
	assert_int_equal(store_page_kv(f->store, scope, after, strlen(after), limit, keep_page, &page), 0);
	wait_until(f, is_paged, &page);
	return page;
}

static void put(struct fixture *f, const char *scope, const char *key, const char *value)
{
	struct store_kv kv = {
		.scope = scope, .key = key, .key_len = strlen(key), .value = value, .value_len = strlen(value)};
	assert_int_equal(run_op(f, &kv.op, STORE_KV), 0);
}

static void a_page_of_large_values_ends_early(void **state)
{
	enum { VALUE = 1 << 20 };
	struct fixture *f = *state;
	static char value[VALUE + 1];
	memset(value, 'x', VALUE);
	for (char key[2] = "a"; key[0] <= 'f'; key[0]++)
		put(f, "open/large/p", key, value);
	assert_int_equal(read_page(f, "open/large/p", "", 100).count, 4);
	assert_int_equal(read_page(f, "open/large/p", "d", 100).count, 2);
	assert_int_equal(read_page(f, "open/large/p", "f", 100).count, 0);
}

static void state_is_read_in_pages_by_the_bytes_of_its_keys(void **state)
{
	struct fixture *f = *state;
	put(f, "open/w/p", "b", "2");
	put(f, "open/w/p", "\xc3\xa4", "5");
	put(f, "open/w/p", "ba", "3");
	put(f, "open/w/p", "B", "1");
	put(f, "open/w/p", "c", "4");
	put(f, "open/w/p2", "a", "0");
	put(f, "open/w/o", "z", "0");
	assert_string_equal(read_page(f, "open/w/p", "", 3).text, "B=1 b=2 ba=3 ");
	assert_string_equal(read_page(f, "open/w/p", "ba", 3).text, "c=4 \xc3\xa4=5 ");
	assert_int_equal(read_page(f, "open/w/p", "\xc3\xa4", 3).count, 0);
	assert_string_equal(read_page(f, "open/w/p", "a", 1).text, "b=2 ");
	assert_int_equal(read_page(f, "open/w/none", "", 3).count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_acknowledged_write_is_seen_by_the_next_read, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_reader_beside_the_writer_meets_no_hole, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(lists_filter_and_go_on_from_a_cursor, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(lists_filter_by_trigger_and_workflows, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_must_run_is_listed_oldest_first, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_long_backlog_comes_in_pages_of_bounded_size, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_page_of_large_values_ends_early, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(state_is_read_in_pages_by_the_bytes_of_its_keys, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(closing_commits_what_is_queued_and_calls_everybody_back, fixture_setup,
						fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
