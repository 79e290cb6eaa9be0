#include <ctype.h>
#include "cli/crontab.h"
#include "cli/literal.h"
#include "model/names.h"
#include "schedule/rules/schedule.h"

#define NAME_MAX_SHOWN 80
#define SHELL_DEFAULT "/bin/sh"

static void write_member(struct buf *out, const char *key, const char *text)
{
	jsonw_key(out, key);
	jsonw_str(out, text);
}

/* ---- Names ----------------------------------------------------------------------------------------------------- */

/* The first line of the comment, else the command; as much of it as fits. */
static size_t name_of(const struct crontab_entry *e, const char **ret)
{
	const char *text = e->comment ? e->comment : e->command;
	size_t len = strcspn(text, "\n");
	*ret = text;
	if (len > NAME_MAX_SHOWN) {
		len = NAME_MAX_SHOWN;
		/* Not in the middle of a character. */
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		return len;
	}
	while (e->comment && len > 1 && strchr(".:", text[len - 1]))
		len--;
	return len;
}

static void write_name(const struct crontab_entry *e, struct buf *out)
{
	const char *name;
	const size_t len = name_of(e, &name);
	jsonw_key(out, "name");
	jsonw_strn(out, name, len);
	if (e->comment && (strchr(e->comment, '\n') || strlen(e->comment) > len + 1))
		write_member(out, "description", e->comment);
}

void crontab_slug(const struct crontab_entry *e, char slug[static CRONTAB_SLUG_MAX])
{
	const char *text = e->comment ? e->comment : e->command;
	size_t len = 0, whole = 0;
	for (; *text && *text != '\n' && len + 1 < CRONTAB_SLUG_MAX; text++) {
		if (isalnum((unsigned char)*text)) {
			slug[len++] = (char)tolower((unsigned char)*text);
		} else if (len > 0 && slug[len - 1] != '-') {
			whole = len;
			slug[len++] = '-';
		}
	}
	/* A word that was cut says less than none. */
	if (isalnum((unsigned char)*text) && whole > 0)
		len = whole;
	while (len > 0 && slug[len - 1] == '-')
		len--;
	slug[len] = '\0';
	if (!name_is_slug(slug))
		snprintf(slug, CRONTAB_SLUG_MAX, "cron-line-%u", e->line);
}

/* ---- The trigger ----------------------------------------------------------------------------------------------- */

static bool compiles(const struct crontab_entry *e, const char *zone, enum dialect dialect,
		     const struct crontab_options *o, struct pattern_error *error)
{
	const struct schedule_options options = {
		.cron = e->when, .timezone = zone, .pattern.dialect = dialect, .pattern.id = ""};
	struct schedule *s;
	if (schedule_compile(&options, o->zones, &s, error) < 0)
		return false;
	schedule_free(s);
	return true;
}

/* cron knows no catching up, so what was missed is not made up for here either. */
static bool write_trigger(const struct crontab *t, const struct crontab_entry *e, const struct crontab_options *o,
			  struct buf *out)
{
	struct pattern_error error = {0}, ignored;
	const char *zone = crontab_value(t, e, "CRON_TZ");
	if (!zone)
		zone = o->timezone;
	const bool plain = compiles(e, zone, DIALECT_AUTO, o, &error);
	if (!plain && !compiles(e, zone, DIALECT_VIXIE, o, &ignored)) {
		diag_add(t->notes, t->name, e->line, 1, "is not imported: %s", error.message);
		return false;
	}
	jsonw_open(out, '{');
	write_member(out, "plugin", "schedule");
	jsonw_key(out, "with");
	jsonw_open(out, '{');
	write_member(out, "cron", e->when);
	if (!plain)
		write_member(out, "dialect", "vixie");
	if (strcmp(e->when, "@reboot") != 0) {
		write_member(out, "timezone", zone);
		write_member(out, "misfire", "skip");
	}
	jsonw_close(out, '}');
	jsonw_close(out, '}');
	return true;
}

/* ---- The step -------------------------------------------------------------------------------------------------- */

/* Those that say something to cron, and nothing to its commands. */
static bool is_crons_own(const char *name)
{
	static const char *const own[] = {
		"MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING", "CRON_TZ", "RANDOM_DELAY", NULL};
	size_t i = 0;
	while (own[i] && strcmp(own[i], name) != 0)
		i++;
	return own[i] != NULL;
}

static void write_env(const struct crontab *t, const struct crontab_entry *e, struct buf *steps)
{
	struct buf env;
	buf_init(&env, steps->max);
	for (size_t i = 0; i < e->variable_count; i++) {
		const struct crontab_variable *v = &t->variables[i];
		/* The last one counts. */
		if (is_crons_own(v->name) || name_env_problem(v->name) || crontab_value(t, e, v->name) != v->value)
			continue;
		jsonw_key(&env, v->name);
		literal_write(&env, v->value);
	}
	if (env.len > 0) {
		jsonw_key(steps, "env");
		jsonw_open(steps, '{');
		buf_append(steps, env.data, env.len);
		jsonw_close(steps, '}');
	}
	buf_release(&env);
}

/* cron starts commands at home; a step starts in a folder of its own. */
static void write_command(const struct crontab_entry *e, struct buf *out)
{
	struct buf command;
	buf_init(&command, out->max);
	if (strncmp(e->command, "cd ", 3) != 0)
		buf_str(&command, "cd; ");
	buf_str(&command, e->command);
	literal_write(out, buf_cstr(&command));
	buf_release(&command);
}

static void write_input(const struct crontab_entry *e, struct buf *out)
{
	struct buf input;
	const size_t len = strlen(e->input);
	buf_init(&input, out->max);
	buf_str(&input, e->input);
	if (len > 0 && e->input[len - 1] != '\n')
		buf_char(&input, '\n');
	write_member(out, "stdin", buf_cstr(&input));
	buf_release(&input);
}

static void write_step(const struct crontab *t, const struct crontab_entry *e, const struct crontab_options *o,
		       struct buf *out)
{
	const char *shell = crontab_value(t, e, "SHELL"), *user = e->user ? e->user : o->user;
	jsonw_open(out, '{');
	write_member(out, "id", "command");
	jsonw_key(out, "run");
	jsonw_open(out, '[');
	literal_write(out, shell ? shell : SHELL_DEFAULT);
	jsonw_str(out, "-c");
	write_command(e, out);
	jsonw_close(out, ']');
	if (e->input)
		write_input(e, out);
	if (user)
		write_member(out, "user", user);
	write_env(t, e, out);
	/* cron lets them run for ever; an hour, as by default, would end what ran well there. */
	write_member(out, "timeout", "1d");
	jsonw_close(out, '}');
}

bool crontab_workflow(const struct crontab *t, const struct crontab_entry *e, const struct crontab_options *o,
		      struct buf *out)
{
	jsonw_open(out, '{');
	write_name(e, out);
	jsonw_key(out, "triggers");
	jsonw_open(out, '[');
	if (!write_trigger(t, e, o, out))
		return false;
	jsonw_close(out, ']');
	jsonw_key(out, "steps");
	jsonw_open(out, '[');
	write_step(t, e, o, out);
	jsonw_close(out, ']');
	jsonw_close(out, '}');
	return true;
}
