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
	bool enabled, removed, same, from_folder;
	int64_t lane_limit, turns_due, lane_peak;
};

int workflow_changed(struct backend *b, const struct workflow_change *change, struct event **events, size_t *count)
{
	struct buf data;
	buf_init(&data, DATA_MAX);
	jsonw_open(&data, '{');
	jsonw_key(&data, "slug");
	jsonw_str(&data, change->slug);
	if (change->revision > 0) {
		jsonw_key(&data, "revision");
		jsonw_int(&data, change->revision);
	} else {
		jsonw_key(&data, "removed");
		jsonw_bool(&data, true);
	}
	jsonw_key(&data, "by");
	jsonw_str(&data, text_or_empty(change->by));
	jsonw_close(&data, '}');
	struct event *e = event_append(events, count);
	if (!e) {
		buf_release(&data);
		return -ENOMEM;
	}
	e->data = buf_detach(&data, NULL);
	if (!e->data)
		return -ENOMEM;
	e->type = EVENT_WORKFLOW_CHANGED;
	e->time_ms = change->now_ms;
	memcpy(e->workflow_id, change->id, ID_SIZE);
	return event_add(b, e, change->workflow);
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
	ret->from_folder = sqlite3_column_int(st, 7);
	ret->lane_limit = sqlite3_column_int64(st, 8);
	ret->turns_due = sqlite3_column_int64(st, 9);
	ret->lane_peak = sqlite3_column_int64(st, 10);
	sqlite3_reset(st);
	return 1;
}

/* -ESTALE: the submitter has seen another state than this. */
static int check_expected(const char *expected, bool exists, const char *revision_id)
{
	if (!expected)
		return 0;
	if (!exists)
		return expected[0] ? -ESTALE : 0;
	return strcmp(expected, revision_id) == 0 ? 0 : -ESTALE;
}

static int check_owner(struct backend *b, const struct store_definitions *d, const struct store_definition *item)
{
	struct stored stored = {0};
	int r = find(b, item, &stored);
	if (r < 0)
		return r;
	bool exists = r > 0 && !stored.removed;
	if (exists && stored.from_folder && !d->from_folder)
		return -EPERM;
	return check_expected(item->expected, exists, stored.revision_id);
}

/* Whether any activity in a lane of a workflow has not ended. */
static int lanes_in_use(struct backend *b, int64_t workflow, bool *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_NEXT_LANE, &st, "ib", workflow, "", (size_t)0);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r < 0)
		return r;
	*ret = r > 0;
	sqlite3_reset(st);
	return 0;
}

/* The largest limit since one of the lanes was last empty; 0: unknown. */
static int64_t new_peak(const struct stored *stored, int64_t limit, bool in_use)
{
	if (!in_use)
		return limit;
	if (limit == 0 || stored->lane_limit == 0)
		return 0;
	return stored->lane_peak > 0 && limit > stored->lane_peak ? limit : stored->lane_peak;
}

/* Turns are due where more may be under way at once than before. That stays so until they were given, however often the
 * definition comes meanwhile. */
static int set_lanes(struct backend *b, const struct store_definition *item, struct stored *stored)
{
	int64_t limit = item->lane_limit;
	bool in_use = false;
	int r = lanes_in_use(b, stored->num, &in_use);
	if (stored->lane_limit > 0 && (limit == 0 || limit > stored->lane_limit))
		stored->turns_due = 1;
	stored->lane_peak = new_peak(stored, limit, in_use);
	stored->lane_limit = limit;
	return r;
}

static int add_workflow(struct backend *b, const struct store_definitions *d, const struct store_definition *item,
			const char *new_id, struct stored *ret)
{
	uint8_t id[ID_BLOB];
	const char *text = item->imported_id ? item->imported_id : new_id;
	if (id_to_blob(text, id) < 0)
		return -EINVAL;
	int r = sql_run(&b->writer, SQL_ADD_WORKFLOW, "dttti", id, item->slug, text_or_empty(item->name),
			text_or_empty(item->team), (int64_t)d->from_folder);
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
		r = sql_run(&b->writer, SQL_CHANGE_WORKFLOW, "ittiiiii", at->num, text_or_empty(item->name),
			    text_or_empty(item->team), (int64_t)d->from_folder, sqlite3_last_insert_rowid(b->writer.db),
			    at->lane_limit, at->turns_due, at->lane_peak);
	if (r < 0)
		return r;
	at->revision++;
	memcpy(at->revision_id, new_id, ID_SIZE);
	counters_note_id(b, new_id);
	return 0;
}

