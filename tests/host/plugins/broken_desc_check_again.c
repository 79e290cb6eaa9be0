/* Finds a mistake every other time. */
#include "broken.h"

static void check(const tappet_checker *checker, tappet_check *check)
{
	static int asked;
	if (asked++ % 2 == 0)
		checker->mistake(check, NULL, 0, NULL, "not this time");
}

static const struct hooks hooks = {.check = check};
