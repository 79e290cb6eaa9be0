/* See probe.h. */
#include "probe.h"
#include <stdio.h>
#include <stdlib.h>
#include <tappet/http.h>

struct probe probe_instances[PROBE_INSTANCES];
static int created;

void probe_reset(void)
{
	for (int i = 0; i < PROBE_INSTANCES; i++) {
		for (size_t k = 0; k < probe_instances[i].trigger_count; k++)
			free(probe_instances[i].triggers[k]);
		free(probe_instances[i].triggers);
		probe_instances[i] = (struct probe){.keep_triggers = true};
	}
	created = 0;
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	if (created == PROBE_INSTANCES)
		return TAPPET_EBUSY;
	struct probe *p = &probe_instances[created++];
	tappet_str greeting;
	p->host = host;
	p->self = self;
	p->creates++;
	if (host->config_str(config, "greeting", 0, &greeting) == TAPPET_OK)
		snprintf(p->greeting, sizeof(p->greeting), "%.*s", (int)greeting.len, greeting.ptr);
	*ret_state = p;
	return p->create_result;
}

static void remember_checkpoints(struct probe_trigger *t, const tappet_trigger_info *info)
{
	size_t used = 0;
	for (size_t i = 0; i < info->checkpoint_count; i++) {
		const tappet_checkpoint *c =
			(const void *)((const char *)info->checkpoints + i * info->checkpoint_size);
		int n = snprintf(t->checkpoints + used, sizeof(t->checkpoints) - used, "%.*s=%.*s;", (int)c->key.len,
				 c->key.ptr, (int)c->value.len, c->value.ptr);
		used += n > 0 ? (size_t)n : 0;
	}
}

static struct probe_trigger *remember(struct probe *p, tappet_trigger *trigger, const tappet_trigger_info *info)
{
	struct probe_trigger *t = calloc(1, sizeof(*t));
	struct probe_trigger **all = realloc(p->triggers, (p->trigger_count + 1) * sizeof(*all));
	tappet_str path;
	if (!t || !all)
		abort();
	p->triggers = all;
	p->triggers[p->trigger_count++] = t;
	t->handle = trigger;
	t->add_number = p->adds;
	snprintf(t->id, sizeof(t->id), "%s", info->trigger_id);
	snprintf(t->workflow_id, sizeof(t->workflow_id), "%s", info->workflow_id);
	snprintf(t->slug, sizeof(t->slug), "%s", info->workflow_slug);
	snprintf(t->name, sizeof(t->name), "%s", info->workflow_name);
	if (p->host->config_str(info->config, "path", 0, &path) == TAPPET_OK)
		snprintf(t->path, sizeof(t->path), "%.*s", (int)path.len, path.ptr);
	remember_checkpoints(t, info);
	return t;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info,
			   void **ret_trigger_state)
{
	struct probe *p = state;
	if (p->add_result < 0)
		return p->add_result;
	p->adds++;
	if (p->keep_triggers)
		*ret_trigger_state = remember(p, trigger, info);
	if (p->on_add)
		p->on_add(p, trigger);
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct probe *p = state;
	struct probe_trigger *t = trigger_state;
	p->removes++;
	if (t)
		t->removed = true;
	if (t && p->on_remove)
		p->on_remove(p, t);
}

static void trigger_free(void *state, void *trigger_state)
{
	struct probe *p = state;
	struct probe_trigger *t = trigger_state;
	p->frees++;
	if (t)
		t->freed = true;
}

static int32_t start(void *state)
{
	struct probe *p = state;
	p->starts++;
	if (p->on_start)
		p->on_start(p);
	return p->start_result;
}

static void pause_emissions(void *state)
{
	((struct probe *)state)->pauses++;
}

static void resume_emissions(void *state)
{
	struct probe *p = state;
	p->resumes++;
	if (p->on_resume)
		p->on_resume(p);
}

static void stop(void *state, int64_t deadline_ms)
{
	struct probe *p = state;
	(void)deadline_ms;
	p->stops++;
	if (p->on_stop)
		p->on_stop(p);
	if (!p->hold_stop)
		p->host->stopped(p->self);
}

static void destroy(void *state)
{
	((struct probe *)state)->destroys++;
}

static void clock_set(void *state)
{
	((struct probe *)state)->clock_sets++;
}

static const tappet_option options[] = {
	{.key = "greeting", .type = TAPPET_STRING, .default_value = "hello", .help = "What to say."},
};

#ifndef PROBE_PATH
#define PROBE_PATH TAPPET_STRING
#endif

static const tappet_option trigger_options[] = {
	{.key = "path", .type = PROBE_PATH, .default_value = "/", .help = "Where."},
	{.key = "times", .type = TAPPET_INTEGER, .help = "How often."},
};

#ifndef PROBE_OPEN_TRIGGER
#define PROBE_OPEN_TRIGGER 0
#define PROBE_CHECK_TRIGGER NULL
#endif

#ifndef PROBE_LIST_CHECKPOINTS
#define PROBE_LIST_CHECKPOINTS 0
#endif

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "probe",
	.version = "1.0",
	.license = "MIT",
	.summary = "Does what its test tells it.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{}",
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.pause = pause_emissions,
	.resume = resume_emissions,
	.stop = stop,
	.destroy = destroy,
	.clock_set = clock_set,
	.check_trigger = PROBE_CHECK_TRIGGER,
	.open_trigger = PROBE_OPEN_TRIGGER,
	.list_checkpoints = PROBE_LIST_CHECKPOINTS,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
