/* Words of options, and what else is read without knowing any dialect. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "pattern.h"

struct word {
	const char *text;
	int value;
};

static const struct word dialects[] = {
	{"auto", DIALECT_AUTO},     {"unix", DIALECT_UNIX},     {"vixie", DIALECT_VIXIE},   {"ocps", DIALECT_OCPS},
	{"quartz", DIALECT_QUARTZ}, {"spring", DIALECT_SPRING}, {"robfig", DIALECT_ROBFIG}, {"aws", DIALECT_AWS},
};
static const struct word days[] = {{"or", DAY_OR}, {"and", DAY_AND}};
static const struct word dows[] = {
	{"0-7", DOW_0_7}, {"0-6", DOW_0_6}, {"1-7", DOW_1_7}, {"unix", DOW_0_7}, {"quartz", DOW_1_7}};
static const struct word gaps[] = {{"run_after", GAP_RUN_AFTER}, {"skip", GAP_SKIP}};
static const struct word overlaps[] = {{"first", OVERLAP_FIRST}, {"last", OVERLAP_LAST}, {"both", OVERLAP_BOTH}};

static int find(const struct word *words, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].text, text) == 0)
			return words[i].value;
	return -EINVAL;
}

#define FIND(words, text) find(words, sizeof(words) / sizeof((words)[0]), text)

int dialect_of_word(const char *word, enum dialect *ret)
{
	const int value = FIND(dialects, word);
	if (value < 0)
		return value;
	*ret = (enum dialect)value;
	return 0;
}

int day_of_word(const char *word, enum day_rule *ret)
{
	const int value = FIND(days, word);
	if (value < 0)
		return value;
	*ret = (enum day_rule)value;
	return 0;
}

int dow_of_word(const char *word, enum dow_rule *ret)
{
	const int value = FIND(dows, word);
	if (value < 0)
		return value;
	*ret = (enum dow_rule)value;
	return 0;
}

int gap_of_word(const char *word, enum gap_rule *ret)
{
	const int value = FIND(gaps, word);
	if (value < 0)
		return value;
	*ret = (enum gap_rule)value;
	return 0;
}

int overlap_of_word(const char *word, enum overlap_rule *ret)
{
	const int value = FIND(overlaps, word);
	if (value < 0)
		return value;
	*ret = (enum overlap_rule)value;
	return 0;
}

const char *dialect_word(enum dialect dialect)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (dialects[i].value == (int)dialect)
			return dialects[i].text;
	return "";
}

/* ---- Durations ---- */

#define DURATION_MAX_MS ((int64_t)36525 * 86400000)

static const struct unit {
	const char *name;
	double ms;
} units[] = {
	{"ns", 1e-6}, {"us", 1e-3}, {"\xc2\xb5s", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 36e5}, {"d", 864e5},
};

static const struct unit *read_unit(const char **at)
{
	size_t len = strcspn(*at, "0123456789.");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len && memcmp(units[i].name, *at, len) == 0) {
			*at += len;
			return &units[i];
		}
	return NULL;
}

/* Digits with at most one point among them. */
static bool read_decimal(const char **at, double *ret)
{
	double value = 0, place = 1;
	bool point = false, digits = false;
	for (; isdigit((unsigned char)**at) || (**at == '.' && !point); (*at)++) {
		if (**at == '.') {
			point = true;
			continue;
		}
		digits = true;
		value = value * 10 + (**at - '0');
		place *= point ? 10 : 1;
	}
	*ret = value / place;
	return digits;
}

int duration_parse(const char *text, int64_t *ret_ms)
{
	double sum = 0, number;
	do {
		const struct unit *unit = NULL;
		if (!read_decimal(&text, &number) || !(unit = read_unit(&text)))
			return -EINVAL;
		sum += number * unit->ms;
		if (!(sum <= (double)DURATION_MAX_MS))
			return -ERANGE;
	} while (*text);
	*ret_ms = (int64_t)(sum + 1e-6);
	return 0;
}

/* ---- Hashes ---- */

/* FNV-1a, then the finalizer of splitmix64 so that near ids end far apart. */
uint64_t stable_hash(const char *id, uint64_t salt)
{
	uint64_t h = 0xcbf29ce484222325u ^ salt;
	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 0x100000001b3u;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}
