#include "host/probe/values.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"

#define HUGE_TEXT ((size_t)64 * 1024)
#define HUGE_LIST 1000
#define TEXT_MAX ((size_t)256 * 1024 * 1024)
#define SECRET_VARIABLE "TAPPET_PLUGIN_CHECK_SECRET"

static const char *const samples[VALUES_KINDS][OPTION_PATH + 1] = {
	[VALUES_PLAUSIBLE] = {[OPTION_STRING] = "\"probe\"",
			      [OPTION_INTEGER] = "1",
			      [OPTION_BOOLEAN] = "true",
			      [OPTION_DURATION] = "\"1s\"",
			      [OPTION_SIZE] = "\"1KiB\"",
			      [OPTION_OBJECT] = "{}",
			      [OPTION_JSON] = "null",
			      [OPTION_PATH] = "\"/nonexistent/probe\""},
	[VALUES_EMPTY] = {[OPTION_STRING] = "\"\"",
			  [OPTION_INTEGER] = "0",
			  [OPTION_BOOLEAN] = "false",
			  [OPTION_DURATION] = "\"0s\"",
			  [OPTION_SIZE] = "0",
			  [OPTION_OBJECT] = "{}",
			  [OPTION_JSON] = "null",
			  [OPTION_PATH] = "\".\""},
	[VALUES_HUGE] = {[OPTION_INTEGER] = "9007199254740991",
			 [OPTION_BOOLEAN] = "true",
			 [OPTION_DURATION] = "\"36500d\"",
			 [OPTION_SIZE] = "9007199254740991",
			 [OPTION_OBJECT] = "{\"a\":{\"a\":{\"a\":{\"a\":[[[[[[[[{}]]]]]]]]}}}}",
			 [OPTION_JSON] = "[[[[[[[[[[[[[[[[1e308]]]]]]]]]]]]]]]]"},
	[VALUES_ODD] = {[OPTION_STRING] = "\"%s%n/../\\u0001\\\\ \\\"\\ud83d\\ude00\\n\"",
			[OPTION_INTEGER] = "-9007199254740991",
			[OPTION_BOOLEAN] = "false",
			[OPTION_DURATION] = "\"1ms\"",
			[OPTION_SIZE] = "1",
			[OPTION_OBJECT] = "{\"\":null}",
			[OPTION_JSON] = "\"\"",
			[OPTION_PATH] = "\"/nonexistent/../%s%n\\u0001\\\\ \\\"\\ud83d\\ude00\\n/\""},
};

static void write_sample(const struct option *o, enum values_kind kind, struct buf *out)
{
	char *room;
	if (samples[kind][o->type]) {
		jsonw_raw(out, samples[kind][o->type], strlen(samples[kind][o->type]));
		return;
	}
	buf_char(out, '"');
	if (buf_reserve(out, HUGE_TEXT, &room) == 0) {
		memset(room, 'x', HUGE_TEXT);
		out->len += HUGE_TEXT;
	}
	buf_char(out, '"');
}

static void write_value(const struct option *o, enum values_kind kind, struct buf *out)
{
	jsonw_key(out, o->key);
	if (o->flags & OPTION_SECRET) {
		jsonw_raw(out, "{\"env\":\"" SECRET_VARIABLE "\"}", strlen("{\"env\":\"" SECRET_VARIABLE "\"}"));
		return;
	}
	const bool list = (o->flags & OPTION_MULTI) && kind == VALUES_HUGE && samples[kind][o->type];
	if (!list) {
		write_sample(o, kind, out);
		return;
	}
	jsonw_open(out, '[');
	for (size_t i = 0; i < HUGE_LIST; i++) {
		if (i)
			buf_char(out, ',');
		write_sample(o, kind, out);
	}
	jsonw_close(out, ']');
}

static void write_given(const struct json *given, struct buf *out)
{
	for (const struct json *m = json_first(given); m; m = json_next(m)) {
		struct buf value;
		buf_init(&value, TEXT_MAX);
		json_print(m, &value);
		jsonw_key(out, json_key(m));
		jsonw_raw(out, buf_cstr(&value), value.len);
		buf_release(&value);
	}
}

static int parse(const struct option *table, size_t count, struct buf *text, struct option_values **ret,
		 char *ret_message, size_t room)
{
	struct json_file *file = NULL;
	struct diag d;
	char *folder = getcwd(NULL, 0);
	diag_init(&d);
	int r = folder ? json_file_parse("options", buf_cstr(text), text->len, &d, &file) : -errno;
	if (r == 0)
		r = option_check(table, count, file, file->root, folder, &d, ret);
	if (r < 0)
		snprintf(ret_message, room, "%s", d.count ? d.items[0].message : log_strerror(r));
	json_file_free(file);
	free(folder);
	diag_release(&d);
	return r;
}

int values_make(const struct option *table, size_t count, const struct json *given, enum values_kind kind,
		struct option_values **ret, char *ret_message, size_t room)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	setenv(SECRET_VARIABLE, kind == VALUES_PLAUSIBLE ? "probe" : "", 1);
	jsonw_open(&text, '{');
	if (kind == VALUES_PLAUSIBLE)
		write_given(given, &text);
	for (size_t i = 0; i < count; i++) {
		const bool missing = (table[i].flags & OPTION_REQUIRED) && !json_get(given, table[i].key);
		if (kind == VALUES_PLAUSIBLE ? missing : !table[i].replaced_by)
			write_value(&table[i], kind, &text);
	}
	jsonw_close(&text, '}');
	const int r = parse(table, count, &text, ret, ret_message, room);
	buf_release(&text);
	return r;
}

bool values_default_valid(const struct option *o, char *ret_message, size_t room)
{
	struct option_values *values = NULL;
	struct option alone = *o;
	struct buf text;
	const bool raw = o->type == OPTION_INTEGER || o->type == OPTION_BOOLEAN || o->type == OPTION_OBJECT ||
			 o->type == OPTION_JSON;
	if (!o->default_value || (o->flags & OPTION_SECRET))
		return true;
	alone.replaced_by = NULL;
	buf_init(&text, TEXT_MAX);
	jsonw_open(&text, '{');
	jsonw_key(&text, o->key);
	if (raw)
		jsonw_raw(&text, o->default_value, strlen(o->default_value));
	else
		jsonw_str(&text, o->default_value);
	jsonw_close(&text, '}');
	const int r = parse(&alone, 1, &text, &values, ret_message, room);
	option_values_free(values);
	buf_release(&text);
	return r == 0;
}
