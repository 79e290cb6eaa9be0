/* Definitions as they are written in these tests, with ' in place of ", and what all of them look at. */
#ifndef SUPPORT_STEP_H
#define SUPPORT_STEP_H

#include "unit/engine/support_engine.h"

/* $ROOT is the rig's folder. */
int step_setup(void **state);
void step_define(struct rig *r, const char *slug, const char *definition);
/* Defines "test" and runs it. */
void step_start(struct rig *r, const char *definition, const char *params, char ret_id[static ID_SIZE]);
/* Runs it to its end. */
struct json *step_run_through(struct rig *r, const char *definition, const char *params);

void assert_step(const struct json *document, const char *step, const char *status);
void assert_output(const struct json *document, const char *step, const char *name, const char *value);
void assert_no_output(const struct json *document, const char *step, const char *name);
/* The step's message (step NULL: the activity's) contains this. */
void assert_message(const struct json *document, const char *step, const char *part);
int step_attempt(const struct json *document, const char *step);

/* Waits until the step has this status. */
void step_wait_for(struct rig *r, const char *id, const char *step, const char *status);
/* Waits until the engine holds so many activities in memory that are under way. */
void wait_active(struct rig *r, size_t count);
/* Stops the engine at once and starts it again on the same store. */
void restart(struct rig *r);

int approve(struct rig *r, const char *id, const char *step, bool approved, const char *comment);
/* The number of steps that were released. */
size_t act(struct rig *r, const char *topic, const char *data);
size_t act_by(struct rig *r, const struct access_token *token, const char *topic, const char *data);

#endif
