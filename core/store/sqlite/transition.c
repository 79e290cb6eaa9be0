/* Compare-and-set of an activity's status, changes of its steps, and the events that tell of them. */
#include "store/sqlite/internal.h"

#include <errno.h>

/* An end makes room for one; more only where the lane has become wider. */
#define TURNS_MAX 64

struct current {
	enum status status;
	int64_t workflow, started_ms, lane_limit;
	char workflow_id[ID_SIZE];
	bool in_lane;
	size_t lane_len;
	char lane[STORE_LANE_KEY_MAX];
};

static int take_lane(sqlite3_stmt *st, struct current *ret)
{
	size_t len = (size_t)sqlite3_column_bytes(st, 4);
	ret->in_lane = sqlite3_column_type(st, 4) != SQLITE_NULL;
	ret->lane_limit = sqlite3_column_int64(st, 5);
	if (len > sizeof(ret->lane))
		return -EILSEQ;
	if (len > 0)
		memcpy(ret->lane, sqlite3_column_blob(st, 4), len);
	ret->lane_len = len;
	return 0;
}

static int find_activity(struct backend *b, const uint8_t *id, struct current *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_FIND_ACTIVITY, &st, "d", id);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	ret->status = (enum status)sqlite3_column_int(st, 0);
	ret->workflow = sqlite3_column_int64(st, 1);
	ret->started_ms = sqlite3_column_int64(st, 2);
	id_from_column(st, 3, ret->workflow_id);
	r = take_lane(st, ret);
	sqlite3_reset(st);
	return r;
}

static int add_event(struct backend *b, struct store_transition *t, const struct current *current, enum event_type type,
		     const char *data)
{
	struct event *e = event_append(&t->ret_events, &t->ret_event_count);
	if (!e)
		return -ENOMEM;
	e->data = strdup(data);
	if (!e->data)
		return -ENOMEM;
	e->time_ms = t->now_ms;
	e->type = type;
	memcpy(e->workflow_id, current->workflow_id, ID_SIZE);
	memcpy(e->activity_id, t->id, ID_SIZE);
	return event_add(b, e, current->workflow);
}

static int step_event(struct backend *b, struct store_transition *t, const struct current *current,
		      const struct store_step_change *step)
{
	char data[100];
	enum event_type type = status_is_final(step->status) ? EVENT_STEP_ENDED : EVENT_STEP_STARTED;

	if (step->status == STATUS_NOTSTARTED)
		return 0;
	if (step->status == STATUS_WAITING)
		type = EVENT_STEP_WAITING;
	snprintf(data, sizeof(data), "{\"order\":%lu,\"attempt\":%lu,\"status\":\"%s\"}",
		 (unsigned long)step->index + 1, (unsigned long)step->attempt, status_name(step->status));
	return add_event(b, t, current, type, data);
}

static int change_steps(struct backend *b, struct store_transition *t, const struct current *current, const uint8_t *id)
{
	int r = 0;
	for (size_t i = 0; i < t->step_count && r == 0; i++) {
		const struct store_step_change *step = &t->steps[i];
		r = sql_run(&b->writer, SQL_CHANGE_STEP, "diiiiiiiitt", id, (int64_t)step->index, (int64_t)step->status,
			    (int64_t)step->attempt, (int64_t)step->retries, step->started_ms, step->ended_ms,
			    step->wake_ms, (int64_t)step->exit_code, step->outputs, step->message);
		if (r == 0)
			r = step_event(b, t, current, step);
	}
	return r;
}

static bool activity_event_type(enum status from, enum status to, enum event_type *ret)
{
	static const enum event_type types[] = {
		[STATUS_COMPLETED] = EVENT_ACTIVITY_COMPLETED,
		[STATUS_FAILURE] = EVENT_ACTIVITY_FAILED,
		[STATUS_INVALID] = EVENT_ACTIVITY_INVALID,
		[STATUS_CANCELLED] = EVENT_ACTIVITY_CANCELLED,
	};
	if (from == to)
		return false;
	if (to == STATUS_INPROGRESS && from == STATUS_NOTSTARTED) {
		*ret = EVENT_ACTIVITY_STARTED;
		return true;
	}
	if (!status_is_final(to) || (size_t)to >= sizeof(types) / sizeof(types[0]))
		return false;
	*ret = types[to];
	return true;
}

static int activity_event(struct backend *b, struct store_transition *t, const struct current *current)
{
	enum event_type type;
	char data[60];
	if (!activity_event_type(current->status, t->to, &type))
		return 0;
	snprintf(data, sizeof(data), "{\"status\":\"%s\"}", status_name(t->to));
	return add_event(b, t, current, type, data);
}

static int change_activity(struct backend *b, const struct store_transition *t, const struct current *current,
			   const uint8_t *id)
{
	int64_t started_ms = current->started_ms;
	if (t->to == current->status && !t->message)
		return 0;
	if (t->to == STATUS_INPROGRESS && started_ms == 0)
		started_ms = t->now_ms;
	b->now.waiting += (t->to == STATUS_NOTSTARTED) - (current->status == STATUS_NOTSTARTED);
	return sql_run(&b->writer, SQL_CHANGE_ACTIVITY, "diiit", id, (int64_t)t->to, started_ms,
		       status_is_final(t->to) ? t->now_ms : 0, t->message);
}

/* The event of a beginning comes before those of the steps, that of an end behind them. */
static int change(struct backend *b, struct store_transition *t, const struct current *current, const uint8_t *id)
{
	bool ends = status_is_final(t->to);
	int r = change_activity(b, t, current, id);
	if (r == 0 && !ends)
		r = activity_event(b, t, current);
	if (r == 0)
		r = change_steps(b, t, current, id);
	if (r == 0 && ends)
		r = activity_event(b, t, current);
	if (r == 0 && ends && current->in_lane) {
		struct lane lane = {current->workflow, current->lane, current->lane_len};
		r = lane_give_turns(b, &lane, current->lane_limit, TURNS_MAX, &t->ret_turns);
	}
	return r;
}

int apply_transition(struct backend *b, struct store_transition *t)
{
	struct current current;
	uint8_t id[ID_BLOB];

	t->ret_turns = 0;
	int r = id_to_blob(t->id, id) < 0 ? -ENOENT : find_activity(b, id, &current);
	if (r == -ENOENT) {
		t->op.status = r;
		return 0;
	}
	if (r < 0)
		return r;
	if (t->from_any ? status_is_final(current.status) : current.status != t->from) {
		t->op.status = -ESTALE;
		return 0;
	}
	return change(b, t, &current, id);
}
