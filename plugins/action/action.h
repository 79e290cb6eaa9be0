/* The parts of the action plugin and what they share. A client names a topic and hands data over; each trigger whose pattern
 * matches starts an activity of its workflow, as far as the client's token covers it.
 *
 *   plugin.c       descriptor and lifecycle; options.c: what may be set
 *   topic.h        topics, and which patterns match one (topic.c, match.c)
 *   binding.c      triggers of the host
 *   connect.h      triggers that connect out, in place of a topic
 *   act.c          an action: emissions, their outcomes, one answer; act_write.c: that answer as JSON
 *   connection.c   one client: who it is; send.c: what it is sent; watch.c: what has to be looked at now and then
 *   serve.c        the messages of tappet.v1 (scan.h, message.h); serve_cloud.c: of the subprotocol cloudevents.json
 *   subscription.c events to a client; deliver.c: as messages; event_text.c: an event as text, made once for all of them
 *   post.c         POST /action/{topic}, also of administrators; post_events.c: POST /event
 *   answer.c       refusals and outcomes in HTTP
 *
 * Nothing is answered before the host's callback. What a token does not cover is neither started nor named nor counted. What
 * one client can make grow has a bound: messages, what waits for it, subscriptions, actions under way. Loop thread only. */
#ifndef ACTION_ACTION_H
#define ACTION_ACTION_H

#include <stdbool.h>
#include "common/text.h"
#include "connect.h"
#include "message.h"
#include "tappet/activity.h"
#include "tappet/auth.h"
#include "tappet/events.h"
#include "tappet/http.h"
#include "tappet/plugin.h"
#include "tappet/ws.h"
#include "topic.h"

#define ID_LEN 24
#define PROTOCOL_OWN "tappet.v1"
#define PROTOCOL_CLOUD "cloudevents.json"

/* ---- Options ---- */

struct limits {
	int64_t message_max, queue_max;
	int64_t connections, strangers;   /* strangers have not shown a token yet */
	int64_t subscriptions, in_flight; /* of one connection */
	int64_t matches;                  /* triggers that one action may start */
	int64_t ping_ms, ping_timeout_ms, auth_ms, slow_ms;
	bool compression;
	char **origins; /* NULL at the end; NULL: those of the daemon */
};

#define PLUGIN_OPTIONS 13
extern const tappet_option plugin_options[PLUGIN_OPTIONS];
#define TRIGGER_OPTIONS 16
extern const tappet_option trigger_options[TRIGGER_OPTIONS];

/* From options that were checked. 0 or TAPPET_ENOMEM. */
int32_t limits_read(const tappet_host *host, const tappet_config *config, struct limits *ret);
void limits_release(struct limits *l);
void options_check(const tappet_checker *checker, tappet_check *check, const tappet_config *config);
void trigger_check(const tappet_checker *checker, tappet_check *check, const tappet_config *config);

/* ---- Triggers ---- */

struct plugin;

/* A trigger of the host. An action that names it in its answer may outlive it. */
struct binding {
	struct plugin *plugin;
	tappet_trigger *trigger; /* NULL: it was removed */
	size_t refs;
	uint64_t round; /* of the search that has found it last: of several patterns only one counts */
	char workflow_id[ID_LEN + 1];
	char *slug, *trigger_id;
	struct connect *connect; /* NULL: it waits for topics */
	struct binding *next_connect, **back_connect;
	size_t pattern_count;
	struct match_entry patterns[];
};

int32_t binding_add(struct plugin *p, tappet_trigger *trigger, const tappet_trigger_info *info, struct binding **ret);
/* No action finds it any more. */
void binding_remove(struct binding *b);
/* Those that connect out: they begin to, go on when there is credit again, and leave. */
void bindings_start(struct plugin *p);
void bindings_resume(struct plugin *p);
void bindings_stop(struct plugin *p);
struct binding *binding_ref(struct binding *b);
void binding_unref(struct binding *b);

/* ---- Actions ---- */

struct action_input {
	tappet_str topic;
	tappet_str data;      /* JSON; empty: {} */
	tappet_str key;       /* may be empty */
	tappet_str event;     /* attributes of a CloudEvent, as a JSON object; empty: it is none */
	bool data_is_base64;  /* the data are a text in base64 */
	const char *token_id; /* NULL: an administrator */
	tappet_str remote;
	bool may_wait; /* for its turn, when there is no credit: its sender can be held up */
};

/* What became of one trigger. */
struct action_target {
	struct action *action;
	struct binding *binding; /* a reference */
	int32_t outcome, reason; /* as in tappet_result, or the error of `emit` */
	char activity_id[ID_LEN + 1];
	char *detail; /* or NULL */
};

