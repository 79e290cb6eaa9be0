/* Activities, one by one and in lists. */
#include "store/sqlite/internal.h"

#include <errno.h>

#define PAYLOAD_MAX ((size_t)8 << 20)
/* A list that filters looks at so many rows per snapshot, so that a rare status does not pin the journal. */
#define STRETCH 5000

static const uint8_t newest_bound[ID_BLOB] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

/* The columns of ACTIVITY_COLUMNS in sql.c. */
static int take_row(struct store_request *q, sqlite3_stmt *st, struct store_activity_row *row)
{
	int error = 0;
	id_from_column(st, 0, row->id);
	id_from_column(st, 1, row->workflow_id);
	id_from_column(st, 2, row->revision_id);
	row->revision = (uint32_t)sqlite3_column_int64(st, 3);
	row->status = (enum status)sqlite3_column_int(st, 4);
	row->trigger = column_copy(q, st, 5, NULL, &error);
	row->trigger_id = column_copy(q, st, 6, NULL, &error);
	row->message = column_copy(q, st, 7, NULL, &error);
	row->created_ms = sqlite3_column_int64(st, 8);
	row->started_ms = sqlite3_column_int64(st, 9);
	row->ended_ms = sqlite3_column_int64(st, 10);
	row->give_way = sqlite3_column_int(st, 11);
	row->turn = sqlite3_column_int(st, 12);
	row->lane = column_copy(q, st, 13, &row->lane_len, &error);
	return error;
}

static int take_input(struct store_request *q, sqlite3_stmt *st, struct store_activity_row *row)
{
	int error = 0;
	row->params = column_copy(q, st, 14, NULL, &error);
	row->cause = column_copy(q, st, 15, NULL, &error);
	row->payload = column_copy(q, st, 16, &row->payload_len, &error);
	return error;
}

static int take_step(struct store_request *q, sqlite3_stmt *st, struct store_step_row *step)
{
	int error = 0;
	step->index = (uint32_t)sqlite3_column_int64(st, 0);
	step->status = (enum status)sqlite3_column_int(st, 1);
	step->attempt = (uint32_t)sqlite3_column_int64(st, 2);
	step->retries = (uint32_t)sqlite3_column_int64(st, 3);
	step->started_ms = sqlite3_column_int64(st, 4);
	step->ended_ms = sqlite3_column_int64(st, 5);
	step->wake_ms = sqlite3_column_int64(st, 6);
	step->outputs = column_copy(q, st, 7, NULL, &error);
	step->message = column_copy(q, st, 8, NULL, &error);
	step->exit_code = sqlite3_column_int(st, 9);
	return error;
}

static int take_steps(struct database *c, struct store_request *q, const uint8_t *id, struct rows *rows)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, SQL_READ_STEPS, &st, "d", id);
	while (r == 0 && (r = sql_step(c, st)) > 0) {
		struct store_step_row *step = rows_add(rows);
		r = step ? take_step(q, st, step) : -ENOMEM;
	}
	sqlite3_reset(st);
	return r;
}

static int read_row(struct database *c, struct store_request *q, const uint8_t *id, struct store_activity_row *row)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, SQL_READ_ACTIVITY, &st, "d", id);
	if (r == 0)
		r = sql_step(c, st);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = take_row(q, st, row);
	if (r == 0)
		r = take_input(q, st, row);
	sqlite3_reset(st);
	return r;
}

int read_one_activity(struct database *c, struct store_request *q)
{
	uint8_t id[ID_BLOB];
	if (id_to_blob(q->id, id) < 0)
		return -ENOENT;
	int r = read_row(c, q, id, &q->activity);
	return r < 0 ? r : take_steps(c, q, id, &q->rows);
}

/* Ids begin with their time, which is never before created_ms. */
static void bound_of_time(int64_t time_ms, uint8_t ret[static ID_BLOB])
{
	memset(ret, 0, ID_BLOB);
	for (int i = 0; i < 6 && time_ms > 0; i++)
		ret[i] = (uint8_t)((uint64_t)time_ms >> (40 - 8 * i));
}

struct listing {
	uint8_t before[ID_BLOB], since[ID_BLOB], workflow[ID_BLOB];
};

/* One status that has its part of the index; -1: none or several, or the completed ones, which are in no index. */
static int64_t only_status(unsigned statuses)
{
	for (int i = 0; i < 32; i++)
		if (statuses == 1u << i)
			return i == STATUS_COMPLETED ? -1 : i;
	return -1;
}

static int bind_listing(struct database *c, const struct store_request *q, const struct listing *l, sqlite3_stmt **ret)
{
	int64_t limit = STRETCH;
	int64_t status = only_status(q->statuses);
	if (q->id[0])
		return sql_bind(c, q->causes ? SQL_LIST_WORKFLOW_CAUSES : SQL_LIST_WORKFLOW, ret, "ddid", l->before,
				l->since, limit, l->workflow);
	if (status >= 0)
		return sql_bind(c, SQL_LIST_STATUS, ret, "ddii", l->before, l->since, limit, status);
	return sql_bind(c, SQL_LIST_ALL, ret, "ddi", l->before, l->since, limit);
}

static bool column_is(sqlite3_stmt *st, int column, const char *text)
{
	const char *value = (const char *)sqlite3_column_text(st, column);
	return value && strcmp(value, text) == 0;
}

