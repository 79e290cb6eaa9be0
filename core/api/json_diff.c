#include "api/json_diff.h"

#include <string.h>

#define PATH_MAX_LEN ((size_t)1024 * 1024)

struct diff {
	struct buf path;
	struct buf *out;
};

static void write_member(const char *key, const struct json *value, struct buf *out)
{
	if (!value)
		return;
	jsonw_key(out, key);
	struct buf text;
	buf_init(&text, out->max);
	if (json_print(value, &text) < 0)
		out->error = buf_error(&text);
	jsonw_raw(out, buf_cstr(&text), text.len);
	buf_release(&text);
}

static void report(struct diff *d, const struct json *from, const struct json *to)
{
	if (buf_error(&d->path) < 0)
		d->out->error = buf_error(&d->path);
	jsonw_open(d->out, '{');
	jsonw_key(d->out, "path");
	jsonw_strn(d->out, buf_cstr(&d->path), d->path.len);
	write_member("from", from, d->out);
	write_member("to", to, d->out);
	jsonw_close(d->out, '}');
}

static void compare(struct diff *d, const struct json *from, const struct json *to);

/* One level down; the path is as before afterwards. */
static void compare_below(struct diff *d, const char *token, const struct json *from, const struct json *to)
{
	const size_t len = d->path.len;
	buf_char(&d->path, '/');
	for (; *token; token++) {
		if (*token == '~')
			buf_str(&d->path, "~0");
		else if (*token == '/')
			buf_str(&d->path, "~1");
		else
			buf_char(&d->path, *token);
	}
	if (from && to)
		compare(d, from, to);
	else
		report(d, from, to);
	d->path.len = len;
	if (d->path.data)
		buf_terminate(&d->path);
}

static void compare_objects(struct diff *d, const struct json *from, const struct json *to)
{
	const struct json *a = json_first(from), *b = json_first(to);
	while (a || b) {
		const int order = !a ? 1 : !b ? -1 : strcmp(json_key(a), json_key(b));
		compare_below(d, json_key(order <= 0 ? a : b), order <= 0 ? a : NULL, order >= 0 ? b : NULL);
		a = order <= 0 ? json_next(a) : a;
		b = order >= 0 ? json_next(b) : b;
	}
}

static void compare_arrays(struct diff *d, const struct json *from, const struct json *to)
{
	const struct json *a = json_first(from), *b = json_first(to);
	for (unsigned place = 0; a || b; place++) {
		char token[16];
		snprintf(token, sizeof(token), "%u", place);
		compare_below(d, token, a, b);
		a = a ? json_next(a) : NULL;
		b = b ? json_next(b) : NULL;
	}
}

static bool same_scalar(const struct json *from, const struct json *to)
{
	if (json_is_string(from) && json_is_string(to))
		return strcmp(json_str(from), json_str(to)) == 0;
	if (json_is_number(from) && json_is_number(to))
		return !(json_number(from) < json_number(to)) && !(json_number(from) > json_number(to));
	if (json_is_bool(from) && json_is_bool(to))
		return json_bool(from) == json_bool(to);
	return json_is_null(from) && json_is_null(to);
}

static void compare(struct diff *d, const struct json *from, const struct json *to)
{
	if (json_is_object(from) && json_is_object(to))
		compare_objects(d, from, to);
	else if (json_is_array(from) && json_is_array(to))
		compare_arrays(d, from, to);
	else if (!same_scalar(from, to))
		report(d, from, to);
}

void json_diff(const struct json *from, const struct json *to, struct buf *out)
{
	struct diff d = {.out = out};
	buf_init(&d.path, PATH_MAX_LEN);
	compare(&d, from, to);
	buf_release(&d.path);
}