enum action_end {
	ACTION_DONE,   /* every trigger has its outcome */
	ACTION_BUSY,   /* something was surely not stored: it may be sent again */
	ACTION_UNKNOWN /* something was stored or not, nobody knows */
};

struct action {
	struct action *next; /* of those that wait for credit */
	struct plugin *plugin;
	void (*done)(void *arg, const struct action *action);
	void *arg;
	struct text payload, cause;
	size_t topic_len, data_at, data_len; /* in the payload */
	char token_id[ID_LEN + 1];           /* "": an administrator */
	char by[128];
	char key[MESSAGE_KEY_MAX + 1];
	size_t key_len;
	size_t waiting;     /* callbacks that are to come */
	size_t handed_over; /* targets up to this one */
	bool begun;         /* something of it was handed over, and it is finished */
	bool queued;        /* for credit */
	int32_t error;      /* not 0: it waited, and could not begin: as that of action_start */
	int32_t stored;
	uint64_t released; /* steps that went on */
	size_t count;
	struct action_target targets[];
};

/* Hands an action over. `done` fires once, later, when all is settled; what it is handed ends when it returns. One with
 * `may_wait` that finds no credit waits for it, as far as there is room. Errors
 * (`done` never fires, nothing was started): TAPPET_EDENIED (the token is not for this topic), TAPPET_EBUSY, TAPPET_EREFUSED
 * (more triggers than one action may start), TAPPET_ETOOBIG, TAPPET_EINVAL (data that is not taken), TAPPET_ESTATE,
 * TAPPET_ENOMEM. `topic` has no problem. */
int32_t action_start(struct plugin *p, const struct action_input *input,
		     void (*done)(void *arg, const struct action *action), void *arg);
/* There is credit again: those that wait go on. */
void actions_resume(struct plugin *p);
/* They end as far as they came. */
void actions_stop(struct plugin *p);
/* ---- act_write.c ---- */
enum action_end action_end(const struct action *a);
/* "matched":2,"activities":[…],"refused":[…] and, if there were any, "released":1. */
void action_write(const struct action *a, struct text *out);
/* How an error of action_start is told: the code in a message, a sentence. */
const char *action_error_code(int32_t error);
const char *action_error_text(int32_t error);
/* The same of ACTION_BUSY and ACTION_UNKNOWN. */
const char *action_end_code(enum action_end end);
const char *action_end_text(enum action_end end);
/* After how long a client may try again. */
#define RETRY_AFTER_MS 1000

/* ---- Connections ---- */

struct subscription;
struct waiting_text;

struct connection {
	struct connection *next, **back; /* whose token was checked longest ago comes first */
	struct connection *next_held, **back_held;
	struct plugin *plugin;
	tappet_ws *ws; /* NULL: closed, actions are still under way */
	tappet_timer *auth_timer;
	struct subscription *subscriptions;
	struct waiting_text *waiting, **waiting_last; /* what the queue did not take */
	int64_t checked_ms;                           /* when the token was looked at last */
	int64_t blocked_ms;                           /* since when the queue is full; 0: it is not */
	size_t subscription_count, in_flight;
	uint32_t scopes;
	char token_id[ID_LEN + 1]; /* "": a stranger */
	bool is_cloud;
	bool held;    /* no message is taken until there is credit */
	bool paused;  /* what the host was told */
	bool leaving; /* it is closed when nothing of it is under way any more */
	bool closing; /* the host was told */
};

/* An upgrade has come. */
void connection_request(void *arg, tappet_request *request);
/* Takes a token, perhaps another one than before. False: it was told and is being closed. */
bool connection_auth(struct connection *c, tappet_str token);
/* Whether its token is still good. False: it was told and is being closed. */
bool connection_is_good(struct connection *c);
/* Nothing of its token has to be looked at before others have had their turn. */
void connection_look_later(struct connection *c, int64_t now_ms);
void connection_close(struct connection *c, int32_t code, const char *reason);
/* An action of it begins, or has ended: it may be freed by the second. */
void connection_begin(struct connection *c);
void connection_end(struct connection *c);
/* All leave, with 1001. */
void connections_stop(struct plugin *p);

/* ---- send.c ---- */

/* Sends a text, or keeps it for when there is room; releases it. */
void connection_say(struct connection *c, struct text *t);
/* Sends one message of parts. TAPPET_EBUSY: there is no room, subscription_go_on will be called; or what send gives. */
int32_t connection_send(struct connection *c, const tappet_str *parts, size_t count);
/* {"type":"error",…}, or the same as a CloudEvent. `id` may be empty. */
void connection_error(struct connection *c, tappet_str id, const char *code, const char *text);
/* There is room in the queue again. */
void connection_drained(struct connection *c);
void connection_forget_waiting(struct connection *c);
/* Takes messages, or takes none, as things are now. */
void connection_update_pause(struct connection *c);
/* After an action of it, with what action_start gave: takes no message until there is credit, if there is hardly any. */
void connection_hold_if_short(struct connection *c, int32_t result);
void connection_unhold(struct connection *c);
/* Lets `count` of those go on that are held. */
void connections_release(struct plugin *p, size_t count);

