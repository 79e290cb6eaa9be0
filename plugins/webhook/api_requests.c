/* The requests that a trigger keeps:
 *
 *   GET    /requests/{workflow}[/{trigger}]          a list, the newest first
 *   DELETE /requests/{workflow}/{trigger}            all of them
 *   GET    /requests/{workflow}/{trigger}/{id}       one, as it was stored
 *   DELETE /requests/{workflow}/{trigger}/{id}
 *   POST   /requests/{workflow}/{trigger}/{id}/replay: api_replay.c
 *
 * They stay when the option is taken away or the trigger does not run any more, until they are deleted; then the workflow is named
 * by its id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"
#include "api_requests.h"

/* ---- Both lists of a trigger ---- */

void asked_end(struct asked *a)
{
	struct webhook *w = a->w;
	history_unref(w, a->history);
	free(a);
	webhook_end(w);
}

void asked_fail(struct asked *a, int32_t error)
{
	api_failed(a->w, a->request, error);
	asked_end(a);
}

static void asked_load(struct asked *a);

static void asked_nobody(struct asked *a)
{
	api_absent(a->w, a->request);
	asked_end(a);
}

static void list_loaded(void *arg, int32_t result)
{
	struct asked *a = arg;
	if (result < 0) {
		asked_fail(a, result);
		return;
	}
	a->loaded++;
	asked_load(a);
}

static void asked_load(struct asked *a)
{
	if (a->loaded < RING_KINDS)
		ring_load(a->w, a->history, (enum ring_kind)a->loaded, list_loaded, a);
	else if (a->runs || ring_at(a->history->rings[RING_VERIFIED], 0) || ring_at(a->history->rings[RING_REFUSED], 0))
		a->then(a);
	else
		asked_nobody(a);
}

static bool copy_id(struct asked *a)
{
	const tappet_str id = a->w->http->param(a->request, "id");
	if (!id.ptr)
		return true; /* the route has none */
	if (id.len >= sizeof(a->id))
		return false;
	memcpy(a->id, id.ptr, id.len);
	return true;
}

/* Of a trigger that does not run (it is switched off, or is no more) by the workflow's id alone: slugs are the running ones'. */
static struct history *find_history(struct webhook *w, const struct api_target *t)
{
	if (strlen(t->workflow) != ID_LEN || strspn(t->workflow, "0123456789abcdef") != ID_LEN || !t->trigger[0])
		return NULL;
	return history_at(w, t->workflow, t->trigger);
}

static struct asked *asked_new(struct webhook *w, tappet_request *request, const struct api_target *t,
			       void (*then)(struct asked *a))
{
	struct binding *b = triggers_find(&w->triggers, t->workflow, t->trigger[0] ? t->trigger : NULL);
	struct history *h = b ? history_of(w, b) : find_history(w, t);
	struct asked *a = h ? calloc(1, sizeof(*a)) : NULL;
	if (!a && !h && !b)
		api_absent(w, request);
	else if (!a)
		api_failed(w, request, TAPPET_ENOMEM);
	if (!a)
		return NULL;
	*a = (struct asked){.w = w, .request = request, .history = history_ref(h), .runs = b != NULL, .then = then};
	snprintf(a->workflow, sizeof(a->workflow), "%s", b ? b->workflow_id : t->workflow);
	snprintf(a->trigger, sizeof(a->trigger), "%s", b ? b->trigger_id : t->trigger);
	webhook_begin(w);
	return a;
}

void asked_begin(struct webhook *w, tappet_request *request, void (*then)(struct asked *a))
{
	struct api_target target;
	if (!api_target_read(w, request, &target))
		return;
	struct asked *a = asked_new(w, request, &target, then);
	if (a && copy_id(a))
		asked_load(a);
	else if (a)
		asked_absent(a);
}

void asked_absent(struct asked *a)
{
	a->w->http->problem(a->request, 404, "not-found",
			    "This request is not kept: it never was, or others have taken its place.", 0);
	asked_end(a);
}

const struct ring_entry *asked_find(const struct asked *a, enum ring_kind *ret_kind)
{
	const struct ring_entry *e = NULL;
	for (int kind = 0; kind < RING_KINDS && !e; kind++) {
		e = ring_find(a->history->rings[kind], a->id);
		*ret_kind = (enum ring_kind)kind;
	}
	return e;
}

/* ---- The list ---- */

