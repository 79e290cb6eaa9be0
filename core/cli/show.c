#include "cli/show.h"

#include <time.h>
#include "base/clock.h"

#define CELL_MAX 512

void table_init(struct table *t, const char *const *heads, size_t columns)
{
	*t = (struct table){.columns = columns};
	for (size_t i = 0; i < columns; i++)
		table_add(t, heads[i]);
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}

void table_add(struct table *t, const char *text)
{
	char **grown = realloc(t->cells, (t->count + 1) * sizeof(*grown));
	char *copy = strndup(text ? text : "", CELL_MAX);
	if (grown)
		t->cells = grown;
	if (!grown || !copy) {
		free(copy);
		t->failed = true;
		return;
	}
	/* Names come from outside: no escape sequence of theirs reaches the terminal. */
	for (char *at = copy; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	t->cells[t->count++] = copy;
}

void table_fact(struct table *t, const char *name, const char *value)
{
	if (!value || !value[0])
		return;
	table_add(t, name);
	table_add(t, value);
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t width(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct table *t, size_t column, size_t first_row)
{
	size_t most = 0;
	for (size_t i = first_row * t->columns + column; i < t->count; i += t->columns)
		if (width(t->cells[i]) > most)
			most = width(t->cells[i]);
	return most;
}

struct status_colour {
	const char *name, *colour;
};

const char *show_colour(const char *status)
{
	static const struct status_colour colours[] = {
		{"completed", "\033[32m"},  {"failure", "\033[31m"}, {"invalid", "\033[31m"}, {"cancelled", "\033[33m"},
		{"inProgress", "\033[36m"}, {"waiting", "\033[36m"}, {"skipped", "\033[2m"},  {"notstarted", "\033[2m"},
	};
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(colours[i].name, status) == 0)
			return colours[i].colour;
	return NULL;
}

static void print_cell(const char *text, size_t room, bool last, bool colour)
{
	const char *sequence = colour ? show_colour(text) : NULL;
	printf("%s%s%s", sequence ? sequence : "", text, sequence ? "\033[0m" : "");
	if (!last)
		printf("%*s", (int)(room - width(text) + 2), "");
}

/* Without the empty cells at the end of the row. */
static size_t used_cells(const struct table *t, size_t row)
{
	size_t used = t->columns;
	while (used > 0 && t->cells[row * t->columns + used - 1][0] == '\0')
		used--;
	return used;
}

void table_print(const struct table *t, bool head, bool colour)
{
	const size_t first_row = head ? 0 : 1, rows = t->columns ? t->count / t->columns : 0;
	if (t->failed) {
		fputs("tappet: out of memory\n", stderr);
		return;
	}
	size_t *widths = calloc(t->columns, sizeof(*widths));
	if (!widths)
		return;
	for (size_t i = 0; i < t->columns; i++)
		widths[i] = column_width(t, i, first_row);
	for (size_t row = first_row; row < rows; row++) {
		const size_t used = used_cells(t, row);
		for (size_t i = 0; i < used; i++)
			print_cell(t->cells[row * t->columns + i], widths[i], i + 1 == used, colour);
		putchar('\n');
	}
	free(widths);
}

const char *show_time(const char *rfc3339, char ret[static SHOW_MAX])
{
	struct tm parts;
	int64_t wall_ms;
	ret[0] = '\0';
	if (!rfc3339 || clock_parse_rfc3339(rfc3339, &wall_ms) < 0)
		return ret;
	const time_t seconds = (time_t)(wall_ms / 1000);
	if (localtime_r(&seconds, &parts))
		strftime(ret, SHOW_MAX, "%Y-%m-%d %H:%M:%S", &parts);
	return ret;
}

const char *show_duration(const struct json *ms, char ret[static SHOW_MAX])
{
	int64_t value;
	ret[0] = '\0';
	if (!ms || json_int(ms, &value) < 0)
		return ret;
	const long long s = value / 1000;
	if (value < 1000)
		snprintf(ret, SHOW_MAX, "%lldms", (long long)value);
	else if (s < 60)
		snprintf(ret, SHOW_MAX, "%lld.%llds", s, (long long)value % 1000 / 100);
	else if (s < 3600)
		snprintf(ret, SHOW_MAX, "%lldm%02llds", s / 60, s % 60);
	else
		snprintf(ret, SHOW_MAX, "%lldh%02lldm", s / 3600, s % 3600 / 60);
	return ret;
}

const char *show_workflow_state(const struct json *workflow)
{
	if (json_bool(json_get(workflow, "removed")))
		return "removed";
	return json_bool(json_get(workflow, "enabled")) ? "enabled" : "disabled";
}

char *show_joined(const struct json *array, const char *separator)
{
	struct buf out;
	buf_init(&out, 64 * 1024);
	for (const struct json *item = json_first(array); item; item = json_next(item))
		buf_printf(&out, "%s%s", out.len > 0 ? separator : "", json_str(item) ? json_str(item) : "");
	return buf_detach(&out, NULL);
}
