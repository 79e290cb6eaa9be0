/* tappet.events/1: readers of events (bus/reader.h) on behalf of plugins. */
#include "host/internal.h"
#include <errno.h>
#include "base/log.h"
#include "bus/reader.h"
#include "engine/event_filter.h"
#include "model/workflow.h"

struct tappet_reader {
	struct tappet_instance *plugin;
	struct list node;
	struct later pump;
	struct bus_reader events;
	tappet_events_cb cb;
	void *arg;
	struct event_filter filter;
	bool wants, reading, closed;
};

static void reader_free(struct tappet_reader *r)
{
	bus_reader_delivered(&r->events);
	event_filter_release(&r->filter);
	free(r);
}

static bool matches(void *arg, const struct event *e)
{
	struct tappet_reader *r = arg;
	return event_filter_matches(&r->filter, e);
}

static void deliver(struct tappet_reader *r)
{
	const struct bus_reader *news = &r->events;
	tappet_event events[BUS_READER_MAX];
	struct guard g;
	for (size_t i = 0; i < news->count; i++) {
		const struct event *e = news->batch[i];
		events[i] = (tappet_event){
			.seq = e->seq,
			.time_ms = e->time_ms,
			.type = event_type_name(e->type),
			.workflow_id = e->workflow_id,
			.activity_id = e->activity_id,
			.data = tappet_cstr(e->data ? e->data : "{}"),
		};
	}
	r->wants = false;
	guard_enter(&g, r->plugin, CALLBACK_EVENTS);
	r->cb(r->arg, events, news->count, sizeof(events[0]), news->position, news->gap_from);
	guard_leave(&g);
	/* It may have been closed from inside; its memory goes at the next turn at the earliest. */
	bus_reader_delivered(&r->events);
}

static void on_read(void *arg, int status, const struct event *events, size_t count, uint64_t oldest)
{
	struct tappet_reader *r = arg;
	r->reading = false;
	pending_done(r->plugin);
	if (r->closed) {
		reader_free(r);
		return;
	}
	if (status < 0) {
		log_warn("events cannot be read", log_str("plugin", r->plugin->name), log_errno(status), LOG_END);
		return;
	}
	bus_reader_take(&r->events, events, count, oldest);
	host_later(r->plugin->host, &r->pump);
}

static void read_store(struct tappet_reader *r)
{
	struct host *h = r->plugin->host;
	if (h->finished)
		return;
	r->reading = true;
	bus_reader_ask(&r->events);
	pending_add(r->plugin);
	int status = store_read_events(h->options.store, r->events.position, BUS_READER_MAX,
				       event_filter_has(&r->filter, EVENT_STEP_LOG), on_read, r);
	if (status < 0)
		on_read(r, status, NULL, 0, 0);
}

static void pump(struct later *l)
{
	struct tappet_reader *r = list_entry(l, struct tappet_reader, pump);
	if (r->closed) {
		if (!r->reading)
			reader_free(r);
		return;
	}
	if (!r->wants || r->reading)
		return;
	enum bus_reader_next next = bus_reader_look(&r->events);
	if (next == BUS_READER_BEHIND)
		read_store(r);
	if (next != BUS_READER_NEWS)
		return;
	deliver(r);
	if (r->closed)
		host_later(r->plugin->host, &r->pump);
}

/* Called from inside bus_publish, where no subscription may end: the plugin is called at the next turn. */
static void on_wake(void *arg)
{
	struct tappet_reader *r = arg;
	if (r->wants && !r->reading)
		host_later(r->plugin->host, &r->pump);
}

/* `type` may be one that no event has, for a plugin may know more of them than its host; then nothing comes. */
static void set_types(struct event_filter *filter, const char *type, const char *types, int32_t *ret_error)
{
	uint64_t one = EVENT_TYPES_ALL, one_named = 0, several = EVENT_TYPES_ALL, several_named = 0;
	if (type && type[0])
		event_types_prefixed(type, &one, &one_named);
	if (types && event_types_read(types, &several, &several_named, NULL) < 0)
		*ret_error = TAPPET_EINVAL;
	filter->types = event_types_granted(one & several, one_named | several_named);
}