static void add_entry(const struct ring_entry *e, bool verified, struct text *out)
{
	char time[32];
	time_text(e->at_ms, time);
	text_cstr(out, out->bytes && out->bytes[out->len - 1] == '}' ? ",{" : "{");
	text_member(out, "id", tappet_cstr(e->id));
	text_member(out, "receivedAt", tappet_cstr(time));
	text_key(out, "verified");
	text_cstr(out, verified ? "true" : "false");
	text_member(out, "outcome", tappet_cstr(outcome_name(e->outcome)));
	if (e->reason)
		text_member(out, "reason", tappet_cstr(reason_name(e->reason)));
	if (e->status)
		text_number(out, "status", e->status);
	if (e->activity_id[0])
		text_member(out, "activityId", tappet_cstr(e->activity_id));
	text_number(out, "bytes", e->bytes);
	text_key(out, "cut");
	text_cstr(out, e->cut ? "true" : "false");
	text_cstr(out, "}");
}

/* Both lists are in order: of the two first ones the newer comes first. */
static void add_entries(const struct asked *a, struct text *out)
{
	const struct ring *verified = a->history->rings[RING_VERIFIED], *refused = a->history->rings[RING_REFUSED];
	size_t v = 0, r = 0;
	for (;;) {
		const struct ring_entry *one = ring_at(verified, v), *other = ring_at(refused, r);
		if (!one && !other)
			return;
		const bool first = one && (!other || one->at_ms >= other->at_ms);
		add_entry(first ? one : other, first, out);
		v += first;
		r += !first;
	}
}

static void answer_list(struct asked *a)
{
	struct text out = {0};
	text_cstr(&out, "{");
	text_member(&out, "workflowId", tappet_cstr(a->workflow));
	text_member(&out, "trigger", tappet_cstr(a->trigger));
	text_key(&out, "requests");
	text_cstr(&out, "[");
	add_entries(a, &out);
	text_cstr(&out, "]}");
	api_answer(a->w, a->request, &out);
	asked_end(a);
}

/* ---- One of them ---- */

/* Whether what stands in the slot is still the one that was asked for. */
bool asked_is(const struct asked *a, tappet_str record)
{
	char begin[40];
	const int len = snprintf(begin, sizeof(begin), "{\"id\":\"%s\"", a->id);
	return record.len > (size_t)len && memcmp(record.ptr, begin, (size_t)len) == 0;
}

static void answer_record(void *arg, int32_t result, tappet_str value)
{
	struct asked *a = arg;
	if (result < 0 && result != TAPPET_ENOTFOUND) {
		asked_fail(a, result);
	} else if (result < 0 || !asked_is(a, value)) {
		asked_absent(a);
	} else {
		answer_json(a->w, a->request, value.ptr, value.len);
		asked_end(a);
	}
}

void asked_read(struct asked *a, void (*cb)(void *arg, int32_t result, tappet_str value))
{
	char key[RING_KEY_MAX];
	enum ring_kind kind;
	const struct ring_entry *e = asked_find(a, &kind);
	if (!e) {
		asked_absent(a);
		return;
	}
	ring_slot_key(a->history, kind, e->slot, key);
	const int32_t r = a->w->host->kv_get(a->w->self, NULL, tappet_cstr(key), cb, a);
	if (r < 0)
		asked_fail(a, r);
}

static void show(struct asked *a)
{
	asked_read(a, answer_record);
}

/* ---- Deleting ---- */

static void deleted(void *arg, int32_t result)
{
	struct asked *a = arg;
	if (result < 0) {
		asked_fail(a, result);
		return;
	}
	a->w->http->respond(a->request, 204, NULL, 0, tappet_cstr(""));
	asked_end(a);
}

static void delete_one(struct asked *a)
{
	enum ring_kind kind;
	if (asked_find(a, &kind))
		ring_remove(a->w, a->history, kind, a->id, deleted, a);
	else
		asked_absent(a);
}

static void verified_deleted(void *arg, int32_t result)
{
	struct asked *a = arg;
	if (result < 0)
		asked_fail(a, result);
	else
		ring_remove(a->w, a->history, RING_REFUSED, NULL, deleted, a);
}

static void delete_all(struct asked *a)
{
	ring_remove(a->w, a->history, RING_VERIFIED, NULL, verified_deleted, a);
}

/* ---- The routes ---- */

static bool is_delete(const struct webhook *w, tappet_request *request)
{
	const tappet_str method = w->http->method(request);
	return method.len == 6 && memcmp(method.ptr, "DELETE", 6) == 0;
}

void api_requests_list(void *arg, tappet_request *request)
{
	asked_begin(arg, request, is_delete(arg, request) ? delete_all : answer_list);
}

void api_requests_one(void *arg, tappet_request *request)
{
	asked_begin(arg, request, is_delete(arg, request) ? delete_one : show);
}
