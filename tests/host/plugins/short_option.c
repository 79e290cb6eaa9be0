/* Its options are shorter than those of ABI 1.0. */
#include "tiny.h"

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = 0,
	.abi_minor_needed = 0,
	.name = "short-option",
	.version = "1.0",
	.license = "MIT",
	.summary = "Does nothing.",
	.options = (const tappet_option[]){{.key = "speed", .type = TAPPET_STRING, .help = ""}},
	.option_count = 1,
	.option_size = 8,
	.create = tiny_create,
	.trigger_add = tiny_trigger_add,
	.trigger_remove = tiny_trigger_end,
	.trigger_free = tiny_trigger_end,
	.start = tiny_start,
	.stop = tiny_stop,
	.destroy = tiny_destroy,
};

TINY_EXPORT(descriptor)
