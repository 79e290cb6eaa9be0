/* tappet.auth/1: tokens that the test makes. */
#include <stdio.h>
#include "internal.h"

struct token {
	struct list node;           /* in kit->tokens */
	char *secret, *workflow_id; /* NULL: all */
	uint32_t scopes;
	char id[25];
};

static struct token *find_secret(const testkit *kit, tappet_str secret)
{
	list_each (node, &kit->tokens) {
		struct token *t = list_entry(node, struct token, node);
		if (strlen(t->secret) == secret.len && memcmp(t->secret, secret.ptr, secret.len) == 0)
			return t;
	}
	return NULL;
}

static const struct token *find_id(const testkit *kit, const char *id)
{
	list_each (node, &kit->tokens) {
		const struct token *t = list_entry(node, struct token, node);
		if (strcmp(t->id, id) == 0)
			return t;
	}
	return NULL;
}

bool token_is_there(const testkit *kit, const char *token_id)
{
	return find_id(kit, token_id) != NULL;
}

bool token_covers(const testkit *kit, const char *token_id, const char *workflow_id)
{
	const struct token *t = find_id(kit, token_id);
	return t && (!t->workflow_id || strcmp(t->workflow_id, workflow_id) == 0);
}

static int32_t grant(const struct token *found, tappet_grant *ret)
{
	if (!found)
		return TAPPET_EDENIED;
	memcpy(ret->token_id, found->id, sizeof(ret->token_id));
	snprintf(ret->workflow_id, sizeof(ret->workflow_id), "%s", found->workflow_id ? found->workflow_id : "");
	ret->scopes = found->scopes;
	ret->workflow_count = found->workflow_id ? 1 : 2;
	return TAPPET_OK;
}

static int32_t check(tappet_instance *self, tappet_str token, tappet_grant *ret)
{
	if (!ret || ret->struct_size < sizeof(tappet_grant) || (token.len && !token.ptr))
		return TAPPET_EINVAL;
	if (!call_allowed(self, "check"))
		return TAPPET_ESTATE;
	return grant(token.len ? find_secret(self, token) : NULL, ret);
}

static int32_t check_again(tappet_instance *self, const char *token_id, tappet_grant *ret)
{
	if (!ret || ret->struct_size < sizeof(tappet_grant) || !token_id)
		return TAPPET_EINVAL;
	return call_allowed(self, "check_again") ? grant(find_id(self, token_id), ret) : TAPPET_ESTATE;
}

static int32_t covers(tappet_instance *self, const char *token_id, const char *workflow_id)
{
	if (!token_id || !workflow_id || !call_allowed(self, "covers"))
		return 0;
	return token_covers(self, token_id, workflow_id);
}

/* With the scope every topic is allowed. */
static int32_t action_allowed(tappet_instance *self, const char *token_id, tappet_str topic)
{
	if (!token_id || !topic.ptr || !call_allowed(self, "action_allowed"))
		return 0;
	const struct token *t = find_id(self, token_id);
	return t && (t->scopes & TAPPET_SCOPE_ACTION);
}

static int32_t trigger_enabled(tappet_instance *self, const char *workflow_id)
{
	if (!workflow_id)
		return TAPPET_EINVAL;
	if (!call_allowed(self, "trigger_enabled"))
		return TAPPET_ESTATE;
	list_each (node, &self->triggers) {
		const struct tappet_trigger *t = list_entry(node, struct tappet_trigger, node);
		if (t->live && strcmp(t->workflow_id, workflow_id) == 0)
			return 1;
	}
	return self->enabled_answer;
}

static void refuse_workflow(tappet_instance *self, const char *workflow_id, int32_t reason, tappet_str detail)
{
	if (workflow_id)
		refusal_add(self, NULL, workflow_id, reason, detail);
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

static void token_free(struct token *t)
{
	list_remove(&t->node);
	free(t->secret);
	free(t->workflow_id);
	free(t);
}

void auth_release(testkit *kit)
{
	list_each_safe (node, &kit->tokens)
		token_free(list_entry(node, struct token, node));
}

/* ---- For the test ---- */

void testkit_token(testkit *kit, const char *secret, uint32_t scopes, const char *workflow_id)
{
	struct token *t = find_secret(kit, tappet_cstr(secret));
	if (t)
		token_free(t);
	if (scopes == 0)
		return;
	t = kit_alloc(sizeof(*t));
	t->secret = kit_text(secret);
	t->workflow_id = workflow_id ? kit_text(workflow_id) : NULL;
	t->scopes = scopes;
	snprintf(t->id, sizeof(t->id), "70c%021llx", (unsigned long long)++kit->timer_number);
	list_append(&kit->tokens, &t->node);
}

void testkit_trigger_enabled(testkit *kit, int32_t answer)
{
	kit->enabled_answer = answer;
}
