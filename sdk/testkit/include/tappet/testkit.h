/* SPDX-License-Identifier: MIT
 *
 * The testkit: a host for unit tests of plugins. It needs no daemon, no network and no waiting: the clock is virtual,
 * HTTP requests and WebSocket connections are calls, emissions are kept for the test to look at, and nothing happens before the test says
 * testkit_run or testkit_advance.
 *
 * It takes the plugin at its word: each rule of the ABI (ABI.md lists them by id) that the plugin breaks ends the test
 * with the rule's text, at the call where it was seen or, for what was left behind, in testkit_close.
 *
 * Threads: all functions are for the thread that called testkit_open. Memory: texts that are handed out end with a
 * NUL and stay until testkit_close. Arguments are copied. Errors: misuse by the test itself, and memory that runs
 * out, end the test as well. */
#ifndef TAPPET_TESTKIT_H
#define TAPPET_TESTKIT_H

#include "tappet/activity.h"
#include "tappet/auth.h"
#include "tappet/events.h"
#include "tappet/http.h"
#include "tappet/plugin.h"
#include "tappet/ws.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One loaded plugin and the host around it. It is what the plugin gets as its `self`. */
typedef tappet_instance testkit;

/* ---- Lifecycle ------------------------------------------------------------------------------------------------- */

/* A plugin whose source is linked with the test: testkit_open(tappet_plugin_v1()). The kit stays until
 * testkit_close. */
TAPPET_EXPORT testkit *testkit_open(const tappet_plugin *plugin);
/* A plugin as a shared object. The kit stays until testkit_close. */
TAPPET_EXPORT testkit *testkit_open_file(const char *path);
/* Runs what is due, stops the plugin when it runs, removes its triggers, looks for what it left behind (LIFE, EMIT,
 * WORK, TIME, FD, HTTP, WS, EVENTS), destroys it and frees everything. Emissions that the test held back are cancelled. NULL is
 * allowed. */
TAPPET_EXPORT void testkit_close(testkit *kit);

/* `options` is a JSON object, checked by the plugin's table and by `check_options`; NULL: none. Paths in them (TAPPET_PATH,
 * {"file": "PATH"} of a secret) are relative to the working folder of the test. Errors: what `create`
 * returned, or TAPPET_EINVAL for the options; testkit_error has the words. */
TAPPET_EXPORT int32_t testkit_create(testkit *kit, const char *options);
/* A trigger of the workflow TESTKIT_WORKFLOW, valid until its trigger_free. Its options are checked by the table and by
 * `check_trigger`; what another trigger has claimed is a mistake. NULL: testkit_error has the words. Allowed before and
 * after the start. The checkpoints that are handed over are the state of (workflow, trigger) as committed last; none with
 * `list_checkpoints` (ABI 1.4). */
TAPPET_EXPORT tappet_trigger *testkit_trigger_add(testkit *kit, const char *trigger_id, const char *options);
/* A trigger of any workflow, valid until its trigger_free. Else as testkit_trigger_add. */
TAPPET_EXPORT tappet_trigger *testkit_trigger_add_to(testkit *kit, const char *workflow_id, const char *trigger_id,
						     const char *options);
/* The open trigger of a workflow (NULL: TESTKIT_WORKFLOW), for a plugin whose descriptor has `open_trigger` (ABI 1.2): "+"
 * and the plugin's name is its id, no option of it is set or checked, no checkpoints are handed over. Valid until its
 * trigger_free. NULL: testkit_error has the words. Allowed before and after the start. */
TAPPET_EXPORT tappet_trigger *testkit_open_trigger(testkit *kit, const char *workflow_id);
/* What triggers that are added from now on are told of their workflow, and tappet.events/1 says of it; without it "workflow"
 * is its slug and name, and it belongs to no team. `name` and `team` may be NULL: the slug, and none. */
TAPPET_EXPORT void testkit_workflow(testkit *kit, const char *workflow_id, const char *slug, const char *name,
				    const char *team);