static bool wanted(const struct store_request *q, sqlite3_stmt *st)
{
	const int64_t created_ms = sqlite3_column_int64(st, 8);
	if (q->statuses && !(q->statuses & 1u << sqlite3_column_int(st, 4)))
		return false;
	if (created_ms < q->since_ms || (q->until_ms && created_ms >= q->until_ms))
		return false;
	if (q->trigger && !column_is(st, 5, q->trigger) && !column_is(st, 6, q->trigger))
		return false;
	if (!q->workflow_ids)
		return true;
	char id[ID_SIZE];
	id_from_column(st, 1, id);
	return strstr(q->workflow_ids, id) != NULL;
}

/* One stretch. *ret_end: the list is complete. */
static int list_stretch(struct database *c, struct store_request *q, struct listing *l, bool *ret_end)
{
	sqlite3_stmt *st = NULL;
	uint8_t last[ID_BLOB];
	size_t seen = 0;
	int r = bind_listing(c, q, l, &st);

	while (r == 0 && q->rows.count < q->limit && (r = sql_step(c, st)) > 0) {
		r = 0;
		seen++;
		memcpy(last, sqlite3_column_blob(st, 0), ID_BLOB);
		if (!wanted(q, st))
			continue;
		struct store_activity_row *row = rows_add(&q->rows);
		r = row ? take_row(q, st, row) : -ENOMEM;
		if (r == 0 && q->causes)
			row->cause = column_copy(q, st, 14, NULL, &r);
	}
	sqlite3_reset(st);
	*ret_end = q->rows.count >= q->limit || seen < STRETCH;
	if (seen > 0)
		memcpy(l->before, last, ID_BLOB);
	return r;
}

int read_activities(struct database *c, struct store_request *q)
{
	struct listing l = {0};
	bool end = false;
	int r = 0;

	memcpy(l.before, newest_bound, ID_BLOB);
	if (q->cursor[0] && id_to_blob(q->cursor, l.before) < 0)
		return 0;
	if (q->id[0] && id_to_blob(q->id, l.workflow) < 0)
		return 0;
	if (q->workflow_ids && q->workflow_ids[0] == '\0')
		return 0;
	bound_of_time(q->since_ms, l.since);
	while (r == 0 && !end && q->limit > 0) {
		r = list_stretch(c, q, &l, &end);
		if (r == 0 && !end)
			r = sql_run(c, SQL_COMMIT, "");
		if (r == 0 && !end)
			r = sql_run(c, SQL_BEGIN_READ, "");
	}
	return r;
}

static int64_t limit_of(const struct store_request *q)
{
	return q->limit < INT64_MAX ? (int64_t)q->limit : INT64_MAX;
}

int read_runnable(struct database *c, struct store_request *q)
{
	uint8_t after[ID_BLOB] = {0}, workflow[ID_BLOB];
	sqlite3_stmt *st = NULL;

	if (q->cursor[0] && id_to_blob(q->cursor, after) < 0)
		return 0;
	if (q->id[0] && id_to_blob(q->id, workflow) < 0)
		return 0;
	int r = q->id[0] ? sql_bind(c, SQL_LIST_RUNNABLE, &st, "did", after, limit_of(q), workflow)
			 : sql_bind(c, SQL_LIST_RUNNABLE_OF_ALL, &st, "di", after, limit_of(q));
	while (r == 0 && q->arena.total < PAYLOAD_MAX && (r = sql_step(c, st)) > 0) {
		struct store_activity_row *row = rows_add(&q->rows);
		r = row ? take_row(q, st, row) : -ENOMEM;
		if (r == 0)
			r = take_input(q, st, row);
	}
	sqlite3_reset(st);
	return r;
}

/* The steps of a list's activities stand in the arena, since rows move while the list grows. */
static int attach_steps(struct database *c, struct store_request *q, const uint8_t *id, struct store_activity_row *row)
{
	struct rows steps = {.size = sizeof(struct store_step_row)};
	int r = take_steps(c, q, id, &steps);
	if (r == 0 && steps.count > 0) {
		struct store_step_row *copy = arena_alloc(&q->arena, steps.count * sizeof(*copy));
		if (copy)
			memcpy(copy, steps.data, steps.count * sizeof(*copy));
		row->steps = copy;
		row->step_count = copy ? steps.count : 0;
		r = copy ? 0 : -ENOMEM;
	}
	free(steps.data);
	return r;
}

static int add_interrupted(struct database *c, struct store_request *q, const uint8_t *id)
{
	struct store_activity_row *row = rows_add(&q->rows);
	int r = row ? read_row(c, q, id, row) : -ENOMEM;
	return r < 0 ? r : attach_steps(c, q, id, row);
}

/* The ids come from two ranges of one index; sorting the rows themselves would hold all their payloads at once. */
int read_interrupted(struct database *c, struct store_request *q)
{
	uint8_t id[ID_BLOB] = {0};
	sqlite3_stmt *st = NULL;

	if (q->cursor[0] && id_to_blob(q->cursor, id) < 0)
		return 0;
	int r = sql_bind(c, SQL_LIST_INTERRUPTED, &st, "di", id, limit_of(q));
	while (r == 0 && q->arena.total < PAYLOAD_MAX && (r = sql_step(c, st)) > 0)
		r = add_interrupted(c, q, sqlite3_column_blob(st, 0));
	sqlite3_reset(st);
	return r;
}
