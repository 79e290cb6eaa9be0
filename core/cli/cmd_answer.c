/* approve: what people say to steps that wait. */
#include <pwd.h>
#include <unistd.h>
#include "cli/client.h"
#include "cli/input.h"

static void write_text(struct buf *body, const char *key, const char *text)
{
	if (!text)
		return;
	jsonw_key(body, key);
	jsonw_str(body, text);
}

int cmd_approve(struct cli *c)
{
	const bool reject = cli_flag(c, "reject");
	const struct passwd *user = getpwuid(getuid());
	struct answer answer;
	struct buf path, body;
	buf_init(&path, 4096);
	buf_str(&path, "/activities/");
	client_escape(&path, c->args[0]);
	buf_str(&path, "/steps/");
	client_escape(&path, c->args[1]);
	buf_str(&path, reject ? "/reject" : "/approve");
	buf_init(&body, INPUT_MAX);
	jsonw_open(&body, '{');
	write_text(&body, "by", cli_value(c, "by") ? cli_value(c, "by") : user ? user->pw_name : NULL);
	write_text(&body, "comment", cli_value(c, "comment"));
	jsonw_close(&body, '}');
	int code = client_call_path(c, "POST", &path, &body, &answer);
	buf_release(&body);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		puts(reject ? "rejected" : "approved");
	answer_release(&answer);
	return CLI_OK;
}
