/* Triggers of the host. One of a definition is one schedule; the open one of a workflow stands for all that were made by API
 * (objects.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schedule.h"

/* One that comes back so soon was not switched off: its definition has changed. */
#define RELOAD_MS 2000
#define OFF_KEY "off"

static void link_binding(struct plugin *p, struct binding *b)
{
	b->next = p->bindings;
	b->back = &p->bindings;
	if (b->next)
		b->next->back = &b->next;
	p->bindings = b;
}

static void unlink_binding(struct binding *b)
{
	if (!b->back)
		return;
	*b->back = b->next;
	if (b->next)
		b->next->back = b->back;
	b->back = NULL;
}

static struct binding *binding_new(struct plugin *p, tappet_trigger *trigger, const tappet_trigger_info *info)
{
	struct binding *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->plugin = p;
	b->trigger = trigger;
	b->open = info->trigger_id[0] == '+';
	b->at_start = !p->started;
	snprintf(b->workflow_id, sizeof(b->workflow_id), "%s", info->workflow_id);
	b->slug = strdup(info->workflow_slug);
	b->trigger_id = strdup(info->trigger_id);
	if (b->slug && b->trigger_id)
		return b;
	binding_free(b);
	return NULL;
}

/* ---- One schedule ---- */

static tappet_str find_checkpoint(const tappet_trigger_info *info, const char *key)
{
	for (size_t i = 0; i < info->checkpoint_count; i++) {
		tappet_checkpoint c;
		memcpy(&c, (const char *)info->checkpoints + i * info->checkpoint_size, sizeof(c));
		if (c.key.len == strlen(key) && memcmp(c.key.ptr, key, c.key.len) == 0)
			return c.value;
	}
	return tappet_strn(NULL, 0);
}

/* Whether something would have fired. */
static bool fell_into(const struct unit *u, int64_t until_ms)
{
	struct schedule_fire fire;
	return schedule_next(u->schedule, u->cursor_ms, &fire) == 0 && fire.at_ms <= until_ms;
}

void unit_restore(struct unit *u, tappet_str state, int64_t off_ms, int64_t now_ms)
{
	const bool known = state.ptr && state_read(u, state);
	/* Of an object the definition says since when it is there. */
	u->unsaved = u->unsaved || (!known && !u->object);
	clock_check_cursor(u->binding->plugin, u, now_ms);
	if (off_ms && now_ms - off_ms > RELOAD_MS && fell_into(u, now_ms)) {
		u->quiet_ms = now_ms;
		u->unsaved = true;
	}
	if (u->held && !u->own_paused) {
		u->held = false;
		u->quiet_ms = now_ms;
		u->unsaved = true;
	}
	if (u->own_paused && !u->held) {
		u->paused_ms = u->paused ? u->paused_ms : now_ms;
		u->held = u->unsaved = true;
	}
	clock_spread(u);
}

static int32_t put_off(struct binding *b, int64_t off_ms)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)off_ms);
	return plugin_put(b->plugin, b->trigger, OFF_KEY, off_ms ? text : NULL);
}

/* What is known of the time in which it was switched off goes once it stands in the state. */
static void forget_off(struct binding *b)
{
	struct plugin *p = b->plugin;
	if (b->unit->unsaved && state_put(b->unit, plugin_was_put, p) == TAPPET_OK) {
		plugin_begin(p);
		b->unit->unsaved = false;
	}
	if (!b->unit->unsaved)
		(void)put_off(b, 0);
}

static int64_t off_of(tappet_str value)
{
	char text[24];
	snprintf(text, sizeof(text), "%.*s", (int)(value.len < sizeof(text) ? value.len : sizeof(text) - 1),
		 value.ptr ? value.ptr : "");
	return strtoll(text, NULL, 10);
}

static void tell_error(struct binding *b, const struct spec_error *error)
{
	const struct plugin *p = b->plugin;
	char text[400];
	p->host->health(p->self, b->trigger, TAPPET_HEALTH_DEAD, spec_error_text(error, text, sizeof(text)), 0);
}

