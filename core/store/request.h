/* One read on its way: queued by the loop thread (read.c), answered by a backend on a reader thread, handed to its
 * callback on the loop thread again. It owns copies of what was asked and, in its arena, all that was found. */
#ifndef STORE_REQUEST_H
#define STORE_REQUEST_H

#include "store/arena.h"
#include "store/store.h"

enum request_kind {
	REQUEST_ACTIVITY,
	REQUEST_ACTIVITIES,
	REQUEST_RUNNABLE,
	REQUEST_INTERRUPTED,
	REQUEST_WORKFLOWS,
	REQUEST_REVISION,
	REQUEST_TOKENS,
	REQUEST_LOGS,
	REQUEST_EVENTS,
	REQUEST_KV,
	REQUEST_KV_PAGE,
	REQUEST_KV_SCOPES,
	REQUEST_REFUSALS,
	REQUEST_ACCOUNTS,
	REQUEST_RUNNABLE_WORKFLOWS,
	REQUEST_REVISIONS,
	REQUEST_PROGRAMS,
	REQUEST_ACTIONS,
	REQUEST_SWITCHES,
};

/* Rows of one size, in one growing array. */
struct rows {
	void *data;
	size_t count, cap, size;
};

struct store_request {
	struct list node;
	enum request_kind kind;
	int status;

	/* What is asked. */
	char id[ID_SIZE];             /* activity, workflow or revision; "": all */
	char cursor[ID_SIZE];         /* `before` or `after`; "": from the beginning */
	int step;                     /* -1: all */
	unsigned statuses;            /* 1 << enum status; 0: all */
	int64_t since_ms, until_ms;   /* until_ms 0: no end */
	char *workflow_ids, *trigger; /* in the arena; NULL: all */
	bool causes;                  /* REQUEST_ACTIVITIES of one workflow */
	uint64_t after;
	size_t limit;
	char *scope; /* or topic; in the arena */
	bool exact;  /* the topic */
	bool logs;   /* with the text of events that stand for one */
	void *key;   /* or behind which; in the arena; NULL: all */
	size_t key_len;
	const char **wanted; /* REQUEST_KV_SCOPES; in the arena */
	size_t wanted_count;

	/* What was found. */
	struct arena arena;
	struct rows rows;
	const char **scopes;                /* REQUEST_KV_SCOPES */
	struct store_activity_row activity; /* REQUEST_ACTIVITY */
	uint64_t oldest;                    /* REQUEST_EVENTS */
	char workflow_id[ID_SIZE];          /* REQUEST_REVISION, with what follows */
	uint32_t revision;
	const char *canonical;
	size_t canonical_len;

	union {
		store_activity_cb activity;
		store_activities_cb activities;
		store_workflows_cb workflows;
		store_revision_cb revision;
		store_tokens_cb tokens;
		store_logs_cb logs;
		store_read_events_cb events;
		store_kv_cb kv;
		store_kv_each_cb kv_each;
		store_refusals_cb refusals;
		store_accounts_cb accounts;
		store_ids_cb ids;
		store_revisions_cb revisions;
		store_programs_cb programs;
		store_actions_cb actions;
		store_switches_cb switches;
	} cb;
	void *arg;
};

/* A new zeroed row at the end, or NULL; earlier rows may move. rows->size must be set. */
void *rows_add(struct rows *rows);
void store_request_free(struct store_request *request);

#endif
