/* Its descriptor is shorter than that of ABI 1.0. */
#include "tiny.h"

static const tappet_plugin descriptor = {
	.struct_size = offsetof(tappet_plugin, destroy),
	.abi_minor = 0,
	.abi_minor_needed = 0,
	.name = "short-struct",
	.version = "1.0",
	.license = "MIT",
	.summary = "Does nothing.",
	.create = tiny_create,
	.trigger_add = tiny_trigger_add,
	.trigger_remove = tiny_trigger_end,
	.trigger_free = tiny_trigger_end,
	.start = tiny_start,
	.stop = tiny_stop,
	.destroy = tiny_destroy,
};

TINY_EXPORT(descriptor)
