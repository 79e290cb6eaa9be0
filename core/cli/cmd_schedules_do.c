/* What people do to schedules: pause, resume, skip, run, delete, backfill. */
#include <strings.h>
#include <unistd.h>
#include "base/clock.h"
#include "cli/follow.h"
#include "cli/schedules.h"

/* ---- One after the other --------------------------------------------------------------------------------------- */

static void say_done(const struct cli *c, const struct answer *answer, const char *name, const char *said)
{
	if (c->json && answer->body.len > 0)
		client_print_json(answer);
	else if (c->json)
		printf("{\"id\":\"%s\"}\n", name);
	else
		printf("%s %s\n", name, said);
}

/* All that are named, whatever becomes of one of them. The exit code is that of the first which failed. */
static int each(struct cli *c, const char *method, const char *verb, const char *said)
{
	int first = CLI_OK;
	for (size_t i = 0; i < c->arg_count; i++) {
		struct answer answer;
		struct buf path;
		schedules_path(&path, c->args[i], verb);
		const int code = schedules_call(c, method, &path, NULL, &answer);
		if (code == CLI_OK) {
			say_done(c, &answer, c->args[i], said);
			answer_release(&answer);
		} else if (first == CLI_OK) {
			first = code;
		}
		if (code == CLI_UNREACHABLE)
			break;
	}
	return first;
}

int cmd_schedule_pause(struct cli *c)
{
	return each(c, "POST", "pause", "paused");
}

int cmd_schedule_resume(struct cli *c)
{
	return each(c, "POST", "resume", "resumed");
}

int cmd_schedule_delete(struct cli *c)
{
	return each(c, "DELETE", NULL, "deleted");
}

/* ---- skip ------------------------------------------------------------------------------------------------------ */

int cmd_schedule_skip(struct cli *c)
{
	const bool undo = cli_flag(c, "undo");
	struct answer answer;
	struct buf path;
	schedules_path(&path, c->args[0], "skip");
	const int code = schedules_call(c, undo ? "DELETE" : "POST", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	const char *skipped = json_get_str(answer.json, "skipped"), *next = json_get_str(answer.json, "next");
	if (c->json)
		client_print_json(&answer);
	else if (skipped)
		printf("%s is left out; next at %s\n", skipped, next ? next : "no time");
	else
		printf("nothing is left out; next at %s\n", next ? next : "no time");
	answer_release(&answer);
	return CLI_OK;
}

/* ---- run ------------------------------------------------------------------------------------------------------- */

int cmd_schedule_run(struct cli *c)
{
	struct answer answer;
	struct buf path;
	schedules_path(&path, c->args[0], "run");
	int code = schedules_call(c, "POST", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	const char *id = json_get_str(answer.json, "activityId");
	if (c->json)
		client_print_json(&answer);
	else
		puts(id ? id : "");
	fflush(stdout);
	if (id && cli_flag(c, "follow"))
		code = follow_activity(c, id);
	answer_release(&answer);
	return code;
}

/* ---- backfill -------------------------------------------------------------------------------------------------- */

static int call_backfill(struct cli *c, const char *to, bool start, struct answer *ret)
{
	struct buf path, body;
	buf_init(&body, 4096);
	jsonw_open(&body, '{');
	jsonw_key(&body, "from");
	jsonw_str(&body, cli_value(c, "from"));
	jsonw_key(&body, "to");
	jsonw_str(&body, to);
	if (start) {
		jsonw_key(&body, "start");
		jsonw_bool(&body, true);
	}
	jsonw_close(&body, '}');
	schedules_path(&path, c->args[0], "backfill");
	const int code = schedules_call(c, "POST", &path, &body, ret);
	buf_release(&body);
	return code;
}

/* CLI_OK: yes. */
static int confirm(const struct cli *c, int64_t count)
{
	char line[16];
	if (cli_flag(c, "yes"))
		return CLI_OK;
	if (c->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		cli_error("%s would start %lld activities; --yes starts them", c->args[0], (long long)count);
		return CLI_USAGE;
	}
	fprintf(stderr, "Start %lld activities of %s? [y/N] ", (long long)count, c->args[0]);
	if (fgets(line, sizeof(line), stdin) && strncasecmp(line, "y", 1) == 0)
		return CLI_OK;
	cli_error("nothing was started");
	return CLI_CANCELLED;
}

static int start_backfill(struct cli *c)
{
	const char *to = cli_value(c, "to");
	char now[CLOCK_TEXT_MAX];
	struct answer answer;
	int64_t count = 0;
	/* Once: what is started is what was agreed to, however long that took. */
	if (!to)
		to = clock_rfc3339(clock_wall_ms(), now);
	int code = call_backfill(c, to, false, &answer);
	if (code != CLI_OK)
		return code;
	json_int(json_get(answer.json, "count"), &count);
	code = confirm(c, count);
	if (code != CLI_OK && c->json)
		client_print_json(&answer);
	answer_release(&answer);
	if (code != CLI_OK)
		return code;
	code = call_backfill(c, to, true, &answer);
	if (code != CLI_OK)
		return code;
	json_int(json_get(json_get(answer.json, "backfill"), "total"), &count);
	if (c->json)
		client_print_json(&answer);
	else
		printf("%lld activities, one after the other; 'tappet schedule show %s' tells how far it is\n",
		       (long long)count, c->args[0]);
	answer_release(&answer);
	return CLI_OK;
}

int cmd_schedule_backfill(struct cli *c)
{
	if (cli_flag(c, "stop"))
		return each(c, "DELETE", "backfill", "no longer filled: what was started goes on");
	if (cli_flag(c, "from"))
		return start_backfill(c);
	cli_error("say of which time, by --from and --to, or end one that is under way with --stop");
	return CLI_USAGE;
}
