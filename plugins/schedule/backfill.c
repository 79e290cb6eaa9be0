/* Fires of a range of the past: one after the other, behind whatever is due, each with the place where it goes on as its
 * checkpoint. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schedule.h"

/* How long the end of an activity is waited for at a time. */
#define WAIT_MS INT64_C(3600000)

char *backfill_key(const struct unit *u, char key[static KEY_SIZE])
{
	char id[UNIT_ID_SIZE];
	if (u->object)
		snprintf(key, KEY_SIZE, "%.24s+b", unit_id(u, id));
	else
		snprintf(key, KEY_SIZE, "backfill");
	return key;
}

size_t backfill_write(const struct backfill *b, char text[static STATE_MAX])
{
	return (size_t)snprintf(text, STATE_MAX,
				"{\"id\":\"%s\",\"cursor\":%" PRId64 ",\"until\":%" PRId64 ",\"total\":%" PRId64
				",\"done\":%" PRId64 ",\"refused\":%" PRId64 "}",
				b->id, b->cursor_ms, b->until_ms, b->total, b->done, b->refused);
}

void backfill_read(struct unit *u, tappet_str text)
{
	if (!text.ptr)
		return;
	cJSON *kept = cJSON_ParseWithLength(text.ptr, text.len);
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(kept, "id"));
	struct backfill *b = id ? calloc(1, sizeof(*b)) : NULL;
	if (b) {
		snprintf(b->id, sizeof(b->id), "%s", id);
		b->cursor_ms = state_number(kept, "cursor");
		b->until_ms = state_number(kept, "until");
		b->total = state_number(kept, "total");
		b->done = state_number(kept, "done");
		b->refused = state_number(kept, "refused");
		free(u->backfill);
		u->backfill = b;
	}
	cJSON_Delete(kept);
}

int64_t backfill_count(const struct unit *u, int64_t from_ms, int64_t until_ms)
{
	struct schedule_fire last;
	const int64_t count = schedule_count(u->schedule, from_ms - 1, until_ms, BACKFILL_MAX + 1, &last);
	return count > BACKFILL_MAX ? BACKFILL_MAX + 1 : count;
}

/* ---- Steps ---- */

/* One fire on its way. */
struct backfill_op {
	struct unit *unit;
	struct backfill after;
};

static void settle(struct unit *u, const struct backfill *after)
{
	if (!u->backfill || strcmp(u->backfill->id, after->id) != 0)
		return;
	*u->backfill = *after;
}

/* ---- The end of what it has started ---- */

struct wait {
	struct plugin *plugin;
	char name[UNIT_NAME_SIZE]; /* of the schedule, which may be gone by then */
	char backfill[ID_LEN + 1], activity[ID_LEN + 1];
};

static void activity_ended(void *arg, int32_t result, const tappet_activity_info *info)
{
	struct wait *w = arg;
	struct plugin *p = w->plugin;
	struct unit *u = unit_find(p, w->name);
	(void)info;
	const bool ours = u && u->backfill && strcmp(u->backfill->id, w->backfill) == 0;
	if (result == TAPPET_EBUSY && ours && !p->stopping &&
	    p->activity->wait_end(p->self, w->activity, WAIT_MS, activity_ended, w) == TAPPET_OK)
		return;
	free(w);
	if (!ours)
		return;
	u->backfill->waiting = false;
	clock_ready(p, u);
}

/* So that a workflow that takes one at a time gets them all. */
static void wait_for_end(struct unit *u, const char *activity_id)
{
	struct plugin *p = u->binding->plugin;
	struct wait *w = p->activity && u->backfill ? calloc(1, sizeof(*w)) : NULL;
	if (!w)
		return;
	w->plugin = p;
	unit_name(u, w->name);
	memcpy(w->backfill, u->backfill->id, sizeof(w->backfill));
	snprintf(w->activity, sizeof(w->activity), "%s", activity_id);
	u->backfill->waiting = p->activity->wait_end(p->self, activity_id, WAIT_MS, activity_ended, w) == TAPPET_OK;
	if (!u->backfill->waiting)
		free(w);
}

static void fired(void *arg, const tappet_result *result)
{
	struct backfill_op *op = arg;
	struct unit *u = op->unit;
	const bool final = emit_is_final(result);
	op->after.refused += result->outcome == TAPPET_EREFUSED;
	if (final)
		settle(u, &op->after);
	if (result->outcome == TAPPET_OK)
		wait_for_end(u, result->activity_id);
	free(op);
	unit_settle(u, final);
}

static void log_end(const struct unit *u)
{
	const struct backfill *b = u->backfill;
	char name[UNIT_NAME_SIZE], counts[100];
	const struct plugin *p = u->binding->plugin;
	snprintf(counts, sizeof(counts), "%" PRId64 " of %" PRId64 ", %" PRId64 " refused", b->done, b->total,
		 b->refused);
	const tappet_field fields[] = {{"schedule", tappet_cstr(unit_name(u, name))}, {"fired", tappet_cstr(counts)}};
	p->host->log(p->self, TAPPET_LOG_INFO, "a backfill has ended", fields, 2);
}

