/* The canonical form of a definition: what a revision is, and what its hash is taken of. It stands alone: with its slug
 * and the text of its scripts, without $schema. Reading it again gives the same form. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/workflow_reader.h"

/* JSON may need more bytes than the text it was read from (numbers); what it becomes is bounded by WORKFLOW_SIZE_MAX. */
#define DRAFT_SIZE_MAX (4 * (size_t)WORKFLOW_SIZE_MAX)

static void write_step(const struct step_def *def, const struct json *node, struct buf *out)
{
	jsonw_open(out, '{');
	for (const struct json *member = json_first(node); member; member = json_next(member)) {
		jsonw_key(out, json_key(member));
		if (def->kind == STEP_SCRIPT && strcmp(json_key(member), "script") == 0)
			jsonw_str(out, def->script);
		else
			(void)json_print(member, out);
	}
	jsonw_close(out, '}');
}

static void write_steps(const struct workflow *w, const struct json *list, struct buf *out)
{
	size_t step = 0;

	jsonw_open(out, '[');
	for (const struct json *node = json_first(list); node; node = json_next(node))
		write_step(&w->steps[step++], node, out);
	jsonw_close(out, ']');
}

static void write_on_failure(const struct workflow *w, const struct json *node, struct buf *out)
{
	jsonw_key(out, "onFailure");
	if (w->has_on_failure)
		write_step(&w->steps[w->step_count - 1], node, out);
	else
		jsonw_null(out);
}

static void write_draft(const struct workflow *w, const struct json *source, const struct json *on_failure,
			struct buf *out)
{

	jsonw_open(out, '{');
	jsonw_key(out, "slug");
	jsonw_str(out, w->slug);
	for (const struct json *member = json_first(source); member; member = json_next(member)) {
		const char *key = json_key(member);

		if (strcmp(key, "slug") == 0 || strcmp(key, "$schema") == 0 || strcmp(key, "onFailure") == 0)
			continue;
		jsonw_key(out, key);
		if (strcmp(key, "steps") == 0)
			write_steps(w, member, out);
		else
			(void)json_print(member, out);
	}
	if (json_get(source, "onFailure"))
		on_failure = json_get(source, "onFailure");
	if (on_failure)
		write_on_failure(w, on_failure, out);
	jsonw_close(out, '}');
}

static int print(const struct json *tree, struct workflow *w)
{
	uint8_t hash[DIGEST_SIZE];
	struct buf text;
	int r;

	buf_init(&text, WORKFLOW_SIZE_MAX);
	(void)json_print_canonical(tree, &text);
	r = buf_error(&text);
	if (r == 0) {
		w->canonical = buf_detach(&text, &w->canonical_len);
		r = w->canonical ? 0 : -ENOMEM;
	}
	buf_release(&text);
	if (r < 0)
		return r == -ENOBUFS ? -E2BIG : r;
	digest_sha256(w->canonical, w->canonical_len, hash);
	digest_hex(hash, sizeof(hash), w->hash);
	return 0;
}

int workflow_make_canonical(struct workflow *w, const struct json *source, const struct json *on_failure)
{
	struct json *tree = NULL;
	struct buf draft;
	int r;

	buf_init(&draft, DRAFT_SIZE_MAX);
	write_draft(w, source, on_failure, &draft);
	r = buf_error(&draft);
	if (r == 0)
		r = json_parse(draft.data, draft.len, &tree, NULL);
	if (r == 0)
		r = print(tree, w);
	json_free(tree);
	buf_release(&draft);
	return r == -ENOBUFS ? -E2BIG : r;
}
