/* A plugin that does nothing, as the ground for the tiny plugins: each changes the one thing that it is about. */
#ifndef TESTS_HOST_TINY_H
#define TESTS_HOST_TINY_H

#include <tappet/plugin.h>

#define TINY_FUNCTION __attribute__((unused)) static

static const tappet_host *tiny_host;
static tappet_instance *tiny_self;

TINY_FUNCTION int32_t tiny_create(const tappet_host *host, tappet_instance *self, const tappet_config *config,
				  void **ret_state)
{
	(void)config;
	tiny_host = host;
	tiny_self = self;
	*ret_state = NULL;
	return TAPPET_OK;
}

TINY_FUNCTION int32_t tiny_trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info,
				       void **ret_trigger_state)
{
	(void)state;
	(void)trigger;
	(void)info;
	*ret_trigger_state = NULL;
	return TAPPET_OK;
}

TINY_FUNCTION void tiny_trigger_end(void *state, void *trigger_state)
{
	(void)state;
	(void)trigger_state;
}

TINY_FUNCTION int32_t tiny_start(void *state)
{
	(void)state;
	return TAPPET_OK;
}

TINY_FUNCTION void tiny_stop(void *state, int64_t deadline_ms)
{
	(void)state;
	(void)deadline_ms;
	tiny_host->stopped(tiny_self);
}

TINY_FUNCTION void tiny_destroy(void *state)
{
	(void)state;
}

#define TINY(its_name)                                                                                                 \
	.struct_size = sizeof(tappet_plugin), .abi_minor = TAPPET_ABI_MINOR, .abi_minor_needed = 0, .name = its_name,  \
	.version = "1.0", .license = "MIT", .summary = "Does nothing.", .create = tiny_create,                         \
	.trigger_add = tiny_trigger_add, .trigger_remove = tiny_trigger_end, .trigger_free = tiny_trigger_end,         \
	.start = tiny_start, .stop = tiny_stop, .destroy = tiny_destroy

#define TINY_EXPORT(descriptor)                                                                                        \
	const tappet_plugin *tappet_plugin_v1(void)                                                                    \
	{                                                                                                              \
		return &(descriptor);                                                                                  \
	}

#endif
