/* Its thread never ends. */
#include "broken.h"

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void begin(struct state *s)
{
	pthread_t thread;
	(void)s;
	if (pthread_create(&thread, NULL, wait_for_ever, NULL) == 0)
		pthread_detach(thread);
}

static const struct hooks hooks = {.start = begin};
