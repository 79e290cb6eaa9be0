#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/workflow_reader.h"

/* {"env": "NAME"} or {"file": "PATH"} */
static void read_secret(struct reader *r, const struct json *v, struct env_def *env)
{
	const struct json *member = json_first(v);
	const char *key = json_key(member);
	const char *text = json_str(member);

	if (!key || json_next(member) || !text || !*text || (strcmp(key, "env") != 0 && strcmp(key, "file") != 0)) {
		reader_mistake(r, v, false, "expected a secret as {\"env\": \"NAME\"} or {\"file\": \"PATH\"}");
		return;
	}
	if (strcmp(key, "env") == 0)
		env->secret_env = reader_strdup(r, text);
	else
		env->secret_file = reader_strdup(r, text);
}

static void read_variable(struct workflow_reader *wr, const struct json *member, size_t step, struct env_def *env)
{
	struct reader *r = &wr->reader;
	const char *problem = name_env_problem(json_key(member));

	if (problem)
		reader_mistake(r, member, true, "\"%.60s\" %s", json_key(member), problem);
	env->name = reader_strdup(r, json_key(member));
	if (json_is_object(member))
		read_secret(r, member, env);
	else if (json_is_string(member))
		workflow_read_subst(wr, member, step, &env->value);
	else
		reader_expected(r, member, "a string, {\"env\": \"NAME\"} or {\"file\": \"PATH\"}");
}

void workflow_read_env(struct workflow_reader *wr, const struct json *v, size_t step)
{
	struct step_def *def = &wr->w->steps[step];

	if (!json_is_object(v)) {
		reader_expected(&wr->reader, v, "an object of variables");
		return;
	}
	def->env = reader_calloc(&wr->reader, json_count(v), sizeof(*def->env));
	if (!def->env)
		return;
	for (const struct json *member = json_first(v); member; member = json_next(member))
		read_variable(wr, member, step, &def->env[def->env_count++]);
}
