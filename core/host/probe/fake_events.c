/* tappet.events/1: a stream that grows as the scenario goes on. Readers get it in batches, at their own pace; in the scenario for
 * it also in all the shapes that the ABI allows and that are rare: empty, with a gap, with larger elements, of unknown types. */
#include "host/probe/fake.h"

#define BATCH_MAX 8
#define FILTER_MAX 64

/* An element as a later version might have it. */
struct longer {
	tappet_event event;
	uint64_t more[2];
};

struct filter {
	char workflow_id[FILTER_MAX], activity_id[FILTER_MAX], type[FILTER_MAX]; /* "": all */
	tappet_str types;                                                        /* the same */
};

static struct fake_instance *instance_of(tappet_instance *self)
{
	return (struct fake_instance *)(void *)self;
}

static const char *type_of(const struct fake *f, uint64_t seq)
{
	static const char *const types[] = {"activity.accepted", "activity.started", "step.started", "step.ended",
					    "activity.ended"};
	return f->odd_events && seq % 7 == 0 ? "future.kind" : types[seq % (sizeof(types) / sizeof(types[0]))];
}

static bool is_type(const char *type, const char *wanted)
{
	const size_t len = strlen(wanted);
	return len && wanted[len - 1] == '*' ? strncmp(type, wanted, len - 1) == 0 : !len || strcmp(type, wanted) == 0;
}

static bool is_one_of(const char *type, tappet_str types)
{
	char wanted[FILTER_MAX];
	for (size_t at = 0; at < types.len;) {
		const size_t len = strcspn(types.ptr + at, ",");
		snprintf(wanted, sizeof(wanted), "%.*s", (int)len, types.ptr + at);
		if (is_type(type, wanted))
			return true;
		at += len + 1;
	}
	return types.len == 0;
}

/* All are of one workflow, and of one activity. */
static bool matches(const struct fake *f, const struct filter *filter, uint64_t seq)
{
	return (!filter->workflow_id[0] || strcmp(filter->workflow_id, FAKE_ID) == 0) &&
	       (!filter->activity_id[0] || strcmp(filter->activity_id, FAKE_ID) == 0) &&
	       is_type(type_of(f, seq), filter->type) && is_one_of(type_of(f, seq), filter->types);
}

static void lend_event(struct fake *f, tappet_event *e, uint64_t seq)
{
	const bool nobodys = f->odd_events && seq % 5 == 0;
	*e = (tappet_event){.seq = seq,
			    .time_ms = f->wall_ms,
			    .type = fake_lend_str(f, tappet_cstr(type_of(f, seq))).ptr,
			    .workflow_id = fake_lend_str(f, tappet_cstr(nobodys ? "" : FAKE_ID)).ptr,
			    .activity_id = fake_lend_str(f, tappet_cstr(nobodys ? "" : FAKE_ID)).ptr,
			    .data = fake_lend_str(f, tappet_cstr("{}"))};
}

static void deliver(struct fake *f, struct fake_call *c)
{
	struct fake_handle *h = c->arg;
	struct longer longer[BATCH_MAX];
	tappet_event events[BATCH_MAX];
	uint64_t gap_from = 0;
	size_t count = 0;
	h->asked = false;
	if (h->gone || h->seen >= f->newest)
		return;
	if (f->odd_events && f->batches % 3 == 1) {
		gap_from = h->seen + 1;
		h->seen += (f->newest - h->seen) / 2;
	}
	const bool empty = f->odd_events && f->batches++ % 3 == 0;
	h->wants = false;
	fake_enter(f, h->instance, "a callback of tappet.events/1");
	for (; h->seen < f->newest && count < BATCH_MAX; h->seen++) {
		if (empty || !matches(f, h->filter, h->seen + 1))
			continue;
		lend_event(f, &events[count], h->seen + 1);
		longer[count] = (struct longer){.event = events[count], .more = {UINT64_MAX, UINT64_MAX}};
		count++;
	}
	const size_t size = f->odd_events ? sizeof(longer[0]) : sizeof(events[0]);
	const void *list = f->odd_events ? (const void *)longer : (const void *)events;
	h->cb.events(h->arg, count ? fake_lend(f, list, count * size) : NULL, count, size, h->seen, gap_from);
	fake_leave(f);
}

