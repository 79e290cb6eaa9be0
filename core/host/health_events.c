/* trigger.health: told when a trigger's health changes, at most once a second for each, so that the last state always comes
 * through. Of those that simply run there is no note, and of one that has gone none is left.
 *
 * A note is in `quiet`, in the order of their times, for a second after it was told; what changes meanwhile is told then. */
#include "host/internal.h"
#include <errno.h>
#include "base/clock.h"
#include "base/log.h"

#define QUIET_MS 1000
#define DATA_MAX 4096

struct health_note {
	struct list node; /* of host.quiet */
	int64_t until_ms; /* it is quiet, by the monotonic clock */
	char workflow_id[ID_SIZE];
	char *told, *now; /* data of the event; told NULL: nothing; now NULL: the trigger has gone */
	bool runs;        /* what `now` says */
	char key[];
};

static void note_free(struct host *h, struct health_note *note)
{
	map_remove_str(&h->health_notes, note->key);
	list_remove(&note->node);
	free(note->told);
	free(note->now);
	free(note);
}

static char *data_of(const char *trigger_id, int32_t state, const char *reason, int64_t until_ms)
{
	struct buf data;
	buf_init(&data, DATA_MAX);
	jsonw_open(&data, '{');
	jsonw_key(&data, "trigger");
	jsonw_str(&data, trigger_id);
	jsonw_key(&data, "state");
	jsonw_str(&data, trigger_state_name(state));
	if (reason) {
		jsonw_key(&data, "reason");
		jsonw_strn(&data, reason, strnlen(reason, DETAIL_MAX));
	}
	if (until_ms) {
		jsonw_key(&data, "until");
		jsonw_time(&data, until_ms);
	}
	jsonw_close(&data, '}');
	char *text = buf_detach(&data, NULL);
	buf_release(&data);
	return text;
}

static bool has_changed(const struct health_note *note)
{
	return note->now && (!note->told || strcmp(note->told, note->now) != 0);
}

static void tell(struct host *h, struct health_note *note)
{
	int r = engine_tell(h->options.engine, EVENT_TRIGGER_HEALTH, note->workflow_id, note->now);
	/* It is told at the end of its quiet time, as it is then. */
	if (r == -EBUSY)
		return;
	if (r < 0) {
		log_warn("a trigger's health cannot be told", log_str("trigger", note->key), log_errno(r), LOG_END);
		return;
	}
	free(note->told);
	note->told = strdup(note->now);
}

static void on_timer(uv_timer_t *timer);

/* The first of them is the next one. */
static void arm(struct host *h)
{
	struct list *first = list_first(&h->quiet);
	if (!first || uv_is_active((uv_handle_t *)h->health_timer))
		return;
	int64_t left_ms = list_entry(first, struct health_note, node)->until_ms - clock_mono_ms();
	uv_update_time(h->options.loop);
	uv_timer_start(h->health_timer, on_timer, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
}

static void be_quiet(struct host *h, struct health_note *note)
{
	note->until_ms = clock_mono_ms() + QUIET_MS;
	list_append(&h->quiet, &note->node);
	arm(h);
}

/* Its successor waits for its end, or for what the store has of it. */
static bool is_expected(const struct host *h, const struct health_note *note)
{
	const struct tappet_trigger *t = note->now ? NULL : map_get_str(&h->triggers, note->key);
	return t && (t->phase == TRIGGER_WAITING || t->phase == TRIGGER_LOADING);
}

static void end_quiet(struct host *h, struct health_note *note)
{
	list_remove(&note->node);
	if (has_changed(note)) {
		tell(h, note);
		be_quiet(h, note);
	} else if (is_expected(h, note)) {
		be_quiet(h, note);
	} else if (!note->now || note->runs) {
		note_free(h, note);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct host *h = timer->data;
	struct list *first;
	while ((first = list_first(&h->quiet))) {
		struct health_note *note = list_entry(first, struct health_note, node);
		if (note->until_ms > clock_mono_ms())
			break;
		end_quiet(h, note);
	}
	arm(h);
}

static struct health_note *note_of(struct host *h, const struct tappet_trigger *t, bool make)
{
	char key[SCOPE_SIZE];
	int n = snprintf(key, sizeof(key), "%s/%s", t->owner->id, trigger_def(t)->id);
	if (n < 0 || (size_t)n >= sizeof(key))
		return NULL;
	struct health_note *note = map_get_str(&h->health_notes, key);
	if (note || !make)
		return note;
	note = calloc(1, sizeof(*note) + (size_t)n + 1);
	if (!note)
		return NULL;
	memcpy(note->key, key, (size_t)n + 1);
	memcpy(note->workflow_id, t->owner->id, ID_SIZE);
	list_init(&note->node);
	if (map_put_str(&h->health_notes, note->key, note, NULL) < 0) {
		free(note);
		return NULL;
	}
	return note;
}

static bool can_tell(const struct host *h)
{
	return h->options.engine && h->options.store && h->health_timer && !h->stopping;
}

void health_event_note(const struct tappet_trigger *t)
{
	struct host *h = t->owner->host;
	int32_t state = trigger_health_state(t);
	bool runs = state == TAPPET_HEALTH_RUNNING;
	struct health_note *note = can_tell(h) ? note_of(h, t, !runs) : NULL;
	if (!note)
		return;
	char *now = data_of(trigger_def(t)->id, state, t->health ? t->health->reason : NULL,
			    t->health ? t->health->until_ms : 0);
	if (!now)
		return;
	free(note->now);
	note->now = now;
	note->runs = runs;
	if (!list_empty(&note->node))
		return;
	if (has_changed(note))
		tell(h, note);
	be_quiet(h, note);
}

/* Its successor may come right behind: what that one is like is told instead. */
void health_event_gone(const struct tappet_trigger *t)
{
	struct host *h = t->owner->host;
	struct health_note *note = can_tell(h) ? note_of(h, t, false) : NULL;
	if (!note)
		return;
	free(note->now);
	note->now = NULL;
	if (list_empty(&note->node))
		be_quiet(h, note);
}

void health_events_flush(struct host *h)
{
	list_each (node, &h->quiet) {
		struct health_note *note = list_entry(node, struct health_note, node);
		if (has_changed(note))
			tell(h, note);
	}
}

static int free_one(void *arg, const char *key, size_t key_len, void *value)
{
	(void)key;
	(void)key_len;
	note_free(arg, value);
	return 0;
}

void health_events_release(struct host *h)
{
	map_each(&h->health_notes, free_one, h);
	map_release(&h->health_notes);
}
