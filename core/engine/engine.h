/* The engine: takes emissions in (ingest), keeps the catalog of workflows and the tokens (access), decides what
 * may run (scheduler), carries activities out step by step (run, step_*), and tells the bus after each commit.
 *
 * The store is the truth: the engine keeps a bounded window of it in memory, and at start it finds what was
 * interrupted by ordinary queries. It never answers anybody before a commit. It knows no plugin and no HTTP.
 * Called by host/ (emissions), api/ and daemon/. Loop thread only. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/health.h"
#include "base/metrics.h"
#include "bus/bus.h"
#include "engine/rate.h"
#include "model/reason.h"
#include "model/workflow.h"
#include "store/store.h"

struct engine;

struct expr;

struct engine_env {
	const char *name, *value;
};

struct engine_options {
	uv_loop_t *loop;
	struct store *store;
	struct bus *bus;
	struct metrics *metrics;
	struct health *health;
	size_t concurrency;  /* steps that may run at once; 0: accept only */
	size_t window;       /* activities in memory that wait for their turn; 0: a default */
	const char *scratch; /* folder for the scratch folders of activities; made when missing */
	const char *folder;  /* of tappet.json: secret files are relative to it */
	int64_t default_timeout_ms;
	size_t log_max;
	struct expr *expr;            /* runs jq programs; NULL: whatever needs one fails */
	const struct engine_env *env; /* defaults.env */
	size_t env_count;
	/* The path of tappet-exec; NULL: steps that ask for a user or limits fail. */
	const char *launch_helper;
	double (*chance)(void); /* from 0 to (not with) 1; NULL: the system's */
};

int engine_open(const struct engine_options *options, struct engine **ret);
/* Reads workflows and tokens from the store into memory; `done(arg, status)` once. Before any definition is applied. */
int engine_load(struct engine *e, void (*done)(void *arg, int status), void *arg);
/* Ends children that an earlier daemon left (by their TAPPET_RUN), takes up what was interrupted, starts what waits. */
int engine_start(struct engine *e, void (*done)(void *arg, int status), void *arg);
/* Takes nothing new, gives running steps until drain_ms, then ends their processes and leaves the activities to
 * the next start. `done` once, when no child is left and every operation is with the store. A second call cuts
 * the drain short. */
void engine_stop(struct engine *e, int64_t drain_ms, void (*done)(void *arg), void *arg);
/* After engine_stop's done and store_close. */
void engine_free(struct engine *e);

struct id_source *engine_ids(struct engine *e);

/* ---- Catalog: the workflows as they are now ------------------------------------------------------------------- */

/* The emissions of one trigger, in order. */
struct catalog_trigger {
	struct store_order order;
	int64_t broken_epoch; /* what was emitted in this epoch or before is not to be stored any more */
	struct list queue;    /* emissions that have not been handed to the store */
	struct rate rate;     /* of the trigger's `rate` */
	uint32_t in_flight;   /* emissions and accounts that have not been settled; the entry outlives them */
	bool releasing;
};
void catalog_trigger_init(struct catalog_trigger *t);

struct catalog_entry {
	char id[ID_SIZE], revision_id[ID_SIZE];
	uint32_t revision;
	char *slug;
	bool enabled; /* by the switch and the definition */
	bool removed; /* its file is gone, or it was removed by the interface */
	bool from_folder;
	struct workflow *workflow; /* the latest revision; NULL: cannot be read (activities become `invalid`) */
	int64_t revision_ms;
};

/* By 24-hex id or by slug; NULL. Entries live as long as the engine; what is in them changes with engine_apply. */
const struct catalog_entry *engine_find(const struct engine *e, const char *id_or_slug);
void engine_each(const struct engine *e, void (*visit)(void *arg, const struct catalog_entry *entry), void *arg);
bool engine_trigger_enabled(const struct engine *e, const struct catalog_entry *entry, const char *trigger_id);

struct engine_apply {
	struct workflow **workflows; /* referenced */
	size_t count;
	bool complete;    /* workflows that came from the folder and are not among them count as removed */
	bool from_folder; /* else they come by the interface, which may not change what the folder has */
	const char *by;   /* who, for people */
	/* Of a single one: the revision id that must be the latest; "": it must not be there yet; NULL: any. */
	const char *expected;
	/* Called for each entry whose workflow, enabled or removed state changed (before: the workflow that it had, or NULL);
	 * may be NULL. */
	void (*changed)(void *arg, const struct catalog_entry *entry, struct workflow *before);
	void (*done)(void *arg, int status); /* then once */
	void *arg;
};
/* Commits all definitions at once and then makes them the current ones. Statuses: -EPERM (it is the folder's), -ESTALE (not
 * what was expected), -EEXIST (an imported id belongs to another slug), those of the store. Negative: done is not called. */
