/* What a workflow says of one emission, without storing or starting anything: whether it is wanted (`when`), its key
 * (`dedup`), its parameters (`params`, then checked and completed), and its lane (`concurrency.key`). The jq programs
 * run in helper processes: one that loops or eats memory costs this one emission, with the reason recorded.
 *
 * Called by ingest.c and by `tappet test`. It knows no store and no engine. Loop thread. */
#ifndef ENGINE_FILTER_H
#define ENGINE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include "expr/expr.h"
#include "model/workflow.h"

#define FILTER_DETAIL_MAX 512
#define FILTER_TEXT_MAX ((size_t)64 * 1024 * 1024)
#define FILTER_KEY_MAX 255
#define FILTER_LANE_MAX 1024

struct filter {
	/* What is asked; borrowed, unchanged until it is done. */
	struct expr *expr;               /* NULL: programs cannot be run */
	const struct workflow *workflow; /* NULL: it cannot be read; parameters are taken as they are */
	const struct trigger_def *def;   /* NULL: manual, workflow, replay */
	const char *trigger, *trigger_id;
	const char *payload, *cause, *params; /* JSON; NULL or "": none */
	size_t payload_len, cause_len, params_len;
	void (*done)(struct filter *f, int status);

	/* What came of it; owned. `reason` may be set before it begins: then only the parameters are taken over. */
	int reason; /* REASON_*; 0: it is wanted */
	char detail[FILTER_DETAIL_MAX];
	char *complete; /* the parameters, a JSON object */
	size_t complete_len;
	char *key; /* NULL: the trigger has no `dedup`, or it gave nothing */
	size_t key_len;
	bool has_lane;
	char *lane; /* "" when the workflow is one lane */
	size_t lane_len;
};

/* Whether it will take its time: there are programs to be asked. `workflow`, `def` and `reason` are set. */
bool filter_asks(const struct filter *f);
/* 1: done at once, and `done` is not called. 0: `done(f, status)` is called once, later; a negative status says that it
 * could not be decided (-EBUSY, -ENOMEM, -E2BIG, -ECANCELED). Negative: the same at once, without `done`; -EINVAL: the
 * parameters are no object. */
int filter_start(struct filter *f);
/* Frees what it found. */
void filter_release(struct filter *f);
void filter_refuse(struct filter *f, int reason, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
