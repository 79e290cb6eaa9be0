/* What the files of /webhook/in share: one call, from its arrival to its answer. */
#ifndef WEBHOOK_IN_H
#define WEBHOOK_IN_H

#include "common/cloudevents.h"
#include "common/decode.h"
#include "webhook.h"

#define ORIGIN_MAX 256
#define EXTRA_HEADERS_MAX 8
#define DIGEST_TEXT_SIZE 65 /* SHA-256 in hex */

/* A call that waits for the host. The trigger may go meanwhile; its settings stay. */
struct call {
	struct webhook *w;
	tappet_request *request;
	struct settings *settings;
	struct kept
		*kept; /* what the trigger keeps of the request; NULL: nothing, or its emission was not handed over */
	char activity_id[ID_LEN + 1];
	bool allowed;                  /* by the trigger's checks */
	int64_t wait_ms;               /* that the caller asked for; 0: not */
	bool own_key;                  /* the dedup key is the caller's Idempotency-Key */
	char digest[DIGEST_TEXT_SIZE]; /* with own_key: what the request asks for */
	int32_t limit_left;            /* calls that are left to its address; -1: there is no limit */
	int32_t limit_reset_s;
};

/* ---- in_caller.c ---- */

/* Whether the caller may start the trigger; false: it has been answered, and the refusal recorded. */
bool in_is_allowed(struct call *c, struct binding *b);
/* Records a refusal and answers it. Among the requests that are kept it is only one of a caller who was not allowed in. */
void in_refuse(const struct call *c, struct binding *b, int32_t reason, struct answer answer);

/* ---- in_emission.c ---- */

enum payload_error { PAYLOAD_OK, PAYLOAD_NOT_JSON, PAYLOAD_FIELDS, PAYLOAD_NO_MEMORY };
const char *payload_error_text(enum payload_error error);
/* {"method":…,"path":…,"query":{…},"headers":{…},"remote":…,"bodyType":…,"body":…}, without anything secret. `event`: the
 * one whose attributes go in as "event", and whose data are the body unless they are the request's; or NULL. */
enum payload_error payload_write(const struct webhook *w, const struct settings *s, tappet_request *request,
				 const struct cloud_event *event, struct text *out);
/* The headers of a request that belong into an emission, as an object. */
void payload_headers(const struct webhook *w, const struct settings *s, tappet_request *request, struct text *out);
/* Method, query and body, without who sends them and how: what an Idempotency-Key stands for. False: no memory. */
bool request_digest(const struct webhook *w, const struct settings *s, tappet_request *request,
		    char ret[static DIGEST_TEXT_SIZE]);
/* The query or a form as an object: "a=1&b=2&b=3" is {"a":"1","b":["2","3"]}. `hidden`: keys that are left out, NULL at the end. */
enum payload_error form_write(tappet_str form, const char *const *hidden, struct text *out);

/* ---- in_answer.c ---- */

/* All of them answer the request, with what CORS and the limit per address add to it. */
void in_respond(const struct call *c, int32_t status, const char *type, tappet_str body);
void in_problem(const struct call *c, int32_t status, const char *type, const char *detail, int32_t retry_after_s);
/* The end of a call whose emission was stored: answers at once, or when the activity has ended. Frees it. */
void in_accepted(struct call *c, bool duplicate);
void call_free(struct call *c);

/* ---- in_handshake.c ---- */

/* OPTIONS: of a browser, of a sender of CloudEvents, or of somebody who asks what there is. */
void in_options(const struct call *c);
/* A challenge in the query, which comes before anything is signed. True: it was answered. */
bool in_challenge(const struct call *c, tappet_trigger *trigger);
/* A challenge in a body that was verified. True: it was answered. */
bool in_greeting(const struct call *c);
/* Whether the caller's Origin is among those that may read answers; its text. */
bool cors_allows(const struct call *c, tappet_str *ret_origin);
void methods_text(unsigned methods, char text[static 64]);

/* ---- in_batch.c ---- */

/* Takes over the call. */
void batch_start(struct call *c, struct binding *binding, const struct cloud_event *events, size_t count);

#endif
