/* Actions that came, and jq programs that were found good. */
#include "store/sqlite/internal.h"

int apply_action(struct backend *b, struct store_action *a)
{
	int r = sql_run(&b->writer, SQL_ADD_ACTION, "iittTt", ++b->now.action_seq, a->time_ms, a->topic,
			text_or_empty(a->by), a->data, a->data_len, a->covers);
	a->ret_seq = (uint64_t)b->now.action_seq;
	return r;
}

int apply_programs(struct backend *b, const struct store_programs *p)
{
	int r = 0;
	for (size_t i = 0; i < p->count && r == 0; i++) {
		r = sql_run(&b->writer, SQL_ADD_PROGRAM, "bi", p->hashes[i], sizeof(p->hashes[i]), p->now_ms);
		if (r == 0)
			b->now.programs += sqlite3_changes(b->writer.db);
	}
	if (r < 0 || b->now.programs <= STORE_PROGRAMS_MAX)
		return r;
	r = sql_run(&b->writer, SQL_DELETE_PROGRAMS, "i", b->now.programs - STORE_PROGRAMS_MAX);
	b->now.programs = STORE_PROGRAMS_MAX;
	return r;
}
