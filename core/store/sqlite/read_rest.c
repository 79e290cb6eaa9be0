/* Everything that is read but activities. */
#include "store/sqlite/internal.h"

#include <errno.h>
#include "model/log_line.h"

#define LOG_BYTES_MAX ((size_t)1 << 20)
#define ACTION_BYTES_MAX ((size_t)8 << 20)
#define PAGE_BYTES_MAX ((size_t)4 << 20)

/* One row into q->rows; `c` serves look-ups inside. */
typedef int (*take_fn)(struct database *c, struct store_request *q, sqlite3_stmt *st, void *row);

static int take_all(struct database *c, struct store_request *q, sqlite3_stmt *st, size_t bytes_max, take_fn take)
{
	int r = 0;
	while (r == 0 && q->arena.total < bytes_max && (r = sql_step(c, st)) > 0) {
		void *row = rows_add(&q->rows);
		r = row ? take(c, q, st, row) : -ENOMEM;
	}
	sqlite3_reset(st);
	return r;
}

static int64_t limit_of(const struct store_request *q)
{
	return q->limit < INT64_MAX ? (int64_t)q->limit : INT64_MAX;
}

/* The ids of a workflow's disabled triggers joined by spaces. */
static int join_disabled(struct database *c, struct store_request *q, int64_t workflow, const char **ret)
{
	struct buf text;
	sqlite3_stmt *st = NULL;
	buf_init(&text, (size_t)1 << 20);
	int r = sql_bind(c, SQL_LIST_DISABLED_TRIGGERS, &st, "i", workflow);
	while (r == 0 && (r = sql_step(c, st)) > 0) {
		if (text.len > 0)
			buf_char(&text, ' ');
		buf_str(&text, (const char *)sqlite3_column_text(st, 0));
		r = buf_error(&text);
	}
	sqlite3_reset(st);
	if (r == 0)
		*ret = arena_copy(&q->arena, buf_cstr(&text), text.len);
	buf_release(&text);
	return r < 0 || *ret ? r : -ENOMEM;
}

static int take_workflow(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct store_workflow_row *row = to;
	int error = 0;
	id_from_column(st, 0, row->id);
	row->slug = column_copy(q, st, 1, NULL, &error);
	row->name = column_copy(q, st, 2, NULL, &error);
	row->team = column_copy(q, st, 3, NULL, &error);
	row->enabled = sqlite3_column_int(st, 4);
	row->removed = sqlite3_column_int(st, 5);
	id_from_column(st, 6, row->revision_id);
	row->revision = (uint32_t)sqlite3_column_int64(st, 7);
	row->revision_ms = sqlite3_column_int64(st, 8);
	row->canonical = column_copy(q, st, 9, &row->canonical_len, &error);
	row->from_folder = sqlite3_column_int(st, 11);
	return error < 0 ? error : join_disabled(c, q, sqlite3_column_int64(st, 10), &row->disabled_triggers);
}

int read_workflows(struct database *c, struct store_request *q)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, SQL_LIST_WORKFLOWS, &st, "");
	return r < 0 ? r : take_all(c, q, st, SIZE_MAX, take_workflow);
}

int read_revision(struct database *c, struct store_request *q)
{
	uint8_t id[ID_BLOB];
	sqlite3_stmt *st = NULL;
	int error = 0;
	if (id_to_blob(q->id, id) < 0)
		return -ENOENT;
	int r = sql_bind(c, SQL_READ_REVISION, &st, "d", id);
	if (r == 0)
		r = sql_step(c, st);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	id_from_column(st, 0, q->workflow_id);
	q->revision = (uint32_t)sqlite3_column_int64(st, 1);
	q->canonical = column_copy(q, st, 2, &q->canonical_len, &error);
	sqlite3_reset(st);
	return error;
}

