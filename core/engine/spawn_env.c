/* The environment of a child: clean, nothing of the daemon's own but HOME and LANG. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/env_file.h"
#include "engine/spawn.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* MAX_ARG_STRLEN of the kernel, execve(2): a longer one fails the start, so it is left to $TAPPET_INPUT. */
#define ENV_TEXT_MAX ((size_t)128 * 1024)
#define TEXT_MAX ((size_t)4 * 1024 * 1024)

int texts_add(struct texts *t, char *text)
{
	if (!text)
		return -ENOMEM;
	if (t->count + 2 > t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 32;
		char **items = realloc(t->items, cap * sizeof(char *));

		if (!items) {
			free(text);
			return -ENOMEM;
		}
		t->items = items;
		t->cap = cap;
	}
	t->items[t->count++] = text;
	t->items[t->count] = NULL;
	return 0;
}

void texts_wipe(struct texts *t)
{
	for (size_t i = 0; i < t->count; i++) {
		explicit_bzero(t->items[i], strlen(t->items[i]));
		free(t->items[i]);
	}
	free(t->items);
	*t = (struct texts){0};
}

/* Sets NAME=value in place of an earlier one. */
static int set(struct texts *env, const char *name, const char *value)
{
	size_t len = strlen(name);
	char *text;

	if (len + strlen(value) + 2 > ENV_TEXT_MAX)
		return 0;
	text = text_printf("%s=%s", name, value);
	for (size_t i = 0; text && i < env->count; i++) {
		if (strncmp(env->items[i], name, len) != 0 || env->items[i][len] != '=')
			continue;
		free(env->items[i]);
		env->items[i] = text;
		return 0;
	}
	return texts_add(env, text);
}

static int set_number(struct texts *env, const char *name, unsigned number)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", number);
	return set(env, name, text);
}

/* What a login would set. */
static int set_user(const struct spawn_user *u, struct texts *env)
{
	int r = set(env, "HOME", u->home);

	if (r == 0)
		r = set(env, "USER", u->name);
	if (r == 0)
		r = set(env, "LOGNAME", u->name);
	return r == 0 ? set(env, "SHELL", u->shell) : r;
}

static int set_base(struct spawn *s, struct texts *env)
{
	const char *home = getenv("HOME"), *lang = getenv("LANG");
	int r = set(env, "PATH", PATH_DEFAULT);

	if (r == 0 && s->user.name)
		r = set_user(&s->user, env);
	else if (r == 0)
		r = set(env, "HOME", home && *home ? home : "/");
	if (r == 0)
		r = set(env, "LANG", lang && *lang ? lang : "C.UTF-8");
	for (size_t i = 0; r == 0 && i < s->options->env_count; i++)
		r = set(env, s->options->env[i].name, s->options->env[i].value);
	return r;
}

static int set_param(struct texts *env, const char *key, const struct json *value)
{
	static const char prefix[] = "TAPPET_PARAM_";
	const char *text = json_str(value);
	char name[256];
	struct buf json;
	size_t len = sizeof(prefix) - 1;
	int r;

	memcpy(name, prefix, len);
	for (; *key && len < sizeof(name) - 1; key++)
		name[len++] = isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_';
	name[len] = '\0';
	if (text)
		return set(env, name, text);
	buf_init(&json, TEXT_MAX);
	r = json_print(value, &json);
	if (r == 0)
		r = set(env, name, buf_cstr(&json));
	buf_release(&json);
	return r == -ENOBUFS ? 0 : r;
}

static int set_params(struct spawn *s, struct texts *env)
{
	int r = 0;

	if (s->values.params_len <= 2)
		return 0;
	for (const struct json *p = json_first(values_params(&s->values)); p && r == 0; p = json_next(p))
		r = set_param(env, json_key(p), p);
	return r;
}

