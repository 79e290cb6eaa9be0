/* What the files of the testkit share. Handles that plugins hold (timers, watches, routes, requests, triggers, options) stay
 * in memory until the kit is closed, marked as ended, so that a use behind their end is seen instead of being undefined. */
#ifndef TESTKIT_INTERNAL_H
#define TESTKIT_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "config/option.h"
#include "gateway/router.h"
#include "tappet/testkit.h"

enum rule {
	RULE_DESC_1,
	RULE_LIFE_1,
	RULE_LIFE_2,
	RULE_LIFE_3,
	RULE_THREAD_1,
	RULE_THREAD_2,
	RULE_MEM_1,
	RULE_MEM_2,
	RULE_EMIT_1,
	RULE_EMIT_2,
	RULE_WORK_1,
	RULE_WORK_2,
	RULE_TIME_1,
	RULE_FD_1,
	RULE_FD_2,
	RULE_HTTP_1,
	RULE_HTTP_2,
	RULE_HTTP_3,
	RULE_EVENTS_1,
	RULE_WS_1,
	RULE_WS_2,
	RULE_WS_3,
	RULE_WS_4,
};

enum phase { LOADED, CREATED, STARTED, STOPPING, STOPPED, DESTROYED };

struct handle {
	struct list node; /* in kit->handles; first */
	testkit *kit;
	const char *what;
	bool ended;
	void (*release)(struct handle *handle); /* what it owns; may be NULL */
};

/* Something that is due at the next testkit_run. */
struct task {
	struct list node;
	void (*run)(struct task *task);
};

struct health {
	int32_t state;
	char *reason;
	int64_t until_ms;
};

struct tappet_trigger {
	struct handle handle;
	struct list node; /* in kit->triggers, until it is freed */
	char *id, *workflow_id, *scope;
	void *state;
	bool open, live, removing, removed; /* removing: inside of trigger_remove */
	size_t pending;                     /* callbacks that name it */
	uint64_t emissions_now, bytes_now;
	bool busy; /* told EBUSY for its own share: it is owed a resume */
	struct health health;
};

struct outcome {
	struct list node;
	int32_t outcome, reason;
	char *detail;
};

/* What triggers are told of their workflow. */
struct workflow_words {
	const char *id, *slug, *name, *team;
};

/* A growing array of pointers to what the kit owns. */
struct records {
	void **items;
	size_t count;
};

struct tappet_instance {
	tappet_plugin desc;
	struct option *options, *trigger_options;
	void *object; /* of dlopen */
	void *state;
	enum phase phase;
	bool created, stopped, paused;
	int64_t deadline_ms; /* monotonic */
	pthread_t thread;
	pthread_mutex_t lock; /* posts, log, and what was broken on another thread */
	testkit_breach_cb breach;
	void *breach_arg;
	char *error;
	size_t fault, failed;
	int32_t fault_error;

	struct list handles, triggers, tasks, posts, timers, watches, outcomes, tokens, activities, waiters, readers,
		claims, sockets;
	struct task credit_task;
	int64_t wall_ms, mono_ms;
	int64_t slow_ms, callback_us; /* 0: not watched; CPU time at the begin of the callback */
	uint64_t timer_number;
	uint64_t credit_emissions, credit_bytes, emissions_now, bytes_now;
	bool hold, told_busy, retry;
	struct outcome always;
	size_t operations; /* kv, work, activities under way */
	struct records emissions, accounts, refusals, log, metrics, texts, capabilities, events, workflows, actions,
		connects;         /* the last are handles, which are freed as such */
	struct map kv;            /* SCOPE NUL KEY -> entry */
	struct entry **kv_sorted; /* all of them in the order of these bytes; NULL: not sorted since the last change */
	uint64_t oldest_event;    /* that is kept still */
	size_t batch_max;
	struct map known; /* dedup keys */
	struct router router;
	struct list requests;
	size_t route_count, endpoint_count;
	char *remote, *client_subject, *public_url;
	bool https;
	int32_t enabled_answer, cancel_result, action_result;
	uint64_t action_released;
	struct health health;
};

