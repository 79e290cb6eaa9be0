/* schedule create, schedule set */
#include "cli/schedules.h"
#include "cli/show.h"

#define BODY_MAX ((size_t)4 * 1024 * 1024)

/* The id alone goes to stdout, for ID=$(tappet schedule create ...); what it means goes to stderr. */
static void report_created(const struct cli *c, const struct answer *answer)
{
	const struct json *s = answer->json;
	const char *id = json_get_str(s, "id"), *text = json_get_str(s, "text"), *next = json_get_str(s, "next");
	const char *workflow = json_get_str(json_get(s, "workflow"), "slug"), *status = json_get_str(s, "status");
	if (c->json) {
		client_print_json(answer);
		return;
	}
	fprintf(stderr, "Starts %s %s", workflow ? workflow : "?", text ? text : "?");
	if (next)
		fprintf(stderr, "; next at %s", next);
	else if (status && strcmp(status, "active") != 0)
		fprintf(stderr, "; it is %s", status);
	fputc('\n', stderr);
	puts(id ? id : "");
}

static int create_one(struct cli *c)
{
	struct answer answer;
	struct buf path, body;
	int code = CLI_USAGE;
	buf_init(&body, BODY_MAX);
	jsonw_open(&body, '{');
	jsonw_key(&body, "workflow");
	jsonw_str(&body, c->args[0]);
	if (cli_flag(c, "paused")) {
		jsonw_key(&body, "paused");
		jsonw_bool(&body, true);
	}
	if (schedules_write_options(c, &body)) {
		jsonw_close(&body, '}');
		schedules_path(&path, NULL, NULL);
		code = schedules_call(c, "POST", &path, &body, &answer);
	}
	buf_release(&body);
	if (code != CLI_OK)
		return code;
	report_created(c, &answer);
	answer_release(&answer);
	return CLI_OK;
}

static bool is_kind_given(const struct cli *c)
{
	if (cli_flag(c, "cron") + cli_flag(c, "every") + cli_flag(c, "at") == 1)
		return true;
	cli_error("say when, by one of --cron, --every and --at");
	return false;
}

static bool is_options_empty(const struct cli *c)
{
	for (size_t i = 0; i < c->value_count; i++) {
		const struct cli_option *o = c->values[i].option;
		if (o >= c->command->options && o < c->command->options + c->command->option_count &&
		    strcmp(o->name, "file") != 0) {
			cli_error("--%s has no place beside --file: write it into the file", o->name);
			return false;
		}
	}
	return true;
}

int cmd_schedule_create(struct cli *c)
{
	const char *file = cli_value(c, "file");
	if (file)
		return is_options_empty(c) ? schedules_create_file(c, file) : CLI_USAGE;
	if (c->arg_count == 0) {
		cli_error("usage: tappet schedule create %s", c->command->arguments);
		return CLI_USAGE;
	}
	return is_kind_given(c) ? create_one(c) : CLI_USAGE;
}

int cmd_schedule_set(struct cli *c)
{
	struct answer answer;
	struct buf path, body;
	int code = CLI_USAGE;
	buf_init(&body, BODY_MAX);
	jsonw_open(&body, '{');
	if (!schedules_write_options(c, &body) || !schedules_write_unset(c, &body))
		goto cleanup;
	jsonw_close(&body, '}');
	if (body.len == 2) {
		cli_error("say what is to change: 'tappet help schedule set' lists it");
		goto cleanup;
	}
	schedules_path(&path, c->args[0], NULL);
	code = schedules_call(c, "PATCH", &path, &body, &answer);
	if (code != CLI_OK)
		goto cleanup;
	if (c->json)
		client_print_json(&answer);
	else
		schedules_print(c, answer.json);
	answer_release(&answer);
cleanup:
	buf_release(&body);
	return code;
}
