/* Workflows and their revisions, as the folder or the interface gives them. */
#include "store/sqlite/internal.h"

#include <errno.h>
#include "base/json.h"

#define DATA_MAX 4096

/* A workflow as it is stored. */
struct stored {
	int64_t num;
	char id[ID_SIZE], revision_id[ID_SIZE];
	uint32_t revision;
	bool enabled, removed, same;
};

static bool is_folder(const struct store_definitions *d)
{
	return d->by && strcmp(d->by, "folder") == 0;
}

static int add_event(struct backend *b, struct store_definitions *d, int64_t workflow, const char *workflow_id,
		     const char *slug, uint32_t revision)
{
	struct buf data;
	buf_init(&data, DATA_MAX);
	jsonw_open(&data, '{');
	jsonw_key(&data, "slug");
	jsonw_str(&data, slug);
	if (revision > 0) {
		jsonw_key(&data, "revision");
		jsonw_int(&data, revision);
	} else {
		jsonw_key(&data, "removed");
		jsonw_bool(&data, true);
	}
	jsonw_key(&data, "by");
	jsonw_str(&data, text_or_empty(d->by));
	jsonw_close(&data, '}');
	struct event *e = event_append(&d->ret_events, &d->ret_event_count);
	if (!e) {
		buf_release(&data);
		return -ENOMEM;
	}
	e->data = buf_detach(&data, NULL);
	if (!e->data)
		return -ENOMEM;
	e->type = EVENT_WORKFLOW_CHANGED;
	e->time_ms = d->now_ms;
	memcpy(e->workflow_id, workflow_id, ID_SIZE);
	return event_add(b, e, workflow);
}

/* -EEXIST: the id that an item brings along belongs to another slug. */
static int check_id(struct backend *b, const struct store_definition *item)
{
	uint8_t id[ID_BLOB];
	sqlite3_stmt *st = NULL;
	if (!item->imported_id)
		return 0;
	if (id_to_blob(item->imported_id, id) < 0)
		return -EINVAL;
	int r = sql_bind(&b->writer, SQL_SLUG_OF_ID, &st, "d", id);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	bool same = strcmp((const char *)sqlite3_column_text(st, 0), item->slug) == 0;
	sqlite3_reset(st);
	return same ? 0 : -EEXIST;
}

/* 1: found. */
static int find(struct backend *b, const struct store_definition *item, struct stored *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_FIND_SLUG, &st, "t", item->slug);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	ret->num = sqlite3_column_int64(st, 0);
	id_from_column(st, 1, ret->id);
	ret->enabled = sqlite3_column_int(st, 2);
	ret->removed = sqlite3_column_int(st, 3);
	id_from_column(st, 4, ret->revision_id);
	ret->revision = (uint32_t)sqlite3_column_int64(st, 5);
	ret->same = strcmp((const char *)sqlite3_column_text(st, 6), item->hash) == 0;
	sqlite3_reset(st);
	return 1;
}

static int add_workflow(struct backend *b, const struct store_definitions *d, const struct store_definition *item,
			const char *new_id, struct stored *ret)
{
	uint8_t id[ID_BLOB];
	const char *text = item->imported_id ? item->imported_id : new_id;
	if (id_to_blob(text, id) < 0)
		return -EINVAL;
	int r = sql_run(&b->writer, SQL_ADD_WORKFLOW, "dttti", id, item->slug, text_or_empty(item->name),
			text_or_empty(item->team), (int64_t)is_folder(d));
	if (r < 0)
		return r;
	ret->num = sqlite3_last_insert_rowid(b->writer.db);
	memcpy(ret->id, text, ID_SIZE);
	ret->enabled = true;
	/* An id from elsewhere may lie far in the future: ours are not to follow it. */
	if (!item->imported_id)
		counters_note_id(b, new_id);
	return 0;
}

