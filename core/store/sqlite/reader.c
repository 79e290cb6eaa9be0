/* A reader: a connection of its own that only reads, and one snapshot per request. */
#include "store/sqlite/internal.h"

#include <errno.h>

struct backend_reader {
	struct database c;
	struct backend *backend;
};

static int connect_reader(struct backend_reader *r)
{
	int error = database_open(&r->c, r->backend->path, r->backend->vfs);
	if (error == 0)
		error = database_configure(&r->c, DATABASE_READER);
	if (error < 0)
		database_close(&r->c);
	return error;
}

int reader_open(struct backend *b, struct backend_reader **ret)
{
	struct backend_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->backend = b;
	int error = connect_reader(r);
	if (error < 0) {
		free(r);
		return error;
	}
	*ret = r;
	return 0;
}

void reader_close(struct backend_reader *r)
{
	database_close(&r->c);
	free(r);
}

static int dispatch(struct database *c, struct store_request *q)
{
	switch (q->kind) {
	case REQUEST_ACTIVITY:
		return read_one_activity(c, q);
	case REQUEST_ACTIVITIES:
		return read_activities(c, q);
	case REQUEST_RUNNABLE:
		return read_runnable(c, q);
	case REQUEST_INTERRUPTED:
		return read_interrupted(c, q);
	case REQUEST_WORKFLOWS:
		return read_workflows(c, q);
	case REQUEST_REVISION:
		return read_revision(c, q);
	case REQUEST_TOKENS:
		return read_tokens(c, q);
	case REQUEST_LOGS:
		return read_logs(c, q);
	case REQUEST_EVENTS:
		return read_events(c, q);
	case REQUEST_KV:
		return read_kv(c, q);
	case REQUEST_KV_PAGE:
		return read_kv_page(c, q);
	case REQUEST_KV_SCOPES:
		return read_kv_scopes(c, q);
	case REQUEST_REFUSALS:
		return read_refusals(c, q);
	case REQUEST_ACCOUNTS:
		return read_accounts(c, q);
	case REQUEST_SWITCHES:
		return read_switches(c, q);
	case REQUEST_RUNNABLE_WORKFLOWS:
		return read_runnable_workflows(c, q);
	case REQUEST_REVISIONS:
		return read_revisions(c, q);
	case REQUEST_PROGRAMS:
		return read_programs(c, q);
	case REQUEST_ACTIONS:
		return read_actions(c, q);
	}
	return -EINVAL;
}

int reader_read(struct backend_reader *r, struct store_request *q)
{
	int error = r->c.db ? 0 : connect_reader(r);
	if (error == 0)
		error = sql_run(&r->c, SQL_BEGIN_READ, "");
	if (error < 0)
		return error;
	error = dispatch(&r->c, q);
	/* Ends the snapshot whatever happened, or the journal could never start again. */
	if (sql_run(&r->c, SQL_COMMIT, "") < 0 || error == -EIO || error == -EILSEQ)
		database_close(&r->c);
	return error;
}

char *column_copy(struct store_request *q, sqlite3_stmt *statement, int column, size_t *ret_len, int *error)
{
	const void *bytes = sqlite3_column_blob(statement, column);
	size_t len = (size_t)sqlite3_column_bytes(statement, column);
	if (ret_len)
		*ret_len = len;
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return NULL;
	char *copy = arena_copy(&q->arena, bytes, len);
	if (!copy)
		*error = -ENOMEM;
	return copy;
}
