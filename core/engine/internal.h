/* What the files of engine/ share. Nothing outside this folder includes it.
 *
 *   ingest.c -> store -> scheduler.c (window) -> activity.c (one activity) -> step.c -> step_process.c, step_http.c, ...
 *                                                    ^                                          |
 *                                                    '------------- step_ended -----------------'
 *
 * Everything runs on the loop thread, except what is handed to the pool with all that it reads (spawn.c,
 * scratch.c, outputs.c, leftover.c). */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "engine/engine.h"
#include "expr/expr.h"
#include "model/run.h"

#define ENGINE_WINDOW_DEFAULT 8192
#define ENGINE_WINDOW_BYTES ((size_t)64 * 1024 * 1024)
/* Activities under way in memory, and their bytes: beyond, nothing is claimed. */
#define ENGINE_ACTIVE_MAX 2048
#define ENGINE_ACTIVE_BYTES ((size_t)256 * 1024 * 1024)
#define ENGINE_GRACE_MS 5000 /* between SIGTERM and SIGKILL */
#define GIVE_WAY_MESSAGE "cancelled in favour of a later one"
#define ENGINE_MESSAGE_MAX 1024
#define ENGINE_OUTPUTS_MAX ((size_t)256 * 1024) /* of one step, as JSON */
#define ENGINE_CONTEXT_MAX ((size_t)32 * 1024 * 1024)
#define ENGINE_SLEEP_ROW_MS 1000 /* sleeps from here on are rows, shorter ones timers */
#define ENGINE_PARK_MS 10000     /* activities that wait longer leave memory */

enum { METRIC_STATUSES = STATUS_SKIPPED + 1, METRIC_KINDS = STEP_SET + 1, METRIC_OUTCOMES = ENGINE_UNKNOWN + 1 };

/* What is counted by workflow. */
enum metric_by { METRIC_BY_EMISSION, METRIC_BY_REFUSAL, METRIC_BY_ACTIVITY, METRIC_BY_COUNT };
struct metric_source;

struct engine_metrics {
	struct metric *ingest[METRIC_OUTCOMES];
	struct metric *activities[METRIC_STATUSES];
	struct metric *steps[METRIC_KINDS][METRIC_STATUSES];
	struct metric *running, *window, *active, *parked;
	struct metric *activity_seconds[METRIC_STATUSES], *wait_seconds, *step_seconds[METRIC_KINDS];
	/* metric_source.c */
	struct list sources;
	struct metric_source *others, *strangers; /* strangers: of no workflow that is known */
	size_t source_count, sets[METRIC_BY_COUNT];
};

/* ---- An activity in memory ------------------------------------------------------------------------------------ */

/* The texts of an activity; all lie in `block`. */
struct activity_texts {
	char *block;
	const char *trigger, *trigger_id;
	const char *params, *cause, *payload; /* cause and payload may be NULL */
	size_t params_len, cause_len, payload_len;
};

/* Something asynchronous on behalf of a step, which may be over before it has come back: then `step` is NULL. */
struct step_job {
	struct engine *engine;
	struct step *step;
};

/* WAITING is for a time (a sleep, a backoff), or for something to happen (step_awaits): an action, an answer, the end of
 * another activity. What that is stands in the outputs until it has happened, and wake_ms is then the time-out, or 0. */
struct step {
	struct activity *activity;
	uint32_t index;
	enum status status; /* as decided here; the store follows with the next transition */
	uint32_t attempt, counted;
	int64_t started_ms, ended_ms, wake_ms;
	char *outputs, *message; /* owned; not changed while a transition is in flight that shows them */
	int exit_code;
	bool dirty;     /* belongs into the next transition */
	bool begin;     /* its runner starts when the transition in flight has been committed */
	bool wanted;    /* to be started again: its backoff is over, or a crash interrupted it */
	bool uncounted; /* the next attempt is no retry */
	bool slot;      /* holds one of the executor's */
	bool at_work;   /* its runner has not ended */
	bool willing;   /* its condition has been asked, and was true */
	bool ending;    /* told to end, and will */
	struct process *process;
	struct http_call *http;
	struct step_job *job;
	struct step_timer *timer;
	struct step_timer *look; /* later */
	uint64_t seen;           /* STEP_WAIT: actions up to this number have been looked at */
	bool look_again;
};