/* trigger_remove at once; trigger_free when the callbacks of its emissions have fired. */
TAPPET_EXPORT void testkit_trigger_remove(testkit *kit, tappet_trigger *trigger);
/* Calls `start`. Errors: what it returned. */
TAPPET_EXPORT int32_t testkit_start(testkit *kit);
/* create without options, one trigger "test", start; any failure ends the test. The trigger is valid until its
 * trigger_free. */
TAPPET_EXPORT tappet_trigger *testkit_begin(testkit *kit, const char *options, const char *trigger_options);
/* Calls `stop` and runs what is due. 1 when the plugin has said `stopped`, else 0: it may still do so, until the
 * virtual clock has passed the deadline (LIFE-2). */
TAPPET_EXPORT int testkit_stop(testkit *kit, int64_t deadline_ms);
/* 1 when the plugin has said `stopped`, else 0. */
TAPPET_EXPORT int testkit_has_stopped(const testkit *kit);
/* What failed last in testkit_create, testkit_trigger_add or testkit_start; "" when nothing did. The text stays until
 * testkit_close. */
TAPPET_EXPORT const char *testkit_error(const testkit *kit);

/* The workflow of triggers that name none. */
#define TESTKIT_WORKFLOW "5dd74d0976df2d000110e52a"

/* ---- Rules ----------------------------------------------------------------------------------------------------- */

/* Takes breaches in place of the abort: `rule` is an id such as "EMIT-1". The call during which it was seen goes on
 * as well as it can. */
typedef void (*testkit_breach_cb)(void *arg, const char *rule, const char *message);
/* From now on `cb` is called at a breach, in place of the abort. NULL: the abort again. */
TAPPET_EXPORT void testkit_on_breach(testkit *kit, testkit_breach_cb cb, void *arg);
/* For how long a callback may compute (THREAD-2), in CPU time of its thread: 10 ms, unless the test says otherwise, as builds
 * with a sanitizer may need. 0: for as long as it likes. */
TAPPET_EXPORT void testkit_slow(testkit *kit, int64_t limit_ms);
/* The table of functions that the plugin has. It is constant, valid for ever. */
TAPPET_EXPORT const tappet_host *testkit_host(void);

/* ---- Time, and what is due ------------------------------------------------------------------------------------- */

/* Everything that is due now: outcomes of emissions, state, work, posts, watched descriptors that are ready, pause
 * and resume, timers of this instant. */
TAPPET_EXPORT void testkit_run(testkit *kit);
/* Both clocks go on by so many milliseconds; timers fire in their order, each at its instant. */
TAPPET_EXPORT void testkit_advance(testkit *kit, int64_t ms);
/* The wall clock alone is set (milliseconds since 1970), and the plugin told so (clock_set), as when an
 * administrator does it. */
TAPPET_EXPORT void testkit_wall_set(testkit *kit, int64_t wall_ms);
/* The wall clock, milliseconds since 1970; it begins at 2020-01-01T00:00:00Z. */
TAPPET_EXPORT int64_t testkit_wall_ms(const testkit *kit);
/* The monotonic clock, milliseconds; it begins at 1,000,000. */
TAPPET_EXPORT int64_t testkit_mono_ms(const testkit *kit);
/* How many timers run. */
TAPPET_EXPORT size_t testkit_timer_count(const testkit *kit);
/* Milliseconds until the next timer; -1 when there is none. */
TAPPET_EXPORT int64_t testkit_timer_next(const testkit *kit);

/* ---- Emissions ------------------------------------------------------------------------------------------------- */

