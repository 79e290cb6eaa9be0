/* plugins, plugins show: from the shared objects' descriptors, without a daemon. */
#include <dirent.h>
#include <limits.h>
#include "base/log.h"
#include "cli/project.h"
#include "cli/show.h"

/* A plugin that no configuration names: NAME in the plugin folder, or a file. -1: it has been told why not. */
static int load_other(struct project *p, const char *name)
{
	char path[PATH_MAX], label[64];
	const char *base = strrchr(name, '/');
	struct plugin_config plugin = {.name = label};
	if (base || (strlen(name) > 3 && strcmp(name + strlen(name) - 3, ".so") == 0)) {
		if (!realpath(name, path)) {
			cli_error("%s: no such file", name);
			return -1;
		}
		plugin.load = path;
	}
	snprintf(label, sizeof(label), "%.*s", (int)strcspn(base ? base + 1 : name, "."), base ? base + 1 : name);
	const int before = host_find(p->host, label);
	if (before >= 0 && !plugin.load)
		return before;
	host_load(p->host, &plugin, NULL, &p->diag);
	return host_find(p->host, label);
}

/* Everything in the plugin folder besides what the configuration names. */
static void load_folder(struct project *p)
{
	char *folder = NULL;
	if (cli_plugin_folder(&folder) < 0)
		return;
	DIR *dir = opendir(folder);
	free(folder);
	for (const struct dirent *entry; dir && (entry = readdir(dir));) {
		char name[NAME_MAX + 1];
		const size_t len = strlen(entry->d_name);
		if (len <= 3 || strcmp(entry->d_name + len - 3, ".so") != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(len - 3), entry->d_name);
		load_other(p, name);
	}
	if (dir)
		closedir(dir);
}

static struct json *describe(const struct project *p, size_t index)
{
	struct json *description = NULL;
	struct buf out;
	buf_init(&out, (size_t)16 * 1024 * 1024);
	host_describe(p->host, index, &out);
	json_parse(buf_cstr(&out), out.len, &description, NULL);
	buf_release(&out);
	return description;
}

static void print_table(const struct cli *c, const struct project *p, size_t configured)
{
	static const char *const heads[] = {"PLUGIN", "VERSION", "LOADED", "SUMMARY"};
	struct table t;
	table_init(&t, heads, 4);
	for (size_t i = 0; i < host_count(p->host); i++) {
		struct json *description = describe(p, i);
		table_add(&t, json_get_str(description, "name"));
		table_add(&t, json_get_str(description, "version"));
		table_add(&t, i < configured ? "yes" : "no");
		table_add(&t, json_get_str(description, "summary"));
		json_free(description);
	}
	table_print(&t, true, c->colour);
	table_release(&t);
}

static void print_list(const struct project *p)
{
	struct buf out;
	buf_init(&out, (size_t)64 * 1024 * 1024);
	jsonw_open(&out, '{');
	jsonw_key(&out, "plugins");
	jsonw_open(&out, '[');
	for (size_t i = 0; i < host_count(p->host); i++) {
		if (i > 0)
			buf_char(&out, ',');
		host_describe(p->host, i, &out);
	}
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	puts(buf_cstr(&out));
	buf_release(&out);
}

/* Mistakes go to stderr even with --json: stdout is for the plugins that are well. */
static int tell_mistakes(const struct project *p)
{
	struct buf text;
	if (p->diag.count == 0)
		return CLI_OK;
	buf_init(&text, (size_t)16 * 1024 * 1024);
	diag_print(&p->diag, &text);
	fputs(buf_cstr(&text), stderr);
	buf_release(&text);
	return CLI_FAILED;
}

int cmd_plugins(struct cli *c)
{
	struct project p;
	int code = project_open(c, true, &p);
	if (code == CLI_OK && p.config)
		code = project_load_plugins(&p);
	if (code == CLI_OK && p.config) {
		const size_t configured = host_count(p.host);
		load_folder(&p);
		if (c->json)
			print_list(&p);
		else
			print_table(c, &p, configured);
	}
	if (code == CLI_OK)
		code = tell_mistakes(&p);
	project_close(&p);
	return code;
}

static void show(const struct cli *c, const struct project *p, size_t index)
{
	struct buf out;
	buf_init(&out, (size_t)16 * 1024 * 1024);
	if (c->json)
		host_describe(p->host, index, &out);
	else
		host_document(p->host, index, &out);
	fputs(buf_cstr(&out), stdout);
	if (c->json)
		putchar('\n');
	buf_release(&out);
}

int cmd_plugins_show(struct cli *c)
{
	struct project p;
	int code = project_open(c, true, &p);
	if (code == CLI_OK && !p.config)
		code = tell_mistakes(&p);
	if (code == CLI_OK)
		code = project_load_plugins(&p);
	if (code != CLI_OK)
		goto cleanup;
	/* What is wrong with other plugins is the business of check. */
	diag_release(&p.diag);
	diag_init(&p.diag);
	int index = host_find(p.host, c->args[0]);
	if (index < 0)
		index = load_other(&p, c->args[0]);
	if (index >= 0)
		show(c, &p, (size_t)index);
	tell_mistakes(&p);
	code = index >= 0 ? CLI_OK : CLI_NOT_FOUND;
cleanup:
	project_close(&p);
	return code;
}
