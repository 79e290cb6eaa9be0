/* Asks the host something while it checks the options of a trigger, which also happens where there is no host. */
#include "broken.h"

static struct state *first;

static int32_t keep(struct state *s, const tappet_config *config)
{
	(void)config;
	if (!first)
		first = s;
	return TAPPET_OK;
}

static void check(const tappet_checker *checker, tappet_check *check)
{
	(void)checker;
	(void)check;
	if (first)
		first->host->wall_ms(first->self);
}

static void forget(struct state *s)
{
	if (first == s)
		first = NULL;
}

static const struct hooks hooks = {.check = check, .create = keep, .destroy = forget};