/* An emission as it was taken, and what became of it. */
typedef struct testkit_emission {
	size_t struct_size;
	tappet_trigger *trigger;              /* whose it is; not to be used after its trigger_free */
	const char *trigger_id;               /* as in testkit_trigger_add */
	const char *workflow_id;              /* TESTKIT_WORKFLOW, or as in testkit_trigger_add_to */
	tappet_str payload;                   /* JSON, as it was given */
	tappet_str parameters;                /* JSON object, or empty */
	tappet_str cause;                     /* JSON object, or empty */
	tappet_str dedup_key;                 /* the emission's own, or the one that the testkit made */
	int64_t occurred_ms;                  /* as it was given; 0 = now */
	const tappet_checkpoint *checkpoints; /* what is committed with it */
	size_t checkpoint_count;              /* how many */
	int32_t settled;                      /* 1: its callback has fired, with what follows */
	int32_t outcome;                      /* TAPPET_OK or TAPPET_E* */
	int32_t reason;                       /* TAPPET_REASON_* */
	const char *activity_id;              /* 24 hex digits, or "" */
	const char *subject;                  /* through an open trigger, what was given; else "" */
} testkit_emission;

/* How many were taken. */
TAPPET_EXPORT size_t testkit_emission_count(const testkit *kit);
/* The index-th (from 0) in the order of the calls; NULL behind the last. It stays until testkit_close. */
TAPPET_EXPORT const testkit_emission *testkit_emission_at(const testkit *kit, size_t index);
/* The last one; NULL when there is none. It stays until testkit_close. */
TAPPET_EXPORT const testkit_emission *testkit_emission_last(const testkit *kit);

/* What becomes of the next emission; called several times it makes a list.
 * TAPPET_OK: as the store would have it, so a dedup key that its trigger, or its subject, has had gives EDUP, or ECONFLICT
 * with another payload.
 * EDUP, ECONFLICT, EREFUSED, ECANCELED, EUNKNOWN: that. EBUSY, ETOOBIG, EINVAL, ENOMEM, ESTATE: `emit` returns it, and
 * EBUSY is followed by a `resume`. `detail` may be NULL. Checkpoints are kept with OK, EDUP and refusals for FILTER,
 * OVERLAP and DISABLED. */
TAPPET_EXPORT void testkit_outcome(testkit *kit, int32_t outcome, int32_t reason, const char *detail);
/* What becomes of all emissions that nothing is left for in the list of testkit_outcome. */
TAPPET_EXPORT void testkit_outcome_always(testkit *kit, int32_t outcome, int32_t reason, const char *detail);
/* While on, callbacks wait: for testkit_settle, or to be switched off. */
TAPPET_EXPORT void testkit_hold(testkit *kit, int on);
/* Calls one back now. Errors: TAPPET_ESTATE: an earlier one of its trigger has to come first, or it has been called. */
TAPPET_EXPORT int32_t testkit_settle(testkit *kit, size_t index, int32_t outcome, int32_t reason, const char *detail);

/* How much may be under way at once (1,024 emissions and 64 MiB). As in the daemon a trigger may
 * have up to half of what the others leave, and always one emission. */
TAPPET_EXPORT void testkit_credit(testkit *kit, uint64_t emissions, uint64_t bytes);
/* 1 between `pause` and `resume`, else 0. */
TAPPET_EXPORT int testkit_is_paused(const testkit *kit);

/* An account that was taken. */
typedef struct testkit_account {
	tappet_trigger *trigger; /* whose it is; not to be used after its trigger_free */
	int64_t first_ms;        /* the first of the range */
	int64_t last_ms;         /* the last of the range */
	int64_t count;           /* how many occurrences */
	int32_t outcome;         /* TAPPET_ACCOUNT_* */
	const char *subject;     /* through an open trigger, what was given; else "" */
} testkit_account;
/* How many accounts were taken. */
TAPPET_EXPORT size_t testkit_account_count(const testkit *kit);
/* The index-th (from 0) in the order of the calls; NULL behind the last. It stays until testkit_close. */
TAPPET_EXPORT const testkit_account *testkit_account_at(const testkit *kit, size_t index);

/* What the plugin has turned down itself. */
typedef struct testkit_refusal {
	tappet_trigger *trigger; /* or NULL */
	int32_t reason;          /* TAPPET_REASON_* */
	const char *detail;      /* as it was given */
	const char *workflow_id; /* in whose name; "": nobody's */
} testkit_refusal;
/* How often the plugin has called `refuse`. */
TAPPET_EXPORT size_t testkit_refusal_count(const testkit *kit);
/* The last one; NULL: none. It stays until testkit_close. */
TAPPET_EXPORT const testkit_refusal *testkit_refusal_last(const testkit *kit);

