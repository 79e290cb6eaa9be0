/* What to do with the instants of a schedule that are due: one step at a time, the oldest first, each with the new cursor
 * as its checkpoint.
 *
 *     cursor      late: longer ago than `grace`          limit = now - jitter
 *        |-------o----------o----------|---o----------------|
 *                 by `misfire`            fires, on time                                                      */
#include <stdlib.h>
#include "schedule.h"

/* How many instants a step looks at one by one at most. */
#define EACH_MAX 5000

/* Something of a schedule on its way to the store. */
struct op {
	struct unit *unit;
	int64_t at_ms; /* of a fire */
	struct state_change change;
	uint64_t fingerprint; /* of the rules that it was of */
	bool late, keeps_state;
};

void unit_begin(struct unit *u)
{
	u->busy = true;
	plugin_begin(u->binding->plugin);
}

void unit_settle(struct unit *u, bool settled)
{
	struct plugin *p = u->binding->plugin;
	u->busy = false;
	if (u->gone)
		clock_bury(u);
	else if (settled)
		clock_ready(p, u);
	else
		clock_retry(p, u);
	plugin_end(p);
}

enum step step_of_error(int32_t error)
{
	switch (error) {
	case TAPPET_OK:
		return STEP_BUSY;
	case TAPPET_EBUSY:
		return STEP_BLOCKED;
	default:
		return STEP_RETRY;
	}
}

static struct op *op_new(struct unit *u, int64_t cursor_ms, uint32_t missed)
{
	struct op *op = malloc(sizeof(*op));
	if (op)
		*op = (struct op){
			.unit = u,
			.fingerprint = u->fingerprint,
			.change = {.cursor_ms = cursor_ms, .missed = missed},
		};
	return op;
}

/* What was on its way has been decided. Rules that have changed meanwhile have a cursor of their own. */
static void take_change(struct unit *u, const struct op *op)
{
	const struct state_change *change = &op->change;
	if (u->fingerprint != op->fingerprint)
		return;
	u->cursor_ms = change->cursor_ms;
	u->missed = change->missed;
	if (u->quiet_ms <= u->cursor_ms)
		u->quiet_ms = 0;
	if (u->skip_ms <= u->cursor_ms)
		u->skip_ms = 0;
	/* The clock may have been set back meanwhile. */
	clock_check_cursor(u->binding->plugin, u, plugin_now(u->binding->plugin));
}

/* ---- Accounts ---- */

static void accounted(void *arg, int32_t result)
{
	struct op *op = arg;
	struct unit *u = op->unit;
	if (result == TAPPET_OK)
		take_change(u, op);
	free(op);
	unit_settle(u, result == TAPPET_OK);
}

struct range {
	int64_t first_ms, last_ms, count;
	bool more; /* it ends before the last of them */
};

static enum step account(struct unit *u, const struct range *range, int32_t outcome, uint32_t missed)
{
	const struct plugin *p = u->binding->plugin;
	char text[STATE_MAX], key[KEY_SIZE], id[UNIT_ID_SIZE];
	struct op *op = op_new(u, range->last_ms, missed);
	if (!op)
		return STEP_RETRY;
	const size_t len = state_write(u, &op->change, text);
	const tappet_checkpoint state = {tappet_cstr(state_key(u, key)), tappet_strn(text, len)};
	const tappet_account a = {
		.struct_size = sizeof(a),
		.first_ms = range->first_ms,
		.last_ms = range->last_ms,
		.count = range->count,
		.outcome = outcome,
		.checkpoints = &state,
		.checkpoint_count = 1,
		.checkpoint_size = sizeof(state),
		.subject = tappet_cstr(u->object ? unit_id(u, id) : NULL),
	};
	const int32_t r = p->host->account(u->binding->trigger, &a, accounted, op);
	if (r < 0) {
		free(op);
		return step_of_error(r);
	}
	p->host->metric_add(p->accounted, (double)range->count);
	unit_begin(u);
	return STEP_BUSY;
}

/* ---- Fires ---- */

/* Whether the host commits the checkpoint with this outcome. */
static bool commits_state(const tappet_result *result)
{
	return result->outcome == TAPPET_OK || result->outcome == TAPPET_EDUP ||
	       (result->outcome == TAPPET_EREFUSED &&
		(result->reason == TAPPET_REASON_FILTER || result->reason == TAPPET_REASON_OVERLAP ||
		 result->reason == TAPPET_REASON_DISABLED));
}

