/* What the files of this folder share: the host, a plugin's instance, a trigger, and the small services they all use
 * (guard, later, pending). The struct names tappet_* are the opaque handles of the ABI. Nothing outside host/
 * includes this. */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tappet/activity.h>
#include <tappet/auth.h>
#include <tappet/events.h>
#include <tappet/http.h>
#include <tappet/plugin.h>
#include <tappet/ws.h>
#include <uv.h>
#include "base/list.h"
#include "base/map.h"
#include "config/option.h"
#include "host/claims.h"
#include "host/host.h"

/* The size of a struct as version 1.0 of the ABI had it, by its last field then. */
#define SIZE_UNTIL(type, field) (offsetof(type, field) + sizeof(((type *)NULL)->field))
#define PLUGIN_SIZE_1_0 SIZE_UNTIL(tappet_plugin, clock_set)
/* The field fills what was padding: the size does not tell whether it is there. */
#define LIST_CHECKPOINTS_MINOR 4
#define OPTION_SIZE_1_0 SIZE_UNTIL(tappet_option, replaced_by)
#define EMISSION_SIZE_1_0 SIZE_UNTIL(tappet_emission, checkpoint_size)
#define ACCOUNT_SIZE_1_0 SIZE_UNTIL(tappet_account, checkpoint_size)
#define CHECKPOINT_SIZE_1_0 SIZE_UNTIL(tappet_checkpoint, value)
#define GRANT_SIZE_1_0 SIZE_UNTIL(tappet_grant, workflow_count)
#define FILTER_SIZE_1_0 SIZE_UNTIL(tappet_events_filter, type)
#define WORKFLOW_INFO_SIZE_1_3 SIZE_UNTIL(tappet_workflow_info, team)
#define ACTION_SIZE_1_3 SIZE_UNTIL(tappet_action, by)

#define KEY_MAX 255
#define CHECKPOINT_VALUE_MAX (64 * 1024)
#define CHECKPOINTS_MAX 256 /* per emission */
#define KV_VALUE_MAX (1024 * 1024)
#define CAUSE_MAX (64 * 1024)
#define ENVELOPE_MAX (64 * 1024)
#define DETAIL_MAX 500
#define ACTION_DATA_MAX ((size_t)16 * 1024 * 1024)
#define PENDING_MAX 4096 /* operations of one kind that a plugin may have under way */
#define METRICS_MAX 100
#define SCOPE_SIZE 320
#define SUBJECT_MAX 64
#define KV_LIST_MAX 1000
#define CREDIT_EMISSIONS 1024
#define CREDIT_BYTES (64 * 1024 * 1024)

/* ---- Later: what must not run inside the call that causes it ---------------------------------------------------- */

struct later {
	struct list node;
	void (*run)(struct later *l);
};

static inline void later_init(struct later *l, void (*run)(struct later *l))
{
	list_init(&l->node);
	l->run = run;
}
/* Runs l once at the loop's next turn. Nothing happens when it is queued already. */
void host_later(struct host *h, struct later *l);
static inline void later_cancel(struct later *l)
{
	list_remove(&l->node);
}

/* ---- The guard around every callback ---------------------------------------------------------------------------- */

enum callback {
	CALLBACK_CREATE,
	CALLBACK_TRIGGER_ADD,
	CALLBACK_TRIGGER_REMOVE,
	CALLBACK_TRIGGER_FREE,
	CALLBACK_START,
	CALLBACK_PAUSE,
	CALLBACK_RESUME,
	CALLBACK_STOP,
	CALLBACK_DESTROY,
	CALLBACK_CLOCK_SET,
	CALLBACK_EMIT,
	CALLBACK_ACCOUNT,
	CALLBACK_TIMER,
	CALLBACK_FD,
	CALLBACK_KV,
	CALLBACK_POST,
	CALLBACK_WORK,
	CALLBACK_HTTP,
	CALLBACK_ACTIVITY,
	CALLBACK_EVENTS,
	CALLBACK_WS,
	CALLBACK_CHECK,
	CALLBACK_COUNT,
};

