/* No options are set for an open trigger, yet it requires one. */
#include "tiny.h"

static const tappet_option trigger_options[] = {
	{.key = "path", .type = TAPPET_STRING, .flags = TAPPET_REQUIRED, .help = "Where."},
};

static const tappet_plugin descriptor = {
	TINY("open-required"),     .trigger_options = trigger_options,
	.trigger_option_count = 1, .option_size = sizeof(tappet_option),
	.open_trigger = 1,
};

TINY_EXPORT(descriptor)
