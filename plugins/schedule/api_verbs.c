/* POST /schedules/{id}/pause, resume, run, skip, backfill; DELETE of skip and backfill. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"

/* While a fire is on its way to the store a change waits for it. */
#define AGAIN_MS 5
#define AGAIN_MAX 400

struct verb_call {
	struct call call;
	const struct verb *verb;
	cJSON *body;
	int tries;
	bool undo;
};

struct verb {
	const char *name;
	const char *const *keys; /* of the body, NULL at the end */
	int32_t (*begin)(struct verb_call *c, struct unit *u);
	const char *why_not, *why_not_undo; /* it is so already */
};

static void call_free(struct verb_call *c)
{
	struct plugin *p = c->call.plugin;
	cJSON_Delete(c->body);
	free(c);
	plugin_end(p);
}

static void done(void *arg, int32_t result)
{
	struct verb_call *c = arg;
	struct plugin *p = c->call.plugin;
	const struct unit *u = unit_find(p, c->call.name);
	if (result != TAPPET_OK)
		api_fail(p, c->call.request, result);
	else if (!u)
		api_fail(p, c->call.request, TAPPET_ENOTFOUND);
	else
		api_reply(p, c->call.request, 200, document_of(u, NULL, 0));
	call_free(c);
}

/* ---- Verbs ---- */

static int32_t begin_pause(struct verb_call *c, struct unit *u)
{
	return control_pause(u, done, c);
}

static int32_t begin_resume(struct verb_call *c, struct unit *u)
{
	return control_resume(u, done, c);
}

static int32_t begin_skip(struct verb_call *c, struct unit *u)
{
	return control_skip(u, !c->undo, done, c);
}

static const char *reason_text(int32_t reason)
{
	switch (reason) {
	case TAPPET_REASON_OVERLAP:
		return "overlap";
	case TAPPET_REASON_PARAMETERS:
		return "parameters";
	case TAPPET_REASON_FILTER:
		return "filter";
	case TAPPET_REASON_DISABLED:
		return "disabled";
	case TAPPET_REASON_RATE:
		return "rate";
	case TAPPET_REASON_QUEUE_FULL:
		return "queue-full";
	default:
		return "refused";
	}
}

static void ran(void *arg, const tappet_result *result)
{
	struct verb_call *c = arg;
	const struct plugin *p = c->call.plugin;
	char detail[200];
	if (result->outcome == TAPPET_OK || result->outcome == TAPPET_EDUP) {
		cJSON *answer = cJSON_CreateObject();
		cJSON_AddStringToObject(answer, "activityId", result->activity_id);
		api_reply(p, c->call.request, 200, answer);
	} else if (result->outcome == TAPPET_EREFUSED) {
		snprintf(detail, sizeof(detail), "%.*s", (int)result->detail.len, result->detail.ptr);
		api_problem(p, c->call.request, 409, reason_text(result->reason), detail);
	} else {
		api_fail(p, c->call.request, result->outcome);
	}
	call_free(c);
}

static int32_t begin_run(struct verb_call *c, struct unit *u)
{
	return control_run(u, ran, c);
}

static bool read_range(struct verb_call *c, const struct unit *u, int64_t *ret_from_ms, int64_t *ret_until_ms)
{
	const char *from = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c->body, "from"));
	const char *until = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c->body, "to"));
	struct zone *zone = schedule_zone(u->schedule);
	return from && until && api_time(from, zone, ret_from_ms) && api_time(until, zone, ret_until_ms) &&
	       *ret_from_ms <= *ret_until_ms && *ret_until_ms <= plugin_now(c->call.plugin);
}

/* How many there would be, before anything starts. */
static void tell_count(struct verb_call *c, int64_t count)
{
	cJSON *answer = cJSON_CreateObject();
	cJSON_AddNumberToObject(answer, "count", (double)count);
	api_reply(c->call.plugin, c->call.request, 200, answer);
	call_free(c);
}

