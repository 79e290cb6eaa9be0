/* Triggers: brought in line with definitions (host_sync), handed to their plugins, taken away again. A trigger that
 * is taken away lives on until its last callback has fired; its successor waits for that, so that the checkpoints
 * that it is handed are the last ones. The successor of one without checkpoints and state is there at once, so that
 * a reload leaves no gap in which requests find nobody. */
#include "host/checker.h"
#include <errno.h>
#include "base/log.h"

#define TRIGGER_KEY_SIZE SCOPE_SIZE

const struct trigger_def *trigger_def(const struct tappet_trigger *t)
{
	return trigger_is_open(t) ? &t->plugin->open_def : &t->workflow->triggers[t->index];
}

static int trigger_key(const char *workflow_id, const char *trigger_id, char key[static TRIGGER_KEY_SIZE])
{
	int n = snprintf(key, TRIGGER_KEY_SIZE, "%s/%s", workflow_id, trigger_id);
	return n < 0 || n >= TRIGGER_KEY_SIZE ? -EINVAL : 0;
}

int trigger_scope(const struct tappet_trigger *t, char scope[static SCOPE_SIZE])
{
	int n = trigger_is_open(t) ? snprintf(scope, SCOPE_SIZE, "open/%s/%s", t->owner->id, t->plugin->name)
				   : snprintf(scope, SCOPE_SIZE, "trigger/%s/%s", t->owner->id, trigger_def(t)->id);
	return n < 0 || n >= SCOPE_SIZE ? -EINVAL : 0;
}

static struct tappet_trigger *find_in(const struct map *m, const struct tappet_trigger *t)
{
	char key[TRIGGER_KEY_SIZE];
	if (trigger_key(t->owner->id, trigger_def(t)->id, key) < 0)
		return NULL;
	return map_get_str(m, key);
}

static void forget_in(struct map *m, const struct tappet_trigger *t)
{
	char key[TRIGGER_KEY_SIZE];
	if (trigger_key(t->owner->id, trigger_def(t)->id, key) == 0 && map_get_str(m, key) == t)
		map_remove_str(m, key);
}

/* ---- Settling ---- */

void trigger_settled(struct host *h)
{
	if (--h->unsettled == 0 && !list_empty(&h->settles))
		host_later(h, &h->settle);
}

void trigger_pending_add(struct tappet_trigger *t)
{
	t->in_flight++;
	pending_add(t->plugin);
}

void trigger_pending_done(struct tappet_trigger *t)
{
	struct tappet_instance *p = t->plugin;
	t->in_flight--;
	/* Not at once: who calls may still look at t->order. */
	if (t->in_flight == 0 && t->phase == TRIGGER_REMOVED)
		host_later(t->owner->host, &t->release);
	pending_done(p);
}

/* ---- The end of a trigger ---- */

static void trigger_destroy(struct tappet_trigger *t)
{
	forget_in(&t->owner->host->triggers, t);
	forget_in(&t->owner->host->retiring, t);
	claims_forget(&t->owner->host->claims, t);
	list_remove(&t->in_workflow);
	list_remove(&t->in_plugin);
	list_remove(&t->release.node);
	later_cancel(&t->release);
	workflow_unref(t->workflow);
	free(t->health);
	free(t);
}

static void call_free(struct tappet_trigger *t)
{
	struct tappet_instance *p = t->plugin;
	struct guard g;
	if (!t->handed)
		return;
	t->handed = false;
	p->trigger_count--;
	list_remove(&t->in_plugin);
	guard_enter(&g, p, CALLBACK_TRIGGER_FREE);
	p->desc.trigger_free(p->state, t->state);
	guard_leave(&g);
}

/* Nothing is under way for t any more. */
static void release_now(struct tappet_trigger *t)
{
	call_free(t);
	struct tappet_trigger *successor = find_in(&t->owner->host->triggers, t);
	trigger_destroy(t);
	if (successor && successor->phase == TRIGGER_WAITING)
		trigger_load(successor);
}

static void release_run(struct later *l)
{
	struct tappet_trigger *t = list_entry(l, struct tappet_trigger, release);
	if (t->in_flight == 0 && t->order.in_flight == 0)
		release_now(t);
	else if (t->in_flight == 0)
		host_later(t->owner->host, &t->release);
}

