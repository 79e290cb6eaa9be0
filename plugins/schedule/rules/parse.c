/* A pattern as a whole: its dialect, macros, the prefix for a zone, and how many fields there are. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "field.h"
#include "local.h"

#define FIELDS_MAX 8

struct piece {
	const char *begin, *end;
};

struct parse {
	const char *text;
	struct piece rest; /* what is left of it */
	struct piece fields[FIELDS_MAX];
	size_t count; /* may be larger than FIELDS_MAX */
	const struct pattern_options *options;
	const struct dialect_rules *rules;
	struct pattern pattern;
	struct pattern_error *error;
	/* Of the two day fields and the others, as read. */
	struct field_reader seen[FIELD_COUNT];
};

static int fail(struct parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct parse *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, args);
	va_end(args);
	return -EINVAL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(struct piece *piece)
{
	while (piece->begin < piece->end && is_blank(*piece->begin))
		piece->begin++;
	while (piece->end > piece->begin && is_blank(piece->end[-1]))
		piece->end--;
}

static bool begins_with(const struct piece *piece, const char *word)
{
	const size_t len = strlen(word);
	return (size_t)(piece->end - piece->begin) >= len && memcmp(piece->begin, word, len) == 0;
}

static void split(struct parse *p)
{
	p->count = 0;
	for (const char *at = p->rest.begin; at < p->rest.end;) {
		while (at < p->rest.end && is_blank(*at))
			at++;
		const char *begin = at;
		while (at < p->rest.end && !is_blank(*at))
			at++;
		if (p->count < FIELDS_MAX)
			p->fields[p->count] = (struct piece){begin, at};
		p->count++;
	}
}

/* ---- The dialect ---- */

static bool is_year(const struct piece *piece)
{
	if (piece->end - piece->begin != 4)
		return false;
	for (const char *c = piece->begin; c < piece->end; c++)
		if (*c < '0' || *c > '9')
			return false;
	return true;
}

static bool is_question(const struct piece *piece)
{
	return piece->end - piece->begin == 1 && *piece->begin == '?';
}

static enum dialect guess(const struct parse *p)
{
	if (begins_with(&p->rest, "cron("))
		return DIALECT_AWS;
	if (p->count != 6 && p->count != 7)
		return DIALECT_UNIX;
	if (p->count == 6 && is_year(&p->fields[5]))
		return DIALECT_AWS;
	return is_question(&p->fields[3]) != is_question(&p->fields[5]) ? DIALECT_QUARTZ : DIALECT_UNIX;
}

/* cron(...) is how EventBridge has it; the fields alone will do. */
static int unwrap(struct parse *p)
{
	if (!begins_with(&p->rest, "cron("))
		return 0;
	if (p->rest.end[-1] != ')')
		return fail(p, "expected ')' at the end of cron(...)");
	p->rest.begin += strlen("cron(");
	p->rest.end--;
	split(p);
	return 0;
}

static int choose_dialect(struct parse *p)
{
	enum dialect dialect = p->options->dialect;
	split(p);
	if (dialect == DIALECT_AUTO)
		dialect = guess(p);
	p->rules = dialect_rules(dialect);
	p->pattern.dialect = (uint8_t)dialect;
	return dialect == DIALECT_AWS ? unwrap(p) : 0;
}

/* ---- CRON_TZ= ---- */

static int read_zone(struct parse *p, char ret_zone[static ZONE_NAME_MAX])
{
	const bool cron_tz = begins_with(&p->rest, "CRON_TZ=");
	const enum dialect dialect = p->options->dialect;
	ret_zone[0] = '\0';
	if (!cron_tz && !begins_with(&p->rest, "TZ="))
		return 0;
	if (dialect != DIALECT_AUTO && !(dialect_rules(dialect)->features & ZONE_PREFIX))
		return fail(p, "character %zu: the dialect %s has no %s", (size_t)(p->rest.begin - p->text) + 1,
			    dialect_word(dialect), cron_tz ? "CRON_TZ=" : "TZ=");
	const char *name = strchr(p->rest.begin, '=') + 1, *end = name;
	while (end < p->rest.end && !is_blank(*end))
		end++;
	if (end == name || end - name >= ZONE_NAME_MAX)
		return fail(p, "character %zu: expected the name of a time zone, such as Europe/Amsterdam",
			    (size_t)(name - p->text) + 1);
	memcpy(ret_zone, name, (size_t)(end - name));
	ret_zone[end - name] = '\0';
	p->rest.begin = end;
	trim(&p->rest);
	return 0;
}

/* ---- Fields ---- */

