/* import: a file of adnanh/webhook becomes workflows. */
#include <errno.h>
#include <limits.h>
#include "cli/hooks.h"
#include "cli/imported.h"
#include "cli/input.h"
#include "cli/make.h"
#include "cli/project.h"
#include "cli/yaml.h"

#define FILE_MAX ((size_t)16 << 20)
#define SLUG_SIZE 128

struct import {
	struct cli *c;
	struct project project;
	struct json_file *file;
	struct diag notes;
	struct make make;
	struct buf made; /* JSON: {"hook","workflow","file","enabled"} of each */
	size_t count;
};

/* ---- Reading ---- */

static bool looks_like_json(const char *text)
{
	text += strspn(text, " \t\r\n");
	return *text == '[' || *text == '{';
}

/* Places in a file that was YAML are those of the JSON made of it, and so worth nothing. */
static int parse_yaml(struct import *i, const char *path, const char *text, size_t len)
{
	struct buf json;
	buf_init(&json, 2 * FILE_MAX);
	int r = yaml_to_json(path, text, len, &json, &i->notes);
	if (r == 0)
		r = json_file_parse(path, buf_cstr(&json), json.len, &i->notes, &i->file);
	buf_release(&json);
	return r;
}

static int read_hooks(struct import *i, const char *path)
{
	struct buf text;
	int r;
	buf_init(&text, INPUT_MAX);
	if (!input_read(path, &text)) {
		buf_release(&text);
		return CLI_FAILED;
	}
	if (looks_like_json(buf_cstr(&text)))
		r = json_file_parse(path, buf_cstr(&text), text.len, &i->notes, &i->file);
	else
		r = parse_yaml(i, path, buf_cstr(&text), text.len);
	buf_release(&text);
	if (r < 0) {
		project_print_mistakes(i->c, &i->notes);
		return CLI_FAILED;
	}
	if (json_is_array(i->file->root) && json_first(i->file->root))
		return CLI_OK;
	cli_error("%s: expected a list of hooks, as adnanh/webhook reads it", path);
	return CLI_FAILED;
}

/* ---- Writing ---- */

static int write_secrets(struct import *i, const struct hook *h, const char *slug)
{
	char name[SLUG_SIZE + 32], path[PATH_MAX];
	int code = CLI_OK;
	for (size_t n = 0; n < h->secret_count && code == CLI_OK; n++) {
		if (*h->secrets[n].variable)
			continue;
		snprintf(path, sizeof(path), "%s/secrets", i->project.config->folder);
		code = make_folder(&i->make, path);
		hook_secret_name(slug, n, name, sizeof(name));
		snprintf(path, sizeof(path), "%s/%s", i->project.config->folder, name);
		if (code == CLI_OK)
			code = make_secret(&i->make, path, h->secrets[n].text, strlen(h->secrets[n].text));
	}
	return code;
}

static int write_workflow(struct import *i, const char *path, const struct buf *json)
{
	struct buf text;
	buf_init(&text, FILE_MAX);
	const int r = imported_file(json, &text);
	const int code = r < 0 ? make_tell(path, r) : make_file(&i->make, path, text.data, text.len);
	buf_release(&text);
	return code;
}

static void remember(struct import *i, const struct hook *h, const char *slug, const char *path)
{
	jsonw_open(&i->made, '{');
	jsonw_key(&i->made, "hook");
	jsonw_str(&i->made, h->id);
	jsonw_key(&i->made, "workflow");
	jsonw_str(&i->made, slug);
	jsonw_key(&i->made, "file");
	jsonw_str(&i->made, path);
	jsonw_key(&i->made, "enabled");
	jsonw_bool(&i->made, !h->lossy);
	jsonw_close(&i->made, '}');
	i->count++;
	if (!i->c->json)
		printf("%s: %s%s\n", h->id, path, h->lossy ? " (its trigger is switched off)" : "");
}

static const char *prefix(const struct import *i)
{
	const char *given = cli_value(i->c, "prefix");
	if (!given)
		return "hooks";
	return given[0] == '/' ? given + 1 : given;
}

static int import_hook(struct import *i, const struct json *json)
{
	struct hook h;
	struct buf out;
	char slug[SLUG_SIZE], path[PATH_MAX];
	int code = CLI_FAILED;
	hook_open(&h, i->file, json, &i->notes);
	buf_init(&out, FILE_MAX);
	if (!h.id || !json_get_str(json, "execute-command")) {
		cli_error("%s: a hook without \"id\" or \"execute-command\"", i->file->name);
	} else if (!hook_slug(&h, slug, sizeof(slug))) {
		cli_error("%s: the id \"%s\" cannot be made the name of a workflow", i->file->name, h.id);
	} else {
		hook_workflow(&h, slug, prefix(i), &out);
		snprintf(path, sizeof(path), "%s/%s.json", i->project.config->workflows, slug);
		code = write_secrets(i, &h, slug);
		if (code == CLI_OK)
			code = write_workflow(i, path, &out);
		if (code == CLI_OK)
			remember(i, &h, slug, path);
	}
	buf_release(&out);
	hook_release(&h);
	return code;
}

static int import_all(struct import *i)
{
	int code = make_folder(&i->make, i->project.config->workflows);
	for (const struct json *hook = json_first(i->file->root); hook && code == CLI_OK; hook = json_next(hook))
		code = import_hook(i, hook);
	return code;
}

/* ---- Telling ---- */

static void tell_as_json(const struct import *i)
{
	struct buf out;
	buf_init(&out, FILE_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "workflows");
	jsonw_open(&out, '[');
	buf_str(&out, buf_cstr(&i->made));
	jsonw_close(&out, ']');
	jsonw_key(&out, "notes");
	imported_notes(&i->notes, &out);
	jsonw_close(&out, '}');
	puts(buf_cstr(&out));
	buf_release(&out);
}

static void tell(const struct import *i)
{
	struct buf notes;
	if (i->c->json) {
		tell_as_json(i);
		return;
	}
	buf_init(&notes, FILE_MAX);
	diag_print(&i->notes, &notes);
	fputs(buf_cstr(&notes), stderr);
	buf_release(&notes);
	printf("workflows made: %zu; 'tappet check' looks them over, 'tappet reload' takes them in\n", i->count);
}

int cmd_import(struct cli *c)
{
	struct import i = {.c = c};
	diag_init(&i.notes);
	buf_init(&i.made, FILE_MAX);
	int code = project_open(c, true, &i.project);
	if (code == CLI_OK && !i.project.config) {
		project_print_mistakes(c, &i.project.diag);
		code = CLI_FAILED;
	}
	if (code == CLI_OK)
		code = read_hooks(&i, c->args[0]);
	if (code == CLI_OK)
		code = import_all(&i);
	if (code == CLI_OK)
		tell(&i);
	else
		make_undo(&i.make);
	make_release(&i.make);
	json_file_free(i.file);
	buf_release(&i.made);
	diag_release(&i.notes);
	project_close(&i.project);
	return code;
}
