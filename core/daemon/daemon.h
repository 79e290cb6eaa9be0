/* The composition root: makes the parts, joins them, starts them in order and stops them in the order of the arrows (plugins,
 * ingest, steps, gateway, store). It is the only place that knows all parts, and holds no rule of any of them. Called by
 * main.c. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "cli/cli.h"

/* Runs until a signal ends it. The exit status of the process: 0 after a clean stop, enum cli_exit otherwise. */
int daemon_serve(const struct serve_options *options);

#endif