static int take_revision(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct store_revision_row *row = to;
	int error = 0;
	(void)c;
	id_from_column(st, 0, row->id);
	row->number = (uint32_t)sqlite3_column_int64(st, 1);
	row->made_ms = sqlite3_column_int64(st, 2);
	row->by = column_copy(q, st, 3, NULL, &error);
	row->hash = column_copy(q, st, 4, NULL, &error);
	return error;
}

int read_revisions(struct database *c, struct store_request *q)
{
	uint8_t id[ID_BLOB];
	sqlite3_stmt *st = NULL;
	if (id_to_blob(q->id, id) < 0)
		return 0;
	int r = sql_bind(c, SQL_LIST_REVISIONS, &st, "dii", id, q->after > 0 ? (int64_t)q->after : INT64_MAX,
			 limit_of(q));
	return r < 0 ? r : take_all(c, q, st, SIZE_MAX, take_revision);
}

static int take_id(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	(void)c;
	(void)q;
	id_from_column(st, 0, to);
	return 0;
}

int read_runnable_workflows(struct database *c, struct store_request *q)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, SQL_LIST_RUNNABLE_WORKFLOWS, &st, "");
	return r < 0 ? r : take_all(c, q, st, SIZE_MAX, take_id);
}

static int take_program(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	(void)c;
	(void)q;
	if (sqlite3_column_bytes(st, 0) != STORE_HASH_SIZE)
		return -EILSEQ;
	memcpy(to, sqlite3_column_blob(st, 0), STORE_HASH_SIZE);
	return 0;
}

int read_programs(struct database *c, struct store_request *q)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, SQL_LIST_PROGRAMS, &st, "");
	return r < 0 ? r : take_all(c, q, st, SIZE_MAX, take_program);
}

static int take_action(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct store_action_row *row = to;
	int error = 0;
	(void)c;
	row->seq = (uint64_t)sqlite3_column_int64(st, 0);
	row->time_ms = sqlite3_column_int64(st, 1);
	row->topic = column_copy(q, st, 2, NULL, &error);
	row->by = column_copy(q, st, 3, NULL, &error);
	row->data = column_copy(q, st, 4, &row->data_len, &error);
	row->covers = column_copy(q, st, 5, NULL, &error);
	return error;
}

int read_actions(struct database *c, struct store_request *q)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, q->exact ? SQL_LIST_ACTIONS : SQL_LIST_ACTIONS_BELOW, &st, "tiii", q->scope, q->since_ms,
			 (int64_t)q->after, limit_of(q));
	return r < 0 ? r : take_all(c, q, st, ACTION_BYTES_MAX, take_action);
}

static int take_token(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct store_token_record *row = to;
	int error = 0;
	(void)c;
	id_from_column(st, 0, row->id);
	if (sqlite3_column_bytes(st, 1) != sizeof(row->hash))
		return -EILSEQ;
	memcpy(row->hash, sqlite3_column_blob(st, 1), sizeof(row->hash));
	row->label = column_copy(q, st, 2, NULL, &error);
	row->workflow_ids = column_copy(q, st, 3, NULL, &error);
	row->team = column_copy(q, st, 4, NULL, &error);
	row->scopes = column_copy(q, st, 5, NULL, &error);
	row->created_ms = sqlite3_column_int64(st, 6);
	row->expires_ms = sqlite3_column_int64(st, 7);
	row->last_used_ms = sqlite3_column_int64(st, 8);
	return error;
}

int read_tokens(struct database *c, struct store_request *q)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, SQL_LIST_TOKENS, &st, "");
	return r < 0 ? r : take_all(c, q, st, SIZE_MAX, take_token);
}

static int take_log(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct store_log_row *row = to;
	int error = 0;
	(void)c;
	row->position = (uint64_t)sqlite3_column_int64(st, 0);
	row->step = (uint32_t)sqlite3_column_int64(st, 1);
	row->attempt = (uint32_t)sqlite3_column_int64(st, 2);
	row->stream = (char)sqlite3_column_int(st, 3);
	row->time_ms = sqlite3_column_int64(st, 4);
	row->text = column_copy(q, st, 5, &row->len, &error);
	return error;
}

