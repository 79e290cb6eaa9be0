#include "cli/nearest.h"

#include <stdint.h>

#define NAME_MAX_LEN 32

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance, row by row. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1];
	const size_t len_a = strlen(a), len_b = strlen(b);
	if (len_a > NAME_MAX_LEN || len_b > NAME_MAX_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= len_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			const size_t changed = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = least(changed, least(row[j] + 1, row[j - 1] + 1));
		}
	}
	return row[len_b];
}

const char *nearest(const char *const *names, size_t count, const char *typed)
{
	const char *best = NULL;
	size_t best_distance = least(strlen(typed) / 2, 3) + 1;
	for (size_t i = 0; i < count; i++) {
		const size_t d = distance(names[i], typed);
		if (d < best_distance) {
			best_distance = d;
			best = names[i];
		}
	}
	return best;
}
