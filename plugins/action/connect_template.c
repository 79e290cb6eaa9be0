#include "connect_template.h"
#include <stdlib.h>
#include <string.h>
#include "connect_path.h"
#include "scan.h"

static bool is(tappet_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static bool begins(tappet_str text, const char *word)
{
	return text.len >= strlen(word) && memcmp(text.ptr, word, strlen(word)) == 0;
}

/* The next "$(" at or behind `at`; NULL: none. *ret_literal: it is the end of a "$$(". */
static const char *find_open(const char *at, const char *end, bool *ret_literal)
{
	for (; end - at >= 2; at++) {
		if (*at != '$')
			continue;
		*ret_literal = end - at >= 3 && at[1] == '$' && at[2] == '(';
		if (*ret_literal || at[1] == '(')
			return at;
	}
	return NULL;
}

/* The name between "$(" and ")". */
static bool read_reference(const char *open, const char *end, tappet_str *ret, const char **ret_behind)
{
	const char *begin = open + 2, *close = begin;
	/* A name in quotes may have any character. */
	for (bool quoted = false; close < end && (quoted || *close != ')'); close++)
		quoted ^= *close == '"';
	if (close == end)
		return false;
	*ret = tappet_strn(begin, (size_t)(close - begin));
	*ret_behind = close + 1;
	return true;
}

/* ---- Checking ---- */

#define MESSAGE_WORD "message"

/* "message" and a path behind it. False: it is something else. */
static bool is_of_message(tappet_str name, tappet_str *ret_path)
{
	const size_t skip = sizeof(MESSAGE_WORD) - 1;
	if (!begins(name, MESSAGE_WORD))
		return false;
	*ret_path = name.len == skip ? tappet_cstr(".") : tappet_strn(name.ptr + skip, name.len - skip);
	return name.len == skip || (name.len > skip + 1 && !path_problem(*ret_path));
}

static const char *reference_problem(tappet_str name, bool is_answer)
{
	tappet_str path;
	if (is(name, "cursor"))
		return NULL;
	if (!is_answer)
		return "may name $(cursor) only";
	if (is(name, "activity.id") || is(name, "outcome") || is_of_message(name, &path))
		return NULL;
	return "may name $(cursor), $(message.PATH), $(activity.id) and $(outcome)";
}

const char *template_problem(tappet_str template, bool is_answer)
{
	const char *at = template.ptr, *end = template.ptr + template.len;
	bool literal;
	while (template.len > 0 && (at = find_open(at, end, &literal)) != NULL) {
		tappet_str name;
		if (literal) {
			at += 3;
			continue;
		}
		if (!read_reference(at, end, &name, &at))
			return "has a $( without its )";
		const char *problem = reference_problem(name, is_answer);
		if (problem)
			return problem;
	}
	return NULL;
}

/* ---- Expanding ---- */

static tappet_str value_of(tappet_str name, const struct template_values *values)
{
	tappet_str value = {NULL, 0}, path;
	if (is(name, "cursor"))
		value = values->cursor;
	else if (is(name, "activity.id"))
		value = values->activity_id;
	else if (is(name, "outcome"))
		value = values->outcome;
	else if (is_of_message(name, &path) && values->message.len > 0)
		(void)path_find(values->message, path, &value);
	return value.len > 0 ? value : tappet_cstr("null");
}

/* As text: a string without its quotes, anything else as it is written, null as nothing. */
static void put_plain(tappet_str value, struct text *out)
{
	size_t len = 0;
	char *room = *value.ptr == '"' ? malloc(value.len + 1) : NULL;
	out->failed |= *value.ptr == '"' && !room;
	if (room && scan_string(value, room, value.len + 1, &len))
		text_bytes(out, room, len);
	else if (!is(value, "null"))
		text_bytes(out, value.ptr, value.len);
	free(room);
}

/* Within a string of JSON: what stands between the quotes of a string can be taken as it is, escapes and all. */
static void put_within_string(tappet_str value, struct text *out)
{
	struct text escaped = {0};
	if (value.len >= 2 && value.ptr[0] == '"') {
		text_bytes(out, value.ptr + 1, value.len - 2);
	} else if (!is(value, "null")) {
		text_json(&escaped, value);
		text_bytes(out, escaped.bytes + 1, escaped.len > 2 ? escaped.len - 2 : 0);
		out->failed |= escaped.failed;
	}
	text_release(&escaped);
}

/* Replaces in a stretch of text; `put` writes one value. */
static void expand_stretch(tappet_str text, const struct template_values *values,
			   void (*put)(tappet_str value, struct text *out), struct text *out)
{
	const char *at = text.ptr, *end = text.ptr + text.len, *open;
	bool literal;
	while (at < end && (open = find_open(at, end, &literal)) != NULL) {
		tappet_str name;
		text_bytes(out, at, (size_t)(open - at));
		if (!literal && read_reference(open, end, &name, &at)) {
			put(value_of(name, values), out);
			continue;
		}
		text_cstr(out, "$(");
		at = open + (literal ? 3 : 2);
	}
	if (at < end)
		text_bytes(out, at, (size_t)(end - at));
}

/* From behind an opening quote to the closing one. */
static const char *end_of_string(const char *at, const char *end)
{
	while (at < end && *at != '"')
		at += *at == '\\' && end - at > 1 ? 2 : 1;
	return at;
}

static bool is_one_reference(tappet_str inside, tappet_str *ret_name)
{
	const char *behind;
	return begins(inside, "$(") && read_reference(inside.ptr, inside.ptr + inside.len, ret_name, &behind) &&
	       behind == inside.ptr + inside.len;
}

static void expand_string(tappet_str inside, const struct template_values *values, struct text *out)
{
	tappet_str name;
	if (is_one_reference(inside, &name)) {
		const tappet_str value = value_of(name, values);
		text_bytes(out, value.ptr, value.len);
		return;
	}
	text_cstr(out, "\"");
	expand_stretch(inside, values, put_within_string, out);
	text_cstr(out, "\"");
}

/* Names of members are never replaced. */
static bool is_key(const char *behind, const char *end)
{
	while (behind < end && (*behind == ' ' || *behind == '\t' || *behind == '\n' || *behind == '\r'))
		behind++;
	return behind < end && *behind == ':';
}

static void expand_json(tappet_str json, const struct template_values *values, struct text *out)
{
	const char *at = json.ptr, *end = json.ptr + json.len;
	while (at < end) {
		const char *quote = memchr(at, '"', (size_t)(end - at));
		if (!quote)
			break;
		const char *close = end_of_string(quote + 1, end);
		text_bytes(out, at, (size_t)(quote - at));
		at = close < end ? close + 1 : end;
		if (is_key(at, end))
			text_bytes(out, quote, (size_t)(at - quote));
		else
			expand_string(tappet_strn(quote + 1, (size_t)(close - quote) - 1), values, out);
	}
	text_bytes(out, at, (size_t)(end - at));
}

void template_expand(tappet_str template, bool is_json, const struct template_values *values, struct text *out)
{
	if (is_json)
		expand_json(template, values, out);
	else
		expand_stretch(template, values, put_plain, out);
}
