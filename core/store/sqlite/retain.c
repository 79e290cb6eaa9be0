/* Deletes what is past its time, a few rows at a time, so that nobody waits long for it. */
#include "store/sqlite/internal.h"

#include <errno.h>

#define REST_MS 60000
/* Rows that must stay although they are past their time: with more of them than this, going round takes a rest. */
#define KEPT_MAX 1000
/* An activity has rows in other tables too. */
#define ROWS_PER_ACTIVITY 4

static int delete_events(struct backend *b, int64_t before_ms, int64_t rows, bool *more)
{
	sqlite3_stmt *st = NULL;
	int64_t last = 0, count = 0;
	int r = sql_bind(&b->writer, SQL_OLDEST_EVENTS, &st, "i", rows);

	/* Only from the old end on, so that the numbers that stay have no hole. */
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
	return r < 0 ? r : sql_run(&b->writer, SQL_DELETE_ACTIVITY, "d", id);
}

struct doomed {
	uint8_t id[ID_BLOB];
	int64_t input;
};

/* Collects from the next stretch of old activities what may go. *ret_end: there is no further stretch. */
static int collect(struct backend *b, int64_t now_ms, int64_t before_ms, int64_t rows, struct rows *ret, bool *ret_end)
{
	uint8_t bound[ID_BLOB] = {0}, last[ID_BLOB];
	sqlite3_stmt *st = NULL;
	int64_t seen = 0;

	for (int i = 0; i < 6; i++)
		bound[i] = (uint8_t)((uint64_t)before_ms >> (40 - 8 * i));
	int r = sql_bind(&b->writer, SQL_OLDEST_ACTIVITIES, &st, "ddi", b->retain_cursor, bound, rows);
	while (r == 0 && (r = sql_step(&b->writer, st)) > 0) {
		r = 0;
		int64_t ended_ms = sqlite3_column_int64(st, 2);
		const void *id = sqlite3_column_blob(st, 0);
		bool stays = ended_ms == 0 || ended_ms >= before_ms || sqlite3_column_int64(st, 3) > now_ms;
		seen++;
		b->retain_kept += stays;
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
		memcpy(b->retain_cursor, last, ID_BLOB);
	*ret_end = seen < rows;
	return r;
}

static void next_round(struct backend *b, int64_t now_ms)
{
	memset(b->retain_cursor, 0, ID_BLOB);
	b->retain_rest_ms = b->retain_kept > KEPT_MAX ? now_ms + REST_MS : 0;
	b->retain_kept = 0;
}

static int delete_activities(struct backend *b, int64_t now_ms, int64_t rows, bool *more)
{
	struct rows doomed = {.size = sizeof(struct doomed)};
	bool end = false;
	if (now_ms < b->retain_rest_ms)
		return 0;
	int r = collect(b, now_ms, now_ms - b->retention_activities_ms, rows / ROWS_PER_ACTIVITY, &doomed, &end);
	const struct doomed *list = doomed.data;
	for (size_t i = 0; i < doomed.count && r == 0; i++)
		r = delete_activity(b, list[i].id, list[i].input);
	free(doomed.data);
	if (r < 0)
		return r;
	if (end)
		next_round(b, now_ms);
	else
		*more = true;
	return 0;
}

int retain(struct backend *b, int64_t now_ms, size_t rows, bool *ret_more)
{
	int64_t limit = (int64_t)rows;
	int64_t activities_before_ms = now_ms - b->retention_activities_ms;
	int r = delete_dedup(b, now_ms, limit, ret_more);
	if (r == 0 && b->retention_events_ms > 0)
		r = delete_events(b, now_ms - b->retention_events_ms, limit, ret_more);
	if (r < 0 || b->retention_activities_ms <= 0)
		return r;
	r = delete_counted(b, SQL_DELETE_REFUSALS, activities_before_ms, ret_more);
	if (r == 0)
		r = delete_counted(b, SQL_DELETE_ACCOUNTS, activities_before_ms, ret_more);
	return r < 0 ? r : delete_activities(b, now_ms, limit, ret_more);
}
