/* Walks over a workflow's lanes when they have become wider, a slice at a time, and gives turns to those that wait. */
#include "store/sqlite/internal.h"

#include <errno.h>

/* 1: the first lane at or behind the cursor; its key is copied to it. */
static int next_lane(struct backend *b, int64_t workflow, struct store_lane_cursor *cursor)
{
	sqlite3_stmt *st = NULL;
	struct store_lane_cursor found;
	int r = sql_bind(&b->writer, SQL_NEXT_LANE, &st, "ib", workflow, cursor->key, cursor->len);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	found.len = (size_t)sqlite3_column_bytes(st, 0);
	if (found.len <= STORE_LANE_KEY_MAX && found.len > 0)
		memcpy(found.key, sqlite3_column_blob(st, 0), found.len);
	sqlite3_reset(st);
	if (found.len > STORE_LANE_KEY_MAX)
		return -EILSEQ;
	memcpy(cursor->key, found.key, found.len);
	cursor->len = found.len;
	return 1;
}

/* One lane costs as much as one turn, so that many lanes without anybody waiting are not all looked at in one slice. */
static int give_slice(struct backend *b, struct store_turns *t, int64_t workflow, int64_t limit)
{
	struct store_lane_cursor *at = &t->ret_cursor;
	size_t left = t->limit > 0 ? t->limit : 1;
	int r;

	while ((r = next_lane(b, workflow, at)) > 0) {
		struct lane lane = {workflow, at->key, at->len};
		size_t given = 0;
		if (left == 0) {
			t->ret_more = true;
			return 0;
		}
		r = lane_give_turns(b, &lane, limit, left, &given);
		if (r < 0)
			return r;
		t->ret_turns += given;
		if (given == left) {
			t->ret_more = true;
			return 0;
		}
		left -= given + 1;
		/* The least key behind it. */
		at->key[at->len++] = '\0';
	}
	return r < 0 ? r : sql_run(&b->writer, SQL_TURNS_DONE, "i", workflow);
}

int apply_turns(struct backend *b, struct store_turns *t)
{
	int64_t workflow = 0, limit = 0;
	int r = names_workflow(b, t->workflow_id, &workflow);

	t->ret_turns = 0;
	t->ret_more = false;
	t->ret_cursor = t->cursor;
	if (r == -ENOENT) {
		t->op.status = r;
		return 0;
	}
	if (r == 0)
		r = lane_limit(b, workflow, &limit);
	return r < 0 ? r : give_slice(b, t, workflow, limit);
}
