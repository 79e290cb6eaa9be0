/* Everything is read in place: what a line means is never longer than the line. */
#include "cli/crontab.h"

#include <ctype.h>

/* Comments right above an entry, joined in place. */
struct comment {
	char *begin, *end; /* NULL: there is none */
};

/* ---- Comments -------------------------------------------------------------------------------------------------- */

/* The head of Debian's crontabs and of `crontab -e`, rulers, and entries that were switched off describe nothing. */
static bool says_something(const char *text)
{
	static const char *const heads[] = {"m h ", "DO NOT EDIT", "Edit this file"};
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strncmp(text, heads[i], strlen(heads[i])) == 0)
			return false;
	return (isalnum((unsigned char)*text) || (unsigned char)*text >= 0x80) && !strstr(text, "dom mon dow") &&
	       !crontab_looks_like_entry(text) && !crontab_is_variable(text);
}

static void take_comment(struct comment *c, char *line)
{
	char *text = line + strspn(line, "#");
	text += strspn(text, " \t");
	const size_t len = strlen(text);
	if (!says_something(text)) {
		/* An empty one parts what is said of the file from what is said of the entry. */
		*c = (struct comment){0};
		return;
	}
	if (!c->begin)
		c->begin = c->end = line;
	else
		*c->end++ = '\n';
	memmove(c->end, text, len);
	c->end += len;
	*c->end = '\0';
}

/* ---- Variables ------------------------------------------------------------------------------------------------- */

static char *trim_end(char *text)
{
	size_t len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* Without the quotes around it. */
static char *unquote(char *text)
{
	const size_t len = strlen(text);
	if (len < 2 || (text[0] != '"' && text[0] != '\'') || text[len - 1] != text[0])
		return text;
	text[len - 1] = '\0';
	return text + 1;
}

static bool add_variable(struct crontab *t, char *line, unsigned number)
{
	struct crontab_variable *grown = reallocarray(t->variables, t->variable_count + 1, sizeof(*grown));
	if (!grown)
		return false;
	t->variables = grown;
	char *equals = strchr(*line == '"' || *line == '\'' ? strchr(line + 1, *line) : line, '=');
	*equals = '\0';
	char *value = equals + 1 + strspn(equals + 1, " \t");
	grown[t->variable_count++] =
		(struct crontab_variable){unquote(trim_end(line)), unquote(trim_end(value)), number};
	return true;
}

const char *crontab_value(const struct crontab *t, const struct crontab_entry *e, const char *name)
{
	for (size_t i = e->variable_count; i > 0; i--)
		if (strcmp(t->variables[i - 1].name, name) == 0)
			return t->variables[i - 1].value;
	return NULL;
}

/* ---- Entries --------------------------------------------------------------------------------------------------- */

/* The fields with one blank between them. */
static char *take_when(char *line, char *behind)
{
	char *to = line;
	for (char *from = line; from < behind; from++) {
		const bool blank = *from == ' ' || *from == '\t';
		if (!blank)
			*to++ = *from;
		else if (to > line && to[-1] != ' ')
			*to++ = ' ';
	}
	/* Where nothing was left out, the blank behind the fields has to make way. */
	if (to > line && to[-1] == ' ')
		to--;
	*to = '\0';
	return line;
}

/* As cron does it: the first % ends the command, \% is a %. What follows is its input, where further ones are ends of lines.
 * In the command a backslash goes with the character behind it, so that \\% ends it; in the input \\% is \%. */
static const char *split_command(char *command)
{
	char *to = command, *from = command;
	for (; *from && *from != '%'; from++) {
		if (from[0] == '\\' && from[1] == '%')
			from++;
		else if (from[0] == '\\' && from[1] == '\\')
			*to++ = *from++;
		*to++ = *from;
	}
	const bool has_input = *from == '%';
	char *input = from + 1, *end = input;
	*to = '\0';
	if (!has_input)
		return NULL;
	for (from = input; *from; from++) {
		if (from[0] == '\\' && from[1] == '%')
			*end++ = *++from;
		else
			*end++ = *from == '%' ? '\n' : *from;
	}
	*end = '\0';
	return input;
}

static void fail(struct crontab *t, unsigned number, const char *why)
{
	diag_add(t->notes, t->name, number, 1, "%s", why);
	t->failed++;
}

static bool add_entry(struct crontab *t, char *line, unsigned number, const struct comment *comment)
{
	char *behind = line + (crontab_behind_when(line) ? crontab_behind_when(line) - line : 0);
	struct crontab_entry e = {.line = number, .variable_count = t->variable_count};
	if (behind == line) {
		fail(t, number, "neither an entry nor a variable: expected five fields or an @word, then a command");
		return true;
	}
	char *command = behind;
	if (t->system) {
		e.user = behind;
		command = behind + strcspn(behind, " \t");
		if (*command) {
			*command++ = '\0';
			command += strspn(command, " \t");
		}
	}
	if (*command == '\0') {
		fail(t, number, t->system ? "there is no command behind time and user" : "there is no command");
		return true;
	}
	e.when = take_when(line, behind);
	e.command = command;
	e.input = split_command(command);
	if (comment->begin && crontab_is_utf8(comment->begin))
		e.comment = comment->begin;
	else if (comment->begin)
		diag_add(t->notes, t->name, number, 1, "the comment above is not carried over: it is not UTF-8");
	struct crontab_entry *grown = reallocarray(t->entries, t->entry_count + 1, sizeof(*grown));
	if (!grown)
		return false;
	t->entries = grown;
	grown[t->entry_count++] = e;
	return true;
}

/* ---- Lines ----------------------------------------------------------------------------------------------------- */

static bool take_line(struct crontab *t, char *line, unsigned number, struct comment *comment)
{
	bool well = true;
	line = trim_end(line + strspn(line, " \t"));
	if (*line == '#') {
		take_comment(comment, line);
		return true;
	}
	if (*line == '-') {
		diag_add(t->notes, t->name, number, 1, "the '-' in front, for less in syslog, is not carried over");
		line += 1 + strspn(line + 1, " \t");
	}
	if (crontab_is_variable(line))
		well = add_variable(t, line, number);
	else if (*line)
		well = add_entry(t, line, number, comment);
	*comment = (struct comment){0};
	return well;
}

bool crontab_read(struct crontab *t, const char *text)
{
	struct comment comment = {0};
	unsigned number = 0;
	bool well = true;
	t->text = strdup(text);
	for (char *line = t->text, *next; line && well; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		well = take_line(t, line, ++number, &comment);
	}
	return t->text && well;
}

void crontab_release(struct crontab *t)
{
	free(t->variables);
	free(t->entries);
	free(t->text);
}