static int32_t begin_backfill(struct verb_call *c, struct unit *u)
{
	const struct plugin *p = c->call.plugin;
	int64_t from_ms, until_ms;
	if (c->undo)
		return control_backfill_end(u, done, c);
	if (!read_range(c, u, &from_ms, &until_ms)) {
		api_problem(p, c->call.request, 422, "invalid-range",
			    "expected \"from\" and \"to\", two times of the past such as 2026-11-01T00:00:00");
		call_free(c);
		return TAPPET_OK;
	}
	const int64_t count = backfill_count(u, from_ms, until_ms);
	if (count > BACKFILL_MAX || count == 0) {
		api_problem(p, c->call.request, 422, "invalid-range",
			    count ? "there are more than 10000 instants in that range"
				  : "there is no instant in that range");
		call_free(c);
		return TAPPET_OK;
	}
	if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c->body, "start"))) {
		tell_count(c, count);
		return TAPPET_OK;
	}
	return control_backfill(u, from_ms, until_ms, done, c);
}

static const char *const no_keys[] = {NULL};
static const char *const backfill_keys[] = {"from", "to", "start", NULL};

static const struct verb verbs[] = {
	{"pause", no_keys, begin_pause, "it is paused already", NULL},
	{"resume", no_keys, begin_resume, "it is not paused, or paused by its definition: change it there", NULL},
	{"skip", no_keys, begin_skip, "the next one is skipped already, or there is none, or it is paused",
	 "nothing is skipped"},
	{"run", no_keys, begin_run, "it cannot run now", NULL},
	{"backfill", backfill_keys, begin_backfill, "there is a backfill already", "there is no backfill"},
};

/* ---- The call ---- */

static void attempt(void *arg)
{
	struct verb_call *c = arg;
	struct plugin *p = c->call.plugin;
	struct unit *u = unit_find(p, c->call.name);
	if (!u) {
		done(c, TAPPET_ENOTFOUND);
		return;
	}
	const int32_t r = c->verb->begin(c, u);
	if (r == TAPPET_OK)
		return;
	if (r == TAPPET_EBUSY && ++c->tries < AGAIN_MAX && !p->stopping &&
	    p->host->timer_start(p->self, AGAIN_MS, 0, attempt, c, NULL) == TAPPET_OK)
		return;
	if (r == TAPPET_ESTATE)
		api_problem(p, c->call.request, 409, "state", c->undo ? c->verb->why_not_undo : c->verb->why_not);
	else
		api_fail(p, c->call.request, r);
	call_free(c);
}

static const struct verb *find_verb(const struct plugin *p, tappet_request *request)
{
	const tappet_str name = p->http->param(request, "verb");
	const bool undo = p->http->method(request).ptr[0] == 'D';
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (name.len == strlen(verbs[i].name) && memcmp(name.ptr, verbs[i].name, name.len) == 0 &&
		    (!undo || verbs[i].begin == begin_skip || verbs[i].begin == begin_backfill))
			return &verbs[i];
	api_problem(p, request, 404, "not-found",
		    undo ? "expected skip or backfill" : "expected pause, resume, run, skip or backfill");
	return NULL;
}

void api_verb(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	char name[NAME_SIZE];
	const struct verb *verb = api_unit(p, request, name) ? find_verb(p, request) : NULL;
	cJSON *body = verb ? api_body(p, request, true) : NULL;
	if (!body || !api_known_keys(p, request, body, verb->keys)) {
		cJSON_Delete(body);
		return;
	}
	struct verb_call *c = calloc(1, sizeof(*c));
	if (!c) {
		cJSON_Delete(body);
		api_fail(p, request, TAPPET_ENOMEM);
		return;
	}
	*c = (struct verb_call){.call = {.plugin = p, .request = request}, .verb = verb, .body = body};
	memcpy(c->call.name, name, sizeof(name));
	c->undo = p->http->method(request).ptr[0] == 'D';
	plugin_begin(p);
	attempt(c);
}