static int32_t set_filter(struct tappet_reader *r, const tappet_events_filter *given)
{
	struct event_filter *filter = &r->filter;
	tappet_events_filter f = {0};
	int32_t error = TAPPET_OK;
	event_filter_init(filter, r->plugin->host->options.engine);
	if (!given)
		return TAPPET_OK;
	if (given->struct_size < FILTER_SIZE_1_0)
		return TAPPET_EINVAL;
	memcpy(&f, given, given->struct_size < sizeof(f) ? given->struct_size : sizeof(f));
	if ((f.workflow_id && !id_valid(f.workflow_id)) || (f.activity_id && !id_valid(f.activity_id)) ||
	    (f.token_id && !id_valid(f.token_id)))
		return TAPPET_EINVAL;
	if (f.workflow_id)
		memcpy(filter->workflow_id, f.workflow_id, ID_SIZE);
	if (f.activity_id)
		memcpy(filter->activity_id, f.activity_id, ID_SIZE);
	if (f.token_id)
		memcpy(filter->token_id, f.token_id, ID_SIZE);
	set_types(filter, f.type, f.types, &error);
	if (!error && f.team && event_filter_set_team(filter, f.team) < 0)
		error = TAPPET_ENOMEM;
	return error;
}

static int32_t open_reader(tappet_instance *self, uint64_t since, const tappet_events_filter *filter,
			   tappet_events_cb cb, void *arg, tappet_reader **ret)
{
	if (!self || !cb || !ret)
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	struct host *h = self->host;
	struct tappet_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return TAPPET_ENOMEM;
	r->plugin = self;
	r->cb = cb;
	r->arg = arg;
	r->wants = true;
	later_init(&r->pump, pump);
	r->events.matches = matches;
	r->events.wake = on_wake;
	r->events.arg = r;
	int32_t error = set_filter(r, filter);
	r->events.types = r->filter.types;
	if (!error)
		error = host_error(bus_reader_open(&r->events, h->options.bus, since, since == 0));
	if (error) {
		event_filter_release(&r->filter);
		free(r);
		return error;
	}
	list_append(&self->readers, &r->node);
	host_later(h, &r->pump);
	*ret = r;
	return TAPPET_OK;
}

static void more(tappet_reader *reader)
{
	if (!reader || reader->closed)
		return;
	reader->wants = true;
	host_later(reader->plugin->host, &reader->pump);
}

static void close_reader(struct tappet_reader *r)
{
	if (r->closed)
		return;
	r->closed = true;
	bus_reader_close(&r->events);
	list_remove(&r->node);
	later_cancel(&r->pump);
	/* on_read frees one that is reading; the others go by the pump, not under the feet of deliver. */
	if (!r->reading)
		host_later(r->plugin->host, &r->pump);
}

static void close_by_plugin(tappet_reader *reader)
{
	if (reader)
		close_reader(reader);
}

size_t events_release_all(struct tappet_instance *p)
{
	size_t count = 0;
	list_each_safe (node, &p->readers) {
		struct tappet_reader *r = list_entry(node, struct tappet_reader, node);
		close_reader(r);
		count++;
		/* Nobody is called from here, and there may be no further turn of the host. */
		if (!r->reading && !p->late) {
			later_cancel(&r->pump);
			reader_free(r);
		}
	}
	return count;
}

static uint64_t newest(tappet_instance *self)
{
	return plugin_usable(self) ? bus_newest(self->host->options.bus) : 0;
}

static int32_t workflow(tappet_instance *self, tappet_str id_or_slug, tappet_workflow_info *ret)
{
	char name[KEY_MAX + 1];
	if (!self || !id_or_slug.ptr || !ret || ret->struct_size < WORKFLOW_INFO_SIZE_1_3)
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	if (id_or_slug.len > KEY_MAX || memchr(id_or_slug.ptr, 0, id_or_slug.len))
		return TAPPET_ENOTFOUND;
	snprintf(name, sizeof(name), "%.*s", (int)id_or_slug.len, id_or_slug.ptr);
	const struct catalog_entry *entry = engine_find(self->host->options.engine, name);
	if (!entry)
		return TAPPET_ENOTFOUND;
	const struct workflow *w = entry->workflow;
	const tappet_workflow_info info = {
		.struct_size = ret->struct_size,
		.workflow_id = entry->id,
		.workflow_slug = entry->slug,
		.workflow_name = w && w->name ? w->name : entry->slug,
		.team = w && w->team ? w->team : "",
	};
	memcpy(ret, &info, info.struct_size < sizeof(info) ? info.struct_size : sizeof(info));
	return TAPPET_OK;
}

const tappet_events1 events_table = {
	.struct_size = sizeof(tappet_events1),
	.open = open_reader,
	.more = more,
	.close = close_by_plugin,
	.newest = newest,
	.workflow = workflow,
};