struct activity {
	struct engine *engine;
	struct queue *queue; /* where it waits to be started */
	struct list node;    /* of the queue, or hungry */
	struct list all;     /* every activity under way */
	char id[ID_SIZE], workflow_id[ID_SIZE], revision_id[ID_SIZE];
	enum status status; /* as committed */
	struct activity_texts texts;
	size_t bytes;
	int64_t created_ms, started_ms;
	struct workflow *workflow;
	struct run run;
	struct step *steps;
	size_t at_work; /* runners that have not ended */
	struct store_transition transition;
	struct store_step_change *changes;
	bool in_flight; /* a transition is with the store: decisions wait for it */
	bool hold;      /* several steps are being looked at: decisions wait for the last */
	bool unsure;    /* an earlier try of this transition may have been committed */
	bool active;    /* out of the window */
	bool cancelled, timed_out;
	bool give_way; /* it is to be cancelled before it begins */
	bool dropped;  /* the store knows better: nothing is reported any more */
	bool has_scratch;
	char *message, *cancel_message;
	struct list waiters;  /* struct cancel_waiter */
	struct list answers;  /* struct approval: to be in the next transition */
	struct list settling; /* struct approval: in the one in flight */
	struct step_timer *deadline;
	struct step_timer *again;
};

/* activity.c */
struct activity *activity_new(struct engine *e, const char *id, const char *workflow_id, const char *revision_id,
			      struct activity_texts *texts);
struct activity *activity_from_row(struct engine *e, const struct store_activity_row *row);
void activity_free(struct activity *a);
/* With its workflow, which may be NULL: then it becomes `invalid`. */
void activity_begin(struct activity *a, struct workflow *w, const char *why_not);
/* Decides what follows from the steps' states and hands it to the store; waits when a transition is in flight. */
void activity_advance(struct activity *a);
/* Goes on with an activity that was taken up again. */
void activity_resume(struct activity *a);
/* Called when the last runner of an activity that was dropped, or is left to the next start, has ended. */
void activity_settle(struct activity *a);
/* One block with room for `extra` more bytes, at *ret_rest. */
int activity_texts_copy(struct activity_texts *to, const struct activity_texts *from, char **ret_rest, size_t extra);
int activity_set_workflow(struct activity *a, struct workflow *w);
/* The time when one of which all that is under way waits (until wake_ms, INT64_MAX: for nothing but events) has to be in
 * memory again. */
int64_t activity_wake_ms(const struct workflow *w, int64_t started_ms, int64_t wake_ms);
/* Ends an activity of which no step has begun. */
void activity_close(struct activity *a, enum status to, const char *message);

struct cancel_waiter;

/* recover.c: taking activities up again from the store. */
void recover_start(struct engine *e, void (*done)(struct engine *e, int status));
/* Reads one activity back into memory; with a waiter (taken over) it is then cancelled. */
void recover_one(struct engine *e, const char *id, struct cancel_waiter *waiter);
/* One whose wait is over; parked_came tells of its end. */
void recover_due(struct engine *e, const char *id);
/* The same, and then(arg, status, a): 0 with the activity in memory, -EALREADY (it has ended), others. */
typedef void (*recover_cb)(void *arg, int status, struct activity *a);
void recover_then(struct engine *e, const char *id, recover_cb then, void *arg);
int parked_add(struct engine *e, const char *id, int64_t wake_ms);
bool parked_remove(struct engine *e, const char *id);
/* Has a parked one come into memory now. false: it is not parked. */
bool parked_wake(struct engine *e, const char *id);
/* An activity that was due is in memory, or its coming has failed. */
void parked_came(struct engine *e);
void parked_init(struct engine *e);
void parked_release(struct engine *e);

/* cancel.c */
void cancel_waiter_answer(struct cancel_waiter *w, int status);
/* Cancels an activity that is in memory; takes the waiter over. */
void cancel_in_memory(struct activity *a, struct cancel_waiter *w);
void activity_timeout(struct activity *a);
/* `message` (may be NULL) says why. */
void activity_cancel(struct activity *a, const char *message);
/* Tells those who asked for the end of this activity. */
void cancel_answer(struct activity *a, int status);

enum process_end { PROCESS_NOT_ENDED, PROCESS_TIMEOUT, PROCESS_CANCELLED, PROCESS_SHUTDOWN };

