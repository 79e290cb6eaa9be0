#include "base/json_scan.h"

/* The tree and the text hold the same values in the same order, so the n-th of the one is the n-th of the other. */
static bool count_until(const struct json *at, const struct json *wanted, size_t *count)
{
	if (at == wanted)
		return true;
	++*count;
	for (const struct json *c = json_first(at); c; c = json_next(c))
		if (count_until(c, wanted, count))
			return true;
	return false;
}

struct locate {
	size_t left;
	size_t value_at, key_at;
};

static int stop_at(void *arg, size_t value_at, size_t key_at)
{
	struct locate *l = arg;
	if (l->left-- > 0)
		return 0;
	l->value_at = value_at;
	l->key_at = key_at;
	return 1;
}

bool json_locate(const char *text, size_t len, const struct json *root, const struct json *wanted, size_t *ret_value_at,
		 size_t *ret_key_at)
{
	struct locate l = {0};
	if (!count_until(root, wanted, &l.left) || json_scan(text, len, stop_at, &l, NULL) != 1)
		return false;
	*ret_value_at = l.value_at;
	*ret_key_at = l.key_at;
	return true;
}
