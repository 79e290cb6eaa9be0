/* What the tests of faults share: two triggers of the probe, "a" and "b", on a store whose disk fails on demand. */
#ifndef TESTS_HOST_SUPPORT_FAULTS_H
#define TESTS_HOST_SUPPORT_FAULTS_H

#include "host/support_host.h"
#include "unit/store/support_powercut.h"

#define ALWAYS UINT64_MAX

/* One per process. */
struct faults {
	struct fixture f;
	const tappet_host *host;
	const struct catalog_entry *entry;
	tappet_instance *self;
	tappet_trigger *a, *b;
	int calls; /* callbacks of emissions so far */
};
extern struct faults lab;

struct outcome {
	int calls, order;
	int32_t outcome, reason;
	char activity_id[25], key[256];
	void (*then)(void);
};
struct answer {
	int calls;
	int32_t result;
	char value[64];
	void (*then)(void);
};

int faults_setup(void **state);
/* The queue has room for one. */
int faults_setup_short_queue(void **state);
int faults_teardown(void **state);
/* Opens what lab.f says and finds everything again. */
void faults_open_again(void);

struct probe_trigger *find_trigger(const char *id);
/* With a checkpoint "cursor" unless that is NULL; `o` learns the result. */
int32_t emit(tappet_trigger *t, const char *key, const char *cursor, struct outcome *o);
/* The same, and waits for the result. */
struct outcome settle(tappet_trigger *t, const char *key, const char *cursor);
void on_result(void *arg, const tappet_result *r);
int32_t account(tappet_trigger *t, const char *cursor, struct answer *answer);
int32_t settle_account(tappet_trigger *t, const char *cursor);
/* Puts the plugin's key "k". */
int32_t put_value(const char *value);
/* value "": it is not there. `t` NULL: the plugin's. */
void expect_state(tappet_trigger *t, const char *key, const char *value);
/* How many rows the store has. */
size_t activities(void);
size_t accounts(void);
/* Hands over what was submitted and lets the fault strike it, while nobody has been told of it yet. */
void strike_unheard(void);
bool store_is_well(void);

#endif
