/* import crontab: each entry becomes a workflow with a schedule and one step. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>
#include "cli/crontab.h"
#include "cli/imported.h"
#include "cli/input.h"
#include "cli/make.h"
#include "cli/project.h"
#include "model/names.h"
#include "schedule/rules/schedule.h"

#define TEXT_MAX ((size_t)16 << 20)
#define SLUG_SIZE (CRONTAB_SLUG_MAX + 16)

struct import {
	struct cli *c;
	struct project project;
	struct diag notes;
	struct make make;
	struct crontab table;
	struct crontab_options options;
	char zone[PATH_MAX]; /* that of the system */
	bool zone_unknown;
	struct buf slugs; /* those that are taken, each with a line's end */
	struct buf made;  /* JSON: {"line","workflow","file"} of each */
	size_t count;
};

/* ---- Which crontab, which zone --------------------------------------------------------------------------------- */

/* Containers have the zone's file itself in the place of the link, and with luck its name here. */
static bool read_zone_name(char room[static PATH_MAX])
{
	FILE *file = fopen("/etc/timezone", "re");
	if (!file)
		return false;
	bool found = fgets(room, PATH_MAX, file) != NULL;
	fclose(file);
	if (found)
		room[strcspn(room, " \t\r\n")] = '\0';
	return found && *room;
}

/* cron goes by the zone of the system, where Tappet goes by UTC unless it is told. */
static const char *system_zone(struct import *i)
{
	char *room = i->zone;
	const char *set = getenv("TZ");
	if (set && *set)
		return *set == ':' ? set + 1 : set;
	const ssize_t len = readlink("/etc/localtime", room, PATH_MAX - 1);
	if (len < 0 && errno == ENOENT)
		return "UTC"; /* as the C library has it */
	if (len > 0) {
		room[len] = '\0';
		const char *found = strstr(room, "zoneinfo/");
		if (found)
			return found + strlen("zoneinfo/");
	}
	if (read_zone_name(room))
		return room;
	i->zone_unknown = true;
	return "UTC";
}

static int open_zone(struct import *i)
{
	struct zone *zone;
	const char *given = cli_value(i->c, "timezone");
	i->options.timezone = given ? given : system_zone(i);
	if (zones_new(&i->options.zones) < 0) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	if (zones_get(i->options.zones, i->options.timezone, &zone) == 0)
		return CLI_OK;
	cli_error("the time zone '%s' is none that tzdata has; name one with --timezone", i->options.timezone);
	return CLI_USAGE;
}

static bool is_place_of_system(const char *path)
{
	return strstr(path, "/cron.d/") || strcmp(path, "/etc/crontab") == 0;
}

static void note_guesses(struct import *i, bool guessed, unsigned odd)
{
	if (i->zone_unknown)
		diag_add(&i->notes, i->table.name, 0, 0,
			 "times go by UTC, as the time zone of this machine is not known: name it with --timezone");
	if (guessed && odd > 0)
		diag_add(&i->notes, i->table.name, odd, 1,
			 "the word behind the fields is no user of this machine, though it is one on other lines: read "
			 "as "
			 "a crontab of a user; --system or --user tells which it is");
}

static int read_crontab(struct import *i, const char *path)
{
	unsigned odd = 0;
	struct buf text;
	const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
	int code = CLI_FAILED;
	buf_init(&text, TEXT_MAX);
	if (!input_read(path, &text))
		goto cleanup;
	if (text.len > 0 && memchr(text.data, '\0', text.len)) {
		cli_error("%s is no crontab: it has a NUL in it", name);
		goto cleanup;
	}
	const bool guess = crontab_looks_like_system(buf_cstr(&text), &odd) || is_place_of_system(path);
	i->table = (struct crontab){.name = name, .notes = &i->notes};
	i->table.system = cli_flag(i->c, "system") || (!i->options.user && guess);
	note_guesses(i, !i->table.system && !i->options.user, odd);
	if (crontab_read(&i->table, buf_cstr(&text)))
		code = CLI_OK;
	else
		cli_error("out of memory");
cleanup:
	buf_release(&text);
	return code;
}

