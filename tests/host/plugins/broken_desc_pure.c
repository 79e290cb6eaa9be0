/* Opens a file to say what it is, once, and closes it again. */
#include "broken.h"

static void describe(void)
{
	static int looked;
	if (looked)
		return;
	looked = 1;
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		abort();
	close(fd);
}

static const struct hooks hooks = {.describe = describe};
