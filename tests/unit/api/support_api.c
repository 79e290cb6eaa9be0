#include "support_api.h"

#include <ftw.h>
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
	done(done_arg, f->reload_status, f->reload_mistakes);
}

static void fake_enabled(void *arg, const char *workflow_id)
{
	struct fixture *f = arg;
	assert_int_equal(strlen(workflow_id), 24);
	f->switched++;
}

static struct workflow *parse(const char *slug, const char *text)
{
	struct json_file *file = NULL;
	struct workflow *w = NULL;
	struct diag d;
	diag_init(&d);
	assert_int_equal(json_file_parse(slug, text, strlen(text), &d, &file), 0);
	assert_int_equal(workflow_parse(file, slug, NULL, NULL, &d, &w), 0);
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
	assert_int_equal(engine_apply(f->engine, workflows, DEFINITION_COUNT, true, "folder", NULL, on_done, &applied),
			 0);
	turn_until(f, is_set, &applied.over);
	assert_int_equal(applied.status, 0);
	for (size_t i = 0; i < DEFINITION_COUNT; i++)
		workflow_unref(workflows[i]);
	assert_int_equal(engine_start(f->engine, on_done, &started), 0);
	turn_until(f, is_set, &started.over);
	assert_int_equal(started.status, 0);
}

static void open_store_and_engine(struct fixture *f)
{
	char path[128], scratch[128];
	snprintf(path, sizeof(path), "%s/tappet.db", f->folder);
	snprintf(scratch, sizeof(scratch), "%s/scratch", f->folder);
	const struct store_options store = {.path = path,
					    .loop = &f->loop,
					    .metrics = f->metrics,
					    .health = f->health,
					    .queue_max = 1000,
					    .log_max = 65536};
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

static void open_api(struct fixture *f)
{
	const struct api_options options = {
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
		.trigger_health = fake_trigger_health,
		.reload = fake_reload,
		.enabled = fake_enabled,
	};
	assert_int_equal(api_open(&options, &f->api), 0);
}

int fixture_open(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	log_setup(LOG_ERROR, false);
	snprintf(f->folder, sizeof(f->folder), "/tmp/tappet-api-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(metrics_open(&f->metrics), 0);
	assert_int_equal(health_open(&f->health), 0);
	assert_int_equal(bus_open(&f->bus), 0);
	open_store_and_engine(f);
	open_gateway(f);
	open_api(f);
	load_engine(f);
	api_ready(f->api, true);
	*state = f;
	return 0;
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

/* ---- The client ------------------------------------------------------------------------------------------------ */

struct exchange {
	struct fixture *f;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} as;
	uv_connect_t connect;
	uv_write_t write;
	struct buf request, answer;
	bool over, closed;
};

static void on_closed(uv_handle_t *handle)
{
	struct exchange *x = handle->data;
	x->closed = true;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	(void)handle;
	*ret = uv_buf_init(malloc(size), (unsigned)size);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct exchange *x = stream->data;
	if (n > 0)
		buf_append(&x->answer, buf->base, (size_t)n);
	else if (n < 0)
		x->over = true;
	free(buf->base);
}

static void on_written(uv_write_t *write, int status)
{
	(void)write;
	(void)status;
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct exchange *x = connect->data;
	assert_int_equal(status, 0);
	uv_buf_t piece = uv_buf_init(x->request.data, (unsigned)x->request.len);
	uv_write(&x->write, &x->as.stream, &piece, 1, on_written);
	uv_read_start(&x->as.stream, on_alloc, on_read);
}

static struct exchange *prepare(struct fixture *f, const char *method, const char *path, const char *host,
				const char *headers, const char *body)
{
	struct exchange *x = calloc(1, sizeof(*x));
	assert_non_null(x);
	x->f = f;
	x->connect.data = x;
	buf_init(&x->request, 1024 * 1024);
	buf_init(&x->answer, (size_t)64 * 1024 * 1024);
	buf_printf(&x->request, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s", method, path, host, headers);
	if (body)
		buf_printf(&x->request, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	else
		buf_str(&x->request, "\r\n");
	return x;
}

struct exchange *exchange_start(struct fixture *f, const char *method, const char *path, const char *body)
{
	struct exchange *x = prepare(f, method, path, "localhost", "", body);
	uv_pipe_init(&f->loop, &x->as.pipe, 0);
	x->as.handle.data = x;
	uv_pipe_connect(&x->connect, &x->as.pipe, f->socket, on_connected);
	return x;
}

struct reply exchange_end(struct exchange *x)
{
	struct reply r = {0};
	turn_until(x->f, is_set, &x->over);
	uv_close(&x->as.handle, on_closed);
	turn_until(x->f, is_set, &x->closed);
	r.text = buf_detach(&x->answer, NULL);
	assert_non_null(r.text);
	assert_int_equal(sscanf(r.text, "HTTP/1.1 %d", &r.status), 1);
	const char *end = strstr(r.text, "\r\n\r\n");
	assert_non_null(end);
	r.body = end + 4;
	if (r.body[0])
		json_parse(r.body, strlen(r.body), &r.json, NULL);
	buf_release(&x->request);
	free(x);
	return r;
}

struct reply call(struct fixture *f, const char *method, const char *path, const char *body)
{
	return exchange_end(exchange_start(f, method, path, body));
}

struct reply call_tcp(struct fixture *f, const char *method, const char *path, const char *host, const char *headers)
{
	struct exchange *x = prepare(f, method, path, host, headers, NULL);
	struct sockaddr_in address;
	uv_ip4_addr("127.0.0.1", f->port, &address);
	uv_tcp_init(&f->loop, &x->as.tcp);
	x->as.handle.data = x;
	uv_tcp_connect(&x->connect, &x->as.tcp, (const struct sockaddr *)&address, on_connected);
	return exchange_end(x);
}

void reply_release(struct reply *r)
{
	json_free(r->json);
	free(r->text);
	*r = (struct reply){0};
}

const char *reply_header(const struct reply *r, const char *name)
{
	char line[128];
	snprintf(line, sizeof(line), "\r\n%s: ", name);
	const char *at = strcasestr(r->text, line);
	return at && at < r->body ? at + strlen(line) : NULL;
}

void run_workflow(struct fixture *f, const char *slug, char id[static 25])
{
	char path[64];
	snprintf(path, sizeof(path), "/api/v1/workflows/%s/run", slug);
	struct reply r = call(f, "POST", path, "{}");
	assert_int_equal(r.status, 200);
	const char *text = json_get_str(r.json, "activityId");
	assert_non_null(text);
	assert_int_equal(strlen(text), 24);
	snprintf(id, 25, "%s", text);
	reply_release(&r);
}

void await_status(struct fixture *f, const char *id, const char *status)
{
	const int64_t end_ms = clock_mono_ms() + DEADLINE_MS;
	char path[64];
	bool found = false;
	snprintf(path, sizeof(path), "/api/v1/activities/%s", id);
	while (!found && clock_mono_ms() < end_ms) {
		struct reply r = call(f, "GET", path, NULL);
		const char *is = json_get_str(r.json, "status");
		found = is && strcmp(is, status) == 0;
		reply_release(&r);
	}
	assert_true(found);
}
