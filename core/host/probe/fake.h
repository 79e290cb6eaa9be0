/* The host that is made up. Its clock stands still until it is told otherwise; emissions get the outcomes that the scenario has
 * ordered; each call is checked against the rules. What it makes lives in an arena of its own until the process ends: a
 * handle that is used too late is recognised, and malloc counts what the plugin takes and nothing else. */
#ifndef HOST_PROBE_FAKE_H
#define HOST_PROBE_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <tappet/activity.h>
#include <tappet/auth.h>
#include <tappet/events.h>
#include <tappet/http.h>
#include <tappet/ws.h>
#include "base/list.h"
#include "host/internal.h"
#include "host/probe/board.h"

enum fake_phase { FAKE_CREATED, FAKE_STARTED, FAKE_STOPPING, FAKE_STOPPED, FAKE_DESTROYED };
enum fake_plan { PLAN_OK, PLAN_ROTATE, PLAN_UNKNOWN, PLAN_HOLD };

#define FAKE_ID "0123456789abcdef01234567" /* of the workflow, and of an activity */
#define FAKE_TOKEN "probe"
#define FAKE_EXIT_TOLD 99 /* of the process: the breach that ends it has been noted */

struct fake;

struct fake_instance {
	struct fake *f;
	const char *name;
	void *state;
	_Atomic(enum fake_phase) phase; /* `log` looks at it from any thread */
	struct list triggers;
	char open_scope;           /* its address stands for the state of its open triggers */
	struct fake_trigger *gone; /* its number and state are those of the next one; NULL: that is a new one */
};

struct fake_trigger {
	struct list node;
	struct fake_instance *instance;
	void *state;
	size_t number;
	const void *scope; /* stands for its state */
	size_t pending;    /* operations under way that will call back */
	bool open, live, removed, freed;
};

/* A callback that is due: of an emission, of a key-value call, of a post, ... */
struct fake_call {
	struct list node;
	struct fake_instance *instance;
	struct fake_trigger *trigger; /* whose it is; NULL: the plugin's own */
	const char *what;
	void (*run)(struct fake *f, struct fake_call *c);
	union {
		tappet_emit_cb emit;
		tappet_done_cb done;
		void (*value)(void *arg, int32_t result, tappet_str value);
		void (*list)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count);
		void (*plain)(void *arg);
		tappet_activity_cb activity;
		tappet_action_cb action;
	} cb;
	void *arg;
	int32_t result;
	tappet_str text; /* of an emission: its dedup key; of kv_get: the value; of kv_list: the key before */
	tappet_str payload, cause, subject;
	size_t limit;                    /* of kv_list */
	int64_t occurred_ms, settled_ms; /* 0; monotonic */
	struct fake_request *request;    /* that this emission came of */
	bool held;
};

struct fake_handle { /* a timer, a watch, a route, a reader, an endpoint or a connection */
	struct list node;
	struct fake_instance *instance;
	const char *what;
	bool gone;
	int64_t due_ms, repeat_ms;
	int fd;
	short events;
	union {
		void (*timer)(void *arg);
		void (*fd)(void *arg, int32_t events, int32_t error);
		tappet_http_cb route;
		tappet_events_cb events;
	} cb;
	void *arg;
	const char *methods, *pattern;
	const struct filter *filter; /* of a reader */
	uint64_t seen;
	bool wants, asked; /* `more` was called; a batch is due */
};

struct fake_request {
	struct list node;
	struct fake_handle *route;
	tappet_str method, path, query, body, param;
	const tappet_http_header *headers;
	size_t header_count;
	size_t emissions; /* unsettled ones */
	bool lost;        /* one of them was surely, or perhaps, not stored */
	bool answered;
	bool upgrade; /* of an endpoint */
	bool left;    /* the client is not there any more */
};

struct fake_value {
	struct list node;
	const void *scope;
	tappet_str key, value;
};

struct fake {
	struct board *board;
	const tappet_plugin *desc;
	char *arena, *lent;
	size_t arena_used, lent_from, lent_used;
	pthread_t loop;
	int64_t mono_ms, wall_ms;
	enum fake_plan plan;
	bool hard;       /* outcomes and refusals of every kind; else all is well */
	bool succession; /* triggers that list their checkpoints have successors, which find them */
	bool timed;      /* callbacks are timed in this scenario */
	bool checking;   /* check_options or check_trigger runs */
	bool odd_events; /* batches of all shapes; else plausible ones */
	bool odd_peers;  /* of connections: hostile ones, else plausible ones */
	size_t checks;   /* of what fails now and then */
	size_t sockets_made;
	uint64_t newest; /* event */
	size_t batches;
	bool storm; /* found; what is left of the scenario is skipped over */
	size_t emitted, settled, trigger_number, busy_in_callback;
	struct fake_instance *current; /* whose callback runs */
	struct fake_trigger *adding;   /* whose trigger_add runs */
	struct fake_trigger *removing; /* whose trigger_remove runs */
	struct fake_call *settling;    /* whose callback runs */
	struct fake_request *serving;  /* whose callback runs */
	const char *callback;
	struct fake_instance *starved; /* EBUSY was said to it: it is owed a resume */
	int64_t begin_us;              /* of the callback */
	struct rusage begin_usage;
	bool paused;
	struct list unknown; /* emissions with a time of occurrence whose outcome was EUNKNOWN */
	struct list calls, timers, watches, routes, readers, endpoints, sockets, requests, values;
	pthread_mutex_t lock; /* of what follows: other threads may call post */
	struct list posts;
	atomic_size_t works;
	int wake; /* eventfd */
};