int engine_apply(struct engine *e, const struct engine_apply *request);
/* Removes a workflow that came by the interface: nothing starts it any more; its tokens and history stay. Only `expected`, `by`,
 * `changed`, `done` and `arg` of the request are looked at. As above; -ENOENT. */
int engine_remove(struct engine *e, const char *workflow_id, const struct engine_apply *request);
/* Switches a workflow, or one trigger of it, on or off. Negative: done is not called: -ENOENT, -ESHUTDOWN, -ENOMEM. */
int engine_enable(struct engine *e, const char *workflow_id, const char *trigger_id, bool enabled,
		  void (*done)(void *arg, int status), void *arg);

/* A revision's workflow, from memory or the store; the callback gets a borrowed reference, or NULL with a
 * negative status. May be called back from inside the call when it is in memory. */
int engine_revision(struct engine *e, const char *revision_id, void (*cb)(void *arg, int status, struct workflow *w),
		    void *arg);

/* ---- Ingest --------------------------------------------------------------------------------------------------- */

enum engine_outcome { ENGINE_OK, ENGINE_DUP, ENGINE_CONFLICT, ENGINE_REFUSED, ENGINE_CANCELED, ENGINE_UNKNOWN };

struct engine_result {
	enum engine_outcome outcome;
	int reason;              /* REASON_* of model/reason.h, with REFUSED and CANCELED */
	const char *activity_id; /* or "" */
	const char *dedup_key;   /* as used */
	size_t dedup_key_len;
	const char *detail; /* plain words, or "" */
};
typedef void (*engine_emit_cb)(void *arg, const struct engine_result *result);

struct engine_emission {
	const char *workflow_id;
	const char *trigger; /* the plugin's name; "manual" */
	const char *trigger_id;
	const char *payload, *params, *cause; /* JSON texts; NULL or empty: none */
	size_t payload_len, params_len, cause_len;
	const char *dedup_key;
	size_t dedup_key_len;
	int64_t occurred_ms; /* 0: now */
	const struct store_checkpoint *checkpoints;
	size_t checkpoint_count;
	/* Not NULL: it comes through an open trigger, which no definition knows: the workflow alone is asked, and the
	 * checkpoints have this scope in the store. */
	const char *open_scope;
	const char *subject;           /* of one through an open trigger: what stands in its place; NULL: nothing */
	struct catalog_trigger *order; /* NULL for manual runs */
	/* A revision that is not the latest (replay), with its workflow; NULL: the latest. */
	const char *revision_id;
	struct workflow *workflow;
};
/* Copies everything; cb fires exactly once, later, after the commit. Negative: it never fires: -EINVAL (payload or
 * params are not JSON), -E2BIG, -ENOMEM, -EBUSY (too much waits for filters), -ESHUTDOWN (stopping), -ENOENT (no such
 * workflow). The trigger's `when`, `dedup` and `params` and the workflow's lane are asked in this order; emissions of one
 * order are decided and stored in the order of their calls all the same. Refusals that are decided here (filter, disabled,
 * parameters) or in the store (overlap) are recorded like all others; a full queue is REFUSED with REASON_QUEUE_FULL,
 * without the checkpoints. order->in_flight is counted here. */
int engine_emit(struct engine *e, const struct engine_emission *emission, engine_emit_cb cb, void *arg);
/* Counts a refusal that somebody else decided; flushed to the store within a second. workflow_id may be NULL. */
void engine_refuse(struct engine *e, const char *workflow_id, const char *trigger_id, const char *trigger, int reason,
		   const char *detail);

/* Cancels an activity. done: 0 after the commit, -ENOENT, -EALREADY (it has ended), others. Negative: done is not
 * called: -ENOENT (not an id), -ESHUTDOWN, -ENOMEM. */
int engine_cancel(struct engine *e, const char *id, void (*done)(void *arg, int status), void *arg);

/* The same in favour of a later one, as its message will say; for an activity that the store has marked so. */
void engine_give_way(struct engine *e, const char *id);

/* Answers a step that waits for it (`approve`). `by` and `comment` (may be NULL) become outputs. done: 0 after the commit,
 * -ENOENT (no such activity, or step of that kind), -EALREADY (it has been answered, or is over), -EAGAIN (it has not begun
 * to ask, or nothing is carried out here), others. Negative: done is not called: -ENOENT (not an id), -E2BIG, -ESHUTDOWN, -ENOMEM. */
int engine_approve(struct engine *e, const char *activity_id, const char *step_id, bool approved, const char *by,
		   const char *comment, void (*done)(void *arg, int status), void *arg);