/* ---- Variables ------------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

static void note_variable(struct import *i, const struct crontab_variable *v)
{
	static const char *const mail[] = {"MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING", NULL};
	const char *file = i->table.name, *problem = name_env_problem(v->name);
	if (is_one_of(v->name, mail))
		diag_add(&i->notes, file, v->line, 1,
			 "%s is not carried over: what a command writes is kept as the log of its step", v->name);
	else if (strcmp(v->name, "RANDOM_DELAY") == 0)
		diag_add(&i->notes, file, v->line, 1,
			 "RANDOM_DELAY is not carried over: give the triggers a \"jitter\"");
	else if (strcmp(v->name, "TZ") == 0)
		diag_add(&i->notes, file, v->line, 1,
			 "TZ is for the commands alone, as in cron: times go by CRON_TZ or %s", i->options.timezone);
	else if (problem)
		diag_add(&i->notes, file, v->line, 1, "is not carried over: \"%s\" %s", v->name, problem);
	if (!problem && !is_one_of(v->name, mail) && !crontab_is_utf8(v->value)) {
		diag_add(&i->notes, file, v->line, 1,
			 "%s is not imported: its value is not UTF-8; the commands below go without it", v->name);
		i->table.failed++;
	}
}

/* ---- Workflows ------------------------------------------------------------------------------------------------- */

static bool is_taken(const struct import *i, const char *slug)
{
	char line[SLUG_SIZE + 2];
	snprintf(line, sizeof(line), "\n%s\n", slug);
	return strstr(buf_cstr(&i->slugs), line) != NULL;
}

/* Two entries may be of one command. */
static void choose_slug(struct import *i, const struct crontab_entry *e, char slug[static SLUG_SIZE])
{
	char name[CRONTAB_SLUG_MAX];
	crontab_slug(e, name);
	snprintf(slug, SLUG_SIZE, "%s", name);
	for (unsigned n = 2; is_taken(i, slug); n++)
		snprintf(slug, SLUG_SIZE, "%s-%u", name, n);
	buf_printf(&i->slugs, "%s\n", slug);
}

static void remember(struct import *i, const struct crontab_entry *e, const char *slug, const char *path)
{
	jsonw_open(&i->made, '{');
	jsonw_key(&i->made, "line");
	jsonw_int(&i->made, e->line);
	jsonw_key(&i->made, "workflow");
	jsonw_str(&i->made, slug);
	jsonw_key(&i->made, "file");
	jsonw_str(&i->made, path);
	jsonw_close(&i->made, '}');
	i->count++;
	if (!i->c->json)
		printf("line %u: %s\n", e->line, path);
}

/* For its owner alone, as crontabs are: passwords stand in commands and variables. */
static int write_workflow(struct import *i, const struct crontab_entry *e, const struct buf *json)
{
	char slug[SLUG_SIZE], path[PATH_MAX];
	struct buf text;
	int code = CLI_OK;
	choose_slug(i, e, slug);
	snprintf(path, sizeof(path), "%s/%s.json", i->project.config->workflows, slug);
	buf_init(&text, TEXT_MAX);
	const int r = imported_file(json, &text);
	if (r < 0)
		code = make_tell(path, r);
	else if (!cli_flag(i->c, "dry-run"))
		code = make_secret(&i->make, path, text.data, text.len);
	if (code == CLI_OK)
		remember(i, e, slug, path);
	if (code == CLI_OK && cli_flag(i->c, "dry-run") && !i->c->json)
		fputs(buf_cstr(&text), stdout);
	buf_release(&text);
	return code;
}

