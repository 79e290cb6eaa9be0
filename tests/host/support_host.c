#include "host/support_host.h"
#include <dlfcn.h>
#include <ftw.h>
#include <unistd.h>
#include "gateway/websocket.h"

static int saved_stderr = -1;
static FILE *captured;

void capture_begin(void)
{
	fflush(stderr);
	captured = tmpfile();
	assert_non_null(captured);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fileno(captured), STDERR_FILENO) >= 0);
}

char *capture_end(void)
{
	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	long size = (fseek(captured, 0, SEEK_END), ftell(captured));
	char *text = calloc(1, (size_t)size + 1);
	rewind(captured);
	if (fread(text, 1, (size_t)size, captured) != (size_t)size)
		text[0] = '\0';
	fclose(captured);
	return text;
}

struct catalog_entry fixture_entry(const char *id, struct workflow *w)
{
	struct catalog_entry entry = {.revision = 1, .slug = w->slug, .enabled = true, .workflow = w};
	snprintf(entry.id, sizeof(entry.id), "%s", id);
	return entry;
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static struct probe *find_probe(const char *name, void (**ret_reset)(void))
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.so", TEST_PLUGIN_DIR, name);
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(object);
	void *reset = dlsym(object, "probe_reset");
	void *instances = dlsym(object, "probe_instances");
	assert_non_null(reset);
	assert_non_null(instances);
	memcpy(ret_reset, &reset, sizeof(reset));
	return instances;
}

struct probe *probe_open_as(const char *object)
{
	void (*reset)(void);
	struct probe *p = find_probe(object, &reset);
	reset();
	return p;
}

struct probe *probe_open(void)
{
	return probe_open_as("probe");
}

static void open_parts(struct fixture *f)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/tappet.db", f->folder);
	const struct store_options store = {.path = path,
					    .loop = &f->loop,
					    .metrics = f->metrics,
					    .health = f->health,
					    .queue_max = f->queue_max ? f->queue_max : 100000,
					    .log_max = 65536,
					    .retention_events_ms = f->retention_events_ms,
					    .vfs = f->vfs};
	assert_int_equal(store_open(&store, &f->store), 0);
	char scratch[128];
	snprintf(scratch, sizeof(scratch), "%s/scratch", f->folder);
	const struct engine_options engine = {.loop = &f->loop,
					      .store = f->store,
					      .bus = f->bus,
					      .metrics = f->metrics,
					      .health = f->health,
					      .concurrency = 0,
					      .scratch = scratch,
					      .folder = f->folder,
					      .default_timeout_ms = 60000,
					      .log_max = 65536};
	assert_int_equal(engine_open(&engine, &f->engine), 0);
	struct gateway_options gateway = {.metrics = f->metrics};
	gateway_defaults(&gateway);
	gateway.loop = &f->loop;
	gateway.metrics = f->metrics;
	assert_int_equal(gateway_open(&gateway, &f->gateway), 0);
	const struct ws_client_options client = {.loop = &f->loop, .metrics = f->metrics};
	assert_int_equal(ws_client_open(&client, &f->ws_client), 0);
	const struct listener_options listener = {.address = "127.0.0.1:0", .surfaces = SURFACE_ALL};
	assert_int_equal(gateway_listen(f->gateway, &listener, &f->address), 0);
}

static void set_flag(void *arg, int status)
{
	assert_int_equal(status, 0);
	*(bool *)arg = true;
}

/* Who says so in a header is one. */
static bool is_admin(void *arg, struct http_request *request)
{
	(void)arg;
	if (http_header(request, "X-Admin"))
		return true;
	http_problem(request, 401, "unauthorized", "who asks?", 0);
	return false;
}

void fixture_open(struct fixture *f, bool full)
{
	if (!f->keeps_folder) {
		snprintf(f->folder, sizeof(f->folder), "/tmp/tappet-host-XXXXXX");
		assert_non_null(mkdtemp(f->folder));
	}
	diag_init(&f->diag);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	uv_timer_init(&f->loop, &f->tick);
	uv_timer_start(&f->tick, on_tick, 5, 5);
	assert_int_equal(post_open(&f->loop, &f->post), 0);
	assert_int_equal(metrics_open(&f->metrics), 0);
	assert_int_equal(health_open(&f->health), 0);
	assert_int_equal(bus_open(&f->bus), 0);
	if (full)
		open_parts(f);
	f->probe = probe_open();
	const struct host_options options = {.loop = &f->loop,
					     .post = f->post,
					     .store = f->store,
					     .engine = f->engine,
					     .bus = full ? f->bus : NULL,
					     .gateway = f->gateway,
					     .ws_client = f->ws_client,
					     .public_url = "https://hooks.example.org",
					     .admin = is_admin,
					     .metrics = f->metrics,
					     .health = f->health,
					     .plugin_folder = TEST_PLUGIN_DIR,
					     .folder = f->folder,
					     .payload_max = 1024 * 1024,
					     .credit_emissions = f->credit_emissions,
					     .credit_bytes = f->credit_bytes};
	assert_int_equal(host_open(&options, &f->host), 0);
	if (full) {
		bool loaded = false;
		assert_int_equal(engine_load(f->engine, set_flag, &loaded), 0);
		until(f, loaded);
		bool started = false;
		assert_int_equal(engine_start(f->engine, set_flag, &started), 0);
		until(f, started);
	}
}