/* ---- State ----------------------------------------------------------------------------------------------------- */

/* The committed value, ptr == NULL when there is none; valid until it changes. `trigger_id` NULL: of the plugin;
 * else of that trigger, checkpoints included. They outlive the trigger: it finds them when it is added again. */
TAPPET_EXPORT tappet_str testkit_kv(const testkit *kit, const char *trigger_id, const char *key);
/* Commits a value, as if the plugin had done so before. `trigger_id` as in testkit_kv. */
TAPPET_EXPORT void testkit_kv_set(testkit *kit, const char *trigger_id, const char *key, const char *value);
/* Commits in `kit` all that is committed in `other`, of the plugin and of every trigger, as after a restart. */
TAPPET_EXPORT void testkit_kv_copy(testkit *kit, const testkit *other);

/* ---- HTTP (tappet.http/1) -------------------------------------------------------------------------------------- */

/* A request and its answer; stays until testkit_close. */
typedef struct testkit_exchange testkit_exchange;

/* `target` is a path with or without a query, percent-encoded as a client sends it. `headers` has one "Name: value"
 * a line, or is NULL. The route's handler runs inside; the answer may come later. What the daemon answers itself
 * comes as there: 404 without a route, 405, 503 before the start and after `stop`. What
 * api_route_add serves lies under /api/v1/plugins/NAME, and everybody is an administrator. The exchange stays until
 * testkit_close. */
TAPPET_EXPORT testkit_exchange *testkit_http(testkit *kit, const char *method, const char *target, const char *headers,
					     tappet_str body);
/* Where further requests come from ("192.0.2.1"). */
TAPPET_EXPORT void testkit_http_remote(testkit *kit, const char *remote);
/* Whether further requests come by TLS, and the subject of the client's certificate; NULL: it has none. */
TAPPET_EXPORT void testkit_http_tls(testkit *kit, int on, const char *client_subject);
/* `publicUrl`; NULL: not set. */
TAPPET_EXPORT void testkit_http_public_url(testkit *kit, const char *url);
/* The client leaves: the answer will be TAPPET_EGONE. */
TAPPET_EXPORT void testkit_http_disconnect(testkit_exchange *exchange);
/* The status of the answer, 200 to 599; 0: no answer yet. */
TAPPET_EXPORT int32_t testkit_http_status(const testkit_exchange *exchange);
/* The body of the answer; it stays until testkit_close. */
TAPPET_EXPORT tappet_str testkit_http_body(const testkit_exchange *exchange);
/* A header of the answer, without regard to case; NULL when it has none. It stays until testkit_close. */
TAPPET_EXPORT const char *testkit_http_header(const testkit_exchange *exchange, const char *name);
/* The `type` of an answer by `problem`; "" for others. It stays until testkit_close. */
TAPPET_EXPORT const char *testkit_http_problem(const testkit_exchange *exchange);
/* The `detail` of an answer by `problem`; "" for others. It stays until testkit_close. */
TAPPET_EXPORT const char *testkit_http_detail(const testkit_exchange *exchange);
/* How many routes there are, endpoints of tappet.ws/1 not among them. */
TAPPET_EXPORT size_t testkit_route_count(const testkit *kit);

/* ---- WebSocket (tappet.ws/1) ----------------------------------------------------------------------------------- */

/* A connection as its other side sees it: a client that came to an endpoint, or the server that `connect` is about. It is
 * the handle that the plugin has, too, but stays until testkit_close. */
typedef tappet_ws testkit_ws;

/* A client that asks for an upgrade, for testkit_ws_upgrade. */
typedef struct testkit_ws_upgrade_options {
	size_t struct_size;    /* sizeof(testkit_ws_upgrade_options) */
	const char *target;    /* as that of testkit_http */
	const char *headers;   /* further ones, as those of testkit_http; NULL: none */
	const char *protocols; /* the subprotocols that it names, "tappet.v1, cloudevents.json"; NULL: none */
	const char *origin;    /* as a browser sends it; NULL: none */
	const char *remote;    /* where it comes from; NULL: as testkit_http_remote has it */
} testkit_ws_upgrade_options;