static enum field_index field_of_letter(char letter)
{
	switch (letter) {
	case 's':
		return FIELD_SECOND;
	case 'm':
		return FIELD_MINUTE;
	case 'h':
		return FIELD_HOUR;
	case 'd':
		return FIELD_DAY;
	case 'M':
		return FIELD_MONTH;
	case 'w':
		return FIELD_WEEKDAY;
	default:
		return FIELD_YEAR;
	}
}

static const char *find_layout(struct parse *p)
{
	char wanted[40] = "";
	size_t len = 0;
	for (size_t i = 0; i < LAYOUTS_MAX && p->rules->layouts[i]; i++) {
		const size_t count = strlen(p->rules->layouts[i]);
		if (count == p->count)
			return p->rules->layouts[i];
		len += (size_t)snprintf(wanted + len, sizeof(wanted) - len, "%s%zu", i ? ", " : "", count);
	}
	char *comma = strrchr(wanted, ',');
	fail(p, "expected %.*s%s%s fields (dialect %s), found %zu", comma ? (int)(comma - wanted) : (int)len, wanted,
	     comma ? " or" : "", comma ? comma + 1 : "", dialect_word(p->rules->dialect), p->count);
	return NULL;
}

static int read_field(struct parse *p, enum field_index index, const struct piece *piece, const char *text)
{
	struct field_reader *r = &p->seen[index];
	*r = (struct field_reader){
		.text = text,
		.at = piece->begin,
		.end = piece->end,
		.rules = p->rules,
		.dow = p->options->dow != DOW_DEFAULT ? p->options->dow : p->rules->dow,
		.id = p->options->id ? p->options->id : "",
		.index = index,
		.pattern = &p->pattern,
		.error = p->error,
	};
	return field_read(r);
}

static int check_questions(struct parse *p)
{
	const bool day = p->seen[FIELD_DAY].is_question, weekday = p->seen[FIELD_WEEKDAY].is_question;
	if (!(p->rules->features & QUESTION_ONE) || day != weekday)
		return 0;
	return fail(p, "day of month, day of week: expected '?' in exactly one of the two (dialect %s), found it in %s",
		    dialect_word(p->rules->dialect), day ? "both" : "none");
}

/* ---- What follows from the fields ---- */

static bool is_either(const struct parse *p)
{
	const struct field_reader *day = &p->seen[FIELD_DAY], *weekday = &p->seen[FIELD_WEEKDAY];
	const bool free = day->is_star || weekday->is_star;
	if (p->options->day != DAY_DEFAULT)
		return p->options->day == DAY_OR && !free;
	if (weekday->has_plus || free)
		return false;
	switch (p->rules->join) {
	case JOIN_AND:
		return false;
	case JOIN_OR:
		return true;
	case JOIN_OR_UNIX:
		return !day->begins_with_star && !weekday->begins_with_star;
	case JOIN_OR_UNIT_STAR:
		return !day->has_unit_star && !weekday->has_unit_star;
	}
	return false;
}

static void finish(struct parse *p, const char *layout)
{
	struct pattern *pattern = &p->pattern;
	pattern->has_seconds = strchr(layout, 's') != NULL;
	if (!pattern->has_seconds)
		pattern->bits.seconds = 1;
	if (!strchr(layout, 'y'))
		pattern->any_year = true;
	pattern->either_day = is_either(p);
	pattern->wild = p->seen[FIELD_MINUTE].begins_with_star || p->seen[FIELD_HOUR].begins_with_star;
	pattern->possible_months = local_possible_months(pattern);
}

static int read_fields(struct parse *p, const char *text)
{
	const char *layout = find_layout(p);
	if (!layout)
		return -EINVAL;
	for (size_t i = 0; i < p->count; i++) {
		const int error = read_field(p, field_of_letter(layout[i]), &p->fields[i], text);
		if (error)
			return error;
	}
	const int error = check_questions(p);
	if (!error)
		finish(p, layout);
	return error;
}

/* ---- Macros ---- */

static const struct macro {
	const char *name, *fields;
	uint32_t feature;
} macros[] = {
	{"@yearly", "0 0 1 1 *", NAMED_MACROS},        {"@annually", "0 0 1 1 *", NAMED_MACROS},
	{"@monthly", "0 0 1 * *", NAMED_MACROS},       {"@weekly", "0 0 * * 0", NAMED_MACROS},
	{"@daily", "0 0 * * *", NAMED_MACROS},         {"@midnight", "0 0 * * *", NAMED_MACROS},
	{"@hourly", "0 * * * *", NAMED_MACROS},        {"@every_minute", "* * * * *", MORE_MACROS},
	{"@every_second", "* * * * * *", MORE_MACROS}, {"@minutely", "* * * * *", MORE_MACROS},
	{"@secondly", "* * * * * *", MORE_MACROS},     {"@reboot", NULL, REBOOT},
};

