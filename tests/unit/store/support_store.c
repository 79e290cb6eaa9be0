#include "unit/store/support_store.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define DEADLINE_MS 30000
#define TICK_MS 5

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

void fixture_init(struct fixture *f)
{
	*f = (struct fixture){.folder = "/tmp/tappet-store-XXXXXX"};
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/store.db", f->folder);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	uv_timer_init(&f->loop, &f->tick);
	assert_int_equal(metrics_open(&f->metrics), 0);
	assert_int_equal(health_open(&f->health), 0);
	id_source_init(&f->ids, 7);
	f->options = (struct store_options){.path = f->path,
					    .loop = &f->loop,
					    .metrics = f->metrics,
					    .health = f->health,
					    .queue_max = 1000000,
					    .log_max = 65536,
					    .ballast = 65536};
}

int fixture_open(struct fixture *f)
{
	int r = store_open(&f->options, &f->store);
	if (r == 0)
		id_source_seed(&f->ids, store_newest_id(f->store));
	return r;
}

void fixture_close(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	char name[400];
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(name);
	}
	closedir(dir);
	rmdir(folder);
}

void fixture_release(struct fixture *f)
{
	if (f->store)
		fixture_close(f);
	uv_close((uv_handle_t *)&f->tick, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	metrics_free(f->metrics);
	health_free(f->health);
	remove_folder(f->folder);
}

int fixture_setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	assert_non_null(f);
	fixture_init(f);
	assert_int_equal(fixture_open(f), 0);
	fixture_define(f);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	fixture_release(*state);
	free(*state);
	return 0;
}

void wait_until(struct fixture *f, bool (*done)(void *arg), void *arg)
{
	int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
	while (!done(arg)) {
		assert_true(clock_mono_ms() < deadline_ms);
		/* Again each time: `done` may itself have waited for something. */
		uv_timer_start(&f->tick, on_tick, TICK_MS, TICK_MS);
		uv_run(&f->loop, UV_RUN_ONCE);
	}
	uv_timer_stop(&f->tick);
}

static void on_done(struct store_op *op)
{
	op->done = NULL;
}

static bool is_done(void *arg)
{
	const struct store_op *op = arg;
	return !op->done;
}

void begin_op(struct fixture *f, struct store_op *op, enum store_kind kind)
{
	op->kind = kind;
	op->done = on_done;
	store_submit(f->store, op);
	/* Never from inside the call. */
	assert_non_null(op->done);
}

void end_op(struct fixture *f, struct store_op *op)
{
	wait_until(f, is_done, op);
}

int run_op(struct fixture *f, struct store_op *op, enum store_kind kind)
{
	begin_op(f, op, kind);
	end_op(f, op);
	return op->status;
}

void fixture_define(struct fixture *f)
{
	char ids[2][ID_SIZE];
	struct store_definition item = {
		.slug = "demo", .name = "Demo", .team = "Testers", .hash = "aa", .canonical = "{}", .canonical_len = 2};
	struct store_definitions d = {
		.items = &item, .count = 1, .new_ids = ids, .now_ms = NOW_MS, .by = "folder", .from_folder = true};
	id_next(&f->ids, NOW_MS, 0, ids[0]);
	id_next(&f->ids, NOW_MS, 0, ids[1]);
	if (run_op(f, &d.op, STORE_DEFINITIONS) == 0) {
		memcpy(f->workflow_id, item.ret_id, ID_SIZE);
		memcpy(f->revision_id, item.ret_revision_id, ID_SIZE);
	}
	store_events_free(d.ret_events, d.ret_event_count);
}

struct store_admit make_admit(struct fixture *f)
{
	struct store_admit a = {.workflow_id = f->workflow_id,
				.revision_id = f->revision_id,
				.trigger = "webhook",
				.trigger_id = "hook",
				.payload = "{\"a\":1}",
				.payload_len = 7,
				.params = "{}",
				.params_len = 2,
				.created_ms = NOW_MS,
				.occurred_ms = NOW_MS};
	id_next(&f->ids, NOW_MS, 3, a.id);
	return a;
}

