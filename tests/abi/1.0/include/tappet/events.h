/* SPDX-License-Identifier: MIT
 *
 * Capability "tappet.events/1": the numbered events, from a sequence number on and then live, at the reader's own pace. */
#ifndef TAPPET_EVENTS_H
#define TAPPET_EVENTS_H

#include "tappet/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TAPPET_EVENTS_1 "tappet.events/1"

typedef struct tappet_reader tappet_reader;

/* Frozen. */
typedef struct tappet_event {
	uint64_t seq;
	int64_t time_ms;
	const char *type;        /* "activity.accepted", "step.started", ... */
	const char *workflow_id; /* "" when there is none */
	const char *activity_id; /* "" when there is none */
	tappet_str data;         /* JSON object */
} tappet_event;

/* One batch. `last_seq`: the reader has now seen everything up to it, also what its filter left out. `gap_from` is not 0
 * when events from gap_from on are no longer kept: the batch begins behind them. No further batch comes before `more`. */
typedef void (*tappet_events_cb)(void *arg, const tappet_event *events, size_t count, size_t event_size,
				 uint64_t last_seq, uint64_t gap_from);

typedef struct tappet_events_filter {
	size_t struct_size;
	const char *workflow_id; /* NULL: all */
	const char *activity_id; /* NULL: all */
	const char *type;        /* NULL: all; "activity.*" matches by prefix */
} tappet_events_filter;

typedef struct tappet_events1 {
	size_t struct_size;
	/* Everything after `since` (0: from the oldest kept; UINT64_MAX: only what comes from now on). The first batch
	 * comes without asking. `filter` may be NULL. */
	int32_t (*open)(tappet_instance *self, uint64_t since, const tappet_events_filter *filter, tappet_events_cb cb,
			void *arg, tappet_reader **ret);
	/* Ready for the next batch: it comes at once when there is one, else as soon as there is. */
	void (*more)(tappet_reader *reader);
	/* No callback fires after this. */
	void (*close)(tappet_reader *reader);
	/* The newest sequence number that is committed. */
	uint64_t (*newest)(tappet_instance *self);
} tappet_events1;

#ifdef __cplusplus
}
#endif
#endif
