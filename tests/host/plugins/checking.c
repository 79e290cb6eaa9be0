/* Checks its options beyond their table, and claims its triggers' paths. */
#include "tiny.h"

static const tappet_option options[] = {
	{.key = "even", .type = TAPPET_INTEGER, .default_value = "0", .help = "An even number."},
};

static const tappet_option trigger_options[] = {
	{.key = "path", .type = TAPPET_STRING, .flags = TAPPET_MULTI, .help = "Begins with a slash."},
	{.key = "where", .replaced_by = "path", .type = TAPPET_STRING, .help = "The older name."},
	{.key = "deep", .type = TAPPET_OBJECT, .help = "{\"list\": [{\"a/b\": 1}]}, and nothing else."},
	{.key = "mode", .type = TAPPET_STRING, .default_value = "fine", .help = "Not \"bad\"."},
};

static void check_options(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	int64_t even = 0;
	checker->config_int(config, "even", 0, &even);
	if (even % 2)
		checker->mistake(check, "even", 0, NULL, "expected an even number");
}

static void check_path(const tappet_checker *checker, tappet_check *check, tappet_str path, size_t index)
{
	char what[256] = "path ";
	if (path.len == 0 || path.ptr[0] != '/' || path.len > 200) {
		checker->mistake(check, "path", index, "", "expected a path that begins with a slash");
		return;
	}
	memcpy(what + strlen(what), path.ptr, path.len);
	checker->claim(check, "path", index, "", what);
}

static void check_trigger(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	tappet_str text;
	for (size_t i = 0; i < checker->config_count(config, "path"); i++)
		if (checker->config_str(config, "path", i, &text) == TAPPET_OK)
			check_path(checker, check, text, i);
	if (checker->config_str(config, "deep", 0, &text) == TAPPET_OK)
		checker->mistake(check, "deep", 0, "/list/0/a~1b", "expected something less deep");
	if (checker->config_str(config, "mode", 0, &text) == TAPPET_OK && text.len == 3)
		checker->mistake(check, "mode", 0, NULL, "expected another mode");
	if (checker->config_count(config, "path") == 0)
		checker->mistake(check, NULL, 0, NULL, "\"path\" is missing");
}

static const tappet_plugin descriptor = {
	TINY("checking"),
	.options = options,
	.option_count = 1,
	.trigger_options = trigger_options,
	.trigger_option_count = 4,
	.option_size = sizeof(tappet_option),
	.check_options = check_options,
	.check_trigger = check_trigger,
};

TINY_EXPORT(descriptor)