/* What the kinds of steps differ in; NULL where one has nothing of its own to do. */
struct step_ops {
	bool slot; /* takes one of the executor's while it runs */
	/* Makes a step that begins WAITING at once, where all that it does is wait. */
	void (*plan)(struct step *s, int64_t now_ms);
	void (*run)(struct step *s);
	/* It waits for something to happen, from now on or again: this looks whether it has, and has the step told. */
	void (*await)(struct step *s);
	void (*forget)(struct step *s); /* it does not any more */
	/* Ends the runner, or what it waits for. true: it reports when that is done. */
	bool (*stop)(struct step *s, enum process_end why);
};

/* step.c */
bool step_needs_slot(enum step_kind kind);
const struct step_def *step_def_of(const struct step *s);
bool step_awaits(const struct step *s);
/* The same by what the store says of a step that is WAITING. */
bool step_kind_awaits(enum step_kind kind, const char *outputs);
/* Looks for what it waits for; later, when that could not be done. */
void step_look(struct step *s);
void step_look_later(struct step *s, int64_t delay_ms);
/* The time of one that awaits is over. */
void step_time_out(struct step *s);
/* Puts the start of an attempt into the coming transition. false: no slot is free. */
bool step_begin(struct step *s, int64_t now_ms);
/* For ops.plan: the step that begins WAITING waits for what `outputs` (taken over; NULL: it runs, and fails) names, as long
 * as its own time-out says: the default one is for what takes a place. */
