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

static size_t word_len(const char *text)
{
	return strcspn(text, " \t");
}

static bool has(const char *word, size_t len, char c)
{
	return memchr(word, c, len) != NULL;
}

/* Options, variables and URLs with a user in them: passwords stand there. */
static bool may_be_secret(const char *word, size_t len)
{
	const bool quoted = *word == '"' || *word == '\'';
	return word[quoted] == '-' || has(word, len, '=') || (has(word, len, ':') && has(word, len, '@'));
}

/* The words of a command that may be shown to everybody, who sees names and slugs; behind variables its program alone. */
static size_t open_words(const char *command, const char **ret)
{
	const char *end = command, *word = command;
	size_t len;
	for (; (len = word_len(word)) > 0 && has(word, len, '='); word = crontab_blanks(word + len))
		/* A value with blanks in it does not end here. */
		if (strcspn(word, "\"'`\\$") < len)
			return 0;
	*ret = word;
	if (word != command)
		return may_be_secret(word, len) ? 0 : len;
	for (; (len = word_len(word)) > 0 && !may_be_secret(word, len); word = crontab_blanks(end))
		end = word + len;
	return (size_t)(end - command);
}

/* The first line of the comment, else what may be shown of the command. */
static size_t title_of(const struct crontab_entry *e, const char **ret)
{
	*ret = e->comment;
	return e->comment ? strcspn(e->comment, "\n") : open_words(e->command, ret);
}

/* As much of the title as fits. */
static size_t name_of(const struct crontab_entry *e, const char **ret)
{
	size_t len = title_of(e, ret);
	const char *text = *ret;
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

static void write_numbered(const struct crontab_entry *e, struct buf *out)
{
	char name[32];
	snprintf(name, sizeof(name), "cron line %u", e->line);
	jsonw_str(out, name);
}

static void write_name(const struct crontab_entry *e, struct buf *out)
{
	const char *name;
	const size_t len = name_of(e, &name);
	jsonw_key(out, "name");
	if (len > 0)
		jsonw_strn(out, name, len);
	else
		write_numbered(e, out);
	if (e->comment && (strchr(e->comment, '\n') || strlen(e->comment) > len + 1))
		write_member(out, "description", e->comment);
}

void crontab_slug(const struct crontab_entry *e, char slug[static CRONTAB_SLUG_MAX])
{
	const char *text = NULL;
	size_t len = 0, whole = 0, left = title_of(e, &text);
	for (; left > 0 && len + 1 < CRONTAB_SLUG_MAX; text++, left--) {
		if (isalnum((unsigned char)*text)) {
			slug[len++] = (char)tolower((unsigned char)*text);
		} else if (len > 0 && slug[len - 1] != '-') {
			whole = len;
			slug[len++] = '-';
		}
	}
	/* A word that was cut says less than none. */
	if (left > 0 && isalnum((unsigned char)*text) && whole > 0)
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
		if (is_crons_own(v->name) || name_env_problem(v->name) || !crontab_is_utf8(v->value) ||
		    crontab_value(t, e, v->name) != v->value)
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

/* cron starts commands at home; a step starts in a folder of its own, which matters unless the command goes elsewhere. */
static void write_command(const struct crontab_entry *e, struct buf *out)
{
	struct buf command;
	buf_init(&command, out->max);
	if (strncmp(e->command, "cd /", 4) != 0)
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

/* JSON has no other bytes, and a command with others in their place would be another one. */
static const char *not_utf8(const struct crontab *t, const struct crontab_entry *e)
{
	const char *shell = crontab_value(t, e, "SHELL");
	if (!crontab_is_utf8(e->command))
		return "the command";
	if (e->input && !crontab_is_utf8(e->input))
		return "the command's input";
	if (e->user && !crontab_is_utf8(e->user))
		return "the user";
	return shell && !crontab_is_utf8(shell) ? "its SHELL" : NULL;
}

bool crontab_workflow(const struct crontab *t, const struct crontab_entry *e, const struct crontab_options *o,
		      struct buf *out)
{
	const char *other = not_utf8(t, e);
	if (other) {
		diag_add(t->notes, t->name, e->line, 1, "is not imported: %s is not UTF-8", other);
		return false;
	}
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
