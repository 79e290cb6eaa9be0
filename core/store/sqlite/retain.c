/* Deletes what is past its time or too much, a few rows at a time, so that nobody waits long for it. */
#include "store/sqlite/internal.h"

#include <errno.h>

#define REST_MS 60000
/* Rows that must stay although they are past their time: with more of them than this, going round takes a rest. */
#define KEPT_MAX 1000
/* An activity has rows in other tables too. */
#define ROWS_PER_ACTIVITY 4
/* They go as one range, and an activity has several. */
#define EVENTS_PER_ROW 5

/* A table whose rows go only from the old end on, so that the numbers that stay have no hole. */
struct series {
	enum sql oldest, delete;
};
static const struct series events = {SQL_OLDEST_EVENTS, SQL_DELETE_EVENTS};
static const struct series actions = {SQL_OLDEST_ACTIONS, SQL_DELETE_ACTIONS};

static int delete_old(struct backend *b, const struct series *series, int64_t before_ms, int64_t rows, bool *more)
{
	sqlite3_stmt *st = NULL;
	int64_t last = 0, count = 0;
	int r = sql_bind(&b->writer, series->oldest, &st, "i", rows);

	while (r == 0 && (r = sql_step(&b->writer, st)) > 0) {
		r = 0;
		if (sqlite3_column_int64(st, 1) >= before_ms) {
			sqlite3_reset(st);
			break;
		}
		last = sqlite3_column_int64(st, 0);
		count++;
	}
	if (r < 0 || count == 0)
		return r;
	*more = *more || count == rows;
	return sql_run(&b->writer, series->delete, "i", last);
}

/* Their numbers have no hole, so nobody needs to count them. */
static int delete_events_beyond(struct backend *b, int64_t max, int64_t rows, bool *more)
{
	sqlite3_stmt *st = NULL;
	int64_t last = b->now.event_seq - max;
	int r = sql_bind(&b->writer, SQL_OLDEST_EVENT_KEPT, &st, "");
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	bool none = sqlite3_column_type(st, 0) == SQLITE_NULL;
	int64_t oldest = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	if (none || oldest > last)
		return 0;
	if (last - oldest >= rows) {
		last = oldest + rows - 1;
		*more = true;
	}
	return sql_run(&b->writer, SQL_DELETE_EVENTS, "i", last);
}

static int delete_counted(struct backend *b, enum sql which, int64_t before_ms, bool *more)
{
	int r = sql_run(&b->writer, which, "i", before_ms);
	if (r == 0 && sqlite3_changes(b->writer.db) > 0)
		*more = true;
	return r;
}

struct expired {
	int64_t scope;
	void *key;
	size_t key_len;
};

static int collect_expired(struct backend *b, int64_t now_ms, int64_t rows, struct arena *arena, struct rows *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_EXPIRED_DEDUP, &st, "ii", now_ms, rows);
	while (r == 0 && (r = sql_step(&b->writer, st)) > 0) {
		struct expired *expired = rows_add(ret);
		r = expired ? 0 : -ENOMEM;
		if (r < 0)
			break;
		expired->scope = sqlite3_column_int64(st, 0);
		expired->key_len = (size_t)sqlite3_column_bytes(st, 1);
		expired->key = arena_copy(arena, sqlite3_column_blob(st, 1), expired->key_len);
		r = expired->key ? 0 : -ENOMEM;
	}
	sqlite3_reset(st);
	return r;
}

static int delete_dedup(struct backend *b, int64_t now_ms, int64_t rows, bool *more)
{
	struct rows found = {.size = sizeof(struct expired)};
	struct arena arena = {0};
	int r = collect_expired(b, now_ms, rows, &arena, &found);
	const struct expired *expired = found.data;
	for (size_t i = 0; i < found.count && r == 0; i++)
		r = sql_run(&b->writer, SQL_DELETE_DEDUP, "ib", expired[i].scope, expired[i].key, expired[i].key_len);
	*more = *more || found.count == (size_t)rows;
	free(found.data);
	arena_release(&arena);
	return r;
}

static int delete_activity(struct backend *b, const uint8_t *id, int64_t input)
{
	int r = sql_run(&b->writer, SQL_DELETE_LOGS, "d", id);
	if (r == 0)
		r = sql_run(&b->writer, SQL_DELETE_STEPS, "d", id);
	if (r == 0)
		r = sql_run(&b->writer, SQL_DELETE_INPUT, "i", input);
	if (r == 0)
		r = sql_run(&b->writer, SQL_DELETE_ACTIVITY, "d", id);
	if (r == 0)
		b->now.activities--;
	return r;
}

struct doomed {
	uint8_t id[ID_BLOB];
	int64_t input;
};

/* What a walk is after: what ended before a time, at most so many. */
struct sentence {
	int64_t now_ms, before_ms, count;
	uint8_t bound[ID_BLOB]; /* only ids below */
};

