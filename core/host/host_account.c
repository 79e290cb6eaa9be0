/* Accounts: what became of expected occurrences that start nothing, with the checkpoints that go with it, in order
 * with the trigger's emissions. */
#include "host/internal.h"
#include <errno.h>
#include "base/clock.h"

struct account_ticket {
	struct store_account op;
	struct tappet_trigger *trigger;
	tappet_done_cb cb;
	void *arg;
	uint64_t bytes;
	char *trigger_id, *scope;
	struct store_checkpoint checkpoints[];
};

static void ticket_free(struct account_ticket *ticket)
{
	for (size_t i = 0; i < ticket->op.checkpoint_count; i++) {
		free((char *)(uintptr_t)ticket->checkpoints[i].key);
		free((char *)(uintptr_t)ticket->checkpoints[i].value);
	}
	free(ticket->trigger_id);
	free(ticket->scope);
	free(ticket);
}

static char *copy(const void *bytes, size_t len)
{
	char *text = malloc(len + 1);
	if (!text)
		return NULL;
	if (len)
		memcpy(text, bytes, len);
	text[len] = '\0';
	return text;
}

static int copy_checkpoints(struct account_ticket *ticket, const struct store_checkpoint *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct store_checkpoint *c = &ticket->checkpoints[i];
		*c = (struct store_checkpoint){.key = copy(from[i].key, from[i].key_len),
					       .key_len = from[i].key_len,
					       .value = copy(from[i].value, from[i].value_len),
					       .value_len = from[i].value_len};
		ticket->op.checkpoint_count = i + 1;
		if (!c->key || !c->value)
			return -ENOMEM;
	}
	return 0;
}

static void on_done(struct store_op *op)
{
	struct account_ticket *ticket = (struct account_ticket *)(void *)op;
	struct tappet_trigger *t = ticket->trigger;
	struct guard g;
	t->order.in_flight--;
	/* What was queued behind it may have counted on its checkpoints. Once for one failure: those that were queued
	 * since stay in one order. */
	if (op->status < 0 && t->order.order.epoch == ticket->op.order_epoch)
		t->order.order.epoch++;
	credit_give(t, ticket->bytes);
	guard_enter(&g, t->plugin, CALLBACK_ACCOUNT);
	ticket->cb(ticket->arg, op->status == -EIO ? TAPPET_ECANCELED : host_error(op->status));
	guard_leave(&g);
	ticket_free(ticket);
	trigger_pending_done(t);
}

/* The id that is stored, and of an open trigger where the checkpoints go. */
static int copy_names(struct account_ticket *ticket, const tappet_account *a)
{
	const struct tappet_trigger *t = ticket->trigger;
	char subject[SUBJECT_MAX + 1], scope[SCOPE_SIZE];
	const char *about = subject_copy(a->subject, subject);
	if (trigger_scope(t, scope) < 0)
		return -EINVAL;
	ticket->op.trigger_id = ticket->trigger_id = strdup(about ? about : trigger_def(t)->id);
	ticket->op.checkpoint_scope = ticket->scope = trigger_is_open(t) ? strdup(scope) : NULL;
	return ticket->trigger_id && (ticket->scope || !trigger_is_open(t)) ? 0 : -ENOMEM;
}

static struct account_ticket *ticket_new(struct tappet_trigger *t, const tappet_account *a,
					 const struct store_checkpoint *checkpoints)
{
	struct account_ticket *ticket =
		calloc(1, sizeof(*ticket) + a->checkpoint_count * sizeof(ticket->checkpoints[0]));
	if (!ticket)
		return NULL;
	ticket->trigger = t;
	ticket->op = (struct store_account){
		.op = {.kind = STORE_ACCOUNT, .done = on_done},
		.order = &t->order.order,
		.order_epoch = t->order.order.epoch,
		.workflow_id = t->owner->id,
		.first_ms = a->first_ms,
		.last_ms = a->last_ms,
		.count = a->count,
		.outcome = a->outcome,
		.checkpoints = ticket->checkpoints,
		.now_ms = clock_wall_ms(),
	};
	list_init(&ticket->op.op.node);
	if (copy_names(ticket, a) < 0 || copy_checkpoints(ticket, checkpoints, a->checkpoint_count) < 0) {
		ticket_free(ticket);
		return NULL;
	}
	return ticket;
}

static int32_t submit(struct tappet_trigger *t, const tappet_account *a, const struct store_checkpoint *checkpoints,
		      uint64_t bytes, tappet_done_cb cb, void *arg)
{
	if (!credit_allows(t, bytes)) {
		credit_refused(t);
		return TAPPET_EBUSY;
	}
	struct account_ticket *ticket = ticket_new(t, a, checkpoints);
	if (!ticket)
		return TAPPET_ENOMEM;
	ticket->cb = cb;
	ticket->arg = arg;
	ticket->bytes = bytes;
	t->order.in_flight++;
	credit_take(t, bytes);
	trigger_pending_add(t);
	store_submit(t->owner->host->options.store, &ticket->op.op);
	return TAPPET_OK;
}

static int32_t check(const struct tappet_trigger *t, const tappet_account *given, tappet_done_cb cb)
{
	if (!t || !given || !cb || given->struct_size < ACCOUNT_SIZE_1_0)
		return TAPPET_EINVAL;
	if (t->phase != TRIGGER_LIVE || t->plugin->phase != PLUGIN_STARTED)
		return TAPPET_ESTATE;
	if (!t->owner->host->options.store)
		return TAPPET_ENOTSUP;
	if (given->count < 1 || given->first_ms > given->last_ms || given->outcome < TAPPET_ACCOUNT_MISSED ||
	    given->outcome > TAPPET_ACCOUNT_DROPPED)
		return TAPPET_EINVAL;
	return TAPPET_OK;
}

int32_t table_account(tappet_trigger *trigger, const tappet_account *given, tappet_done_cb cb, void *arg)
{
	tappet_account a = {0};
	struct store_checkpoint few[CHECKPOINTS_INLINE], *checkpoints = NULL;
	uint64_t bytes = 0;
	int32_t error = check(trigger, given, cb);
	if (error)
		return error;
	memcpy(&a, given, given->struct_size < sizeof(a) ? given->struct_size : sizeof(a));
	if (!subject_allowed(trigger, a.subject))
		return TAPPET_EINVAL;
	error = checkpoints_read(a.checkpoints, a.checkpoint_count, a.checkpoint_size, few, &checkpoints, &bytes);
	if (error)
		return error;
	trigger->stateless = trigger->stateless && a.checkpoint_count == 0;
	error = submit(trigger, &a, checkpoints, bytes, cb, arg);
	if (a.checkpoint_count > CHECKPOINTS_INLINE)
		free(checkpoints);
	return error;
}
