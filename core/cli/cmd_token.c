/* token create, list, renew, revoke */
#include "base/id.h"
#include "cli/client.h"
#include "cli/show.h"

static char *workflows_of(const struct json *token)
{
	const char *team = json_get_str(token, "team");
	struct buf out;
	if (!team)
		return show_joined(json_get(token, "workflows"), " ");
	buf_init(&out, 1024);
	buf_printf(&out, "team %s", team);
	return buf_detach(&out, NULL);
}

/* The secret alone goes to stdout, for TOKEN=$(tappet token create ...); what it is goes to stderr. */
static void print_secret(const struct cli *c, const struct answer *answer)
{
	char until[SHOW_MAX];
	const struct json *token = answer->json;
	const char *id = json_get_str(token, "id"), *secret = json_get_str(token, "token");
	if (c->json) {
		client_print_json(answer);
		return;
	}
	char *workflows = workflows_of(token), *scopes = show_joined(json_get(token, "scopes"), " ");
	show_time(json_get_str(token, "expiresAt"), until);
	fprintf(stderr, "Token %s for %s, scopes %s, expires %s. It is shown only now:\n", id ? id : "?",
		workflows ? workflows : "?", scopes ? scopes : "?", until[0] ? until : "never");
	puts(secret ? secret : "");
	free(workflows);
	free(scopes);
}

static int ask_secret(struct cli *c, const char *path, struct buf *body)
{
	struct answer answer;
	if (buf_error(body) < 0) {
		cli_error("the command line is too long");
		return CLI_USAGE;
	}
	int code = client_call(c, "POST", path, body, &answer);
	if (code != CLI_OK)
		return code;
	print_secret(c, &answer);
	answer_release(&answer);
	return CLI_OK;
}

static void write_option(struct cli *c, const char *name, struct buf *body)
{
	const char *value = cli_value(c, name);
	if (!value)
		return;
	jsonw_key(body, name);
	jsonw_str(body, value);
}

static void write_create(struct cli *c, struct buf *body)
{
	const char *scope;
	jsonw_open(body, '{');
	if (c->arg_count > 0) {
		jsonw_key(body, "workflows");
		jsonw_open(body, '[');
		for (size_t i = 0; i < c->arg_count; i++)
			jsonw_str(body, c->args[i]);
		jsonw_close(body, ']');
	}
	write_option(c, "team", body);
	write_option(c, "label", body);
	write_option(c, "expires", body);
	if (cli_flag(c, "scope")) {
		jsonw_key(body, "scopes");
		jsonw_open(body, '[');
		for (size_t i = 0; (scope = cli_value_at(c, "scope", i)); i++)
			jsonw_str(body, scope);
		jsonw_close(body, ']');
	}
	jsonw_close(body, '}');
}

int cmd_token_create(struct cli *c)
{
	struct buf body;
	if ((c->arg_count > 0) == cli_flag(c, "team")) {
		cli_error("name the workflows that the token is for, or a team with --team");
		return CLI_USAGE;
	}
	buf_init(&body, 1024 * 1024);
	write_create(c, &body);
	int code = ask_secret(c, "/tokens", &body);
	buf_release(&body);
	return code;
}

/* ---- Listing --------------------------------------------------------------------------------------------------- */

static int list_tokens(struct cli *c, const char *workflow, struct answer *ret)
{
	struct buf path;
	buf_init(&path, 4096);
	buf_str(&path, "/tokens");
	client_query(&path, "workflow", workflow);
	return client_call_path(c, "GET", &path, NULL, ret);
}

static void add_token(struct table *t, const struct json *token)
{
	char text[SHOW_MAX];
	char *workflows = workflows_of(token), *scopes = show_joined(json_get(token, "scopes"), " ");
	table_add(t, json_get_str(token, "id"));
	table_add(t, json_get_str(token, "label"));
	table_add(t, workflows);
	table_add(t, scopes);
	table_add(t, show_time(json_get_str(token, "createdAt"), text));
	show_time(json_get_str(token, "expiresAt"), text);
	table_add(t, text[0] ? text : "never");
	table_add(t, show_time(json_get_str(token, "lastUsedAt"), text));
	free(workflows);
	free(scopes);
}