void step_plan_await(struct step *s, char *outputs, int64_t now_ms);
/* A runner's step waits from now on for what `outputs` (taken over; NULL: no memory) names. */
void step_await(struct step *s, char *outputs, int64_t wake_ms);
/* The transition has been committed: the runner starts. */
void step_run(struct step *s);
/* What a runner reports. Texts are malloc'ed or NULL. */
struct step_result {
	enum status outcome;
	struct failure failure; /* with FAILURE */
	bool has_exit_code;
	int exit_code;
	char *message, *outputs;
};
/* A runner's report; takes its texts over. */
void step_ended(struct step *s, const struct step_result *result);
void step_completed(struct step *s, char *outputs);
/* A failure with a message in the form of printf. */
void step_failed(struct step *s, enum failure_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The runner was ended because the daemon stops: the store keeps the step as it is. */
void step_left(struct step *s);
/* Ends the runner early: SIGTERM to processes, sleeps end at once. */
void step_stop(struct step *s, enum process_end why);
void step_give_slot_back(struct step *s);
void step_final(struct step *s, enum status outcome, int64_t now_ms);
/* Nothing is waited for any more on its behalf: it is over, or its activity leaves memory. */
void step_forget(struct step *s);
/* Its activity leaves memory, and comes back when what it waits for has happened. */
void step_park(struct step *s);
/* Cancels a step because its activity ends early; one that is at work is told to end. */
void step_cancel(struct step *s, int64_t now_ms);
/* Whether this one is not to go on: its activity was cancelled, or its time is over (onFailure still runs then). */
bool step_is_unwanted(const struct step *s);
bool step_is_on_failure(const struct step *s);

/* step_job.c */
void job_begin(struct step_job *j, struct step *s);
/* It has come back. NULL: nobody asks for it any more. The caller frees it, and calls engine_let_go at the end. */
struct step *job_end(struct step_job *j);
void job_abandon(struct step *s);

/* step_expr.c: jq on behalf of a step. The callback is not called when the step ended meanwhile. When nothing could be
 * asked, it gets one result that says why. */
typedef void (*ask_cb)(struct step *s, const struct expr_result *results, size_t count);
void step_ask(struct step *s, const struct expr_program *programs, size_t count, const struct expr_input *inputs,
	      size_t input_count, ask_cb cb);
/* All programs of a mapping over one value. */
void step_ask_mapping(struct step *s, const struct mapping *m, const struct buf *input, ask_cb cb);
/* Appends one output; no output and null: none. -EINVAL with a message. */
int outputs_put(struct buf *out, const char *name, const struct expr_result *result, char *message,
		size_t message_size);
/* Appends the outputs of a mapping, as members. */
int outputs_put_mapping(struct buf *out, const struct mapping *m, const struct expr_result *results, size_t count,
			char *message, size_t message_size);
/* Completes the step with these, or says why that cannot be. Releases the buffer. */
void step_completed_with(struct step *s, struct buf *outputs, int error, const char *message);
/* Asks the step's `when`. */
void step_ask_when(struct step *s);

/* context.c: what a step's programs see, see docs/workflows.md. */
void context_put(struct buf *out, const struct activity *a, bool on_failure);
/* Why the activity fails, valid as long as its steps stay: *ret_step is "" when its time was over. */
int activity_failure(const struct activity *a, const char **ret_step, char **ret_message);

/* step_log.c: a line of the daemon's own in a step's log. */
void step_log(const struct step *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* log_events.c: after the commit. */
void log_publish(struct engine *e, const struct store_log *l);

/* step_sleep.c */
/* Negative with a message (may be NULL) when the text is no duration. */
int sleep_duration(struct step *s, int64_t *ret_ms, char *message, size_t message_size);
void sleep_plan(struct step *s, int64_t now_ms);
void sleep_run(struct step *s);
/* A step that is WAITING: arms its timer, looks for what it waits for. */
void step_wait(struct step *s);

/* step_backoff.c: how long before the attempt behind `failed` counted ones; chance is from 0 to (not with) 1. */
int64_t retry_backoff_ms(const struct retry_def *retry, unsigned failed, double chance);
double chance_of(struct engine *e);

/* timer.c: one-shot timers by wall clock or by delay that free themselves. */
struct step_timer *step_timer_start(struct engine *e, int64_t delay_ms, void (*cb)(void *arg), void *arg);
/* Never fires afterwards; NULL is allowed. */
void step_timer_stop(struct step_timer *t);

/* step_process.c */
void process_run(struct step *s);
void process_end(struct process *p, enum process_end why);
int64_t step_timeout_ms(const struct step *s);

/* step_http.c */
void http_run(struct step *s);
bool http_stop(struct step *s, enum process_end why);

/* step_set.c */
void set_run(struct step *s);

/* step_workflow.c */
void child_run(struct step *s);
void child_await(struct step *s);
/* An activity has ended: whoever waits for it is told. */
void children_ended(struct engine *e, const char *id);
void children_release(struct engine *e);
/* The step's activity is cancelled in the store alone: so is what it waits for. */
void child_cancel_row(struct engine *e, const struct store_step_row *step);
void child_forget(struct step *s);
bool child_stop(struct step *s, enum process_end why);

/* step_wait.c */
void wait_plan(struct step *s, int64_t now_ms);
void wait_run(struct step *s);
void wait_await(struct step *s);
void wait_forget(struct step *s);

/* waits.c: who waits for which actions, in memory or parked, by topic. */
struct waits {
	struct map by_step, topics;
	struct list patterns; /* topics with wildcards */
};
void waits_init(struct engine *e);
void waits_release(struct engine *e);
/* The steps of one that is parked at start. */
int waits_add_row(struct engine *e, const struct store_activity_row *row, struct workflow *w);
/* At start: actions that were stored when the daemon went away may have been told to nobody. */
void waits_catch_up(struct engine *e);
/* Which step it is that waits. */
struct waits_for {
	const char *activity_id, *workflow_id;
	uint32_t step;
	int64_t created_ms; /* of the activity */
};
int waits_add(struct engine *e, const struct waits_for *wait, const char *topic, struct workflow *w);
void waits_remove(struct engine *e, const char *activity_id, uint32_t step);
/* It has looked, and nothing of it was for it. */
void waits_go_on(struct engine *e, const char *activity_id, uint32_t step);
/* That nobody could be asked says nothing. */
bool step_is_unsure(const struct expr_result *result);
/* access.c: `*` stands for one word, a last `>` for one word or more. */
bool topic_matches(const char *pattern, size_t pattern_len, const char *topic, size_t len);

/* step_approve.c */
void approve_plan(struct step *s, int64_t now_ms);
void approve_run(struct step *s);
void approve_await(struct step *s);
/* Tells all those in the list what became of their answers. */
void approve_answer(struct list *approvals, int status);

/* ---- Subst over an activity; any thread, as long as what it points to stays ----------------------------------- */

struct values {
	const char *activity_id, *trigger, *trigger_id;
	const char *params, *payload, *cause;
	size_t params_len, payload_len, cause_len;
	const struct workflow *workflow;
	const char **outputs;    /* per step, NULL where there are none; may be NULL */
	const char *failed_step; /* of onFailure, else NULL; "": its time was over */
	char *failure;           /* why the activity failed, owned */
	bool mask;               /* *** in place of parameters of type secret */
	bool open; /* what only a run knows (outputs, the activity, its failure) stands as it is written */
	struct json *params_json, *payload_json, *cause_json; /* made when asked for */
};
/* `outputs` is allocated; values_release frees it. */
int values_init(struct values *v, const struct activity *a);
void values_release(struct values *v);
int values_expand(struct values *v, const struct subst *s, struct buf *out, char *message, size_t message_size);
/* A template as JSON, or, when it is one text, as that. */
int values_template(struct values *v, const struct template *t, bool text, struct buf *out, char *message,
		    size_t message_size);
const struct json *values_params(struct values *v);
struct mask;
/* Parameters of type `secret`. */
int values_mask_params(struct values *v, struct mask *m);
/* "250ms", "10s", "5m", ... */
const char *duration_text(int64_t ms, char *text, size_t size);

/* ---- The parts of the engine ---------------------------------------------------------------------------------- */

struct catalog {
	struct map by_id, by_slug;
	uint64_t applied;     /* definitions that have come */
	struct map revisions; /* struct revision, by revision id */
	struct list recent;   /* revisions that are not current, newest use first */
	size_t recent_count;
};

/* catalog.c, revisions.c */
void catalog_init(struct engine *e);
void catalog_release(struct engine *e);
int catalog_load(struct engine *e, const struct store_workflow_row *rows, size_t count);
/* NULL: not in memory. */
struct workflow *revisions_peek(struct engine *e, const char *revision_id);
int revisions_put(struct engine *e, const char *revision_id, struct workflow *w);
void revisions_release(struct engine *e);

struct access {
	struct map by_hash, by_id;
	struct list used; /* tokens whose last use is to be written */
	size_t used_count;
	uint64_t state; /* grows with each change of the tokens; never 0 */
	struct step_timer *timer;
};
/* access.c, access_change.c */
void access_init(struct engine *e);
void access_release(struct engine *e);
int access_load(struct engine *e, const struct store_token_record *rows, size_t count);
void access_flush(struct engine *e);
/* What a token covers, in few words that outlive it: "team NAME", or ids of workflows joined by spaces; to be freed. NULL: no
 * memory. access_coverage_has: without words (NULL), all. */
char *access_coverage(const struct access_token *token);
bool access_coverage_has(const char *coverage, const struct catalog_entry *entry);

struct refusals {
	struct map items;
	struct step_timer *timer;
};
void refusals_init(struct engine *e);
void refusals_release(struct engine *e);
void refusals_flush(struct engine *e);
/* The store has recorded that it refused this one: it is to be told of with the next flush. */
void refusals_note(struct engine *e, const struct store_admit *a, int reason, const char *detail);

struct ingest_state {
	char last_id[ID_SIZE]; /* given out */
};

/* The oldest activities of one workflow that wait and have their turn. */
struct queue {
	struct heap_node ready; /* while it has items */
	struct list thirsty;    /* while it has a backlog */
	struct engine *engine;
	const struct catalog_entry *entry; /* NULL: not known */
	char workflow_id[ID_SIZE];
	struct list items;
	size_t count;
	uint64_t pass; /* what its starts have been charged; the smaller the sooner */
	char cursor[ID_SIZE];
	char lowest_left_out[ID_SIZE]; /* of those that came while a page was on its way; "": none */
	bool backlog;                  /* the store may have some that are not in memory */
	bool loading, left_out;
	size_t asked; /* rows of the page being loaded */
};
void queues_init(struct engine *e);
void queues_release(struct engine *e);
/* Learns which workflows have something waiting. `done` is called later, unless this is negative. */
int queues_open(struct engine *e, void (*done)(struct engine *e, int status));
void queues_refill(struct engine *e);
/* Takes `texts` over when it keeps the activity in memory. */
void queue_admitted(struct engine *e, const struct store_admit *admit, struct activity_texts *texts);
/* Some that waited in the store only have got their turn. */
void queue_turns(struct engine *e, const char *workflow_id);
/* The activity that is to start next, or NULL. */
struct activity *queue_next(struct engine *e);
void queue_leave(struct activity *a);
void queue_charge(struct queue *q);

struct scheduler {
	struct map queues;   /* by workflow id */
	struct heap ready;   /* of queues */
	struct list thirsty; /* of queues */
	size_t thirsty_count;
	uint64_t pass; /* of the queue that came last */
	size_t window_count, window_bytes;
	struct map activities; /* all in memory, by id */
	struct list active;    /* by `all` */
	size_t active_count, active_bytes;
	struct list hungry; /* under way, with steps that wait for a slot */
	size_t slots_used;
	size_t at_work;           /* steps that run now, those without a slot included */
	struct step_timer *again; /* a page could not be read */
	bool started;
	bool running; /* scheduler_run is on the stack */
};
void scheduler_init(struct engine *e);
void scheduler_release(struct engine *e);
/* An activity has been committed. Takes `texts` over when it keeps the activity in memory. */
void scheduler_admitted(struct engine *e, const struct store_admit *admit, struct activity_texts *texts);
/* Whether one more may be under way in memory, beside `coming` that are about to be. */
bool scheduler_has_place(const struct engine *e, size_t coming);
/* Activities of the workflow have got their turn in a lane. */
void scheduler_turns(struct engine *e, const char *workflow_id);
/* Starts what may start. */
void scheduler_run(struct engine *e);
void scheduler_activate(struct activity *a);
/* Takes it out of memory: lists, map, counts. */
void scheduler_forget(struct activity *a);

struct parked_heap {
	struct parked **items;
	size_t count, cap;
	size_t coming; /* on their way back into memory */
	struct map by_id;
	struct step_timer *timer;
};

struct engine {
	struct engine_options options;
	char *scratch, *folder, *launch_helper;
	struct engine_env *env;
	uv_loop_t *loop;
	struct store *store;
	struct id_source ids;
	struct catalog catalog;
	const struct catalog_entry *found; /* what event_filter.c looked for last */
	unsigned tellings;                 /* on their way to the store */
	struct access access;
	struct refusals refusals;
	struct ingest_state ingest;
	struct scheduler scheduler;
	struct parked_heap parked;
	struct map children; /* struct child, by the id of the activity that is waited for */
	struct waits waits;
	struct engine_metrics metrics;
	struct curl_loop *http; /* NULL until it is needed */
	struct list log_paused; /* streams that wait for the store to take logs */
	size_t log_ops;
	void (*logged)(void *arg, const char *activity_id);
	void *logged_arg;
	size_t pending; /* handles, children and pool jobs that still come back */
	bool stopping;  /* nothing new starts */
	bool ending;    /* children are being ended; what they leave is not recorded */
	bool quiet;     /* no step runs any more, the timers are gone */
	bool stopped;   /* the loop may be gone: only what store_close hands back still comes */
	struct farewell *farewell;
	struct step_timer *stop_timer;
	void (*start_done)(void *arg, int status);
	void *start_arg;
	size_t *ready, *skipped; /* room for run_advance */
};

/* stop.c */
void engine_hold(struct engine *e);
void engine_let_go(struct engine *e);
void stop_check(struct engine *e);
/* engine.c */
char *text_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* document.c: "params", with *** in place of those of type secret; `w` NULL: of all. */
void document_put_params(struct buf *b, const char *text, const struct workflow *w);
/* metrics.c */
void engine_metrics_init(struct engine *e);
/* "ok", "duplicate", ... */
const char *engine_outcome_name(enum engine_outcome outcome);
/* A transition of the activity has been committed. */
void engine_metrics_settled(const struct activity *a);
/* An activity that is only in the store has been cancelled, or not. */
void engine_metrics_row_cancelled(struct engine *e, const struct store_transition *t);
/* A step is final. */
void engine_metrics_step(const struct step *s);
/* metric_source.c: numbers by workflow and trigger. A source is NULL without metrics, or without memory: then nothing is counted. */
void metric_sources_init(struct engine *e);
void metric_sources_release(struct engine *e);
/* `entry` NULL: no workflow that is known. Where the trigger has no id it goes by its plugin's name. */
struct metric_source *metric_source(struct engine *e, const struct catalog_entry *entry, const char *trigger_id,
				    const char *trigger);
void metric_source_answered(struct engine *e, struct metric_source *s, enum engine_outcome outcome, int reason);
void metric_source_refused(struct engine *e, struct metric_source *s, int reason);
void metric_source_ended(struct engine *e, const char *workflow_id, enum status outcome);

/* scratch.c; pool threads */
int scratch_remove_tree(const char *path);
/* Files of attempts (ID.STEP.ATTEMPT.WHAT): nobody's any more when no process of this store is left. */
void scratch_remove_attempts(const char *path);
/* Loop thread: removes an activity's folder on the pool. */
void scratch_remove(struct engine *e, const char *activity_id);
/* Removes what activities that are not known any more have left. */
void scratch_clean(struct engine *e);

/* leftover.c: ends what an earlier daemon of this store left behind. */
int leftover_end(struct engine *e, void (*done)(struct engine *e, int status));

#endif
