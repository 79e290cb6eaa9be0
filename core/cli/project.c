#include "cli/project.h"

#include <errno.h>
#include "base/program.h"
#include "version.h"

int cli_plugin_folder(char **ret)
{
	static const char *const places[] = {"plugins", TAPPET_PLUGINS_FROM_PROGRAM};
	return program_find(places, sizeof(places) / sizeof(places[0]), ret);
}

static int fail(const char *what, int error)
{
	cli_error("%s: %s", what, log_strerror(error));
	return CLI_FAILED;
}

const char *project_path(const struct cli *c)
{
	const char *path = cli_value(c, "config");
	return path ? path : "tappet.json";
}

int project_open(struct cli *c, bool optional, struct project *p)
{
	const char *path = project_path(c);
	*p = (struct project){0};
	diag_init(&p->diag);
	int r = config_read(path, &p->diag, &p->config);
	if (r == -ENOENT && optional && !cli_value(c, "config"))
		r = config_default(path, &p->config);
	if (r == -ENOENT) {
		cli_error("%s: no such file ('tappet init' makes one)", path);
		return CLI_NOT_FOUND;
	}
	return r < 0 && p->diag.count == 0 ? fail(path, r) : CLI_OK;
}

int project_load_plugins(struct project *p)
{
	char *folder = NULL;
	int r = cli_plugin_folder(&folder);
	if (r < 0)
		return fail("plugins", r);
	const struct host_options options = {.plugin_folder = folder, .folder = p->config->folder};
	r = host_open(&options, &p->host);
	free(folder);
	if (r < 0)
		return fail("plugins", r);
	for (size_t i = 0; i < p->config->plugin_count; i++)
		host_load(p->host, &p->config->plugins[i], p->config->file, &p->diag);
	return CLI_OK;
}

void project_close(struct project *p)
{
	host_free(p->host);
	definitions_release(&p->definitions);
	config_free(p->config);
	diag_release(&p->diag);
}

static void write_items(const struct diag *d, const char *key, struct buf *out)
{
	jsonw_key(out, key);
	jsonw_open(out, '[');
	for (size_t i = 0; i < d->count; i++) {
		jsonw_open(out, '{');
		jsonw_key(out, "file");
		jsonw_str(out, d->items[i].file);
		jsonw_key(out, "line");
		jsonw_int(out, d->items[i].line);
		jsonw_key(out, "column");
		jsonw_int(out, d->items[i].column);
		jsonw_key(out, "message");
		jsonw_str(out, d->items[i].message);
		jsonw_close(out, '}');
	}
	jsonw_close(out, ']');
}

static void write_json(const struct diag *mistakes, const struct diag *warnings, struct buf *out)
{
	jsonw_open(out, '{');
	jsonw_key(out, "ok");
	jsonw_bool(out, mistakes->count == 0);
	write_items(mistakes, "mistakes", out);
	if (warnings)
		write_items(warnings, "warnings", out);
	jsonw_close(out, '}');
	buf_char(out, '\n');
}

static void write_text(const struct diag *mistakes, const struct diag *warnings, struct buf *out)
{
	diag_print(mistakes, out);
	for (size_t i = 0; warnings && i < warnings->count; i++) {
		const struct diag_item *item = &warnings->items[i];
		buf_printf(out, "%s:%u:%u: warning: %s\n", item->file, item->line, item->column, item->message);
	}
}

void project_print_findings(const struct cli *c, const struct diag *mistakes, const struct diag *warnings)
{
	struct buf out;
	buf_init(&out, (size_t)16 * 1024 * 1024);
	if (c->json)
		write_json(mistakes, warnings, &out);
	else
		write_text(mistakes, warnings, &out);
	fputs(buf_cstr(&out), c->json ? stdout : stderr);
	buf_release(&out);
}

void project_print_mistakes(const struct cli *c, const struct diag *d)
{
	project_print_findings(c, d, NULL);
}
