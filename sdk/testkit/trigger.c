/* Triggers: handed to the plugin with options and checkpoints whose memory ends with the call. */
#include <stdio.h>
#include "internal.h"

#define SUBJECT_MAX 64

bool trigger_usable(tappet_trigger *trigger)
{
	return trigger && handle_usable(&trigger->handle);
}

bool subject_allowed(const tappet_trigger *trigger, tappet_str subject)
{
	if (subject.len == 0)
		return true;
	if (!trigger->open || !subject.ptr || subject.len > SUBJECT_MAX)
		return false;
	for (size_t i = 0; i < subject.len; i++)
		if (!subject.ptr[i] || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", subject.ptr[i]))
			return false;
	return true;
}

static void release(struct handle *handle)
{
	struct tappet_trigger *t = (struct tappet_trigger *)(void *)handle;
	free(t->id);
	free(t->workflow_id);
	free(t->scope);
	free(t->health.reason);
}

static struct tappet_trigger *trigger_new(testkit *kit, const char *workflow_id, const char *id)
{
	char scope[300];
	struct tappet_trigger *t = handle_new(kit, "trigger", sizeof(*t));
	snprintf(scope, sizeof(scope), "%s/%s", workflow_id, id);
	t->handle.release = release;
	t->id = kit_text(id);
	t->workflow_id = kit_text(workflow_id);
	t->scope = kit_text(scope);
	list_init(&t->node);
	return t;
}

const struct workflow_words *words_of(const testkit *kit, const char *workflow_id)
{
	static const struct workflow_words none = {.slug = "workflow", .name = "workflow", .team = ""};
	for (size_t i = kit->workflows.count; i > 0; i--) {
		const struct workflow_words *w = kit->workflows.items[i - 1];
		if (strcmp(w->id, workflow_id) == 0)
			return w;
	}
	return &none;
}

void testkit_workflow(testkit *kit, const char *workflow_id, const char *slug, const char *name, const char *team)
{
	struct workflow_words *w = kit_alloc(sizeof(*w));
	w->id = kit_keep(kit, tappet_cstr(workflow_id)).ptr;
	w->slug = kit_keep(kit, tappet_cstr(slug)).ptr;
	w->name = kit_keep(kit, tappet_cstr(name ? name : slug)).ptr;
	w->team = kit_keep(kit, tappet_cstr(team)).ptr;
	records_add(&kit->workflows, w);
}

/* Copies that end with the call show a plugin that keeps the pointers, under a sanitizer at once. */
static int32_t call_add(struct tappet_trigger *t, const tappet_config *config)
{
	testkit *kit = t->handle.kit;
	size_t count = 0;
	const struct workflow_words *words = words_of(kit, t->workflow_id);
	char *id = kit_text(t->id), *workflow_id = kit_text(t->workflow_id), *slug = kit_text(words->slug);
	char *name = kit_text(words->name), *team = kit_text(words->team);
	const bool listed = t->open || kit->desc.list_checkpoints;
	tappet_checkpoint *checkpoints = state_list(kit, t->scope, tappet_cstr(NULL), listed ? 0 : SIZE_MAX, &count);
	tappet_trigger_info *info = kit_alloc(sizeof(*info));
	*info = (tappet_trigger_info){
		.struct_size = sizeof(*info),
		.trigger_id = id,
		.workflow_id = workflow_id,
		.workflow_slug = slug,
		.workflow_name = name,
		.team = team,
		.config = config,
		.checkpoints = checkpoints,
		.checkpoint_count = count,
		.checkpoint_size = sizeof(*checkpoints),
	};
	callback_begin(kit);
	int32_t r = kit->desc.trigger_add(kit->state, t, info, &t->state);
	callback_end(kit, "trigger_add");
	free(info);
	free(checkpoints);
	free(team);
	free(name);
	free(slug);
	free(workflow_id);
	free(id);
	return r;
}

static void check_free(testkit *kit, const char *workflow_id, const char *id)
{
	list_each (node, &kit->triggers) {
		const struct tappet_trigger *t = list_entry(node, struct tappet_trigger, node);
		if (strcmp(t->id, id) == 0 && strcmp(t->workflow_id, workflow_id) == 0)
			misuse("there is a trigger %s already", t->scope);
	}
}

static void check_addable(testkit *kit, const char *workflow_id, const char *trigger_id)
{
	if (kit->phase != CREATED && kit->phase != STARTED)
		misuse("triggers are added between testkit_create and testkit_stop");
	check_free(kit, workflow_id, trigger_id);
}

/* `config` is closed. */
static tappet_trigger *add(testkit *kit, const char *workflow_id, const char *trigger_id, bool open,
			   tappet_config *config)
{
	if (!config) {
		claims_drop(kit, NULL);
		return NULL;
	}
	struct tappet_trigger *t = trigger_new(kit, workflow_id, trigger_id);
	t->open = open;
	int32_t r = call_add(t, config);
	config_close(config);
	if (r < 0) {
		set_error(kit, "trigger_add: %s", tappet_strerror(r));
		claims_drop(kit, NULL);
		handle_end(&t->handle);
		return NULL;
	}
	t->live = true;
	claims_take(kit, t);
	list_append(&kit->triggers, &t->node);
	return t;
}

tappet_trigger *testkit_trigger_add_to(testkit *kit, const char *workflow_id, const char *trigger_id,
				       const char *options)
{
	check_addable(kit, workflow_id, trigger_id);
	return add(kit, workflow_id, trigger_id, false, config_open(kit, true, trigger_id, options));
}

tappet_trigger *testkit_open_trigger(testkit *kit, const char *workflow_id)
{
	char id[64];
	if (!kit->desc.open_trigger)
		misuse("the plugin has no open trigger");
	workflow_id = workflow_id ? workflow_id : TESTKIT_WORKFLOW;
	snprintf(id, sizeof(id), "+%s", kit->desc.name);
	check_addable(kit, workflow_id, id);
	return add(kit, workflow_id, id, true, config_empty(kit));
}

tappet_trigger *testkit_trigger_add(testkit *kit, const char *trigger_id, const char *options)
{
	return testkit_trigger_add_to(kit, TESTKIT_WORKFLOW, trigger_id, options);
}

static void end_if_idle(struct tappet_trigger *t)
{
	testkit *kit = t->handle.kit;
	if (!t->removed || t->pending > 0 || list_empty(&t->node))
		return;
	list_remove(&t->node);
	callback_begin(kit);
	kit->desc.trigger_free(kit->state, t->state);
	callback_end(kit, "trigger_free");
	handle_end(&t->handle);
}

void trigger_pending_done(tappet_trigger *trigger)
{
	trigger->pending--;
	end_if_idle(trigger);
}

void testkit_trigger_remove(testkit *kit, tappet_trigger *trigger)
{
	if (trigger->handle.ended || trigger->removed)
		misuse("trigger %s is removed already", trigger->scope);
	trigger->live = false;
	trigger->removing = true;
	claims_drop(kit, trigger);
	callback_begin(kit);
	kit->desc.trigger_remove(kit->state, trigger->state);
	callback_end(kit, "trigger_remove");
	trigger->removing = false;
	trigger->removed = true;
	end_if_idle(trigger);
}

void triggers_end(testkit *kit)
{
	list_each_safe (node, &kit->triggers) {
		struct tappet_trigger *t = list_entry(node, struct tappet_trigger, node);
		if (!t->removed)
			testkit_trigger_remove(kit, t);
	}
}
