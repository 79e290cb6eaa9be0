#include "cli/offline.h"

#include <errno.h>
#include <uv.h>
#include "base/metrics.h"
#include "bus/bus.h"
#include "engine/engine.h"

struct offline {
	uv_loop_t loop;
	struct metrics *metrics;
	struct health *health;
	struct bus *bus;
	struct store *store;
	struct engine *engine;
	char *scratch;
	struct workflow **workflows;
	size_t workflow_count;
	const char *slug, *label;
	char *secret;
	int status;
	bool over;
};

static void on_stopped(void *arg)
{
	struct offline *o = arg;
	o->over = true;
}

static void finish(struct offline *o, int status)
{
	o->status = status;
	engine_stop(o->engine, 0, on_stopped, o);
}

static void on_token(void *arg, int status, const char *secret, const struct access_token *token)
{
	struct offline *o = arg;
	(void)token;
	if (status == 0) {
		o->secret = strdup(secret);
		status = o->secret ? 0 : -ENOMEM;
	}
	finish(o, status);
}

static void on_applied(void *arg, int status)
{
	struct offline *o = arg;
	const struct catalog_entry *entry = status < 0 ? NULL : engine_find(o->engine, o->slug);
	if (!entry) {
		finish(o, status < 0 ? status : -ENOENT);
		return;
	}
	const char *const ids[] = {entry->id};
	const struct access_request request = {.label = o->label, .workflow_ids = ids, .workflow_count = 1};
	int r = access_create(o->engine, &request, on_token, o);
	if (r < 0)
		finish(o, r);
}

static void on_loaded(void *arg, int status)
{
	struct offline *o = arg;
	if (status == 0)
		status = engine_apply(o->engine, &(struct engine_apply){
							 .workflows = o->workflows,
							 .count = o->workflow_count,
							 .from_folder = true,
							 .by = "init",
							 .done = on_applied,
							 .arg = o,
						 });
	if (status < 0)
		finish(o, status);
}

static int open_parts(struct offline *o, const struct config *config)
{
	const char *slash = strrchr(config->store_path, '/');
	const int folder = slash ? (int)(slash - config->store_path) : 0;
	int r;
	if ((r = metrics_open(&o->metrics)) < 0 || (r = health_open(&o->health)) < 0 || (r = bus_open(&o->bus)) < 0)
		return r;
	if (asprintf(&o->scratch, "%.*s/scratch", folder, config->store_path) < 0) {
		o->scratch = NULL;
		return -ENOMEM;
	}
	const struct store_options store = {
		.path = config->store_path,
		.loop = &o->loop,
		.metrics = o->metrics,
		.health = o->health,
		.queue_max = config->queue_max,
		.log_max = config->log_max,
		.retention_activities_ms = config->retention_activities_ms,
		.retention_events_ms = config->retention_events_ms,
		.retention_activities_max = config->retention_activities_max,
		.retention_events_max = config->retention_events_max,
	};
	r = store_open(&store, &o->store);
	if (r < 0)
		return r;
	const struct engine_options engine = {
		.loop = &o->loop,
		.store = o->store,
		.bus = o->bus,
		.metrics = o->metrics,
		.health = o->health,
		.concurrency = 0,
		.scratch = o->scratch,
		.folder = config->folder,
		.default_timeout_ms = config->default_timeout_ms,
		.log_max = config->log_max,
	};
	return engine_open(&engine, &o->engine);
}

static void close_parts(struct offline *o)
{
	if (o->store)
		store_close(o->store);
	engine_free(o->engine);
	uv_run(&o->loop, UV_RUN_DEFAULT);
	bus_free(o->bus);
	health_free(o->health);
	metrics_free(o->metrics);
	free(o->scratch);
	free(o->workflows);
}

static int gather_workflows(struct offline *o, const struct definitions *defs)
{
	o->workflows = calloc(defs->count + 1, sizeof(struct workflow *));
	if (!o->workflows)
		return -ENOMEM;
	for (size_t i = 0; i < defs->count; i++)
		if (defs->items[i].workflow)
			o->workflows[o->workflow_count++] = defs->items[i].workflow;
	return 0;
}

int offline_create_token(const struct config *config, const struct definitions *defs, const char *slug,
			 const char *label, char **ret_secret)
{
	struct offline o = {.slug = slug, .label = label};
	int r = uv_loop_init(&o.loop);
	if (r < 0)
		return r;
	r = gather_workflows(&o, defs);
	if (r == 0)
		r = open_parts(&o, config);
	if (r == 0)
		r = engine_load(o.engine, on_loaded, &o);
	while (r == 0 && !o.over)
		uv_run(&o.loop, UV_RUN_ONCE);
	if (r == 0)
		r = o.status;
	close_parts(&o);
	uv_loop_close(&o.loop);
	if (r < 0) {
		secret_free(o.secret, o.secret ? strlen(o.secret) : 0);
		return r;
	}
	*ret_secret = o.secret;
	return 0;
}
