/* Any bytes as a definition: it is refused with a mistake that has a place, or its canonical form reads back as the same
 * revision and its steps can run to an end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/run.h"
#include "model/workflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
	if (!truth)
		abort();
}

/* A script's text is its path: whatever the fuzzer thinks of. */
static int read_file(void *arg, const char *path, char **ret_text, size_t *ret_len)
{
	(void)arg;
	*ret_text = strdup(path);
	expect(*ret_text != NULL);
	*ret_len = strlen(path);
	return 0;
}

static const struct workflow_options options = {.read_file = read_file};

static void check_same(const struct workflow *a, const struct workflow *b)
{
	expect(strcmp(a->hash, b->hash) == 0);
	expect(a->canonical_len == b->canonical_len && strcmp(a->canonical, b->canonical) == 0);
	expect(strcmp(a->slug, b->slug) == 0 && strcmp(a->name, b->name) == 0);
	expect(a->step_count == b->step_count && a->trigger_count == b->trigger_count);
	expect(a->param_count == b->param_count);
	for (size_t i = 0; i < a->step_count; i++) {
		expect(strcmp(a->steps[i].id, b->steps[i].id) == 0);
		expect(a->steps[i].kind == b->steps[i].kind && a->steps[i].argc == b->steps[i].argc);
		expect(a->steps[i].needs_count == b->steps[i].needs_count);
	}
}

/* Every step that may start completes: all must end. */
static void check_run(struct workflow *w)
{
	size_t *ready = calloc(w->step_count, sizeof(*ready));
	size_t *skipped = calloc(w->step_count, sizeof(*skipped));
	size_t ready_count, skipped_count;
	struct run run;

	expect(ready && skipped && run_init(&run, w) == 0);
	do {
		run_advance(&run, ready, &ready_count, skipped, &skipped_count);
		for (size_t i = 0; i < ready_count; i++) {
			run_started(&run, ready[i], 1);
			run_ended(&run, ready[i], STATUS_COMPLETED);
		}
	} while (ready_count > 0);
	expect(run_is_over(&run) && run_outcome(&run, NULL) == STATUS_COMPLETED);
	run_release(&run);
	free(ready);
	free(skipped);
}

static void check_params(const struct workflow *w)
{
	struct json *value = NULL;
	struct buf params;
	char message[100];

	buf_init(&params, SIZE_MAX / 4);
	if (workflow_params(w, NULL, &params, message, sizeof(message)) == 0) {
		expect(json_parse(params.data, params.len, &value, NULL) == 0);
		json_free(value);
	}
	buf_release(&params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct workflow *w = NULL, *again = NULL;
	struct json_file *file = NULL;
	struct diag d;

	if (size > WORKFLOW_SIZE_MAX)
		return 0;
	diag_init(&d);
	if (json_file_parse("fuzz.json", (const char *)data, size, &d, &file) == 0 &&
	    workflow_parse(file, "fuzz", &options, &d, &w) == 0) {
		expect(d.count == 0);
		expect(workflow_from_canonical(w->canonical, w->canonical_len, &again) == 0);
		check_same(w, again);
		check_run(w);
		check_params(w);
	} else {
		expect(d.count > 0);
	}
	workflow_unref(w);
	workflow_unref(again);
	json_file_free(file);
	diag_release(&d);
	return 0;
}
