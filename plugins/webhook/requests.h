/* The requests that a trigger keeps (option `keep`), to be looked at and replayed: the last ones that were verified, and apart
 * from them a few that were refused.
 *
 *   requests.c      what is kept of a request
 *   ring.c          the last ones, durable
 *   api_requests.c  shown and deleted; api_replay.c: replayed
 *
 * A request is kept when its outcome is known, after its answer: what a kill takes is the record, and none says "accepted" of what
 * was not. Nothing secret is in it: a verified one is its emission, word for word; of a refused one, whose sender may have put
 * a secret in the wrong place, less than that. When it cannot be kept, that is counted, and the delivery goes on. Loop thread only. */
#ifndef WEBHOOK_REQUESTS_H
#define WEBHOOK_REQUESTS_H

#include <stdbool.h>
#include "tappet/http.h"

struct webhook;
struct binding;
struct history;

#define REQUEST_ID_SIZE 13
#define RING_MAX 100
#define RING_KEY_MAX 192

enum ring_kind { RING_VERIFIED, RING_REFUSED, RING_KINDS };

/* What the list of a ring says of a request; the rest of it stands in its slot. */
struct ring_entry {
	char id[REQUEST_ID_SIZE];
	char activity_id[25]; /* or "" */
	unsigned slot;
	int64_t at_ms; /* when it came, wall clock */
	int64_t bytes; /* of its body */
	int32_t outcome, reason, status;
	bool cut; /* only the beginning is kept */
};

struct ring;

/* ---- ring.c ---- */

/* The trigger's; NULL: no memory. It belongs to the history. */
struct ring *ring_of(struct history *h, enum ring_kind kind);
void ring_free(struct ring *r);
/* Reads the list if it is not there yet; `cb` is called at once or later, once. */
void ring_load(struct webhook *w, struct history *h, enum ring_kind kind, tappet_done_cb cb, void *arg);
/* Puts a request into the ring of at most `max`, in the place of the oldest one; takes the text over, which may be NULL (no
 * memory). */
void ring_add(struct webhook *w, struct history *h, enum ring_kind kind, size_t max, const struct ring_entry *entry,
	      char *text, size_t len);
/* The index-th entry, the newest first; NULL behind the last. Valid until the next call of the host. */
const struct ring_entry *ring_at(const struct ring *r, size_t index);
const struct ring_entry *ring_find(const struct ring *r, const char *id);
/* The key of what stands in a slot. */
void ring_slot_key(const struct history *h, enum ring_kind kind, unsigned slot, char out[static RING_KEY_MAX]);
/* Takes one out, or with NULL all; `cb` when all of that is committed, its slots being empty as well. */
void ring_remove(struct webhook *w, struct history *h, enum ring_kind kind, const char *id, tappet_done_cb cb,
		 void *arg);
/* Counts one that could not be kept. */
void ring_lost(struct webhook *w, const char *why);

/* ---- requests.c ---- */

/* A request whose outcome is not known yet. */
struct kept;
/* Of an emission that was handed over; NULL: the trigger keeps none, or no memory. `bytes`: of the body. */
struct kept *kept_begin(struct webhook *w, struct binding *b, const tappet_emission *emission, size_t bytes);
/* Its outcome is known: to be called when it has been answered. Takes it over; NULL is allowed. */
void kept_settle(struct webhook *w, struct kept *k, const tappet_result *result);
/* One that is being refused, before its answer. */
void kept_refused(struct webhook *w, struct binding *b, tappet_request *request, int32_t status, int32_t reason,
		  const char *detail);
/* "accepted", "duplicate", "conflict", "refused", "not-stored" or "unknown"; and "signature", "filter", ... */
const char *outcome_name(int32_t outcome);
const char *reason_name(int32_t reason);

#endif
