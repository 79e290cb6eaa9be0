/* What a step can do without a process or a connection: pause, start another workflow, wait for an action or a person,
 * and name values. */
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/workflow_reader.h"

void workflow_read_sleep(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;
	int64_t ms;

	workflow_set_action(r, def, STEP_SLEEP, v);
	/* With a substitution the duration is known only when the step runs. */
	if (json_is_string(v))
		workflow_read_subst(workflow_reader_of(r), v, &def->sleep);
	if (!json_is_string(v) || subst_is_literal(&def->sleep))
		(void)reader_duration(r, v, 0, &ms);
}

/* ---- workflow ---- */

static void read_slug(struct reader *r, void *into, const struct json *v)
{
	struct call_def *call = into;

	if (json_is_string(v) && !name_is_slug(json_str(v)))
		reader_mistake(r, v, false, "\"%.120s\" is no workflow's slug", json_str(v));
	else
		(void)reader_string(r, v, &call->slug);
}

static void read_params(struct reader *r, void *into, const struct json *v)
{
	struct call_def *call = into;

	if (json_is_object(v))
		call->params = workflow_read_template(workflow_reader_of(r), v);
	else
		reader_expected(r, v, "an object of parameters");
}

static void read_call_outputs(struct reader *r, void *into, const struct json *v)
{
	struct call_def *call = into;

	workflow_read_outputs(r, v, &call->outputs);
}

static const struct reader_key call_keys[] = {
	{"name", READ_CUSTOM, .read = read_slug, .schema = READER_REF("slug"), .help = "The workflow to start."},
	{"params", READ_CUSTOM, .read = read_params, .schema = "{\"type\":\"object\"}",
	 .help = "Its parameters: any JSON, substitutions in its strings."},
	{"wait", READ_BOOL, READER_AT(struct call_def, wait),
	 .help = "`false`: the step has ended once the other activity is accepted; by default it waits for its end."},
	{"outputs", READ_CUSTOM, .read = read_call_outputs, .schema = READER_REF("programs"),
	 .help = "Outputs by name: jq programs over `{activityId, status, message, steps: {ID: {status, outputs}}}`."},
};

const struct reader_table workflow_call_table = {"call", "\"workflow\"", call_keys,
						 sizeof(call_keys) / sizeof(call_keys[0]), "\"required\":[\"name\"]"};

void workflow_read_call(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_set_action(r, def, STEP_WORKFLOW, v);
	def->call = reader_calloc(r, 1, sizeof(*def->call));
	if (!def->call)
		return;
	def->call->wait = true;
	if (json_is_string(v)) {
		read_slug(r, def->call, v);
		return;
	}
	if (!json_is_object(v)) {
		reader_expected(r, v, "the slug of a workflow, or an object with its \"name\"");
		return;
	}
	reader_object(r, &workflow_call_table, v, def->call);
	if (!json_get(v, "name"))
		reader_mistake(r, v, false, "\"workflow\" needs a \"name\": the slug of the workflow to start");
	if (!def->call->wait && json_get(v, "outputs"))
		reader_mistake(r, json_get(v, "outputs"), true,
			       "\"outputs\" means nothing beside \"wait\": false: the step ends before there are any");
}

/* ---- wait ---- */

/* A substitution stands for a part of a word. */
static bool is_topic(const struct subst *topic)
{
	struct buf text;
	bool fits;

	buf_init(&text, WORKFLOW_SIZE_MAX);
	for (size_t i = 0; i < topic->count; i++)
		(void)buf_str(&text, topic->parts[i].kind == SUBST_TEXT ? topic->parts[i].text : "x");
	fits = buf_error(&text) == 0 && name_is_topic_filter(buf_cstr(&text));
	buf_release(&text);
	return fits;
}

static void read_topic(struct reader *r, void *into, const struct json *v)
{
	struct wait_def *wait = into;
	size_t mistakes = r->mistakes;

	workflow_read_subst(workflow_reader_of(r), v, &wait->topic);
	if (mistakes == r->mistakes && !is_topic(&wait->topic))
		reader_mistake(r, v, false,
			       "\"%.100s\" is no topic: expected words of letters, digits, _ and - joined by dots; "
			       "* stands for one word, > at the end for the rest",
			       json_str(v));
}