struct callback_record {
	char breadcrumb[64]; /* "NAME CALLBACK" */
	struct metric *slow, *seconds;
	int64_t logged_ms; /* the last time that it was named in the log */
};

struct guard {
	struct tappet_instance *plugin;
	enum callback callback;
	int64_t begin_ns;
	const char *before;
};

void guard_init(struct tappet_instance *p);
void guard_enter(struct guard *g, struct tappet_instance *p, enum callback callback);
void guard_leave(struct guard *g);
const char *callback_name(enum callback callback);

/* ---- A plugin --------------------------------------------------------------------------------------------------- */

/*   LOADED --create--> CREATED --start--> STARTED --stop--> STOPPING --stopped--> STOPPED --destroy--> DESTROYED
 *                 '------------- FAILED (a negative result) ---------------------------------'          */
enum plugin_phase {
	PLUGIN_LOADED,
	PLUGIN_CREATED,
	PLUGIN_STARTED,
	PLUGIN_STOPPING,
	PLUGIN_STOPPED,
	PLUGIN_FAILED,
	PLUGIN_DESTROYED,
};

struct use {
	uint64_t emissions, bytes;
};

struct tappet_config {
	const struct option_values *values;
};

struct tappet_metric {
	struct tappet_instance *plugin;
	struct metric *metric;
	int32_t kind;
	struct list node; /* of the plugin */
	char name[];
};

struct tappet_instance {
	struct host *host;
	char *name; /* as in tappet.json */
	char *path;
	tappet_plugin desc; /* a copy; zero where the plugin's is shorter */
	struct option *options, *trigger_options;
	struct trigger_def open_def;  /* with desc.open_trigger: what stands for a definition of its open triggers */
	struct option_values *values; /* checked, secrets resolved; until `create` */
	enum plugin_phase phase;
	void *state;
	bool created; /* `create` succeeded: `destroy` is owed */
	bool late;

	/* Operations that will call back: the plugin's end waits for them. */
	size_t pending;
	atomic_size_t posts;
	atomic_bool post_open;
	size_t kv_pending, work_pending, activity_pending;
	uint64_t kv_bytes, action_bytes;
	bool told_busy; /* one of these was at its limit: `resume` is owed */

	struct use use;
	bool paused, store_waits, retry; /* retry: somebody was told EBUSY by another limit */
	struct later credit;
	struct list busy; /* triggers that were told EBUSY and have not been called back */

	struct list triggers; /* those that were handed to it and not freed */
	size_t trigger_count;
	struct list timers, fds, routes, requests, metrics, readers, waiters, endpoints, sockets;
	size_t metric_count;

	int32_t health_state;
	char *health_reason;
	int64_t health_until_ms;
	struct callback_record callbacks[CALLBACK_COUNT];
};

/* Whether host functions may be called for it now: from `create` until `stopped`. */
static inline bool plugin_usable(const struct tappet_instance *p)
{
	return p && p->phase >= PLUGIN_CREATED && p->phase <= PLUGIN_STOPPING;
}
void pending_add(struct tappet_instance *p);
/* After the callback has returned. */
void pending_done(struct tappet_instance *p);

/* ---- A trigger -------------------------------------------------------------------------------------------------- */

/*   WAITING (its predecessor has emissions under way) -> LOADING (checkpoints) -> ADDING -> LIVE -> REMOVING (inside of
 *                                          trigger_remove) -> REMOVED -> freed      '-> DEAD                        */
enum trigger_phase {
	TRIGGER_WAITING,
	TRIGGER_LOADING,
	TRIGGER_ADDING,
	TRIGGER_LIVE,
	TRIGGER_DEAD,
	TRIGGER_REMOVING,
	TRIGGER_REMOVED,
};

#define OPEN_TRIGGER UINT32_MAX /* in the place of the index of a definition */

/* How a trigger is that does not simply run. */
struct trigger_health {
	int32_t state;
	int64_t until_ms;
	char reason[];
};