/* A client comes. The endpoint's handler runs inside; the answer may come later. What the host answers itself comes as
 * there: 404 without an endpoint, 400 when none of the subprotocols is the endpoint's, 403 for another Origin, 503 before the
 * start and after `stop`. The site of the daemon is http://localhost (https by testkit_http_tls), and that of
 * testkit_http_public_url. It stays until testkit_close. */
TAPPET_EXPORT testkit_ws *testkit_ws_upgrade(testkit *kit, const testkit_ws_upgrade_options *options);
/* The status of the answer: 101 when the client was taken, 200 to 599 when it was turned down; 0: no answer yet, or it is
 * a connection of `connect`. */
TAPPET_EXPORT int32_t testkit_ws_status(const testkit_ws *ws);
/* The request of a client with the answer, for testkit_http_body, testkit_http_problem and the like; NULL for a connection
 * of `connect`. It stays until testkit_close. */
TAPPET_EXPORT testkit_exchange *testkit_ws_exchange(const testkit_ws *ws);
/* 1 while messages can go both ways, else 0. */
TAPPET_EXPORT int testkit_ws_is_open(const testkit_ws *ws);
/* The subprotocol that was agreed on; "" when none was. It stays until the next is agreed on. */
TAPPET_EXPORT const char *testkit_ws_protocol(const testkit_ws *ws);

/* The other side sends a message, and what is due is run. While the plugin has paused it, it waits. One that is larger than
 * the limit is answered by the host with 1009, and a text that is not UTF-8 with 1007. */
TAPPET_EXPORT void testkit_ws_send(testkit_ws *ws, int32_t kind, tappet_str bytes);
/* The same, of a text that ends with a NUL. */
TAPPET_EXPORT void testkit_ws_send_text(testkit_ws *ws, const char *text);
/* How many messages of the plugin have arrived. */
TAPPET_EXPORT size_t testkit_ws_sent_count(const testkit_ws *ws);
/* The index-th (from 0); ptr == NULL behind the last. It stays until testkit_close. */
TAPPET_EXPORT tappet_str testkit_ws_sent(const testkit_ws *ws, size_t index);
/* The kind of the index-th: 1 (TAPPET_WS_TEXT) or 2 (TAPPET_WS_BINARY); 0 behind the last. */
TAPPET_EXPORT int32_t testkit_ws_sent_kind(const testkit_ws *ws, size_t index);
/* The next that was not taken before; ptr == NULL: there is none. It stays until testkit_close. */
TAPPET_EXPORT tappet_str testkit_ws_take(testkit_ws *ws);
/* While on, the other side reads nothing: what is sent waits, and `send` gives TAPPET_EBUSY when the queue is full. Switched
 * off, all of it arrives, and `drained` is called when it was waited for. */
TAPPET_EXPORT void testkit_ws_hold(testkit_ws *ws, int on);
/* 1 while the plugin has paused it, else 0. */
TAPPET_EXPORT int testkit_ws_is_paused(const testkit_ws *ws);
/* The other side closes; code 0: without one. `reason` may be NULL. What is due is run. */
TAPPET_EXPORT void testkit_ws_close(testkit_ws *ws, int32_t code, const char *reason);
/* It is cut. A client that has no answer yet has left: `accept` gives TAPPET_EGONE. What is due is run. */
TAPPET_EXPORT void testkit_ws_break(testkit_ws *ws);
/* The code that the other side was closed with, 1006 (TAPPET_WS_BROKEN) when it was cut; 0 when it is not
 * closed. */
