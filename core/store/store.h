/* The durable store: everything that must survive is here, in one SQLite file. The loop thread hands operations
 * over; the writer thread takes all that is queued (up to STORE_BATCH_MAX), commits it as ONE transaction and hands
 * the results back; reads run on threads with connections of their own. Checkpoints of the WAL run on a further
 * thread.
 *
 * It never calls back before the commit that settles an operation, never from inside a call of this header, and
 * never on another thread than the loop's. It knows no workflow's meaning: which step may run is the engine's
 * business. Called by engine/, api/, host/ and daemon/.
 *
 * Operations are structs that belong to the store from store_submit until their `done` has been called; what their
 * pointers point to must stay unchanged as long. Results are in the ret_ fields and in `status`:
 *   0           committed
 *   -ECANCELED  surely not stored (rolled back, cancelled behind a failed one of the same order, or shutting down)
 *   -ENOSPC, -EIO  surely not stored: the disk is full or failing
 *   -EINPROGRESS   unknown: the commit was not confirmed (a failed fsync)
 *   others      as documented at the operation; nothing was stored
 * While the disk is full, whatever asks for something new (STORE_ADMIT, STORE_ACCOUNT, STORE_KV, STORE_DEFINITIONS,
 * STORE_ACTION, STORE_PROGRAMS) fails with -ENOSPC; what keeps account of work already accepted (all other kinds) is retried until it commits (the
 * ballast file is freed for it), so its `done` comes late, never with -ENOSPC. Only the former wait while the WAL is
 * past its bound. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/health.h"
#include "base/id.h"
#include "base/list.h"
#include "base/metrics.h"
#include "model/event.h"
#include "model/status.h"

#define STORE_BATCH_MAX 512

struct store;

struct store_options {
	const char *path;
	uv_loop_t *loop;
	struct metrics *metrics; /* may be NULL */
	struct health *health;   /* may be NULL; the part is called "store" */
	size_t queue_max;        /* activities that may wait (NOTSTARTED); beyond: queue full */
	size_t log_max;          /* bytes of log kept per step, all attempts together */
	size_t ballast;          /* bytes; 0: none */
	int64_t retention_activities_ms, retention_events_ms;  /* 0: for ever */
	size_t retention_activities_max, retention_events_max; /* the newest so many; 0: no bound */
	const char *vfs;                                       /* NULL: the default one (tests name another) */
};

/* Opens or creates (0600, its folder must exist), locks it against a second daemon (-EBUSY), migrates after a copy,
 * starts the threads. Blocking: start-up only. Errors: -EBUSY, -EACCES, -ENOENT, -EPROTO (made by a newer version),
 * -EILSEQ (damaged, or not a store), -ENOSPC, -EIO. */
int store_open(const struct store_options *options, struct store **ret);
/* Everything queued is committed and every `done` called before this returns (reads that have not begun:
 * -ECANCELED); a submit from such a `done` is handed back with -ECANCELED. Blocking: shutdown only. The memory goes
 * at a later turn of the loop, as that of a closed handle. NULL is allowed. */
void store_close(struct store *s);

/* 32 hex digits made with the store: the mark of its children (TAPPET_RUN). */
const char *store_identity(const struct store *s);
/* The newest id in the store ("" when empty) and the newest event number, as they were at open. */
const char *store_newest_id(const struct store *s);
uint64_t store_newest_event(const struct store *s);
/* Starts so far of this store: the epoch of claims. */
uint64_t store_epoch(const struct store *s);
/* Whether admissions have to wait now (disk full, or WAL past its bound). */
bool store_is_full(const struct store *s);

/* ---- Writing ------------------------------------------------------------------------------------------------- */

enum store_kind {
	STORE_ADMIT,
	STORE_TRANSITION,
	STORE_LOG,
	STORE_DEFINITIONS,
	STORE_ENABLE,
	STORE_TOKEN,
	STORE_KV,
	STORE_REFUSALS,
	STORE_ACCOUNT,
	STORE_ACTION,
	STORE_REMOVE,
	STORE_PROGRAMS,
	STORE_TURNS,
	STORE_EVENT,
};

