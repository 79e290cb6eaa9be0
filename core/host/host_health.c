/* How plugins and triggers are, as they say themselves or as the host found: into the daemon's health and into the
 * JSON of one trigger. */
#include "host/internal.h"
#include "base/clock.h"
#include "base/log.h"

#define REASON_SIZE 400

const char *trigger_state_name(int32_t state)
{
	switch (state) {
	case TAPPET_HEALTH_RUNNING:
		return "running";
	case TAPPET_HEALTH_DEGRADED:
		return "degraded";
	case TAPPET_HEALTH_BACKING_OFF:
		return "backing-off";
	default:
		return "dead";
	}
}

/* What people read in /readyz: the reason, and until when. */
static void compose(int32_t state, const char *reason, int64_t until_ms, char text[static REASON_SIZE])
{
	char time[CLOCK_TEXT_MAX];
	if (state == TAPPET_HEALTH_BACKING_OFF && until_ms > 0)
		snprintf(text, REASON_SIZE, "backs off until %s: %s", clock_rfc3339(until_ms, time), reason);
	else
		snprintf(text, REASON_SIZE, "%s", reason);
}

static void tell(struct health *health, const char *part, enum health_state worst, int32_t state, const char *reason,
		 int64_t until_ms)
{
	char text[REASON_SIZE];
	if (!health)
		return;
	compose(state, reason, until_ms, text);
	health_set(health, part, state == TAPPET_HEALTH_DEAD ? worst : HEALTH_DEGRADED, text);
}

/* The reason may be the one that it has now. */
static void set_health(struct tappet_trigger *t, int32_t state, const char *reason, int64_t until_ms)
{
	struct trigger_health *health = NULL;
	if (state != TAPPET_HEALTH_RUNNING) {
		size_t size = strlen(reason) + 1;
		health = malloc(sizeof(*health) + size);
		if (!health) {
			log_error("no memory for a trigger's health", log_str("trigger", trigger_def(t)->id), LOG_END);
			return;
		}
		health->state = state;
		health->until_ms = state == TAPPET_HEALTH_BACKING_OFF ? until_ms : 0;
		memcpy(health->reason, reason, size);
	}
	free(t->health);
	t->health = health;
}

/* A trigger that does not run degrades the daemon; only a plugin's death takes a part of it down. */
static void apply(struct tappet_trigger *t, int32_t state, const char *reason, int64_t until_ms)
{
	char part[200];
	struct health *health = t->owner->host->options.health;
	bool was_running = !t->health;
	set_health(t, state, reason ? reason : trigger_state_name(state), until_ms);
	if (!health || (was_running && !t->health))
		return;
	snprintf(part, sizeof(part), "trigger %s/%s", t->workflow->slug, trigger_def(t)->id);
	if (!t->health)
		health_forget(health, part);
	else
		tell(health, part, HEALTH_DEGRADED, state, t->health->reason, until_ms);
}

void trigger_health_set(struct tappet_trigger *t, int32_t state, const char *reason, int64_t until_ms)
{
	apply(t, state, reason, until_ms);
	health_event_note(t);
}

void trigger_health_forget(struct tappet_trigger *t)
{
	apply(t, TAPPET_HEALTH_RUNNING, NULL, 0);
	health_event_gone(t);
}

static void plugin_health_set(struct tappet_instance *p, int32_t state, const char *reason, int64_t until_ms)
{
	char part[80];
	char *copy = state == TAPPET_HEALTH_RUNNING ? NULL : strdup(reason ? reason : trigger_state_name(state));
	free(p->health_reason);
	p->health_reason = copy;
	p->health_state = state;
	p->health_until_ms = state == TAPPET_HEALTH_BACKING_OFF ? until_ms : 0;
	if (!p->host->options.health)
		return;
	snprintf(part, sizeof(part), "plugin %s", p->name);
	if (state == TAPPET_HEALTH_RUNNING)
		health_set(p->host->options.health, part, HEALTH_OK, NULL);
	else
		tell(p->host->options.health, part, HEALTH_DOWN, state, copy ? copy : trigger_state_name(state),
		     until_ms);
}

void table_health(tappet_instance *self, tappet_trigger *trigger, int32_t state, const char *reason, int64_t until_ms)
{
	if (!plugin_usable(self) || state < TAPPET_HEALTH_RUNNING || state > TAPPET_HEALTH_DEAD)
		return;
	if (!trigger)
		plugin_health_set(self, state, reason, until_ms);
	else if (trigger->plugin == self && trigger_usable(trigger))
		trigger_health_set(trigger, state, reason, until_ms);
}

static void write_state(struct buf *out, const char *state, const char *reason, int64_t until_ms)
{
	jsonw_open(out, '{');
	jsonw_key(out, "state");
	jsonw_str(out, state);
	if (reason) {
		jsonw_key(out, "reason");
		jsonw_str(out, reason);
	}
	if (until_ms) {
		jsonw_key(out, "until");
		jsonw_time(out, until_ms);
	}
	jsonw_close(out, '}');
}

/* Of one that the host does not hold: it is switched off, gone, or unknown. */
static const char *absent_state(const struct host *h, const char *workflow_id, const char *trigger_id)
{
	const struct catalog_entry *entry = h->options.engine ? engine_find(h->options.engine, workflow_id) : NULL;
	if (!entry)
		return "unknown";
	if (entry->removed)
		return "removed";
	if (!entry->workflow)
		return "invalid";
	return workflow_find_trigger(entry->workflow, trigger_id) < 0 ? "unknown" : "disabled";
}

static void write_trigger(const struct tappet_trigger *t, struct buf *out)
{
	if (t->phase == TRIGGER_WAITING || t->phase == TRIGGER_LOADING)
		write_state(out, "starting", NULL, 0);
	else if (t->plugin && t->plugin->phase != PLUGIN_STARTED && t->phase == TRIGGER_LIVE)
		write_state(out, t->plugin->phase == PLUGIN_CREATED ? "starting" : "stopped", NULL, 0);
	else if (t->plugin && !t->health && t->plugin->health_state != TAPPET_HEALTH_RUNNING)
		write_state(out, trigger_state_name(t->plugin->health_state), t->plugin->health_reason,
			    t->plugin->health_until_ms);
	else
		write_state(out, trigger_state_name(trigger_health_state(t)), t->health ? t->health->reason : NULL,
			    t->health ? t->health->until_ms : 0);
}

void host_trigger_health(const struct host *h, const char *workflow_id, const char *trigger_id, struct buf *out)
{
	char key[SCOPE_SIZE];
	const struct tappet_trigger *t = NULL;
	int n = snprintf(key, sizeof(key), "%s/%s", workflow_id, trigger_id);
	if (n > 0 && (size_t)n < sizeof(key))
		t = map_get_str(&h->triggers, key);
	if (t)
		write_trigger(t, out);
	else
		write_state(out, absent_state(h, workflow_id, trigger_id), NULL, 0);
}
