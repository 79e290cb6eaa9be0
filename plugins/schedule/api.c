/* Routes and answers. */
#include "api.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond it a double does not hold each whole number as text. */
#define NUMBER_MAX 999999999999999.0

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
	case TAPPET_ETOOBIG:
		api_problem(p, request, 413, "too-large", "a schedule takes at most 1 MiB");
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
	api_problem(p, request, 422, "invalid-schedule", spec_error_text(error, text, sizeof(text)));
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

/* ---- Bodies ---- */

static bool is_blank(const char *at, const char *end)
{
	while (at < end && strchr(" \t\r\n", *at) && *at)
		at++;
	return at == end;
}

/* How many bytes the character at `at` takes; 0: it is none (RFC 3629 section 4). */
static size_t utf8_length(const unsigned char *at, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} kinds[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	for (size_t n = 0; n < sizeof(kinds) / sizeof(kinds[0]) && n < left; n++) {
		if ((at[0] & kinds[n].mask) != kinds[n].lead)
			continue;
		uint32_t value = at[0] & (unsigned char)~kinds[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (at[i] & 0x3f);
		}
		const bool fits = value >= kinds[n].least && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
		return fits ? n + 1 : 0;
	}
	return 0;
}

static bool is_utf8(tappet_str text)
{
	const unsigned char *bytes = (const unsigned char *)text.ptr;
	size_t len = 0;
	for (size_t at = 0; at < text.len; at += len)
		if ((len = utf8_length(bytes + at, text.len - at)) == 0)
			return false;
	return true;
}

static bool is_doubled(const cJSON *item)
{
	const cJSON *other = item->string ? item->next : NULL;
	while (other && strcmp(other->string, item->string) != 0)
		other = other->next;
	return other != NULL;
}

/* What would not be kept as it was sent; NULL: nothing. */
static const char *find_odd(const cJSON *item)
{
	const char *why = NULL;
	for (const cJSON *child = item->child; child && !why; child = child->next)
		why = is_doubled(child) ? "a key stands twice in an object" : find_odd(child);
	if (cJSON_IsNumber(item) && (item->valuedouble > NUMBER_MAX || item->valuedouble < -NUMBER_MAX))
		return "a number has more than 15 digits: write it as a text";
	return why;
}

cJSON *api_body(const struct plugin *p, tappet_request *request, bool optional)
{
	const tappet_str body = p->http->body(request);
	if (body.len == 0 && optional)
		return cJSON_CreateObject();
	const char *end = NULL;
	cJSON *object = body.len ? cJSON_ParseWithLengthOpts(body.ptr, body.len, &end, 0) : NULL;
	if (object && is_blank(end, body.ptr + body.len) && is_utf8(body)) {
		const char *why = find_odd(object);
		if (!why)
			return object;
		api_problem(p, request, 422, "invalid-value", why);
	} else {
		api_problem(p, request, 400, "malformed", "the body must be JSON, in UTF-8");
	}
	cJSON_Delete(object);
	return NULL;
}

struct unit *api_unit(struct plugin *p, tappet_request *request, char name[static NAME_SIZE])
{
	const tappet_str id = p->http->param(request, "id");
	snprintf(name, NAME_SIZE, "%.*s", (int)(id.len < NAME_SIZE ? id.len : NAME_SIZE - 1), id.ptr);
	struct unit *u = unit_find(p, name);
	if (!u && p->unloaded > 0)
		api_problem(p, request, 503, "busy", "schedules are still being loaded");
	else if (!u)
		api_problem(p, request, 404, "not-found",
			    "there is no such schedule, or its workflow or trigger is switched off: expected an id, or "
			    "WORKFLOW/TRIGGER");
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
	if (!cJSON_IsObject(options))
		return NULL;
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
