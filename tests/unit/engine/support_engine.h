/* A real store and engine in a temporary folder, inside the test's own loop. Each wait turns the loop until its
 * condition holds; after WAIT_MS the test fails. */
#ifndef SUPPORT_ENGINE_H
#define SUPPORT_ENGINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <uv.h>
#include <cmocka.h>
#include "base/json.h"
#include "bus/bus.h"
#include "engine/engine.h"
#include "store/store.h"

#define WAIT_MS 30000

struct rig {
	char folder[64];
	uv_loop_t loop;
	uv_timer_t heart; /* keeps the loop turning */
	struct metrics *metrics;
	struct health *health;
	struct bus *bus;
	struct store *store;
	struct expr *expr; /* its helpers start when a program is to be run */
	struct engine *engine;
	struct engine_options options;
	size_t queue_max;
};

/* A new folder. */
int rig_setup(void **state);
/* Removes it. */
int rig_teardown(void **state);

/* Opens store and engine and loads; rig->options may have been set before. */
void rig_open(struct rig *r);
/* engine_start and its end. */
void rig_start(struct rig *r);
void rig_up(struct rig *r); /* both */
void rig_down(struct rig *r, int64_t drain_ms);
void rig_release(struct rig *r); /* what rig_down does after engine_stop's end */
/* Turns the loop until check(arg) is true. */
void rig_until(struct rig *r, bool (*check)(void *arg), void *arg);
void rig_turn(struct rig *r);

/* Applies one definition (JSON, without slug). */
const struct catalog_entry *rig_define(struct rig *r, const char *slug, const char *definition);
int rig_apply(struct rig *r, const char *slug, const char *definition, bool complete);

struct answer {
	bool here;
	struct engine_result result;
	char id[ID_SIZE], key[256], detail[512];
};
void rig_emit(struct rig *r, const struct engine_emission *emission, struct answer *ret);
void rig_answer(struct rig *r, struct answer *a); /* waits for it */
/* A manual run, committed. */
void rig_run(struct rig *r, const char *slug, const char *params, char ret_id[static ID_SIZE]);

/* The status document; the caller frees it. */
struct json *rig_document(struct rig *r, const char *id);
/* Waits until it has one of these statuses (NULL: any that is final). */
struct json *rig_wait(struct rig *r, const char *id, const char *status);
const struct json *rig_step(const struct json *document, const char *step);
void assert_status(const struct json *value, const char *status);
/* stdout of a step. */
char *rig_log(struct rig *r, const char *id, int step, char stream);
int rig_cancel(struct rig *r, const char *id);

/* A file in the rig's folder. */
void rig_path(const struct rig *r, const char *name, char ret[static 128]);
bool rig_exists(const struct rig *r, const char *name);
char *rig_read(const struct rig *r, const char *name);
void rig_wait_file(struct rig *r, const char *name);
/* A pid that a step has written. */
pid_t rig_pid(struct rig *r, const char *name);
void rig_wait_gone(struct rig *r, pid_t pid);

#endif
