/* The switches of workflows and triggers. */
#include "store/sqlite/internal.h"

#include <errno.h>
#include "base/json.h"

#define DATA_MAX 2048

static int flip(struct backend *b, const struct store_enable *e, int64_t workflow)
{
	if (!e->trigger_id)
		return sql_run(&b->writer, SQL_ENABLE_WORKFLOW, "ii", workflow, (int64_t)e->enabled);
	if (e->enabled)
		return sql_run(&b->writer, SQL_ENABLE_TRIGGER, "it", workflow, e->trigger_id);
	return sql_run(&b->writer, SQL_DISABLE_TRIGGER, "iti", workflow, e->trigger_id, e->now_ms);
}

static char *event_data(const struct store_enable *e)
{
	struct buf data;
	buf_init(&data, DATA_MAX);
	jsonw_open(&data, '{');
	if (e->trigger_id) {
		jsonw_key(&data, "trigger");
		jsonw_str(&data, e->trigger_id);
	}
	jsonw_close(&data, '}');
	return buf_detach(&data, NULL);
}

int apply_enable(struct backend *b, struct store_enable *e)
{
	int64_t workflow = 0;
	int r = names_workflow(b, e->workflow_id, &workflow);
	if (r == -ENOENT) {
		e->op.status = r;
		return 0;
	}
	if (r == 0)
		r = flip(b, e, workflow);
	if (r < 0 || sqlite3_changes(b->writer.db) == 0)
		return r;
	struct event *event = event_append(&e->ret_events, &e->ret_event_count);
	if (!event)
		return -ENOMEM;
	event->data = event_data(e);
	if (!event->data)
		return -ENOMEM;
	event->type = e->enabled ? EVENT_WORKFLOW_ENABLED : EVENT_WORKFLOW_DISABLED;
	event->time_ms = e->now_ms;
	memcpy(event->workflow_id, e->workflow_id, ID_SIZE);
	return event_add(b, event, workflow);
}
