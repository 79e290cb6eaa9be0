/* SPDX-License-Identifier: MIT
 *
 * Capability "tappet.auth/1": what a token covers. Tokens are kept as hashes only and compared in constant time. See
 * tappet/plugin.h for the rules that hold for all functions (thread, memory, errors). */
#ifndef TAPPET_AUTH_H
#define TAPPET_AUTH_H

#include "tappet/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The name for `needs` and `capability`. */
#define TAPPET_AUTH_1 "tappet.auth/1"

/* What a token allows, added up. */
enum {
	TAPPET_SCOPE_TRIGGER = 1,   /* to start activities */
	TAPPET_SCOPE_STATUS = 2,    /* to see them */
	TAPPET_SCOPE_CANCEL = 4,    /* to end them */
	TAPPET_SCOPE_ACTION = 8,    /* for some topics: ask action_allowed */
	TAPPET_SCOPE_SUBSCRIBE = 16 /* to read events */
};

/* What a token covers. It is the caller's, and filled in by `check`. */
typedef struct tappet_grant {
	size_t struct_size;      /* set by the caller: sizeof(tappet_grant) */
	char token_id[25];       /* 24 hex digits; not the secret */
	char workflow_id[25];    /* when it covers exactly one workflow, else "" */
	uint32_t scopes;         /* TAPPET_SCOPE_* */
	uint64_t workflow_count; /* how many workflows it covers now */
} tappet_grant;

/* The functions of the capability. All answer at once. */
typedef struct tappet_auth1 {
	size_t struct_size;
	/* Looks a token up and records its use. Errors: TAPPET_EDENIED for an unknown, expired or revoked one (which
	 * of these is not told), TAPPET_EINVAL, TAPPET_ESTATE. */
	int32_t (*check)(tappet_instance *self, tappet_str token, tappet_grant *ret);
	/* 1 or 0: whether the token (by its id) covers the workflow now. */
	int32_t (*covers)(tappet_instance *self, const char *token_id, const char *workflow_id);
	/* 1 or 0: whether the token may send actions on this topic. */
	int32_t (*action_allowed)(tappet_instance *self, const char *token_id, tappet_str topic);
	/* Whether a workflow may be started by this plugin: 1, one of its triggers for it is switched on; 0, they are
	 * all switched off, or the workflow is; TAPPET_ENOTFOUND, it has none. For those whose trigger is not here: one
	 * that is on may still be on its way, or dead. */
	int32_t (*trigger_enabled)(tappet_instance *self, const char *workflow_id);

	/* ABI 1.1: look at struct_size (TAPPET_AUTH1_SIZE_1_0) first where an older host will do. */
	/* As `refuse` of tappet_host, in the name of a workflow of which no trigger is here. An id that is not known
	 * counts as nobody's. */
	void (*refuse_workflow)(tappet_instance *self, const char *workflow_id, int32_t reason, tappet_str detail);

	/* ABI 1.3: look at struct_size (TAPPET_AUTH1_SIZE_1_1) first where an older host will do. */
	/* As `check`, of a token that was checked before, by its id: for connections that outlive an expiry or a
	 * revocation. Errors: TAPPET_EDENIED, TAPPET_EINVAL, TAPPET_ESTATE. */
	int32_t (*check_again)(tappet_instance *self, const char *token_id, tappet_grant *ret);
} tappet_auth1;

/* The size of the table in ABI 1.0. */
#define TAPPET_AUTH1_SIZE_1_0 offsetof(tappet_auth1, refuse_workflow)
/* The size of the table in ABI 1.1 and 1.2. */
#define TAPPET_AUTH1_SIZE_1_1 offsetof(tappet_auth1, check_again)

#ifdef __cplusplus
}
#endif
#endif