struct store_op {
	enum store_kind kind;
	int status;
	void (*done)(struct store_op *op);
	struct list node; /* the store's */
};

/* Loop thread. Never fails: what cannot be queued is handed to `done`, later, with a negative status. */
void store_submit(struct store *s, struct store_op *op);

struct store_checkpoint {
	const char *key;
	size_t key_len;
	const void *value; /* value_len 0 removes the key */
	size_t value_len;
};

/* Emissions of one trigger share one order: when one of them ends without a final outcome (anything but ADMITTED,
 * DUPLICATE, CONFLICT or REFUSED), those queued behind it with the same or an older epoch are cancelled. The loop
 * reads `epoch` at submit; `void_epoch` is the writer thread's own. Both start at 0/-1 by store_order_init. */
struct store_order {
	int64_t epoch;      /* loop thread; the engine adds 1 when it learns of a non-final outcome */
	int64_t void_epoch; /* writer thread */
};
static inline void store_order_init(struct store_order *o)
{
	o->epoch = 0;
	o->void_epoch = -1;
}

enum store_outcome {
	STORE_ADMITTED,
	STORE_DUPLICATE,  /* ret_existing; recorded as a refusal (REASON_DUPLICATE), checkpoints committed */
	STORE_CONFLICT,   /* ret_existing: same key, other payload; recorded likewise, checkpoints not committed */
	STORE_REFUSED,    /* it came with a reason: recorded, checkpoints committed */
	STORE_OVERLAP,    /* its lane is taken: recorded as a refusal (REASON_OVERLAP), checkpoints committed */
	STORE_QUEUE_FULL, /* of the store or of its lane; recorded, checkpoints not committed */
};

/* A lane: activities of one workflow (and one key) of which only `limit` may be under way at once. An activity in a lane
 * has its turn when fewer than `limit` others of the lane that have it have not ended; only then store_list_runnable
 * names it. Turns are given in the order of ids, in the transaction that makes room. */
enum store_overlap { STORE_OVERLAP_SKIP, STORE_OVERLAP_QUEUE, STORE_OVERLAP_CANCEL };
struct store_lane {
	const char *key; /* "" when the workflow is one lane */
	size_t key_len;  /* at most STORE_LANE_KEY_MAX */
	enum store_overlap overlap;
	uint32_t limit;     /* where the latest definition's is smaller, that one counts */
	uint32_t queue_max; /* that may wait for their turn, with QUEUE; 0: no bound of its own */
};
#define STORE_LANE_KEY_MAX 1024
/* Where a walk over lanes stands. */
struct store_lane_cursor {
	size_t len;
	char key[STORE_LANE_KEY_MAX + 1];
};

/* One emission: decided and stored in one transaction. Everything is one row of activities, at most one dedup key,
 * the checkpoints, and the event activity.accepted; or one counted refusal and the checkpoints. A dedup key counts
 * as long as its expiry lies behind created_ms. Dedup is decided first, then overlap, then room in the queue: over all
 * that has not ended and all that came earlier in the same batch. -ENOENT: no such workflow or revision; -EEXIST: an
 * activity has this id already; -EINVAL: a lane without a limit or with a longer key. */
