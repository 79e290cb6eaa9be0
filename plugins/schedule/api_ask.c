/* What a schedule means, without one being made: validate, explain, next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"

#define COUNT_DEFAULT 5
#define COUNT_MAX 1000
#define CHANGES_SHOWN 2
#define CHANGES_AHEAD_S ((int64_t)400 * 86400)

/* ---- Answers ---- */

static bool add_instant(cJSON *list, const struct unit *u, const struct schedule_fire *fire)
{
	char text[INSTANT_TEXT_MAX], said[EXPLAIN_MAX];
	cJSON *item = cJSON_CreateObject();
	if (!cJSON_AddItemToArray(list, item))
		return false;
	cJSON_AddStringToObject(item, "at", local_time(u, fire->at_ms, text));
	fire_explain(fire, said);
	/* One that is only asked about has no binding. */
	if (u->binding && (unit_is_paused(u) || u->skip_ms == fire->at_ms))
		snprintf(said, sizeof(said), "%s", unit_is_paused(u) ? "paused" : "skipped");
	if (said[0])
		cJSON_AddStringToObject(item, "note", said);
	return true;
}

static cJSON *instants(const struct unit *u, int64_t after_ms, int64_t until_ms, int64_t count)
{
	struct schedule_fire fire;
	cJSON *object = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(object, "next");
	for (int64_t i = 0;
	     list && i < count && schedule_next(u->schedule, after_ms, &fire) == 0 && fire.at_ms <= until_ms; i++) {
		add_instant(list, u, &fire);
		after_ms = fire.at_ms;
	}
	return object;
}

static cJSON *explanation(const struct plugin *p, const struct schedule *s)
{
	char text[EXPLAIN_MAX];
	struct clock_change change;
	const struct pattern *pattern = schedule_pattern(s);
	int64_t after_s = plugin_now(p) / 1000;
	const int64_t until_s = after_s + CHANGES_AHEAD_S;
	cJSON *object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "text", schedule_explain(s, text));
	if (pattern)
		cJSON_AddStringToObject(object, "dialect", dialect_word((enum dialect)pattern->dialect));
	cJSON_AddStringToObject(object, "timezone", zone_name(schedule_zone(s)));
	cJSON_AddStringToObject(object, "tzdata", zones_version(p->zones));
	cJSON *changes = cJSON_AddArrayToObject(object, "changes");
	for (int i = 0; pattern && i < CHANGES_SHOWN; i++, after_s = change.at_s) {
		if (cron_next_change(pattern, schedule_zone(s), after_s, until_s, &change) < 0)
			break;
		cJSON_AddItemToArray(changes, cJSON_CreateString(change_explain(&change, text)));
	}
	return object;
}

/* ---- Questions ---- */

/* A schedule of the body's options, or NULL: *ret_error says why, or it is empty for want of memory. */
static struct unit *compile(struct plugin *p, const cJSON *options, struct spec_error *ret_error)
{
	struct unit *u = NULL;
	const char *unknown = api_unknown_option(options);
	*ret_error = (struct spec_error){0};
	if (!cJSON_IsObject(options))
		snprintf(ret_error->message, sizeof(ret_error->message), "expected an object");
	else if (unknown)
		snprintf(ret_error->message, sizeof(ret_error->message), "there is no option \"%.100s\"", unknown);
	else if (unit_new(p, options, "", plugin_now(p), &u, ret_error) < 0)
		u = NULL;
	return u;
}

void api_validate(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	struct spec_error error;
	cJSON *body = api_body(p, request, false);
	if (!body)
		return;
	cJSON_DeleteItemFromObjectCaseSensitive(body, "workflow");
	struct unit *u = compile(p, body, &error);
	cJSON *answer = cJSON_CreateObject();
	cJSON_AddBoolToObject(answer, "valid", u != NULL);
	if (!u && error.key)
		cJSON_AddStringToObject(answer, "option", error.key);
	if (!u)
		cJSON_AddStringToObject(answer, "error", error.message[0] ? error.message : "out of memory");
	api_reply(p, request, 200, answer);
	unit_free(u);
	cJSON_Delete(body);
}

/* The options are the body without `from`, `to` and `n`. */
static void ask(struct plugin *p, tappet_request *request, cJSON *body,
		cJSON *(*answer)(struct plugin *p, tappet_request *request, const struct unit *u,
				 const cJSON *question))
{
	static const char *const keys[] = {"from", "to", "n"};
	struct spec_error error;
	cJSON *question = cJSON_CreateObject();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(body, keys[i]);
		if (item)
			cJSON_AddItemToObjectCS(question, keys[i], item);
	}
	struct unit *u = compile(p, body, &error);
	if (!u) {
		api_mistake(p, request, &error);
	} else {
		cJSON *object = answer(p, request, u, question);
		if (object)
			api_reply(p, request, 200, object);
	}
	unit_free(u);
	cJSON_Delete(question);
}

static cJSON *answer_explain(struct plugin *p, tappet_request *request, const struct unit *u, const cJSON *question)
{
	(void)request;
	(void)question;
	return explanation(p, u->schedule);
}

static bool time_of(const struct plugin *p, tappet_request *request, const cJSON *question, const char *key,
		    const struct unit *u, int64_t *ret_ms)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(question, key);
	if (!item || (cJSON_IsString(item) && api_time(item->valuestring, schedule_zone(u->schedule), ret_ms)))
		return true;
	api_problem(p, request, 400, "invalid-value",
		    "\"from\" and \"to\" must be dates and times such as 2026-12-31T09:00:00Z");
	return false;
}

static cJSON *answer_next(struct plugin *p, tappet_request *request, const struct unit *u, const cJSON *question)
{
	int64_t from_ms = plugin_now(p), until_ms = INT64_MAX;
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(question, "n");
	if (!time_of(p, request, question, "from", u, &from_ms) || !time_of(p, request, question, "to", u, &until_ms))
		return NULL;
	if (n && (!cJSON_IsNumber(n) || n->valuedouble < 1 || n->valuedouble > COUNT_MAX)) {
		api_problem(p, request, 400, "invalid-value", "\"n\" must be a number from 1 to 1000");
		return NULL;
	}
	return instants(u, from_ms, until_ms,
			n                       ? (int64_t)n->valuedouble
			: until_ms == INT64_MAX ? COUNT_DEFAULT
						: COUNT_MAX);
}

void api_explain(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	cJSON *body = api_body(p, request, false);
	if (body)
		ask(p, request, body, answer_explain);
	cJSON_Delete(body);
}

void api_next(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	cJSON *body = api_body(p, request, false);
	if (body)
		ask(p, request, body, answer_next);
	cJSON_Delete(body);
}

void api_next_of(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	char name[NAME_SIZE];
	const struct unit *u = api_unit(p, request, name);
	int64_t from_ms = plugin_now(p), until_ms = INT64_MAX, n = 0;
	if (!u || !api_query_time(p, request, "from", schedule_zone(u->schedule), &from_ms) ||
	    !api_query_time(p, request, "to", schedule_zone(u->schedule), &until_ms) ||
	    !api_query_number(p, request, "n", COUNT_MAX, &n))
		return;
	if (n == 0)
		n = until_ms == INT64_MAX ? COUNT_DEFAULT : COUNT_MAX;
	api_reply(p, request, 200, instants(u, from_ms, until_ms, n));
}
