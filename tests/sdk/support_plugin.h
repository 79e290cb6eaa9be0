/* A plugin whose functions do what a test tells them, and a place for the breaches that are seen. */
#ifndef SUPPORT_PLUGIN_H
#define SUPPORT_PLUGIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tappet/testkit.h"

struct told {
	const tappet_host *host;
	tappet_instance *self;
	const tappet_http1 *http;
	const tappet_activity1 *activity;
	const tappet_events1 *events;
	tappet_trigger *trigger; /* added last */
	tappet_config *config;   /* of create; kept, against the rules */
	int64_t every;
	char checkpoint[64], trigger_id[64], slug[64], path[1024];
	int pauses, resumes, clock_sets, frees, fired, results, results_inside;
	bool inside; /* a call of emit */
	tappet_result last;
	char last_id[25], last_key[64], last_detail[64];
	int32_t removed_put, removed_list;
	/* What to do; NULL: nothing, and `stopped` at once. */
	void (*on_start)(struct told *told);
	void (*on_stop)(struct told *told);
	void (*on_destroy)(struct told *told);
	void (*on_remove)(struct told *told, tappet_trigger *trigger);
	void (*on_request)(struct told *told, tappet_request *request);
};
extern struct told told;

const tappet_plugin *told_plugin(void);
/* The same with list_checkpoints, as if it were built with this minor version of the ABI. */
const tappet_plugin *told_listing_plugin(uint32_t abi_minor);
/* Opened, with breaches taken down and not aborted at, created with one trigger, started. */
testkit *told_begin(void);
/* Closes the kit; exactly this rule was broken, or with NULL none. */
void told_end(testkit *kit, const char *rule);
/* A callback of emissions; `arg` is &told. */
void told_settled(void *arg, const tappet_result *result);
/* A callback of state and accounts; `arg` is an int32_t for the result. */
void told_done(void *arg, int32_t result);
/* By told.trigger. */
int32_t told_emit(const char *payload, const char *key, const char *checkpoint);

#endif
