#include "store/sqlite/internal.h"

#include <errno.h>

int event_add(struct backend *b, struct event *e, int64_t workflow)
{
	uint8_t activity[ID_BLOB];
	bool has_activity = id_to_blob(e->activity_id, activity) == 0;

	e->seq = (uint64_t)++b->now.event_seq;
	return sql_run(&b->writer, SQL_ADD_EVENT, "iiiibt", (int64_t)e->seq, e->time_ms, (int64_t)e->type, workflow,
		       activity, has_activity ? (size_t)ID_BLOB : (size_t)0, e->data);
}

int apply_event(struct backend *b, struct store_event *e)
{
	int64_t workflow = 0;
	int r = names_workflow(b, e->event.workflow_id, &workflow);
	if (r < 0 && r != -ENOENT)
		return r;
	/* What is told now says the same as what is read later. */
	if (r == -ENOENT)
		e->event.workflow_id[0] = '\0';
	return event_add(b, &e->event, workflow);
}

struct event *event_append(struct event **list, size_t *count)
{
	/* Grows by doubling: the capacity is the next power of two. */
	if ((*count & (*count - 1)) == 0) {
		struct event *grown = reallocarray(*list, *count ? 2 * *count : 1, sizeof(**list));
		if (!grown)
			return NULL;
		*list = grown;
	}
	struct event *e = &(*list)[(*count)++];
	*e = (struct event){0};
	return e;
}

void counters_note_id(struct backend *b, const char *id)
{
	uint8_t blob[ID_BLOB];
	if (id_to_blob(id, blob) == 0 && memcmp(blob, b->now.newest_id, ID_BLOB) > 0)
		memcpy(b->now.newest_id, blob, ID_BLOB);
}