static void call_remove(struct tappet_trigger *t)
{
	struct tappet_instance *p = t->plugin;
	struct guard g;
	list_remove(&t->release.node);
	if (t->handed) {
		t->phase = TRIGGER_REMOVING;
		guard_enter(&g, p, CALLBACK_TRIGGER_REMOVE);
		p->desc.trigger_remove(p->state, t->state);
		guard_leave(&g);
	}
	t->phase = TRIGGER_REMOVED;
}

/* Emissions of a plugin that runs out of memory keep their trigger without a successor's knowing: it is then handed
 * over without waiting, the one case where checkpoints may lag. */
static void note_retiring(struct tappet_trigger *t)
{
	char key[TRIGGER_KEY_SIZE];
	if (trigger_key(t->owner->id, trigger_def(t)->id, key) < 0 ||
	    map_put_str(&t->owner->host->retiring, key, t, NULL) < 0)
		log_warn("a trigger's end cannot be awaited", log_str("trigger", trigger_def(t)->id), LOG_END);
}

bool trigger_retire(struct tappet_trigger *t)
{
	bool unsettled = t->phase == TRIGGER_WAITING || t->phase == TRIGGER_LOADING;
	/* The second time its name may be its successor's. */
	if (t->phase != TRIGGER_REMOVED)
		trigger_health_forget(t);
	forget_in(&t->owner->host->triggers, t);
	claims_forget(&t->owner->host->claims, t);
	list_remove(&t->in_workflow);
	if (!t->handed)
		list_remove(&t->in_plugin);
	call_remove(t);
	/* Not before: it may have put something from inside of trigger_remove. */
	bool leaves_nothing = t->handed && t->stateless;
	if (t->handed || t->in_flight)
		note_retiring(t);
	if (unsettled)
		trigger_settled(t->owner->host);
	/* A read that is under way frees it. */
	if (t->reading)
		return leaves_nothing;
	if (t->in_flight == 0 && t->order.in_flight == 0)
		release_now(t);
	else if (t->in_flight == 0)
		host_later(t->owner->host, &t->release);
	return leaves_nothing;
}

void triggers_end(struct tappet_instance *p)
{
	list_each_safe (node, &p->triggers) {
		struct tappet_trigger *t = list_entry(node, struct tappet_trigger, in_plugin);
		if (t->phase != TRIGGER_REMOVED)
			trigger_retire(t);
		else
			release_now(t);
	}
}

/* ---- Handing over ---- */

void trigger_dead(struct tappet_trigger *t, const char *reason)
{
	t->phase = TRIGGER_DEAD;
	trigger_health_set(t, TAPPET_HEALTH_DEAD, reason, 0);
	log_warn("a trigger cannot run", log_str("workflow", t->workflow->slug), log_str("trigger", trigger_def(t)->id),
		 log_str("reason", reason), LOG_END);
}

/* Who has it already is the plugin's to find out: definitions that were applied are past being refused. */
static char *note_claim(void *arg, const char *what)
{
	const struct tappet_trigger *t = arg;
	char *key = claim_key(t->plugin, what);
	if (!key || claims_add(&t->owner->host->claims, t, key) < 0)
		log_error("no memory for what a trigger claims", log_str("trigger", trigger_def(t)->id), LOG_END);
	free(key);
	return NULL;
}

static int read_options(struct tappet_trigger *t, struct option_values **ret, char *reason, size_t size)
{
	struct tappet_instance *p = t->plugin;
	const char *text = trigger_def(t)->with_json;
	struct json_file *file = NULL;
	struct diag d;
	char name[200];
	snprintf(name, sizeof(name), "%s/%s", t->workflow->slug, trigger_def(t)->id);
	diag_init(&d);
	int r = json_file_parse(name, text, strlen(text), &d, &file);
	if (r == 0)
		r = option_check(p->trigger_options, p->desc.trigger_option_count, file, file->root,
				 t->owner->host->folder, &d, ret);
	/* No definition has set one. */
	if (r == 0 && !trigger_is_open(t)) {
		const struct checker_place place = {
			.file = file, .object = file->root, .d = &d, .claim = note_claim, .arg = t};
		r = checker_run(p, true, *ret, &place);
	}
	if (r < 0)
		snprintf(reason, size, "%s", d.count ? d.items[0].message : log_strerror(r));
	json_file_free(file);
	diag_release(&d);
	return r;
}

