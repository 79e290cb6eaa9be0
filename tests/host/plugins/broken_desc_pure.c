/* Opens a file to say what it is. */
#include "broken.h"

static void describe(void)
{
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
		abort();
}

static const struct hooks hooks = {.describe = describe};
