/* A thread of its own logs after destroy. */
#include "broken.h"

static struct state gone;

static void *speak(void *arg)
{
	(void)arg;
	usleep(20000);
	gone.host->log(gone.self, TAPPET_LOG_INFO, "still here", NULL, 0);
	return NULL;
}

static void end(struct state *s)
{
	pthread_t thread;
	gone = *s;
	if (pthread_create(&thread, NULL, speak, NULL) == 0)
		pthread_detach(thread);
}

static const struct hooks hooks = {.destroy = end};
