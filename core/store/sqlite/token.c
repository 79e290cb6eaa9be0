/* Tokens: only hashes of the secrets ever come here. */
#include "store/sqlite/internal.h"

#include <errno.h>

static int create(struct backend *b, struct store_token *t, const uint8_t *id)
{
	const struct store_token_record *k = &t->token;
	int r = sql_run(&b->writer, SQL_ADD_TOKEN, "dbttttiiii", id, k->hash, sizeof(k->hash), text_or_empty(k->label),
			text_or_empty(k->workflow_ids), k->team, text_or_empty(k->scopes), k->created_ms, k->expires_ms,
			k->last_used_ms, k->revoked_ms);
	if (r < 0)
		return r;
	if (sqlite3_changes(b->writer.db) == 0)
		t->op.status = -EEXIST;
	else
		counters_note_id(b, k->id);
	return 0;
}

static int must_change(struct backend *b, struct store_token *t, int r)
{
	if (r == 0 && sqlite3_changes(b->writer.db) == 0)
		t->op.status = -ENOENT;
	return r;
}

static int note_use(struct backend *b, const struct store_token *t)
{
	uint8_t id[ID_BLOB];
	int r = 0;
	for (size_t i = 0; i < t->used_count && r == 0; i++)
		if (id_to_blob(t->used[i].id, id) == 0)
			r = sql_run(&b->writer, SQL_USE_TOKEN, "di", id, t->used[i].last_used_ms);
	return r;
}

int apply_token(struct backend *b, struct store_token *t)
{
	const struct store_token_record *k = &t->token;
	uint8_t id[ID_BLOB];

	if (t->action == STORE_TOKEN_USED)
		return note_use(b, t);
	if (id_to_blob(k->id, id) < 0) {
		t->op.status = t->action == STORE_TOKEN_CREATE ? -EINVAL : -ENOENT;
		return 0;
	}
	if (t->action == STORE_TOKEN_CREATE)
		return create(b, t, id);
	if (t->action == STORE_TOKEN_RENEW)
		return must_change(b, t,
				   sql_run(&b->writer, SQL_RENEW_TOKEN, "dbii", id, k->hash, sizeof(k->hash),
					   k->expires_ms, k->created_ms));
	/* revoked_ms 0 would mean that it is not revoked. */
	return must_change(b, t,
			   sql_run(&b->writer, SQL_REVOKE_TOKEN, "di", id, k->revoked_ms ? k->revoked_ms : INT64_C(1)));
}
