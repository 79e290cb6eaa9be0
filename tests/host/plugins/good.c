/* Everything is right. */
#include "tiny.h"

static const tappet_option options[] = {
	{.key = "greeting", .type = TAPPET_STRING, .default_value = "hello", .help = "What to say."},
	{.key = "token", .type = TAPPET_STRING, .flags = TAPPET_SECRET, .help = "A secret."},
};

static const tappet_option trigger_options[] = {
	{.key = "path", .type = TAPPET_STRING, .flags = TAPPET_REQUIRED, .help = "Where."},
};

static const tappet_plugin descriptor = {
	TINY("good"),
	.options = options,
	.option_count = 2,
	.trigger_options = trigger_options,
	.trigger_option_count = 1,
	.option_size = sizeof(tappet_option),
	.sample = "{\"body\": {\"a\": 1}}",
};

TINY_EXPORT(descriptor)
