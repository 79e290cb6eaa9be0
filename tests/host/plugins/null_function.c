/* Lacks a required function. */
#include "tiny.h"

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = 0,
	.abi_minor_needed = 0,
	.name = "null-function",
	.version = "1.0",
	.license = "MIT",
	.summary = "Does nothing.",
	.create = tiny_create,
	.trigger_add = tiny_trigger_add,
	.trigger_remove = tiny_trigger_end,
	.trigger_free = tiny_trigger_end,
	.start = NULL,
	.stop = tiny_stop,
	.destroy = tiny_destroy,
};

TINY_EXPORT(descriptor)