int cmd_token_list(struct cli *c)
{
	static const char *const heads[] = {"ID", "LABEL", "WORKFLOWS", "SCOPES", "CREATED", "EXPIRES", "LAST USED"};
	struct answer answer;
	struct table t;
	int code = list_tokens(c, c->arg_count > 0 ? c->args[0] : NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json) {
		client_print_json(&answer);
	} else {
		table_init(&t, heads, 7);
		for (const struct json *token = json_first(json_get(answer.json, "tokens")); token;
		     token = json_next(token))
			add_token(&t, token);
		table_print(&t, true, c->colour);
		table_release(&t);
	}
	answer_release(&answer);
	return CLI_OK;
}

/* ---- One of them ----------------------------------------------------------------------------------------------- */

/* The one token in the list that has the label (NULL: any); NULL when there is none or more. */
static const char *only_token(const struct json *tokens, const char *label, size_t *ret_count)
{
	const char *found = NULL;
	*ret_count = 0;
	for (const struct json *token = json_first(tokens); token; token = json_next(token)) {
		const char *own = json_get_str(token, "label");
		if (label && (!own || strcmp(own, label) != 0))
			continue;
		found = json_get_str(token, "id");
		++*ret_count;
	}
	return *ret_count == 1 ? found : NULL;
}

/* The token that is meant, by its id or by a workflow that has only one. */
static int choose_token(struct cli *c, char ret_id[static ID_SIZE])
{
	const char *name = c->args[0];
	struct answer answer;
	size_t count;
	int code = list_tokens(c, NULL, &answer);
	if (code != CLI_OK)
		return code;
	for (const struct json *t = json_first(json_get(answer.json, "tokens")); t; t = json_next(t)) {
		const char *id = json_get_str(t, "id");
		if (id && id_valid(id) && strcmp(id, name) == 0) {
			snprintf(ret_id, ID_SIZE, "%s", id);
			answer_release(&answer);
			return CLI_OK;
		}
	}
	answer_release(&answer);
	code = list_tokens(c, name, &answer);
	if (code != CLI_OK)
		return code;
	const char *only = only_token(json_get(answer.json, "tokens"), cli_value(c, "label"), &count);
	if (only)
		snprintf(ret_id, ID_SIZE, "%s", only);
	else if (count == 0)
		cli_error("there is no such token of '%s'", name);
	else
		cli_error("'%s' has %zu such tokens: name one by its id (tappet token list %s) or --label", name, count,
			  name);
	answer_release(&answer);
	if (only)
		return CLI_OK;
	return count == 0 ? CLI_NOT_FOUND : CLI_USAGE;
}

int cmd_token_renew(struct cli *c)
{
	char id[ID_SIZE], path[64];
	struct buf body;
	int code = choose_token(c, id);
	if (code != CLI_OK)
		return code;
	snprintf(path, sizeof(path), "/tokens/%s/renew", id);
	buf_init(&body, 4096);
	jsonw_open(&body, '{');
	write_option(c, "expires", &body);
	jsonw_close(&body, '}');
	code = ask_secret(c, path, &body);
	buf_release(&body);
	return code;
}

int cmd_token_revoke(struct cli *c)
{
	char id[ID_SIZE], path[64];
	struct answer answer;
	int code = choose_token(c, id);
	if (code != CLI_OK)
		return code;
	snprintf(path, sizeof(path), "/tokens/%s", id);
	code = client_call(c, "DELETE", path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		printf("{\"id\":\"%s\"}\n", id);
	else
		printf("%s revoked\n", id);
	answer_release(&answer);
	return CLI_OK;
}
