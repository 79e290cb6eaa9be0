/* run */
#include "cli/client.h"
#include "cli/follow.h"
#include "cli/input.h"

static bool write_json_value(struct buf *body, const char *what, const char *text, size_t len)
{
	struct json_error error;
	if (json_check(text, len, &error) < 0) {
		cli_error("%s is not JSON: %s (byte %zu)", what, error.message, error.offset);
		return false;
	}
	/* The writer puts commas by the last byte, which therefore must not be white space. */
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	jsonw_raw(body, text, len);
	return true;
}

/* NAME=TEXT or NAME:=JSON */
static bool write_param(struct buf *body, const char *param)
{
	const char *equals = strchr(param, '=');
	if (!equals || equals == param || (equals == param + 1 && param[0] == ':')) {
		cli_error("a parameter is NAME=VALUE or NAME:=JSON, not '%s'", param);
		return false;
	}
	const bool json = equals[-1] == ':';
	char *name = strndup(param, (size_t)(equals - param) - json);
	if (!name) {
		cli_error("out of memory");
		return false;
	}
	jsonw_key(body, name);
	const bool well = json ? write_json_value(body, name, equals + 1, strlen(equals + 1)) : true;
	if (!json)
		jsonw_str(body, equals + 1);
	free(name);
	return well;
}

static bool write_payload(struct buf *body, const char *payload)
{
	struct buf text;
	buf_init(&text, INPUT_MAX);
	bool well = true;
	if (payload[0] != '@')
		buf_str(&text, payload);
	else
		well = input_read(payload + 1, &text);
	if (well) {
		jsonw_key(body, "payload");
		well = write_json_value(body, "the payload", buf_cstr(&text), text.len);
	}
	buf_release(&text);
	return well;
}

static bool write_body(struct cli *c, struct buf *body)
{
	const char *param, *payload = cli_value(c, "payload");
	jsonw_open(body, '{');
	jsonw_key(body, "params");
	jsonw_open(body, '{');
	for (size_t i = 0; (param = cli_value_at(c, "param", i)); i++)
		if (!write_param(body, param))
			return false;
	jsonw_close(body, '}');
	if (payload && !write_payload(body, payload))
		return false;
	jsonw_close(body, '}');
	if (buf_error(body) == 0)
		return true;
	cli_error("parameters and payload are too large");
	return false;
}

static int report_started(struct cli *c, const struct answer *answer)
{
	const char *id = json_get_str(answer->json, "activityId");
	if (!id) {
		cli_error("the daemon's answer cannot be understood");
		return CLI_FAILED;
	}
	if (c->json)
		client_print_json(answer);
	else
		puts(id);
	fflush(stdout);
	return cli_flag(c, "follow") ? follow_activity(c, id) : CLI_OK;
}

int cmd_run(struct cli *c)
{
	struct answer answer;
	struct buf body, path;
	int code = CLI_USAGE;
	buf_init(&body, 2 * INPUT_MAX);
	if (!write_body(c, &body))
		goto cleanup;
	buf_init(&path, 4096);
	buf_str(&path, "/workflows/");
	client_escape(&path, c->args[0]);
	buf_str(&path, "/run");
	code = client_call_path(c, "POST", &path, &body, &answer);
	if (code == CLI_OK) {
		code = report_started(c, &answer);
		answer_release(&answer);
	}
cleanup:
	buf_release(&body);
	return code;
}
