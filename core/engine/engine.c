#include "engine/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

char *text_printf(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	return r < 0 ? NULL : text;
}

/* ---- Opening and freeing -------------------------------------------------------------------------------------- */

static int copy_text(char **to, const char *from)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int copy_env(struct engine *e, const struct engine_options *o)
{
	e->env = calloc(o->env_count + 1, sizeof(*e->env));
	if (!e->env)
		return -ENOMEM;
	for (size_t i = 0; i < o->env_count; i++) {
		e->env[i].name = strdup(o->env[i].name);
		e->env[i].value = strdup(o->env[i].value);
		if (!e->env[i].name || !e->env[i].value)
			return -ENOMEM;
	}
	return 0;
}

static int copy_options(struct engine *e, const struct engine_options *o)
{
	int r;

	e->options = *o;
	if (e->options.window == 0)
		e->options.window = ENGINE_WINDOW_DEFAULT;
	r = copy_text(&e->scratch, o->scratch);
	if (r == 0)
		r = copy_text(&e->folder, o->folder ? o->folder : ".");
	if (r == 0)
		r = copy_text(&e->launch_helper, o->launch_helper);
	if (r == 0)
		r = copy_env(e, o);
	e->options.scratch = e->scratch;
	e->options.folder = e->folder;
	e->options.launch_helper = e->launch_helper;
	e->options.env = e->env;
	return r;
}

static void init_parts(struct engine *e)
{
	list_init(&e->log_paused);
	metric_sources_init(e);
	catalog_init(e);
	access_init(e);
	refusals_init(e);
	scheduler_init(e);
	parked_init(e);
	map_init(&e->children);
	waits_init(e);
}

int engine_open(const struct engine_options *options, struct engine **ret)
{
	struct engine *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->loop = options->loop;
	e->store = options->store;
	init_parts(e);
	r = copy_options(e, options);
	if (r < 0)
		goto fail;
	r = -ENOMEM;
	e->ready = calloc(2 * WORKFLOW_STEPS_MAX, sizeof(*e->ready));
	if (!e->ready)
		goto fail;
	e->skipped = e->ready + WORKFLOW_STEPS_MAX;
	if (mkdir(e->scratch, 0700) < 0 && errno != EEXIST) {
		r = -errno;
		goto fail;
	}
	engine_metrics_init(e);
	id_source_init(&e->ids, 0);
	id_source_seed(&e->ids, store_newest_id(e->store));
	memcpy(e->ingest.last_id, store_newest_id(e->store), strnlen(store_newest_id(e->store), ID_LEN));
	*ret = e;
	return 0;
fail:
	engine_free(e);
	return r;
}

static void free_env(struct engine *e)
{
	for (size_t i = 0; e->env && i < e->options.env_count; i++) {
		free((char *)(uintptr_t)e->env[i].name);
		free((char *)(uintptr_t)e->env[i].value);
	}
	free(e->env);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	scheduler_release(e);
	parked_release(e);
	children_release(e);
	waits_release(e);
	refusals_release(e);
	access_release(e);
	catalog_release(e);
	metric_sources_release(e);
	free_env(e);
	free(e->ready);
	free(e->scratch);
	free(e->folder);
	free(e->launch_helper);
	free(e);
}

struct id_source *engine_ids(struct engine *e)
{
	return &e->ids;
}

/* ---- Loading and starting ------------------------------------------------------------------------------------- */

struct load {
	struct engine *engine;
	void (*done)(void *arg, int status);
	void *arg;
};

static void load_finish(struct load *l, int status)
{
	void (*done)(void *arg, int status) = l->done;
	void *arg = l->arg;

	free(l);
	done(arg, status);
}

static void load_tokens(void *arg, int status, const struct store_token_record *rows, size_t count)
{
	struct load *l = arg;

	load_finish(l, status < 0 ? status : access_load(l->engine, rows, count));
}

static void load_workflows(void *arg, int status, const struct store_workflow_row *rows, size_t count)
{
	struct load *l = arg;

	if (status == 0)
		status = catalog_load(l->engine, rows, count);
	if (status == 0)
		status = store_list_tokens(l->engine->store, load_tokens, l);
	if (status < 0)
		load_finish(l, status);
}

static int load_new(struct engine *e, void (*done)(void *arg, int status), void *arg, struct load **ret)
{
	struct load *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	*l = (struct load){.engine = e, .done = done, .arg = arg};
	*ret = l;
	return 0;
}

int engine_load(struct engine *e, void (*done)(void *arg, int status), void *arg)
{
	struct load *l;
	int r = load_new(e, done, arg, &l);

	if (r < 0)
		return r;
	r = store_list_workflows(e->store, load_workflows, l);
	if (r < 0)
		free(l);
	return r;
}

static void start_finish(struct engine *e, int status)
{
	void (*done)(void *arg, int status) = e->start_done;

	e->start_done = NULL;
	if (status == 0 && !e->stopping) {
		e->scheduler.started = true;
		scratch_clean(e);
		scheduler_run(e);
	}
	if (e->options.health)
		health_set(e->options.health, "engine", status < 0 ? HEALTH_DOWN : HEALTH_OK,
			   status < 0 ? "what was interrupted cannot be taken up again" : NULL);
	done(e->start_arg, status);
}

static void recovered(struct engine *e, int status)
{
	if (status == 0 && !e->stopping)
		status = queues_open(e, start_finish);
	else if (status == 0)
		status = -ECANCELED;
	if (status < 0)
		start_finish(e, status);
}

static void leftovers_gone(struct engine *e, int status)
{
	if (status < 0 || e->stopping)
		start_finish(e, status < 0 ? status : -ECANCELED);
	else
		recover_start(e, recovered);
}

int engine_start(struct engine *e, void (*done)(void *arg, int status), void *arg)
{
	int r;

	if (e->stopping)
		return -ESHUTDOWN;
	if (e->options.health)
		health_set(e->options.health, "engine", HEALTH_STARTING, "looking for interrupted activities");
	e->start_done = done;
	e->start_arg = arg;
	r = leftover_end(e, leftovers_gone);
	if (r < 0)
		e->start_done = NULL;
	return r;
}