static int32_t call_add(struct tappet_trigger *t, const struct option_values *values,
			const struct store_checkpoint *rows, size_t count)
{
	struct tappet_instance *p = t->plugin;
	const struct tappet_config config = {.values = values};
	tappet_checkpoint *checkpoints = count ? calloc(count, sizeof(*checkpoints)) : NULL;
	if (count && !checkpoints)
		return TAPPET_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		checkpoints[i].key = tappet_strn(rows[i].key, rows[i].key_len);
		checkpoints[i].value = tappet_strn(rows[i].value, rows[i].value_len);
	}
	const tappet_trigger_info info = {
		.struct_size = sizeof(info),
		.trigger_id = trigger_def(t)->id,
		.workflow_id = t->owner->id,
		.workflow_slug = t->workflow->slug,
		.workflow_name = t->workflow->name ? t->workflow->name : t->workflow->slug,
		.team = t->workflow->team ? t->workflow->team : "",
		.config = &config,
		.checkpoints = checkpoints,
		.checkpoint_count = count,
		.checkpoint_size = sizeof(*checkpoints),
	};
	struct guard g;
	guard_enter(&g, p, CALLBACK_TRIGGER_ADD);
	int32_t r = p->desc.trigger_add(p->state, t, &info, &t->state);
	guard_leave(&g);
	free(checkpoints);
	return r;
}

static void add(struct tappet_trigger *t, const struct store_checkpoint *rows, size_t count)
{
	struct option_values *values = NULL;
	char reason[400];
	if (read_options(t, &values, reason, sizeof(reason)) < 0) {
		option_values_free(values);
		trigger_dead(t, reason);
		return;
	}
	t->phase = TRIGGER_ADDING;
	int32_t r = call_add(t, values, rows, count);
	option_values_free(values);
	if (r < 0) {
		/* A plugin that has said why is better informed than the number. */
		if (t->health)
			snprintf(reason, sizeof(reason), "%s", t->health->reason);
		else
			snprintf(reason, sizeof(reason), "the plugin does not take it: %s", tappet_strerror(r));
		trigger_dead(t, reason);
		return;
	}
	t->handed = true;
	t->phase = TRIGGER_LIVE;
	t->plugin->trigger_count++;
	list_append(&t->plugin->triggers, &t->in_plugin);
	/* The one before it may have been told of as dead. */
	health_event_note(t);
}

void trigger_hand_over(struct tappet_trigger *t, const struct store_checkpoint *rows, size_t count)
{
	struct host *h = t->owner->host;
	/* What its plugin lists is not handed over, and not known. */
	t->stateless = count == 0 && !trigger_lists(t);
	if (t->plugin->phase == PLUGIN_CREATED || t->plugin->phase == PLUGIN_STARTED)
		add(t, rows, count);
	else
		trigger_dead(t, "the plugin does not run");
	trigger_settled(h);
}

/* ---- In line with the definition ---- */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Whether all that the plugin was told of the trigger still holds. */
static bool unchanged(const struct tappet_trigger *t, const struct workflow *w, const struct trigger_def *def)
{
	const struct trigger_def *old = trigger_def(t);
	return strcmp(old->plugin, def->plugin) == 0 && strcmp(old->with_json, def->with_json) == 0 &&
	       same_text(t->workflow->slug, w->slug) && same_text(t->workflow->name, w->name) &&
	       same_text(t->workflow->team, w->team);
}

static struct tappet_trigger *trigger_new(struct host_workflow *hw, struct workflow *w, uint32_t index,
					  struct tappet_instance *p)
{
	struct tappet_trigger *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->owner = hw;
	t->workflow = workflow_ref(w);
	t->index = index;
	t->plugin = p;
	catalog_trigger_init(&t->order);
	list_init(&t->in_plugin);
	later_init(&t->release, release_run);
	list_append(&hw->triggers, &t->in_workflow);
	return t;
}

