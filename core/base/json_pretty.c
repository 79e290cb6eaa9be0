#include "base/json.h"

#define LINE_LEN_MAX 100
#define TEXT_MAX ((size_t)64 << 20)

static bool is_container(const struct json *v)
{
	return (json_is_object(v) || json_is_array(v)) && json_first(v);
}

static void write_scalar(const struct json *v, struct buf *out)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	(void)json_print(v, &text);
	buf_append(out, buf_cstr(&text), text.len);
	buf_release(&text);
}

static void write_key(const struct json *member, struct buf *out)
{
	struct buf key;
	buf_init(&key, TEXT_MAX);
	jsonw_str(&key, json_key(member));
	buf_printf(out, "%s: ", buf_cstr(&key));
	buf_release(&key);
}

/* On one line: {"a": 1, "b": [2, 3]} */
static void write_line(const struct json *v, struct buf *out)
{
	const bool object = json_is_object(v);
	if (!is_container(v)) {
		write_scalar(v, out);
		return;
	}
	buf_char(out, object ? '{' : '[');
	for (const struct json *item = json_first(v); item; item = json_next(item)) {
		if (object)
			write_key(item, out);
		write_line(item, out);
		if (json_next(item))
			buf_str(out, ", ");
	}
	buf_char(out, object ? '}' : ']');
}

static void new_line(struct buf *out, size_t depth)
{
	buf_char(out, '\n');
	for (size_t i = 0; i < depth; i++)
		buf_str(out, "  ");
}

static bool fits(const struct json *v, size_t depth)
{
	struct buf line;
	buf_init(&line, LINE_LEN_MAX);
	write_line(v, &line);
	bool fine = depth > 0 && buf_error(&line) == 0 && line.len + 2 * depth <= LINE_LEN_MAX;
	buf_release(&line);
	return fine;
}

static void write_value(const struct json *v, size_t depth, struct buf *out)
{
	const bool object = json_is_object(v);
	if (!is_container(v) || fits(v, depth)) {
		write_line(v, out);
		return;
	}
	buf_char(out, object ? '{' : '[');
	for (const struct json *item = json_first(v); item; item = json_next(item)) {
		new_line(out, depth + 1);
		if (object)
			write_key(item, out);
		write_value(item, depth + 1, out);
		if (json_next(item))
			buf_char(out, ',');
	}
	new_line(out, depth);
	buf_char(out, object ? '}' : ']');
}

int json_print_pretty(const struct json *v, struct buf *out)
{
	write_value(v, 0, out);
	buf_char(out, '\n');
	return buf_error(out);
}
