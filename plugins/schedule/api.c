/* Routes and answers. */
#include "api.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void api_problem(const struct plugin *p, tappet_request *request, int32_t status, const char *type, const char *detail)
{
	(void)p->http->problem(request, status, type, detail, status == 503 ? 1 : 0);
}

void api_fail(const struct plugin *p, tappet_request *request, int32_t error)
{
	switch (error) {
	case TAPPET_ENOTFOUND:
		api_problem(p, request, 404, "not-found", "there is no such schedule");
		break;
	case TAPPET_EUNKNOWN:
		api_problem(p, request, 500, "outcome-unknown",
			    "stored or not, nobody knows: look before you try again");
		break;
	case TAPPET_ENOMEM:
		api_problem(p, request, 503, "busy", "out of memory");
		break;
	default:
		api_problem(p, request, 503, "busy", "it could not be stored now");
		break;
	}
}

void api_mistake(const struct plugin *p, tappet_request *request, const struct spec_error *error)
{
	char text[400];
	snprintf(text, sizeof(text), "%s%s%s", error->key ? error->key : "", error->key ? ": " : "", error->message);
	api_problem(p, request, 422, "invalid-schedule", text);
}

void api_reply(const struct plugin *p, tappet_request *request, int32_t status, cJSON *object)
{
	const tappet_http_header type = {tappet_cstr("Content-Type"), tappet_cstr("application/json")};
	char *text = object ? cJSON_PrintUnformatted(object) : NULL;
	cJSON_Delete(object);
	if (text)
		(void)p->http->respond(request, status, &type, 1, tappet_cstr(text));
	else
		api_fail(p, request, TAPPET_ENOMEM);
	cJSON_free(text);
}

cJSON *api_body(const struct plugin *p, tappet_request *request, bool optional)
{
	const tappet_str body = p->http->body(request);
	if (body.len == 0 && optional)
		return cJSON_CreateObject();
	cJSON *object = body.len ? cJSON_ParseWithLength(body.ptr, body.len) : NULL;
	if (object)
		return object;
	api_problem(p, request, 400, "malformed", "the body must be JSON");
	return NULL;
}

struct unit *api_unit(struct plugin *p, tappet_request *request, char name[static NAME_SIZE])
{
	const tappet_str id = p->http->param(request, "id");
	snprintf(name, NAME_SIZE, "%.*s", (int)(id.len < NAME_SIZE ? id.len : NAME_SIZE - 1), id.ptr);
	struct unit *u = unit_find(p, name);
	if (!u)
		api_problem(p, request, 404, "not-found",
			    "there is no such schedule: expected an id, or WORKFLOW/TRIGGER");
	return u;
}

bool api_time(const char *text, struct zone *zone, int64_t *ret_ms)
{
	struct moment m;
	int64_t gap_s;
	if (moment_parse(text, &m) < 0)
		return false;
	int64_t at_s = m.local_s - m.offset_s;
	if (!m.has_offset && zone)
		at_s = zone_instant(zone, m.local_s, &gap_s);
	*ret_ms = at_s * 1000 + m.ms;
	return true;
}

static bool query_text(const struct plugin *p, tappet_request *request, const char *key, char text[static 64])
{
	const tappet_str value = p->http->query_value(request, key);
	if (!value.ptr)
		return false;
	snprintf(text, 64, "%.*s", (int)(value.len < 64 ? value.len : 63), value.ptr);
	return true;
}

bool api_query_time(const struct plugin *p, tappet_request *request, const char *key, struct zone *zone,
		    int64_t *ret_ms)
{
	char text[64], detail[160];
	if (!query_text(p, request, key, text) || api_time(text, zone, ret_ms))
		return true;
	snprintf(detail, sizeof(detail), "\"%s\" must be a date and time such as 2026-12-31T09:00:00Z", key);
	api_problem(p, request, 400, "invalid-value", detail);
	return false;
}

bool api_query_number(const struct plugin *p, tappet_request *request, const char *key, int64_t most, int64_t *ret)
{
	char text[64], detail[160], *end;
	if (!query_text(p, request, key, text))
		return true;
	const long long value = strtoll(text, &end, 10);
	if (end != text && *end == '\0' && value >= 1 && value <= most) {
		*ret = value;
		return true;
	}
	snprintf(detail, sizeof(detail), "\"%s\" must be a number from 1 to %lld", key, (long long)most);
	api_problem(p, request, 400, "invalid-value", detail);
	return false;
}

static bool is_known(const char *key, const char *const *known)
{
	while (*known && strcmp(*known, key) != 0)
		known++;
	return *known != NULL;
}

bool api_known_keys(const struct plugin *p, tappet_request *request, const cJSON *object, const char *const *known)
{
	char detail[200];
	const cJSON *item;
	if (!cJSON_IsObject(object)) {
		api_problem(p, request, 400, "malformed", "the body must be a JSON object");
		return false;
	}
	cJSON_ArrayForEach(item, object)
	{
		if (is_known(item->string, known))
			continue;
		snprintf(detail, sizeof(detail), "there is no \"%.100s\"", item->string);
		api_problem(p, request, 422, "unknown-property", detail);
		return false;
	}
	return true;
}

const char *api_unknown_option(const cJSON *options)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, options)
	{
		size_t i = 0;
		while (i < SPEC_OPTIONS && strcmp(spec_options[i].key, item->string) != 0)
			i++;
		if (i == SPEC_OPTIONS)
			return item->string;
	}
	return NULL;
}

/* ---- Routes ---- */

static const struct {
	const char *methods, *pattern;
	tappet_http_cb cb;
} routes[] = {
	{"GET", "/schedules", api_list},
	{"POST", "/schedules", api_make},
	{"GET", "/schedules/{id}", api_get},
	{"PUT,PATCH", "/schedules/{id}", api_change},
	{"DELETE", "/schedules/{id}", api_delete},
	{"GET", "/schedules/{id}/next", api_next_of},
	{"POST,DELETE", "/schedules/{id}/{verb}", api_verb},
	{"POST", "/validate", api_validate},
	{"POST", "/explain", api_explain},
	{"POST", "/next", api_next},
	{"GET", "/next", api_calendar},
};
#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))
_Static_assert(ROUTE_COUNT <= ROUTES_MAX, "there is room for them");

void api_close(struct plugin *p)
{
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		p->http->route_remove(p->routes[i]);
		p->routes[i] = NULL;
	}
}

int32_t api_open(struct plugin *p)
{
	int32_t r = TAPPET_OK;
	for (size_t i = 0; i < ROUTE_COUNT && r == TAPPET_OK; i++)
		r = p->http->api_route_add(p->self, routes[i].methods, routes[i].pattern, routes[i].cb, p,
					   &p->routes[i]);
	if (r < 0)
		api_close(p);
	return r;
}
