/* check */
#include <errno.h>
#include "base/log.h"
#include "cli/project.h"
#include "expr/programs.h"

static void check_definitions(struct project *p)
{
	int r = definitions_read(p->config, &p->diag, &p->definitions);
	if (r < 0 && p->diag.count == 0)
		diag_add(&p->diag, p->config->workflows, 0, 0, "cannot read the folder: %s", log_strerror(r));
	struct host_check *check = NULL;
	if (p->host && host_check_begin(p->host, true, &check) < 0)
		diag_add(&p->diag, p->config->workflows, 0, 0, "triggers cannot be checked: out of memory");
	for (size_t i = 0; check && i < p->definitions.count; i++) {
		const struct definition *definition = &p->definitions.items[i];
		if (definition->file)
			host_check_triggers(check, definition->workflow, definition->file, &p->diag);
	}
	host_check_end(check);
}

static void bad_program(void *arg, const struct program_place *place, const char *message)
{
	struct project *p = arg;
	program_mistake(place, message, &p->diag);
}

static void check_programs(struct project *p)
{
	struct programs programs;
	char *helper = NULL;
	programs_init(&programs, NULL);
	for (size_t i = 0; i < p->definitions.count; i++)
		if (p->definitions.items[i].file)
			programs_add(&programs, p->definitions.items[i].file, p->definitions.items[i].file->root, i);
	/* defaults.onFailure stands there as in a workflow. */
	if (p->config->file)
		programs_add(&programs, p->config->file, json_get(p->config->file->root, "defaults"), 0);
	int r = expr_helper_path(&helper);
	if (r == 0)
		r = programs_check(&programs, helper);
	if (r == 0)
		programs_each_bad(&programs, bad_program, p);
	else
		diag_add(&p->diag, p->config->workflows, 0, 0, "jq programs cannot be checked: %s", log_strerror(r));
	free(helper);
	programs_release(&programs);
}

static void check_certificates(struct project *p, struct diag *warnings)
{
	const struct config *c = p->config;
	for (size_t i = 0; i < c->listen_count; i++) {
		struct tls_credentials credentials;
		if (!c->listen[i].tls.at)
			continue;
		int r = config_read_credentials(c, &c->listen[i], &p->diag, warnings, &credentials);
		if (r < 0 && r != -EINVAL)
			diag_add(&p->diag, c->path, 0, 0, "certificates cannot be checked: %s", log_strerror(r));
		tls_credentials_release(&credentials);
	}
}

int cmd_check(struct cli *c)
{
	struct project p;
	struct diag warnings;
	if (cli_flag(c, "store"))
		return cmd_check_store(c);
	if (c->arg_count > 0) {
		cli_error("a file is checked with --store only; 'check' alone reads configuration and workflows");
		return CLI_USAGE;
	}
	int code = project_open(c, false, &p);
	diag_init(&warnings);
	if (code == CLI_OK && p.config)
		code = project_load_plugins(&p);
	if (code == CLI_OK && p.config)
		check_certificates(&p, &warnings);
	/* With mistakes in tappet.json its plugins are not known, and its folder is where it is by default. */
	if (code == CLI_OK && !p.config && config_default(project_path(c), &p.config) < 0)
		code = CLI_FAILED;
	if (code != CLI_OK)
		goto cleanup;
	check_definitions(&p);
	check_programs(&p);
	project_print_findings(c, &p.diag, &warnings);
	if (p.diag.count == 0 && !c->json)
		printf("no mistakes (workflows: %zu, plugins: %zu)\n", p.definitions.count, host_count(p.host));
	code = p.diag.count > 0 ? CLI_FAILED : CLI_OK;
cleanup:
	diag_release(&warnings);
	project_close(&p);
	return code;
}
