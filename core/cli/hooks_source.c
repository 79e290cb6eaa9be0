#include <strings.h>
#include "cli/hooks.h"

static const char *name_of(const struct json *argument)
{
	const char *name = json_get_str(argument, "name");
	return name ? name : "";
}

/* jq's strings are JSON's, but "\(" begins an expression: a backslash that is text is doubled by JSON anyway. */
static void write_text(struct buf *out, const char *text)
{
	struct buf quoted;
	buf_init(&quoted, 1 << 20);
	jsonw_str(&quoted, text);
	buf_append(out, buf_cstr(&quoted), quoted.len);
	buf_release(&quoted);
}

/* Whether `name` up to `len` was to be parsed as JSON of its own (parse-parameters-as-json). */
static bool is_parsed(const struct hook *h, const char *source, const char *name, size_t len)
{
	const struct json *list = json_get(h->json, "parse-parameters-as-json");
	for (const struct json *a = json_first(list); a; a = json_next(a)) {
		const char *from = json_get_str(a, "source"), *its = name_of(a);
		if (from && strcasecmp(from, source) == 0 && strlen(its) == len && strncmp(its, name, len) == 0)
			return true;
	}
	return false;
}

/* One word of a path: a member, or in a list an index. */
static void write_word(struct buf *out, const char *word, size_t len)
{
	char key[256];
	snprintf(key, sizeof(key), "%.*s", (int)len, word);
	if (len > 0 && len < 7 && strspn(key, "0123456789") == len)
		buf_printf(out, " | if type == \"array\" then .[%s] else .[\"%s\"]? end", key, key);
	else {
		buf_str(out, " | .[");
		write_text(out, key);
		buf_str(out, "]?");
	}
}

static void write_path(struct hook *h, const char *source, const char *root, const char *name, struct buf *out)
{
	buf_str(out, root);
	for (const char *word = name; *word;) {
		size_t len = strcspn(word, ".");
		write_word(out, word, len);
		if (is_parsed(h, source, name, (size_t)(word - name) + len))
			buf_str(out, " | (if type == \"string\" then fromjson else . end)");
		word += len;
		word += *word == '.';
	}
}

static void write_header(struct hook *h, const char *name, struct buf *out)
{
	char lower[256];
	size_t i = 0;
	for (; name[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	lower[i] = '\0';
	buf_str(out, ".headers[");
	write_text(out, lower);
	buf_char(out, ']');
	if (is_parsed(h, "header", name, strlen(name)))
		buf_str(out, " | fromjson");
}

static void write_query(struct hook *h, const char *source, const char *name, struct buf *out)
{
	buf_str(out, ".query[");
	write_text(out, name);
	buf_str(out, "] | if type == \"array\" then .[0] else . end");
	if (is_parsed(h, source, name, strlen(name)))
		buf_str(out, " | fromjson");
}

static bool write_request(struct hook *h, const struct json *argument, struct buf *out)
{
	if (strcasecmp(name_of(argument), "method") == 0)
		buf_str(out, ".method");
	else if (strcasecmp(name_of(argument), "remote-addr") == 0)
		buf_str(out, ".remote");
	else {
		hook_note(h, argument, "there is no \"%s\" of a request here", name_of(argument));
		return false;
	}
	return true;
}

bool hook_source(struct hook *h, const struct json *argument, struct buf *out)
{
	const char *source = json_get_str(argument, "source");
	if (!source)
		source = "";
	if (strcasecmp(source, "payload") == 0)
		write_path(h, source, ".body", name_of(argument), out);
	else if (strcasecmp(source, "header") == 0)
		write_header(h, name_of(argument), out);
	else if (strcasecmp(source, "url") == 0 || strcasecmp(source, "query") == 0)
		write_query(h, source, name_of(argument), out);
	else if (strcasecmp(source, "string") == 0)
		write_text(out, name_of(argument));
	else if (strcasecmp(source, "entire-payload") == 0)
		buf_str(out, ".body");
	else if (strcasecmp(source, "entire-headers") == 0)
		buf_str(out, ".headers");
	else if (strcasecmp(source, "entire-query") == 0)
		buf_str(out, ".query");
	else if (strcasecmp(source, "raw-request-body") == 0) {
		hook_note(h, argument, "the body comes parsed, not byte for byte as it was sent");
		buf_str(out, ".body");
	} else if (strcasecmp(source, "request") == 0)
		return write_request(h, argument, out);
	else {
		hook_note(h, argument, "the source \"%s\" is not known", source);
		return false;
	}
	return true;
}