void free_admit(struct store_admit *a)
{
	event_release(&a->ret_event);
	a->ret_event.data = NULL;
}

void admit(struct fixture *f, char ret_id[static ID_SIZE])
{
	struct store_admit a = make_admit(f);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_outcome, STORE_ADMITTED);
	memcpy(ret_id, a.id, ID_SIZE);
	free_admit(&a);
}

int transition(struct fixture *f, const char *id, enum status from, enum status to)
{
	struct store_transition t = {.from = from, .to = to, .now_ms = NOW_MS};
	memcpy(t.id, id, ID_SIZE);
	int r = run_op(f, &t.op, STORE_TRANSITION);
	store_events_free(t.ret_events, t.ret_event_count);
	return r;
}

struct seen {
	bool done;
	int status;
	enum status activity_status;
	struct event *events;
	size_t count;
	uint64_t oldest, total;
	int reason;
	char *text;
	size_t size;
};

static bool is_seen(void *arg)
{
	return ((struct seen *)arg)->done;
}

static void on_activity(void *arg, int status, const struct store_activity_row *row)
{
	struct seen *seen = arg;
	seen->status = status;
	if (row)
		seen->activity_status = row->status;
	seen->done = true;
}

int activity_status(struct fixture *f, const char *id)
{
	struct seen seen = {0};
	assert_int_equal(store_get_activity(f->store, id, on_activity, &seen), 0);
	wait_until(f, is_seen, &seen);
	return seen.status < 0 ? seen.status : (int)seen.activity_status;
}

static void on_events(void *arg, int status, const struct event *events, size_t count, uint64_t oldest)
{
	struct seen *seen = arg;
	seen->status = status;
	seen->oldest = oldest;
	seen->events = calloc(count + 1, sizeof(*events));
	for (size_t i = 0; i < count; i++)
		event_copy(&seen->events[i], &events[i]);
	seen->count = count;
	seen->done = true;
}

size_t read_all_events(struct fixture *f, uint64_t after, struct event **ret_events, uint64_t *ret_oldest)
{
	struct seen seen = {0};
	assert_int_equal(store_read_events(f->store, after, 100000, true, on_events, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_int_equal(seen.status, 0);
	if (ret_events)
		*ret_events = seen.events;
	else
		store_events_free(seen.events, seen.count);
	if (ret_oldest)
		*ret_oldest = seen.oldest;
	return seen.count;
}

static void on_kv(void *arg, int status, const struct store_checkpoint *rows, size_t count)
{
	struct seen *seen = arg;
	seen->status = status;
	if (status == 0 && count == 1)
		snprintf(seen->text, seen->size, "%.*s", (int)rows[0].value_len, (const char *)rows[0].value);
	seen->done = true;
}

int read_key(struct fixture *f, const char *scope, const char *key, char *to, size_t size)
{
	struct seen seen = {.text = to, .size = size};
	assert_int_equal(store_get_kv(f->store, scope, key, strlen(key), on_kv, &seen), 0);
	wait_until(f, is_seen, &seen);
	return seen.status;
}

static void on_refusals(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct seen *seen = arg;
	seen->status = status;
	for (size_t i = 0; i < count; i++)
		if (rows[i].reason == seen->reason)
			seen->total += rows[i].count;
	seen->done = true;
}

uint64_t refusal_count(struct fixture *f, int reason)
{
	struct seen seen = {.reason = reason};
	assert_int_equal(store_list_refusals(f->store, f->workflow_id, 0, 0, 1000, on_refusals, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_int_equal(seen.status, 0);
	return seen.total;
}

double read_metric(struct fixture *f, const char *name)
{
	return metric_value(metrics_counter(f->metrics, name, "", NULL));
}
