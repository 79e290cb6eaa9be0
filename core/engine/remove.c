/* Workflows that came by the interface, removed by it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/catalog.h"

struct removal {
	struct store_remove op;
	struct engine *engine;
	struct engine_apply request;
	char id[ID_SIZE];
	char *by, *expected;
};

static void removal_free(struct removal *r)
{
	free(r->by);
	free(r->expected);
	free(r);
}

static void removed(struct store_op *op)
{
	struct removal *r = list_entry(op, struct removal, op.op);
	struct engine *e = r->engine;
	const struct engine_apply request = r->request;
	struct entry *entry = catalog_find(e, r->id);
	int status = op->status;

	if (status == 0 && e->options.bus)
		bus_publish(e->options.bus, r->op.ret_events, r->op.ret_event_count);
	store_events_free(r->op.ret_events, r->op.ret_event_count);
	removal_free(r);
	if (status == 0 && entry) {
		entry->pub.removed = true;
		catalog_refresh(entry);
		if (request.changed)
			request.changed(request.arg, &entry->pub, entry->pub.workflow);
	}
	request.done(request.arg, status);
}

int engine_remove(struct engine *e, const char *workflow_id, const struct engine_apply *request)
{
	struct entry *entry = catalog_find(e, workflow_id);
	struct removal *r;

	if (e->stopping)
		return -ESHUTDOWN;
	if (!entry)
		return -ENOENT;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct removal){.engine = e, .request = *request, .by = strdup(request->by)};
	memcpy(r->id, entry->pub.id, ID_SIZE);
	r->expected = request->expected ? strdup(request->expected) : NULL;
	if (!r->by || (request->expected && !r->expected)) {
		removal_free(r);
		return -ENOMEM;
	}
	r->op = (struct store_remove){
		.op = {.kind = STORE_REMOVE, .done = removed},
		.workflow_id = r->id,
		.expected = r->expected,
		.by = r->by,
		.now_ms = clock_wall_ms(),
	};
	store_submit(e->store, &r->op.op);
	return 0;
}