/* There may be 100,000 of them: what few of them have at a time is not in here. */
struct tappet_trigger {
	struct host_workflow *owner;
	struct tappet_instance *plugin; /* NULL: not loaded */
	struct workflow *workflow;      /* a reference; the definition that it was made from, or an equal one */
	struct trigger_health *health;  /* NULL: it runs */
	union {
		void *state;               /* the plugin's, once it was handed over */
		struct trigger_rows *rows; /* before that, while a list of checkpoints is being sorted out */
	};
	struct catalog_trigger order;
	struct use use;
	struct list in_workflow;
	struct list in_plugin; /* its triggers; before it was handed over, those that are to be loaded */
	struct later release;  /* when it is removed; until then its node is in the plugin's `busy` */
	uint32_t index;        /* of its definition; OPEN_TRIGGER: it has none */
	uint32_t in_flight;    /* operations that will call back */
	uint32_t generation;   /* the last host_sync that saw it */
	uint8_t phase;         /* enum trigger_phase */
	bool handed;           /* trigger_add succeeded: trigger_remove and trigger_free are owed */
	bool reading;
	bool stateless; /* nothing of it is in the store, nor on its way there */
};

static inline int32_t trigger_health_state(const struct tappet_trigger *t)
{
	return t->health ? t->health->state : TAPPET_HEALTH_RUNNING;
}

const struct trigger_def *trigger_def(const struct tappet_trigger *t);
static inline bool trigger_is_open(const struct tappet_trigger *t)
{
	return t->index == OPEN_TRIGGER;
}
/* Its plugin reads what it has in the store itself, in pages. */
static inline bool trigger_lists(const struct tappet_trigger *t)
{
	return trigger_is_open(t) || t->plugin->desc.list_checkpoints;
}
/* "trigger/WORKFLOWID/TRIGGERID"; of an open one "open/WORKFLOWID/PLUGIN", so that it is no trigger's of a definition. */
int trigger_scope(const struct tappet_trigger *t, char scope[static SCOPE_SIZE]);
static inline bool trigger_usable(const struct tappet_trigger *t)
{
	return t && t->plugin && (t->phase == TRIGGER_LIVE || t->phase == TRIGGER_ADDING);
}
void trigger_pending_add(struct tappet_trigger *t);
void trigger_pending_done(struct tappet_trigger *t);
/* Hands it to its plugin, or makes it dead. */
void trigger_hand_over(struct tappet_trigger *t, const struct store_checkpoint *rows, size_t count);
/* Queues the reading of its checkpoints, after which trigger_hand_over is called. */
void trigger_load(struct tappet_trigger *t);
/* Runs trigger_remove, and trigger_free once nothing is under way. True: nothing of it is in the store, nor on its way
 * there: its successor need not wait for it. */
bool trigger_retire(struct tappet_trigger *t);
/* A trigger that was WAITING or LOADING has been handed over, or given up. */
void trigger_settled(struct host *h);
void trigger_dead(struct tappet_trigger *t, const char *reason);
void trigger_health_set(struct tappet_trigger *t, int32_t state, const char *reason, int64_t until_ms);
/* It goes. */
void trigger_health_forget(struct tappet_trigger *t);
/* "running", "degraded", "backing-off", "dead" */
const char *trigger_state_name(int32_t state);
/* health_events.c: how it is has been set; it has gone; all that is still to be told is told. */
void health_event_note(const struct tappet_trigger *t);
void health_event_gone(const struct tappet_trigger *t);
void health_events_flush(struct host *h);
void health_events_release(struct host *h);
/* Loader of checkpoints. */
void loading_run(struct later *l);
/* Removes all triggers of a plugin that has stopped. */
void triggers_end(struct tappet_instance *p);

struct host_workflow {
	struct host *host;
	char id[ID_SIZE];
	char *slug; /* the name of its triggers in health */
	struct list triggers;
};

/* ---- The host --------------------------------------------------------------------------------------------------- */