TAPPET_EXPORT int32_t testkit_ws_code(const testkit_ws *ws);
/* The reason that came with it; "" when none did. It stays until the connection comes about again. */
TAPPET_EXPORT const char *testkit_ws_reason(const testkit_ws *ws);
/* How many endpoints there are. */
TAPPET_EXPORT size_t testkit_ws_endpoint_count(const testkit *kit);
/* How many connections there are for the plugin: taken, or of `connect` and not given up. */
TAPPET_EXPORT size_t testkit_ws_count(const testkit *kit);

/* How often the plugin has called `connect` with success. */
TAPPET_EXPORT size_t testkit_ws_connect_count(const testkit *kit);
/* The index-th (from 0) in the order of the calls; NULL behind the last. It stays until testkit_close. */
TAPPET_EXPORT testkit_ws *testkit_ws_connect_at(const testkit *kit, size_t index);
/* The last one; NULL when there is none. It stays until testkit_close. */
TAPPET_EXPORT testkit_ws *testkit_ws_connect_last(const testkit *kit);
/* Where to, and how: what was given to `connect`. NULL for a client of an endpoint. It stays until testkit_close. */
TAPPET_EXPORT const tappet_ws_connect_options *testkit_ws_options(const testkit_ws *ws);
/* A header that `connect` was given, without regard to case; NULL when it has none. It stays until testkit_close. */
TAPPET_EXPORT const char *testkit_ws_header(const testkit_ws *ws, const char *name);
/* How many attempts have begun. One is under way from `connect`, and from the end of each pause, until the test says what
 * becomes of it, or its time is over. */
TAPPET_EXPORT size_t testkit_ws_attempt_count(const testkit_ws *ws);
/* 1 while an attempt is under way, else 0. */
TAPPET_EXPORT int testkit_ws_is_connecting(const testkit_ws *ws);
/* Milliseconds until the next attempt; -1 when none is to come. Pauses have no jitter here: they are as long as they can be. */
TAPPET_EXPORT int64_t testkit_ws_retry_ms(const testkit_ws *ws);
/* The attempt succeeds. `protocol` may be NULL: none. What is due is run. */
TAPPET_EXPORT void testkit_ws_open(testkit_ws *ws, const char *protocol);
/* The attempt, or the connection, ends by an error as in tappet_ws_end. `detail` may be NULL. TAPPET_EINVAL is the last
 * one. What is due is run. */
TAPPET_EXPORT void testkit_ws_fail(testkit_ws *ws, int32_t error, const char *detail);

/* ---- Tokens and activities (tappet.auth/1, tappet.activity/1) -------------------------------------------------- */

/* A token that covers one workflow, or with NULL all. Given again, it is replaced. `scopes` 0 takes it away. */
TAPPET_EXPORT void testkit_token(testkit *kit, const char *secret, uint32_t scopes, const char *workflow_id);
/* What trigger_enabled says of workflows that have no trigger here (TAPPET_ENOTFOUND); 1 for the others. */
TAPPET_EXPORT void testkit_trigger_enabled(testkit *kit, int32_t answer);
/* An activity that can be asked for; given again, it goes on. `document` may be NULL. wait_end ends with the statuses
 * completed, failure, invalid and cancelled. */
TAPPET_EXPORT void testkit_activity(testkit *kit, const char *activity_id, const char *workflow_id, const char *status,
				    const char *document);
/* What the next `cancel` of an activity that is there gives, in place of the end. */
TAPPET_EXPORT void testkit_cancel_result(testkit *kit, int32_t result);

/* An action that was taken. */
typedef struct testkit_action {
	const char *topic;    /* as it was given */
	tappet_str data;      /* JSON, as it was given, or "{}" */
	const char *token_id; /* who; "": an administrator */
	const char *by;       /* who, in words; "" when nothing was said */
} testkit_action;
/* How many actions were taken. */
TAPPET_EXPORT size_t testkit_action_count(const testkit *kit);
/* The index-th (from 0) in the order of the calls; NULL behind the last. It stays until testkit_close. */
TAPPET_EXPORT const testkit_action *testkit_action_at(const testkit *kit, size_t index);
/* What becomes of actions from now on: TAPPET_OK and how many steps go on (0), TAPPET_ECANCELED or
 * TAPPET_EUNKNOWN. */
