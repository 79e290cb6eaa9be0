/* tappet.events/1: readers of events (bus/reader.h) on behalf of plugins. */
#include "host/internal.h"
#include <errno.h>
#include "base/log.h"
#include "bus/reader.h"

struct tappet_reader {
	struct tappet_instance *plugin;
	struct list node;
	struct later pump;
	struct bus_reader events;
	tappet_events_cb cb;
	void *arg;
	char workflow_id[ID_SIZE], activity_id[ID_SIZE];
	char type[64];
	bool type_is_prefix;
	bool wants, reading, closed;
};

static void reader_free(struct tappet_reader *r)
{
	bus_reader_delivered(&r->events);
	free(r);
}

static bool matches(void *arg, const struct event *e)
{
	const struct tappet_reader *r = arg;
	if (r->workflow_id[0] && strcmp(r->workflow_id, e->workflow_id) != 0)
		return false;
	if (r->activity_id[0] && strcmp(r->activity_id, e->activity_id) != 0)
		return false;
	if (!r->type[0] && !r->type_is_prefix)
		return true;
	const char *name = event_type_name(e->type);
	return r->type_is_prefix ? strncmp(name, r->type, strlen(r->type)) == 0 : strcmp(name, r->type) == 0;
}

static void deliver(struct tappet_reader *r)
{
	const struct bus_reader *news = &r->events;
	tappet_event events[BUS_READER_MAX];
	struct guard g;
	for (size_t i = 0; i < news->count; i++) {
		const struct event *e = &news->batch[i];
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
	int status = store_read_events(h->options.store, r->events.position, BUS_READER_MAX, on_read, r);
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

static int32_t set_filter(struct tappet_reader *r, const tappet_events_filter *given)
{
	tappet_events_filter f = {0};
	if (!given)
		return TAPPET_OK;
	if (given->struct_size < FILTER_SIZE_1_0)
		return TAPPET_EINVAL;
	memcpy(&f, given, given->struct_size < sizeof(f) ? given->struct_size : sizeof(f));
	if ((f.workflow_id && !id_valid(f.workflow_id)) || (f.activity_id && !id_valid(f.activity_id)))
		return TAPPET_EINVAL;
	if (f.workflow_id)
		memcpy(r->workflow_id, f.workflow_id, sizeof(r->workflow_id));
	if (f.activity_id)
		memcpy(r->activity_id, f.activity_id, sizeof(r->activity_id));
	size_t len = f.type ? strlen(f.type) : 0;
	if (len >= sizeof(r->type))
		return TAPPET_EINVAL;
	r->type_is_prefix = len > 0 && f.type[len - 1] == '*';
	if (len)
		memcpy(r->type, f.type, len - (r->type_is_prefix ? 1 : 0));
	return TAPPET_OK;
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
	if (!error)
		error = host_error(bus_reader_open(&r->events, h->options.bus, since, since == 0));
	if (error) {
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

const tappet_events1 events_table = {
	.struct_size = sizeof(tappet_events1),
	.open = open_reader,
	.more = more,
	.close = close_by_plugin,
	.newest = newest,
};