struct host {
	struct host_options options;
	char *plugin_folder, *folder;
	struct tappet_instance **plugins;
	size_t count;

	uv_idle_t *idle;
	struct list later;
	uv_timer_t *full_timer; /* asks a full store whether it has room again */
	uv_timer_t *stop_timer, *health_timer;
	uv_poll_t *clock_poll;
	int clock_fd;

	struct map triggers;  /* WORKFLOWID/TRIGGERID -> the current one */
	struct map retiring;  /* the same key -> one that was handed over and not freed yet */
	struct map workflows; /* id -> host_workflow */
	struct claims claims; /* of the triggers that were handed over */
	unsigned generation;
	struct list loading;
	struct later load;
	size_t unsettled;
	struct later settle;
	struct list settles; /* of struct host_settle */

	bool stopping, finished, finish_now;
	struct later stop_check;
	void (*stop_done)(void *arg, const char *late);
	void *stop_arg;
	char *late;

	struct map health_notes; /* health_events.c: WORKFLOWID/TRIGGERID -> what was told */
	struct list quiet;
	struct map metric_kinds; /* name -> kind, over all plugins */
	struct activity_watch *watch;
};

/* A handle of the loop that frees itself: its memory begins with the uv handle. */
void host_close_handle(uv_handle_t *handle);
int host_error(int error); /* -errno -> TAPPET_E* */
extern const tappet_host host_table;

/* loader.c: what the plugin at `path` calls itself (to be freed); and filling p->path, p->desc and its tables. */
int loader_name(const char *path, struct diag *d, char **ret);
int loader_load(struct tappet_instance *p, const char *path, const struct plugin_config *config,
		const struct json_file *file, struct diag *d);
const void *host_capability(const struct host *h, const char *name);
bool host_knows_capability(const char *name);
void instance_free(struct tappet_instance *p);
struct tappet_instance *host_instance(const struct host *h, const char *name);
/* Takes away what a plugin left behind, and names it. */
void host_release_leftovers(struct tappet_instance *p);
void host_stop_check(struct host *h);
/* Names a plugin that did not end in time and takes away what it holds in other parts of the core, for they will be
 * closed; its own memory stays. */
void host_give_up(struct tappet_instance *p);
int host_clock_open(struct host *h);
void host_clock_close(struct host *h);
/* Tells the plugins that the wall clock was set. */
void host_clock_changed(struct host *h);

/* Credit. */
bool credit_allows(const struct tappet_trigger *t, uint64_t bytes);
void credit_take(struct tappet_trigger *t, uint64_t bytes);
void credit_give(struct tappet_trigger *t, uint64_t bytes);
/* Somebody was told EBUSY: `resume` will come. */
void credit_refused(struct tappet_trigger *t);
void credit_retry(struct tappet_instance *p);
/* One of the other limits was met: TAPPET_EBUSY, and `resume` once something has ended. */
int32_t credit_busy(struct tappet_instance *p);
void credit_eased(struct tappet_instance *p);
void credit_run(struct later *l);
void credit_full_poll(uv_timer_t *timer);
bool credit_store_full(const struct host *h);

bool subject_valid(tappet_str subject);
/* Whether an emission or account through it may have this subject; an empty one always. */
bool subject_allowed(const struct tappet_trigger *t, tappet_str subject);
/* With a NUL behind, in `room`; NULL: there is none. */
const char *subject_copy(tappet_str subject, char room[static SUBJECT_MAX + 1]);

/* Checkpoints of an emission or account, as the store wants them. `room` holds CHECKPOINTS_INLINE. */
#define CHECKPOINTS_INLINE 8
int32_t checkpoints_read(const tappet_checkpoint *list, size_t count, size_t size, struct store_checkpoint *room,
			 struct store_checkpoint **ret, uint64_t *bytes);

/* The functions of the table, by subject. */
void table_log(tappet_instance *self, int32_t level, const char *message, const tappet_field *fields,
	       size_t field_count);
