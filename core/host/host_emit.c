/* Emissions and accounts: copied, checked for size and state, charged to the plugin's credit, handed to the engine;
 * their result goes back to the plugin exactly once. */
#include "host/internal.h"
#include <errno.h>
#include "base/clock.h"

struct emission_ticket {
	struct tappet_trigger *trigger;
	tappet_emit_cb cb;
	void *arg;
	uint64_t bytes;
};

int32_t checkpoints_read(const tappet_checkpoint *list, size_t count, size_t size, struct store_checkpoint *checkpoints,
			 struct store_checkpoint **ret, uint64_t *bytes)
{
	if (count == 0) {
		*ret = NULL;
		return TAPPET_OK;
	}
	if (!list || size < CHECKPOINT_SIZE_1_0)
		return TAPPET_EINVAL;
	if (count > CHECKPOINTS_MAX)
		return TAPPET_ETOOBIG;
	if (count > CHECKPOINTS_INLINE)
		checkpoints = calloc(count, sizeof(*checkpoints));
	if (!checkpoints)
		return TAPPET_ENOMEM;
	int32_t error = TAPPET_OK;
	for (size_t i = 0; i < count && !error; i++) {
		tappet_checkpoint c;
		memcpy(&c, (const char *)list + i * size, sizeof(c));
		if (c.key.len == 0 || !c.key.ptr || (c.value.len && !c.value.ptr))
			error = TAPPET_EINVAL;
		else if (c.key.len > KEY_MAX || c.value.len > CHECKPOINT_VALUE_MAX)
			error = TAPPET_ETOOBIG;
		checkpoints[i] = (struct store_checkpoint){
			.key = c.key.ptr, .key_len = c.key.len, .value = c.value.ptr, .value_len = c.value.len};
		*bytes += c.key.len + c.value.len;
	}
	if (error && count > CHECKPOINTS_INLINE)
		free(checkpoints);
	if (!error)
		*ret = checkpoints;
	return error;
}