/* watch.c: expired tokens, and readers that are too slow. It runs while there are connections. */
void watch_start(struct plugin *p);
void watch_stop(struct plugin *p);

/* ---- Messages ---- */

void serve_message(struct connection *c, tappet_str bytes);
void serve_cloud_event(struct connection *c, tappet_str bytes);
/* What an event says as an action; its texts stay the event's. */
struct cloud_event;
struct action_input cloud_action(const struct cloud_event *e, const char *token_id, tappet_str remote);
/* A message that is a CloudEvent; `data` is a JSON object. */
void cloud_write(struct plugin *p, const char *type, tappet_str data, struct text *out);

/* ---- Subscriptions ---- */

void subscription_open(struct connection *c, const struct message *m);
void subscription_close(struct connection *c, const struct message *m);
void subscriptions_release(struct connection *c);
/* There is room again, or another token: they are read on from where each one stands. */
void subscriptions_go_on(struct connection *c);
/* The token is another one: they are opened anew. */
void subscriptions_renew(struct connection *c);
/* Tells each of them its last sequence number. Returns the smallest one. */
uint64_t subscriptions_too_slow(struct connection *c);

/* event_text.c: {"seq":1,"event":"activity.started",…}, valid until the next call. */
#define EVENT_TEXTS 256
struct event_text {
	uint64_t seq; /* 0: none */
	struct text text;
};
tappet_str event_text(struct plugin *p, const tappet_event *e);
void event_texts_release(struct plugin *p);
/* RFC 3339, in UTC, with milliseconds. Returns `text`. */
#define TIME_SIZE 40
char *time_format(int64_t ms, char text[static TIME_SIZE]);

/* ---- HTTP ---- */

void post_action(void *arg, tappet_request *request);
void post_action_admin(void *arg, tappet_request *request);
void post_events(void *arg, tappet_request *request);

/* Who calls. False: it has been answered, and the refusal recorded. */
bool caller_find(struct plugin *p, tappet_request *request, tappet_grant *ret);
void answer_problem(struct plugin *p, tappet_request *request, int32_t status, const char *type, const char *detail);
/* For an error of action_start. */
void answer_error(struct plugin *p, tappet_request *request, int32_t error);
/* What became of it: 200 with `members`, or a problem that has them. Releases them. */
void answer_end(struct plugin *p, tappet_request *request, enum action_end end, struct text *members);

/* ---- The plugin ---- */

#define ROUTE_COUNT 3

enum counter {
	COUNT_IN_AUTH,
	COUNT_IN_ACTION,
	COUNT_IN_SUBSCRIBE,
	COUNT_IN_UNSUBSCRIBE,
	COUNT_IN_PING,
	COUNT_IN_OTHER,
	COUNT_OUT_ACK,
	COUNT_OUT_ERROR,
	COUNT_OUT_EVENT,
	COUNT_OUT_OTHER,
	COUNT_ACTIONS,
	COUNT_BUSY,
	COUNT_DELIVERIES,
	COUNT_SLOW,
	GAUGE_CONNECTIONS,
	GAUGE_SUBSCRIPTIONS,
	COUNTERS
};

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	const tappet_http1 *http;
	const tappet_auth1 *auth;
	const tappet_activity1 *activity;
	const tappet_events1 *events;
	const tappet_ws1 *ws;
	struct limits limits;
	struct matcher *matcher;
	struct connect_owner connect_owner;
	struct binding *connects;
	bool started;
	uint64_t round; /* of searches */
	tappet_ws_endpoint *endpoint;
	tappet_route *routes[ROUTE_COUNT];
	tappet_timer *watch;
	struct connection *connections, **connections_last;
	struct connection *held, **held_last;
	size_t connection_count, stranger_count;
	struct action *queue, **queue_last; /* actions that wait for credit */
	size_t action_count;                /* under way */
	size_t queue_bytes;
	size_t busy;             /* what holds up the end: connections, actions, requests */
	uint64_t message_number; /* of CloudEvents that go out */
	int64_t started_ms;
	bool low; /* hardly any credit was left when an action was handed over last */
	bool paused, stopping, stopped;
	struct event_text texts[EVENT_TEXTS];
	struct text large; /* an event that is too large to be kept */
	struct text frame; /* several events while they are put together */
	tappet_metric *metrics[COUNTERS];
};

void plugin_begin(struct plugin *p);
void plugin_end(struct plugin *p);
static inline void plugin_count(const struct plugin *p, enum counter counter, double amount)
{
	p->host->metric_add(p->metrics[counter], amount);
}

#endif
