/* Emissions and accounts: each call is checked, and gets the outcome that the scenario has ordered. */
#include "host/probe/fake.h"

#define KEY_MAX 255
#define UNKNOWN_MAX 100
#define BUSY_EVERY 5     /* in hard scenarios */
#define BUSY_AT_ONCE 100 /* refusals in one callback that are patience's end */

static struct fake_trigger *trigger_of(tappet_trigger *trigger)
{
	return (struct fake_trigger *)(void *)trigger;
}

/* In which a plugin may not emit, or NULL. */
static const char *wrong_state(const struct fake_trigger *t)
{
	const struct fake_instance *i = t->instance;
	if (t == i->f->adding)
		return "inside trigger_add";
	if (t->removed)
		return "after trigger_remove";
	if (i->phase == FAKE_CREATED)
		return "before start";
	return NULL;
}

static bool in_state(const struct fake_trigger *t, const char *function)
{
	const char *wrong = wrong_state(t);
	if (wrong)
		board_broken(t->instance->f->board, EMIT_STATE, "%s was called %s", function, wrong);
	/* After stop it is turned down, too, but a timer may well come to it: the plugin may wait for callbacks. */
	return !wrong && t->instance->phase == FAKE_STARTED;
}

static bool is_json(tappet_str text, bool object)
{
	size_t i = 0;
	if (text.len == 0)
		return true;
	if (!text.ptr || json_check(text.ptr, text.len, NULL) < 0)
		return false;
	while (object && strchr(" \t\r\n", text.ptr[i]))
		i++;
	return !object || text.ptr[i] == '{';
}

static const char *wrong_subject(const struct fake_trigger *t, tappet_str subject)
{
	if (subject.len == 0)
		return NULL;
	if (!t->open)
		return "a subject through a trigger that is not open";
	return subject_valid(subject) ? NULL : "a subject that is not [a-z0-9_-] of at most 64 bytes";
}

/* One that is shorter than this host's has none. */
static tappet_str subject_of(const tappet_emission *e)
{
	return e->struct_size < SIZE_UNTIL(tappet_emission, subject) ? tappet_strn(NULL, 0) : e->subject;
}

static const char *wrong_emission(const struct fake_trigger *t, const tappet_emission *e)
{
	if (!e || e->struct_size < EMISSION_SIZE_1_0)
		return "an emission with a wrong struct_size";
	if (!is_json(e->payload, false))
		return "a payload that is not JSON";
	if (!is_json(e->parameters, true))
		return "parameters that are no JSON object";
	if (!is_json(e->cause, true))
		return "a cause that is no JSON object";
	if (e->dedup_key.len > KEY_MAX || e->occurred_ms < 0)
		return "a dedup key of more than 255 bytes, or a negative time";
	if (e->checkpoint_count && (!e->checkpoints || e->checkpoint_size < CHECKPOINT_SIZE_1_0))
		return "checkpoints with a wrong checkpoint_size";
	for (size_t i = 0; i < e->checkpoint_count; i++) {
		const tappet_checkpoint *c = (const void *)((const char *)e->checkpoints + i * e->checkpoint_size);
		if (c->key.len == 0 || c->key.len > KEY_MAX || c->value.len > (size_t)64 * 1024)
			return "a checkpoint without a key, or that is too large";
	}
	return wrong_subject(t, subject_of(e));
}

/* One of the outcomes, in turn; what the real host says with each goes with it. */
static int32_t outcome(struct fake *f)
{
	static const int32_t all[] = {TAPPET_OK,       TAPPET_EDUP,      TAPPET_ECONFLICT,
				      TAPPET_EREFUSED, TAPPET_ECANCELED, TAPPET_EUNKNOWN};
	const size_t n = f->settled++;
	/* Not for ever: a plugin that tries again is right. */
	if (f->plan == PLAN_UNKNOWN)
		return n < UNKNOWN_MAX ? TAPPET_EUNKNOWN : TAPPET_OK;
	return f->plan == PLAN_OK ? TAPPET_OK : all[n % (sizeof(all) / sizeof(all[0]))];
}

