#include "unit/engine/support_engine.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/workflow.h"

/* ---- The rig -------------------------------------------------------------------------------------------------- */

int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	(void)snprintf(r->folder, sizeof(r->folder), "/tmp/tappet-engine-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	r->options.concurrency = 16;
	r->options.log_max = 1024 * 1024;
	r->options.default_timeout_ms = 60000;
	r->queue_max = 100000;
	*state = r;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int rig_teardown(void **state)
{
	struct rig *r = *state;

	(void)nftw(r->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(r);
	return 0;
}

static void beat(uv_timer_t *timer)
{
	(void)timer;
}

void rig_turn(struct rig *r)
{
	(void)uv_run(&r->loop, UV_RUN_ONCE);
}

void rig_until(struct rig *r, bool (*check)(void *arg), void *arg)
{
	int64_t end_ms = clock_mono_ms() + WAIT_MS;

	while (!check(arg)) {
		if (clock_mono_ms() > end_ms)
			fail_msg("waited for nothing");
		rig_turn(r);
	}
}

struct waited {
	bool done;
	int status;
};

static bool is_done(void *arg)
{
	return ((struct waited *)arg)->done;
}

static void note(void *arg, int status)
{
	struct waited *w = arg;

	w->status = status;
	w->done = true;
}

static void open_store(struct rig *r)
{
	char path[128];
	struct store_options options = {
		.loop = &r->loop,
		.metrics = r->metrics,
		.health = r->health,
		.queue_max = r->queue_max,
		.log_max = r->options.log_max,
	};

	rig_path(r, "store.db", path);
	options.path = path;
	assert_int_equal(store_open(&options, &r->store), 0);
}

void rig_open(struct rig *r)
{
	struct waited w = {0};
	char scratch[128];

	assert_int_equal(uv_loop_init(&r->loop), 0);
	assert_int_equal(uv_timer_init(&r->loop, &r->heart), 0);
	assert_int_equal(uv_timer_start(&r->heart, beat, 2, 2), 0);
	assert_int_equal(metrics_open(&r->metrics), 0);
	assert_int_equal(health_open(&r->health), 0);
	assert_int_equal(bus_open(&r->bus), 0);
	open_store(r);
	rig_path(r, "scratch", scratch);
	r->options.loop = &r->loop;
	r->options.store = r->store;
	r->options.bus = r->bus;
	r->options.metrics = r->metrics;
	r->options.health = r->health;
	r->options.scratch = scratch;
	r->options.folder = r->folder;
	assert_int_equal(engine_open(&r->options, &r->engine), 0);
	assert_int_equal(engine_load(r->engine, note, &w), 0);
	rig_until(r, is_done, &w);
	assert_int_equal(w.status, 0);
}

void rig_start(struct rig *r)
{
	struct waited w = {0};

	assert_int_equal(engine_start(r->engine, note, &w), 0);
	rig_until(r, is_done, &w);
	assert_int_equal(w.status, 0);
}

void rig_up(struct rig *r)
{
	rig_open(r);
	rig_start(r);
}

static void note_stop(void *arg)
{
	note(arg, 0);
}

void rig_down(struct rig *r, int64_t drain_ms)
{
	struct waited w = {0};

	engine_stop(r->engine, drain_ms, note_stop, &w);
	rig_until(r, is_done, &w);
	rig_release(r);
}

void rig_release(struct rig *r)
{
	store_close(r->store);
	engine_free(r->engine);
	bus_free(r->bus);
	health_free(r->health);
	metrics_free(r->metrics);
	uv_close((uv_handle_t *)&r->heart, NULL);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&r->loop), 0);
}

/* ---- Definitions ---------------------------------------------------------------------------------------------- */

static struct workflow *parse(const char *slug, const char *definition)
{
	struct json_file *file;
	struct workflow *w = NULL;
	struct diag d;

	diag_init(&d);
	assert_int_equal(json_file_parse("test.json", definition, strlen(definition), &d, &file), 0);
	if (workflow_parse(file, slug, NULL, &d, &w) < 0)
		fail_msg("%s", d.items[0].message);
	json_file_free(file);
	diag_release(&d);
	return w;
}

int rig_apply(struct rig *r, const char *slug, const char *definition, bool complete)
{
	struct workflow *w = definition ? parse(slug, definition) : NULL;
	struct waited done = {0};

	assert_int_equal(engine_apply(r->engine, &w, w ? 1 : 0, complete, "folder", NULL, note, &done), 0);
	workflow_unref(w);
	rig_until(r, is_done, &done);
	return done.status;
}

const struct catalog_entry *rig_define(struct rig *r, const char *slug, const char *definition)
{
	const struct catalog_entry *entry;

	assert_int_equal(rig_apply(r, slug, definition, false), 0);
	entry = engine_find(r->engine, slug);
	assert_non_null(entry);
	return entry;
}

/* ---- Emissions ------------------------------------------------------------------------------------------------ */

static void on_answer(void *arg, const struct engine_result *result)
{
	struct answer *a = arg;

	assert_false(a->here);
	a->result = *result;
	(void)snprintf(a->id, sizeof(a->id), "%s", result->activity_id);
	(void)snprintf(a->key, sizeof(a->key), "%.*s", (int)result->dedup_key_len, result->dedup_key);
	(void)snprintf(a->detail, sizeof(a->detail), "%s", result->detail);
	a->here = true;
}

void rig_emit(struct rig *r, const struct engine_emission *emission, struct answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(engine_emit(r->engine, emission, on_answer, ret), 0);
	assert_false(ret->here);
}

static bool is_here(void *arg)
{
	return ((struct answer *)arg)->here;
}

void rig_answer(struct rig *r, struct answer *a)
{
	rig_until(r, is_here, a);
}

void rig_run(struct rig *r, const char *slug, const char *params, char ret_id[static ID_SIZE])
{
	const struct catalog_entry *entry = engine_find(r->engine, slug);
	struct engine_emission emission = {.trigger = "manual", .trigger_id = "manual"};
	struct answer a;

	assert_non_null(entry);
	emission.workflow_id = entry->id;
	emission.params = params;
	emission.params_len = params ? strlen(params) : 0;
	rig_emit(r, &emission, &a);
	rig_answer(r, &a);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	memcpy(ret_id, a.id, ID_SIZE);
}