size_t table_config_count(const tappet_config *config, const char *key);
int32_t table_config_str(const tappet_config *config, const char *key, size_t index, tappet_str *ret);
int32_t table_config_int(const tappet_config *config, const char *key, size_t index, int64_t *ret);
int32_t table_config_bool(const tappet_config *config, const char *key, int32_t *ret);
int32_t table_emit(tappet_trigger *trigger, const tappet_emission *emission, tappet_emit_cb cb, void *arg);
void table_credit(tappet_trigger *trigger, uint64_t *ret_emissions, uint64_t *ret_bytes);
int32_t table_account(tappet_trigger *trigger, const tappet_account *account, tappet_done_cb cb, void *arg);
/* Counts a refusal in the name of a trigger, of a workflow (trigger_id NULL), or of nobody (both NULL). */
void host_refuse(tappet_instance *self, const char *workflow_id, const char *trigger_id, int32_t reason,
		 tappet_str detail);
void table_refuse(tappet_instance *self, tappet_trigger *trigger, int32_t reason, tappet_str detail);
int32_t table_timer_start(tappet_instance *self, int64_t delay_ms, int64_t repeat_ms, void (*cb)(void *arg), void *arg,
			  tappet_timer **ret);
void table_timer_stop(tappet_timer *timer);
int64_t table_wall_ms(tappet_instance *self);
int64_t table_mono_ms(tappet_instance *self);
int32_t table_fd_watch(tappet_instance *self, int fd, int32_t events,
		       void (*cb)(void *arg, int32_t events, int32_t error), void *arg, tappet_fd **ret);
void table_fd_unwatch(tappet_fd *watch);
int32_t table_kv_put(tappet_instance *self, tappet_trigger *trigger, tappet_str key, tappet_str value,
		     tappet_done_cb cb, void *arg);
int32_t table_kv_get(tappet_instance *self, tappet_trigger *trigger, tappet_str key,
		     void (*cb)(void *arg, int32_t result, tappet_str value), void *arg);
int32_t table_kv_list(tappet_instance *self, tappet_trigger *trigger, tappet_str after, size_t limit,
		      void (*cb)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count), void *arg);
tappet_metric *table_metric(tappet_instance *self, int32_t kind, const char *name, const char *help);
void table_metric_add(tappet_metric *metric, double amount);
void table_metric_set(tappet_metric *metric, double value);
void table_metric_observe(tappet_metric *metric, double value);
int32_t table_post(tappet_instance *self, void (*fn)(void *arg), void *arg);
int32_t table_work(tappet_instance *self, void (*work)(void *arg), tappet_done_cb done, void *arg);
void table_health(tappet_instance *self, tappet_trigger *trigger, int32_t state, const char *reason, int64_t until_ms);
void table_stopped(tappet_instance *self);
const void *table_capability(tappet_instance *self, const char *name);

extern const tappet_http1 http_table;
extern const tappet_auth1 auth_table;
extern const tappet_activity1 activity_table;
extern const tappet_events1 events_table;
extern const tappet_ws1 ws_table;

/* What a plugin left behind of one kind is made harmless; how many there were. */
size_t timer_release_all(struct tappet_instance *p);
size_t fd_release_all(struct tappet_instance *p);
size_t http_release_routes(struct tappet_instance *p);
size_t http_release_requests(struct tappet_instance *p);
size_t events_release_all(struct tappet_instance *p);
size_t ws_release_endpoints(struct tappet_instance *p);
/* Cuts them. */
size_t ws_release_sockets(struct tappet_instance *p);
size_t activity_release_all(struct tappet_instance *p);
/* Waits for the ends of activities come back now, as if their time were up. */
void activity_expire_all(struct tappet_instance *p);
void metric_release_all(struct tappet_instance *p);

/* `action` of tappet.activity/1. */
int32_t activity_action(tappet_instance *self, const tappet_action *action, tappet_action_cb cb, void *arg);

int activity_watch_open(struct host *h);
void activity_watch_close(struct host *h);

#endif