static int add_event(struct backend *b, struct store_definitions *d, const struct stored *at, const char *slug)
{
	struct workflow_change change = {at->num, d->now_ms, at->id, slug, d->by, at->revision};
	return workflow_changed(b, &change, &d->ret_events, &d->ret_event_count);
}

static int apply_item(struct backend *b, struct store_definitions *d, size_t at)
{
	struct store_definition *item = &d->items[at];
	struct stored stored = {0};
	int r = find(b, item, &stored);
	bool changed = r == 0 || !stored.same;
	item->ret_taken = r > 0 && d->from_folder && !stored.from_folder && !stored.removed;

	if (r == 0)
		r = add_workflow(b, d, item, d->new_ids[2 * at], &stored);
	if (r >= 0)
		r = set_lanes(b, item, &stored);
	if (r >= 0 && changed)
		r = add_revision(b, d, item, d->new_ids[2 * at + 1], &stored);
	else if (r >= 0)
		r = sql_run(&b->writer, SQL_KEEP_WORKFLOW, "iiiii", stored.num, (int64_t)d->from_folder,
			    stored.lane_limit, stored.turns_due, stored.lane_peak);
	if (r >= 0 && (changed || stored.removed))
		r = add_event(b, d, &stored, item->slug);
	if (r < 0)
		return r;
	memcpy(item->ret_id, stored.id, ID_SIZE);
	memcpy(item->ret_revision_id, stored.revision_id, ID_SIZE);
	item->ret_revision = stored.revision;
	item->ret_changed = changed;
	item->ret_enabled = stored.enabled;
	item->ret_turns = stored.turns_due != 0;
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
		struct workflow_change change = {gone[i].num, d->now_ms, gone[i].id, gone[i].slug, d->by, 0};
		if (r == 0)
			r = workflow_changed(b, &change, &d->ret_events, &d->ret_event_count);
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
	for (size_t i = 0; i < d->count && r == 0; i++)
		r = check_owner(b, d, &d->items[i]);
	if (r == -EEXIST || r == -EINVAL || r == -EPERM || r == -ESTALE) {
		d->op.status = r;
		return 0;
	}
	for (size_t i = 0; i < d->count && r == 0; i++)
		r = apply_item(b, d, i);
	if (r == 0 && d->complete)
		r = remove_gone(b, d);
	return r;
}

/* 1: *ret_slug (to be freed) may be removed. 0: there is no such workflow any more. */
static int find_removable(struct backend *b, const struct store_remove *r, int64_t workflow, char **ret_slug)
{
	char revision_id[ID_SIZE];
	sqlite3_stmt *st = NULL;
	int error = sql_bind(&b->writer, SQL_FIND_REMOVABLE, &st, "i", workflow);
	if (error == 0)
		error = sql_step(&b->writer, st);
	if (error <= 0)
		return error;
	id_from_column(st, 3, revision_id);
	bool from_folder = sqlite3_column_int(st, 1), removed = sqlite3_column_int(st, 2);
	*ret_slug = removed ? NULL : strdup((const char *)sqlite3_column_text(st, 0));
	error = removed || *ret_slug ? !removed : -ENOMEM;
	sqlite3_reset(st);
	if (error > 0 && from_folder)
		error = -EPERM;
	else if (error > 0 && check_expected(r->expected, true, revision_id) < 0)
		error = -ESTALE;
	return error;
}

int apply_remove(struct backend *b, struct store_remove *r)
{
	struct workflow_change change = {.now_ms = r->now_ms, .id = r->workflow_id, .by = r->by};
	char *slug = NULL;
	int error = names_workflow(b, r->workflow_id, &change.workflow);
	if (error == 0)
		error = find_removable(b, r, change.workflow, &slug);
	if (error > 0) {
		change.slug = slug;
		error = sql_run(&b->writer, SQL_REMOVE_WORKFLOW, "i", change.workflow);
		if (error == 0)
			error = workflow_changed(b, &change, &r->ret_events, &r->ret_event_count);
	} else if (error == 0 || error == -ENOENT || error == -EPERM || error == -ESTALE) {
		r->op.status = error == 0 ? -ENOENT : error;
		error = 0;
	}
	free(slug);
	return error;
}
