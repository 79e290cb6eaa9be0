/* tappet.auth/1 over the engine's tokens. */
#include "host/internal.h"
#include "model/workflow.h"

_Static_assert((int)TAPPET_SCOPE_TRIGGER == (int)ACCESS_TRIGGER, "scopes");
_Static_assert((int)TAPPET_SCOPE_STATUS == (int)ACCESS_STATUS, "scopes");
_Static_assert((int)TAPPET_SCOPE_CANCEL == (int)ACCESS_CANCEL, "scopes");
_Static_assert((int)TAPPET_SCOPE_ACTION == (int)ACCESS_ACTION, "scopes");
_Static_assert((int)TAPPET_SCOPE_SUBSCRIBE == (int)ACCESS_SUBSCRIBE, "scopes");
_Static_assert(sizeof(((tappet_grant *)NULL)->token_id) == ID_SIZE, "ids");

static int32_t tell(struct engine *e, const struct access_token *found, tappet_grant *ret)
{
	const char *only = NULL;
	if (!found)
		return TAPPET_EDENIED;
	size_t count = access_count(e, found, &only);
	tappet_grant grant = {.struct_size = ret->struct_size, .scopes = found->scope_bits, .workflow_count = count};
	memcpy(grant.token_id, found->id, sizeof(grant.token_id));
	if (count == 1 && only)
		memcpy(grant.workflow_id, only, sizeof(grant.workflow_id));
	memcpy(ret, &grant, grant.struct_size < sizeof(grant) ? grant.struct_size : sizeof(grant));
	return TAPPET_OK;
}

static int32_t check(tappet_instance *self, tappet_str token, tappet_grant *ret)
{
	if (!self || !ret || ret->struct_size < GRANT_SIZE_1_0 || (token.len && !token.ptr))
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	struct engine *e = self->host->options.engine;
	return tell(e, token.len ? access_check(e, token.ptr, token.len) : NULL, ret);
}

static int32_t check_again(tappet_instance *self, const char *token_id, tappet_grant *ret)
{
	if (!self || !token_id || !ret || ret->struct_size < GRANT_SIZE_1_0)
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	struct engine *e = self->host->options.engine;
	return tell(e, access_use(e, token_id), ret);
}

static int32_t covers(tappet_instance *self, const char *token_id, const char *workflow_id)
{
	if (!plugin_usable(self) || !token_id || !workflow_id)
		return 0;
	struct engine *e = self->host->options.engine;
	const struct access_token *token = access_find(e, token_id);
	const struct catalog_entry *entry = engine_find(e, workflow_id);
	return token && entry && access_covers(e, token, entry);
}

static int32_t action_allowed(tappet_instance *self, const char *token_id, tappet_str topic)
{
	if (!plugin_usable(self) || !token_id || !topic.ptr)
		return 0;
	const struct access_token *token = access_find(self->host->options.engine, token_id);
	return token && access_action_allowed(token, topic.ptr, topic.len);
}

static int32_t trigger_enabled(tappet_instance *self, const char *workflow_id)
{
	if (!self || !workflow_id)
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	struct engine *e = self->host->options.engine;
	const struct catalog_entry *entry = engine_find(e, workflow_id);
	const struct workflow *w = entry && !entry->removed ? entry->workflow : NULL;
	int32_t result = TAPPET_ENOTFOUND;
	for (size_t i = 0; w && i < w->trigger_count; i++) {
		if (strcmp(w->triggers[i].plugin, self->name) != 0)
			continue;
		if (engine_trigger_enabled(e, entry, w->triggers[i].id))
			return 1;
		result = 0;
	}
	return result;
}

static void refuse_workflow(tappet_instance *self, const char *workflow_id, int32_t reason, tappet_str detail)
{
	const struct engine *e = plugin_usable(self) ? self->host->options.engine : NULL;
	const struct catalog_entry *entry = e && workflow_id ? engine_find(e, workflow_id) : NULL;
	host_refuse(self, entry ? entry->id : NULL, NULL, reason, detail);
}

const tappet_auth1 auth_table = {
	.struct_size = sizeof(tappet_auth1),
	.check = check,
	.covers = covers,
	.action_allowed = action_allowed,
	.trigger_enabled = trigger_enabled,
	.refuse_workflow = refuse_workflow,
	.check_again = check_again,
};