/* ---- rule.c ---- */
void rule_broken(testkit *kit, enum rule rule, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ends the test: it misuses the testkit, or memory ran out. */
void misuse(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void *kit_alloc(size_t size);
char *kit_copy(const char *bytes, size_t len); /* with a NUL behind */
char *kit_text(const char *text);              /* NULL gives "" */
/* A copy that lives as long as the kit. */
tappet_str kit_keep(testkit *kit, tappet_str text);
void records_add(struct records *records, void *item);
void records_release(struct records *records);
void set_error(testkit *kit, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- handle.c ---- */
void *handle_new(testkit *kit, const char *what, size_t size);
/* False, after a breach of MEM-1, when it has ended. */
bool handle_usable(struct handle *handle);
void handle_end(struct handle *handle);
void handles_release(testkit *kit);
/* Whether a call of the host may go on: right thread, not destroyed. NULL gives false. */
bool call_allowed(testkit *kit, const char *call);
/* The same for calls that need a plugin between create and destroy, and that the test may let fail: 0 or the error. */
int32_t call_begin(testkit *kit, const char *call);

/* ---- callback.c ---- */
void callback_begin(testkit *kit);
void callback_end(testkit *kit, const char *what);

/* ---- load.c ---- */
bool load_check(testkit *kit, const tappet_plugin *given);
void load_open(testkit *kit, const char *path, const tappet_plugin **ret);

/* ---- loop.c ---- */
void task_add(testkit *kit, struct task *task);
bool timers_release(testkit *kit);
/* A timer of the testkit's own that fires once: it is not counted among the plugin's, and does not fail. What it calls only
 * makes tasks due. NULL may be stopped. */
tappet_timer *own_timer(testkit *kit, int64_t delay_ms, void (*cb)(void *arg), void *arg);
void own_timer_stop(tappet_timer *timer);
int32_t table_timer_start(tappet_instance *self, int64_t delay_ms, int64_t repeat_ms, void (*cb)(void *arg), void *arg,
			  tappet_timer **ret);
void table_timer_stop(tappet_timer *timer);

/* ---- watch.c ---- */
int32_t table_fd_watch(tappet_instance *self, int fd, int32_t events,
		       void (*cb)(void *arg, int32_t events, int32_t error), void *arg, tappet_fd **ret);
void table_fd_unwatch(tappet_fd *watch);
bool watches_release(testkit *kit);
int watches_poll(testkit *kit, int timeout_ms);

/* ---- option.c ---- */
/* The options of a JSON text, checked by their table and by the plugin, or NULL with the kit's error set. */
tappet_config *config_open(testkit *kit, bool of_trigger, const char *what, const char *text);
/* Those of an open trigger: none is set, and nobody is asked. */
tappet_config *config_empty(testkit *kit);
void config_close(tappet_config *config);
size_t table_config_count(const tappet_config *config, const char *key);
int32_t table_config_str(const tappet_config *config, const char *key, size_t index, tappet_str *ret);
int32_t table_config_int(const tappet_config *config, const char *key, size_t index, int64_t *ret);
int32_t table_config_bool(const tappet_config *config, const char *key, int32_t *ret);

/* ---- check.c ---- */
/* Asks the plugin; mistakes go to `d`, claims are kept without a holder. */
void options_check(testkit *kit, bool of_trigger, const struct json_file *file, const tappet_config *config,
		   struct diag *d);
/* Claims without a holder are its own from now on. */
void claims_take(testkit *kit, const struct tappet_trigger *holder);
/* NULL: those without a holder. */
void claims_drop(testkit *kit, const struct tappet_trigger *holder);
void claims_release(testkit *kit);

/* ---- trigger.c ---- */
/* The newest; where the test has said nothing, those that hold for all workflows. */
const struct workflow_words *words_of(const testkit *kit, const char *workflow_id);
bool trigger_usable(tappet_trigger *trigger);
/* Whether an emission or account through it may carry this subject; an empty one always. */
bool subject_allowed(const tappet_trigger *trigger, tappet_str subject);
void trigger_pending_done(tappet_trigger *trigger);
void triggers_end(testkit *kit);

/* ---- emit.c, account.c ---- */
int32_t table_emit(tappet_trigger *trigger, const tappet_emission *emission, tappet_emit_cb cb, void *arg);
int32_t table_account(tappet_trigger *trigger, const tappet_account *account, tappet_done_cb cb, void *arg);
void refusal_add(testkit *kit, tappet_trigger *trigger, const char *workflow_id, int32_t reason, tappet_str detail);
void table_refuse(tappet_instance *self, tappet_trigger *trigger, int32_t reason, tappet_str detail);
bool checkpoints_valid(const tappet_checkpoint *list, size_t count, size_t size, int32_t *ret_error, uint64_t *bytes);
/* The kit's own copy; NULL for none. */
tappet_checkpoint *checkpoints_copy(testkit *kit, const tappet_checkpoint *list, size_t count, size_t size);
void checkpoints_commit(tappet_trigger *trigger, const tappet_checkpoint *list, size_t count);
/* Those that the test holds back are cancelled. */
void emissions_cancel(testkit *kit);

/* ---- credit.c ---- */
void table_credit(tappet_trigger *trigger, uint64_t *ret_emissions, uint64_t *ret_bytes);
bool credit_allows(const tappet_trigger *trigger, uint64_t bytes);
void credit_take(tappet_trigger *trigger, uint64_t bytes);
void credit_give(tappet_trigger *trigger, uint64_t bytes);
/* TAPPET_EBUSY, and a resume later: because credit_allows said no, or because the test wants it. */
int32_t credit_refused(tappet_trigger *trigger);
int32_t credit_busy(testkit *kit);
void credit_run(struct task *task);

/* ---- kv.c ---- */
int32_t table_kv_put(tappet_instance *self, tappet_trigger *trigger, tappet_str key, tappet_str value,
		     tappet_done_cb cb, void *arg);
int32_t table_kv_get(tappet_instance *self, tappet_trigger *trigger, tappet_str key,
		     void (*cb)(void *arg, int32_t result, tappet_str value), void *arg);
int32_t table_kv_list(tappet_instance *self, tappet_trigger *trigger, tappet_str after, size_t limit,
		      void (*cb)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count), void *arg);

/* ---- state.c ---- */
void state_put(testkit *kit, const char *scope, tappet_str key, tappet_str value);
/* False: there is none. The value is valid until it changes. */
bool state_get(const testkit *kit, const char *scope, tappet_str key, tappet_str *ret);
/* The first `limit` of a scope behind the key `after` (empty: from the first), as checkpoints; freed with free(), valid
 * until the state changes. */
tappet_checkpoint *state_list(testkit *kit, const char *scope, tappet_str after, size_t limit, size_t *ret_count);
void state_release(testkit *kit);

/* ---- work.c ---- */
int32_t table_post(tappet_instance *self, void (*fn)(void *arg), void *arg);
int32_t table_work(tappet_instance *self, void (*work)(void *arg), tappet_done_cb done, void *arg);
void posts_take(testkit *kit);
void posts_release(testkit *kit);

/* ---- http.c, auth.c, activity.c, action.c, events.c, ws.c ---- */
extern const tappet_http1 http_table;
extern const tappet_auth1 auth_table;
extern const tappet_activity1 activity_table;
extern const tappet_events1 events_table;
extern const tappet_ws1 ws_table;
/* Of a token that is there, whether it covers the workflow. */
bool token_covers(const testkit *kit, const char *token_id, const char *workflow_id);
bool token_is_there(const testkit *kit, const char *token_id);
int32_t table_action(tappet_instance *self, const tappet_action *action, tappet_action_cb cb, void *arg);
/* A copy of what a caller has that knows less. `least`: the size of the first version. False: it is smaller. */
bool copy_sized(void *to, size_t size, const void *from, size_t least);
/* Ends what is left of connections, without a word to the plugin. */
void sockets_release(testkit *kit);
/* Whether text is UTF-8. */
bool text_valid(tappet_str text);
void auth_release(testkit *kit);
void activity_release(testkit *kit);
void readers_release(testkit *kit);
/* Waits for ends are over when the plugin is told to stop. */
void activity_expire(testkit *kit);

/* ---- say.c ---- */
void table_log(tappet_instance *self, int32_t level, const char *message, const tappet_field *fields,
	       size_t field_count);
void table_health(tappet_instance *self, tappet_trigger *trigger, int32_t state, const char *reason, int64_t until_ms);
tappet_metric *table_metric(tappet_instance *self, int32_t kind, const char *name, const char *help);
void table_metric_add(tappet_metric *metric, double amount);
void table_metric_set(tappet_metric *metric, double value);
void table_metric_observe(tappet_metric *metric, double value);
void metrics_release(testkit *kit);

#endif
