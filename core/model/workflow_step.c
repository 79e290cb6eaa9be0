/* The list of steps and the step of onFailure: what all kinds of steps have in common. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/workflow_reader.h"

#define BACKOFF_DEFAULT_MS 1000
#define BACKOFF_MAX_DEFAULT_MS 3600000
#define BACKOFF_FACTOR_DEFAULT 2
#define BACKOFF_JITTER_DEFAULT 0.1
#define ON_FAILURE_ID "on-failure"

void workflow_set_action(struct reader *r, struct step_def *def, enum step_kind kind, const struct json *v)
{
	struct workflow_reader *wr = workflow_reader_of(r);
	struct step_source *source = &wr->sources[wr->step];

	if (source->action) {
		reader_mistake(r, v, true, "\"%s\" beside \"%s\": a step does one thing", json_key(v),
			       json_key(source->action));
		return;
	}
	source->action = v;
	def->kind = kind;
}

static void read_id(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	if (!json_is_string(v)) {
		reader_expected(r, v, "a string");
		return;
	}
	if (!name_is_id(json_str(v), strlen(json_str(v)))) {
		reader_mistake(r, v, false, "\"%.80s\" is no id for a step: expected 1 to %d of a-z, 0-9, _ and -",
			       json_str(v), NAME_MAX_LEN);
		return;
	}
	(void)reader_string(r, v, &def->id);
}

static void read_needs(struct reader *r, void *into, const struct json *v)
{
	struct workflow_reader *wr = workflow_reader_of(r);

	(void)into;
	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of ids of steps");
		return;
	}
	/* Resolved when all steps are known. */
	wr->sources[wr->step].needs = v;
}

#define AT(member) READER_AT(struct step_def, member)

