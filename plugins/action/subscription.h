/* What the files of subscriptions share. */
#ifndef ACTION_SUBSCRIPTION_H
#define ACTION_SUBSCRIPTION_H

#include "action.h"

struct subscription {
	struct subscription *next;
	struct connection *connection;
	tappet_reader *reader; /* NULL: it waits for room */
	uint64_t position;     /* everything up to this one was sent, or was not wanted */
	char workflow_id[ID_LEN + 1];
	char activity[ID_LEN + 1];
	bool batch;
	size_t id_len;
	const char *team, *types; /* in `texts`; NULL: all */
	char texts[];             /* the id, then these */
};

/* A batch as it was handed over. */
struct batch {
	const char *at;
	size_t count, event_size;
};

static inline tappet_str subscription_id(const struct subscription *s)
{
	return tappet_strn(s->texts, s->id_len);
}

/* "key":number, of a number that 63 bits need not hold. */
void deliver_number(struct text *t, const char *key, uint64_t number);
/* Sends a batch, as far as there is room: s->position is that of the last event that was sent. 0, or what connection_send
 * gives, or TAPPET_ENOMEM. */
int32_t deliver_batch(struct subscription *s, const struct batch *b, uint64_t last_seq, uint64_t gap_from);

#endif