int read_logs(struct database *c, struct store_request *q)
{
	uint8_t id[ID_BLOB];
	sqlite3_stmt *st = NULL;
	if (id_to_blob(q->id, id) < 0)
		return 0;
	int r = sql_bind(c, SQL_READ_LOGS, &st, "diii", id, (int64_t)q->after, (int64_t)q->step, limit_of(q));
	return r < 0 ? r : take_all(c, q, st, LOG_BYTES_MAX, take_log);
}

static char *take_line(struct store_request *q, sqlite3_stmt *st, int *error)
{
	const struct log_line line = {
		.position = (uint64_t)sqlite3_column_int64(st, 5),
		.step = (uint32_t)sqlite3_column_int64(st, 6),
		.attempt = (uint32_t)sqlite3_column_int64(st, 7),
		.stream = (char)sqlite3_column_int(st, 8),
		.text = sqlite3_column_blob(st, 9),
		.len = (size_t)sqlite3_column_bytes(st, 9),
	};
	char *data = log_line_data(&line);
	char *copy = data ? arena_copy(&q->arena, data, strlen(data)) : NULL;
	free(data);
	*error = copy ? 0 : -ENOMEM;
	return copy;
}

static int take_event(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct event *row = to;
	int error = 0;
	(void)c;
	row->seq = (uint64_t)sqlite3_column_int64(st, 0);
	row->time_ms = sqlite3_column_int64(st, 1);
	row->type = (enum event_type)sqlite3_column_int(st, 2);
	id_from_column(st, 3, row->workflow_id);
	id_from_column(st, 4, row->activity_id);
	if (row->type != EVENT_STEP_LOG)
		row->data = column_copy(q, st, 5, NULL, &error);
	else if (q->logs)
		row->data = take_line(q, st, &error);
	return error;
}

int read_events(struct database *c, struct store_request *q)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, SQL_OLDEST_EVENT, &st, "");
	if (r == 0)
		r = sql_step(c, st);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	q->oldest = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	r = sql_bind(c, SQL_READ_EVENTS, &st, "iii", (int64_t)q->after, limit_of(q), (int64_t)q->logs);
	return r < 0 ? r : take_all(c, q, st, q->logs ? LOG_BYTES_MAX : SIZE_MAX, take_event);
}

static int take_kv(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct store_checkpoint *row = to;
	int error = 0;
	(void)c;
	row->key = column_copy(q, st, 1, &row->key_len, &error);
	row->value = column_copy(q, st, 2, &row->value_len, &error);
	return error;
}

int read_kv(struct database *c, struct store_request *q)
{
	sqlite3_stmt *st = NULL;
	int r = q->key ? sql_bind(c, SQL_READ_KV_KEY, &st, "tb", q->scope, q->key, q->key_len)
		       : sql_bind(c, SQL_READ_KV, &st, "t", q->scope);
	if (r == 0)
		r = take_all(c, q, st, SIZE_MAX, take_kv);
	return r == 0 && q->key && q->rows.count == 0 ? -ENOENT : r;
}

int read_kv_page(struct database *c, struct store_request *q)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(c, SQL_READ_KV_PAGE, &st, "tbi", q->scope, q->key, q->key_len, limit_of(q));
	return r < 0 ? r : take_all(c, q, st, PAGE_BYTES_MAX, take_kv);
}

static int take_scoped_kv(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	int error = 0;
	const char **scopes = reallocarray(q->scopes, q->rows.count, sizeof(*scopes));
	if (!scopes)
		return -ENOMEM;
	q->scopes = scopes;
	scopes[q->rows.count - 1] = column_copy(q, st, 0, NULL, &error);
	return error < 0 ? error : take_kv(c, q, st, to);
}

static int compare_scopes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The rows from q->wanted[*at] on for as long as each wanted scope is followed by the next one; then *at is the first that
 * is behind the gap, or wanted_count. */