static void add_new(struct host *h, struct tappet_trigger *t, const char *key, bool at_once)
{
	if (!t || map_put_str(&h->triggers, key, t, NULL) < 0) {
		log_error("no memory for a trigger", log_str("trigger", key), LOG_END);
		if (t)
			trigger_destroy(t);
		return;
	}
	t->generation = h->generation;
	if (!t->plugin) {
		char reason[200];
		snprintf(reason, sizeof(reason), "plugin %s is not loaded", trigger_def(t)->plugin);
		trigger_dead(t, reason);
		return;
	}
	h->unsettled++;
	t->phase = TRIGGER_WAITING;
	if (at_once)
		trigger_hand_over(t, NULL, 0);
	else if (!map_get_str(&h->retiring, key))
		trigger_load(t);
}

static void keep(struct tappet_trigger *t, struct workflow *w, uint32_t index)
{
	struct workflow *old = t->workflow;
	t->workflow = workflow_ref(w);
	t->index = index;
	t->generation = t->owner->host->generation;
	workflow_unref(old);
}

/* `p` may be NULL: it is not loaded. */
static void sync_one(struct host_workflow *hw, struct workflow *w, uint32_t index, const struct trigger_def *def,
		     struct tappet_instance *p)
{
	struct host *h = hw->host;
	char key[TRIGGER_KEY_SIZE];
	if (trigger_key(hw->id, def->id, key) < 0)
		return;
	struct tappet_trigger *t = map_get_str(&h->triggers, key);
	if (t && t->phase != TRIGGER_DEAD && unchanged(t, w, def)) {
		keep(t, w, index);
		return;
	}
	/* A dead one gets another chance each time: what it lacked, a secret perhaps, may be there now. */
	bool at_once = t && trigger_retire(t);
	add_new(h, trigger_new(hw, w, index, p), key, at_once);
}

static void sync_trigger(struct host_workflow *hw, const struct catalog_entry *entry, size_t index)
{
	const struct host *h = hw->host;
	const struct trigger_def *def = &entry->workflow->triggers[index];
	bool enabled = def->enabled;
	if (enabled && h->options.engine)
		enabled = engine_trigger_enabled(h->options.engine, entry, def->id);
	if (enabled)
		sync_one(hw, entry->workflow, (uint32_t)index, def, host_instance(h, def->plugin));
}

static void sync_open(struct host_workflow *hw, const struct catalog_entry *entry)
{
	for (size_t i = 0; i < hw->host->count; i++) {
		struct tappet_instance *p = hw->host->plugins[i];
		if (p->desc.open_trigger)
			sync_one(hw, entry->workflow, OPEN_TRIGGER, &p->open_def, p);
	}
}

static struct host_workflow *find_workflow(struct host *h, const struct catalog_entry *entry)
{
	struct host_workflow *hw = map_get_str(&h->workflows, entry->id);
	if (hw)
		return hw;
	hw = calloc(1, sizeof(*hw));
	if (!hw)
		return NULL;
	hw->host = h;
	memcpy(hw->id, entry->id, sizeof(hw->id));
	list_init(&hw->triggers);
	hw->slug = strdup(entry->slug ? entry->slug : entry->id);
	if (!hw->slug || map_put_str(&h->workflows, hw->id, hw, NULL) < 0) {
		free(hw->slug);
		free(hw);
		return NULL;
	}
	return hw;
}

void host_sync(struct host *h, const struct catalog_entry *entry)
{
	if (h->stopping)
		return;
	struct host_workflow *hw = find_workflow(h, entry);
	if (!hw) {
		log_error("no memory for the triggers of a workflow", log_str("workflow", entry->id), LOG_END);
		return;
	}
	h->generation++;
	bool runs = entry->enabled && !entry->removed && entry->workflow;
	for (size_t i = 0; runs && i < entry->workflow->trigger_count; i++)
		sync_trigger(hw, entry, i);
	if (runs)
		sync_open(hw, entry);
	list_each_safe (node, &hw->triggers) {
		struct tappet_trigger *t = list_entry(node, struct tappet_trigger, in_workflow);
		if (t->generation != h->generation)
			trigger_retire(t);
	}
}