static void settle(struct fake *f, struct fake_call *c)
{
	const int32_t result = outcome(f);
	const bool known = result == TAPPET_OK || result == TAPPET_EDUP || result == TAPPET_ECONFLICT;
	c->result = result;
	if (c->request) {
		c->request->emissions--;
		c->request->lost |= result == TAPPET_ECANCELED || result == TAPPET_EUNKNOWN;
	}
	fake_enter(f, c->instance, "the callback of emit");
	const tappet_result given = {
		.struct_size = sizeof(given),
		.outcome = result,
		.reason = result == TAPPET_EREFUSED    ? TAPPET_REASON_FILTER
			  : result == TAPPET_ECANCELED ? TAPPET_REASON_STORE
						       : TAPPET_REASON_NONE,
		.activity_id = fake_lend_str(f, tappet_cstr(known ? "0123456789abcdef01234567" : "")).ptr,
		.dedup_key = fake_lend_str(f, c->text),
		.detail = fake_lend_str(f, tappet_cstr(known ? "" : "as plugin-check has ordered")),
	};
	f->settling = c;
	c->cb.emit(c->arg, fake_lend(f, &given, sizeof(given)));
	f->settling = NULL;
	fake_leave(f);
	c->trigger->pending--;
	c->settled_ms = f->mono_ms;
	if (result == TAPPET_EUNKNOWN && c->occurred_ms)
		list_append(&f->unknown, &c->node);
}

