#include "connect_spec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/text.h"
#include "connect_path.h"
#include "connect_template.h"
#include "scan.h"

#define POINTER_MAX 300
#define DAY_MS ((int64_t)86400000)

/* One of the texts that a spec has copied. */
struct connect_text {
	struct connect_text *next;
	size_t len;
	char bytes[];
};

struct reading {
	struct connect_spec *spec;
	const struct option_source *source;
	const char *key; /* that is read */
	size_t index;
	bool failed, out_of_memory;
};

static void tell(struct reading *r, const char *pointer, const char *message)
{
	r->failed = true;
	if (r->source->mistake)
		r->source->mistake(r->source->arg, r->key, r->index, pointer, message);
}

static void tell_problem(struct reading *r, const char *pointer, const char *what, const char *problem)
{
	char message[192];
	snprintf(message, sizeof(message), "%s %s", what, problem);
	tell(r, pointer, message);
}

static bool is(tappet_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

/* ---- Values ---- */

/* A copy with a NUL behind it, which lives as long as the spec. */
static tappet_str keep(struct reading *r, tappet_str text)
{
	struct connect_text *t = malloc(sizeof(*t) + text.len + 1);
	if (!t) {
		r->out_of_memory = true;
		return tappet_cstr("");
	}
	if (text.len > 0)
		memcpy(t->bytes, text.ptr, text.len);
	t->bytes[text.len] = '\0';
	t->next = r->spec->texts;
	t->len = text.len;
	r->spec->texts = t;
	return tappet_strn(t->bytes, text.len);
}

/* {"env": "NAME"} or {"file": "PATH"}, where the secret will be. */
static bool is_reference(const struct reading *r, tappet_str value)
{
	struct member members[2];
	size_t count = 0;
	return r->source->is_check && value.len > 0 && *value.ptr == '{' && !scan_object(value, members, 2, &count) &&
	       count == 1 && (is(members[0].key, "env") || is(members[0].key, "file"));
}

/* A string inside of an option. ptr == NULL after a mistake. */
static tappet_str read_text(struct reading *r, tappet_str value, const char *pointer)
{
	const tappet_str room = is_reference(r, value) ? tappet_cstr("") : keep(r, value);
	size_t len = 0;
	if (is_reference(r, value) || r->out_of_memory)
		return tappet_cstr("");
	/* Decoded it is no longer than it is written. */
	char *text = (char *)(uintptr_t)room.ptr;
	if (!scan_string(value, text, room.len + 1, &len) || strlen(text) != len) {
		tell(r, pointer, "expected a string");
		return tappet_strn(NULL, 0);
	}
	return tappet_strn(text, len);
}

/* -1: it is none. */
static int64_t duration_of(const char *text)
{
	static const struct {
		const char *suffix;
		int64_t factor;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", DAY_MS}};
	char *behind;
	if (*text < '0' || *text > '9' || strlen(text) > 12)
		return -1;
	const int64_t number = strtoll(text, &behind, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(behind, units[i].suffix) == 0)
			return number <= 30 * DAY_MS / units[i].factor ? number * units[i].factor : -1;
	return -1;
}

#define DURATION_WORDS "expected a duration from 100ms to 30d, such as \"30s\""

static int64_t read_duration(struct reading *r, tappet_str value, const char *pointer)
{
	const tappet_str text = read_text(r, value, pointer);
	const int64_t ms = text.ptr ? duration_of(text.ptr) : 0;
	if (text.ptr && (ms < 100 || ms > 30 * DAY_MS))
		tell(r, pointer, DURATION_WORDS);
	return ms;
}

/* A string is plain text, anything else is JSON. */
static struct connect_message read_message(struct reading *r, tappet_str value, const char *pointer, bool is_answer)
{
	struct connect_message message = {.is_json = *value.ptr != '"'};
	message.template = message.is_json ? keep(r, value) : read_text(r, value, pointer);
	const char *problem = message.template.ptr ? template_problem(message.template, is_answer) : NULL;
	if (problem)
		tell_problem(r, pointer, "a message", problem);
	return message;
}

/* ---- Options ---- */

/* The value of an option that is a string; false: it is not set. */
static bool option_text(struct reading *r, const char *key, size_t index, tappet_str *ret)
{
	tappet_str text;
	r->key = key;
	r->index = index;
	if (r->source->str(r->source->config, key, index, &text) < 0)
		return false;
	*ret = keep(r, text);
	return true;
}

/* The same of one that may be a secret: a string of JSON. Nothing is to be checked of what is not known yet. */
static bool option_secret(struct reading *r, const char *key, tappet_str *ret)
{
	tappet_str json;
	if (!option_text(r, key, 0, &json))
		return false;
	*ret = read_text(r, json, "");
	return ret->ptr && ret->len > 0;
}

static void read_address(struct reading *r)
{
	tappet_str url = {NULL, 0};
	const bool known = option_secret(r, "connect", &url);
	r->spec->url = url.ptr;
	if (!known)
		return;
	if ((strncmp(url.ptr, "ws://", 5) != 0 && strncmp(url.ptr, "wss://", 6) != 0) || url.len > CONNECT_URL_MAX)
		tell(r, "", "expected an address that begins by ws:// or wss://");
}

static bool is_header_name(tappet_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		const char c = name.ptr[i];
		const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alphanumeric && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return name.len > 0;
}

static void read_header(struct reading *r, const struct member *member)
{
	char pointer[POINTER_MAX];
	const tappet_str name = member->key;
	snprintf(pointer, sizeof(pointer), "/%.*s", (int)(name.len < 200 ? name.len : 200), name.ptr);
	if (!is_header_name(name))
		tell(r, pointer, "this is no name of a header");
	const tappet_str value = read_text(r, member->value, pointer);
	r->spec->headers[r->spec->header_count++] = (tappet_http_header){keep(r, name), value};
}

static void read_headers(struct reading *r)
{
	struct member members[CONNECT_HEADERS_MAX];
	size_t count = 0;
	tappet_str json;
	if (!option_text(r, "headers", 0, &json))
		return;
	if (scan_object(json, members, CONNECT_HEADERS_MAX, &count))
		tell(r, "", "expected an object of at most 32 headers");
	for (size_t i = 0; i < count; i++)
		read_header(r, &members[i]);
}

static void read_protocols(struct reading *r)
{
	tappet_str text;
	for (size_t i = 0; option_text(r, "protocols", i, &text); i++) {
		if (i == CONNECT_PROTOCOLS_MAX) {
			tell(r, "", "expected at most 8 subprotocols");
			return;
		}
		r->spec->protocols[i] = text.ptr;
	}
}

static void read_files(struct reading *r)
{
	tappet_str text;
	if (option_text(r, "caFile", 0, &text))
		r->spec->ca_file = text.ptr;
	if (!option_secret(r, "proxy", &text))
		return;
	r->spec->proxy = text.ptr;
	if (strncmp(text.ptr, "http://", 7) != 0)
		tell(r, "", "expected an address that begins by http://");
}

static void read_open(struct reading *r)
{
	tappet_str json, items[CONNECT_OPEN_MAX];
	char pointer[POINTER_MAX];
	size_t count = 1;
	if (!option_text(r, "open", 0, &json))
		return;
	items[0] = json;
	if (*json.ptr == '[' && scan_list(json, items, CONNECT_OPEN_MAX, &count)) {
		tell(r, "", "expected at most 32 messages");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		snprintf(pointer, sizeof(pointer), "/%zu", i);
		r->spec->open[i] = read_message(r, items[i], *json.ptr == '[' ? pointer : "", false);
	}
	r->spec->open_count = count;
}

static void read_reply(struct reading *r)
{
	tappet_str json;
	if (option_text(r, "reply", 0, &json))
		r->spec->reply = read_message(r, json, "", true);
}

static const struct member *find(const struct member *members, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (is(members[i].key, name))
			return &members[i];
	return NULL;
}

static void read_heartbeat(struct reading *r)
{
	struct member members[2];
	size_t count = 0;
	tappet_str json;
	if (!option_text(r, "heartbeat", 0, &json))
		return;
	const char *problem = scan_object(json, members, 2, &count);
	const struct member *every = find(members, count, "every"), *send = find(members, count, "send");
	if (problem || !every || !send) {
		tell(r, "", "expected {\"every\": DURATION, \"send\": MESSAGE}");
		return;
	}
	r->spec->heartbeat_ms = read_duration(r, every->value, "/every");
	r->spec->heartbeat = read_message(r, send->value, "/send", false);
}

static void read_backoff(struct reading *r)
{
	struct member members[2];
	size_t count = 0;
	tappet_str json;
	if (!option_text(r, "backoff", 0, &json))
		return;
	const char *problem = scan_object(json, members, 2, &count);
	const struct member *min = find(members, count, "min"), *max = find(members, count, "max");
	if (problem || !min || !max) {
		tell(r, "", "expected {\"min\": DURATION, \"max\": DURATION}");
		return;
	}
	r->spec->retry_min_ms = read_duration(r, min->value, "/min");
	r->spec->retry_max_ms = read_duration(r, max->value, "/max");
	if (r->spec->retry_min_ms > r->spec->retry_max_ms)
		tell(r, "/min", "min is longer than max");
}

static tappet_str read_path(struct reading *r, const char *key)
{
	tappet_str path = {NULL, 0};
	if (!option_text(r, key, 0, &path))
		return path;
	const char *problem = path_problem(path);
	if (problem)
		tell_problem(r, "", "a path", problem);
	return path;
}

/* A number within bounds; 0: it is not set. */
static int64_t read_number(struct reading *r, const char *key, int64_t min, int64_t max, const char *words)
{
	int64_t value = 0;
	r->key = key;
	r->index = 0;
	if (r->source->integer(r->source->config, key, 0, &value) < 0)
		return 0;
	if (value < min || value > max)
		tell(r, "", words);
	return value;
}

static void read_numbers(struct reading *r)
{
	struct connect_spec *s = r->spec;
	s->stall_ms = read_number(r, "stall", 100, 30 * DAY_MS, DURATION_WORDS);
	s->ping_ms = read_number(r, "pingEvery", 100, 30 * DAY_MS, DURATION_WORDS);
	s->timeout_ms = read_number(r, "pingTimeout", 100, 30 * DAY_MS, DURATION_WORDS);
	s->message_max = read_number(r, "messageMax", 1024, 16 << 20, "expected a size from 1KiB to 16MiB");
}

/* scheme://host:port/path: what stands before an '@' and behind a '?' may be secret. */
static char *where_of(const char *url)
{
	struct text t = {0};
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	size_t len = strcspn(host, "?#");
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));
	text_bytes(&t, url, (size_t)(host - url));
	if (at) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	text_bytes(&t, host, len);
	if (!t.failed)
		return t.bytes;
	text_release(&t);
	return NULL;
}

int32_t connect_spec_read(const struct option_source *source, struct connect_spec *ret)
{
	struct reading r = {.spec = ret, .source = source};
	*ret = (struct connect_spec){0};
	read_address(&r);
	read_headers(&r);
	read_protocols(&r);
	read_files(&r);
	read_open(&r);
	read_heartbeat(&r);
	read_reply(&r);
	read_backoff(&r);
	ret->cursor = read_path(&r, "cursor");
	ret->key = read_path(&r, "key");
	read_numbers(&r);
	if (r.failed || !ret->url)
		return TAPPET_EINVAL;
	ret->where = r.out_of_memory ? NULL : where_of(ret->url);
	return ret->where ? TAPPET_OK : TAPPET_ENOMEM;
}

void connect_spec_release(struct connect_spec *s)
{
	for (struct connect_text *t = s->texts, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	free(s->where);
	*s = (struct connect_spec){0};
}
