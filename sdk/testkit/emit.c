/* Emissions: kept for the test, settled as it says, their checkpoints committed or not as the ABI has it. */
#include <stdio.h>
#include "internal.h"

#define KEY_MAX 255
#define CAUSE_MAX (64 * 1024)
#define CHECKPOINT_VALUE_MAX (64 * 1024)
#define CHECKPOINTS_MAX 256
#define EMISSION_SIZE_1_0 offsetof(tappet_emission, subject)

struct emission {
	struct task task; /* in kit->tasks unless it is held */
	testkit_emission seen;
	tappet_emit_cb cb;
	void *arg;
	uint64_t bytes;
	struct outcome *script; /* NULL: kit->always */
};

/* ---- Checkpoints ---- */

static const tappet_checkpoint *checkpoint_at(const tappet_checkpoint *list, size_t size, size_t index)
{
	return (const tappet_checkpoint *)(const void *)((const char *)list + index * size);
}

bool checkpoints_valid(const tappet_checkpoint *list, size_t count, size_t size, int32_t *ret_error, uint64_t *bytes)
{
	*ret_error = TAPPET_EINVAL;
	if (count > 0 && (!list || size < sizeof(tappet_checkpoint)))
		return false;
	for (size_t i = 0; i < count; i++) {
		const tappet_checkpoint *c = checkpoint_at(list, size, i);
		if (!c->key.ptr || c->key.len == 0 || (c->value.len && !c->value.ptr))
			return false;
		*bytes += c->key.len + c->value.len;
		if (c->key.len > KEY_MAX || c->value.len > CHECKPOINT_VALUE_MAX || count > CHECKPOINTS_MAX) {
			*ret_error = TAPPET_ETOOBIG;
			return false;
		}
	}
	return true;
}

tappet_checkpoint *checkpoints_copy(testkit *kit, const tappet_checkpoint *list, size_t count, size_t size)
{
	if (count == 0)
		return NULL;
	tappet_checkpoint *copy = kit_alloc(count * sizeof(*copy));
	records_add(&kit->texts, copy);
	for (size_t i = 0; i < count; i++) {
		const tappet_checkpoint *c = checkpoint_at(list, size, i);
		copy[i].key = kit_keep(kit, c->key);
		copy[i].value = kit_keep(kit, c->value);
	}
	return copy;
}

void checkpoints_commit(tappet_trigger *trigger, const tappet_checkpoint *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		state_put(trigger->handle.kit, trigger->scope, list[i].key, list[i].value);
}

/* ---- Settling ---- */

static bool keeps_checkpoints(const testkit_emission *e)
{
	if (e->outcome == TAPPET_OK || e->outcome == TAPPET_EDUP)
		return true;
	return e->outcome == TAPPET_EREFUSED &&
	       (e->reason == TAPPET_REASON_FILTER || e->reason == TAPPET_REASON_OVERLAP ||
		e->reason == TAPPET_REASON_DISABLED);
}

static const char *activity_of(testkit *kit, size_t number)
{
	char id[25];
	snprintf(id, sizeof(id), "%024zx", number);
	return kit_keep(kit, tappet_cstr(id)).ptr;
}

/* WORKFLOW/TRIGGER NUL KEY, with the subject in the trigger's place. */
static char *known_key(const testkit_emission *e, size_t *ret_len)
{
	char scope[300];
	int n = snprintf(scope, sizeof(scope), "%s/%s", e->workflow_id, *e->subject ? e->subject : e->trigger_id);
	if (n < 0 || n >= (int)sizeof(scope))
		misuse("the id of trigger %s is too long", e->trigger_id);
	char *key = kit_alloc((size_t)n + 1 + e->dedup_key.len);
	memcpy(key, scope, (size_t)n);
	memcpy(key + n + 1, e->dedup_key.ptr, e->dedup_key.len);
	*ret_len = (size_t)n + 1 + e->dedup_key.len;
	return key;
}

/* As the store has it: one activity for a trigger and key. */
static void decide(testkit *kit, struct emission *e)
{
	testkit_emission *seen = &e->seen;
	size_t len;
	char *key = known_key(seen, &len);
	const struct emission *known = map_get(&kit->known, key, len);
	if (!known) {
		if (map_put(&kit->known, key, len, e, NULL) < 0)
			misuse("out of memory");
		seen->activity_id = activity_of(kit, kit->known.count);
	} else {
		bool same = known->seen.payload.len == seen->payload.len &&
			    memcmp(known->seen.payload.ptr, seen->payload.ptr, seen->payload.len) == 0;
		seen->outcome = same ? TAPPET_EDUP : TAPPET_ECONFLICT;
		seen->activity_id = known->seen.activity_id;
	}
	free(key);
}

