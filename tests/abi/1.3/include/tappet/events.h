/* SPDX-License-Identifier: MIT
 *
 * Capability "tappet.events/1": the numbered events, from a sequence number on and then live, at the reader's own
 * pace. See tappet/plugin.h for the rules that hold for all functions (thread, memory, errors). */
#ifndef TAPPET_EVENTS_H
#define TAPPET_EVENTS_H

#include "tappet/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The name for `needs` and `capability`. */
#define TAPPET_EVENTS_1 "tappet.events/1"

/* A reader that was opened; valid until `close`. */
typedef struct tappet_reader tappet_reader;

/* One event. It is valid until the callback returns. Frozen. */
typedef struct tappet_event {
	uint64_t seq;            /* its number; grows, with gaps */
	int64_t time_ms;         /* when it was committed */
	const char *type;        /* "activity.accepted", "step.started", ... */
	const char *workflow_id; /* "" when there is none */
	const char *activity_id; /* "" when there is none */
	tappet_str data;         /* JSON object */
} tappet_event;

/* Fires with one batch, on the loop thread. `last_seq`: the reader has now seen everything up to it, also what its
 * filter left out. `gap_from` is not 0 when events from gap_from on are no longer kept: the batch begins behind
 * them. No further batch comes before `more`. */
typedef void (*tappet_events_cb)(void *arg, const tappet_event *events, size_t count, size_t event_size,
				 uint64_t last_seq, uint64_t gap_from);

/* Which events a reader wants: those that match all that is set. */
typedef struct tappet_events_filter {
	size_t struct_size;
	const char *workflow_id; /* NULL: all */
	const char *activity_id; /* NULL: all */
	const char *type;        /* NULL: all; "activity.*" matches by prefix */
	/* ABI 1.3. */
	const char *team; /* of the workflow, as its definition has it now; NULL: all */
	/* Several types, with commas between them: "activity.*,step.ended"; NULL: all. What comes only to those who ask for
	 * it has to be named in full here or in `type`: "step.log", "trigger.refused". Errors of `open`: TAPPET_EINVAL for
	 * one that no event can have. */
	const char *types;
	const char *token_id; /* only what this token covers now; an expired or revoked one covers nothing; NULL: all */
} tappet_events_filter;

/* What is known of a workflow. Filled in by `workflow` of tappet_events1. */
typedef struct tappet_workflow_info {
	size_t struct_size;        /* set by the caller: sizeof(tappet_workflow_info) */
	const char *workflow_id;   /* 24 hex digits */
	const char *workflow_slug; /* "deploy-site" */
	const char *workflow_name; /* for people; the slug when it has none */
	const char *team;          /* "" when it belongs to none */
} tappet_workflow_info;

/* The functions of the capability. */
typedef struct tappet_events1 {
	size_t struct_size;
	/* Everything after `since` (0: from the oldest kept; UINT64_MAX: only what comes from now on). The first
	 * batch comes without asking; `cb` fires later, never from inside. `filter` may be NULL, and is copied.
	 * `ret` is valid until `close`. Errors: TAPPET_EINVAL, TAPPET_ESTATE, TAPPET_ENOMEM. */
	int32_t (*open)(tappet_instance *self, uint64_t since, const tappet_events_filter *filter, tappet_events_cb cb,
			void *arg, tappet_reader **ret);
	/* Ready for the next batch: it comes at once when there is one, else as soon as there is. */
	void (*more)(tappet_reader *reader);
	/* No callback fires after this; the handle is gone. NULL is allowed. */
	void (*close)(tappet_reader *reader);
	/* The newest sequence number that is committed. */
	uint64_t (*newest)(tappet_instance *self);

	/* ABI 1.3: look at struct_size (TAPPET_EVENTS1_SIZE_1_2) first where an older host will do. */
	/* What is known of a workflow, by its id or its slug. The texts of *ret are valid until the callback returns that
	 * this is called from. Errors: TAPPET_ENOTFOUND, TAPPET_EINVAL, TAPPET_ESTATE. */
	int32_t (*workflow)(tappet_instance *self, tappet_str id_or_slug, tappet_workflow_info *ret);
} tappet_events1;

/* The size of the table in ABI 1.0 to 1.2. */
#define TAPPET_EVENTS1_SIZE_1_2 offsetof(tappet_events1, workflow)

#ifdef __cplusplus
}
#endif
#endif
