#include "engine/env_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char space[] = " \t\r";

/* A-Z, a-z, 0-9 and _, not a digit first: what a shell can name. */
static size_t name_length(const char *text)
{
	size_t len = 0;

	while (isalpha((unsigned char)text[len]) || text[len] == '_' || (len > 0 && isdigit((unsigned char)text[len])))
		len++;
	return len;
}

static void trim_end(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && strchr(space, text[len - 1]))
		len--;
	text[len] = '\0';
}

/* In place: what is read is never behind what is written. NULL: it has no end, or something stands behind it. */
static char *unquote(char *text)
{
	char quote = *text, *from = text + 1, *to = text;

	while (*from && *from != quote) {
		if (quote == '"' && *from == '\\' && from[1] && strchr("\"\\$`", from[1]))
			from++;
		*to++ = *from++;
	}
	if (*from != quote || from[1 + strspn(from + 1, space)] != '\0')
		return NULL;
	*to = '\0';
	return text;
}

/* *ret_name NULL: a comment. Otherwise what is wrong, or NULL. */
static const char *parse_line(char *line, const char **ret_name, char **ret_value)
{
	static const char export[] = "export";
	size_t len;

	*ret_name = NULL;
	line += strspn(line, space);
	if (*line == '\0' || *line == '#' || *line == ';')
		return NULL;
	if (strncmp(line, export, sizeof(export) - 1) == 0 && strchr(" \t", line[sizeof(export) - 1]) &&
	    line[sizeof(export) - 1])
		line += sizeof(export) + strspn(line + sizeof(export), space);
	len = name_length(line);
	if (len == 0 || line[len] != '=')
		return "expected NAME=VALUE, with a name of letters, digits and _";
	line[len] = '\0';
	*ret_name = line;
	line += len + 1;
	line += strspn(line, space);
	trim_end(line);
	*ret_value = *line == '"' || *line == '\'' ? unquote(line) : line;
	return *ret_value ? NULL : "expected the quote to be closed at the end of the line";
}

int env_file_parse(const char *name, char *text, size_t len, int (*set)(void *arg, const char *name, const char *value),
		   void *arg, char *message, size_t message_size)
{
	const char *wrong = NULL, *key;
	char *value = NULL, *end = text + len;
	unsigned line = 0;
	int r = 0;

	while (r == 0 && text < end) {
		char *newline = memchr(text, '\n', (size_t)(end - text)), *next = newline ? newline + 1 : end;

		line++;
		/* text[len] is a NUL. */
		if (newline)
			*newline = '\0';
		wrong = strlen(text) < (size_t)((newline ? newline : end) - text) ? "expected no NUL byte"
										  : parse_line(text, &key, &value);
		if (wrong) {
			(void)snprintf(message, message_size, "%.300s:%u: %s", name, line, wrong);
			return -EINVAL;
		}
		r = key ? set(arg, key, value) : 0;
		text = next;
	}
	return r;
}