static void settle(struct emission *e, int32_t outcome, int32_t reason, const char *detail)
{
	tappet_trigger *t = e->seen.trigger;
	testkit *kit = t->handle.kit;
	e->seen.outcome = outcome;
	e->seen.reason = reason;
	if (outcome == TAPPET_OK)
		decide(kit, e);
	else if (outcome == TAPPET_EDUP || outcome == TAPPET_ECONFLICT)
		e->seen.activity_id = activity_of(kit, 0xd0);
	if (keeps_checkpoints(&e->seen))
		checkpoints_commit(t, e->seen.checkpoints, e->seen.checkpoint_count);
	e->seen.settled = 1;
	credit_give(t, e->bytes);
	/* Copies: what a callback is handed ends with it. */
	char *id = kit_text(e->seen.activity_id), *words = kit_text(detail);
	char *key = kit_copy(e->seen.dedup_key.ptr, e->seen.dedup_key.len);
	const tappet_result result = {.struct_size = sizeof(result),
				      .outcome = e->seen.outcome,
				      .reason = reason,
				      .activity_id = id,
				      .dedup_key = tappet_strn(key, e->seen.dedup_key.len),
				      .detail = tappet_cstr(words)};
	callback_begin(kit);
	e->cb(e->arg, &result);
	callback_end(kit, "the callback of emit");
	free(key);
	free(words);
	free(id);
	trigger_pending_done(t);
}

static void run(struct task *task)
{
	struct emission *e = (struct emission *)(void *)task;
	testkit *kit = e->seen.trigger->handle.kit;
	const struct outcome *o = e->script ? e->script : &kit->always;
	if (!kit->hold)
		settle(e, o->outcome, o->reason, o->detail);
}

/* ---- The call ---- */

static bool at_the_call(int32_t outcome)
{
	return outcome == TAPPET_EBUSY || outcome == TAPPET_ETOOBIG || outcome == TAPPET_EINVAL ||
	       outcome == TAPPET_ENOMEM || outcome == TAPPET_ESTATE;
}

