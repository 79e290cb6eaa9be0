#include "settings.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "settings_parts.h"

#define MESSAGE_MAX 300
#define PATH_LEN_MAX 240

void settings_mistake(struct settings_reader *r, const char *key, size_t index, const char *pointer, const char *format,
		      ...)
{
	char message[MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	r->failed = true;
	if (r->from->mistakes.mistake)
		r->from->mistakes.mistake(r->from->mistakes.arg, key, index, pointer, message);
}

/* ---- Words ---- */

static const struct {
	const char *name;
	unsigned bit;
} methods[] = {{"GET", METHOD_GET},
	       {"POST", METHOD_POST},
	       {"PUT", METHOD_PUT},
	       {"PATCH", METHOD_PATCH},
	       {"DELETE", METHOD_DELETE}};
#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))

unsigned method_bit(tappet_str name)
{
	for (size_t i = 0; i < METHOD_COUNT; i++)
		if (strlen(methods[i].name) == name.len && memcmp(methods[i].name, name.ptr, name.len) == 0)
			return methods[i].bit;
	return 0;
}

bool duration_read(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	const long long n = strtoll(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0 || n > INT64_C(1000000000))
			continue;
		*ret_ms = n * units[i].ms;
		return true;
	}
	return false;
}

static char *copy(struct settings_reader *r, tappet_str text)
{
	char *s = strndup(text.ptr ? text.ptr : "", text.len);
	r->no_memory = r->no_memory || !s;
	return s;
}

/* The values of an option that may stand several times, NULL at the end; NULL when there are none. */
static char **read_list(struct settings_reader *r, const char *key)
{
	const struct settings_source *from = r->from;
	const size_t count = from->count(from->config, key);
	tappet_str text;
	if (count == 0)
		return NULL;
	char **list = calloc(count + 1, sizeof(*list));
	r->no_memory = r->no_memory || !list;
	for (size_t i = 0; list && i < count; i++)
		if (from->str(from->config, key, i, &text) == TAPPET_OK)
			list[i] = copy(r, text);
	return list;
}

/* ---- One option each ---- */

static void read_methods(struct settings_reader *r)
{
	const struct settings_source *from = r->from;
	const size_t count = from->count(from->config, "methods");
	tappet_str name;
	for (size_t i = 0; i < count; i++) {
		if (from->str(from->config, "methods", i, &name) != TAPPET_OK)
			continue;
		const unsigned bit = method_bit(name);
		if (!bit)
			settings_mistake(r, "methods", i, "",
					 "expected GET, POST, PUT, PATCH or DELETE, found \"%.*s\"",
					 (int)(name.len < 40 ? name.len : 40), name.ptr);
		r->settings->methods |= bit;
	}
	if (count == 0)
		r->settings->methods = METHOD_GET | METHOD_POST | METHOD_PUT;
}

static const char *path_problem(const char *path)
{
	/* What the daemon itself serves, or will. */
	static const char *const taken[] = {"/api",     "/webhook", "/action", "/event",
					    "/metrics", "/healthz", "/readyz", "/console"};
	if (path[0] != '/' || path[1] == '\0')
		return "expected a path that begins with a slash, such as \"/github\"";
	if (strlen(path) > PATH_LEN_MAX)
		return "expected a path of at most 240 bytes";
	if (strpbrk(path, "{}?#%\\ ") || strstr(path, "//"))
		return "expected a plain path, as it stands in a URL, without {}, ?, #, % and spaces";
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		const size_t len = strlen(taken[i]);
		if (strncmp(path, taken[i], len) == 0 && (path[len] == '/' || path[len] == '\0'))
			return "this path is one of the daemon's own";
	}
	return NULL;
}

static void read_paths(struct settings_reader *r)
{
	r->settings->paths = read_list(r, "path");
	for (size_t i = 0; r->settings->paths && r->settings->paths[i]; i++) {
		const char *problem = path_problem(r->settings->paths[i]);
		if (problem)
			settings_mistake(r, "path", i, "", "%s", problem);
	}
}

static void read_body_kind(struct settings_reader *r)
{
	static const char *const kinds[] = {"auto", "json", "form", "text", "bytes"};
	tappet_str text;
	if (r->from->str(r->from->config, "body", 0, &text) != TAPPET_OK)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i]) != text.len || memcmp(kinds[i], text.ptr, text.len) != 0)
			continue;
		r->settings->body = (enum body_kind)i;
		return;
	}
	settings_mistake(r, "body", 0, "", "expected auto, json, form, text or bytes");
}