static void read_wait_outputs(struct reader *r, void *into, const struct json *v)
{
	struct wait_def *wait = into;

	workflow_read_outputs(r, v, &wait->outputs);
}

static const struct reader_key wait_keys[] = {
	{"topic", READ_CUSTOM, .read = read_topic, .schema = "{\"type\":\"string\",\"minLength\":1}",
	 .help = "Words joined by dots, perhaps with substitutions; `*` stands for one word, `>` at the end for the "
		 "rest."},
	{"match", READ_PROGRAM, READER_AT(struct wait_def, match),
	 .help = "A jq program over the action's data that has to be true; any action of the topic by default."},
	{"outputs", READ_CUSTOM, .read = read_wait_outputs, .schema = READER_REF("programs"),
	 .help = "Outputs by name: jq programs over `{topic, time, data}`."},
};

const struct reader_table workflow_wait_table = {"wait", "\"wait\"", wait_keys,
						 sizeof(wait_keys) / sizeof(wait_keys[0]), "\"required\":[\"topic\"]"};

void workflow_read_wait(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_set_action(r, def, STEP_WAIT, v);
	def->wait = reader_calloc(r, 1, sizeof(*def->wait));
	if (!def->wait)
		return;
	if (json_is_string(v)) {
		read_topic(r, def->wait, v);
		return;
	}
	if (!json_is_object(v)) {
		reader_expected(r, v, "a topic, or an object with its \"topic\"");
		return;
	}
	reader_object(r, &workflow_wait_table, v, def->wait);
	if (!json_get(v, "topic"))
		reader_mistake(r, v, false, "\"wait\" needs a \"topic\"");
}

/* ---- approve ---- */

static void read_message(struct reader *r, void *into, const struct json *v)
{
	struct approve_def *approve = into;

	workflow_read_subst(workflow_reader_of(r), v, &approve->message);
}

static const struct reader_key approve_keys[] = {
	{"message", READ_CUSTOM, .read = read_message, .schema = "{\"type\":\"string\"}",
	 .help = "What the person is asked; may hold substitutions."},
};

const struct reader_table workflow_approve_table = {"approve", "\"approve\"", approve_keys,
						    sizeof(approve_keys) / sizeof(approve_keys[0]), NULL};

void workflow_read_approve(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_set_action(r, def, STEP_APPROVE, v);
	def->approve = reader_calloc(r, 1, sizeof(*def->approve));
	if (!def->approve)
		return;
	if (json_is_string(v))
		read_message(r, def->approve, v);
	else if (json_is_object(v))
		reader_object(r, &workflow_approve_table, v, def->approve);
	else if (!json_is_bool(v) || !json_bool(v))
		reader_expected(r, v, "a message, {\"message\": \"…\"} or true");
}

/* ---- set ---- */

static void read_value(struct reader *r, const struct json *member, struct set_def *set)
{
	const char *text = json_str(member);

	(void)workflow_output_name(r, member);
	set->name = reader_strdup(r, json_key(member));
	if (!text)
		reader_expected(r, member, "a string: a text with substitutions, or a jq program");
	else if (!*text)
		reader_mistake(r, member, false,
			       "\"%.80s\" is empty: expected a text with substitutions, or a jq program",
			       json_key(member));
	else if (workflow_is_program(text))
		(void)reader_string(r, member, &set->program);
	else
		workflow_read_subst(workflow_reader_of(r), member, &set->text);
}

void workflow_read_set(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_set_action(r, def, STEP_SET, v);
	if (!json_is_object(v)) {
		reader_expected(r, v, "an object of outputs");
		return;
	}
	if (!json_first(v))
		reader_mistake(r, v, false, "\"set\" names no output");
	def->set = reader_calloc(r, json_count(v), sizeof(*def->set));
	for (const struct json *member = json_first(v); member && def->set; member = json_next(member))
		read_value(r, member, &def->set[def->set_count++]);
}