static void fired(void *arg, const tappet_result *result)
{
	struct op *op = arg;
	struct unit *u = op->unit;
	const struct plugin *p = u->binding->plugin;
	const bool final = emit_is_final(result);
	if (final && !op->keeps_state)
		take_change(u, op);
	u->unsaved = u->unsaved || (final && !commits_state(result));
	if (result->outcome == TAPPET_OK) {
		p->host->metric_add(op->late ? p->late : p->fired, 1);
		p->host->metric_observe(p->lateness, (double)(plugin_now(p) - op->at_ms) / 1000);
	}
	if (op->keeps_state && !final)
		u->reboot = true;
	free(op);
	unit_settle(u, final);
}

static void log_dropped(const struct unit *u, int32_t error)
{
	char id[UNIT_ID_SIZE];
	plugin_log(u->binding->plugin, TAPPET_LOG_ERROR,
		   error == TAPPET_ETOOBIG ? "a fire is too large to be handed over" : "the host does not take a fire",
		   "schedule", unit_id(u, id));
}

static enum step fire(struct unit *u, int64_t at_ms, bool late)
{
	const uint32_t missed = late ? u->missed : 0;
	char text[STATE_MAX], key[KEY_SIZE];
	struct op *op = op_new(u, at_ms, late ? 0 : u->missed);
	if (!op)
		return STEP_RETRY;
	op->late = late;
	op->at_ms = at_ms;
	const size_t len = state_write(u, &op->change, text);
	const tappet_checkpoint state = {tappet_cstr(state_key(u, key)), tappet_strn(text, len)};
	const struct shot shot = {
		.at_ms = at_ms, .fired_ms = plugin_now(u->binding->plugin), .missed = missed, .late = late};
	const int32_t r = emit_fire(u, &shot, &state, 1, fired, op);
	if (r == TAPPET_OK) {
		unit_begin(u);
		return STEP_BUSY;
	}
	free(op);
	if (r == TAPPET_ETOOBIG || r == TAPPET_EINVAL) {
		log_dropped(u, r);
		return account(u, &(struct range){at_ms, at_ms, 1, false}, TAPPET_ACCOUNT_DROPPED, 0);
	}
	return step_of_error(r);
}

/* @reboot: the daemon has started; no cursor goes with it. */
static enum step fire_reboot(struct unit *u)
{
	struct op *op = op_new(u, u->cursor_ms, u->missed);
	if (!op)
		return STEP_RETRY;
	op->keeps_state = true;
	/* Of all tries the same: the first may have been stored. */
	op->at_ms = u->binding->plugin->started_ms;
	const struct shot shot = {.at_ms = op->at_ms, .fired_ms = plugin_now(u->binding->plugin)};
	const int32_t r = emit_fire(u, &shot, NULL, 0, fired, op);
	u->reboot = r != TAPPET_OK && r != TAPPET_ETOOBIG && r != TAPPET_EINVAL;
	if (r < 0) {
		free(op);
		if (!u->reboot)
			log_dropped(u, r);
		return u->reboot ? step_of_error(r) : STEP_IDLE;
	}
	unit_begin(u);
	return STEP_BUSY;
}

/* ---- Late ones ---- */

/* The first `count` of them, as a range. */
static struct range oldest(const struct unit *u, int64_t first_ms, int64_t count)
{
	struct range range = {first_ms, first_ms, 1, false};
	struct schedule_fire next;
	while (range.count < count && range.count < EACH_MAX && schedule_next(u->schedule, range.last_ms, &next) == 0) {
		range.last_ms = next.at_ms;
		range.count++;
	}
	return range;
}

