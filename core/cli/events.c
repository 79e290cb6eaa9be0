#include "cli/events.h"

#include <errno.h>
#include "cli/show.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024 * 1024)
/* Of the data, on a line for people. */
#define DATA_MAX_BYTES 160

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

static int read_types(struct events *e, const char *text)
{
	size_t count = 0;
	char *rest = NULL;
	if (!text)
		return CLI_OK;
	e->type_text = strdup(text);
	if (!e->type_text) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	for (char *type = strtok_r(e->type_text, ", ", &rest); type; type = strtok_r(NULL, ", ", &rest)) {
		if (count == EVENT_TYPES_MAX) {
			cli_error("at most %d types can be named", EVENT_TYPES_MAX);
			return CLI_USAGE;
		}
		e->types[count++] = type;
	}
	return CLI_OK;
}

static bool read_number(const struct cli *c, const char *option, int64_t least, int64_t *ret)
{
	const char *text = cli_value(c, option);
	char *end;
	if (!text)
		return true;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && number >= least && number <= (long long)1 << 53) {
		*ret = number;
		return true;
	}
	cli_error("--%s must be a number of at least %lld, not '%s'", option, (long long)least, text);
	return false;
}

int events_read(const struct cli *c, struct events *ret)
{
	const char *types = cli_value(c, "types");
	struct events e = {.c = c,
			   .workflow = cli_value(c, "workflow"),
			   .team = cli_value(c, "team"),
			   .activity = cli_value(c, "activity"),
			   .replay = cli_value(c, "since") != NULL};
	*ret = e;
	if (types && c->arg_count > 0) {
		cli_error("types are named twice: as an argument and by --types");
		return CLI_USAGE;
	}
	if (!read_number(c, "since", 0, &ret->position) || !read_number(c, "count", 1, &ret->left))
		return CLI_USAGE;
	return read_types(ret, c->arg_count > 0 ? c->args[0] : types);
}

void events_release(struct events *e)
{
	free(e->type_text);
	e->type_text = NULL;
}

/* ---- how it is shown --------------------------------------------------------------------------------------------- */

/* The colour of the status that an event tells of. */
static const char *colour_of(const struct events *e, const char *type)
{
	static const char *const words[][2] = {
		{".completed", "completed"}, {".failed", "failure"},     {".invalid", "invalid"},
		{".cancelled", "cancelled"}, {".started", "inProgress"}, {".waiting", "waiting"},
	};
	const char *dot = strchr(type, '.');
	for (size_t i = 0; e->c->colour && dot && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(dot, words[i][0]) == 0)
			return show_colour(words[i][1]);
	return NULL;
}

/* What a terminal would act upon is no part of a line. */
static void print_plain(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void print_data(const struct json *data)
{
	struct buf text;
	if (json_count(data) == 0)
		return;
	buf_init(&text, LINE_MAX_BYTES);
	json_print(data, &text);
	putchar(' ');
	size_t len = text.len;
	/* Not in the middle of a character. */
	if (len > DATA_MAX_BYTES)
		for (len = DATA_MAX_BYTES; len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80; len--)
			continue;
	char *cut = strndup(buf_cstr(&text), len);
	print_plain(cut ? cut : "");
	if (len < text.len)
		fputs(" ...", stdout);
	free(cut);
	buf_release(&text);
}

static void print_pretty(const struct events *e, const struct json *event, int64_t seq)
{
	char when[SHOW_MAX];
	const char *type = json_get_str(event, "event"), *workflow = json_get_str(event, "workflow");
	const char *activity = json_get_str(event, "activityId");
	const char *colour = colour_of(e, type ? type : "");
	printf("%s %7lld %s", show_time(json_get_str(event, "time"), when), (long long)seq, colour ? colour : "");
	print_plain(type ? type : "?");
	printf("%s", colour ? "\033[0m" : "");
	if (workflow) {
		putchar(' ');
		print_plain(workflow);
	}
	if (activity)
		printf(" %s", activity);
	print_data(json_get(event, "data"));
	putchar('\n');
}

static void print_line(const struct json *event)
{
	struct buf text;
	buf_init(&text, LINE_MAX_BYTES);
	json_print(event, &text);
	puts(buf_cstr(&text));
	buf_release(&text);
}

/* ---- what comes -------------------------------------------------------------------------------------------------- */

void events_begin(struct events *e, int64_t position)
{
	e->position = position;
	e->replay = true;
}

void events_move(struct events *e, int64_t position)
{
	if (!e->replay || position > e->position)
		e->position = position;
	e->replay = true;
}

void events_take(struct events *e, const struct json *event)
{
	int64_t seq;
	if (e->over || json_int(json_get(event, "seq"), &seq) < 0 || (e->replay && seq <= e->position))
		return;
	if (e->c->json)
		print_line(event);
	else
		print_pretty(e, event, seq);
	/* Whoever reads it is gone. */
	if (fflush(stdout) != 0)
		e->over = true;
	events_move(e, seq);
	if (e->left > 0 && --e->left == 0)
		e->over = true;
}

void events_gap(struct events *e, int64_t from, int64_t to)
{
	if (e->c->json)
		printf("{\"gap\":{\"from\":%lld,\"to\":%lld}}\n", (long long)from, (long long)to);
	else
		fprintf(stderr, "tappet: some of the events %lld to %lld are not kept any more\n", (long long)from,
			(long long)to);
	fflush(stdout);
	events_move(e, to);
}
