/* Copies a text of any length into a little room. */
#include "broken.h"

static const tappet_option options[] = {{.key = "text", .type = TAPPET_STRING, .help = "A text."}};

static int32_t copy(struct state *s, const tappet_config *config)
{
	tappet_str text;
	/* As a hardened C library ends it. */
	if (s->host->config_str(config, "text", 0, &text) == TAPPET_OK && text.len > 100)
		abort();
	return TAPPET_OK;
}

static const struct hooks hooks = {.create = copy, .options = options, .option_count = 1};