/* Collects from the next stretch of old activities what may go. *ret_end: the round is over. */
static int collect(struct backend *b, struct retain_walk *walk, const struct sentence *s, int64_t rows,
		   struct rows *ret, bool *ret_end)
{
	uint8_t last[ID_BLOB];
	sqlite3_stmt *st = NULL;
	int64_t seen = 0;

	int r = sql_bind(&b->writer, SQL_OLDEST_ACTIVITIES, &st, "ddi", walk->cursor, s->bound, rows);
	while (r == 0 && (int64_t)ret->count < s->count && (r = sql_step(&b->writer, st)) > 0) {
		r = 0;
		int64_t ended_ms = sqlite3_column_int64(st, 2);
		const void *id = sqlite3_column_blob(st, 0);
		bool stays = ended_ms == 0 || ended_ms >= s->before_ms || sqlite3_column_int64(st, 3) > s->now_ms;
		seen++;
		walk->kept += stays;
		struct doomed *doomed = stays ? NULL : rows_add(ret);
		if (!stays && !doomed)
			r = -ENOMEM;
		if (doomed) {
			memcpy(doomed->id, id, ID_BLOB);
			doomed->input = sqlite3_column_int64(st, 1);
		}
		memcpy(last, id, ID_BLOB);
	}
	sqlite3_reset(st);
	/* It is bound to the statement, so it moves only now. */
	if (seen > 0)
		memcpy(walk->cursor, last, ID_BLOB);
	*ret_end = seen < rows || (int64_t)ret->count == s->count;
	return r;
}

static void next_round(struct retain_walk *walk, int64_t now_ms)
{
	memset(walk->cursor, 0, ID_BLOB);
	walk->rest_ms = walk->kept > KEPT_MAX ? now_ms + REST_MS : 0;
	walk->kept = 0;
}

static int delete_activities(struct backend *b, struct retain_walk *walk, const struct sentence *s, int64_t rows,
			     bool *more)
{
	struct rows doomed = {.size = sizeof(struct doomed)};
	bool end = false;
	if (s->now_ms < walk->rest_ms)
		return 0;
	int r = collect(b, walk, s, rows / ROWS_PER_ACTIVITY, &doomed, &end);
	const struct doomed *list = doomed.data;
	for (size_t i = 0; i < doomed.count && r == 0; i++)
		r = delete_activity(b, list[i].id, list[i].input);
	free(doomed.data);
	if (r < 0)
		return r;
	if (end)
		next_round(walk, s->now_ms);
	else
		*more = true;
	return 0;
}

/* Ids begin with their time, which is never before created_ms. */
static int delete_aged(struct backend *b, int64_t now_ms, int64_t rows, bool *more)
{
	struct sentence s = {.now_ms = now_ms, .before_ms = now_ms - b->retention_activities_ms, .count = INT64_MAX};
	for (int i = 0; i < 6; i++)
		s.bound[i] = (uint8_t)((uint64_t)s.before_ms >> (40 - 8 * i));
	return delete_activities(b, &b->by_age, &s, rows, more);
}

/* The oldest that have ended, as many as there are too many. */
static int delete_beyond(struct backend *b, int64_t now_ms, int64_t rows, bool *more)
{
	struct sentence s = {.now_ms = now_ms, .before_ms = INT64_MAX};
	s.count = b->now.activities - b->retention_activities_max;
	memset(s.bound, 0xff, ID_BLOB);
	if (s.count <= 0)
		return 0;
	return delete_activities(b, &b->by_count, &s, rows, more);
}

static int retain_by_age(struct backend *b, int64_t now_ms, int64_t rows, bool *more)
{
	int64_t before_ms = now_ms - b->retention_activities_ms;
	int r = delete_counted(b, SQL_DELETE_REFUSALS, before_ms, more);
	if (r == 0)
		r = delete_counted(b, SQL_DELETE_ACCOUNTS, before_ms, more);
	if (r == 0)
		r = delete_old(b, &actions, before_ms, rows, more);
	return r < 0 ? r : delete_aged(b, now_ms, rows, more);
}

int retain(struct backend *b, int64_t now_ms, size_t rows, bool *ret_more)
{
	int64_t limit = (int64_t)rows, events_limit = limit * EVENTS_PER_ROW;
	int r = delete_dedup(b, now_ms, limit, ret_more);
	if (r == 0 && b->retention_events_ms > 0)
		r = delete_old(b, &events, now_ms - b->retention_events_ms, events_limit, ret_more);
	if (r == 0 && b->retention_events_max > 0)
		r = delete_events_beyond(b, b->retention_events_max, events_limit, ret_more);
	if (r == 0 && b->retention_activities_ms > 0)
		r = retain_by_age(b, now_ms, limit, ret_more);
	if (r == 0 && b->retention_activities_max > 0)
		r = delete_beyond(b, now_ms, limit, ret_more);
	return r;
}
