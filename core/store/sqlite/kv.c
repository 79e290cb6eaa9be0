/* State of plugins and triggers, and what became of expected occurrences. */
#include "store/sqlite/internal.h"

#include <errno.h>

static int write_one(struct backend *b, const char *scope, size_t scope_len, const struct store_checkpoint *kv)
{
	if (kv->value_len == 0)
		return sql_run(&b->writer, SQL_REMOVE_KV, "Tb", scope, scope_len, kv->key, kv->key_len);
	return sql_run(&b->writer, SQL_SET_KV, "Tbb", scope, scope_len, kv->key, kv->key_len, kv->value, kv->value_len);
}

int checkpoints_write(struct backend *b, const char *scope, const char *workflow_id, const char *trigger_id,
		      const struct store_checkpoint *checkpoints, size_t count)
{
	if (count == 0)
		return 0;
	buf_clear(&b->scope);
	if (scope)
		buf_str(&b->scope, scope);
	else
		buf_printf(&b->scope, "trigger/%s/%s", text_or_empty(workflow_id), text_or_empty(trigger_id));
	int r = buf_error(&b->scope);
	for (size_t i = 0; i < count && r == 0; i++)
		r = write_one(b, b->scope.data, b->scope.len, &checkpoints[i]);
	return r;
}

int apply_kv(struct backend *b, const struct store_kv *kv)
{
	struct store_checkpoint pair = {kv->key, kv->key_len, kv->value, kv->value_len};
	return write_one(b, kv->scope, strlen(kv->scope), &pair);
}

int apply_account(struct backend *b, const struct store_account *a)
{
	uint8_t workflow[ID_BLOB];
	bool known = id_to_blob(text_or_empty(a->workflow_id), workflow) == 0;
	int r = sql_run(&b->writer, SQL_SET_ACCOUNT, "btiiiii", workflow, known ? (size_t)ID_BLOB : (size_t)0,
			text_or_empty(a->trigger_id), a->first_ms, a->last_ms, (int64_t)a->outcome, a->count,
			a->now_ms);
	if (r < 0)
		return r;
	return checkpoints_write(b, a->checkpoint_scope, a->workflow_id, a->trigger_id, a->checkpoints,
				 a->checkpoint_count);
}