struct store_admit {
	struct store_op op;
	struct store_order *order; /* NULL: none (manual runs) */
	int64_t order_epoch;       /* order->epoch at submit */
	bool failed; /* on its way here: nothing is stored, it ends with -ECANCELED in its place of the order */
	char id[ID_SIZE];
	const char *workflow_id, *revision_id;
	const char *trigger;    /* the plugin's name, or "manual" */
	const char *trigger_id; /* within the workflow */
	const char *subject; /* NULL, or what is stored and read in trigger_id's place and has dedup keys of its own */
	const char *payload; /* JSON, or NULL */
	size_t payload_len;
	const char *params; /* complete JSON object */
	size_t params_len;
	const char *cause; /* JSON object, or NULL */
	size_t cause_len;
	int64_t created_ms, occurred_ms;
	const char *dedup_key; /* NULL: none */
	size_t dedup_key_len;
	uint8_t payload_hash[32]; /* with a dedup key: of payload and params */
	int64_t dedup_expires_ms;
	const struct store_lane *lane; /* NULL: none */
	const struct store_checkpoint *checkpoints;
	size_t checkpoint_count;
	const char *checkpoint_scope; /* NULL: "trigger/WORKFLOWID/TRIGGERID" */
	int refuse_reason;            /* not 0 (REASON_*): a decided refusal */
	const char *refuse_detail;
	enum store_outcome ret_outcome; /* with status 0 */
	char ret_existing[ID_SIZE];     /* DUPLICATE, CONFLICT; OVERLAP: the oldest that holds the lane */
	bool ret_turn;                  /* with ADMITTED: it may start now */
	/* With ADMITTED and CANCEL: the oldest of the lane that had to give way. They are marked
	 * (store_activity_row.give_way) in the same transaction; carrying it out is the engine's. At most 256; where a
	 * longer queue was left by another policy, the next emission marks the next ones. Freed by the submitter. */
	char (*ret_give_way)[ID_SIZE];
	size_t ret_give_way_count;
	struct event ret_event; /* with ADMITTED; released by the submitter */
};

struct store_step_change {
	uint32_t index; /* order - 1 */
	enum status status;
	uint32_t attempt;
	uint32_t retries;    /* counted attempts; an attempt after a crash of the daemon is not one */
	int64_t started_ms;  /* first start; 0: leave as it is */
	int64_t ended_ms;    /* 0: not ended */
	int64_t wake_ms;     /* with WAITING */
	const char *outputs; /* JSON object of strings; NULL: leave as it is */
	const char *message; /* NULL: leave as it is */
	int exit_code;       /* -1: none */
};

/* A change of one activity and its steps, all or nothing: compare-and-set on the activity's status. -ESTALE when
 * that was not `from` (or, with from_any, when it was final): nothing is stored. Makes one event per change of the
 * activity, and step.started, step.ended or step.waiting per step; they are in ret_events after the commit. */
struct store_transition {
	struct store_op op;
	char id[ID_SIZE];
	bool from_any;        /* any status that is not final */
	enum status from, to; /* equal: the activity stays */
	int64_t now_ms;
	const char *message; /* NULL: leave as it is */
	const struct store_step_change *steps;
	size_t step_count;
	struct event *ret_events; /* owned by the submitter: store_events_free */
	size_t ret_event_count;
	size_t ret_turns; /* activities of the same workflow that got their turn by this end */
};
void store_events_free(struct event *events, size_t count);

/* Appends to a step's log; logs are not acknowledged to anybody, `done` only gives the struct back. Cut at log_max
 * with one marker record (stream 'm'). Each record is an event step.log, which refers to it. -ENOENT: no such activity. */
struct store_log_line {
	uint64_t seq, position;
	char stream;
	const char *text; /* in the submitter's, or constant */
	size_t len;
};
struct store_log {
	struct store_op op;
	char id[ID_SIZE], workflow_id[ID_SIZE];
	uint32_t step, attempt;
	char stream; /* 'o' stdout, 'e' stderr, 'm' a marker by the daemon */
	int64_t time_ms;
	const char *text;
	size_t len;
	struct store_log_line ret_lines[2]; /* what was kept, and the marker */
	size_t ret_line_count;
};

struct store_definition {
	const char *slug, *name, *team;
	const char *imported_id; /* or NULL */
	const char *hash;        /* hex */
	const char *canonical;
	size_t canonical_len;
	const char
		*expected; /* the revision id that must be the latest one; "": the workflow must not exist; NULL: any */
	uint32_t lane_limit; /* of the workflow's concurrency; 0: no lanes */
	char ret_id[ID_SIZE], ret_revision_id[ID_SIZE];
	uint32_t ret_revision; /* from 1 */
	bool ret_changed;      /* a new revision was made */
	bool ret_enabled;      /* as last said by enable/disable */
	bool ret_taken;        /* it had been made by the interface and is now the folder's */
	bool ret_turns;        /* its lanes became wider or are gone: STORE_TURNS is to be submitted, until it was */
};
/* All definitions of the folder at once: new workflows and revisions are made (a definition equal to the latest
 * revision makes none); with `complete`, workflows of the folder that are not in the list are marked as removed
 * (disabled; tokens and history stay). A slug that is known keeps its id. -EEXIST: an imported id belongs to another
 * slug. -EPERM: not from the folder, but the workflow is the folder's (and not removed). -ESTALE: `expected` is not
 * the latest revision. */
