/* Keeps the pointer to an option's text. */
#include "broken.h"

static const tappet_option options[] = {
	{.key = "text", .type = TAPPET_STRING, .default_value = "hello", .help = "A text."},
};

static int32_t keep(struct state *s, const tappet_config *config)
{
	tappet_str text;
	const int32_t r = s->host->config_str(config, "text", 0, &text);
	if (r == TAPPET_OK)
		memcpy(&s->kept, &text.ptr, sizeof(s->kept));
	return r;
}

static void use(struct state *s)
{
	s->count = ((const volatile char *)s->kept)[0];
}

static const struct hooks hooks = {.create = keep, .start = use, .options = options, .option_count = 1};
