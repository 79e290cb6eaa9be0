/* The handlers of single keys of tappet.json that the kinds of the table do not cover. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_reader.h"
#include "model/names.h"
#include "model/workflow.h"

void config_read_schema(struct reader *r, void *into, const struct json *v)
{
	(void)into;
	if (!json_is_string(v))
		reader_expected(r, v, "a string");
}

void config_read_mode(struct reader *r, void *into, const struct json *v)
{
	struct config *c = into;
	const char *text = json_str(v);
	size_t digits = text ? strspn(text, "01234567") : 0;

	if (digits < 3 || digits > 4 || text[digits] != '\0' || (digits == 4 && text[0] != '0')) {
		reader_mistake(r, v, false, "\"mode\": expected permissions in octal, such as \"0600\" or \"0660\"");
		return;
	}
	c->control_mode = (unsigned)strtoul(text, NULL, 8);
	if ((c->control_mode & 0600) != 0600)
		reader_mistake(r, v, false, "\"mode\": the owner has to be able to read and write");
}

void config_read_group(struct reader *r, void *into, const struct json *v)
{
	struct config *c = into;

	if (json_is_null(v))
		return;
	(void)reader_string(r, v, &c->control_group);
	if (json_is_string(v) && !*json_str(v))
		reader_mistake(r, v, false, "\"group\" is empty");
}

void config_read_url(struct reader *r, void *into, const struct json *v)
{
	struct config *c = into;
	const char *text = json_str(v);
	const char *host = NULL;

	if (text && strncmp(text, "https://", 8) == 0)
		host = text + 8;
	else if (text && strncmp(text, "http://", 7) == 0)
		host = text + 7;
	if (!host || !*host || *host == '/' || strpbrk(host, " ?#")) {
		reader_mistake(r, v, false, "\"publicUrl\": expected http:// or https:// with a host");
		return;
	}
	if (!reader_string(r, v, &c->public_url))
		return;
	/* Paths are put behind it. */
	for (size_t len = strlen(c->public_url); len > 0 && c->public_url[len - 1] == '/'; len--)
		c->public_url[len - 1] = '\0';
}

static void read_proxy(struct reader *r, struct config *c, const struct json *item)
{
	const char *problem;

	if (!json_is_string(item)) {
		reader_expected(r, item, "an IP address, a range of them, or \"unix\"");
		return;
	}
	if (strcmp(json_str(item), "unix") == 0)
		c->trust_unix = true;
	else if (cidr_parse(json_str(item), &c->trusted[c->trusted_count], &problem) == 0)
		c->trusted_count++;
	else
		reader_mistake(r, item, false, "\"%.60s\": %s", json_str(item), problem);
}

void config_read_proxies(struct reader *r, void *into, const struct json *v)
{
	struct config *c = into;

	if (!json_is_array(v)) {
		reader_expected(r, v, "a list");
		return;
	}
	c->trusted = reader_calloc(r, json_count(v) + 1, sizeof(*c->trusted));
	for (const struct json *item = json_first(v); item && c->trusted; item = json_next(item))
		read_proxy(r, c, item);
}

void config_read_store(struct reader *r, void *into, const struct json *v)
{
	static const char scheme[] = "sqlite:";
	struct config *c = into;
	const char *path = json_str(v);

	if (!path) {
		reader_expected(r, v, "a path or sqlite:PATH");
		return;
	}
	if (strncmp(path, scheme, strlen(scheme)) == 0)
		path += strlen(scheme);
	else if (path[strcspn(path, ":/")] == ':')
		reader_mistake(r, v, false,
			       "\"store\": \"%.*s:\" is not supported by this version: expected sqlite:PATH",
			       (int)strcspn(path, ":"), path);
	if (!*path)
		reader_mistake(r, v, false, "\"store\" names no file");
	free(c->store_path);
	c->store_path = config_path(c->folder, path);
	if (!c->store_path)
		r->error = -ENOMEM;
}

static void read_variable(struct reader *r, struct env_config *env, const struct json *member)
{
	const char *problem = name_env_problem(json_key(member));

	if (problem)
		reader_mistake(r, member, true, "\"%.60s\" %s", json_key(member), problem);
	env->name = reader_strdup(r, json_key(member));
	if (json_is_object(member))
		reader_mistake(r, member, false,
			       "\"%.60s\": expected a string; secrets are given to the steps that need them",
			       json_key(member));
	else
		(void)reader_string(r, member, &env->value);
}

void config_read_env(struct reader *r, void *into, const struct json *v)
{
	struct config *c = into;

	if (!json_is_object(v)) {
		reader_expected(r, v, "an object of variables");
		return;
	}
	c->default_env = reader_calloc(r, json_count(v), sizeof(*c->default_env));
	if (!c->default_env)
		return;
	for (const struct json *member = json_first(v); member; member = json_next(member))
		read_variable(r, &c->default_env[c->default_env_count++], member);
}

void config_read_on_failure(struct reader *r, void *into, const struct json *v)
{
	struct config *c = into;

	if (json_is_null(v))
		return;
	workflow_check_on_failure(r, v);
	c->default_on_failure = v;
}