struct store_definitions {
	struct store_op op;
	struct store_definition *items;
	size_t count;
	bool complete;
	bool from_folder;
	char (*new_ids)[ID_SIZE]; /* 2 * count ids made by the submitter */
	int64_t now_ms;
	const char *by; /* "folder", or who */
	struct event *ret_events;
	size_t ret_event_count;
};

/* Removes a workflow that was made by the interface: as if its file had gone (disabled; tokens and history stay). -ENOENT
 * (also when it is removed already), -EPERM: it is the folder's; -ESTALE. */
struct store_remove {
	struct store_op op;
	const char *workflow_id;
	const char *expected; /* as in store_definition */
	const char *by;
	int64_t now_ms;
	struct event *ret_events;
	size_t ret_event_count;
};

/* Gives turns where a workflow's lanes have room now (its limit rose, or it has no lanes any more), at most about `limit`
 * activities; ret_more: the same struct once again. -ENOENT */
struct store_turns {
	struct store_op op;
	const char *workflow_id;
	size_t limit;
	struct store_lane_cursor cursor, ret_cursor; /* the store's; zeroed at first */
	size_t ret_turns;
	bool ret_more;
};

/* An action that came: what steps of kind `wait` look for. Kept as long as activities are. */
struct store_action {
	struct store_op op;
	const char *topic;
	const char *data; /* JSON */
	size_t data_len;
	const char *by;     /* plain words */
	const char *covers; /* whose steps may go on, in the submitter's words; NULL: everybody's */
	int64_t time_ms;
	uint64_t ret_seq; /* grows; never used twice */
};

/* jq programs that were found good, by the SHA-256 of their text, so that they need not be checked at every start. Of more
 * than STORE_PROGRAMS_MAX the oldest go. */
#define STORE_HASH_SIZE 32
#define STORE_PROGRAMS_MAX 100000
struct store_programs {
	struct store_op op;
	const uint8_t (*hashes)[STORE_HASH_SIZE];
	size_t count;
	int64_t now_ms;
};

/* Switches a workflow (trigger_id NULL) or one trigger on or off, durably. -ENOENT: no such workflow. */
struct store_enable {
	struct store_op op;
	const char *workflow_id, *trigger_id;
	bool enabled;
	int64_t now_ms;
	struct event *ret_events;
	size_t ret_event_count;
};

enum store_token_action { STORE_TOKEN_CREATE, STORE_TOKEN_RENEW, STORE_TOKEN_REVOKE, STORE_TOKEN_USED };
struct store_token_record {
	char id[ID_SIZE];
	uint8_t hash[32]; /* SHA-256 of the secret */
	const char *label;
	const char *workflow_ids; /* 24-hex ids joined by spaces; "" with a team */
	const char *team;         /* or NULL */
	const char *scopes;       /* words joined by spaces: "trigger status cancel action:site.* subscribe" */
	int64_t created_ms, expires_ms, last_used_ms, revoked_ms; /* 0: never */
};
/* CREATE stores `token` (-EEXIST: its id or hash is known already); RENEW replaces hash, expiry and time of making
 * of token.id (-ENOENT when unknown or revoked); REVOKE ends token.id (-ENOENT); USED sets last_used_ms (several at
 * once: `used`). */
struct store_token {
	struct store_op op;
	enum store_token_action action;
	struct store_token_record token;
	const struct store_token_record *used;
	size_t used_count;
};

/* State of a plugin or trigger. `scope`: "plugin/NAME", "trigger/WORKFLOWID/TRIGGERID", or "open/WORKFLOWID/PLUGIN" of
 * an open trigger, which may have a million keys; checkpoints have the scope of their trigger. value_len 0 removes. */
struct store_kv {
	struct store_op op;
	const char *scope;
	const char *key;
	size_t key_len;
	const void *value;
	size_t value_len;
};

