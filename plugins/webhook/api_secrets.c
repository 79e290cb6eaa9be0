/* GET /secrets/{workflow}[/{trigger}]: the live secrets and when each was used last, for all of the workflow's webhook triggers
 * or one. A secret is told by its place and its fingerprint, never by anything that it could be found by. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "api.h"

struct question {
	struct webhook *w;
	tappet_request *request;
	struct api_target target;
};

static bool is_meant(const struct question *q, const struct binding *b)
{
	return (strcmp(b->workflow_id, q->target.workflow) == 0 || strcmp(b->slug, q->target.workflow) == 0) &&
	       (!q->target.trigger[0] || strcmp(b->trigger_id, q->target.trigger) == 0);
}

/* The next trigger that is meant behind `after`, or the first one for NULL. */
static struct binding *next_meant(const struct question *q, const struct binding *after)
{
	struct binding *b = after ? after->next[BY_ID] : triggers_find(&q->w->triggers, q->target.workflow, NULL);
	/* The oldest one of the workflow comes first among those of its id. */
	if (b && !after)
		b = triggers_find(&q->w->triggers, b->workflow_id, NULL);
	while (b && !is_meant(q, b))
		b = b->next[BY_ID];
	return b;
}

static void add_time(struct text *out, const char *key, int64_t wall_ms)
{
	char time[32];
	time_text(wall_ms, time);
	text_member(out, key, tappet_cstr(time));
}

static void add_secret(const struct question *q, const struct binding *b, const struct verify_secret *secret,
		       struct text *out)
{
	char print[FINGERPRINT_SIZE];
	const struct secret_use *use = usage_find(q->w, b->history, secret, print);
	text_cstr(out, out->bytes && out->bytes[out->len - 1] == '}' ? ",{" : "{");
	text_member(out, "trigger", tappet_cstr(b->trigger_id));
	text_number(out, "position", secret->position);
	text_member(out, "kind", tappet_cstr(secret->kind));
	text_member(out, "fingerprint", tappet_cstr(print));
	if (use) {
		add_time(out, "firstSeen", use->first_ms);
		add_time(out, "lastUsed", use->last_ms);
	}
	text_number(out, "usesSinceStart", use ? (int64_t)use->count : 0);
	text_cstr(out, "}");
}

static void add_secrets(const struct question *q, const struct binding *b, struct text *out)
{
	struct verify_secret secret;
	for (size_t i = 0; i < VERIFY_SECRETS_MAX; i++)
		if (verifier_secret_at(b->settings->verifier, i, &secret))
			add_secret(q, b, &secret, out);
	OPENSSL_cleanse(&secret, sizeof(secret));
}

static void answer(const struct question *q)
{
	struct text out = {0};
	const struct binding *first = next_meant(q, NULL);
	text_cstr(&out, "{");
	text_member(&out, "workflow", tappet_cstr(first->slug));
	text_member(&out, "workflowId", tappet_cstr(first->workflow_id));
	text_key(&out, "secrets");
	text_cstr(&out, "[");
	for (const struct binding *b = first; b; b = next_meant(q, b))
		add_secrets(q, b, &out);
	text_cstr(&out, "]}");
	api_answer(q->w, q->request, &out);
}

static void loaded(void *arg, int32_t result);

/* Reads what is stored of one more trigger, or answers. Triggers come and go meanwhile: each time they are looked for anew. */
static int32_t go_on(struct question *q)
{
	struct binding *b = next_meant(q, NULL);
	if (!b) {
		api_absent(q->w, q->request);
		return TAPPET_OK;
	}
	for (; b; b = next_meant(q, b)) {
		struct history *h = history_of(q->w, b);
		if (!h)
			return TAPPET_ENOMEM;
		if (h->uses.loaded)
			continue;
		const int32_t r = usage_load(q->w, h, loaded, q);
		return r == TAPPET_OK ? 1 : r;
	}
	answer(q);
	return TAPPET_OK;
}

static void run(struct question *q)
{
	struct webhook *w = q->w;
	const int32_t r = go_on(q);
	if (r > 0)
		return;
	if (r < 0)
		api_failed(w, q->request, r);
	free(q);
	webhook_end(w);
}

static void loaded(void *arg, int32_t result)
{
	struct question *q = arg;
	struct webhook *w = q->w;
	if (result == TAPPET_OK) {
		run(q);
		return;
	}
	api_failed(w, q->request, result);
	free(q);
	webhook_end(w);
}

void api_secrets_get(void *arg, tappet_request *request)
{
	struct webhook *w = arg;
	struct question *q = calloc(1, sizeof(*q));
	if (!q) {
		api_failed(w, request, TAPPET_ENOMEM);
		return;
	}
	*q = (struct question){.w = w, .request = request};
	if (!api_target_read(w, request, &q->target)) {
		free(q);
		return;
	}
	webhook_begin(w);
	run(q);
}
