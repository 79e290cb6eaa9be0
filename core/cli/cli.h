/* The one command, `tappet`: a table of subcommands, their options, and what each of them prints and returns.
 *
 * Most of them talk to a daemon by HTTP (client.h); `check`, `plugins` and `init` work on files, without one. It never
 * runs a workflow itself and knows nothing of the daemon's inside: main.c hands `serve` in. Called by main.c only. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include "base/log.h"

/* What the process ends with; `tappet help exit-codes` shows them. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,      /* the activity failed, there are mistakes, or something else went wrong */
	CLI_USAGE = 2,       /* the command line cannot be understood */
	CLI_UNREACHABLE = 3, /* no daemon answers */
	CLI_NOT_FOUND = 4,   /* no such workflow, activity, token, plugin or file */
	CLI_REFUSED = 5,     /* the daemon said no: disabled, not allowed, invalid, too much */
	CLI_CANCELLED = 6,   /* the activity was cancelled */
	CLI_UNKNOWN = 7,     /* asked for, but whether it happened is not known */
};

struct serve_options {
	const char *config_path;
	/* In place of those of the configuration, when there are any: names, or paths of shared objects. */
	const char *const *plugins;
	size_t plugin_count;
	bool log_json;
	enum log_level log_level;
};

struct cli_hooks {
	int (*serve)(const struct serve_options *options); /* returns what the process ends with */
};

int cli_main(int argc, char **argv, const struct cli_hooks *hooks);

/* The folder where NAME.so is looked for: `plugins` beside the program when there is one (a build tree), else where
 * `cmake --install` puts them. To be freed; -ENOMEM. */
int cli_plugin_folder(char **ret);

#endif