static int take_run(struct database *c, struct store_request *q, sqlite3_stmt *st, size_t *at)
{
	int r;
	while ((r = sql_step(c, st)) > 0) {
		const char *scope = (const char *)sqlite3_column_text(st, 0);
		if (!scope)
			return -ENOMEM;
		while (*at < q->wanted_count && strcmp(q->wanted[*at], scope) < 0)
			(*at)++;
		if (*at == q->wanted_count || strcmp(q->wanted[*at], scope) != 0)
			return 0;
		void *row = rows_add(&q->rows);
		r = row ? take_scoped_kv(c, q, st, row) : -ENOMEM;
		if (r < 0)
			return r;
	}
	*at = q->wanted_count;
	return r;
}

/* One walk along the table that jumps from a scope nobody wants to the next one that is wanted: neither many scopes without
 * rows nor a scope with a million rows makes it long. */
int read_kv_scopes(struct database *c, struct store_request *q)
{
	size_t at = 0;
	int r = 0;
	qsort(q->wanted, q->wanted_count, sizeof(*q->wanted), compare_scopes);
	while (r == 0 && at < q->wanted_count) {
		sqlite3_stmt *st = NULL;
		r = sql_bind(c, SQL_LIST_KV_FROM, &st, "t", q->wanted[at]);
		if (r == 0)
			r = take_run(c, q, st, &at);
		sqlite3_reset(st);
	}
	return r;
}

static char *workflow_text(struct store_request *q, sqlite3_stmt *st, int column, int *error)
{
	char id[ID_SIZE];
	id_from_column(st, column, id);
	char *copy = arena_copy(&q->arena, id, strlen(id));
	if (!copy)
		*error = -ENOMEM;
	return copy;
}

static int take_refusal(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct store_refusal *row = to;
	int error = 0;
	(void)c;
	row->minute_ms = sqlite3_column_int64(st, 0);
	row->workflow_id = workflow_text(q, st, 1, &error);
	row->trigger_id = column_copy(q, st, 2, NULL, &error);
	row->trigger = column_copy(q, st, 3, NULL, &error);
	row->reason = sqlite3_column_int(st, 4);
	row->last_ms = sqlite3_column_int64(st, 5);
	row->count = (uint64_t)sqlite3_column_int64(st, 6);
	row->sample = column_copy(q, st, 7, NULL, &error);
	return error;
}

static int read_counted(struct database *c, struct store_request *q, enum sql which, take_fn take)
{
	uint8_t id[ID_BLOB];
	sqlite3_stmt *st = NULL;
	if (q->id[0] && id_to_blob(q->id, id) < 0)
		return 0;
	int r = sql_bind(c, which, &st, "ibii", q->since_ms, id, q->id[0] ? (size_t)ID_BLOB : (size_t)0, limit_of(q),
			 q->until_ms > 0 ? q->until_ms : INT64_MAX);
	return r < 0 ? r : take_all(c, q, st, SIZE_MAX, take);
}

int read_refusals(struct database *c, struct store_request *q)
{
	return read_counted(c, q, SQL_LIST_REFUSALS, take_refusal);
}

int read_switches(struct database *c, struct store_request *q)
{
	return read_counted(c, q, SQL_LIST_SWITCHES, take_event);
}

static int take_account(struct database *c, struct store_request *q, sqlite3_stmt *st, void *to)
{
	struct store_account_row *row = to;
	int error = 0;
	(void)c;
	row->last_ms = sqlite3_column_int64(st, 0);
	id_from_column(st, 1, row->workflow_id);
	row->trigger_id = column_copy(q, st, 2, NULL, &error);
	row->first_ms = sqlite3_column_int64(st, 3);
	row->outcome = sqlite3_column_int(st, 4);
	row->count = sqlite3_column_int64(st, 5);
	row->time_ms = sqlite3_column_int64(st, 6);
	return error;
}

int read_accounts(struct database *c, struct store_request *q)
{
	return read_counted(c, q, SQL_LIST_ACCOUNTS, take_account);
}
