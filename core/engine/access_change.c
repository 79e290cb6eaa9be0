/* Making, renewing and revoking tokens. A secret is 256 random bits; it exists in the answer and nowhere else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "engine/catalog.h"
#include "engine/tokens.h"

#define SCOPES_DEFAULT "trigger status cancel"
#define TEXT_MAX 4096
#define LABEL_MAX 200
#define SECRET_BYTES 32

struct change {
	struct store_token op;
	struct engine *engine;
	struct store_token_record record;
	char *label, *team, *scopes, *workflow_ids;
	char secret[ACCESS_SECRET_SIZE];
	access_secret_cb cb;
	void (*done)(void *arg, int status);
	void *arg;
};

static void change_free(struct change *c)
{
	explicit_bzero(c->secret, sizeof(c->secret));
	free(c->label);
	free(c->team);
	free(c->scopes);
	free(c->workflow_ids);
	free(c);
}

/* RFC 4648 section 5, without padding. */
static void base64url(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | bytes[i];
		for (have += 8; have >= 6; have -= 6)
			*out++ = digits[bits >> (have - 6) & 63];
	}
	if (have > 0)
		*out++ = digits[bits << (6 - have) & 63];
	*out = '\0';
}

static void make_secret(struct change *c)
{
	uint8_t bytes[SECRET_BYTES];

	digest_random(bytes, sizeof(bytes));
	memcpy(c->secret, "tpt_", 4);
	base64url(bytes, sizeof(bytes), c->secret + 4);
	explicit_bzero(bytes, sizeof(bytes));
	digest_sha256(c->secret, strlen(c->secret), c->record.hash);
}

static struct change *change_new(struct engine *e, enum store_token_action action, void (*done)(struct store_op *op))
{
	struct change *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->engine = e;
	c->op.op = (struct store_op){.kind = STORE_TOKEN, .done = done};
	c->op.action = action;
	return c;
}

static void submit(struct change *c)
{
	c->op.token = c->record;
	store_submit(c->engine->store, &c->op.op);
}

/* ---- Making --------------------------------------------------------------------------------------------------- */

static void created(struct store_op *op)
{
	struct change *c = list_entry(op, struct change, op.op);
	struct token *t = NULL;
	int status = op->status;

	if (status == 0)
		status = token_from_record(&c->record, &t);
	if (status == 0)
		status = access_insert(c->engine, t);
	if (status < 0) {
		token_free(t);
		c->cb(c->arg, status, NULL, NULL);
	} else {
		c->cb(c->arg, 0, c->secret, &t->pub);
	}
	change_free(c);
}

static int join_ids(struct engine *e, const struct access_request *request, char **ret)
{
	struct buf ids;
	int r = 0;

	buf_init(&ids, request->workflow_count * ID_SIZE + 1);
	for (size_t i = 0; i < request->workflow_count && r == 0; i++) {
		const struct catalog_entry *entry = engine_find(e, request->workflow_ids[i]);

		r = entry ? 0 : -ENOENT;
		if (entry && !words_contain(buf_cstr(&ids), entry->id)) {
			(void)buf_str(&ids, ids.len ? " " : "");
			(void)buf_str(&ids, entry->id);
		}
	}
	if (r == 0) {
		*ret = buf_detach(&ids, NULL);
		r = *ret ? 0 : -ENOMEM;
	}
	buf_release(&ids);
	return r;
}

static int check_request(const struct access_request *request)
{
	const char *scopes = request->scopes ? request->scopes : SCOPES_DEFAULT;
	uint32_t bits;

	if (strlen(scopes) > TEXT_MAX || (request->label && strlen(request->label) > LABEL_MAX))
		return -EINVAL;
	/* It covers a team or workflows, never both and never nothing. */
	if ((request->team != NULL) == (request->workflow_count > 0))
		return -EINVAL;
	if (request->expires_ms && request->expires_ms <= clock_wall_ms())
		return -EINVAL;
	return access_parse_scopes(scopes, &bits);
}

