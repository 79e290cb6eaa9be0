#include "model/subst.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"

#define KNOWN                                                                                                          \
	"params.NAME, steps.ID.outputs.NAME, activity.id, trigger.PATH or, in onFailure, failure.message or "          \
	"failure.step"

struct parser {
	struct subst *out;
	size_t capacity;
	struct buf literal; /* what stands before the next substitution */
	char *message;
	size_t message_size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parser *p, const char *format, ...)
{
	va_list args;

	if (!p->message || p->message_size == 0)
		return -EINVAL;
	va_start(args, format);
	(void)vsnprintf(p->message, p->message_size, format, args);
	va_end(args);
	return -EINVAL;
}

static struct subst_part *add_part(struct parser *p, enum subst_kind kind)
{
	struct subst *s = p->out;
	struct subst_part *part;

	if (s->count == p->capacity) {
		size_t capacity = p->capacity ? 2 * p->capacity : 1;
		struct subst_part *parts = realloc(s->parts, capacity * sizeof(*parts));

		if (!parts)
			return NULL;
		s->parts = parts;
		p->capacity = capacity;
	}
	part = &s->parts[s->count++];
	*part = (struct subst_part){.kind = kind};
	return part;
}

static int flush_literal(struct parser *p)
{
	struct subst_part *part;

	if (buf_error(&p->literal))
		return buf_error(&p->literal);
	if (p->literal.len == 0)
		return 0;
	part = add_part(p, SUBST_TEXT);
	if (!part)
		return -ENOMEM;
	part->text = buf_detach(&p->literal, NULL);
	return part->text ? 0 : -ENOMEM;
}

static int add_named(struct parser *p, enum subst_kind kind, const char *name, size_t len)
{
	struct subst_part *part = add_part(p, kind);

	if (!part)
		return -ENOMEM;
	part->text = strndup(name, len);
	return part->text ? 0 : -ENOMEM;
}

/* The rest behind `prefix`, or NULL when `text` does not begin with it. */
static const char *behind(const char *text, size_t len, const char *prefix, size_t *ret_len)
{
	size_t prefix_len = strlen(prefix);

	if (len < prefix_len || memcmp(text, prefix, prefix_len) != 0)
		return NULL;
	*ret_len = len - prefix_len;
	return text + prefix_len;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* "ID.outputs.NAME" */
static int add_output(struct parser *p, const char *path, size_t len)
{
	static const char word[] = ".outputs.";
	const char *middle = memmem(path, len, word, sizeof(word) - 1);
	size_t step_len = middle ? (size_t)(middle - path) : 0;
	const char *name = middle ? middle + sizeof(word) - 1 : NULL;
	size_t name_len = middle ? len - step_len - (sizeof(word) - 1) : 0;
	struct subst_part *part;
	int r;

	if (!middle || !name_is_id(path, step_len) || !name_is_path(name, name_len))
		return refuse(p, "\"$(steps.%.*s)\": expected steps.ID.outputs.NAME", (int)len, path);
	r = add_named(p, SUBST_OUTPUT, name, name_len);
	if (r < 0)
		return r;
	part = &p->out->parts[p->out->count - 1];
	part->step = strndup(path, step_len);
	return part->step ? 0 : -ENOMEM;
}

/* What stands between the parentheses. */
static int add_substitution(struct parser *p, const char *path, size_t len)
{
	const char *rest;
	size_t rest_len;

	rest = behind(path, len, "params.", &rest_len);
	if (rest && name_is_identifier(rest, rest_len))
		return add_named(p, SUBST_PARAM, rest, rest_len);
	rest = behind(path, len, "steps.", &rest_len);
	if (rest)
		return add_output(p, rest, rest_len);
	if (is_word(path, len, "activity.id"))
		return add_named(p, SUBST_ACTIVITY, "id", 2);
	rest = behind(path, len, "trigger.", &rest_len);
	if (rest && name_is_path(rest, rest_len))
		return add_named(p, SUBST_TRIGGER, rest, rest_len);
	rest = behind(path, len, "failure.", &rest_len);
	if (rest && (is_word(rest, rest_len, "message") || is_word(rest, rest_len, "step")))
		return add_named(p, SUBST_FAILURE, rest, rest_len);
	return refuse(p, "\"$(%.*s)\": expected " KNOWN "; write $$( for a plain $(", (int)(len < 60 ? len : 60), path);
}

static int parse(struct parser *p, const char *text)
{
	while (*text) {
		const char *end;
		int r;

		if (strncmp(text, "$$(", 3) == 0) {
			(void)buf_append(&p->literal, "$(", 2);
			text += 3;
			continue;
		}
		if (strncmp(text, "$(", 2) != 0) {
			(void)buf_char(&p->literal, *text++);
			continue;
		}
		end = strchr(text, ')');
		if (!end)
			return refuse(p, "\"$(\" without \")\"; write $$( for a plain $(");
		r = flush_literal(p);
		if (r == 0)
			r = add_substitution(p, text + 2, (size_t)(end - text) - 2);
		if (r < 0)
			return r;
		text = end + 1;
	}
	return flush_literal(p);
}

int subst_parse(const char *text, struct subst *ret, char *message, size_t message_size)
{
	struct subst s = {0};
	struct parser p = {.out = &s, .message = message, .message_size = message_size};
	int r;

	buf_init(&p.literal, strlen(text) + 1);
	r = parse(&p, text);
	buf_release(&p.literal);
	if (r < 0) {
		subst_release(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void subst_release(struct subst *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->parts[i].text);
		free(s->parts[i].step);
	}
	free(s->parts);
	*s = (struct subst){0};
}

bool subst_is_literal(const struct subst *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->parts[i].kind != SUBST_TEXT)
			return false;
	return true;
}

int subst_expand(const struct subst *s, subst_lookup lookup, void *arg, struct buf *out,
		 const struct subst_part **ret_missing)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct subst_part *part = &s->parts[i];
		int r = part->kind == SUBST_TEXT ? buf_str(out, part->text) : lookup(arg, part, out);

		if (r == -ENOENT && ret_missing)
			*ret_missing = part;
		if (r < 0)
			return r;
	}
	return buf_error(out);
}
