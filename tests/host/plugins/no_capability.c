/* Needs a capability that this host does not have. */
#include "tiny.h"

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = 0,
	.abi_minor_needed = 0,
	.name = "no-capability",
	.version = "1.0",
	.license = "MIT",
	.summary = "Does nothing.",
	.needs = (const char *const[]){"tappet.http/1", "tappet.teleport/3", NULL},
	.create = tiny_create,
	.trigger_add = tiny_trigger_add,
	.trigger_remove = tiny_trigger_end,
	.trigger_free = tiny_trigger_end,
	.start = tiny_start,
	.stop = tiny_stop,
	.destroy = tiny_destroy,
};

TINY_EXPORT(descriptor)