static int fill_record(struct change *c, const struct access_request *request)
{
	struct store_token_record *record = &c->record;
	int r = join_ids(c->engine, request, &c->workflow_ids);

	if (r < 0)
		return r;
	c->label = strdup(request->label ? request->label : "");
	c->team = request->team ? strdup(request->team) : NULL;
	c->scopes = strdup(request->scopes ? request->scopes : SCOPES_DEFAULT);
	if (!c->label || !c->scopes || (request->team && !c->team))
		return -ENOMEM;
	record->label = c->label;
	record->team = c->team;
	record->scopes = c->scopes;
	record->workflow_ids = c->workflow_ids;
	record->created_ms = clock_wall_ms();
	record->expires_ms = request->expires_ms;
	id_next(&c->engine->ids, record->created_ms, 0, record->id);
	return 0;
}

int access_create(struct engine *e, const struct access_request *request, access_secret_cb cb, void *arg)
{
	struct change *c;
	int r;

	if (e->stopping)
		return -ESHUTDOWN;
	r = check_request(request);
	if (r < 0)
		return r;
	c = change_new(e, STORE_TOKEN_CREATE, created);
	if (!c)
		return -ENOMEM;
	c->cb = cb;
	c->arg = arg;
	r = fill_record(c, request);
	if (r < 0) {
		change_free(c);
		return r;
	}
	make_secret(c);
	submit(c);
	return 0;
}

/* ---- Renewing ------------------------------------------------------------------------------------------------- */

static void renewed(struct store_op *op)
{
	struct change *c = list_entry(op, struct change, op.op);
	struct token *t = map_get_str(&c->engine->access.by_id, c->record.id);
	int status = op->status;

	if (status == 0 && !t)
		status = -ENOENT; /* revoked right behind */
	if (status == 0) {
		access_remove(c->engine, t);
		memcpy(t->pub.hash, c->record.hash, sizeof(t->pub.hash));
		t->pub.expires_ms = c->record.expires_ms;
		t->pub.created_ms = c->record.created_ms;
		status = access_insert(c->engine, t);
		if (status < 0)
			token_free(t);
	}
	c->cb(c->arg, status, status < 0 ? NULL : c->secret, status < 0 ? NULL : &t->pub);
	change_free(c);
}

int access_renew(struct engine *e, const char *token_id, int64_t expires_ms, access_secret_cb cb, void *arg)
{
	struct token *t = map_get_str(&e->access.by_id, token_id);
	struct change *c;

	if (e->stopping)
		return -ESHUTDOWN;
	if (!t)
		return -ENOENT;
	if (expires_ms > 0 && expires_ms <= clock_wall_ms())
		return -EINVAL;
	c = change_new(e, STORE_TOKEN_RENEW, renewed);
	if (!c)
		return -ENOMEM;
	c->cb = cb;
	c->arg = arg;
	memcpy(c->record.id, t->pub.id, ID_SIZE);
	c->record.created_ms = clock_wall_ms();
	c->record.expires_ms = expires_ms;
	if (expires_ms < 0)
		c->record.expires_ms =
			t->pub.expires_ms ? c->record.created_ms + (t->pub.expires_ms - t->pub.created_ms) : 0;
	make_secret(c);
	submit(c);
	return 0;
}

/* ---- Revoking ------------------------------------------------------------------------------------------------- */

static void revoked(struct store_op *op)
{
	struct change *c = list_entry(op, struct change, op.op);
	struct token *t = map_get_str(&c->engine->access.by_id, c->record.id);

	if (t && (op->status == 0 || op->status == -ENOENT)) {
		access_remove(c->engine, t);
		token_free(t);
	}
	c->done(c->arg, op->status);
	change_free(c);
}

int access_revoke(struct engine *e, const char *token_id, void (*done)(void *arg, int status), void *arg)
{
	struct token *t = map_get_str(&e->access.by_id, token_id);
	struct change *c;

	if (e->stopping)
		return -ESHUTDOWN;
	if (!t)
		return -ENOENT;
	c = change_new(e, STORE_TOKEN_REVOKE, revoked);
	if (!c)
		return -ENOMEM;
	c->done = done;
	c->arg = arg;
	memcpy(c->record.id, t->pub.id, ID_SIZE);
	c->record.revoked_ms = clock_wall_ms();
	submit(c);
	return 0;
}
