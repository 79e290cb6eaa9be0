#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/names.h"
#include "model/workflow_reader.h"

#define ATTEMPTS_MAX 1000
#define BACKOFF_DEFAULT_MS 1000

static struct workflow_reader *from_reader(struct reader *r)
{
	return (struct workflow_reader *)(void *)r;
}

static size_t step_index(struct reader *r, const struct step_def *def)
{
	return (size_t)(def - from_reader(r)->w->steps);
}

static void set_action(struct reader *r, struct step_def *def, enum step_kind kind, const struct json *v)
{
	struct step_source *source = &from_reader(r)->sources[step_index(r, def)];

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

static void read_name(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	(void)reader_string(r, v, &def->name);
}

static void read_run(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	set_action(r, def, STEP_RUN, v);
	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of a program and its arguments");
		return;
	}
	if (!json_first(v) || (json_is_string(json_first(v)) && !*json_str(json_first(v)))) {
		reader_mistake(r, v, false, "\"run\" names no program");
		return;
	}
	def->argv = reader_calloc(r, json_count(v), sizeof(*def->argv));
	if (!def->argv)
		return;
	for (const struct json *item = json_first(v); item; item = json_next(item))
		workflow_read_subst(from_reader(r), item, step_index(r, def), &def->argv[def->argc++]);
}

static char *join_lines(struct reader *r, const struct json *v)
{
	struct buf text;
	char *joined;

	buf_init(&text, WORKFLOW_SIZE_MAX);
	for (const struct json *line = json_first(v); line; line = json_next(line)) {
		if (!json_is_string(line)) {
			reader_expected(r, line, "a line as a string");
			continue;
		}
		(void)buf_str(&text, json_str(line));
		(void)buf_char(&text, '\n');
	}
	joined = buf_detach(&text, NULL);
	buf_release(&text);
	if (!joined)
		r->error = -ENOMEM;
	return joined;
}

/* Whether the text is the same after it went through JSON: UTF-8 without NUL. Only such a script can become part of a
 * revision. */
static bool is_text(const char *text, size_t len)
{
	struct json *value = NULL;
	struct buf out;
	bool same = false;

	buf_init(&out, 6 * len + 16);
	jsonw_strn(&out, text, len);
	if (buf_error(&out) == 0 && json_parse(out.data, out.len, &value, NULL) == 0)
		same = strlen(json_str(value)) == len && memcmp(json_str(value), text, len) == 0;
	json_free(value);
	buf_release(&out);
	return same;
}

static char *read_script_file(struct reader *r, const struct json *v)
{
	struct workflow_reader *wr = from_reader(r);
	const struct json *member = json_first(v);
	char *text = NULL;
	size_t len = 0;
	int error;

	if (!member || json_next(member) || strcmp(json_key(member), "file") != 0 || !json_is_string(member)) {
		reader_mistake(r, v, false, "expected {\"file\": \"PATH\"}");
		return NULL;
	}
	if (!wr->read_file) {
		reader_mistake(r, v, false, "a script from a file is not possible here: write its text");
		return NULL;
	}
	error = wr->read_file(wr->arg, json_str(member), &text, &len);
	if (error < 0) {
		reader_mistake(r, member, false, "cannot read \"%.200s\": %s", json_str(member),
			       error == -ENOBUFS ? "it is too large" : log_strerror(error));
		return NULL;
	}
	if (is_text(text, len))
		return text;
	reader_mistake(r, member, false, "\"%.200s\" is not a text in UTF-8", json_str(member));
	free(text);
	return NULL;
}

static void read_script(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	set_action(r, def, STEP_SCRIPT, v);
	free(def->script);
	def->script = NULL;
	if (json_is_string(v))
		def->script = reader_strdup(r, json_str(v));
	else if (json_is_array(v))
		def->script = join_lines(r, v);
	else if (json_is_object(v))
		def->script = read_script_file(r, v);
	else
		reader_expected(r, v, "a text, a list of lines or {\"file\": \"PATH\"}");
	if (def->script && !*def->script)
		reader_mistake(r, v, false, "\"script\" is empty");
}

static void read_sleep(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;
	int64_t ms;

	set_action(r, def, STEP_SLEEP, v);
	/* With a substitution the duration is known only when the step runs. */
	if (json_is_string(v))
		workflow_read_subst(from_reader(r), v, step_index(r, def), &def->sleep);
	if (!json_is_string(v) || subst_is_literal(&def->sleep))
		(void)reader_duration(r, v, 0, &ms);
}

static void read_needs(struct reader *r, void *into, const struct json *v)
{
	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of ids of steps");
		return;
	}
	/* Resolved when all steps are known. */
	from_reader(r)->sources[step_index(r, into)].needs = v;
}

static void read_timeout(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	(void)reader_duration(r, v, 1, &def->timeout_ms);
}