static void removed(void *arg, int32_t result)
{
	struct unit *u = arg;
	if (result == TAPPET_OK) {
		log_end(u);
		free(u->backfill);
		u->backfill = NULL;
	}
	unit_settle(u, result == TAPPET_OK);
}

static enum step end(struct unit *u)
{
	const struct plugin *p = u->binding->plugin;
	char key[KEY_SIZE];
	const int32_t r = p->host->kv_put(p->self, u->binding->trigger, tappet_cstr(backfill_key(u, key)),
					  tappet_strn(NULL, 0), removed, u);
	if (r < 0)
		return STEP_RETRY;
	unit_begin(u);
	return STEP_BUSY;
}

enum step backfill_step(struct unit *u)
{
	const struct backfill *b = u->backfill;
	struct schedule_fire next;
	char text[STATE_MAX], key[KEY_SIZE];
	if (b->waiting)
		return STEP_IDLE;
	if (schedule_next(u->schedule, b->cursor_ms, &next) < 0 || next.at_ms > b->until_ms)
		return end(u);
	struct backfill_op *op = malloc(sizeof(*op));
	if (!op)
		return STEP_RETRY;
	*op = (struct backfill_op){u, *b};
	op->after.cursor_ms = next.at_ms;
	op->after.done++;
	const size_t len = backfill_write(&op->after, text);
	const tappet_checkpoint place = {tappet_cstr(backfill_key(u, key)), tappet_strn(text, len)};
	const struct shot shot = {.at_ms = next.at_ms, .fired_ms = plugin_now(u->binding->plugin), .backfill = b->id};
	const int32_t r = emit_fire(u, &shot, &place, 1, fired, op);
	if (r == TAPPET_OK) {
		unit_begin(u);
		return STEP_BUSY;
	}
	if (r == TAPPET_ETOOBIG || r == TAPPET_EINVAL) {
		plugin_log(u->binding->plugin, TAPPET_LOG_ERROR, "the host does not take a fire of a backfill",
			   "backfill", b->id);
		settle(u, &op->after);
		free(op);
		return STEP_RETRY;
	}
	free(op);
	return step_of_error(r);
}

/* ---- Begin and end ---- */

struct begin {
	struct unit *unit;
	struct backfill *backfill;
	tappet_done_cb done;
	void *arg;
};

static void begun(void *arg, int32_t result)
{
	struct begin *begin = arg;
	const struct begin b = *begin;
	free(begin);
	if (result == TAPPET_OK && !b.unit->backfill)
		b.unit->backfill = b.backfill;
	else
		free(b.backfill);
	unit_settle(b.unit, true);
	b.done(b.arg, result);
}

static struct backfill *backfill_new(const struct unit *u, int64_t from_ms, int64_t until_ms)
{
	uint8_t id[ID_BYTES];
	struct backfill *b = calloc(1, sizeof(*b));
	if (!b || !object_id(u->binding->plugin, id)) {
		free(b);
		return NULL;
	}
	id_format(id, b->id);
	b->cursor_ms = from_ms - 1;
	b->until_ms = until_ms;
	b->total = backfill_count(u, from_ms, until_ms);
	return b;
}

int32_t control_backfill(struct unit *u, int64_t from_ms, int64_t until_ms, tappet_done_cb done, void *arg)
{
	const struct plugin *p = u->binding->plugin;
	char text[STATE_MAX], key[KEY_SIZE];
	if (u->backfill)
		return TAPPET_ESTATE;
	if (u->busy)
		return TAPPET_EBUSY;
	struct begin *begin = malloc(sizeof(*begin));
	struct backfill *b = backfill_new(u, from_ms, until_ms);
	int32_t r = begin && b ? TAPPET_OK : TAPPET_ENOMEM;
	if (r == TAPPET_OK) {
		*begin = (struct begin){u, b, done, arg};
		const size_t len = backfill_write(b, text);
		r = p->host->kv_put(p->self, u->binding->trigger, tappet_cstr(backfill_key(u, key)),
				    tappet_strn(text, len), begun, begin);
	}
	if (r == TAPPET_OK) {
		heap_remove(&u->binding->plugin->heap, u);
		unit_begin(u);
		return r;
	}
	free(begin);
	free(b);
	return r;
}

static void ended(void *arg, int32_t result)
{
	struct begin *begin = arg;
	const struct begin b = *begin;
	free(begin);
	if (result == TAPPET_OK) {
		free(b.unit->backfill);
		b.unit->backfill = NULL;
	}
	unit_settle(b.unit, true);
	b.done(b.arg, result);
}

int32_t control_backfill_end(struct unit *u, tappet_done_cb done, void *arg)
{
	const struct plugin *p = u->binding->plugin;
	char key[KEY_SIZE];
	if (!u->backfill)
		return TAPPET_ESTATE;
	if (u->busy)
		return TAPPET_EBUSY;
	struct begin *begin = malloc(sizeof(*begin));
	if (!begin)
		return TAPPET_ENOMEM;
	*begin = (struct begin){u, NULL, done, arg};
	const int32_t r = p->host->kv_put(p->self, u->binding->trigger, tappet_cstr(backfill_key(u, key)),
					  tappet_strn(NULL, 0), ended, begin);
	if (r < 0)
		free(begin);
	else
		unit_begin(u);
	return r;
}