static int import_all(struct import *i)
{
	int code = CLI_OK;
	if (!cli_flag(i->c, "dry-run"))
		code = make_folder(&i->make, i->project.config->workflows);
	for (size_t n = 0; n < i->table.variable_count; n++)
		note_variable(i, &i->table.variables[n]);
	for (size_t n = 0; n < i->table.entry_count && code == CLI_OK; n++) {
		struct buf json;
		buf_init(&json, TEXT_MAX);
		if (crontab_workflow(&i->table, &i->table.entries[n], &i->options, &json))
			code = write_workflow(i, &i->table.entries[n], &json);
		else
			i->table.failed++;
		buf_release(&json);
	}
	return code;
}

/* ---- Telling --------------------------------------------------------------------------------------------------- */

static void tell_as_json(const struct import *i)
{
	struct buf notes;
	buf_init(&notes, TEXT_MAX);
	imported_notes(&i->notes, &notes);
	printf("{\"system\":%s,\"timezone\":\"%s\",\"workflows\":[%s],\"failed\":%zu,\"notes\":%s}\n",
	       i->table.system ? "true" : "false", i->options.timezone, buf_cstr(&i->made), i->table.failed,
	       buf_cstr(&notes));
	buf_release(&notes);
}

static bool loads_schedule(const struct config *config)
{
	for (size_t n = 0; n < config->plugin_count; n++)
		if (strcmp(config->plugins[n].name, "schedule") == 0)
			return true;
	return false;
}

static void tell(const struct import *i)
{
	struct buf notes;
	if (i->c->json) {
		tell_as_json(i);
		return;
	}
	buf_init(&notes, TEXT_MAX);
	diag_print(&i->notes, &notes);
	fflush(stdout);
	fputs(buf_cstr(&notes), stderr);
	buf_release(&notes);
	printf("read as a crontab %s, times by %s\n",
	       i->table.system ? "of the system, which names users" : "of a user", i->options.timezone);
	if ((i->table.system || i->options.user) && i->count > 0)
		puts("steps run as these users: the daemon has to run as root, or as the one user");
	if (!loads_schedule(i->project.config))
		printf("\"plugins\" in %s has to name \"schedule\": {}\n", project_path(i->c));
	if (cli_flag(i->c, "dry-run"))
		printf("workflows that would be made: %zu; nothing was written\n", i->count);
	else
		printf("workflows made: %zu, which only you can read; 'tappet check' looks them over, 'tappet reload' "
		       "takes them in\n",
		       i->count);
}

/* Those that were told of already are taken away again. */
static void undo(struct import *i)
{
	make_undo(&i->make);
	if (i->count > 0 && !i->c->json && !cli_flag(i->c, "dry-run"))
		cli_error("none of them was made");
}

int cmd_import_crontab(struct cli *c)
{
	struct import i = {.c = c, .options.user = cli_value(c, "user")};
	if (i.options.user && cli_flag(c, "system")) {
		cli_error("--user is for the crontab of one user; in one of the system each entry names its own");
		return CLI_USAGE;
	}
	diag_init(&i.notes);
	buf_init(&i.made, TEXT_MAX);
	buf_init(&i.slugs, TEXT_MAX);
	buf_char(&i.slugs, '\n');
	int code = project_open(c, true, &i.project);
	if (code == CLI_OK && !i.project.config) {
		project_print_mistakes(c, &i.project.diag);
		code = CLI_FAILED;
	}
	if (code == CLI_OK)
		code = open_zone(&i);
	if (code == CLI_OK)
		code = read_crontab(&i, c->args[0]);
	if (code == CLI_OK)
		code = import_all(&i);
	if (code == CLI_OK)
		tell(&i);
	else
		undo(&i);
	if (code == CLI_OK && i.table.failed > 0)
		code = CLI_FAILED;
	make_release(&i.make);
	crontab_release(&i.table);
	zones_free(i.options.zones);
	buf_release(&i.slugs);
	buf_release(&i.made);
	diag_release(&i.notes);
	project_close(&i.project);
	return code;
}