struct store_refusal {
	const char *workflow_id; /* "" when it is nobody's */
	const char *trigger_id;  /* "" when it is nobody's */
	const char *trigger;     /* the plugin's name */
	int reason;              /* REASON_* */
	int64_t minute_ms;       /* start of the minute */
	int64_t last_ms;
	uint64_t count;
	uint64_t known;     /* further ones that are in the store already; for the event alone */
	const char *sample; /* plain words; the last few are kept, and read back one a line, newest first */
};
/* Adds to the counts, and makes an event trigger.refused of each item, of at most STORE_REFUSED_EVENTS_MAX. */
#define STORE_REFUSED_EVENTS_MAX 100
struct store_refusals {
	struct store_op op;
	const struct store_refusal *items;
	size_t count;
	struct event *ret_events;
	size_t ret_event_count;
};

/* An event that stands for itself. */
struct store_event {
	struct store_op op;
	struct event event; /* seq is the store's to write; data is the submitter's */
};

/* What became of expected occurrences that started nothing. The same range with the same outcome replaces its count. */
struct store_account {
	struct store_op op;
	struct store_order *order;
	int64_t order_epoch;
	const char *workflow_id, *trigger_id;
	int64_t first_ms, last_ms, count;
	int outcome; /* TAPPET_ACCOUNT_* */
	const struct store_checkpoint *checkpoints;
	size_t checkpoint_count;
	const char *checkpoint_scope; /* as in store_admit */
	int64_t now_ms;
};

/* ---- Reading ------------------------------------------------------------------------------------------------- */

/* Each call queues a read on a reader thread and calls back once on the loop thread; what the callback is handed is
 * valid until it returns. A read sees everything whose `done` was called before the read was queued. Negative
 * return: nothing was queued (-ENOMEM). The status of a callback is 0 or negative (-ENOENT, -EIO, -ECANCELED at
 * shutdown). */

struct store_step_row {
	uint32_t index;
	enum status status;
	uint32_t attempt, retries;
	int64_t started_ms, ended_ms, wake_ms;
	const char *outputs; /* JSON object, or NULL */
	const char *message; /* or NULL */
	int exit_code;       /* -1: none */
};

struct store_activity_row {
	char id[ID_SIZE], workflow_id[ID_SIZE], revision_id[ID_SIZE];
	uint32_t revision;
	enum status status;
	const char *trigger, *trigger_id, *message; /* message may be NULL */
	int64_t created_ms, started_ms, ended_ms;
	bool give_way;    /* it is to be cancelled in favour of a later one */
	bool turn;        /* it may start or be cancelled, or has started */
	const char *lane; /* its key; NULL: none */
	size_t lane_len;
	const char *params, *cause, *payload; /* JSON; cause and payload may be NULL. NULL in listings */
	size_t payload_len;
	const struct store_step_row *steps; /* those that have begun or ended, by index; none in listings */
	size_t step_count;
};
typedef void (*store_activity_cb)(void *arg, int status, const struct store_activity_row *row);
typedef void (*store_activities_cb)(void *arg, int status, const struct store_activity_row *rows, size_t count);

int store_get_activity(struct store *s, const char *id, store_activity_cb cb, void *arg);

struct store_activity_filter {
	const char *workflow_id;    /* NULL: all */
	const char *workflow_ids;   /* of these only, 24-hex ids joined by spaces; NULL: all */
	const char *trigger;        /* its id, or its plugin's name; NULL: all */
	unsigned statuses;          /* 1 << enum status, or several; 0: all */
	int64_t since_ms, until_ms; /* created at or after, and before; 0: all */
	const char *before;         /* ids smaller than this: the cursor; NULL: from the newest */
	size_t limit;               /* at most 1000 */
	bool causes;                /* of a workflow_id: with causes of at most STORE_CAUSE_LISTED_MAX bytes */
};
#define STORE_CAUSE_LISTED_MAX 4096
/* Newest first. */
int store_list_activities(struct store *s, const struct store_activity_filter *filter, store_activities_cb cb,
			  void *arg);