static bool is_object(tappet_str text)
{
	size_t i = 0;
	while (i < text.len &&
	       (text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\r' || text.ptr[i] == '\n'))
		i++;
	return text.len == 0 || (i < text.len && text.ptr[i] == '{' && json_check(text.ptr, text.len, NULL) == 0);
}

static int32_t check(const tappet_emission *e)
{
	if ((e->payload.len && !e->payload.ptr) || (e->parameters.len && !e->parameters.ptr) ||
	    (e->cause.len && !e->cause.ptr) || (e->dedup_key.len && !e->dedup_key.ptr))
		return TAPPET_EINVAL;
	if (e->dedup_key.len > KEY_MAX || e->occurred_ms < 0 || !is_object(e->parameters) || !is_object(e->cause))
		return TAPPET_EINVAL;
	if (e->payload.len && json_check(e->payload.ptr, e->payload.len, NULL) < 0)
		return TAPPET_EINVAL;
	return e->cause.len > CAUSE_MAX ? TAPPET_ETOOBIG : TAPPET_OK;
}

static struct outcome *next_outcome(testkit *kit)
{
	struct list *node = list_first(&kit->outcomes);
	if (node)
		list_remove(node);
	return node ? list_entry(node, struct outcome, node) : NULL;
}

static struct emission *emission_new(tappet_trigger *trigger, const tappet_emission *given)
{
	testkit *kit = trigger->handle.kit;
	struct emission *e = kit_alloc(sizeof(*e));
	char made[40];
	records_add(&kit->emissions, e);
	snprintf(made, sizeof(made), "host-%zu", kit->emissions.count);
	e->seen = (testkit_emission){
		.struct_size = sizeof(e->seen),
		.trigger = trigger,
		.trigger_id = kit_keep(kit, tappet_cstr(trigger->id)).ptr,
		.workflow_id = kit_keep(kit, tappet_cstr(trigger->workflow_id)).ptr,
		.payload = kit_keep(kit, given->payload),
		.parameters = kit_keep(kit, given->parameters),
		.cause = kit_keep(kit, given->cause),
		.dedup_key = kit_keep(kit, given->dedup_key.len ? given->dedup_key : tappet_cstr(made)),
		.occurred_ms = given->occurred_ms ? given->occurred_ms : kit->wall_ms,
		.checkpoints =
			checkpoints_copy(kit, given->checkpoints, given->checkpoint_count, given->checkpoint_size),
		.checkpoint_count = given->checkpoint_count,
		.activity_id = "",
		.subject = kit_keep(kit, given->subject).ptr,
	};
	e->task.run = run;
	list_init(&e->task.node);
	return e;
}

/* 0, or what the test wants `emit` to return. */
static int32_t scripted_error(testkit *kit, struct outcome **ret)
{
	struct outcome *script = next_outcome(kit);
	int32_t outcome = script ? script->outcome : kit->always.outcome;
	*ret = script;
	if (!at_the_call(outcome))
		return TAPPET_OK;
	if (script) {
		free(script->detail);
		free(script);
	}
	return outcome;
}

int32_t table_emit(tappet_trigger *trigger, const tappet_emission *given, tappet_emit_cb cb, void *arg)
{
	testkit *kit = trigger ? trigger->handle.kit : NULL;
	tappet_emission copy = {0};
	struct outcome *script;
	int32_t error = call_begin(kit, "emit");
	if (error)
		return error == TAPPET_EBUSY ? credit_busy(kit) : error;
	if (!trigger_usable(trigger) || !trigger->live || kit->phase != STARTED)
		return TAPPET_ESTATE;
	if (!given || !cb || given->struct_size < EMISSION_SIZE_1_0) {
		rule_broken(kit, RULE_EMIT_2, "emit");
		return TAPPET_EINVAL;
	}
	memcpy(&copy, given, given->struct_size < sizeof(copy) ? given->struct_size : sizeof(copy));
	uint64_t bytes = copy.payload.len + copy.parameters.len + copy.cause.len + copy.dedup_key.len;
	error = subject_allowed(trigger, copy.subject) ? check(&copy) : TAPPET_EINVAL;
	if (error || !checkpoints_valid(copy.checkpoints, copy.checkpoint_count, copy.checkpoint_size, &error, &bytes))
		return error;
	if (!credit_allows(trigger, bytes))
		return credit_refused(trigger);
	error = scripted_error(kit, &script);
	if (error)
		return error == TAPPET_EBUSY ? credit_busy(kit) : error;
	struct emission *e = emission_new(trigger, &copy);
	e->cb = cb;
	e->arg = arg;
	e->bytes = bytes;
	e->script = script;
	if (script) {
		records_add(&kit->texts, script);
		if (script->detail)
			records_add(&kit->texts, script->detail);
	}
	trigger->pending++;
	credit_take(trigger, bytes);
	task_add(kit, &e->task);
	return TAPPET_OK;
}

/* ---- For the test ---- */

static struct outcome outcome_of(int32_t outcome, int32_t reason, const char *detail)
{
	return (struct outcome){.outcome = outcome, .reason = reason, .detail = kit_text(detail)};
}

void testkit_outcome(testkit *kit, int32_t outcome, int32_t reason, const char *detail)
{
	struct outcome *o = kit_alloc(sizeof(*o));
	*o = outcome_of(outcome, reason, detail);
	list_append(&kit->outcomes, &o->node);
}

void testkit_outcome_always(testkit *kit, int32_t outcome, int32_t reason, const char *detail)
{
	free(kit->always.detail);
	kit->always = outcome_of(outcome, reason, detail);
}

static struct emission *emission_at(const testkit *kit, size_t index)
{
	return index < kit->emissions.count ? kit->emissions.items[index] : NULL;
}

void testkit_hold(testkit *kit, int on)
{
	kit->hold = on != 0;
	/* Those that were held and are not queued. */
	for (size_t i = 0; !on && i < kit->emissions.count; i++) {
		struct emission *e = emission_at(kit, i);
		if (!e->seen.settled && list_empty(&e->task.node))
			task_add(kit, &e->task);
	}
}

int32_t testkit_settle(testkit *kit, size_t index, int32_t outcome, int32_t reason, const char *detail)
{
	struct emission *e = emission_at(kit, index);
	if (!e)
		misuse("testkit_settle: there is no emission %zu", index);
	for (size_t i = 0; i <= index; i++) {
		const struct emission *other = emission_at(kit, i);
		bool first = other->seen.trigger == e->seen.trigger && i < index;
		if ((first && !other->seen.settled) || (i == index && other->seen.settled))
			return TAPPET_ESTATE;
	}
	list_remove(&e->task.node);
	settle(e, outcome, reason, detail);
	return TAPPET_OK;
}

void emissions_cancel(testkit *kit)
{
	for (size_t i = 0; i < kit->emissions.count; i++) {
		struct emission *e = emission_at(kit, i);
		if (e->seen.settled || !list_empty(&e->task.node))
			continue;
		settle(e, TAPPET_ECANCELED, TAPPET_REASON_NONE, "held back until the end");
	}
}

size_t testkit_emission_count(const testkit *kit)
{
	return kit->emissions.count;
}

const testkit_emission *testkit_emission_at(const testkit *kit, size_t index)
{
	const struct emission *e = emission_at(kit, index);
	return e ? &e->seen : NULL;
}

const testkit_emission *testkit_emission_last(const testkit *kit)
{
	return kit->emissions.count ? testkit_emission_at(kit, kit->emissions.count - 1) : NULL;
}
