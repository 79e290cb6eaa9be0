/* The table of commands, and one command line that has been read against it. An option that is not in the command's
 * table is an error, and so is one of the common options where the command has no use for it. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include "cli/cli.h"

struct cli;
struct client;

struct cli_option {
	char letter; /* or 0 */
	const char *name;
	const char *value; /* what its value is called in the help; NULL: a flag */
	const char *help;
};

/* The common options that a command takes. */
enum { TAKES_CONFIG = 1, TAKES_SERVER = 2, TAKES_JSON = 4, TAKES_DAEMON = 7, TAKES_SOCKET = 8 };

struct cli_command {
	const char *name;      /* one word or two: "token create" */
	const char *arguments; /* for people; "" when there are none */
	size_t least, most;    /* how many */
	unsigned takes;        /* TAKES_* */
	const struct cli_option *options;
	size_t option_count;
	const char *summary; /* one line */
	const char *details; /* more lines for its help, or NULL */
	int (*run)(struct cli *c);
};

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;
extern const struct cli_option cli_common[];
extern const size_t cli_common_count;

struct cli_value {
	const struct cli_option *option;
	const char *text; /* "" for a flag */
};

struct cli {
	const struct cli_hooks *hooks;
	const struct cli_command *command;
	const char *const *args;
	size_t arg_count;
	struct cli_value *values;
	size_t value_count;
	struct client *client; /* made at the first call */
	const char *subject;   /* the file that the daemon's mistakes are about, or NULL */
	bool json;
	bool colour;
};

/* Reads a command line; argv is reordered. CLI_OK, with `command` NULL when help was asked for in general (or none
 * was given); else the mistake has been told on stderr. cli_release in any case. */
int cli_parse(struct cli *c, int argc, char **argv, bool *ret_help);
void cli_release(struct cli *c);

/* The value of an option, the last one given; NULL when it was not. Aborts for a name that the command does not
 * have. */
const char *cli_value(const struct cli *c, const char *name);
bool cli_flag(const struct cli *c, const char *name);
/* The values of an option that may be given several times, by index; NULL behind the last. */
const char *cli_value_at(const struct cli *c, const char *name, size_t index);

/* The command that `words` begin with, and of how many words its name is; NULL. */
const struct cli_command *cli_find(const char *const *words, size_t count, size_t *ret_words);
/* The nearest of the commands to what was typed, or NULL when none is near. */
const char *cli_nearest_command(const char *typed);

void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_print_help(const struct cli_command *command); /* NULL: all of them */
int cli_help_topic(const char *const *words, size_t count);

int cmd_init(struct cli *c);
int cmd_serve(struct cli *c);
int cmd_check(struct cli *c);
int cmd_check_store(struct cli *c); /* check --store */
int cmd_backup(struct cli *c);
int cmd_restore(struct cli *c);
int cmd_schema(struct cli *c);
int cmd_test(struct cli *c);
int cmd_schedule_next(struct cli *c);
int cmd_schedule_explain(struct cli *c);
int cmd_schedule_list(struct cli *c);
int cmd_schedule_show(struct cli *c);
int cmd_schedule_create(struct cli *c);
int cmd_schedule_set(struct cli *c);
int cmd_schedule_delete(struct cli *c);
int cmd_schedule_pause(struct cli *c);
int cmd_schedule_resume(struct cli *c);
int cmd_schedule_skip(struct cli *c);
int cmd_schedule_run(struct cli *c);
int cmd_schedule_backfill(struct cli *c);
int cmd_reload(struct cli *c);
int cmd_run(struct cli *c);
int cmd_replay(struct cli *c);
int cmd_approve(struct cli *c);
int cmd_emit(struct cli *c);
int cmd_subscribe(struct cli *c);
int cmd_activities(struct cli *c);
int cmd_status(struct cli *c);
int cmd_logs(struct cli *c);
int cmd_cancel(struct cli *c);
int cmd_workflows(struct cli *c);
int cmd_workflows_show(struct cli *c);
int cmd_workflows_put(struct cli *c);
int cmd_workflows_delete(struct cli *c);
int cmd_workflows_revisions(struct cli *c);
int cmd_workflows_diff(struct cli *c);
int cmd_why(struct cli *c);
int cmd_enable(struct cli *c);
int cmd_disable(struct cli *c);
int cmd_token_create(struct cli *c);
int cmd_token_list(struct cli *c);
int cmd_token_renew(struct cli *c);
int cmd_token_revoke(struct cli *c);
int cmd_webhook_test(struct cli *c);
int cmd_webhook_secrets(struct cli *c);
int cmd_webhook_requests(struct cli *c);
int cmd_webhook_show(struct cli *c);
int cmd_webhook_replay(struct cli *c);
int cmd_webhook_forget(struct cli *c);
int cmd_plugins(struct cli *c);
int cmd_plugins_show(struct cli *c);
int cmd_new_plugin(struct cli *c);
int cmd_plugin_check(struct cli *c);
int cmd_import(struct cli *c);
int cmd_import_crontab(struct cli *c);
int cmd_completion(struct cli *c);
int cmd_version(struct cli *c);
int cmd_help(struct cli *c);

#endif
