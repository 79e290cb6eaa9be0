/* check */
#include "base/log.h"
#include "cli/project.h"

static void check_definitions(struct project *p)
{
	int r = definitions_read(p->config, &p->diag, &p->definitions);
	if (r < 0 && p->diag.count == 0)
		diag_add(&p->diag, p->config->workflows, 0, 0, "cannot read the folder: %s", log_strerror(r));
	for (size_t i = 0; i < p->definitions.count; i++) {
		const struct definition *definition = &p->definitions.items[i];
		if (p->host && definition->file)
			host_check_triggers(p->host, definition->workflow, definition->file, &p->diag);
	}
}

int cmd_check(struct cli *c)
{
	struct project p;
	int code = project_open(c, false, &p);
	if (code == CLI_OK && p.config)
		code = project_load_plugins(&p);
	/* With mistakes in tappet.json its plugins are not known, and its folder is where it is by default. */
	if (code == CLI_OK && !p.config && config_default(project_path(c), &p.config) < 0)
		code = CLI_FAILED;
	if (code != CLI_OK)
		goto cleanup;
	check_definitions(&p);
	if (p.diag.count > 0 || c->json)
		project_print_mistakes(c, &p.diag);
	else
		printf("no mistakes (workflows: %zu, plugins: %zu)\n", p.definitions.count, host_count(p.host));
	code = p.diag.count > 0 ? CLI_FAILED : CLI_OK;
cleanup:
	project_close(&p);
	return code;
}