int fixture_load(struct fixture *f, const char *name, const char *object, const char *with)
{
	char path[512];
	struct json *options = NULL;
	snprintf(path, sizeof(path), "%s/%s.so", TEST_PLUGIN_DIR, object);
	if (with)
		assert_int_equal(json_parse(with, strlen(with), &options, NULL), 0);
	const struct plugin_config config = {.name = (char *)(uintptr_t)name, .load = path, .with = options};
	int r = host_load(f->host, &config, NULL, &f->diag);
	json_free(options);
	return r;
}

void fixture_start(struct fixture *f)
{
	assert_int_equal(host_create(f->host, &f->diag), 0);
	assert_int_equal(host_start(f->host, &f->diag), 0);
}

struct workflow *fixture_workflow(const char *definition)
{
	struct json_file *file = NULL;
	struct workflow *w = NULL;
	struct diag d;
	diag_init(&d);
	assert_int_equal(json_file_parse("test.json", definition, strlen(definition), &d, &file), 0);
	if (workflow_parse(file, "test", NULL, &d, &w) < 0) {
		struct buf out;
		buf_init(&out, 65536);
		diag_print(&d, &out);
		fail_msg("%s", buf_cstr(&out));
	}
	json_file_free(file);
	diag_release(&d);
	return w;
}

static void on_settled(void *arg)
{
	*(bool *)arg = true;
}

void fixture_sync(struct fixture *f, const struct catalog_entry *entry)
{
	bool settled = false;
	host_sync(f->host, entry);
	struct host_settle settle = {.done = on_settled, .arg = &settled};
	host_settle(f->host, &settle);
	until(f, settled);
}

const struct catalog_entry *fixture_apply(struct fixture *f, const char *definition)
{
	bool done = false;
	struct workflow *w = fixture_workflow(definition);
	char slug[64];
	snprintf(slug, sizeof(slug), "%s", w->slug);
	assert_int_equal(engine_apply(f->engine,
				      &(struct engine_apply){
					      .workflows = &w,
					      .count = 1,
					      .from_folder = true,
					      .by = "test",
					      .done = set_flag,
					      .arg = &done,
				      }),
			 0);
	workflow_unref(w);
	until(f, done);
	const struct catalog_entry *entry = engine_find(f->engine, slug);
	assert_non_null(entry);
	fixture_sync(f, entry);
	return entry;
}

static void on_stopped(void *arg, const char *late)
{
	struct fixture *f = arg;
	f->stopped = true;
	snprintf(f->late, sizeof(f->late), "%s", late ? late : "");
}

void fixture_stop(struct fixture *f, int64_t deadline_ms)
{
	host_stop(f->host, deadline_ms, on_stopped, f);
	until(f, f->stopped);
}

static void set_done(void *arg)
{
	*(bool *)arg = true;
}

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void close_parts(struct fixture *f)
{
	bool stopped = false, closed = false;
	engine_stop(f->engine, 0, set_done, &stopped);
	until(f, stopped);
	host_free(f->host);
	gateway_close(f->gateway, set_done, &closed);
	until(f, closed);
	closed = false;
	ws_client_close(f->ws_client, set_done, &closed);
	until(f, closed);
	store_close(f->store);
	engine_free(f->engine);
	free(f->address);
}

void fixture_close(struct fixture *f)
{
	if (!f->stopped)
		fixture_stop(f, 10000);
	assert_string_equal(f->late, "");
	if (f->engine)
		close_parts(f);
	else
		host_free(f->host);
	bus_free(f->bus);
	post_close(f->post);
	uv_close((uv_handle_t *)&f->tick, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	metrics_free(f->metrics);
	health_free(f->health);
	diag_release(&f->diag);
	probe_open();
	if (!f->keeps_folder)
		nftw(f->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

bool diag_says(const struct diag *d, const char *text)
{
	for (size_t i = 0; i < d->count; i++)
		if (strstr(d->items[i].message, text))
			return true;
	return false;
}

double metric_read(const struct fixture *f, const char *prefix)
{
	struct buf out;
	double value = -1;
	buf_init(&out, 16 * 1024 * 1024);
	metrics_render(f->metrics, &out);
	const char *line = buf_cstr(&out);
	while (line && *line) {
		if (strncmp(line, prefix, strlen(prefix)) == 0) {
			value = strtod(line + strlen(prefix), NULL);
			break;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	buf_release(&out);
	return value;
}

char *health_of(const struct fixture *f, const char *workflow_id, const char *trigger_id)
{
	struct buf out;
	buf_init(&out, 65536);
	host_trigger_health(f->host, workflow_id, trigger_id, &out);
	return buf_detach(&out, NULL);
}