static bool is_macro(const struct parse *p, const struct macro *m)
{
	const size_t len = strlen(m->name);
	if (!(p->rules->features & m->feature) || (size_t)(p->rest.end - p->rest.begin) != len)
		return false;
	if (p->rules->features & ANY_CASE_MACROS)
		return strncasecmp(p->rest.begin, m->name, len) == 0;
	return memcmp(p->rest.begin, m->name, len) == 0;
}

static void list_macros(const struct parse *p, char *out, size_t size)
{
	size_t len = 0;
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]) && len < size; i++)
		if (p->rules->features & macros[i].feature)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", macros[i].name);
	if (p->rules->features & EVERY && len < size)
		snprintf(out + len, size - len, ", @every DURATION");
}

/* What stands for a macro is written in fields of crontab(5); for changes of the clock the dialect's rules hold. */
static int expand(struct parse *p, const struct macro *m)
{
	if (!m->fields) {
		p->pattern.kind = PATTERN_REBOOT;
		return 0;
	}
	static const struct pattern_options plain = {0};
	const struct dialect_rules *own_rules = p->rules;
	const struct pattern_options *own_options = p->options;
	p->rules = dialect_rules(DIALECT_UNIX);
	p->options = &plain;
	p->rest = (struct piece){m->fields, m->fields + strlen(m->fields)};
	split(p);
	const int error = read_fields(p, m->fields);
	p->rules = own_rules;
	p->options = own_options;
	return error;
}

static int read_every(struct parse *p)
{
	char text[32];
	int64_t ms;
	const char *begin = p->rest.begin + strlen("@every ");
	const size_t len = (size_t)(p->rest.end - begin);
	if (len < sizeof(text)) {
		memcpy(text, begin, len);
		text[len] = '\0';
	}
	if (len >= sizeof(text) || duration_parse(text, &ms) < 0)
		return fail(p, "character %zu: expected a duration such as 90s or 1h30m behind @every",
			    (size_t)(begin - p->text) + 1);
	/* As robfig/cron has it. */
	if (ms < 1000 && p->rules->dialect == DIALECT_ROBFIG)
		ms = 1000;
	if (ms < 1000)
		return fail(p, "character %zu: expected at least 1s behind @every", (size_t)(begin - p->text) + 1);
	p->pattern.kind = PATTERN_EVERY;
	p->pattern.every_s = ms / 1000;
	return 0;
}

static int read_macro(struct parse *p)
{
	char known[200] = "";
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++)
		if (is_macro(p, &macros[i]))
			return expand(p, &macros[i]);
	if (p->rules->features & EVERY && begins_with(&p->rest, "@every "))
		return read_every(p);
	list_macros(p, known, sizeof(known));
	if (!known[0])
		return fail(p, "the dialect %s has no macros such as '%.20s'", dialect_word(p->rules->dialect),
			    p->rest.begin);
	return fail(p, "unknown macro: expected %s", known);
}

/* ---- */

static int parse_all(struct parse *p, char ret_zone[static ZONE_NAME_MAX])
{
	p->rest = (struct piece){p->text, p->text + strlen(p->text)};
	if (p->rest.end - p->rest.begin > PATTERN_TEXT_MAX)
		return fail(p, "a pattern has at most %d characters", PATTERN_TEXT_MAX);
	trim(&p->rest);
	int error = read_zone(p, ret_zone);
	if (!error)
		error = choose_dialect(p);
	if (error)
		return error;
	if (p->rest.begin == p->rest.end)
		return fail(p, "expected a pattern, found nothing");
	error = *p->rest.begin == '@' ? read_macro(p) : read_fields(p, p->text);
	const struct pattern_options *o = p->options;
	p->pattern.gap = (uint8_t)(o->gap != GAP_DEFAULT ? o->gap : p->rules->gap);
	p->pattern.overlap = (uint8_t)(o->overlap != OVERLAP_DEFAULT ? o->overlap : p->rules->overlap);
	/* A wild pattern runs by the clock as it goes, unless somebody asks for something else. */
	if (p->pattern.wild && o->gap == GAP_DEFAULT)
		p->pattern.gap = GAP_SKIP;
	if (p->pattern.wild && o->overlap == OVERLAP_DEFAULT)
		p->pattern.overlap = OVERLAP_BOTH;
	return error;
}

int pattern_parse(const char *text, const struct pattern_options *options, struct pattern *ret,
		  char ret_zone[static ZONE_NAME_MAX], struct pattern_error *ret_error)
{
	static const struct pattern_options none = {0};
	char zone[ZONE_NAME_MAX];
	struct parse p = {.text = text, .options = options ? options : &none, .error = ret_error};
	const int error = parse_all(&p, zone);
	if (error)
		return error;
	*ret = p.pattern;
	memcpy(ret_zone, zone, sizeof(zone));
	return 0;
}
