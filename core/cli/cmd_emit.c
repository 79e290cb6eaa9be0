/* emit: an action, and what it did. */
#include "cli/acted.h"
#include "cli/client.h"
#include "cli/input.h"
#include "cli/socket.h"

#define KEY_MAX_BYTES 255

/* JSON, @FILE or - */
static bool read_data(const char *argument, struct buf *body)
{
	struct buf text;
	buf_init(&text, INPUT_MAX);
	bool well = input_value(strcmp(argument, "-") == 0 ? "@-" : argument, &text);
	if (well)
		well = input_json("the data", buf_cstr(&text), text.len, body);
	buf_release(&text);
	return well;
}

/* A key stands in a header as it is. */
static bool is_key(const char *key)
{
	const size_t len = strlen(key);
	for (size_t i = 0; i < len; i++)
		if (key[i] < ' ' || key[i] > '~')
			return false;
	return len > 0 && len <= KEY_MAX_BYTES;
}

/* False: it has been told that the topic is too long. */
static bool write_path(const struct cli *c, const char *before, struct buf *path)
{
	buf_init(path, 4096);
	buf_str(path, before);
	client_escape(path, c->args[0]);
	if (buf_error(path) == 0)
		return true;
	cli_error("the topic is too long");
	buf_release(path);
	return false;
}

/* Where no plugin listens for actions there may still be steps that wait for one. */
static int release_steps(struct cli *c, const struct buf *body)
{
	struct answer answer;
	struct buf path;
	int64_t seq = 0, released = 0;
	if (!write_path(c, "/actions/", &path))
		return CLI_USAGE;
	int code = client_call_path(c, "POST", &path, body, &answer);
	if (code != CLI_OK)
		return code;
	json_int(json_get(answer.json, "seq"), &seq);
	json_int(json_get(answer.json, "released"), &released);
	if (c->json)
		client_print_json(&answer);
	else
		printf("action %lld, steps that waited for it: %lld\n", (long long)seq, (long long)released);
	answer_release(&answer);
	return CLI_OK;
}

/* The plugin under another name than its own. CLI_NOT_FOUND: it is not loaded. */
static int find_plugin(struct cli *c, struct buf *before)
{
	struct answer answer;
	int code = client_call(c, "GET", "/plugins", NULL, &answer);
	if (code != CLI_OK)
		return code;
	code = CLI_NOT_FOUND;
	for (const struct json *p = json_first(json_get(answer.json, "plugins")); p; p = json_next(p)) {
		if (strcmp(json_get_str(p, "plugin"), "action") != 0)
			continue;
		buf_str(before, "/plugins/");
		client_escape(before, json_get_str(p, "name"));
		buf_str(before, "/actions/");
		code = CLI_OK;
		break;
	}
	answer_release(&answer);
	return code;
}

static int offer(struct cli *c, const char *before, const struct buf *body, const char *key, struct answer *ret)
{
	char header[KEY_MAX_BYTES + 32];
	struct buf path;
	if (!write_path(c, before, &path))
		return CLI_USAGE;
	snprintf(header, sizeof(header), "Idempotency-Key: %s", key ? key : "");
	int code = client_offer(c, buf_cstr(&path), key ? header : NULL, body, ret);
	buf_release(&path);
	return code;
}

static int offer_to_plugin(struct cli *c, const struct buf *body, const char *key, struct answer *ret)
{
	struct buf before;
	int code = offer(c, "/plugins/action/actions/", body, key, ret);
	if (code != CLI_NOT_FOUND)
		return code;
	buf_init(&before, 4096);
	code = find_plugin(c, &before);
	if (code == CLI_OK)
		code = offer(c, buf_cstr(&before), body, key, ret);
	buf_release(&before);
	return code;
}

static int emit_by_http(struct cli *c, const struct buf *body, const char *key)
{
	struct answer answer;
	int code = offer_to_plugin(c, body, key, &answer);
	if (code == CLI_NOT_FOUND && key) {
		cli_error("--key needs a daemon with the plugin 'action'");
		return CLI_REFUSED;
	}
	if (code == CLI_NOT_FOUND)
		return release_steps(c, body);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		acted_print(c, c->args[0], answer.json);
	answer_release(&answer);
	return CLI_OK;
}

int cmd_emit(struct cli *c)
{
	const char *key = cli_value(c, "key");
	struct buf body;
	int code = CLI_USAGE;
	buf_init(&body, INPUT_MAX);
	if (key && !is_key(key))
		cli_error("a key has from 1 to %d letters of ASCII", KEY_MAX_BYTES);
	else if (c->arg_count < 2 || read_data(c->args[1], &body))
		code = socket_is_meant(c) ? socket_emit(c, c->args[0], &body, key) : emit_by_http(c, &body, key);
	buf_release(&body);
	return code;
}
