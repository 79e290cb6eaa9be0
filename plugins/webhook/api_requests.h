/* What api_requests.c and api_replay.c share: a question about the requests that one trigger keeps. */
#ifndef WEBHOOK_API_REQUESTS_H
#define WEBHOOK_API_REQUESTS_H

#include "api.h"

struct asked {
	struct webhook *w;
	tappet_request *request;
	struct history *history;
	char workflow[API_NAME_MAX], trigger[API_NAME_MAX]; /* its id; its own */
	char id[REQUEST_ID_SIZE];                           /* of the kept request, or "" */
	int loaded;                                         /* how many of the lists */
	bool runs;                                          /* the trigger */
	void (*then)(struct asked *a);
};

/* Finds the trigger, reads its lists and goes on with `then`, or has answered. */
void asked_begin(struct webhook *w, tappet_request *request, void (*then)(struct asked *a));
/* After the answer. */
void asked_end(struct asked *a);
/* These answer and end it. */
void asked_fail(struct asked *a, int32_t error);
void asked_absent(struct asked *a);
/* The request in its list, or NULL. */
const struct ring_entry *asked_find(const struct asked *a, enum ring_kind *ret_kind);
/* Reads its record; or has answered. Whether what was read is it, asked_is tells. */
void asked_read(struct asked *a, void (*cb)(void *arg, int32_t result, tappet_str value));
bool asked_is(const struct asked *a, tappet_str record);

#endif