static void look(struct fake_handle *h)
{
	if (h->asked || !h->wants || h->seen >= h->instance->f->newest)
		return;
	h->asked = true;
	fake_call_new(h->instance, "events", deliver)->arg = h;
}

void fake_events_commit(struct fake *f, uint64_t count)
{
	f->newest += count;
	list_each (node, &f->readers)
		look(list_entry(node, struct fake_handle, node));
}

static const struct filter *filter_copy(struct fake *f, const tappet_events_filter *given)
{
	struct filter *copy = fake_alloc(f, sizeof(*copy));
	*copy = (struct filter){0};
	if (!given)
		return copy;
	snprintf(copy->workflow_id, FILTER_MAX, "%s", given->workflow_id ? given->workflow_id : "");
	snprintf(copy->activity_id, FILTER_MAX, "%s", given->activity_id ? given->activity_id : "");
	snprintf(copy->type, FILTER_MAX, "%s", given->type ? given->type : "");
	if (given->struct_size >= sizeof(*given))
		copy->types = fake_copy(f, tappet_cstr(given->types));
	return copy;
}

static int32_t events_open(tappet_instance *self, uint64_t since, const tappet_events_filter *filter,
			   tappet_events_cb cb, void *arg, tappet_reader **ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "events open"))
		return TAPPET_ESTATE;
	if (!cb || !ret || (filter && filter->struct_size < FILTER_SIZE_1_0))
		return TAPPET_EINVAL;
	struct fake_handle *h = fake_handle_new(i, &i->f->readers, "reader");
	h->filter = filter_copy(i->f, filter);
	h->seen = since < i->f->newest ? since : i->f->newest;
	h->wants = true;
	h->cb.events = cb;
	h->arg = arg;
	look(h);
	*ret = (tappet_reader *)(void *)h;
	return TAPPET_OK;
}

static void events_more(tappet_reader *reader)
{
	struct fake_handle *h = (struct fake_handle *)(void *)reader;
	if (!h || !fake_allowed(h->instance, "more"))
		return;
	if (h->gone) {
		board_broken(h->instance->f->board, LIFE_HANDLE, "more was called for a reader that is gone");
		return;
	}
	h->wants = true;
	look(h);
}

static void events_close(tappet_reader *reader)
{
	fake_handle_end((struct fake_handle *)(void *)reader, "close");
}

static uint64_t events_newest(tappet_instance *self)
{
	struct fake_instance *i = instance_of(self);
	return fake_allowed(i, "newest") ? i->f->newest : 0;
}

static int32_t events_workflow(tappet_instance *self, tappet_str id_or_slug, tappet_workflow_info *ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "workflow"))
		return TAPPET_ESTATE;
	if (!ret || ret->struct_size < sizeof(*ret) || !id_or_slug.ptr)
		return TAPPET_EINVAL;
	if ((id_or_slug.len != strlen(FAKE_ID) || memcmp(id_or_slug.ptr, FAKE_ID, id_or_slug.len) != 0) &&
	    (id_or_slug.len != strlen("probe") || memcmp(id_or_slug.ptr, "probe", id_or_slug.len) != 0))
		return TAPPET_ENOTFOUND;
	ret->workflow_id = fake_lend_str(i->f, tappet_cstr(FAKE_ID)).ptr;
	ret->workflow_slug = fake_lend_str(i->f, tappet_cstr("probe")).ptr;
	ret->workflow_name = fake_lend_str(i->f, tappet_cstr("Probe")).ptr;
	ret->team = fake_lend_str(i->f, tappet_cstr("team")).ptr;
	return TAPPET_OK;
}

const tappet_events1 fake_events = {.struct_size = sizeof(tappet_events1),
				    .open = events_open,
				    .more = events_more,
				    .close = events_close,
				    .newest = events_newest,
				    .workflow = events_workflow};
