/* What administrators ask for and do, below /api/v1/plugins/NAME (NAME as in tappet.json). The host has checked who asks.
 *
 *   api.c          the routes, and which trigger is meant
 *   api_secrets.c  when each secret was used last
 *   api_sign.c     what a sender has to have, and a signature for a test
 *   api_requests.c the requests that a trigger keeps; api_replay.c: one of them once more
 */
#ifndef WEBHOOK_API_H
#define WEBHOOK_API_H

#include "webhook.h"

#define API_NAME_MAX 128

/* Which trigger a request names: its workflow by id or slug, and perhaps the trigger. */
struct api_target {
	char workflow[API_NAME_MAX];
	char trigger[API_NAME_MAX]; /* "": none is named */
};
/* False: it has been answered. */
bool api_target_read(const struct webhook *w, tappet_request *request, struct api_target *ret);
/* The trigger, or the oldest one of the workflow where none is named; NULL: it has been answered. */
struct binding *api_find(const struct webhook *w, tappet_request *request, const struct api_target *target);
/* 404 */
void api_absent(const struct webhook *w, tappet_request *request);
/* 503 where the host could not do it now. */
void api_failed(const struct webhook *w, tappet_request *request, int32_t error);
/* 200 with JSON; releases it. */
void api_answer(const struct webhook *w, tappet_request *request, struct text *body);

void api_secrets_get(void *arg, tappet_request *request);
void api_sign_get(void *arg, tappet_request *request);
void api_sign_post(void *arg, tappet_request *request);
void api_requests_list(void *arg, tappet_request *request);
void api_requests_one(void *arg, tappet_request *request);
void api_requests_replay(void *arg, tappet_request *request);

#endif
