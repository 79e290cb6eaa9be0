/* schema */
#include "cli/project.h"
#include "model/workflow.h"

int cmd_schema(struct cli *c)
{
	struct buf out;
	buf_init(&out, (size_t)1024 * 1024);
	if (strcmp(c->args[0], "workflow") == 0)
		workflow_schema(&out);
	else if (strcmp(c->args[0], "config") == 0)
		config_schema(&out);
	else {
		cli_error("no schema of '%s': expected workflow or config", c->args[0]);
		return CLI_USAGE;
	}
	puts(buf_cstr(&out));
	buf_release(&out);
	return CLI_OK;
}
