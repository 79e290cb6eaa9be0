/* run, replay */
#include "cli/client.h"
#include "cli/follow.h"
#include "cli/input.h"
#include "cli/params.h"

static bool write_payload(struct buf *body, const char *payload)
{
	struct buf text;
	buf_init(&text, INPUT_MAX);
	bool well = input_value(payload, &text);
	if (well) {
		jsonw_key(body, "payload");
		well = input_json("the payload", buf_cstr(&text), text.len, body);
	}
	buf_release(&text);
	return well;
}

static bool write_body(struct cli *c, struct buf *body)
{
	const char *payload = cli_value(c, "payload");
	jsonw_open(body, '{');
	jsonw_key(body, "params");
	if (!params_write(c, body))
		return false;
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

int cmd_replay(struct cli *c)
{
	struct answer answer;
	struct buf body, path;
	buf_init(&path, 4096);
	buf_str(&path, "/activities/");
	client_escape(&path, c->args[0]);
	buf_str(&path, "/replay");
	buf_init(&body, 64);
	buf_str(&body, cli_flag(c, "latest") ? "{\"revision\":\"latest\"}" : "{\"revision\":\"same\"}");
	int code = client_call_path(c, "POST", &path, &body, &answer);
	buf_release(&body);
	if (code != CLI_OK)
		return code;
	code = report_started(c, &answer);
	answer_release(&answer);
	return code;
}
