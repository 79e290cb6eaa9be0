#include "model/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The JSON text is cut where substitutions stand: pieces of text that never change, and between them strings that are
 * made anew for each run. */
struct piece {
	struct piece *next;
	char *json; /* as it is; NULL: the string */
	struct subst string;
	bool value; /* the string is one substitution and nothing else: its value keeps its type */
};

struct template
{
	struct piece *first, *last;
	bool is_text;
};

struct parser {
	struct template *out;
	struct buf json; /* what stands before the next string with substitutions */
	void (*visit)(void *arg, const struct subst *s, const struct json *at);
	void *arg;
	const struct json *at; /* of the mistake */
	char *message;
	size_t message_size;
};

static struct piece *add_piece(struct template *t)
{
	struct piece *piece = calloc(1, sizeof(*piece));

	if (!piece)
		return NULL;
	if (t->last)
		t->last->next = piece;
	else
		t->first = piece;
	t->last = piece;
	return piece;
}

static int flush_json(struct parser *p)
{
	struct piece *piece;

	if (buf_error(&p->json))
		return buf_error(&p->json);
	if (p->json.len == 0)
		return 0;
	piece = add_piece(p->out);
	if (!piece)
		return -ENOMEM;
	piece->json = buf_detach(&p->json, NULL);
	return piece->json ? 0 : -ENOMEM;
}

static int add_string(struct parser *p, struct subst *s, const struct json *at)
{
	int r = flush_json(p);
	struct piece *piece = r == 0 ? add_piece(p->out) : NULL;

	if (!piece) {
		subst_release(s);
		return r < 0 ? r : -ENOMEM;
	}
	piece->string = *s;
	piece->value = s->count == 1 && !subst_is_literal(s);
	if (p->visit && !subst_is_literal(s))
		p->visit(p->arg, &piece->string, at);
	return 0;
}

static int parse_string(struct parser *p, const struct json *v)
{
	struct subst s = {0};
	int r = subst_parse(json_str(v), &s, p->message, p->message_size);

	if (r < 0) {
		p->at = v;
		return r;
	}
	if (!subst_is_literal(&s) || p->out->is_text)
		return add_string(p, &s, v);
	/* $$( has become $( by now. */
	jsonw_str(&p->json, s.count ? s.parts[0].text : "");
	subst_release(&s);
	return 0;
}

/* Commas are set here and not by jsonw_: a piece begins behind a value that is not known yet. */
static int parse_value(struct parser *p, const struct json *v)
{
	bool object = json_is_object(v);
	int r = 0;

	if (json_is_string(v))
		return parse_string(p, v);
	if (!object && !json_is_array(v))
		return json_print(v, &p->json);
	(void)buf_char(&p->json, object ? '{' : '[');
	for (const struct json *item = json_first(v); item && r == 0; item = json_next(item)) {
		if (item != json_first(v))
			(void)buf_char(&p->json, ',');
		if (object)
			jsonw_key(&p->json, json_key(item));
		r = parse_value(p, item);
	}
	(void)buf_char(&p->json, object ? '}' : ']');
	return r;
}

int template_parse(const struct json *v, void (*visit)(void *arg, const struct subst *s, const struct json *at),
		   void *arg, struct template **ret, const struct json **ret_at, char *message, size_t message_size)
{
	struct parser p = {.visit = visit, .arg = arg, .message = message, .message_size = message_size};
	int r;

	p.out = calloc(1, sizeof(*p.out));
	if (!p.out)
		return -ENOMEM;
	p.out->is_text = json_is_string(v);
	buf_init(&p.json, TEMPLATE_SIZE_MAX);
	r = parse_value(&p, v);
	if (r == 0)
		r = flush_json(&p);
	buf_release(&p.json);
	if (r < 0) {
		if (r == -EINVAL)
			*ret_at = p.at;
		template_free(p.out);
		return r;
	}
	*ret = p.out;
	return 0;
}

void template_free(struct template *t)
{
	struct piece *next;

	if (!t)
		return;
	for (struct piece *piece = t->first; piece; piece = next) {
		next = piece->next;
		free(piece->json);
		subst_release(&piece->string);
		free(piece);
	}
	free(t);
}

bool template_is_text(const struct template *t)
{
	return t->is_text;
}

static int expand_string(const struct subst *s, subst_lookup text, void *arg, struct buf *out,
			 const struct subst_part **ret_missing)
{
	struct buf string;
	int r;

	buf_init(&string, out->max);
	r = subst_expand(s, text, arg, &string, ret_missing);
	if (r == 0)
		jsonw_strn(out, buf_cstr(&string), string.len);
	buf_release(&string);
	return r;
}

int template_expand(const struct template *t, template_lookup json, subst_lookup text, void *arg, struct buf *out,
		    const struct subst_part **ret_missing)
{
	for (const struct piece *piece = t->first; piece; piece = piece->next) {
		int r = 0;

		if (piece == t->first && piece->json)
			jsonw_raw(out, piece->json, strlen(piece->json));
		else if (piece->json)
			(void)buf_str(out, piece->json);
		else if (piece->value)
			r = json(arg, &piece->string.parts[0], out);
		else
			r = expand_string(&piece->string, text, arg, out, ret_missing);
		if (r == -ENOENT && piece->value && ret_missing)
			*ret_missing = &piece->string.parts[0];
		if (r < 0)
			return r;
	}
	return buf_error(out);
}

int template_expand_text(const struct template *t, subst_lookup text, void *arg, struct buf *out,
			 const struct subst_part **ret_missing)
{
	return subst_expand(&t->first->string, text, arg, out, ret_missing);
}