struct access_token;
struct engine_action {
	const char *topic; /* words joined by dots */
	const char *data;  /* JSON */
	size_t len;
	const char *by; /* plain words; may be NULL */
	/* Only steps of workflows that it covers now go on, also those that come to wait for it later and whatever becomes of
	 * the token. NULL: an administrator's, so all do. */
	const struct access_token *token;
};
/* An action has come: it is stored, then the steps that wait for it (`wait`) go on. cb: 0 after the commit, with its number
 * and how many steps it has released. Negative: cb is not called: -EINVAL (no topic, no JSON), -E2BIG, -ESHUTDOWN, -ENOMEM. */
typedef void (*engine_action_cb)(void *arg, int status, uint64_t seq, size_t released);
int engine_action(struct engine *e, const struct engine_action *action, engine_action_cb cb, void *arg);

/* Stores an event and tells the bus. -ESHUTDOWN, -ENOMEM, -EBUSY (too many are on their way). */
int engine_tell(struct engine *e, enum event_type type, const char *workflow_id, const char *data);

/* Starts what an activity was once more, with its parameters and payload: on its own revision or the latest one, by the
 * trigger `replay`. cb as of engine_emit; also REFUSED when there is no such activity (REASON_NONE). Negative:
 * cb is not called: -ENOENT (not an id), -ESHUTDOWN, -ENOMEM. */
int engine_replay(struct engine *e, const char *id, bool latest, const char *by, engine_emit_cb cb, void *arg);

/* The status document of tappet/activity.h, as JSON. -ENOENT. */
typedef void (*engine_document_cb)(void *arg, int status, const char *workflow_id, enum status activity_status,
				   const char *document, size_t len);
int engine_document(struct engine *e, const char *id, engine_document_cb cb, void *arg);
/* logged(arg, activity_id) is called after records of an activity's log were committed: a hint for those who follow it.
 * One listener; NULL: none. */
void engine_on_log(struct engine *e, void (*logged)(void *arg, const char *activity_id), void *arg);
/* An activity as one JSON object without steps, for listings. */
void engine_summary(struct engine *e, const struct store_activity_row *row, struct buf *out);

/* ---- Access: tokens ------------------------------------------------------------------------------------------- */

enum { ACCESS_TRIGGER = 1, ACCESS_STATUS = 2, ACCESS_CANCEL = 4, ACCESS_ACTION = 8, ACCESS_SUBSCRIBE = 16 };

struct access_token {
	char id[ID_SIZE];
	uint8_t hash[32];
	char *label, *team, *scopes; /* team may be NULL */
	char (*workflow_ids)[ID_SIZE];
	size_t workflow_count;
	uint32_t scope_bits;
	int64_t created_ms, expires_ms, last_used_ms;
};

#define ACCESS_SECRET_SIZE 48 /* "tpt_" + 43 characters of base64url, NUL */

/* The token for a secret that is live now, or NULL; records its use (at most once a minute is written). */
const struct access_token *access_check(struct engine *e, const char *secret, size_t len);
/* The same by its id; access_use records its use, access_find does not. */
const struct access_token *access_find(struct engine *e, const char *token_id);
const struct access_token *access_use(struct engine *e, const char *token_id);
bool access_covers(struct engine *e, const struct access_token *token, const struct catalog_entry *entry);
bool access_action_allowed(const struct access_token *token, const char *topic, size_t len);
/* How many workflows it covers now; *ret_only is the id when it is one. */
size_t access_count(struct engine *e, const struct access_token *token, const char **ret_only);
void access_each(struct engine *e, void (*visit)(void *arg, const struct access_token *token), void *arg);

struct access_request {
	const char *label;
	const char *const *workflow_ids;
	size_t workflow_count;
	const char *team;   /* or NULL */
	const char *scopes; /* NULL: "trigger status cancel" */
	int64_t expires_ms; /* 0: never */
};
/* The callback gets the secret once; it is nowhere else. Returned at once, without a callback: -EINVAL (unknown scopes,
 * team and workflows together or neither, an expiry in the past), -ENOENT (an unknown workflow; renew, revoke: an
 * unknown token), -ESHUTDOWN. workflow_ids may be slugs. */
typedef void (*access_secret_cb)(void *arg, int status, const char *secret, const struct access_token *token);
int access_create(struct engine *e, const struct access_request *request, access_secret_cb cb, void *arg);
/* A new secret for the token, the old one ends with the commit; expires_ms -1: the same lifetime again. */
int access_renew(struct engine *e, const char *token_id, int64_t expires_ms, access_secret_cb cb, void *arg);
int access_revoke(struct engine *e, const char *token_id, void (*done)(void *arg, int status), void *arg);

#endif