static int add_revision(struct backend *b, const struct store_definitions *d, const struct store_definition *item,
			const char *new_id, struct stored *at)
{
	uint8_t id[ID_BLOB];
	if (id_to_blob(new_id, id) < 0)
		return -EINVAL;
	int r = sql_run(&b->writer, SQL_ADD_REVISION, "diititT", id, at->num, (int64_t)at->revision + 1, item->hash,
			d->now_ms, text_or_empty(d->by), item->canonical, item->canonical_len);
	if (r == 0)
		r = sql_run(&b->writer, SQL_CHANGE_WORKFLOW, "ittii", at->num, text_or_empty(item->name),
			    text_or_empty(item->team), (int64_t)is_folder(d), sqlite3_last_insert_rowid(b->writer.db));
	if (r < 0)
		return r;
	at->revision++;
	memcpy(at->revision_id, new_id, ID_SIZE);
	counters_note_id(b, new_id);
	return 0;
}

static int apply_item(struct backend *b, struct store_definitions *d, size_t at)
{
	struct store_definition *item = &d->items[at];
	struct stored stored = {0};
	int r = find(b, item, &stored);
	bool changed = r == 0 || !stored.same;

	if (r == 0)
		r = add_workflow(b, d, item, d->new_ids[2 * at], &stored);
	if (r >= 0 && changed)
		r = add_revision(b, d, item, d->new_ids[2 * at + 1], &stored);
	else if (r >= 0)
		r = sql_run(&b->writer, SQL_KEEP_WORKFLOW, "ii", stored.num, (int64_t)is_folder(d));
	if (r >= 0 && (changed || stored.removed))
		r = add_event(b, d, stored.num, stored.id, item->slug, stored.revision);
	if (r < 0)
		return r;
	memcpy(item->ret_id, stored.id, ID_SIZE);
	memcpy(item->ret_revision_id, stored.revision_id, ID_SIZE);
	item->ret_revision = stored.revision;
	item->ret_changed = changed;
	item->ret_enabled = stored.enabled;
	return 0;
}

/* A workflow of the folder that may have gone from it. */
struct gone {
	int64_t num;
	char id[ID_SIZE];
	char *slug;
};

static int collect_gone(struct backend *b, const struct map *present, struct rows *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_FOLDER_WORKFLOWS, &st, "");
	while (r == 0 && (r = sql_step(&b->writer, st)) > 0) {
		r = 0;
		const char *slug = (const char *)sqlite3_column_text(st, 2);
		if (map_get_str(present, slug))
			continue;
		struct gone *gone = rows_add(ret);
		if (gone)
			gone->slug = strdup(slug);
		if (!gone || !gone->slug) {
			sqlite3_reset(st);
			return -ENOMEM;
		}
		gone->num = sqlite3_column_int64(st, 0);
		id_from_column(st, 1, gone->id);
	}
	return r;
}

static int remove_gone(struct backend *b, struct store_definitions *d)
{
	struct rows rows = {.size = sizeof(struct gone)};
	struct map present;
	int r = 0;

	map_init(&present);
	for (size_t i = 0; i < d->count && r == 0; i++)
		r = map_put_str(&present, d->items[i].slug, &d->items[i], NULL);
	if (r == 0)
		r = collect_gone(b, &present, &rows);
	struct gone *gone = rows.data;
	for (size_t i = 0; i < rows.count; i++) {
		if (r == 0)
			r = sql_run(&b->writer, SQL_REMOVE_WORKFLOW, "i", gone[i].num);
		if (r == 0)
			r = add_event(b, d, gone[i].num, gone[i].id, gone[i].slug, 0);
		free(gone[i].slug);
	}
	free(rows.data);
	map_release(&present);
	return r;
}

int apply_definitions(struct backend *b, struct store_definitions *d)
{
	int r = 0;
	for (size_t i = 0; i < d->count && r == 0; i++)
		r = check_id(b, &d->items[i]);
	if (r == -EEXIST || r == -EINVAL) {
		d->op.status = r;
		return 0;
	}
	for (size_t i = 0; i < d->count && r == 0; i++)
		r = apply_item(b, d, i);
	if (r == 0 && d->complete)
		r = remove_gone(b, d);
	return r;
}