static const struct reader_key step_keys[] = {
	{"id", READ_CUSTOM, .read = read_id, .schema = READER_REF("id"),
	 .help = "Lower-case letters, digits, `_`, `-`; unique in the workflow."},
	{"name", READ_STRING, AT(name), .help = "For people; the id by default."},
	{"run", READ_CUSTOM, .read = workflow_read_run,
	 .schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\"}}",
	 .help = "A program and its arguments: no shell, nothing is split."},
	{"script", READ_CUSTOM, .read = workflow_read_script, .schema = READER_REF("script"),
	 .help = "A text, a list of lines, or `{\"file\": \"PATH\"}` relative to the workflow's file."},
	{"sleep", READ_CUSTOM, .read = workflow_read_sleep, .schema = "{\"type\":\"string\"}",
	 .help = "A duration; may be a substitution."},
	{"http", READ_CUSTOM, .read = workflow_read_http, .schema = READER_REF("http"), .help = "A request by HTTP."},
	{"workflow", READ_CUSTOM, .read = workflow_read_call,
	 .schema = "{\"oneOf\":[" READER_REF("slug") "," READER_REF("call") "]}",
	 .help = "Another workflow to start: its slug, or an object."},
	{"wait", READ_CUSTOM, .read = workflow_read_wait,
	 .schema = "{\"oneOf\":[{\"type\":\"string\",\"minLength\":1}," READER_REF("wait") "]}",
	 .help = "An action to wait for: its topic, or an object."},
	{"approve", READ_CUSTOM, .read = workflow_read_approve,
	 .schema = "{\"oneOf\":[{\"type\":\"string\"},{\"const\":true}," READER_REF("approve") "]}",
	 .help = "A person has to agree: what is asked, or true."},
	{"set", READ_CUSTOM, .read = workflow_read_set,
	 .schema = "{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":{\"type\":\"string\","
		   "\"minLength\":1}}",
	 .help = "Outputs by name: a text with substitutions, or else a jq program over the step's context."},
	{"when", READ_PROGRAM, AT(when),
	 .help = "A jq program over the step's context; unless it gives true the step is skipped."},
	{"needs", READ_CUSTOM, .read = read_needs,
	 .schema = "{\"type\":\"array\",\"uniqueItems\":true,\"items\":" READER_REF("id") "}",
	 .help = "The steps that have to end first; by default the one before it."},
	{"always", READ_BOOL, AT(always), .help = "It runs also when one of its needs has not completed."},
	{"timeout", READ_DURATION, AT(timeout_ms), .min = 1, .help = "Of each attempt; `defaults.timeout` by default."},
	{"retry", READ_CUSTOM, .read = workflow_read_retry, .schema = READER_REF("retry"),
	 .help = "Further attempts after a failure."},
	{"env", READ_CUSTOM, .read = workflow_read_env, .schema = READER_REF("texts"),
	 .help = "Variables of the environment: texts with substitutions, or secrets."},
	{"envFile", READ_STRING, AT(env_file), .min = 1,
	 .help = "A file with lines NAME=VALUE, relative to `tappet.json`."},
	{"cwd", READ_CUSTOM, .read = workflow_read_cwd, .schema = "{\"type\":\"string\",\"minLength\":1}",
	 .help = "The working folder; the activity's scratch folder by default."},
	{"stdin", READ_STRING, AT(stdin_text), .help = "Text for the standard input; empty by default."},
	{"user", READ_CUSTOM, .read = workflow_read_user, .schema = "{\"type\":\"string\",\"minLength\":1}",
	 .help = "Whom the process runs as; needs a daemon that may change users."},
	{"limits", READ_CUSTOM, .read = workflow_read_limits, .schema = READER_REF("limits"),
	 .help = "What the process may use up."},
	{"noNewPrivileges", READ_BOOL, AT(limits.no_new_privileges),
	 .help = "Programs that it executes gain no rights (setuid and the like)."},
	{"onCrash", READ_CUSTOM, .read = workflow_read_on_crash, .schema = "{\"enum\":[\"rerun\",\"fail\"]}",
	 .help = "What becomes of it when a crash of the daemon interrupts it; `rerun` by default."},
};

const struct reader_table workflow_step_table = {"step", "a step", step_keys, sizeof(step_keys) / sizeof(step_keys[0]),
						 NULL};

/* What would be read and never used is a mistake. */
static const struct {
	const char *key;
	unsigned kinds; /* beside which it means something */
	const char *why;
} limited_keys[] = {
	{"timeout", ~(STEP_BIT(STEP_SLEEP) | STEP_BIT(STEP_SET)), "it ends by itself"},
	{"retry", STEP_PROCESS | STEP_BIT(STEP_HTTP) | STEP_BIT(STEP_WORKFLOW), "there is nothing to try again"},
	{"onCrash", STEP_PROCESS | STEP_BIT(STEP_HTTP), "a crash of the daemon does not interrupt it"},
	{"env", STEP_PROCESS, "no process is started"},
	{"envFile", STEP_PROCESS, "no process is started"},
	{"cwd", STEP_PROCESS, "no process is started"},
	{"stdin", STEP_PROCESS, "no process is started"},
	{"user", STEP_PROCESS, "no process is started"},
	{"limits", STEP_PROCESS, "no process is started"},
	{"noNewPrivileges", STEP_PROCESS, "no process is started"},
};

void workflow_write_useless_keys(enum step_kind kind, struct buf *out)
{
	jsonw_open(out, '{');
	for (size_t i = 0; i < sizeof(limited_keys) / sizeof(limited_keys[0]); i++) {
		if (limited_keys[i].kinds & STEP_BIT(kind))
			continue;
		jsonw_key(out, limited_keys[i].key);
		jsonw_bool(out, false);
	}
	jsonw_close(out, '}');
}

static void check_kind(struct reader *r, const struct step_def *def, const struct json *node)
{
	for (size_t i = 0; i < sizeof(limited_keys) / sizeof(limited_keys[0]); i++) {
		const struct json *member = json_get(node, limited_keys[i].key);

		if (member && !(limited_keys[i].kinds & STEP_BIT(def->kind)))
			reader_mistake(r, member, true, "\"%s\" means nothing beside \"%s\": %s", limited_keys[i].key,
				       step_kind_name(def->kind), limited_keys[i].why);
	}
	workflow_check_retry(r, def, json_get(node, "retry"));
}

static void register_step(struct workflow_reader *wr, struct step_def *def, const struct json *node)
{
	const struct step_def *other = map_get_str(&wr->steps, def->id);

	if (other && wr->foreign)
		reader_mistake(&wr->reader, json_get(wr->sources[other - wr->w->steps].node, "id"), false,
			       "the id \"%s\" is that of \"onFailure\" in the \"defaults\" of tappet.json", def->id);
	else if (other)
		reader_mistake(&wr->reader, json_get(node, "id"), false, "two steps have the id \"%s\"", def->id);
	else if (map_put_str(&wr->steps, def->id, def, NULL) < 0)
		wr->reader.error = -ENOMEM;
}

static struct step_def *read_step(struct workflow_reader *wr, const struct json *node)
{
	struct workflow *w = wr->w;
	struct step_def *def = &w->steps[w->step_count];
	struct step_source *source = &wr->sources[w->step_count];
	size_t mistakes = wr->reader.mistakes;

	wr->step = w->step_count++;
	source->node = node;
	def->retry = (struct retry_def){
		.attempts = 1,
		.backoff_ms = BACKOFF_DEFAULT_MS,
		.factor = BACKOFF_FACTOR_DEFAULT,
		.max_ms = BACKOFF_MAX_DEFAULT_MS,
		.jitter = BACKOFF_JITTER_DEFAULT,
	};
	reader_object(&wr->reader, &workflow_step_table, node, def);
	/* An unknown key was perhaps meant to be one of these: one mistake is told once. */
	if (mistakes == wr->reader.mistakes && !source->action)
		reader_mistake(&wr->reader, node, false,
			       "a step needs one of \"run\", \"script\", \"sleep\", \"http\", \"workflow\", \"wait\", "
			       "\"approve\" and \"set\"");
	if (source->action)
		check_kind(&wr->reader, def, node);
	return def;
}

static void finish_step(struct workflow_reader *wr, struct step_def *def, const struct json *node)
{
	if (def->id)
		register_step(wr, def, node);
	if (!def->name && def->id)
		def->name = reader_strdup(&wr->reader, def->id);
}

void workflow_read_steps(struct reader *r, void *into, const struct json *v)
{
	struct workflow_reader *wr = workflow_reader_of(r);
	struct workflow *w = into;
	size_t count = json_count(v);

	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of steps");
		return;
	}
	if (count > WORKFLOW_STEPS_MAX) {
		reader_mistake(r, v, false, "%zu steps: at most %d are allowed", count, WORKFLOW_STEPS_MAX);
		return;
	}
	/* One more: that of onFailure. */
	w->steps = reader_calloc(r, count + 1, sizeof(*w->steps));
	wr->sources = reader_calloc(r, count + 1, sizeof(*wr->sources));
	if (!w->steps || !wr->sources)
		return;
	for (const struct json *node = json_first(v); node; node = json_next(node)) {
		struct step_def *def = read_step(wr, node);

		finish_step(wr, def, node);
		if (!def->id && json_is_object(node) && !json_get(node, "id"))
			reader_mistake(r, node, false, "a step needs an \"id\"");
	}
}