bool subject_valid(tappet_str subject)
{
	if (!subject.ptr || subject.len > SUBJECT_MAX)
		return false;
	for (size_t i = 0; i < subject.len; i++) {
		char c = subject.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

bool subject_allowed(const struct tappet_trigger *t, tappet_str subject)
{
	return subject.len == 0 || (trigger_is_open(t) && subject_valid(subject));
}

const char *subject_copy(tappet_str subject, char room[static SUBJECT_MAX + 1])
{
	if (subject.len == 0)
		return NULL;
	memcpy(room, subject.ptr, subject.len);
	room[subject.len] = '\0';
	return room;
}

static void checkpoints_free(struct store_checkpoint *checkpoints, size_t count)
{
	if (count > CHECKPOINTS_INLINE)
		free(checkpoints);
}

static int32_t check_state(const struct tappet_trigger *t)
{
	if (!t)
		return TAPPET_EINVAL;
	if (t->phase != TRIGGER_LIVE || t->plugin->phase != PLUGIN_STARTED)
		return TAPPET_ESTATE;
	return TAPPET_OK;
}

/* Empty, or one JSON object; that it is JSON at all is checked by the engine. */
static bool looks_like_object(tappet_str text)
{
	size_t i = 0;
	while (i < text.len && strchr(" \t\r\n", text.ptr[i]) && text.ptr[i])
		i++;
	return text.len == 0 || (i < text.len && text.ptr[i] == '{');
}

static bool valid_str(tappet_str s)
{
	return s.ptr || s.len == 0;
}

static int32_t check_emission(const struct host *h, const tappet_emission *e)
{
	/* What a plugin puts around a body of the largest size must not make it too large. */
	size_t max = h->options.payload_max ? h->options.payload_max + ENVELOPE_MAX : SIZE_MAX;
	if (!valid_str(e->payload) || !valid_str(e->parameters) || !valid_str(e->cause) || !valid_str(e->dedup_key))
		return TAPPET_EINVAL;
	if (e->dedup_key.len > KEY_MAX || e->occurred_ms < 0)
		return TAPPET_EINVAL;
	if (e->payload.len > max || e->parameters.len > max || e->cause.len > CAUSE_MAX)
		return TAPPET_ETOOBIG;
	if (!looks_like_object(e->parameters) || !looks_like_object(e->cause))
		return TAPPET_EINVAL;
	return TAPPET_OK;
}

static int32_t outcome_of(enum engine_outcome outcome)
{
	switch (outcome) {
	case ENGINE_OK:
		return TAPPET_OK;
	case ENGINE_DUP:
		return TAPPET_EDUP;
	case ENGINE_CONFLICT:
		return TAPPET_ECONFLICT;
	case ENGINE_REFUSED:
		return TAPPET_EREFUSED;
	case ENGINE_CANCELED:
		return TAPPET_ECANCELED;
	case ENGINE_UNKNOWN:
		break;
	}
	return TAPPET_EUNKNOWN;
}

static void on_result(void *arg, const struct engine_result *r)
{
	struct emission_ticket *ticket = arg;
	struct tappet_trigger *t = ticket->trigger;
	struct guard g;
	const tappet_result result = {
		.struct_size = sizeof(result),
		.outcome = outcome_of(r->outcome),
		.reason = r->reason,
		.activity_id = r->activity_id ? r->activity_id : "",
		.dedup_key = tappet_strn(r->dedup_key, r->dedup_key_len),
		.detail = tappet_cstr(r->detail),
	};
	/* Given back first, so that the plugin may hand over the next one from its callback. */
	credit_give(t, ticket->bytes);
	guard_enter(&g, t->plugin, CALLBACK_EMIT);
	ticket->cb(ticket->arg, &result);
	guard_leave(&g);
	free(ticket);
	trigger_pending_done(t);
}

static int32_t hand_over(struct tappet_trigger *t, const tappet_emission *e, const struct store_checkpoint *checkpoints,
			 struct emission_ticket *ticket)
{
	char subject[SUBJECT_MAX + 1], scope[SCOPE_SIZE];
	bool open = trigger_is_open(t);
	if (open && trigger_scope(t, scope) < 0)
		return TAPPET_EINVAL;
	const struct engine_emission emission = {
		.workflow_id = t->owner->id,
		.trigger = t->plugin->name,
		.trigger_id = trigger_def(t)->id,
		.payload = e->payload.ptr,
		.payload_len = e->payload.len,
		.params = e->parameters.ptr,
		.params_len = e->parameters.len,
		.cause = e->cause.ptr,
		.cause_len = e->cause.len,
		.dedup_key = e->dedup_key.ptr,
		.dedup_key_len = e->dedup_key.len,
		.occurred_ms = e->occurred_ms,
		.checkpoints = checkpoints,
		.checkpoint_count = e->checkpoint_count,
		.open_scope = open ? scope : NULL,
		.subject = subject_copy(e->subject, subject),
		.order = &t->order,
	};
	int r = engine_emit(t->owner->host->options.engine, &emission, on_result, ticket);
	if (r == -EBUSY || r == -EAGAIN || r == -ENOSPC)
		return TAPPET_EBUSY;
	return host_error(r);
}

static int32_t charge_and_emit(struct tappet_trigger *t, const tappet_emission *e, uint64_t bytes,
			       const struct store_checkpoint *checkpoints, tappet_emit_cb cb, void *arg)
{
	if (!credit_allows(t, bytes)) {
		credit_refused(t);
		return TAPPET_EBUSY;
	}
	struct emission_ticket *ticket = malloc(sizeof(*ticket));
	if (!ticket)
		return TAPPET_ENOMEM;
	*ticket = (struct emission_ticket){.trigger = t, .cb = cb, .arg = arg, .bytes = bytes};
	credit_take(t, bytes);
	trigger_pending_add(t);
	int32_t error = hand_over(t, e, checkpoints, ticket);
	if (!error)
		return TAPPET_OK;
	credit_give(t, bytes);
	trigger_pending_done(t);
	free(ticket);
	if (error == TAPPET_EBUSY)
		credit_retry(t->plugin);
	return error;
}

int32_t table_emit(tappet_trigger *trigger, const tappet_emission *given, tappet_emit_cb cb, void *arg)
{
	tappet_emission e = {0};
	struct store_checkpoint few[CHECKPOINTS_INLINE], *checkpoints = NULL;
	int32_t error = check_state(trigger);
	if (error)
		return error;
	if (!given || !cb || given->struct_size < EMISSION_SIZE_1_0)
		return TAPPET_EINVAL;
	if (!trigger->owner->host->options.engine)
		return TAPPET_ENOTSUP;
	memcpy(&e, given, given->struct_size < sizeof(e) ? given->struct_size : sizeof(e));
	error = subject_allowed(trigger, e.subject) ? check_emission(trigger->owner->host, &e) : TAPPET_EINVAL;
	if (error)
		return error;
	uint64_t bytes = e.payload.len + e.parameters.len + e.cause.len + e.dedup_key.len;
	error = checkpoints_read(e.checkpoints, e.checkpoint_count, e.checkpoint_size, few, &checkpoints, &bytes);
	if (error)
		return error;
	trigger->stateless = trigger->stateless && e.checkpoint_count == 0;
	error = charge_and_emit(trigger, &e, bytes, checkpoints, cb, arg);
	checkpoints_free(checkpoints, e.checkpoint_count);
	return error;
}

/* ---- Refusals ---- */

void host_refuse(tappet_instance *self, const char *workflow_id, const char *trigger_id, int32_t reason,
		 tappet_str detail)
{
	char text[DETAIL_MAX + 1];
	if (!plugin_usable(self) || !self->host->options.engine)
		return;
	size_t len = detail.ptr ? detail.len : 0;
	if (len > DETAIL_MAX)
		for (len = DETAIL_MAX; len > 0 && ((unsigned char)detail.ptr[len] & 0xc0) == 0x80;)
			len--;
	if (len)
		memcpy(text, detail.ptr, len);
	text[len] = '\0';
	if (reason <= TAPPET_REASON_NONE || reason > TAPPET_REASON_OTHER)
		reason = TAPPET_REASON_OTHER;
	engine_refuse(self->host->options.engine, workflow_id, trigger_id, self->name, reason, len ? text : NULL);
}

void table_refuse(tappet_instance *self, tappet_trigger *trigger, int32_t reason, tappet_str detail)
{
	if (trigger && trigger->plugin != self)
		return;
	host_refuse(self, trigger ? trigger->owner->id : NULL, trigger ? trigger_def(trigger)->id : NULL, reason,
		    detail);
}
