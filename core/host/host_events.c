/* tappet.events/1: readers that catch up from the store and go over to the bus. The store is the truth, the bus a
 * hint: a reader knows the number that it has seen last, takes from the bus only the one behind it, and reads the
 * store whenever there is a hole. So there is no gap and no double, whatever the order in which the two bring an
 * event. */
#include "host/internal.h"
#include <errno.h>
#include "base/log.h"

#define BATCH_MAX 128
#define RING_SIZE 128
/* A reader whose filter leaves everything out is told its position now and then, by an empty batch. */
#define POSITION_EVERY 1000

struct tappet_reader {
	struct tappet_instance *plugin;
	struct list node;
	struct later pump;
	struct bus_subscriber *subscriber;
	tappet_events_cb cb;
	void *arg;
	char workflow_id[ID_SIZE], activity_id[ID_SIZE];
	char type[64];
	bool type_is_prefix;
	uint64_t position; /* seen up to here, the filter's leavings included */
	uint64_t told;     /* as last told */
	uint64_t gap_from; /* not told yet */
	bool from_oldest;  /* nothing was asked for in particular: what is gone is no gap */
	bool wants, reading, closed;
	uint64_t asked_at, dry_at; /* bus_newest when the store had nothing behind `position` */
	struct event *batch;       /* BATCH_MAX, while there is something in it */
	size_t count;
};

static void release_batch(struct tappet_reader *r)
{
	for (size_t i = 0; i < r->count; i++)
		event_release(&r->batch[i]);
	r->count = 0;
	free(r->batch);
	r->batch = NULL;
}

static bool make_batch(struct tappet_reader *r)
{
	if (!r->batch)
		r->batch = calloc(BATCH_MAX, sizeof(*r->batch));
	return r->batch != NULL;
}

static void reader_free(struct tappet_reader *r)
{
	release_batch(r);
	free(r);
}

static bool matches(const struct tappet_reader *r, const struct event *e)
{
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
	struct tappet_instance *p = r->plugin;
	tappet_event events[BATCH_MAX];
	struct guard g;
	for (size_t i = 0; i < r->count; i++) {
		const struct event *e = &r->batch[i];
		events[i] = (tappet_event){
			.seq = e->seq,
			.time_ms = e->time_ms,
			.type = event_type_name(e->type),
			.workflow_id = e->workflow_id,
			.activity_id = e->activity_id,
			.data = tappet_cstr(e->data ? e->data : "{}"),
		};
	}
	uint64_t gap_from = r->gap_from;
	r->gap_from = 0;
	r->wants = false;
	r->told = r->position;
	guard_enter(&g, p, CALLBACK_EVENTS);
	r->cb(r->arg, events, r->count, sizeof(events[0]), r->position, gap_from);
	guard_leave(&g);
	/* It may have been closed from inside; its memory goes at the next turn at the earliest. */
	release_batch(r);
}

static bool has_news(const struct tappet_reader *r)
{
	return r->count > 0 || r->gap_from || r->position - r->told >= POSITION_EVERY;
}

/* Takes over what the bus has, as long as it is the very next one. */
static void take_live(struct tappet_reader *r)
{
	struct event e;
	if (!make_batch(r))
		return;
	while (r->count < BATCH_MAX && bus_take(r->subscriber, &e) == 1) {
		if (e.seq == r->position + 1) {
			r->position = e.seq;
			if (matches(r, &e))
				r->batch[r->count++] = e;
			else
				event_release(&e);
			continue;
		}
		bool hole = e.seq > r->position + 1;
		event_release(&e);
		if (hole) {
			bus_discard(r->subscriber);
			return;
		}
	}
}

static void skip_gone(struct tappet_reader *r, uint64_t oldest)
{
	bool first = r->from_oldest;
	r->from_oldest = false;
	if (oldest <= r->position + 1)
		return;
	if (!first && !r->gap_from)
		r->gap_from = r->position + 1;
	r->position = oldest - 1;
	if (first)
		r->told = r->position;
}

static void take_read(struct tappet_reader *r, const struct event *events, size_t count)
{
	for (size_t i = 0; i < count && r->count < BATCH_MAX; i++) {
		if (events[i].seq <= r->position)
			continue;
		if (matches(r, &events[i])) {
			if (!make_batch(r) || event_copy(&r->batch[r->count], &events[i]) < 0)
				return;
			r->count++;
		}
		r->position = events[i].seq;
	}
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
	uint64_t before = r->position;
	skip_gone(r, oldest);
	take_read(r, events, count);
	if (r->position == before)
		r->dry_at = r->asked_at;
	host_later(r->plugin->host, &r->pump);
}

static void read_store(struct tappet_reader *r)
{
	struct host *h = r->plugin->host;
	if (r->reading || h->finished)
		return;
	r->reading = true;
	r->asked_at = bus_newest(h->options.bus);
	pending_add(r->plugin);
	int status = store_read_events(h->options.store, r->position, BATCH_MAX, on_read, r);
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
	if (!r->from_oldest)
		take_live(r);
	if (has_news(r)) {
		deliver(r);
		if (r->closed)
			host_later(r->plugin->host, &r->pump);
		return;
	}
	/* Nothing in the ring although something was committed: it overflowed, or it is older than the subscription. */
	uint64_t newest_now = bus_newest(r->plugin->host->options.bus);
	if (r->from_oldest || (r->position < newest_now && r->dry_at != newest_now))
		read_store(r);
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
	uint64_t newest = bus_newest(h->options.bus);
	r->from_oldest = since == 0;
	/* A number from the future comes from another store: what was asked for is everything new. */
	r->position = r->told = since < newest ? since : newest;
	int32_t error = set_filter(r, filter);
	if (!error)
		error = host_error(bus_subscribe(h->options.bus, RING_SIZE, on_wake, r, &r->subscriber));
	if (error) {
		free(r);
		return error;
	}
	if (r->from_oldest)
		r->position = r->told = 0;
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
	bus_unsubscribe(r->subscriber);
	r->subscriber = NULL;
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
