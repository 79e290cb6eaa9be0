/* SPDX-License-Identifier: MIT
 *
 * Capability "tappet.activity/1": the status of activities, their cancellation, and a call when one ends. See
 * tappet/plugin.h for the rules that hold for all functions (thread, memory, errors). */
#ifndef TAPPET_ACTIVITY_H
#define TAPPET_ACTIVITY_H

#include "tappet/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The name for `needs` and `capability`. */
#define TAPPET_ACTIVITY_1 "tappet.activity/1"

/* An activity as it is. It is valid until the callback returns. */
typedef struct tappet_activity_info {
	size_t struct_size;
	const char *workflow_id; /* 24 hex digits */
	const char *status; /* "notstarted", "inProgress", "waiting", "completed", "failure", "invalid", "cancelled" */
	/* The activity as a JSON object:
	 * {"id","workflowId","workflow","workflowName","team","revisionId","revision","trigger","triggerId","status",
	 *  "createdAt","startedAt","endedAt","durationMs","message","params":{},"cause":{},
	 *  "steps":[{"id","order","step","name","taskId","kind","status","attempt","startedAt","endedAt","durationMs",
	 *            "exitCode","message","outputs":{}}]}
	 * Times are RFC 3339; what has not happened yet is absent. */
	tappet_str document;
} tappet_activity_info;

/* Fires exactly once for each call that returned 0, on the loop thread. `info` is NULL unless result is 0, or
 * TAPPET_EBUSY of wait_end. TAPPET_ENOTFOUND: no such activity; TAPPET_ECANCELED: the plugin is being taken down. */
typedef void (*tappet_activity_cb)(void *arg, int32_t result, const tappet_activity_info *info);

/* The functions of the capability. */
typedef struct tappet_activity1 {
	size_t struct_size;
	/* Calls back once, later, with the activity. Errors (`cb` never fires): TAPPET_EBUSY (too many under way),
	 * TAPPET_EINVAL, TAPPET_ESTATE, TAPPET_ENOMEM. */
	int32_t (*status)(tappet_instance *self, const char *activity_id, tappet_activity_cb cb, void *arg);
	/* Asks for the end of an activity; calls back once, after the commit. With TAPPET_ESTATE it had ended
	 * already. Errors (`cb` never fires): as status. */
	int32_t (*cancel)(tappet_instance *self, const char *activity_id, tappet_done_cb cb, void *arg);
	/* Calls back once: when the activity has ended, or after timeout_ms with TAPPET_EBUSY and its status as it
	 * is. Errors (`cb` never fires): as status. */
	int32_t (*wait_end)(tappet_instance *self, const char *activity_id, int64_t timeout_ms, tappet_activity_cb cb,
			    void *arg);
} tappet_activity1;

#ifdef __cplusplus
}
#endif
#endif