static uint32_t add_missed(const struct unit *u, int64_t count)
{
	const int64_t sum = (int64_t)u->missed + count;
	return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static enum step miss(struct unit *u, const struct range *range, bool told)
{
	return account(u, range, TAPPET_ACCOUNT_MISSED, told ? add_missed(u, range->count) : 0);
}

/* The newest of them, for all. */
static enum step late_once(struct unit *u, const struct range *late, int64_t window_from_ms)
{
	struct schedule_fire last;
	if (late->last_ms < window_from_ms)
		return miss(u, late, false);
	if (late->count == 1)
		return fire(u, late->last_ms, true);
	struct range rest = {.first_ms = late->first_ms};
	rest.count = schedule_count(u->schedule, u->cursor_ms, late->last_ms - 1, EACH_MAX, &last);
	rest.last_ms = last.at_ms;
	return miss(u, &rest, true);
}

static enum step late_all(struct unit *u, const struct range *late, int64_t window_from_ms)
{
	struct schedule_fire last;
	int64_t given_up = schedule_count(u->schedule, u->cursor_ms, window_from_ms - 1, EACH_MAX, &last);
	if (given_up < late->count - u->policy->max)
		given_up = late->count - u->policy->max;
	if (given_up <= 0)
		return fire(u, late->first_ms, true);
	const struct range range = oldest(u, late->first_ms, given_up);
	return miss(u, &range, true);
}

static enum step late_step(struct unit *u, const struct range *late, int64_t now_ms)
{
	const int64_t window_from_ms = now_ms - u->policy->window_ms;
	/* Late for want of room in the store, which is no reason to leave it out. */
	if (u->policy->misfire == MISFIRE_SKIP && u->in_time)
		return fire(u, late->first_ms, true);
	/* There are more than were looked at, which only those with exclusions have to be: the rest comes next. */
	if (u->policy->misfire == MISFIRE_SKIP || (u->policy->misfire == MISFIRE_ONCE && late->more))
		return miss(u, late, u->policy->misfire != MISFIRE_SKIP);
	return u->policy->misfire == MISFIRE_ONCE ? late_once(u, late, window_from_ms)
						  : late_all(u, late, window_from_ms);
}

/* ---- The next step ---- */

static bool find_range(const struct unit *u, int64_t first_ms, int64_t until_ms, struct range *ret)
{
	struct schedule_fire last = {.at_ms = first_ms}, next;
	*ret = (struct range){.first_ms = first_ms};
	ret->count = schedule_count(u->schedule, u->cursor_ms, until_ms, EACH_MAX, &last);
	ret->last_ms = last.at_ms;
	ret->more = ret->count > 0 && schedule_next(u->schedule, last.at_ms, &next) == 0 && next.at_ms <= until_ms;
	return ret->count > 0;
}

static enum step due_step(struct unit *u, int64_t now_ms)
{
	struct schedule_fire first;
	struct range range;
	int64_t limit_ms = now_ms - u->jitter_ms;
	if (schedule_next(u->schedule, u->cursor_ms, &first) < 0)
		return STEP_IDLE;
	if (u->quiet_ms && find_range(u, first.at_ms, u->quiet_ms, &range))
		return account(u, &range, TAPPET_ACCOUNT_PAUSED, u->missed);
	if (unit_is_paused(u) || first.at_ms > limit_ms)
		return STEP_IDLE;
	if (first.at_ms == u->skip_ms)
		return account(u, &(struct range){first.at_ms, first.at_ms, 1, false}, TAPPET_ACCOUNT_SKIPPED,
			       u->missed);
	if (u->skip_ms > u->cursor_ms && u->skip_ms <= limit_ms)
		limit_ms = u->skip_ms - 1;
	if (find_range(u, first.at_ms, limit_ms - u->policy->grace_ms - 1, &range))
		return late_step(u, &range, now_ms);
	return fire(u, first.at_ms, false);
}

static void state_is_put(void *arg, int32_t result)
{
	struct unit *u = arg;
	u->unsaved = u->unsaved || result != TAPPET_OK;
	unit_settle(u, result == TAPPET_OK);
}

static enum step save(struct unit *u)
{
	const int32_t r = state_put(u, state_is_put, u);
	if (r < 0)
		return STEP_RETRY;
	u->unsaved = false;
	unit_begin(u);
	return STEP_BUSY;
}

enum step fire_step(struct unit *u)
{
	const struct plugin *p = u->binding->plugin;
	if (u->busy || u->binding->removed || p->stopping)
		return STEP_IDLE;
	if (u->unsaved)
		return save(u);
	if (u->reboot && !unit_is_paused(u))
		return fire_reboot(u);
	u->reboot = false;
	const enum step step = due_step(u, plugin_now(p));
	return step == STEP_IDLE && u->backfill ? backfill_step(u) : step;
}
