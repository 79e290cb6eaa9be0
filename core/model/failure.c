#include "model/failure.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The codes that a filter may name; last 0: none. */
static const struct {
	const char *name;
	int first, last;
	bool is_filter;
} kinds[] = {
	[FAILURE_NONE] = {"none", 0, 0, false},      [FAILURE_EXIT] = {"exit", 1, 255, true},
	[FAILURE_SIGNAL] = {"signal", 0, 0, true},   [FAILURE_TIMEOUT] = {"timeout", 0, 0, true},
	[FAILURE_START] = {"start", 0, 0, true},     [FAILURE_STATUS] = {"status", 100, 599, true},
	[FAILURE_NETWORK] = {"network", 0, 0, true}, [FAILURE_OUTPUT] = {"output", 0, 0, true},
	[FAILURE_CHILD] = {"child", 0, 0, true},     [FAILURE_REJECTED] = {"rejected", 0, 0, false},
	[FAILURE_OTHER] = {"other", 0, 0, false},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static bool read_number(const char **text, int *ret)
{
	char *end;
	long value;

	if (!isdigit((unsigned char)**text))
		return false;
	value = strtol(*text, &end, 10);
	if (end - *text > 3)
		return false;
	*text = end;
	*ret = (int)value;
	return true;
}

int failure_codes_parse(const char *text, int *ret_first, int *ret_last)
{
	int first, last;

	if (text[0] >= '1' && text[0] <= '5' && strcmp(text + 1, "xx") == 0) {
		*ret_first = 100 * (text[0] - '0');
		*ret_last = *ret_first + 99;
		return 0;
	}
	if (!read_number(&text, &first))
		return -EINVAL;
	last = first;
	if (*text == '-') {
		text++;
		if (!read_number(&text, &last))
			return -EINVAL;
	}
	if (*text || last < first)
		return -EINVAL;
	*ret_first = first;
	*ret_last = last;
	return 0;
}

static int parse_codes(const char *text, struct failure_filter *filter)
{
	int r;

	/* Classes are of statuses only. */
	if (filter->kind == FAILURE_EXIT && strchr(text, 'x'))
		return -EINVAL;
	r = failure_codes_parse(text, &filter->first, &filter->last);
	if (r < 0 || filter->first < kinds[filter->kind].first || filter->last > kinds[filter->kind].last)
		return -EINVAL;
	return 0;
}

int failure_filter_parse(const char *text, struct failure_filter *ret)
{
	size_t len = strcspn(text, ":");

	for (size_t i = 0; i < KIND_COUNT; i++) {
		struct failure_filter filter = {.kind = (enum failure_kind)i};

		if (!kinds[i].is_filter || strlen(kinds[i].name) != len || memcmp(kinds[i].name, text, len) != 0)
			continue;
		if (text[len] == ':' && parse_codes(text + len + 1, &filter) < 0)
			return -EINVAL;
		*ret = filter;
		return 0;
	}
	return -EINVAL;
}

bool failure_matches(const struct failure_filter *filters, size_t count, const struct failure *f)
{
	if (!filters)
		return f->kind != FAILURE_NONE;
	for (size_t i = 0; i < count; i++) {
		if (filters[i].kind != f->kind)
			continue;
		if (filters[i].last == 0 || (f->code >= filters[i].first && f->code <= filters[i].last))
			return true;
	}
	return false;
}

const char *failure_kind_name(enum failure_kind kind)
{
	return (size_t)kind < KIND_COUNT ? kinds[kind].name : kinds[FAILURE_OTHER].name;
}
