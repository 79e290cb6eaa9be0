/* Where a definition holds programs in the language of jq. It goes by the JSON and not by the structures, so that
 * mistakes can be told at their places. */
#include <string.h>

#include "model/workflow_reader.h"

struct visitor {
	void (*visit)(void *arg, const struct json *program);
	void *arg;
};

bool workflow_is_program(const char *text)
{
	return !strstr(text, "$(");
}

static void visit(const struct visitor *v, const struct json *program)
{
	if (json_str(program) && *json_str(program))
		v->visit(v->arg, program);
}

static void visit_mapping(const struct visitor *v, const struct json *mapping)
{
	for (const struct json *item = json_is_object(mapping) ? json_first(mapping) : NULL; item;
	     item = json_next(item))
		visit(v, item);
}

static void visit_trigger(const struct visitor *v, const struct json *trigger)
{
	visit(v, json_get(trigger, "when"));
	visit(v, json_get(trigger, "dedup"));
	visit_mapping(v, json_get(trigger, "params"));
}

static void visit_set(const struct visitor *v, const struct json *set)
{
	for (const struct json *item = json_is_object(set) ? json_first(set) : NULL; item; item = json_next(item))
		if (json_str(item) && workflow_is_program(json_str(item)))
			visit(v, item);
}

static void visit_step(const struct visitor *v, const struct json *step)
{
	visit(v, json_get(step, "when"));
	visit_mapping(v, json_get(json_get(step, "http"), "outputs"));
	visit_mapping(v, json_get(json_get(step, "workflow"), "outputs"));
	visit(v, json_get(json_get(step, "wait"), "match"));
	visit_mapping(v, json_get(json_get(step, "wait"), "outputs"));
	visit_set(v, json_get(step, "set"));
}

static void visit_list(const struct visitor *v, const struct json *list,
		       void (*visit_item)(const struct visitor *v, const struct json *item))
{
	for (const struct json *item = json_is_array(list) ? json_first(list) : NULL; item; item = json_next(item))
		visit_item(v, item);
}

void workflow_each_program(const struct json *root, void (*callback)(void *arg, const struct json *program), void *arg)
{
	const struct visitor v = {.visit = callback, .arg = arg};

	visit_list(&v, json_get(root, "triggers"), visit_trigger);
	visit(&v, json_get(json_get(root, "concurrency"), "key"));
	visit_list(&v, json_get(root, "steps"), visit_step);
	visit_step(&v, json_get(root, "onFailure"));
}