static void read_headers(struct settings_reader *r)
{
	char **list = read_list(r, "headers");
	r->settings->headers = list;
	for (size_t i = 0; list && list[i]; i++) {
		if (strcmp(list[i], "*") == 0)
			r->settings->all_headers = true;
		else if (!*list[i] || strpbrk(list[i], " \t:,;\"()<>@[]{}\\"))
			settings_mistake(r, "headers", i, "", "expected the name of a header, or \"*\"");
	}
}

static void read_numbers(struct settings_reader *r)
{
	const struct settings_source *from = r->from;
	int64_t success = 200;
	int32_t cloud_events = 0;
	(void)from->integer(from->config, "wait", 0, &r->settings->wait_ms);
	(void)from->integer(from->config, "success", 0, &success);
	(void)from->boolean(from->config, "cloudEvents", &cloud_events);
	if (success < 200 || success > 299)
		settings_mistake(r, "success", 0, "", "expected a status from 200 to 299");
	if (r->settings->wait_ms > 600000)
		settings_mistake(r, "wait", 0, "", "expected at most 10m");
	r->settings->success = (int32_t)success;
	r->settings->cloud_events = cloud_events;
}

/* "60/1m" */
static void read_per_address(struct settings_reader *r)
{
	tappet_str text;
	char *end;
	if (r->from->str(r->from->config, "perAddress", 0, &text) != TAPPET_OK)
		return;
	char *copied = copy(r, text);
	if (!copied)
		return;
	const long long count = strtoll(copied, &end, 10);
	if (*copied < '1' || *copied > '9' || *end != '/' || count > 1000000 ||
	    !duration_read(end + 1, &r->settings->per_address_ms) || r->settings->per_address_ms < 1000)
		settings_mistake(r, "perAddress", 0, "", "expected how many in how long, such as \"60/1m\"");
	r->settings->per_address = count;
	free(copied);
}

static void read_verifier(struct settings_reader *r)
{
	const struct settings_source *from = r->from;
	const size_t count = from->count(from->config, "allow");
	struct verify_options o = {.allow_count = count, .secrets_resolved = from->secrets_resolved};
	tappet_str *allow = calloc(count ? count : 1, sizeof(*allow));
	if (!allow) {
		r->no_memory = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		(void)from->str(from->config, "allow", i, &allow[i]);
	o.allow = allow;
	(void)from->str(from->config, "signature", 0, &o.signature);
	(void)from->str(from->config, "auth", 0, &o.auth);
	const int32_t e = verifier_new(&o, &from->mistakes, &r->settings->verifier);
	r->failed = r->failed || e == TAPPET_EINVAL;
	r->no_memory = r->no_memory || e == TAPPET_ENOMEM;
	r->settings->guarded =
		o.signature.len > 0 || count > 0 ||
		(o.auth.len > 0 && strncmp(o.auth.ptr, "\"token\"", 7) != 0 && strncmp(o.auth.ptr, "\"none\"", 6) != 0);
	free(allow);
}

static void read_dedup(struct settings_reader *r)
{
	tappet_str text;
	if (r->from->str(r->from->config, "dedupHeader", 0, &text) == TAPPET_OK)
		r->settings->dedup_header = copy(r, text);
}

/* ---- The whole ---- */

int32_t settings_read(const struct settings_source *source, struct settings **ret)
{
	struct settings_reader r = {.from = source, .settings = calloc(1, sizeof(struct settings))};
	if (!r.settings)
		return TAPPET_ENOMEM;
	r.settings->references = 1;
	read_verifier(&r);
	read_methods(&r);
	read_paths(&r);
	read_body_kind(&r);
	read_headers(&r);
	read_numbers(&r);
	read_per_address(&r);
	read_dedup(&r);
	settings_read_objects(&r);
	if (!r.failed && !r.no_memory) {
		*ret = r.settings;
		return TAPPET_OK;
	}
	settings_unref(r.settings);
	return r.no_memory ? TAPPET_ENOMEM : TAPPET_EINVAL;
}

struct settings *settings_ref(struct settings *s)
{
	s->references++;
	return s;
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

static void free_reply(struct reply *reply)
{
	if (!reply)
		return;
	free(reply->status);
	free(reply->body);
	free(reply->type);
	free_list(reply->headers);
	free(reply);
}

static void free_cors(struct cors *cors)
{
	if (!cors)
		return;
	free_list(cors->origins);
	free(cors->headers);
	free(cors);
}

void settings_unref(struct settings *s)
{
	if (!s || --s->references > 0)
		return;
	settings_leave(s);
	verifier_free(s->verifier);
	free_list(s->headers);
	free_list(s->paths);
	free_reply(s->reply);
	free_cors(s->cors);
	free(s->challenge);
	if (s->verify_token)
		explicit_bzero(s->verify_token, strlen(s->verify_token));
	free(s->verify_token);
	free(s->dedup_header);
	free(s);
}
