#include "support_api.h"

#include <ftw.h>
#include <signal.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "model/surface.h"

#define DEADLINE_MS 20000

static const char *const definitions[][2] = {
	{"hello",
	 "{\"name\":\"Hello\",\"team\":\"Tests\",\"params\":{\"name\":{\"type\":\"string\",\"default\":\"world\"}},"
	 "\"triggers\":[{\"id\":\"push\",\"plugin\":\"webhook\"}],\"steps\":["
	 "{\"id\":\"greet\",\"script\":[\"#!/bin/sh\",\"echo hello $TAPPET_PARAM_NAME\","
	 "\"echo greeting=hi >> \\\"$TAPPET_OUTPUT\\\"\"]},{\"id\":\"pause\",\"sleep\":\"1ms\"}]}"},
	{"slow", "{\"steps\":[{\"id\":\"rest\",\"sleep\":\"1h\"}]}"},
	{"quick", "{\"steps\":[{\"id\":\"rest\",\"sleep\":\"1ms\"}]}"},
	{"talk",
	 "{\"params\":{\"file\":{\"type\":\"string\",\"default\":\"/\"}},\"steps\":[{\"id\":\"talk\",\"script\":["
	 "\"#!/bin/sh\",\"echo one\",\"while [ ! -e \\\"$TAPPET_PARAM_FILE\\\" ]; do sleep 0.02; done\","
	 "\"echo two\"]},{\"id\":\"after\",\"run\":[\"echo\",\"three\"]}]}"},
	{"locked", "{\"manual\":false,\"steps\":[{\"id\":\"rest\",\"sleep\":\"1ms\"}]}"},
};
#define DEFINITION_COUNT (sizeof(definitions) / sizeof(definitions[0]))

/* ---- Turning the loop ------------------------------------------------------------------------------------------ */

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

void turn_until(struct fixture *f, bool (*ready)(void *arg), void *arg)
{
	const int64_t end_ms = clock_mono_ms() + DEADLINE_MS;
	uv_timer_t tick;
	uv_timer_init(&f->loop, &tick);
	uv_timer_start(&tick, on_tick, 20, 20);
	while (!ready(arg) && clock_mono_ms() < end_ms)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_true(ready(arg));
}

static bool is_set(void *arg)
{
	return *(bool *)arg;
}

struct waiter {
	bool over;
	int status;
};

static void on_done(void *arg, int status)
{
	struct waiter *w = arg;
	w->status = status;
	w->over = true;
}

static void on_over(void *arg)
{
	on_done(arg, 0);
}

/* ---- The fixture ----------------------------------------------------------------------------------------------- */

static void fake_schema(void *arg, struct buf *out)
{
	(void)arg;
	(void)buf_str(out, "{}");
}

static void fake_plugins(void *arg, struct buf *out)
{
	(void)arg;
	buf_str(out, "[{\"name\":\"webhook\"}]");
}

static void fake_trigger_health(void *arg, const char *workflow_id, const char *trigger_id, struct buf *out)
{
	(void)arg;
	(void)workflow_id;
	(void)trigger_id;
	buf_str(out, "{\"state\":\"running\"}");
}

static void fake_reload(void *arg, void (*done)(void *done_arg, int status, const char *mistakes), void *done_arg)
{
	struct fixture *f = arg;
	if (f->hold_reload) {
		f->held = done;
		f->held_arg = done_arg;
		return;
	}
	done(done_arg, f->reload_status, f->reload_mistakes);
}

static void fake_enabled(void *arg, const char *workflow_id, void (*done)(void *done_arg), void *done_arg)
{
	struct fixture *f = arg;
	assert_int_equal(strlen(workflow_id), 24);
	f->switched++;
	f->in_line = done;
	f->in_line_arg = done_arg;
	if (!f->hold_switch)
		done(done_arg);
}

static struct workflow *parse(const char *slug, const char *text)
{
	struct json_file *file = NULL;
	struct workflow *w = NULL;
	struct diag d;
	diag_init(&d);
	assert_int_equal(json_file_parse(slug, text, strlen(text), &d, &file), 0);
	assert_int_equal(workflow_parse(file, slug, NULL, &d, &w), 0);
	json_file_free(file);
	diag_release(&d);
	return w;
}

