/* Triggers with the same options have the same settings, and others have not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../../../plugins/webhook/settings.h"

/* What a trigger's options are here: of "auth" and "path" the values, NULL at the end. */
struct tappet_config {
	const char *auth[2], *path[3];
};

static const tappet_option table[] = {
	{"auth", TAPPET_JSON, TAPPET_SECRET, NULL, "", NULL},
	{"path", TAPPET_STRING, TAPPET_MULTI, NULL, "", NULL},
	{"wait", TAPPET_DURATION, 0, NULL, "", NULL},
	{"cloudEvents", TAPPET_BOOLEAN, 0, NULL, "", NULL},
};

static const char *const *values_of(const tappet_config *config, const char *key)
{
	static const char *const none[] = {NULL};
	if (strcmp(key, "auth") == 0)
		return config->auth;
	return strcmp(key, "path") == 0 ? config->path : none;
}

static size_t count(const tappet_config *config, const char *key)
{
	size_t n = 0;
	while (values_of(config, key)[n])
		n++;
	return n;
}

static int32_t str(const tappet_config *config, const char *key, size_t index, tappet_str *ret)
{
	if (index >= count(config, key))
		return TAPPET_ENOTFOUND;
	*ret = tappet_cstr(values_of(config, key)[index]);
	return TAPPET_OK;
}

static int32_t integer(const tappet_config *config, const char *key, size_t index, int64_t *ret)
{
	(void)config;
	(void)key;
	(void)index;
	(void)ret;
	return TAPPET_ENOTFOUND;
}

static int32_t boolean(const tappet_config *config, const char *key, int32_t *ret)
{
	(void)config;
	(void)key;
	(void)ret;
	return TAPPET_ENOTFOUND;
}

static struct settings *take(struct settings_shelf *shelf, struct tappet_config config)
{
	const struct settings_source source = {.count = count,
					       .str = str,
					       .integer = integer,
					       .boolean = boolean,
					       .config = &config,
					       .secrets_resolved = true};
	struct settings *s = NULL;
	assert_int_equal(settings_take(shelf, &source, table, sizeof(table) / sizeof(table[0]), &s), TAPPET_OK);
	return s;
}

static void the_same_options_are_one_object_until_nobody_has_it(void **state)
{
	(void)state;
	struct settings_shelf shelf = {0};
	struct settings *first = take(&shelf, (struct tappet_config){.auth = {"\"none\""}});
	struct settings *again = take(&shelf, (struct tappet_config){.auth = {"\"none\""}});
	assert_ptr_equal(first, again);
	settings_unref(first);
	assert_ptr_equal(take(&shelf, (struct tappet_config){.auth = {"\"none\""}}), again);
	settings_unref(again);
	settings_unref(again);
	for (size_t i = 0; i < SETTINGS_BUCKETS; i++)
		assert_null(shelf.buckets[i]);
}

static void whatever_differs_makes_another_one(void **state)
{
	(void)state;
	static const struct tappet_config configs[] = {
		{.auth = {NULL}},
		{.auth = {"\"none\""}},
		{.auth = {"{\"bearer\":\"one secret\"}"}},
		{.auth = {"{\"bearer\":\"another secret\"}"}},
		{.auth = {"\"none\""}, .path = {"/a", "/b"}},
		{.auth = {"\"none\""}, .path = {"/b", "/a"}},
		{.auth = {"\"none\""}, .path = {"/a/b"}},
	};
	enum { COUNT = sizeof(configs) / sizeof(configs[0]) };
	struct settings_shelf shelf = {0};
	struct settings *taken[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		taken[i] = take(&shelf, configs[i]);
		for (size_t n = 0; n < i; n++)
			assert_ptr_not_equal(taken[i], taken[n]);
	}
	for (size_t i = 0; i < COUNT; i++)
		settings_unref(taken[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_options_are_one_object_until_nobody_has_it),
		cmocka_unit_test(whatever_differs_makes_another_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
