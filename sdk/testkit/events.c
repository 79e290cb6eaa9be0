/* tappet.events/1: events that the test makes, handed to readers in batches, at the readers' own pace. */
#include "internal.h"

#define BATCH_MAX 128
#define POSITION_EVERY 1000 /* that its filter left out: then a batch without events tells the reader where it is */
#define TYPE_MAX 63
#define FILTER_SIZE_1_0 offsetof(tappet_events_filter, team)

struct event {
	uint64_t seq;
	int64_t time_ms;
	const char *type, *workflow_id, *activity_id, *data;
};

struct tappet_reader {
	struct handle handle;
	struct list node; /* in kit->readers */
	struct task task;
	char *workflow_id, *activity_id, *type, *team, *types, *token_id; /* NULL: all */
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

/* ---- What a filter lets through ---- */

/* Those that come only to who names them in full. */
static bool is_asked_for(const char *type)
{
	return strcmp(type, "step.log") == 0 || strcmp(type, "trigger.refused") == 0;
}

static bool is_type(const char *type, const char *wanted, size_t len)
{
	if (len > 0 && wanted[len - 1] == '*')
		return !is_asked_for(type) && strncmp(type, wanted, len - 1) == 0;
	return strlen(type) == len && memcmp(type, wanted, len) == 0;
}

static bool is_one_of(const char *type, const char *types)
{
	for (const char *at = types;; at++) {
		const size_t len = strcspn(at, ",");
		if (is_type(type, at, len))
			return true;
		at += len;
		if (!*at)
			return false;
	}
}

static bool is_wanted(const struct tappet_reader *r, const char *type)
{
	const bool all = !r->type || !*r->type;
	if (!all && !is_type(type, r->type, strlen(r->type)))
		return false;
	if (r->types)
		return is_one_of(type, r->types);
	return !all || !is_asked_for(type);
}

static bool matches(const struct tappet_reader *r, const struct event *e)
{
	const testkit *kit = r->handle.kit;
	return (!r->workflow_id || strcmp(r->workflow_id, e->workflow_id) == 0) &&
	       (!r->activity_id || strcmp(r->activity_id, e->activity_id) == 0) && is_wanted(r, e->type) &&
	       (!r->team || strcmp(r->team, words_of(kit, e->workflow_id)->team) == 0) &&
	       (!r->token_id || token_covers(kit, r->token_id, e->workflow_id));
}

static bool type_exists(const char *wanted, size_t len)
{
	static const char *const types[] = {
		"activity.accepted", "activity.started", "activity.completed", "activity.failed", "activity.cancelled",
		"activity.invalid",  "step.started",     "step.ended",         "step.waiting",    "step.log",
		"workflow.changed",  "workflow.enabled", "workflow.disabled",  "trigger.health",  "trigger.refused",
	};
	if (len > 0 && wanted[len - 1] == '*')
		len--;
	else if (len == 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strncmp(types[i], wanted, len) == 0 && (wanted[len] == '*' || types[i][len] == '\0'))
			return true;
	return false;
}

static bool types_exist(const char *types)
{
	for (const char *at = types; at; at++) {
		const size_t len = strcspn(at, ",");
		if (!type_exists(at, len))
			return false;
		at += len;
		if (!*at)
			return true;
	}
	return true;
}

static bool filter_read(const tappet_events_filter *given, tappet_events_filter *ret)
{
	*ret = (tappet_events_filter){.struct_size = sizeof(*ret)};
	if (!given)
		return true;
	return copy_sized(ret, sizeof(*ret), given, FILTER_SIZE_1_0) && (!ret->type || strlen(ret->type) <= TYPE_MAX) &&
	       types_exist(ret->types);
}

/* ---- Readers ---- */

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
	free(r->team);
	free(r->types);
	free(r->token_id);
}

static void copy_filter(struct tappet_reader *r, const tappet_events_filter *f)
{
	r->workflow_id = copy_or_null(f->workflow_id);
	r->activity_id = copy_or_null(f->activity_id);
	r->type = copy_or_null(f->type);
	r->team = copy_or_null(f->team);
	r->types = copy_or_null(f->types);
	r->token_id = copy_or_null(f->token_id);
}

static int32_t open_reader(tappet_instance *self, uint64_t since, const tappet_events_filter *filter,
			   tappet_events_cb cb, void *arg, tappet_reader **ret)
{
	tappet_events_filter f;
	if (!self || !cb || !ret || !filter_read(filter, &f))
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "open");
	if (error)
		return error;
	struct tappet_reader *r = handle_new(self, "reader", sizeof(*r));
	r->handle.release = release;
	r->task.run = run;
	list_init(&r->task.node);
	copy_filter(r, &f);
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

static bool workflow_is_there(const testkit *kit, const char *workflow_id)
{
	if (words_of(kit, workflow_id)->id || strcmp(workflow_id, TESTKIT_WORKFLOW) == 0)
		return true;
	list_each (node, &kit->triggers)
		if (strcmp(list_entry(node, struct tappet_trigger, node)->workflow_id, workflow_id) == 0)
			return true;
	return false;
}

/* Whose slug it is now; NULL: nobody's. */
static const char *id_of_slug(const testkit *kit, const char *slug)
{
	for (size_t i = kit->workflows.count; i > 0; i--) {
		const struct workflow_words *w = kit->workflows.items[i - 1];
		if (strcmp(w->slug, slug) == 0 && words_of(kit, w->id) == w)
			return w->id;
	}
	return strcmp(slug, "workflow") == 0 && !words_of(kit, TESTKIT_WORKFLOW)->id ? TESTKIT_WORKFLOW : NULL;
}

static int32_t workflow(tappet_instance *self, tappet_str id_or_slug, tappet_workflow_info *ret)
{
	if (!self || !id_or_slug.ptr || !ret || ret->struct_size < sizeof(*ret))
		return TAPPET_EINVAL;
	if (!call_allowed(self, "workflow"))
		return TAPPET_ESTATE;
	const char *asked = kit_keep(self, id_or_slug).ptr;
	const char *id = workflow_is_there(self, asked) ? asked : id_of_slug(self, asked);
	if (!id)
		return TAPPET_ENOTFOUND;
	const struct workflow_words *words = words_of(self, id);
	ret->workflow_id = id;
	ret->workflow_slug = words->slug;
	ret->workflow_name = words->name;
	ret->team = words->team;
	return TAPPET_OK;
}

const tappet_events1 events_table = {
	.struct_size = sizeof(tappet_events1),
	.open = open_reader,
	.more = more,
	.close = close_reader,
	.newest = newest,
	.workflow = workflow,
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
