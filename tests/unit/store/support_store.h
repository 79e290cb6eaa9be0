/* What the tests of the store share: a store in a folder of its own, and the ways to use it step by step. Include
 * cmocka's headers by way of this one. */
#ifndef UNIT_STORE_SUPPORT_STORE_H
#define UNIT_STORE_SUPPORT_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uv.h>
#include "base/clock.h"
#include "base/health.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/store.h"

/* Times of operations where the test does not care. */
#define NOW_MS INT64_C(1700000000000)

struct fixture {
	uv_loop_t loop;
	uv_timer_t tick;
	struct store *store;
	struct store_options options;
	struct metrics *metrics;
	struct health *health;
	struct id_source ids;
	char folder[40], path[60];
	char workflow_id[ID_SIZE], revision_id[ID_SIZE];
};

/* A new folder and the options for a store in it; nothing is opened. */
void fixture_init(struct fixture *f);
int fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
/* Closes and removes everything. */
void fixture_release(struct fixture *f);
/* init, open and one workflow "demo" in f->workflow_id and f->revision_id; for cmocka's setup. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_define(struct fixture *f);

/* Runs the loop until `done(arg)`; fails the test after 30 s. */
void wait_until(struct fixture *f, bool (*done)(void *arg), void *arg);
/* Submits; the operation has come back when op->done is NULL. */
void begin_op(struct fixture *f, struct store_op *op, enum store_kind kind);
void end_op(struct fixture *f, struct store_op *op);
int run_op(struct fixture *f, struct store_op *op, enum store_kind kind);

/* An admission with defaults for what the test does not care about. */
struct store_admit make_admit(struct fixture *f);
void free_admit(struct store_admit *a);
/* Admits and expects ADMITTED; the id goes to ret_id. */
void admit(struct fixture *f, char ret_id[static ID_SIZE]);
/* from -> to without steps; the status. */
int transition(struct fixture *f, const char *id, enum status from, enum status to);

/* The status of an activity, or a negative errno. */
int activity_status(struct fixture *f, const char *id);
/* All events from number `after` on: their count; *ret_events (may be NULL) is to be freed with store_events_free. */
size_t read_all_events(struct fixture *f, uint64_t after, struct event **ret_events, uint64_t *ret_oldest);
/* The value as text into `to`; -ENOENT. */
int read_key(struct fixture *f, const char *scope, const char *key, char *to, size_t size);
/* How often a trigger of the workflow was refused for a reason. */
uint64_t refusal_count(struct fixture *f, int reason);
double read_metric(struct fixture *f, const char *name);

#endif