static void refuse_order(struct reader *r, const struct json *node, const char *key)
{
	const struct json *member = json_get(node, key);

	if (member)
		reader_mistake(r, member, true,
			       "\"%s\" means nothing in \"onFailure\": it runs when all other steps have ended", key);
}

void workflow_read_on_failure(struct workflow_reader *wr, const struct json *node, bool foreign)
{
	struct reader *r = &wr->reader;
	struct workflow *w = wr->w;
	struct step_def *def;

	if (!node || json_is_null(node) || !w->steps || !wr->sources)
		return;
	if (w->step_count == WORKFLOW_STEPS_MAX) {
		reader_mistake(r, foreign ? NULL : node, true,
			       "%d steps with that of \"onFailure\": at most %d are allowed", WORKFLOW_STEPS_MAX + 1,
			       WORKFLOW_STEPS_MAX);
		return;
	}
	wr->foreign = foreign;
	def = read_step(wr, node);
	w->has_on_failure = true;
	if (!def->id && !json_get(node, "id"))
		def->id = reader_strdup(r, ON_FAILURE_ID);
	refuse_order(r, node, "needs");
	refuse_order(r, node, "always");
	wr->sources[wr->step].needs = NULL;
	finish_step(wr, def, node);
	wr->foreign = false;
}