/* What `create` and `trigger_add` are handed as their config: lent, like all else. */
struct fake_config {
	struct tappet_config config;
	struct fake *f;
};

extern const tappet_host fake_host;
/* What the plugin itself says of options; false with its first mistake. */
bool fake_check(struct fake *f, bool of_trigger, const struct option_values *values, char *ret_message, size_t room);
extern const tappet_http1 fake_http;
extern const tappet_auth1 fake_auth;
extern const tappet_activity1 fake_activity;
extern const tappet_events1 fake_events;
extern const tappet_ws1 fake_ws;

int fake_open(struct fake *f, struct board *board, const tappet_plugin *desc);
void *fake_alloc(struct fake *f, size_t size);
tappet_str fake_copy(struct fake *f, tappet_str text);

/* Around every callback. What is lent is unreadable once it has returned. */
void fake_enter(struct fake *f, struct fake_instance *i, const char *callback);
void fake_leave(struct fake *f);
void *fake_lend(struct fake *f, const void *bytes, size_t len);
tappet_str fake_lend_str(struct fake *f, tappet_str text);

/* False: this call is not allowed; the breach has been noted. */
bool fake_allowed(struct fake_instance *i, const char *function);
bool fake_on_loop(struct fake *f, const char *function);
struct fake_handle *fake_handle_new(struct fake_instance *i, struct list *list, const char *what);
void fake_handle_end(struct fake_handle *h, const char *function);
struct fake_call *fake_call_new(struct fake_instance *i, const char *what,
				void (*run)(struct fake *f, struct fake_call *c));

int32_t fake_emit(tappet_trigger *trigger, const tappet_emission *emission, tappet_emit_cb cb, void *arg);
int32_t fake_account(tappet_trigger *trigger, const tappet_account *account, tappet_done_cb cb, void *arg);
void fake_credit(tappet_trigger *trigger, uint64_t *ret_emissions, uint64_t *ret_bytes);
int32_t fake_kv_put(tappet_instance *self, tappet_trigger *trigger, tappet_str key, tappet_str value, tappet_done_cb cb,
		    void *arg);
int32_t fake_kv_get(tappet_instance *self, tappet_trigger *trigger, tappet_str key,
		    void (*cb)(void *arg, int32_t result, tappet_str value), void *arg);
int32_t fake_kv_list(tappet_instance *self, tappet_trigger *trigger, tappet_str after, size_t limit,
		     void (*cb)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count), void *arg);
void fake_checkpoints(struct fake_trigger *t, const tappet_checkpoint *list, size_t count, size_t size);
int32_t fake_timer_start(tappet_instance *self, int64_t delay_ms, int64_t repeat_ms, void (*cb)(void *arg), void *arg,
			 tappet_timer **ret);
void fake_timer_stop(tappet_timer *timer);
int32_t fake_fd_watch(tappet_instance *self, int fd, int32_t events,
		      void (*cb)(void *arg, int32_t events, int32_t error), void *arg, tappet_fd **ret);
void fake_fd_unwatch(tappet_fd *watch);
int32_t fake_post(tappet_instance *self, void (*fn)(void *arg), void *arg);
int32_t fake_work(tappet_instance *self, void (*work)(void *arg), tappet_done_cb done, void *arg);

/* Runs what is due until nothing has happened for a moment of real time. Held emissions stay, unless `release`. */
void fake_settle(struct fake *f, bool release);
/* Lets virtual time go by, with what becomes due in it. */
void fake_advance(struct fake *f, int64_t ms);
/* Sends requests to all routes: plausible ones, or also odd ones. */
void fake_requests(struct fake *f, bool odd);
/* One request of a route or an endpoint; `given` says what is its own. */
struct fake_request *fake_request_send(struct fake *f, struct fake_handle *route, const struct fake_request *given,
				       bool with_headers);
/* NULL: it must not be used (any more). */
struct fake_request *fake_request_usable(tappet_request *request, const char *function);
tappet_str fake_repeated(struct fake *f, char c, size_t len);
/* Clients come to all endpoints, and the other sides of all connections go on. */
void fake_peers(struct fake *f);
/* So many events more. */
void fake_events_commit(struct fake *f, uint64_t count);
/* What is there when the instance has stopped has been left behind. */
void fake_check_left(struct fake *f, const struct fake_instance *i);
size_t fake_unanswered(const struct fake *f, bool upgrades);

#endif
