/* The probe: a plugin that does what its test tells it, by a structure that both see (the test opens the same shared
 * object). */
#ifndef TESTS_HOST_PROBE_H
#define TESTS_HOST_PROBE_H

#include <stdbool.h>
#include <tappet/plugin.h>

#define PROBE_INSTANCES 4

struct probe_trigger {
	tappet_trigger *handle;
	char id[64], workflow_id[25], slug[64], name[64], path[64];
	char checkpoints[512]; /* "key=value;" of each */
	bool removed, freed;
	int add_number;
};

struct probe {
	const tappet_host *host;
	tappet_instance *self;
	char greeting[64];
	int creates, starts, stops, destroys, pauses, resumes, clock_sets, adds, removes, frees;
	struct probe_trigger **triggers; /* all that were ever added */
	size_t trigger_count;
	bool keep_triggers; /* false: only counted (for tests with very many) */

	/* What it is to do. */
	int32_t create_result, start_result, add_result;
	bool hold_stop; /* `stop` does not say `stopped` */
	void (*on_start)(struct probe *p);
	void (*on_add)(struct probe *p, tappet_trigger *trigger);
	void (*on_remove)(struct probe *p, struct probe_trigger *trigger);
	void (*on_stop)(struct probe *p);
	void (*on_resume)(struct probe *p);
};

/* The instances in the order of their `create`; what they are to do is set before. */
extern TAPPET_EXPORT struct probe probe_instances[PROBE_INSTANCES];
TAPPET_EXPORT void probe_reset(void);

#endif