static void read_attempts(struct reader *r, void *into, const struct json *v)
{
	struct retry_def *retry = into;
	int64_t value;

	if (reader_int(r, v, 1, ATTEMPTS_MAX, &value))
		retry->attempts = (unsigned)value;
}

static void read_backoff(struct reader *r, void *into, const struct json *v)
{
	struct retry_def *retry = into;

	(void)reader_duration(r, v, 0, &retry->backoff_ms);
}

static void read_retry(struct reader *r, void *into, const struct json *v)
{
	static const struct reader_key keys[] = {{"attempts", read_attempts}, {"backoff", read_backoff}};
	struct step_def *def = into;

	if (json_is_object(v) && !json_get(v, "attempts"))
		reader_mistake(r, v, false, "\"retry\" needs \"attempts\": how often the step is tried in all");
	reader_object(r, "retry", keys, sizeof(keys) / sizeof(keys[0]), v, &def->retry);
}

static void read_env(struct reader *r, void *into, const struct json *v)
{
	workflow_read_env(from_reader(r), v, step_index(r, into));
}

static void read_cwd(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_read_subst(from_reader(r), v, step_index(r, def), &def->cwd);
	if (json_is_string(v) && !*json_str(v))
		reader_mistake(r, v, false, "\"cwd\" is empty");
	def->has_cwd = true;
}

static void read_stdin(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	(void)reader_string(r, v, &def->stdin_text);
}

static void read_always(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	(void)reader_bool(r, v, &def->always);
}

static void read_on_crash(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;
	const char *text = json_str(v);

	if (!text || (strcmp(text, "fail") != 0 && strcmp(text, "rerun") != 0)) {
		reader_mistake(r, v, false, "\"onCrash\": expected \"rerun\" or \"fail\"");
		return;
	}
	def->on_crash_fail = strcmp(text, "fail") == 0;
}

static const struct reader_key step_keys[] = {
	{"id", read_id},
	{"name", read_name},
	{"run", read_run},
	{"script", read_script},
	{"sleep", read_sleep},
	{"needs", read_needs},
	{"timeout", read_timeout},
	{"retry", read_retry},
	{"env", read_env},
	{"cwd", read_cwd},
	{"stdin", read_stdin},
	{"always", read_always},
	{"onCrash", read_on_crash},
	/* of later versions */
	{"http", NULL},
	{"workflow", NULL},
	{"wait", NULL},
	{"approve", NULL},
	{"set", NULL},
	{"when", NULL},
	{"limits", NULL},
	{"user", NULL},
	{"envFile", NULL},
};

/* What would be read and never used is a mistake. */
static void check_sleep(struct reader *r, const struct json *node)
{
	static const char *const useless[] = {"timeout", "retry", "env", "cwd", "stdin", "onCrash"};

	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
		const struct json *member = json_get(node, useless[i]);

		if (member)
			reader_mistake(r, member, true, "\"%s\" means nothing beside \"sleep\": no process is started",
				       useless[i]);
	}
}

static void register_step(struct workflow_reader *wr, struct step_def *def, const struct json *node)
{
	const struct step_def *other = map_get_str(&wr->steps, def->id);

	if (other)
		reader_mistake(&wr->reader, json_get(node, "id"), false, "two steps have the id \"%s\"", def->id);
	else if (map_put_str(&wr->steps, def->id, def, NULL) < 0)
		wr->reader.error = -ENOMEM;
}

static void read_step(struct workflow_reader *wr, const struct json *node)
{
	struct workflow *w = wr->w;
	struct step_def *def = &w->steps[w->step_count];
	struct step_source *source = &wr->sources[w->step_count];
	size_t mistakes = wr->reader.mistakes;

	w->step_count++;
	source->node = node;
	def->retry = (struct retry_def){.attempts = 1, .backoff_ms = BACKOFF_DEFAULT_MS};
	reader_object(&wr->reader, "a step", step_keys, sizeof(step_keys) / sizeof(step_keys[0]), node, def);
	/* An unknown key was perhaps meant to be one of these: one mistake is told once. */
	if (mistakes == wr->reader.mistakes && !source->action)
		reader_mistake(&wr->reader, node, false, "a step needs one of \"run\", \"script\" and \"sleep\"");
	if (source->action && def->kind == STEP_SLEEP)
		check_sleep(&wr->reader, node);
	if (def->id)
		register_step(wr, def, node);
	else if (json_is_object(node) && !json_get(node, "id"))
		reader_mistake(&wr->reader, node, false, "a step needs an \"id\"");
	if (!def->name && def->id)
		def->name = reader_strdup(&wr->reader, def->id);
}

void workflow_read_steps(struct reader *r, void *into, const struct json *v)
{
	struct workflow_reader *wr = from_reader(r);
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
	w->steps = reader_calloc(r, count, sizeof(*w->steps));
	wr->sources = reader_calloc(r, count, sizeof(*wr->sources));
	if (!w->steps || !wr->sources)
		return;
	for (const struct json *node = json_first(v); node; node = json_next(node))
		read_step(wr, node);
}
