#include <ctype.h>
#include "cli/hooks.h"
#include "cli/literal.h"

/* What the workflow's parameters are called: arg1, env1, file1, ... */
struct naming {
	struct hook *hook;
	struct buf *workflow_params, *trigger_params;
};

static void write_default(struct buf *out, const char *name)
{
	jsonw_key(out, name);
	jsonw_open(out, '{');
	jsonw_key(out, "type");
	jsonw_str(out, "string");
	jsonw_key(out, "default");
	jsonw_str(out, "");
	jsonw_close(out, '}');
}

/* A parameter of the workflow that takes the value, as text: what is missing is an empty one, as it was there. */
static bool add_param(const struct naming *n, const char *name, const struct json *argument)
{
	struct buf program;
	buf_init(&program, 1 << 20);
	buf_char(&program, '(');
	bool known = hook_source(n->hook, argument, &program);
	buf_str(&program, ") | if . == null then \"\" else tostring end");
	if (known) {
		write_default(n->workflow_params, name);
		jsonw_key(n->trigger_params, name);
		jsonw_str(n->trigger_params, buf_cstr(&program));
	}
	buf_release(&program);
	return known;
}

static void write_param(struct buf *out, const char *name)
{
	char text[64];
	snprintf(text, sizeof(text), "$(params.%s)", name);
	jsonw_str(out, text);
}

static const char *source_of(const struct json *argument)
{
	const char *source = json_get_str(argument, "source");
	return source ? source : "";
}

/* ---- Environment ---- */

static bool variable_name(const struct json *argument, char *name, size_t size)
{
	const char *given = json_get_str(argument, "envname"), *from = json_get_str(argument, "name");
	if (given && *given)
		snprintf(name, size, "%s", given);
	else
		snprintf(name, size, "HOOK_%s", from ? from : "");
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return false;
	return !isdigit((unsigned char)name[0]);
}

static void write_env(const struct naming *n, struct buf *out)
{
	char name[16], variable[256];
	size_t number = 0;
	const struct json *list = json_get(n->hook->json, "pass-environment-to-command");
	for (const struct json *a = json_first(list); a; a = json_next(a)) {
		snprintf(name, sizeof(name), "env%zu", ++number);
		if (!variable_name(a, variable, sizeof(variable))) {
			hook_note(n->hook, a, "\"%s\" cannot be the name of a variable here: give it an \"envname\"",
				  variable);
			continue;
		}
		if (!add_param(n, name, a))
			continue;
		jsonw_key(out, variable);
		write_param(out, name);
	}
}

/* ---- Files and output: a shell around the command ---- */

static void write_files(const struct naming *n, struct buf *script)
{
	char name[16], variable[256];
	size_t number = 0;
	const struct json *list = json_get(n->hook->json, "pass-file-to-command");
	if (json_first(list))
		buf_str(script, "files=$(mktemp -d) || exit 1\ntrap 'rm -rf \"$files\"' EXIT\n");
	for (const struct json *a = json_first(list); a; a = json_next(a)) {
		snprintf(name, sizeof(name), "file%zu", ++number);
		if (!variable_name(a, variable, sizeof(variable)) || !add_param(n, name, a)) {
			hook_note(n->hook, a, "this file cannot be passed");
			continue;
		}
		buf_printf(script, "printf %%s \"$TAPPET_PARAM_FILE%zu\"%s > \"$files/%zu\" || exit 1\n", number,
			   json_bool(json_get(a, "base64decode")) ? " | base64 -d" : "", number);
		buf_printf(script, "export %s=\"$files/%zu\"\n", variable, number);
	}
}

bool hook_answers_output(const struct hook *h)
{
	return json_bool(json_get(h->json, "include-command-output-in-response"));
}

static void write_shell(const struct naming *n, struct buf *script)
{
	write_files(n, script);
	if (!hook_answers_output(n->hook)) {
		if (script->len > 0)
			buf_str(script, "\"$@\"\n");
		return;
	}
	buf_str(script, "output=$(\"$@\" 2>&1)\ncode=$?\nprintf '%s\\n' \"$output\"\n"
			"printf 'output<<TAPPET_END_OF_OUTPUT\\n%s\\nTAPPET_END_OF_OUTPUT\\n' \"$output\" >> "
			"\"$TAPPET_OUTPUT\"\nexit $code\n");
}

/* ---- The step ---- */

static void write_arguments(const struct naming *n, struct buf *out)
{
	char name[16];
	size_t number = 0;
	const struct json *list = json_get(n->hook->json, "pass-arguments-to-command");
	for (const struct json *a = json_first(list); a; a = json_next(a)) {
		snprintf(name, sizeof(name), "arg%zu", ++number);
		if (strcmp(source_of(a), "string") == 0)
			literal_write(out, json_get_str(a, "name") ? json_get_str(a, "name") : "");
		else if (add_param(n, name, a))
			write_param(out, name);
		else
			jsonw_str(out, "");
	}
}

static void write_run(const struct naming *n, struct buf *steps)
{
	struct buf script;
	buf_init(&script, 1 << 20);
	write_shell(n, &script);
	jsonw_key(steps, "run");
	jsonw_open(steps, '[');
	if (script.len > 0) {
		jsonw_str(steps, "/bin/sh");
		jsonw_str(steps, "-c");
		literal_write(steps, buf_cstr(&script));
		jsonw_str(steps, "sh");
	}
	literal_write(steps, json_get_str(n->hook->json, "execute-command"));
	write_arguments(n, steps);
	jsonw_close(steps, ']');
	buf_release(&script);
}

void hook_step(struct hook *h, struct buf *workflow_params, struct buf *trigger_params, struct buf *steps)
{
	const struct naming n = {h, workflow_params, trigger_params};
	const char *folder = json_get_str(h->json, "command-working-directory");
	struct buf env;
	buf_init(&env, 1 << 20);
	jsonw_open(steps, '[');
	jsonw_open(steps, '{');
	jsonw_key(steps, "id");
	jsonw_str(steps, "command");
	write_run(&n, steps);
	write_env(&n, &env);
	if (env.len > 0) {
		jsonw_key(steps, "env");
		jsonw_open(steps, '{');
		buf_append(steps, buf_cstr(&env), env.len);
		jsonw_close(steps, '}');
	}
	if (folder && *folder) {
		jsonw_key(steps, "cwd");
		literal_write(steps, folder);
	}
	jsonw_close(steps, '}');
	jsonw_close(steps, ']');
	buf_release(&env);
}
