/* The writer's side of the SQLite backend. All of it belongs to the writer thread, apart from checkpointer. */
#ifndef STORE_SQLITE_INTERNAL_H
#define STORE_SQLITE_INTERNAL_H

#include "base/buf.h"
#include "base/map.h"
#include "store/backend.h"
#include "store/sqlite/database.h"

/* Numbers that a transaction moves on. They are written once, at its end, and taken back when it is rolled back. */
struct counters {
	int64_t event_seq, input_seq, log_seq, action_seq;
	int64_t activities;
	int64_t waiting;  /* activities NOTSTARTED; counted at open, not stored */
	int64_t programs; /* likewise */
	uint8_t newest_id[ID_BLOB];
};

/* Row numbers of what operations name by id. Emptied when a transaction is rolled back, since it may have made some. */
struct names {
	struct map workflows, revisions, sources;
};

struct source {
	int64_t num, workflow, scope;
	char *accepted; /* data of the event activity.accepted */
};

/* Round after round over the old activities, a stretch at a time. */
struct retain_walk {
	uint8_t cursor[ID_BLOB]; /* activities up to here have been looked at in this round */
	size_t kept;             /* of them, such as must stay all the same */
	int64_t rest_ms;         /* no new round before */
};

struct backend {
	struct database writer, checkpointer;
	char *path, *vfs;
	int lock_fd;
	int64_t queue_max;
	size_t log_max, ballast;
	int64_t retention_activities_ms, retention_events_ms;
	int64_t retention_activities_max, retention_events_max;
	struct counters now, committed;
	struct names names;
	struct buf scope; /* scratch for "trigger/WORKFLOW/TRIGGER", and for a subject's dedup key */
	size_t journal_frames;
	bool carried_over; /* the whole journal: the next commit begins it anew and gives its room back */
	struct retain_walk by_age, by_count;
	struct backend_copy *copy; /* under way; NULL: none */
};

/* Each: as backend_driver.apply. */
int apply_admit(struct backend *b, struct store_admit *a);
int apply_transition(struct backend *b, struct store_transition *t);
int apply_log(struct backend *b, struct store_log *l);
int apply_definitions(struct backend *b, struct store_definitions *d);
int apply_enable(struct backend *b, struct store_enable *e);
int apply_token(struct backend *b, struct store_token *t);
int apply_kv(struct backend *b, const struct store_kv *kv);
int apply_refusals(struct backend *b, struct store_refusals *r);
int apply_account(struct backend *b, const struct store_account *a);
int apply_remove(struct backend *b, struct store_remove *r);
int apply_turns(struct backend *b, struct store_turns *t);
int apply_event(struct backend *b, struct store_event *e);
int apply_action(struct backend *b, struct store_action *a);
int apply_programs(struct backend *b, const struct store_programs *p);

static inline const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

/* kv.c */
/* `scope` NULL: that of the trigger. */
int checkpoints_write(struct backend *b, const char *scope, const char *workflow_id, const char *trigger_id,
		      const struct store_checkpoint *checkpoints, size_t count);
/* refusal.c: adds to the count of its minute. */
int refusal_add(struct backend *b, const struct store_refusal *refusal);

/* lane.c. What becomes of an emission for a lane, and of those before it. */
struct lane {
	int64_t workflow;
	const void *key;
	size_t key_len;
};
struct lane_plan {
	bool taken;      /* with SKIP */
	bool full;       /* with QUEUE */
	bool turn;       /* it may start at once */
	size_t give_way; /* with CANCEL: so many of the oldest */
};
/* As the latest definition says; 0: the workflow has no lanes. */
int lane_limit(struct backend *b, int64_t workflow, int64_t *ret);
int lane_plan(struct backend *b, const struct lane *lane, const struct store_lane *terms, struct lane_plan *ret);
/* 1: *ret_id is the oldest that has not ended. */
int lane_oldest(struct backend *b, const struct lane *lane, char ret_id[static ID_SIZE]);
int lane_give_way(struct backend *b, const struct lane *lane, struct store_admit *a, size_t count);
/* Turns for the oldest that wait, as far as there is room for them, at most `max`; limit 0: as if the lane were none. Adds
 * to *ret_turns. */
int lane_give_turns(struct backend *b, const struct lane *lane, int64_t limit, size_t max, size_t *ret_turns);

/* definitions.c: "workflow.changed"; revision 0: it was removed. */
struct workflow_change {
	int64_t workflow, now_ms;
	const char *id, *slug, *by;
	uint32_t revision;
};
int workflow_changed(struct backend *b, const struct workflow_change *change, struct event **events, size_t *count);

/* names.c. -ENOENT when there is none; a source is made. The source is valid until names_clear. */
void names_init(struct names *n);
void names_clear(struct names *n);
int names_workflow(struct backend *b, const char *id, int64_t *ret);
int names_revision(struct backend *b, const char *id, int64_t *ret);
int names_source(struct backend *b, const char *workflow_id, const char *trigger_id, const char *plugin,
		 const struct source **ret);

/* event.c: numbers and stores it. */
int event_add(struct backend *b, struct event *e, int64_t workflow);
/* A list of events that grows; *list and *count are those of an operation. The new one is zeroed. */
struct event *event_append(struct event **list, size_t *count);
void counters_note_id(struct backend *b, const char *id);

int retain(struct backend *b, int64_t now_ms, size_t rows, bool *ret_more);

/* copy.c: as backend_driver says. */
int copy_open(struct backend *b, const char *path, struct backend_copy **ret);
int copy_step(struct backend_copy *c, size_t *ret_left, size_t *ret_pages);
void copy_close(struct backend_copy *c);
/* Before the writer's connection is closed: its next step fails with that status. NULL is allowed. */
void copy_break(struct backend_copy *c, int status);

/* reader.c */
int reader_open(struct backend *b, struct backend_reader **ret);
void reader_close(struct backend_reader *r);
int reader_read(struct backend_reader *r, struct store_request *q);

/* read_activity.c and read_rest.c: one kind of request each, inside a read transaction. */
int read_one_activity(struct database *c, struct store_request *q);
int read_activities(struct database *c, struct store_request *q);
int read_runnable(struct database *c, struct store_request *q);
int read_interrupted(struct database *c, struct store_request *q);
int read_workflows(struct database *c, struct store_request *q);
int read_revision(struct database *c, struct store_request *q);
int read_revisions(struct database *c, struct store_request *q);
int read_runnable_workflows(struct database *c, struct store_request *q);
int read_programs(struct database *c, struct store_request *q);
int read_actions(struct database *c, struct store_request *q);
int read_tokens(struct database *c, struct store_request *q);
int read_logs(struct database *c, struct store_request *q);
int read_events(struct database *c, struct store_request *q);
int read_kv(struct database *c, struct store_request *q);
int read_kv_page(struct database *c, struct store_request *q);
int read_kv_scopes(struct database *c, struct store_request *q);
int read_refusals(struct database *c, struct store_request *q);
int read_accounts(struct database *c, struct store_request *q);
int read_switches(struct database *c, struct store_request *q);
/* A text column copied; NULL for null, and when out of memory (*error is set). */
char *column_copy(struct store_request *q, sqlite3_stmt *statement, int column, size_t *ret_len, int *error);

#endif
