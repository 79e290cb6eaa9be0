/* Lanes: how many of an activity's kind may have their turn at once, and who is next. Nothing here looks at more rows
 * than the lane's limits allow, however many wait in it. */
#include "store/sqlite/internal.h"

#include <errno.h>

/* No transaction marks or wakes more than this; what is left comes with the next one. */
#define GIVE_WAY_MAX 256

int lane_limit(struct backend *b, int64_t workflow, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_LANE_LIMIT, &st, "i", workflow);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

/* Up to `max`. */
static int count(struct backend *b, enum sql which, const struct lane *lane, int64_t max, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, which, &st, "ibi", lane->workflow, lane->key, lane->key_len, max);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

/* Those that wait already come first. */
static int has_room(struct backend *b, const struct lane *lane, int64_t limit, bool *ret)
{
	int64_t turns = 0, queued = 0;
	int r = count(b, SQL_COUNT_TURNS, lane, limit, &turns);
	if (r == 0 && turns < limit)
		r = count(b, SQL_COUNT_QUEUED, lane, 1, &queued);
	if (r == 0)
		*ret = turns < limit && queued == 0;
	return r;
}

static int plan_skip(struct backend *b, const struct lane *lane, int64_t limit, struct lane_plan *plan)
{
	int64_t open = 0;
	int r = count(b, SQL_COUNT_IN_LANE, lane, limit, &open);
	plan->taken = open >= limit;
	plan->turn = !plan->taken;
	return r;
}

static int plan_queue(struct backend *b, const struct lane *lane, const struct store_lane *terms,
		      struct lane_plan *plan)
{
	int64_t queued = 0;
	int r = has_room(b, lane, terms->limit, &plan->turn);
	if (r == 0 && !plan->turn && terms->queue_max > 0)
		r = count(b, SQL_COUNT_QUEUED, lane, terms->queue_max, &queued);
	plan->full = terms->queue_max > 0 && queued >= terms->queue_max;
	return r;
}

static int plan_cancel(struct backend *b, const struct lane *lane, int64_t limit, struct lane_plan *plan)
{
	int64_t unmarked = 0, staying = limit - 1;
	int r = has_room(b, lane, limit, &plan->turn);
	if (r == 0)
		r = count(b, SQL_COUNT_UNMARKED, lane, staying + GIVE_WAY_MAX, &unmarked);
	plan->give_way = unmarked > staying ? (size_t)(unmarked - staying) : 0;
	return r;
}

int lane_plan(struct backend *b, const struct lane *lane, const struct store_lane *terms, struct lane_plan *ret)
{
	struct lane_plan plan = {0};
	int r = -EINVAL;

	switch (terms->overlap) {
	case STORE_OVERLAP_SKIP:
		r = plan_skip(b, lane, terms->limit, &plan);
		break;
	case STORE_OVERLAP_QUEUE:
		r = plan_queue(b, lane, terms, &plan);
		break;
	case STORE_OVERLAP_CANCEL:
		r = plan_cancel(b, lane, terms->limit, &plan);
		break;
	}
	if (r == 0)
		*ret = plan;
	return r;
}

int lane_oldest(struct backend *b, const struct lane *lane, char ret_id[static ID_SIZE])
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_OLDEST_IN_LANE, &st, "ib", lane->workflow, lane->key, lane->key_len);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	id_from_column(st, 0, ret_id);
	sqlite3_reset(st);
	return ret_id[0] ? 1 : 0;
}

/* The ids that a statement finds, as struct id. */
struct id {
	uint8_t blob[ID_BLOB];
};

static int collect(struct backend *b, enum sql which, const struct lane *lane, size_t max, struct rows *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, which, &st, "ibi", lane->workflow, lane->key, lane->key_len, (int64_t)max);
	while (r == 0 && (r = sql_step(&b->writer, st)) > 0) {
		struct id *id = rows_add(ret);
		if (id)
			memcpy(id->blob, sqlite3_column_blob(st, 0), ID_BLOB);
		r = id ? 0 : -ENOMEM;
	}
	sqlite3_reset(st);
	return r;
}

static int change_all(struct backend *b, enum sql which, const struct rows *rows)
{
	const struct id *ids = rows->data;
	int r = 0;
	for (size_t i = 0; i < rows->count && r == 0; i++)
		r = sql_run(&b->writer, which, "d", ids[i].blob);
	return r;
}

int lane_give_way(struct backend *b, const struct lane *lane, struct store_admit *a, size_t count)
{
	struct rows rows = {.size = sizeof(struct id)};
	int r = collect(b, SQL_OLDEST_UNMARKED, lane, count, &rows);
	if (r == 0)
		r = change_all(b, SQL_GIVE_WAY, &rows);
	if (r == 0) {
		a->ret_give_way = calloc(rows.count + 1, sizeof(*a->ret_give_way));
		r = a->ret_give_way ? 0 : -ENOMEM;
	}
	const struct id *ids = rows.data;
	for (size_t i = 0; r == 0 && i < rows.count; i++)
		id_from_blob(ids[i].blob, a->ret_give_way[i]);
	if (r == 0)
		a->ret_give_way_count = rows.count;
	free(rows.data);
	return r;
}

int lane_give_turns(struct backend *b, const struct lane *lane, int64_t limit, size_t max, size_t *ret_turns)
{
	struct rows rows = {.size = sizeof(struct id)};
	int64_t turns = 0;
	int r = limit > 0 ? count(b, SQL_COUNT_TURNS, lane, limit, &turns) : 0;
	if (r < 0 || (limit > 0 && turns >= limit))
		return r;
	if (limit > 0 && (uint64_t)(limit - turns) < max)
		max = (size_t)(limit - turns);
	r = collect(b, SQL_OLDEST_QUEUED, lane, max, &rows);
	if (r == 0)
		r = change_all(b, SQL_GIVE_TURN, &rows);
	if (r == 0)
		*ret_turns += rows.count;
	free(rows.data);
	return r;
}