static bool same(tappet_str a, tappet_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* What is emitted again from inside the callback that said EUNKNOWN is the same thing, if it has the same payload. */
static void check_retry(struct fake_trigger *t, const tappet_emission *e)
{
	struct fake *f = t->instance->f;
	const struct fake_call *c = f->settling;
	if (c && c->result == TAPPET_EUNKNOWN && c->trigger == t && same(c->payload, e->payload) &&
	    same(c->subject, subject_of(e)) && !same(c->text, e->dedup_key))
		board_broken(f->board, EMIT_RETRY, "the same payload was emitted again without the key of the result");
}

/* What is emitted again later is the same thing if it has occurred at the same instant, by its own word, and does not differ
 * otherwise. The clock has to have moved on: until then it may be another one of that instant. */
static void check_late_retry(struct fake_trigger *t, const tappet_emission *e)
{
	struct fake *f = t->instance->f;
	bool again = false, kept = false;
	list_each (node, &f->unknown) {
		const struct fake_call *c = list_entry(node, struct fake_call, node);
		if (c->trigger != t || c->occurred_ms != e->occurred_ms || c->settled_ms == f->mono_ms ||
		    !same(c->payload, e->payload) || !same(c->cause, e->cause) || !same(c->subject, subject_of(e)))
			continue;
		again = true;
		kept |= same(c->text, e->dedup_key);
	}
	if (again)
		board_applies(f->board, EMIT_RETRY);
	if (again && !kept)
		board_broken(f->board, EMIT_RETRY,
			     "the same occurrence was emitted again later, without the key of the result");
}

/* True when this one is turned away, as if there were no credit. */
static bool busy(struct fake_instance *i)
{
	struct fake *f = i->f;
	if (!f->hard || (!f->paused && f->emitted % BUSY_EVERY != BUSY_EVERY - 1 && !f->busy_in_callback))
		return false;
	f->starved = i;
	if (f->current && ++f->busy_in_callback == BUSY_AT_ONCE) {
		board_broken(f->board, EMIT_BUSY, "emit was tried %d times in one callback, without waiting for resume",
			     BUSY_AT_ONCE);
		/* Or it would go on for ever. */
		f->busy_in_callback = 0;
		f->hard = false;
		return false;
	}
	return true;
}

static void keep(struct fake_trigger *t, const tappet_emission *e, tappet_emit_cb cb, void *arg)
{
	struct fake *f = t->instance->f;
	char made[40];
	struct fake_call *c = fake_call_new(t->instance, "emission", settle);
	snprintf(made, sizeof(made), "made-%zu", f->emitted);
	c->trigger = t;
	c->text = fake_copy(f, e->dedup_key.len ? e->dedup_key : tappet_cstr(made));
	c->payload = fake_copy(f, e->payload);
	c->cause = fake_copy(f, e->cause);
	c->subject = fake_copy(f, subject_of(e));
	c->occurred_ms = e->occurred_ms;
	c->cb.emit = cb;
	c->arg = arg;
	c->request = f->serving;
	c->held = f->plan == PLAN_HOLD;
	if (c->request)
		c->request->emissions++;
	t->pending++;
}

int32_t fake_emit(tappet_trigger *trigger, const tappet_emission *e, tappet_emit_cb cb, void *arg)
{
	struct fake_trigger *t = trigger_of(trigger);
	if (!t)
		return TAPPET_EINVAL;
	struct fake *f = t->instance->f;
	if (!fake_allowed(t->instance, "emit") || !in_state(t, "emit"))
		return TAPPET_ESTATE;
	board_applies(f->board, EMIT_VALID);
	board_applies(f->board, EMIT_STATE);
	/* Whoever hands on what a peer says may leave it to the host to see whether it is JSON. */
	if (cb && f->odd_peers && e && e->struct_size >= EMISSION_SIZE_1_0 && !is_json(e->payload, false))
		return TAPPET_EINVAL;
	const char *wrong = cb ? wrong_emission(t, e) : "an emission without a callback";
	if (wrong) {
		board_broken(f->board, EMIT_VALID, "%s: %s", f->callback, wrong);
		return TAPPET_EINVAL;
	}
	if (f->hard)
		board_applies(f->board, EMIT_BUSY);
	if (busy(t->instance))
		return TAPPET_EBUSY;
	if (f->settling && f->settling->result == TAPPET_EUNKNOWN)
		board_applies(f->board, EMIT_RETRY);
	check_retry(t, e);
	check_late_retry(t, e);
	f->emitted++;
	keep(t, e, cb, arg);
	fake_checkpoints(t, e->checkpoints, e->checkpoint_count, e->checkpoint_size);
	return TAPPET_OK;
}

void fake_credit(tappet_trigger *trigger, uint64_t *ret_emissions, uint64_t *ret_bytes)
{
	struct fake_trigger *t = trigger_of(trigger);
	const bool some = t && fake_allowed(t->instance, "credit") && !t->instance->f->paused;
	if (ret_emissions)
		*ret_emissions = some ? 1024 : 0;
	if (ret_bytes)
		*ret_bytes = some ? (uint64_t)64 << 20 : 0;
}

static void done(struct fake *f, struct fake_call *c)
{
	if (c->cb.done) {
		fake_enter(f, c->instance, c->what);
		c->cb.done(c->arg, c->result);
		fake_leave(f);
	}
	if (c->trigger)
		c->trigger->pending--;
}

int32_t fake_account(tappet_trigger *trigger, const tappet_account *account, tappet_done_cb cb, void *arg)
{
	struct fake_trigger *t = trigger_of(trigger);
	if (!t || !fake_allowed(t->instance, "account") || !in_state(t, "account"))
		return TAPPET_ESTATE;
	if (!account || account->struct_size < ACCOUNT_SIZE_1_0) {
		board_broken(t->instance->f->board, EMIT_VALID, "an account with a wrong struct_size");
		return TAPPET_EINVAL;
	}
	const char *wrong =
		account->struct_size < SIZE_UNTIL(tappet_account, subject) ? NULL : wrong_subject(t, account->subject);
	if (wrong) {
		board_broken(t->instance->f->board, EMIT_VALID, "an account with %s", wrong);
		return TAPPET_EINVAL;
	}
	struct fake_call *c = fake_call_new(t->instance, "the callback of account", done);
	c->trigger = t;
	c->cb.done = cb;
	c->arg = arg;
	t->pending++;
	fake_checkpoints(t, account->checkpoints, account->checkpoint_count, account->checkpoint_size);
	return TAPPET_OK;
}
