#include "store/sqlite/internal.h"

#include <errno.h>
#include "base/json.h"

/* Revisions are many over time; the rest is bounded by the definitions. */
#define REVISIONS_MAX 10000
#define KEY_MAX 2048

void names_init(struct names *n)
{
	map_init(&n->workflows);
	map_init(&n->revisions);
	map_init(&n->sources);
}

static int free_source(void *arg, const char *key, size_t key_len, void *value)
{
	struct source *source = value;
	(void)arg;
	(void)key;
	(void)key_len;
	free(source->accepted);
	free(source);
	return 0;
}

void names_clear(struct names *n)
{
	map_each(&n->sources, free_source, NULL);
	map_release(&n->workflows);
	map_release(&n->revisions);
	map_release(&n->sources);
}

/* Row numbers begin at 1, so that they can stand in the map as they are. */
static int find_num(struct backend *b, struct map *known, enum sql which, const char *id, int64_t *ret)
{
	uint8_t blob[ID_BLOB];
	sqlite3_stmt *st = NULL;
	uintptr_t num = (uintptr_t)map_get(known, id, ID_LEN);

	if (num == 0) {
		int r = id_to_blob(id, blob);
		if (r == 0)
			r = sql_bind(&b->writer, which, &st, "d", blob);
		if (r == 0)
			r = sql_step(&b->writer, st);
		if (r <= 0)
			return r < 0 ? r : -ENOENT;
		num = (uintptr_t)sqlite3_column_int64(st, 0);
		sqlite3_reset(st);
		/* Without memory for it, it is looked up again next time. */
		(void)map_put(known, id, ID_LEN, (void *)num, NULL);
	}
	*ret = (int64_t)num;
	return 0;
}

int names_workflow(struct backend *b, const char *id, int64_t *ret)
{
	return id && id_valid(id) ? find_num(b, &b->names.workflows, SQL_FIND_WORKFLOW, id, ret) : -ENOENT;
}

int names_revision(struct backend *b, const char *id, int64_t *ret)
{
	if (!id || !id_valid(id))
		return -ENOENT;
	if (b->names.revisions.count >= REVISIONS_MAX)
		map_release(&b->names.revisions);
	return find_num(b, &b->names.revisions, SQL_FIND_REVISION, id, ret);
}

static int find_scope(struct backend *b, int64_t workflow, const char *trigger_id, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_FIND_SCOPE, &st, "it", workflow, trigger_id);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

/* 1: found. */
static int find_source(struct backend *b, const char *trigger_id, const char *plugin, struct source *source)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_FIND_SOURCE, &st, "itt", source->workflow, trigger_id, plugin);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	source->num = sqlite3_column_int64(st, 0);
	source->scope = sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	return 1;
}

static int load_source(struct backend *b, const char *trigger_id, const char *plugin, struct source *source)
{
	int64_t scope = 0;
	int r = find_source(b, trigger_id, plugin, source);
	if (r != 0)
		return r < 0 ? r : 0;
	r = find_scope(b, source->workflow, trigger_id, &scope);
	if (r == 0)
		r = sql_run(&b->writer, SQL_ADD_SOURCE, "itti", source->workflow, trigger_id, plugin, scope);
	if (r == 0)
		r = find_source(b, trigger_id, plugin, source);
	return r < 0 ? r : 0;
}

static char *accepted_data(const char *plugin)
{
	struct buf text;
	buf_init(&text, KEY_MAX);
	jsonw_open(&text, '{');
	jsonw_key(&text, "trigger");
	jsonw_str(&text, plugin);
	jsonw_close(&text, '}');
	return buf_detach(&text, NULL);
}

static int make_source(struct backend *b, const char *key, const char *workflow_id, const char *trigger_id,
		       const char *plugin, const struct source **ret)
{
	struct source *source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	int r = names_workflow(b, workflow_id, &source->workflow);
	if (r == 0)
		r = load_source(b, trigger_id, plugin, source);
	if (r == 0)
		source->accepted = accepted_data(plugin);
	if (r == 0 && !source->accepted)
		r = -ENOMEM;
	if (r == 0)
		r = map_put_str(&b->names.sources, key, source, NULL);
	if (r < 0) {
		free(source->accepted);
		free(source);
		return r;
	}
	*ret = source;
	return 0;
}

int names_source(struct backend *b, const char *workflow_id, const char *trigger_id, const char *plugin,
		 const struct source **ret)
{
	char key[KEY_MAX];
	int len = snprintf(key, sizeof(key), "%s\n%s\n%s", text_or_empty(workflow_id), plugin, trigger_id);
	if (len < 0 || (size_t)len >= sizeof(key))
		return -E2BIG;
	struct source *source = map_get_str(&b->names.sources, key);
	if (!source)
		return make_source(b, key, workflow_id, trigger_id, plugin, ret);
	*ret = source;
	return 0;
}
