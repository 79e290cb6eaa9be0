/* Takes it that each batch has an event. */
#include "broken.h"
#include <tappet/events.h>

struct reading {
	const tappet_events1 *events;
	tappet_reader *reader;
	uint64_t last;
};

static void read_batch(void *arg, const tappet_event *events, size_t count, size_t event_size, uint64_t last_seq,
		       uint64_t gap_from)
{
	struct reading *r = arg;
	(void)count;
	(void)event_size;
	(void)last_seq;
	(void)gap_from;
	if (!events)
		abort();
	r->last = events[0].seq;
	r->events->more(r->reader);
}

static void begin(struct state *s)
{
	struct reading *r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->events = s->host->capability(s->self, TAPPET_EVENTS_1);
	if (r->events->open(s->self, 0, NULL, read_batch, r, &r->reader) == TAPPET_OK)
		s->kept = r;
	else
		free(r);
}

static void end(struct state *s)
{
	struct reading *r = s->kept;
	if (r)
		r->events->close(r->reader);
}

static void leave(struct state *s)
{
	free(s->kept);
}

static const struct hooks hooks = {.start = begin, .stop = end, .destroy = leave};
