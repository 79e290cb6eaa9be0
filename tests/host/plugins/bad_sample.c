/* Its sample is not JSON. */
#include "tiny.h"

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = 0,
	.abi_minor_needed = 0,
	.name = "bad-sample",
	.version = "1.0",
	.license = "MIT",
	.summary = "Does nothing.",
	.sample = "{body: 1}",
	.create = tiny_create,
	.trigger_add = tiny_trigger_add,
	.trigger_remove = tiny_trigger_end,
	.trigger_free = tiny_trigger_end,
	.start = tiny_start,
	.stop = tiny_stop,
	.destroy = tiny_destroy,
};

TINY_EXPORT(descriptor)
