/* Cannot be created. */
#include "broken.h"

static int32_t fail(struct state *s, const tappet_config *config)
{
	(void)s;
	(void)config;
	return TAPPET_EIO;
}

static const struct hooks hooks = {.create = fail};