static int32_t add_unit(struct binding *b, const tappet_trigger_info *info)
{
	struct plugin *p = b->plugin;
	const struct option_reader reader = {p->host->config_count, p->host->config_str, p->host->config_int,
					     p->host->config_bool};
	struct spec_error error = {0};
	const int64_t now_ms = plugin_now(p);
	char key[KEY_SIZE];
	cJSON *options = spec_of_config(&reader, info->config);
	const int r = options ? unit_new(p, options, b->trigger_id, now_ms, &b->unit, &error) : -1;
	cJSON_Delete(options);
	if (r < 0) {
		if (error.message[0])
			tell_error(b, &error);
		return error.message[0] ? TAPPET_EINVAL : TAPPET_ENOMEM;
	}
	struct unit *u = b->unit;
	u->binding = b;
	const int64_t off_ms = off_of(find_checkpoint(info, OFF_KEY));
	unit_restore(u, find_checkpoint(info, "state"), off_ms, now_ms);
	if (off_ms)
		forget_off(b);
	backfill_read(u, find_checkpoint(info, backfill_key(u, key)));
	u->reboot = b->at_start && schedule_kind(u->schedule) == SCHEDULE_REBOOT;
	p->trigger_units++;
	p->host->metric_set(p->watched, (double)(p->objects.count + p->trigger_units));
	clock_ready(p, u);
	return TAPPET_OK;
}

int32_t binding_add(struct plugin *p, tappet_trigger *trigger, const tappet_trigger_info *info, struct binding **ret)
{
	struct binding *b = binding_new(p, trigger, info);
	if (!b)
		return TAPPET_ENOMEM;
	const int32_t r = b->open ? TAPPET_OK : add_unit(b, info);
	if (r < 0) {
		binding_free(b);
		return r;
	}
	link_binding(p, b);
	p->unloaded += b->open;
	if (b->open)
		objects_load(b);
	*ret = b;
	return TAPPET_OK;
}

/* Whoever is switched on again finds since when it was off: what fell into that time was not missed. */
void binding_remove(struct binding *b)
{
	struct plugin *p = b->plugin;
	const int64_t now_ms = plugin_now(p);
	b->removed = true;
	p->unloaded -= b->open && !b->loaded;
	if (p->last_open == b)
		p->last_open = NULL;
	unlink_binding(b);
	if (b->open) {
		objects_unload(b, p->stopping ? 0 : now_ms);
		return;
	}
	if (!p->stopping)
		(void)put_off(b, now_ms);
	clock_forget(p, b->unit);
	b->unit = NULL;
	p->trigger_units--;
}

void binding_free(struct binding *b)
{
	if (!b)
		return;
	unit_free(b->unit);
	free(b->slug);
	free(b->trigger_id);
	free(b);
}

/* ---- Finding ---- */

static bool is_of(const struct binding *b, const char *workflow, size_t len)
{
	return (strlen(b->slug) == len && memcmp(b->slug, workflow, len) == 0) ||
	       (len == ID_LEN && memcmp(b->workflow_id, workflow, len) == 0);
}

struct binding *binding_open(struct plugin *p, const char *workflow)
{
	const size_t len = strlen(workflow);
	struct binding *b = p->last_open && is_of(p->last_open, workflow, len) ? p->last_open : p->bindings;
	while (b && !(b->open && is_of(b, workflow, len)))
		b = b->next;
	return p->last_open = b;
}

struct unit *unit_find(const struct plugin *p, const char *name)
{
	const char *slash = strchr(name, '/');
	if (!slash)
		return objects_find(p, name);
	for (struct binding *b = p->bindings; b; b = b->next)
		if (b->unit && is_of(b, name, (size_t)(slash - name)) && strcmp(b->trigger_id, slash + 1) == 0)
			return b->unit;
	return NULL;
}
