/* Values that several kinds of steps have: texts and JSON with substitutions, mappings by jq. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/workflow_reader.h"

static void remember(void *arg, const struct subst *subst, const struct json *at)
{
	struct workflow_reader *wr = arg;

	if (wr->use_count == wr->use_capacity) {
		size_t capacity = wr->use_capacity ? 2 * wr->use_capacity : 16;
		struct subst_use *uses = realloc(wr->uses, capacity * sizeof(*uses));

		if (!uses) {
			wr->reader.error = -ENOMEM;
			return;
		}
		wr->uses = uses;
		wr->use_capacity = capacity;
	}
	wr->uses[wr->use_count++] = (struct subst_use){.subst = subst, .at = at, .step = wr->step};
}

void workflow_read_subst(struct workflow_reader *wr, const struct json *v, struct subst *ret)
{
	char message[200];
	int r;

	if (!json_is_string(v)) {
		reader_expected(&wr->reader, v, "a string");
		return;
	}
	r = subst_parse(json_str(v), ret, message, sizeof(message));
	if (r == -EINVAL)
		reader_mistake(&wr->reader, v, false, "%s", message);
	else if (r < 0)
		wr->reader.error = r;
	else if (!subst_is_literal(ret))
		remember(wr, ret, v);
}

struct template *workflow_read_template(struct workflow_reader *wr, const struct json *v)
{
	struct template *t = NULL;
	const struct json *at = v;
	size_t uses = wr->use_count;
	char message[200];
	int r = template_parse(v, remember, wr, &t, &at, message, sizeof(message));

	if (r < 0)
		wr->use_count = uses; /* they are gone with the template */
	if (r == -EINVAL)
		reader_mistake(&wr->reader, at, false, "%s", message);
	else if (r == -ENOBUFS)
		reader_mistake(&wr->reader, v, false, "\"%s\" is too large", json_key(v));
	else if (r < 0)
		wr->reader.error = r;
	return t;
}

bool workflow_output_name(struct reader *r, const struct json *member)
{
	const char *name = json_key(member);

	if (name_is_output(name, strlen(name)))
		return true;
	reader_mistake(r, member, true,
		       "\"%.80s\" is no name for an output: expected 1 to 255 letters, digits, _, - and .", name);
	return false;
}

void workflow_read_mapping(struct reader *r, const struct json *v, const char *what, struct mapping *ret)
{
	if (!json_is_object(v)) {
		reader_expected(r, v, what);
		return;
	}
	ret->items = reader_calloc(r, json_count(v), sizeof(*ret->items));
	for (const struct json *member = json_first(v); member && ret->items; member = json_next(member)) {
		struct mapping_item *item = &ret->items[ret->count++];

		item->name = reader_strdup(r, json_key(member));
		if (!json_is_string(member))
			reader_expected(r, member, "a jq program as a string");
		else if (!*json_str(member))
			reader_mistake(r, member, false, "\"%.80s\" is empty: expected a jq program", json_key(member));
		else
			(void)reader_string(r, member, &item->program);
	}
}

void workflow_read_outputs(struct reader *r, const struct json *v, struct mapping *ret)
{
	workflow_read_mapping(r, v, "an object of outputs", ret);
	for (const struct json *member = json_is_object(v) ? json_first(v) : NULL; member; member = json_next(member))
		(void)workflow_output_name(r, member);
}
