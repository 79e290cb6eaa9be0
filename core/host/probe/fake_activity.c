/* tappet.auth/1 and tappet.activity/1: one token that is good, activities that have ended, actions that are stored. */
#include "host/probe/fake.h"

static struct fake_instance *instance_of(tappet_instance *self)
{
	return (struct fake_instance *)(void *)self;
}

/* ---- Tokens ---- */

static void grant(tappet_grant *ret)
{
	const int all = TAPPET_SCOPE_TRIGGER | TAPPET_SCOPE_STATUS | TAPPET_SCOPE_CANCEL | TAPPET_SCOPE_ACTION |
			TAPPET_SCOPE_SUBSCRIBE;
	snprintf(ret->token_id, sizeof(ret->token_id), "%s", FAKE_ID);
	snprintf(ret->workflow_id, sizeof(ret->workflow_id), "%s", FAKE_ID);
	ret->scopes = (uint32_t)all;
	ret->workflow_count = 1;
}

static int32_t auth_check(tappet_instance *self, tappet_str token, tappet_grant *ret)
{
	if (!fake_allowed(instance_of(self), "check"))
		return TAPPET_ESTATE;
	if (token.len != strlen(FAKE_TOKEN) || memcmp(token.ptr, FAKE_TOKEN, token.len) != 0)
		return TAPPET_EDENIED;
	grant(ret);
	return TAPPET_OK;
}

/* Now and then it has been revoked. */
static int32_t auth_check_again(tappet_instance *self, const char *token_id, tappet_grant *ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "check_again"))
		return TAPPET_ESTATE;
	if (!token_id || strcmp(token_id, FAKE_ID) != 0 || (i->f->hard && i->f->checks++ % 3 == 2))
		return TAPPET_EDENIED;
	grant(ret);
	return TAPPET_OK;
}

static int32_t auth_covers(tappet_instance *self, const char *token_id, const char *workflow_id)
{
	(void)token_id;
	return fake_allowed(instance_of(self), "covers") && workflow_id && strcmp(workflow_id, FAKE_ID) == 0;
}

static int32_t auth_action_allowed(tappet_instance *self, const char *token_id, tappet_str topic)
{
	(void)token_id;
	return fake_allowed(instance_of(self), "action_allowed") && topic.len % 2 == 0;
}

static int32_t auth_trigger_enabled(tappet_instance *self, const char *workflow_id)
{
	(void)workflow_id;
	return fake_allowed(instance_of(self), "trigger_enabled") ? 1 : 0;
}

static void auth_refuse_workflow(tappet_instance *self, const char *workflow_id, int32_t reason, tappet_str detail)
{
	(void)workflow_id;
	(void)reason;
	(void)detail;
	(void)fake_allowed(instance_of(self), "refuse_workflow");
}

const tappet_auth1 fake_auth = {.struct_size = sizeof(tappet_auth1),
				.check = auth_check,
				.covers = auth_covers,
				.action_allowed = auth_action_allowed,
				.trigger_enabled = auth_trigger_enabled,
				.refuse_workflow = auth_refuse_workflow,
				.check_again = auth_check_again};

/* ---- Activities ---- */

static void tell_activity(struct fake *f, struct fake_call *c)
{
	static const char document[] = "{\"id\":\"" FAKE_ID "\",\"workflowId\":\"" FAKE_ID
				       "\",\"workflow\":\"probe\",\"status\":\"completed\",\"steps\":[]}";
	fake_enter(f, c->instance, "a callback of tappet.activity/1");
	tappet_activity_info info = {.struct_size = sizeof(info),
				     .workflow_id = fake_lend(f, FAKE_ID, strlen(FAKE_ID)),
				     .status = fake_lend(f, "completed", 9),
				     .document = fake_lend_str(f, tappet_cstr(document))};
	c->cb.activity(c->arg, c->result, c->result == TAPPET_OK ? fake_lend(f, &info, sizeof(info)) : NULL);
	fake_leave(f);
}

static int32_t activity_status(tappet_instance *self, const char *id, tappet_activity_cb cb, void *arg)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "status"))
		return TAPPET_ESTATE;
	if (!id || !cb)
		return TAPPET_EINVAL;
	struct fake_call *c = fake_call_new(i, "status", tell_activity);
	c->result = strcmp(id, FAKE_ID) == 0 ? TAPPET_OK : TAPPET_ENOTFOUND;
	c->cb.activity = cb;
	c->arg = arg;
	return TAPPET_OK;
}

static void tell_done(struct fake *f, struct fake_call *c)
{
	fake_enter(f, c->instance, "the callback of cancel");
	c->cb.done(c->arg, c->result);
	fake_leave(f);
}

static int32_t activity_cancel(tappet_instance *self, const char *id, tappet_done_cb cb, void *arg)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "cancel"))
		return TAPPET_ESTATE;
	if (!id || !cb)
		return TAPPET_EINVAL;
	struct fake_call *c = fake_call_new(i, "cancel", tell_done);
	c->result = i->f->settled % 2 ? TAPPET_ESTATE : TAPPET_OK;
	c->cb.done = cb;
	c->arg = arg;
	return TAPPET_OK;
}

static int32_t activity_wait_end(tappet_instance *self, const char *id, int64_t timeout_ms, tappet_activity_cb cb,
				 void *arg)
{
	(void)timeout_ms;
	return activity_status(self, id, cb, arg);
}

static void tell_action(struct fake *f, struct fake_call *c)
{
	fake_enter(f, c->instance, "the callback of action");
	c->cb.action(c->arg, c->result, c->result == TAPPET_OK ? ++f->newest : 0, 0);
	fake_leave(f);
}

static int32_t activity_act(tappet_instance *self, const tappet_action *action, tappet_action_cb cb, void *arg)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "action") || i->phase != FAKE_STARTED)
		return TAPPET_ESTATE;
	if (!action || action->struct_size < sizeof(*action) || action->topic.len == 0 || !cb)
		return TAPPET_EINVAL;
	struct fake_call *c = fake_call_new(i, "action", tell_action);
	c->result = i->f->hard && i->f->checks++ % 3 == 2 ? TAPPET_EUNKNOWN : TAPPET_OK;
	c->cb.action = cb;
	c->arg = arg;
	return TAPPET_OK;
}

const tappet_activity1 fake_activity = {.struct_size = sizeof(tappet_activity1),
					.status = activity_status,
					.cancel = activity_cancel,
					.wait_end = activity_wait_end,
					.action = activity_act};
