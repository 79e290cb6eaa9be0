/* From the future: its descriptor and its options have grown, which an older host must read right. */
#include "tiny.h"

struct longer_option {
	tappet_option option;
	const char *unit;
	int64_t least;
};

struct longer_plugin {
	tappet_plugin plugin;
	void (*sleep)(void *state);
	void *more[8];
};

static const struct longer_option options[] = {
	{.option = {.key = "first", .type = TAPPET_INTEGER, .help = "First."}, .unit = "s", .least = -1},
	{.option = {.key = "second", .type = TAPPET_BOOLEAN, .help = "Second."}, .unit = "m", .least = -1},
	{.option = {.key = "third", .type = TAPPET_DURATION, .help = "Third."}, .unit = "h", .least = -1},
};

static const struct longer_plugin descriptor = {
	.plugin =
		{
			.struct_size = sizeof(struct longer_plugin),
			.abi_minor = 9,
			.abi_minor_needed = 0,
			.name = "longer",
			.version = "2.0",
			.license = "MIT",
			.summary = "Comes from the future.",
			.options = &options[0].option,
			.option_count = 3,
			.option_size = sizeof(struct longer_option),
			.create = tiny_create,
			.trigger_add = tiny_trigger_add,
			.trigger_remove = tiny_trigger_end,
			.trigger_free = tiny_trigger_end,
			.start = tiny_start,
			.stop = tiny_stop,
			.destroy = tiny_destroy,
		},
};

TINY_EXPORT(descriptor.plugin)