/* Activities of one workflow (NULL: of all) that wait to be started and have their turn, or only to be cancelled
 * (give_way), oldest first, with ids greater than `after` (""
 * or NULL: from the oldest), with params, cause and payload. At most `limit`, and at most about 8 MiB of payload. */
int store_list_runnable(struct store *s, const char *workflow_id, const char *after, size_t limit,
			store_activities_cb cb, void *arg);
/* The ids of the workflows that have such activities. Used at start. */
typedef void (*store_ids_cb)(void *arg, int status, const char (*ids)[ID_SIZE], size_t count);
int store_list_runnable_workflows(struct store *s, store_ids_cb cb, void *arg);
/* Activities INPROGRESS or WAITING, with their steps; as above. Used at start. */
int store_list_interrupted(struct store *s, const char *after, size_t limit, store_activities_cb cb, void *arg);

struct store_workflow_row {
	char id[ID_SIZE];
	const char *slug, *name, *team;
	bool enabled, removed, from_folder;
	char revision_id[ID_SIZE]; /* the latest */
	uint32_t revision;
	int64_t revision_ms;
	const char *canonical; /* of the latest revision */
	size_t canonical_len;
	const char *disabled_triggers; /* ids joined by spaces */
};
typedef void (*store_workflows_cb)(void *arg, int status, const struct store_workflow_row *rows, size_t count);
/* All workflows, removed ones included; used at start, when memory holds them all anyway. */
int store_list_workflows(struct store *s, store_workflows_cb cb, void *arg);

/* One revision: its canonical text; -ENOENT. */
typedef void (*store_revision_cb)(void *arg, int status, const char *workflow_id, uint32_t revision,
				  const char *canonical, size_t len);
int store_get_revision(struct store *s, const char *revision_id, store_revision_cb cb, void *arg);

struct store_revision_row {
	char id[ID_SIZE];
	uint32_t number;
	int64_t made_ms;
	const char *by, *hash;
};
typedef void (*store_revisions_cb)(void *arg, int status, const struct store_revision_row *rows, size_t count);
/* Newest first, with numbers smaller than `before` (0: from the newest). */
int store_list_revisions(struct store *s, const char *workflow_id, uint32_t before, size_t limit, store_revisions_cb cb,
			 void *arg);

typedef void (*store_programs_cb)(void *arg, int status, const uint8_t (*hashes)[STORE_HASH_SIZE], size_t count);
int store_list_programs(struct store *s, store_programs_cb cb, void *arg);

struct store_action_row {
	uint64_t seq;
	int64_t time_ms;
	const char *topic, *data, *by, *covers; /* covers may be NULL */
	size_t data_len;
};
typedef void (*store_actions_cb)(void *arg, int status, const struct store_action_row *rows, size_t count);
/* Actions from since_ms on with numbers greater than `after`, in order, whose topic is `topic` (exact) or begins with it. At
 * most `limit` and about 8 MiB. */
int store_list_actions(struct store *s, const char *topic, bool exact, int64_t since_ms, uint64_t after, size_t limit,
		       store_actions_cb cb, void *arg);

typedef void (*store_tokens_cb)(void *arg, int status, const struct store_token_record *rows, size_t count);
/* All tokens that are not revoked. */
int store_list_tokens(struct store *s, store_tokens_cb cb, void *arg);

struct store_log_row {
	uint64_t position; /* grows; the cursor */
	uint32_t step, attempt;
	char stream;
	int64_t time_ms;
	const char *text;
	size_t len;
};
typedef void (*store_logs_cb)(void *arg, int status, const struct store_log_row *rows, size_t count);
/* Records behind position `after`, in order; step -1: of all steps. At most `limit` rows and about 1 MiB. */
int store_read_logs(struct store *s, const char *id, int step, uint64_t after, size_t limit, store_logs_cb cb,
		    void *arg);

/* `oldest`: the oldest number still kept (newest + 1 when none is). Events step.log come with the text of their record, if it
 * is kept, when `logs`, at most about 1 MiB of it at once; else without data. */
typedef void (*store_read_events_cb)(void *arg, int status, const struct event *events, size_t count, uint64_t oldest);
int store_read_events(struct store *s, uint64_t after, size_t limit, bool logs, store_read_events_cb cb, void *arg);

