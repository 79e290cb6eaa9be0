/* Events that others make: stored with a number, then told. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* While the disk is full they wait in the store: then only so many, and whoever tells the last state tells it later. */
#define TELLINGS_MAX 256

struct telling {
	struct store_event op;
	struct engine *engine;
	char data[];
};

static void told(struct store_op *op)
{
	struct telling *t = list_entry(op, struct telling, op.op);

	if (op->status == 0 && t->engine->options.bus)
		bus_publish(t->engine->options.bus, &t->op.event, 1);
	else if (op->status < 0 && op->status != -ECANCELED)
		log_warn("an event could not be stored", log_str("event", event_type_name(t->op.event.type)),
			 log_errno(op->status), LOG_END);
	t->engine->tellings--;
	free(t);
}

int engine_tell(struct engine *e, enum event_type type, const char *workflow_id, const char *data)
{
	size_t size = strlen(data) + 1;
	struct telling *t;

	if (e->stopping)
		return -ESHUTDOWN;
	if (e->tellings >= TELLINGS_MAX)
		return -EBUSY;
	t = calloc(1, sizeof(*t) + size);
	if (!t)
		return -ENOMEM;
	t->op.op = (struct store_op){.kind = STORE_EVENT, .done = told};
	t->engine = e;
	memcpy(t->data, data, size);
	t->op.event = (struct event){.type = type, .time_ms = clock_wall_ms(), .data = t->data};
	memcpy(t->op.event.workflow_id, workflow_id, ID_SIZE);
	e->tellings++;
	store_submit(e->store, &t->op.op);
	return 0;
}
