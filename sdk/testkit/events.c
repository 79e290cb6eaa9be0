/* tappet.events/1: events that the test makes, handed to readers in batches, at the readers' own pace. */
#include "internal.h"

#define BATCH_MAX 128
#define POSITION_EVERY 1000 /* that its filter left out: then a batch without events tells the reader where it is */
#define TYPE_MAX 63

struct event {
	uint64_t seq;
	int64_t time_ms;
	const char *type, *workflow_id, *activity_id, *data;
};

struct tappet_reader {
	struct handle handle;
	struct list node; /* in kit->readers */
	struct task task;
	char *workflow_id, *activity_id, *type; /* NULL: all */
	uint64_t position, told;
	bool from_oldest, wants;
	tappet_events_cb cb;
	void *arg;
};

struct batch {
	const struct event *events[BATCH_MAX];
	size_t count;
	uint64_t gap_from;
};

static bool is_type(const char *type, const char *wanted)
{
	size_t len = strlen(wanted);
	if (len > 0 && wanted[len - 1] == '*')
		return strncmp(type, wanted, len - 1) == 0;
	return len == 0 || strcmp(type, wanted) == 0;
}

static bool matches(const struct tappet_reader *r, const struct event *e)
{
	return (!r->workflow_id || strcmp(r->workflow_id, e->workflow_id) == 0) &&
	       (!r->activity_id || strcmp(r->activity_id, e->activity_id) == 0) &&
	       (!r->type || is_type(e->type, r->type));
}

/* False: nothing to tell yet. */
static bool take(struct tappet_reader *r, struct batch *b)
{
	const testkit *kit = r->handle.kit;
	if (r->position + 1 < kit->oldest_event) {
		b->gap_from = r->from_oldest ? 0 : r->position + 1;
		r->position = kit->oldest_event - 1;
	}
	r->from_oldest = false;
	while (r->position < kit->events.count && b->count < kit->batch_max) {
		const struct event *e = kit->events.items[r->position++];
		if (matches(r, e))
			b->events[b->count++] = e;
	}
	return b->count > 0 || b->gap_from || r->position - r->told >= POSITION_EVERY;
}

/* Copies, which end with the callback. */
static void deliver(struct tappet_reader *r, const struct batch *b)
{
	tappet_event *events = kit_alloc(b->count * sizeof(*events));
	struct records texts = {0};
	for (size_t i = 0; i < b->count; i++) {
		const struct event *e = b->events[i];
		const char *const given[] = {e->type, e->workflow_id, e->activity_id, e->data};
		char *copies[sizeof(given) / sizeof(given[0])];
		for (size_t k = 0; k < sizeof(given) / sizeof(given[0]); k++) {
			copies[k] = kit_text(given[k]);
			records_add(&texts, copies[k]);
		}
		events[i] = (tappet_event){e->seq, e->time_ms, copies[0], copies[1], copies[2], tappet_cstr(copies[3])};
	}
	r->wants = false;
	r->told = r->position;
	callback_begin(r->handle.kit);
	r->cb(r->arg, events, b->count, sizeof(*events), r->position, b->gap_from);
	callback_end(r->handle.kit, "a callback of tappet.events/1");
	records_release(&texts);
	free(events);
}

static void run(struct task *task)
{
	struct tappet_reader *r = list_entry(task, struct tappet_reader, task);
	struct batch b = {0};
	if (r->wants && r->handle.kit->phase < STOPPED && take(r, &b))
		deliver(r, &b);
}

static void look(struct tappet_reader *r)
{
	if (list_empty(&r->task.node))
		task_add(r->handle.kit, &r->task);
}

static char *copy_or_null(const char *text)
{
	return text ? kit_text(text) : NULL;
}

static void release(struct handle *handle)
{
	struct tappet_reader *r = (struct tappet_reader *)(void *)handle;
	free(r->workflow_id);
	free(r->activity_id);
	free(r->type);
}

static int32_t open_reader(tappet_instance *self, uint64_t since, const tappet_events_filter *filter,
			   tappet_events_cb cb, void *arg, tappet_reader **ret)
{
	if (!self || !cb || !ret)
		return TAPPET_EINVAL;
	if (filter && (filter->struct_size < sizeof(*filter) || (filter->type && strlen(filter->type) > TYPE_MAX)))
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "open");
	if (error)
		return error;
	struct tappet_reader *r = handle_new(self, "reader", sizeof(*r));
	r->handle.release = release;
	r->task.run = run;
	list_init(&r->task.node);
	if (filter) {
		r->workflow_id = copy_or_null(filter->workflow_id);
		r->activity_id = copy_or_null(filter->activity_id);
		r->type = copy_or_null(filter->type);
	}
	/* A number from the future is from another store: only what is new. */
	r->position = r->told = since < self->events.count ? since : self->events.count;
	r->from_oldest = since == 0;
	r->wants = true;
	r->cb = cb;
	r->arg = arg;
	list_append(&self->readers, &r->node);
	look(r);
	*ret = r;
	return TAPPET_OK;
}

static void more(tappet_reader *reader)
{
	if (!reader || !call_allowed(reader->handle.kit, "more") || !handle_usable(&reader->handle))
		return;
	reader->wants = true;
	look(reader);
}

static void end(struct tappet_reader *r)
{
	handle_end(&r->handle);
	list_remove(&r->node);
	list_remove(&r->task.node);
}

static void close_reader(tappet_reader *reader)
{
	if (reader && call_allowed(reader->handle.kit, "close") && handle_usable(&reader->handle))
		end(reader);
}

static uint64_t newest(tappet_instance *self)
{
	return call_allowed(self, "newest") ? self->events.count : 0;
}

const tappet_events1 events_table = {
	.struct_size = sizeof(tappet_events1),
	.open = open_reader,
	.more = more,
	.close = close_reader,
	.newest = newest,
};

void readers_release(testkit *kit)
{
	const size_t count = testkit_reader_count(kit);
	list_each_safe (node, &kit->readers)
		end(list_entry(node, struct tappet_reader, node));
	if (count)
		rule_broken(kit, RULE_EVENTS_1, "%zu readers", count);
}

/* ---- For the test ---- */

uint64_t testkit_event(testkit *kit, const char *type, const char *workflow_id, const char *activity_id,
		       const char *data)
{
	struct event *e = kit_alloc(sizeof(*e));
	records_add(&kit->events, e);
	*e = (struct event){
		.seq = kit->events.count,
		.time_ms = kit->wall_ms,
		.type = kit_keep(kit, tappet_cstr(type)).ptr,
		.workflow_id = kit_keep(kit, tappet_cstr(workflow_id)).ptr,
		.activity_id = kit_keep(kit, tappet_cstr(activity_id)).ptr,
		.data = kit_keep(kit, tappet_cstr(data ? data : "{}")).ptr,
	};
	list_each (node, &kit->readers)
		look(list_entry(node, struct tappet_reader, node));
	return e->seq;
}

void testkit_events_oldest(testkit *kit, uint64_t seq)
{
	if (seq == 0 || seq > kit->events.count + 1)
		misuse("testkit_events_oldest: there is no event %llu", (unsigned long long)seq);
	kit->oldest_event = seq;
}

void testkit_events_batch(testkit *kit, size_t count)
{
	if (count == 0 || count > BATCH_MAX)
		misuse("testkit_events_batch: 1 to %d", BATCH_MAX);
	kit->batch_max = count;
}

size_t testkit_reader_count(const testkit *kit)
{
	size_t count = 0;
	list_each (node, &kit->readers)
		count++;
	return count;
}
