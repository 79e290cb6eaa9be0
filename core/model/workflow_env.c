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

static void read_text(struct workflow_reader *wr, const struct json *member, const char *(*problem)(const char *name),
		      struct env_def *env)
{
	struct reader *r = &wr->reader;
	const char *wrong = problem(json_key(member));

	if (wrong)
		reader_mistake(r, member, true, "\"%.60s\" %s", json_key(member), wrong);
	env->name = reader_strdup(r, json_key(member));
	if (json_is_object(member))
		read_secret(r, member, env);
	else if (json_is_string(member))
		workflow_read_subst(wr, member, &env->value);
	else
		reader_expected(r, member, "a string, {\"env\": \"NAME\"} or {\"file\": \"PATH\"}");
}

void workflow_read_texts(struct workflow_reader *wr, const struct json *v, const char *what,
			 const char *(*problem)(const char *name), struct env_def **ret, size_t *ret_count)
{
	if (!json_is_object(v)) {
		reader_expected(&wr->reader, v, what);
		return;
	}
	*ret = reader_calloc(&wr->reader, json_count(v), sizeof(**ret));
	if (!*ret)
		return;
	for (const struct json *member = json_first(v); member; member = json_next(member))
		read_text(wr, member, problem, &(*ret)[(*ret_count)++]);
}

void workflow_read_env(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_read_texts(workflow_reader_of(r), v, "an object of variables", name_env_problem, &def->env,
			    &def->env_count);
}
