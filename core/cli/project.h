/* What commands without a daemon read: the configuration, its workflows, and the descriptors of its plugins. */
#ifndef CLI_PROJECT_H
#define CLI_PROJECT_H

#include "base/diag.h"
#include "config/config.h"
#include "host/host.h"
#include "cli/command.h"

struct project {
	struct config *config;
	struct definitions definitions;
	struct host *host; /* descriptors only */
	struct diag diag;
};

/* Reads the configuration (--config, or tappet.json); with `optional`, all defaults when there is none. Mistakes are
 * in `diag`; `config` is NULL when it has any. CLI_OK, or CLI_NOT_FOUND, CLI_FAILED, which have been told. */
int project_open(struct cli *c, bool optional, struct project *p);
/* The configuration that -c names, or ./tappet.json. */
const char *project_path(const struct cli *c);
/* Loads the plugins of the configuration; what is wrong goes to `diag`. */
int project_load_plugins(struct project *p);
void project_close(struct project *p);
/* As lines on stderr, or with --json as {"ok":…,"mistakes":[…]} on stdout. */
void project_print_mistakes(const struct cli *c, const struct diag *d);
/* The same with "warnings", which leave it ok. */
void project_print_findings(const struct cli *c, const struct diag *mistakes, const struct diag *warnings);

#endif
