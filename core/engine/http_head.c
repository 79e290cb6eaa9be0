/* The header fields of an answer as a JSON object: names in lower case, fields of one name joined by commas (RFC 9110,
 * 5.3). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/http_request.h"

struct field {
	const char *name, *value; /* in the lines */
	size_t name_len, value_len;
};

/* "name:value\n", trimmed; what is no field is left out. */
void http_head_add(struct buf *lines, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	if (!colon || colon == line || memchr(line, '\0', len))
		return;
	for (const char *c = line; c <= colon; c++)
		(void)buf_char(lines, (char)tolower((unsigned char)*c));
	len -= (size_t)(colon + 1 - line);
	line = colon + 1;
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	while (len > 0 && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	(void)buf_append(lines, line, len);
	(void)buf_char(lines, '\n');
}

static size_t split(const struct buf *lines, struct field *fields)
{
	const char *at = buf_cstr(lines);
	size_t count = 0;

	while (*at) {
		size_t len = strcspn(at, "\n"), name = strcspn(at, ":");

		fields[count++] = (struct field){at, at + name + 1, name, len - name - 1};
		at += len + 1;
	}
	return count;
}

/* Those of one name stay in their order: it is that of their addresses. */
static int compare(const void *left, const void *right)
{
	const struct field *a = left, *b = right;
	size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
	int order = memcmp(a->name, b->name, len);

	if (order == 0 && a->name_len != b->name_len)
		order = a->name_len < b->name_len ? -1 : 1;
	if (order == 0)
		order = a->name < b->name ? -1 : 1;
	return order;
}

static bool same_name(const struct field *a, const struct field *b)
{
	return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

static size_t put_field(struct buf *out, const struct field *fields, size_t count)
{
	struct buf value;
	size_t used = 0;

	buf_init(&value, HTTP_HEAD_MAX);
	do {
		if (used > 0)
			(void)buf_str(&value, ", ");
		(void)buf_append(&value, fields[used].value, fields[used].value_len);
		used++;
	} while (used < count && same_name(&fields[0], &fields[used]));
	if (out->data[out->len - 1] != '{')
		(void)buf_char(out, ',');
	jsonw_strn(out, fields[0].name, fields[0].name_len);
	(void)buf_char(out, ':');
	jsonw_strn(out, buf_cstr(&value), value.len);
	buf_release(&value);
	return used;
}

void http_head_put(const struct buf *lines, struct buf *out)
{
	struct field *fields;
	size_t count = 1;

	for (const char *c = buf_cstr(lines); *c; c++)
		count += *c == '\n';
	fields = calloc(count, sizeof(*fields));
	(void)buf_char(out, '{');
	count = fields ? split(lines, fields) : 0;
	if (count > 0)
		qsort(fields, count, sizeof(*fields), compare);
	for (size_t i = 0; i < count && buf_error(out) == 0;)
		i += put_field(out, &fields[i], count - i);
	(void)buf_char(out, '}');
	free(fields);
}
