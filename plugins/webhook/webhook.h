/* The parts of the webhook plugin and what they share.
 *
 *   body.c      what a caller sent: the token taken out, `properties` found
 *   caller.c    the checks that all routes share: body, token, scope
 *   settings*.c the options of a trigger; verify.h: who may call
 *   triggers.c  workflow -> its webhook triggers; paths.c: the paths of their own
 *   payload.c   POST /webhook/payload
 *   in.c        /webhook/in/WORKFLOW and paths of triggers' own: any sender, any body
 *   in_*.c      its parts: the emission, handshakes, answers, cross-origin requests
 *   history.h   what is remembered of a trigger: uses of its secrets, requests
 *   api*.c      what administrators ask for and do, below /api/v1/plugins/webhook
 *   limit.c     how often an address may call
 *   status.c    GET and DELETE /webhook/status/{activityId}
 *   document.c  an activity in the shape that callers know
 *   answer.c    refusals and outcomes as HTTP answers
 *   webhook.c   descriptor and lifecycle
 *
 * What it shares with other plugins is in common/: growing texts, tokens, CloudEvents.
 *
 * What was accepted is the host's; what the plugin remembers itself (history.h) nobody's answer depends on. It never answers
 * before the host's callback, and never hands a token on. Loop thread only. */
#ifndef WEBHOOK_WEBHOOK_H
#define WEBHOOK_WEBHOOK_H

#include <stdbool.h>
#include "tappet/activity.h"
#include "tappet/auth.h"
#include "tappet/http.h"
#include "tappet/plugin.h"
#include "common/text.h"
#include "common/token.h"
#include "history.h"
#include "limit.h"
#include "settings.h"

#define ID_LEN 24

/* ---- Triggers ---- */

/* A workflow is named by its id or its slug. */
enum name_kind { BY_ID, BY_SLUG, NAME_KINDS };

struct binding {
	struct binding *next[NAME_KINDS]; /* in the buckets; of one workflow the oldest comes first */
	tappet_trigger *trigger;
	struct settings *settings; /* a reference */
	struct limit *limit;       /* per address, or NULL */
	struct path *paths;        /* of its own */
	struct history *history;   /* a reference; NULL: nothing has been remembered of it since it is there */
	char *slug, *trigger_id;
	char workflow_id[ID_LEN + 1];
};

struct name_table {
	struct binding **buckets;
	size_t bucket_count; /* 0 or a power of two */
};

struct triggers {
	struct name_table by[NAME_KINDS];
	size_t count;
};

int32_t triggers_add(struct triggers *t, const tappet_trigger_info *info, tappet_trigger *trigger,
		     struct settings *settings, struct binding **ret);
/* The binding stays allocated; it is just no longer found. */
void triggers_remove(struct triggers *t, struct binding *binding);
void binding_free(struct binding *b);
/* The oldest trigger of the workflow that a token alone may start, or NULL. */
struct binding *triggers_find_plain(const struct triggers *t, const char *workflow_id);
/* By the workflow's id or slug; trigger_id NULL: the oldest one. */
struct binding *triggers_find(const struct triggers *t, const char *workflow, const char *trigger_id);
void triggers_release(struct triggers *t);

/* ---- The plugin ---- */

#define ROUTE_COUNT 4
#define API_ROUTE_COUNT 10
#define SCRATCH_SIZE (16 * 1024)

struct webhook {
	const tappet_host *host;
	tappet_instance *self;
	const tappet_http1 *http;
	const tappet_auth1 *auth;
	const tappet_activity1 *activity;
	tappet_route *routes[ROUTE_COUNT];
	tappet_route *api_routes[API_ROUTE_COUNT];
	struct triggers triggers;
	struct settings_shelf settings;
	struct path *waiting_paths; /* that another trigger has */
	struct histories histories;
	size_t in_flight; /* requests that wait for a callback of the host */
	bool stopping, stopped;
	char scratch[SCRATCH_SIZE]; /* a payload while it is handed over: most are small */
};

/* A request begins to wait for the host, or has got its answer. The plugin says that it has stopped when none waits. */
void webhook_begin(struct webhook *w);
void webhook_end(struct webhook *w);

/* A path of a trigger's own. Two triggers may want the same one while definitions change: the first has it. */
struct path {
	struct path *next;    /* of those that wait */
	struct path *next_of; /* of the trigger */
	struct webhook *webhook;
	struct binding *binding;
	tappet_route *route; /* NULL: another trigger has it */
	char text[];
};
int32_t paths_add(struct webhook *w, struct binding *b);
void paths_remove(struct webhook *w, struct binding *b);

void payload_post(void *arg, tappet_request *request);
/* /webhook/in/{workflow} and /webhook/in/{workflow}/{trigger}; and a path of a trigger's own. */
void in_request(void *arg, tappet_request *request);
void in_path_request(void *arg, tappet_request *request);
void status_request(void *arg, tappet_request *request);
/* api.c: the routes of administrators. */
int32_t api_open(struct webhook *w);
void api_close(struct webhook *w);

/* ---- Bodies ---- */

/* One body. The pieces point into its text. */
struct body {
	tappet_str text;       /* the object, without white space around it */
	tappet_str token;      /* the JSON text of the value of "token"; ptr NULL: none */
	tappet_str cut;        /* what has to go so that the object has no token any more */
	tappet_str properties; /* the JSON text of an object; ptr NULL: none or null */
};

/* Why a body cannot be used; the number stands for nothing outside. */
enum body_error { BODY_OK, BODY_NOT_JSON, BODY_NOT_OBJECT, BODY_TWICE, BODY_BAD_PROPERTIES };
const char *body_error_text(enum body_error error);

/* Splits the text into its members; what is inside of them is not looked at (the host checks the grammar of what it is
 * given). An empty text counts as {}. */
enum body_error body_split(tappet_str text, struct body *ret);
/* Whether the whole text is JSON: for those bodies of which nothing is handed to the host. */
bool body_is_json(const struct body *body);
/* How many bytes body_payload writes. */
size_t body_payload_size(const struct body *body);
/* {"body":THE OBJECT WITHOUT ITS TOKEN} */
void body_payload(const struct body *body, char *out);

/* ---- Answers ---- */

struct answer {
	int32_t status;
	int32_t retry_after_s;
	const char *type;
	const char *detail;
};

/* What to answer when `emit` did not take an emission, and the reason to record for it. */
struct answer answer_for_emit_error(int32_t error, int32_t *ret_reason);
/* What to answer to an outcome other than OK and EDUP. */
struct answer answer_for_result(const tappet_result *result);
void answer_problem(const struct webhook *w, tappet_request *request, struct answer answer);
/* 401 with a challenge (RFC 6750 section 3). */
void answer_unauthorized(const struct webhook *w, tappet_request *request);
void answer_json(const struct webhook *w, tappet_request *request, const char *json, size_t len);

/* Reads and checks the caller's token: its body is in *ret_body, what it covers in *ret_grant. Otherwise the request
 * has been answered and the refusal recorded. */
bool caller_check(const struct webhook *w, tappet_request *request, uint32_t scope, struct body *ret_body,
		  tappet_grant *ret_grant);

/* ---- Status documents ---- */

/* The document of tappet/activity.h as callers know it: text to be freed with free(), or NULL. */
char *document_reshape(tappet_str document);

#endif