static void load_engine(struct fixture *f)
{
	struct workflow *workflows[DEFINITION_COUNT];
	struct waiter loaded = {0}, applied = {0}, started = {0};
	assert_int_equal(engine_load(f->engine, on_done, &loaded), 0);
	turn_until(f, is_set, &loaded.over);
	assert_int_equal(loaded.status, 0);
	for (size_t i = 0; i < DEFINITION_COUNT; i++)
		workflows[i] = parse(definitions[i][0], definitions[i][1]);
	assert_int_equal(engine_apply(f->engine,
				      &(struct engine_apply){
					      .workflows = workflows,
					      .count = DEFINITION_COUNT,
					      .complete = true,
					      .from_folder = true,
					      .by = "folder",
					      .done = on_done,
					      .arg = &applied,
				      }),
			 0);
	turn_until(f, is_set, &applied.over);
	assert_int_equal(applied.status, 0);
	for (size_t i = 0; i < DEFINITION_COUNT; i++)
		workflow_unref(workflows[i]);
	assert_int_equal(engine_start(f->engine, on_done, &started), 0);
	turn_until(f, is_set, &started.over);
	assert_int_equal(started.status, 0);
}

static void open_store_and_engine(struct fixture *f, int64_t retention_events_ms)
{
	char path[128], scratch[128];
	snprintf(path, sizeof(path), "%s/tappet.db", f->folder);
	snprintf(scratch, sizeof(scratch), "%s/scratch", f->folder);
	const struct store_options store = {.path = path,
					    .loop = &f->loop,
					    .metrics = f->metrics,
					    .health = f->health,
					    .queue_max = 1000,
					    .log_max = 65536,
					    .retention_events_ms = retention_events_ms};
	assert_int_equal(store_open(&store, &f->store), 0);
	const struct engine_options engine = {.loop = &f->loop,
					      .store = f->store,
					      .bus = f->bus,
					      .metrics = f->metrics,
					      .health = f->health,
					      .concurrency = 4,
					      .scratch = scratch,
					      .folder = f->folder,
					      .log_max = 65536};
	assert_int_equal(engine_open(&engine, &f->engine), 0);
}

static void open_gateway(struct fixture *f)
{
	struct gateway_options options;
	char *address = NULL;
	gateway_defaults(&options);
	options.loop = &f->loop;
	options.metrics = f->metrics;
	assert_int_equal(gateway_open(&options, &f->gateway), 0);
	snprintf(f->socket, sizeof(f->socket), "%s/control.sock", f->folder);
	const struct listener_options control = {
		.address = f->socket, .is_unix = true, .mode = 0600, .surfaces = SURFACE_ALL, .control = true};
	assert_int_equal(gateway_listen(f->gateway, &control, NULL), 0);
	const struct listener_options tcp = {.address = "127.0.0.1:0", .surfaces = SURFACE_ALL};
	assert_int_equal(gateway_listen(f->gateway, &tcp, &address), 0);
	f->port = (int)strtol(strrchr(address, ':') + 1, NULL, 10);
	free(address);
}

void open_api(struct fixture *f)
{
	const struct api_options options = {
		.loop = &f->loop,
		.gateway = f->gateway,
		.engine = f->engine,
		.store = f->store,
		.bus = f->bus,
		.metrics = f->metrics,
		.health = f->health,
		.admin_token = ADMIN_TOKEN,
		.public_url = "https://hooks.example.org:8443/x",
		.body_max = 65536,
		.arg = f,
		.plugins = fake_plugins,
		.config_schema = fake_schema,
		.trigger_health = fake_trigger_health,
		.reload = fake_reload,
		.enabled = fake_enabled,
	};
	assert_int_equal(api_open(&options, &f->api), 0);
}

static int open_fixture(void **state, int64_t retention_events_ms)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	log_setup(LOG_ERROR, false);
	signal(SIGPIPE, SIG_IGN); /* as daemon/ does */
	snprintf(f->folder, sizeof(f->folder), "/tmp/tappet-api-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(metrics_open(&f->metrics), 0);
	assert_int_equal(health_open(&f->health), 0);
	assert_int_equal(bus_open(&f->bus), 0);
	open_store_and_engine(f, retention_events_ms);
	open_gateway(f);
	open_api(f);
	load_engine(f);
	api_ready(f->api, true);
	*state = f;
	return 0;
}

int fixture_open(void **state)
{
	return open_fixture(state, 0);
}

int fixture_open_forgetful(void **state)
{
	return open_fixture(state, 1);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info;
	(void)type;
	(void)place;
	return remove(path);
}

int fixture_close(void **state)
{
	struct fixture *f = *state;
	struct waiter stopped = {0}, closed = {0};
	api_free(f->api);
	engine_stop(f->engine, 0, on_over, &stopped);
	turn_until(f, is_set, &stopped.over);
	gateway_close(f->gateway, on_over, &closed);
	turn_until(f, is_set, &closed.over);
	store_close(f->store);
	engine_free(f->engine);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	bus_free(f->bus);
	health_free(f->health);
	metrics_free(f->metrics);
	nftw(f->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}
