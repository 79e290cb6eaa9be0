/* Calls what nobody has: refused when it is loaded, not when it is first called. */
#include "tiny.h"

void nobody_defines_this(void);

static void broken_destroy(void *state)
{
	(void)state;
	nobody_defines_this();
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.name = "missing-reference",
	.version = "1.0",
	.license = "MIT",
	.summary = "Lacks a function.",
	.create = tiny_create,
	.trigger_add = tiny_trigger_add,
	.trigger_remove = tiny_trigger_end,
	.trigger_free = tiny_trigger_end,
	.start = tiny_start,
	.stop = tiny_stop,
	.destroy = broken_destroy,
};

TINY_EXPORT(descriptor)
