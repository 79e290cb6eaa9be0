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

/* An action: something that has happened outside, under a topic, for steps of the kind `wait`. */
typedef struct tappet_action {
	size_t struct_size; /* sizeof(tappet_action) */
	tappet_str topic;   /* words of [A-Za-z0-9_-] joined by dots, at most 255 bytes */
	tappet_str data;    /* JSON; empty means {} */
	/* Who sends it: only steps of workflows that the token covers go on. NULL: an administrator, so all do. */
	const char *token_id;
	tappet_str by; /* who, in plain words, for the record; may be empty */
} tappet_action;

/* Fires exactly once for each call that returned 0, on the loop thread, after the commit. `result` is 0, or a negative
 * TAPPET_E*: TAPPET_ECANCELED (surely not stored), TAPPET_EUNKNOWN (nobody knows). `seq` is the action's number, `released`
 * how many steps went on. */
typedef void (*tappet_action_cb)(void *arg, int32_t result, uint64_t seq, uint64_t released);

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

	/* ABI 1.3: look at struct_size (TAPPET_ACTIVITY1_SIZE_1_2) first where an older host will do. */
	/* Stores an action, then lets the steps that wait for it go on. `cb` fires once, later. Triggers are not started by
	 * it: that is for the plugin to do, by `emit`. Errors (`cb` never fires): TAPPET_EBUSY (too many under way),
	 * TAPPET_ETOOBIG (data of more than 16 MiB), TAPPET_EINVAL (no topic, no JSON), TAPPET_EDENIED (no such token),
	 * TAPPET_ESTATE, TAPPET_ENOMEM. */
	int32_t (*action)(tappet_instance *self, const tappet_action *action, tappet_action_cb cb, void *arg);
} tappet_activity1;

/* The size of the table in ABI 1.0 to 1.2. */
#define TAPPET_ACTIVITY1_SIZE_1_2 offsetof(tappet_activity1, action)

#ifdef __cplusplus
}
#endif
#endif
