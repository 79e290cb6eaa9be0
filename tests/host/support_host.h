/* What the tests of the host share: a loop with a host on it, alone or with the real store, engine, bus and gateway. */
#ifndef TESTS_HOST_SUPPORT_HOST_H
#define TESTS_HOST_SUPPORT_HOST_H

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
#include "host/host.h"
#include "host/plugins/probe.h"

#define DEADLINE_MS 20000

struct fixture {
	uv_loop_t loop;
	uv_timer_t tick;
	struct post *post;
	struct metrics *metrics;
	struct health *health;
	struct bus *bus;
	struct store *store;
	struct engine *engine;
	struct gateway *gateway;
	struct ws_client *ws_client;
	struct host *host;
	struct diag diag;
	struct probe *probe; /* the first instance */
	char folder[64];
	char *address;                           /* of the gateway, "127.0.0.1:PORT" */
	uint64_t credit_emissions, credit_bytes; /* set before fixture_open */
	size_t queue_max;
	const char *vfs; /* of the store; NULL: the default one */
	int64_t retention_events_ms;
	bool keeps_folder; /* before fixture_close: the folder stays; before fixture_open: `folder` is opened again */
	bool stopped;
	char late[64];
};

/* Runs the loop until `condition` holds, or fails at the deadline. */
#define until(f, condition)                                                                                            \
	do {                                                                                                           \
		int64_t until_ms = clock_mono_ms() + DEADLINE_MS;                                                      \
		while (!(condition)) {                                                                                 \
			assert_true(clock_mono_ms() < until_ms);                                                       \
			uv_run(&(f)->loop, UV_RUN_ONCE);                                                               \
		}                                                                                                      \
	} while (0)

/* full: with store, engine, bus and gateway. */
void fixture_open(struct fixture *f, bool full);
/* Loads the tiny plugin `object` under `name`; `with` is a JSON object or NULL. What host_load returned. */
int fixture_load(struct fixture *f, const char *name, const char *object, const char *with);
/* host_create, host_start, both asserted. */
void fixture_start(struct fixture *f);
/* Applies a definition by the engine, syncs it with the host and settles. Returns the entry. */
const struct catalog_entry *fixture_apply(struct fixture *f, const char *definition);
void fixture_sync(struct fixture *f, const struct catalog_entry *entry);
/* A definition as a workflow, without an engine. */
struct workflow *fixture_workflow(const char *definition);
void fixture_stop(struct fixture *f, int64_t deadline_ms);
/* Stops what runs, frees everything, and checks that the loop is empty. */
void fixture_close(struct fixture *f);
/* Whether some message of the diag contains the text. */
bool diag_says(const struct diag *d, const char *text);
/* The value of a line of /metrics that begins with `prefix`; -1: there is none. */
double metric_read(const struct fixture *f, const char *prefix);
/* The probe's structures, by opening its shared object a second time. */
struct probe *probe_open(void);
/* Those of another shared object that is made of the probe. */
struct probe *probe_open_as(const char *object);
/* A trigger's health as JSON text; to be freed. */
char *health_of(const struct fixture *f, const char *workflow_id, const char *trigger_id);

/* What goes to stderr from here on, until the end gives it as text; to be freed. */
void capture_begin(void);
char *capture_end(void);
/* An entry of the catalog as a host without an engine sees it. */
struct catalog_entry fixture_entry(const char *id, struct workflow *w);

#endif
