/* What the commands of webhooks share: which trigger, and the paths of the plugin's API. */
#ifndef CLI_WEBHOOK_H
#define CLI_WEBHOOK_H

#include "cli/client.h"

/* Begins a path: /plugins/NAME/WHAT/WORKFLOW[/TRIGGER], of the first argument, WORKFLOW[/TRIGGER]. */
void webhook_path(const struct cli *c, const char *what, struct buf *path);

#endif
