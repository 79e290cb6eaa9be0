/* A plugin that does nothing but hold memory, so that the daemon is as large as one with large plugins. */
#include <stdlib.h>
#include "tappet/plugin.h"

struct heap {
	const tappet_host *host;
	tappet_instance *self;
	char *bytes;
};

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	int64_t size;
	int32_t r = host->config_int(config, "size", 0, &size);
	if (r < 0)
		return r;
	struct heap *heap = calloc(1, sizeof(*heap));
	if (!heap)
		return TAPPET_ENOMEM;
	heap->host = host;
	heap->self = self;
	heap->bytes = malloc((size_t)size);
	if (!heap->bytes) {
		free(heap);
		return TAPPET_ENOMEM;
	}
	memset(heap->bytes, 1, (size_t)size); /* touched: memory that is really there */
	*ret_state = heap;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_trigger)
{
	(void)trigger;
	(void)info;
	*ret_trigger = state;
	return TAPPET_OK;
}

static void trigger_end(void *state, void *trigger_state)
{
	(void)state;
	(void)trigger_state;
}

static int32_t start(void *state)
{
	(void)state;
	return TAPPET_OK;
}

static void stop(void *state, int64_t deadline_ms)
{
	(void)deadline_ms;
	struct heap *heap = state;
	heap->host->stopped(heap->self);
}

static void destroy(void *state)
{
	struct heap *heap = state;
	free(heap->bytes);
	free(heap);
}

static const tappet_option options[] = {
	{"size", TAPPET_SIZE, 0, "1GiB", "How much memory to hold.", NULL},
};

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "heap",
	.version = "1.0",
	.license = "MIT",
	.summary = "Holds memory, for measurements.",
	.options = options,
	.option_count = 1,
	.option_size = sizeof(tappet_option),
	.sample = "{}",
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_end,
	.trigger_free = trigger_end,
	.start = start,
	.stop = stop,
	.destroy = destroy,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