TAPPET_EXPORT void testkit_action_outcome(testkit *kit, int32_t result, uint64_t released);
/* A capability by the test's own table, in place of the testkit's; NULL: there is none. `name` and `table` have to
 * stay. The testkit has http, ws, auth, activity and events. */
TAPPET_EXPORT void testkit_capability(testkit *kit, const char *name, const void *table);

/* ---- Events (tappet.events/1) ---------------------------------------------------------------------------------- */

/* Commits an event now, by the wall clock; readers get it at the next testkit_run. `workflow_id` and `activity_id` may
 * be NULL, and so may `data` ("{}"). Its number: 1, 2, 3, ... */
TAPPET_EXPORT uint64_t testkit_event(testkit *kit, const char *type, const char *workflow_id, const char *activity_id,
				     const char *data);
/* Events before this number are no longer kept: whoever has not read them is told of a gap. */
TAPPET_EXPORT void testkit_events_oldest(testkit *kit, uint64_t seq);
/* How many events a batch has at most, 1 to 128 (128). */
TAPPET_EXPORT void testkit_events_batch(testkit *kit, size_t count);
/* How many readers are open. */
TAPPET_EXPORT size_t testkit_reader_count(const testkit *kit);

/* ---- Descriptors ----------------------------------------------------------------------------------------------- */

/* Waits, in real time (milliseconds), for a watched descriptor to be ready, and runs. 0 when none was within
 * timeout_ms, else 1. */
TAPPET_EXPORT int testkit_poll(testkit *kit, int timeout_ms);
/* Calls the watch of `fd` as if it were ready. Errors: TAPPET_ENOTFOUND: nobody watches it. */
TAPPET_EXPORT int32_t testkit_fd_fire(testkit *kit, int fd, int32_t events, int32_t error);
/* How many descriptors are watched. */
TAPPET_EXPORT size_t testkit_fd_count(const testkit *kit);

/* ---- What the plugin says -------------------------------------------------------------------------------------- */

/* Of the plugin (NULL) or of a trigger: TAPPET_HEALTH_*. */
TAPPET_EXPORT int32_t testkit_health(const testkit *kit, const tappet_trigger *trigger);
/* The reason that came with it; "" when none did. It stays until testkit_close. */
TAPPET_EXPORT const char *testkit_health_reason(const testkit *kit, const tappet_trigger *trigger);
/* Until when, milliseconds since 1970; 0 when nothing was said. */
TAPPET_EXPORT int64_t testkit_health_until(const testkit *kit, const tappet_trigger *trigger);
/* The value of a counter or gauge, in its unit; of a histogram the sum of what it observed, in seconds. 0 when there
 * is none. */
TAPPET_EXPORT double testkit_metric(const testkit *kit, const char *name);
/* How many observations a histogram has. */
TAPPET_EXPORT uint64_t testkit_metric_count(const testkit *kit, const char *name);
/* How many lines the log has. */
TAPPET_EXPORT size_t testkit_log_count(const testkit *kit);
/* The index-th line (from 0): "LEVEL message key=value". It stays until testkit_close. */
TAPPET_EXPORT const char *testkit_log_at(const testkit *kit, size_t index);
/* How many lines contain the text. */
TAPPET_EXPORT size_t testkit_log_find(const testkit *kit, const char *text);

/* ---- Faults ---------------------------------------------------------------------------------------------------- */

/* The nth (from 1) call from now on that may fail (emit, account, timer_start, fd_watch, kv_put, kv_get, kv_list,
 * metric, post, work, route_add, those of tappet.activity/1, open, and endpoint_add, accept, connect and send of
 * tappet.ws/1) fails with `error`; metric gives NULL. 0: none. */
TAPPET_EXPORT void testkit_fail(testkit *kit, size_t nth, int32_t error);
/* 1 when that call has come: a loop over nth ends when it has not. */
TAPPET_EXPORT int testkit_has_failed(const testkit *kit);

#ifdef __cplusplus
}
#endif
#endif