static int set_step_value(struct spawn *s, struct texts *env, const struct env_def *def)
{
	struct buf value;
	int r;

	buf_init(&value, TEXT_MAX);
	r = values_expand(&s->values, &def->value, &value, s->message, sizeof(s->message));
	if (r == 0)
		r = set(env, def->name, buf_cstr(&value));
	buf_release(&value);
	return r;
}

static int set_step_secret(struct spawn *s, struct texts *env, const struct env_def *def)
{
	char *secret = NULL;
	int r = secret_env_read(s->options->folder, def, s->message, &secret);

	if (r < 0)
		return r;
	r = mask_add(&s->mask, secret, strlen(secret));
	if (r == 0)
		r = set(env, def->name, secret);
	explicit_bzero(secret, strlen(secret));
	free(secret);
	return r;
}

struct file_reader {
	struct spawn *spawn;
	struct texts *env;
};

static int set_from_file(void *arg, const char *name, const char *value)
{
	struct file_reader *f = arg;
	int r = mask_add(&f->spawn->mask, value, strlen(value));

	return r == 0 ? set(f->env, name, value) : r;
}

static int set_file(struct spawn *s, struct texts *env)
{
	struct file_reader f = {s, env};
	char *text;
	size_t len;
	int r = secret_file_read(s->options->folder, s->def->env_file, &text, &len);

	if (r < 0) {
		(void)snprintf(s->message, sizeof(s->message), "the envFile %.300s cannot be read: %s",
			       s->def->env_file, strerror(-r));
		return r;
	}
	r = env_file_parse(s->def->env_file, text, len, set_from_file, &f, s->message, sizeof(s->message));
	explicit_bzero(text, len);
	free(text);
	return r;
}

/* Last, so that nothing that a definition says stands in their place. */
static int set_own(struct spawn *s, struct texts *env)
{
	static const char name[] = "TAPPET_RUN";
	int r;

	(void)snprintf(s->mark, sizeof(s->mark), "%s=%s/%s.%u/%u", name, s->identity, s->values.activity_id, s->order,
		       s->attempt);
	r = set(env, name, s->mark + sizeof(name));
	if (r == 0)
		r = set(env, "TAPPET_ACTIVITY", s->values.activity_id);
	if (r == 0)
		r = set(env, "TAPPET_WORKFLOW", s->values.workflow->slug);
	if (r == 0)
		r = set(env, "TAPPET_STEP", s->def->id);
	if (r == 0)
		r = set_number(env, "TAPPET_ATTEMPT", s->attempt);
	if (r == 0)
		r = set(env, "TAPPET_INPUT", s->input_path);
	if (r == 0)
		r = set(env, "TAPPET_OUTPUT", s->output_path);
	if (r == 0 && s->values.failure)
		r = set(env, "TAPPET_FAILURE", s->values.failure);
	if (r == 0 && s->values.failure)
		r = set(env, "TAPPET_FAILED_STEP", s->values.failed_step);
	return r;
}

static int set_step(struct spawn *s, struct texts *env)
{
	int r = s->def->env_file ? set_file(s, env) : 0;

	for (size_t i = 0; r == 0 && i < s->def->env_count; i++) {
		const struct env_def *def = &s->def->env[i];

		r = def->secret_env || def->secret_file ? set_step_secret(s, env, def) : set_step_value(s, env, def);
	}
	return r;
}

int spawn_env(struct spawn *s, struct texts *env)
{
	int r = set_base(s, env), sealed;

	if (r == 0)
		r = set_params(s, env);
	if (r == 0)
		r = values_mask_params(&s->values, &s->mask);
	if (r == 0)
		r = set_step(s, env);
	if (r == 0)
		r = set_own(s, env);
	/* Also when it fails: the message is masked. */
	sealed = mask_seal(&s->mask);
	r = r == 0 ? sealed : r;
	if (r == -E2BIG && s->message[0] == '\0')
		(void)snprintf(s->message, sizeof(s->message),
			       "its secrets are too large to be masked in its log: more than %zu bytes",
			       MASK_BYTES_MAX);
	return r;
}
