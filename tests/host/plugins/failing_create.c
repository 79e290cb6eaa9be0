/* Cannot be created. */
#include "tiny.h"

static int32_t failing_create(const tappet_host *host, tappet_instance *self, const tappet_config *config,
			      void **ret_state)
{
	tiny_create(host, self, config, ret_state);
	return TAPPET_EIO;
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.name = "failing-create",
	.version = "1.0",
	.license = "MIT",
	.summary = "Cannot be created.",
	.create = failing_create,
	.trigger_add = tiny_trigger_add,
	.trigger_remove = tiny_trigger_end,
	.trigger_free = tiny_trigger_end,
	.start = tiny_start,
	.stop = tiny_stop,
	.destroy = tiny_destroy,
};

TINY_EXPORT(descriptor)