typedef void (*store_kv_cb)(void *arg, int status, const struct store_checkpoint *rows, size_t count);
/* All keys of a scope, or one of them (key not NULL; -ENOENT). */
int store_get_kv(struct store *s, const char *scope, const char *key, size_t key_len, store_kv_cb cb, void *arg);
/* The first `limit` keys of a scope behind `after` (after_len 0: from the first), in the order of their bytes. */
int store_page_kv(struct store *s, const char *scope, const void *after, size_t after_len, size_t limit, store_kv_cb cb,
		  void *arg);
/* All keys of many scopes at once, in the order of the scopes' bytes; what is in other scopes is passed over without being
 * read. Each row comes with its scope. Used at start. */
typedef void (*store_kv_each_cb)(void *arg, int status, const char *const *scopes, const struct store_checkpoint *rows,
				 size_t count);
int store_list_kv(struct store *s, const char *const *scopes, size_t count, store_kv_each_cb cb, void *arg);

typedef void (*store_refusals_cb)(void *arg, int status, const struct store_refusal *rows, size_t count);
/* Of minutes from since_ms up to (not with) until_ms (0: no end), newest first; workflow_id NULL: all. */
int store_list_refusals(struct store *s, const char *workflow_id, int64_t since_ms, int64_t until_ms, size_t limit,
			store_refusals_cb cb, void *arg);

struct store_account_row {
	char workflow_id[ID_SIZE];
	const char *trigger_id;
	int64_t first_ms, last_ms, count;
	int outcome; /* TAPPET_ACCOUNT_* */
	int64_t time_ms;
};
typedef void (*store_accounts_cb)(void *arg, int status, const struct store_account_row *rows, size_t count);
/* Those that touch the time from since_ms up to (not with) until_ms (0: no end), newest last_ms first; workflow_id NULL:
 * all. */
int store_list_accounts(struct store *s, const char *workflow_id, int64_t since_ms, int64_t until_ms, size_t limit,
			store_accounts_cb cb, void *arg);

typedef void (*store_switches_cb)(void *arg, int status, const struct event *events, size_t count);
/* What happened to a workflow itself (events workflow.*) from since_ms up to (not with) until_ms (0: no end), newest first; as
 * far back as events are kept. */
int store_list_switches(struct store *s, const char *workflow_id, int64_t since_ms, int64_t until_ms, size_t limit,
			store_switches_cb cb, void *arg);

/* ---- Backup and check ---------------------------------------------------------------------------------------- */

/* Copies the store as it is at the end of the copy to a new file (0600, complete once it has its name; -EEXIST), in slices
 * between batches: nobody waits long for it and no snapshot pins the journal. The copy starts as a store. One at a
 * time (-EBUSY). `done` once: 0, -ENOSPC, -EIO, -EEXIST, -ECANCELED (shutting down). progress (may be NULL) now and
 * then. Loop thread. */
int store_backup(struct store *s, const char *path, void (*progress)(void *arg, size_t pages_left, size_t pages),
		 void (*done)(void *arg, int status), void *arg);

/* Checks a store's file without changing it, whether or not a daemon has it open: SQLite's own integrity, and that what
 * belongs together is there (revisions, inputs, sources, steps; turns within limits; numbers). Each fault is told in
 * plain words. Blocking. 0: no fault; -EILSEQ: faults; -EPROTO: made by a newer version; others: it could not be read.
 * While it looks, the journal of a daemon that has the store open cannot start again, so a large and busy store is
 * better backed up and the copy checked. */
int store_check(const char *path, void (*fault)(void *arg, const char *text), void *arg);

/* Puts a copy (made by store_backup) in the place of the store at `path`, which no daemon may have open (-EBUSY). What was
 * there keeps a name: *ret_aside (free(); NULL: there was none), also when it failed behind that. -EINVAL: the copy is the
 * store itself; -ETXTBSY: it has a journal, so it is no backup. The copy stays. Blocking. */
int store_restore(const char *path, const char *copy, char **ret_aside);

#endif
