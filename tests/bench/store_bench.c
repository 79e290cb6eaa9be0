/* How fast the store is: store_bench PATH [COUNT [IN_FLIGHT]]. PATH must not exist. Three runs of COUNT each:
 *   plain      admissions with a payload of about 300 bytes
 *   keyed      the same with a dedup key and a checkpoint each
 *   activity   an admission, the transition that begins it with its one step, and the one that ends both */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/id.h"
#include "store/store.h"

#define PAYLOAD_SIZE 300

enum mode { MODE_PLAIN, MODE_KEYED, MODE_ACTIVITY };

struct bench {
	uv_loop_t loop;
	struct store *store;
	struct id_source ids;
	char workflow_id[ID_SIZE], revision_id[ID_SIZE];
	char payload[PAYLOAD_SIZE];
	enum mode mode;
	size_t to_start, open;
	struct store_order order;
};

struct slot {
	struct store_admit admit;
	struct store_transition transition;
	struct store_step_change step;
	struct store_checkpoint checkpoint;
	struct bench *bench;
	char key[ID_SIZE];
	bool begun;
};

static void start(struct slot *slot);

static void check(int status, const char *what)
{
	if (status == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-status));
	exit(1);
}

static void finish(struct slot *slot)
{
	struct bench *bench = slot->bench;
	bench->open--;
	if (bench->to_start > 0)
		start(slot);
	else if (bench->open == 0)
		uv_stop(&bench->loop);
}

static void on_changed(struct store_op *op);

static void change(struct slot *slot, enum status from, enum status to)
{
	struct store_transition *t = &slot->transition;
	int64_t now_ms = clock_wall_ms();
	slot->step =
		(struct store_step_change){.status = to, .attempt = 1, .exit_code = to == STATUS_COMPLETED ? 0 : -1};
	if (to == STATUS_COMPLETED) {
		slot->step.ended_ms = now_ms;
		slot->step.outputs = "{\"RESULT\":\"Tyson is awesome\"}";
	} else {
		slot->step.started_ms = now_ms;
	}
	*t = (struct store_transition){.op = {.kind = STORE_TRANSITION, .done = on_changed},
				       .from = from,
				       .to = to,
				       .now_ms = now_ms,
				       .steps = &slot->step,
				       .step_count = 1};
	memcpy(t->id, slot->admit.id, ID_SIZE);
	store_submit(slot->bench->store, &t->op);
}

static void on_changed(struct store_op *op)
{
	struct slot *slot = list_entry(op, struct slot, transition.op);
	check(op->status, "transition");
	store_events_free(slot->transition.ret_events, slot->transition.ret_event_count);
	if (slot->transition.to == STATUS_COMPLETED)
		finish(slot);
	else
		change(slot, STATUS_INPROGRESS, STATUS_COMPLETED);
}

static void on_admitted(struct store_op *op)
{
	struct slot *slot = list_entry(op, struct slot, admit.op);
	check(op->status, "admission");
	event_release(&slot->admit.ret_event);
	if (slot->bench->mode == MODE_ACTIVITY)
		change(slot, STATUS_NOTSTARTED, STATUS_INPROGRESS);
	else
		finish(slot);
}

static void start(struct slot *slot)
{
	struct bench *bench = slot->bench;
	struct store_admit *a = &slot->admit;
	int64_t now_ms = clock_wall_ms();

	bench->to_start--;
	bench->open++;
	*a = (struct store_admit){.op = {.kind = STORE_ADMIT, .done = on_admitted},
				  .order = &bench->order,
				  .workflow_id = bench->workflow_id,
				  .revision_id = bench->revision_id,
				  .trigger = "webhook",
				  .trigger_id = "webhook",
				  .payload = bench->payload,
				  .payload_len = PAYLOAD_SIZE,
				  .params = "{}",
				  .params_len = 2,
				  .created_ms = now_ms,
				  .occurred_ms = now_ms};
	id_next(&bench->ids, now_ms, 1, a->id);
	if (bench->mode == MODE_KEYED) {
		memcpy(slot->key, a->id, ID_SIZE);
		a->dedup_key = slot->key;
		a->dedup_key_len = ID_LEN;
		a->dedup_expires_ms = now_ms + 86400000;
		slot->checkpoint = (struct store_checkpoint){"cursor", 6, slot->key, ID_LEN};
		a->checkpoints = &slot->checkpoint;
		a->checkpoint_count = 1;
	}
	store_submit(bench->store, &a->op);
}

static void on_defined(struct store_op *op)
{
	struct store_definitions *d = list_entry(op, struct store_definitions, op);
	check(op->status, "definition");
	store_events_free(d->ret_events, d->ret_event_count);
	d->op.kind = STORE_LOG; /* seen */
}

static void define(struct bench *bench)
{
	char ids[2][ID_SIZE];
	struct store_definition item = {
		.slug = "bench", .name = "Bench", .team = "", .hash = "00", .canonical = "{}", .canonical_len = 2};
	struct store_definitions d = {.op = {.kind = STORE_DEFINITIONS, .done = on_defined},
				      .items = &item,
				      .count = 1,
				      .new_ids = ids,
				      .by = "bench"};
	id_next(&bench->ids, clock_wall_ms(), 0, ids[0]);
	id_next(&bench->ids, clock_wall_ms(), 0, ids[1]);
	store_submit(bench->store, &d.op);
	while (d.op.kind == STORE_DEFINITIONS)
		uv_run(&bench->loop, UV_RUN_ONCE);
	memcpy(bench->workflow_id, item.ret_id, ID_SIZE);
	memcpy(bench->revision_id, item.ret_revision_id, ID_SIZE);
}

static void run(struct bench *bench, enum mode mode, const char *name, size_t count, size_t in_flight)
{
	struct slot *slots = calloc(in_flight, sizeof(*slots));
	if (!slots)
		exit(1);
	bench->mode = mode;
	bench->to_start = count;
	int64_t since_ns = clock_mono_ns();
	for (size_t i = 0; i < in_flight && bench->to_start > 0; i++) {
		slots[i].bench = bench;
		start(&slots[i]);
	}
	uv_run(&bench->loop, UV_RUN_DEFAULT);
	double seconds = (double)(clock_mono_ns() - since_ns) / 1e9;
	printf("%-10s %zu in %.2f s: %.0f/s\n", name, count, seconds, (double)count / seconds);
	free(slots);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 200000;
	size_t in_flight = argc > 3 ? strtoul(argv[3], NULL, 10) : 4096;
	if (argc < 2 || count == 0 || in_flight == 0) {
		fprintf(stderr, "usage: %s PATH [COUNT [IN_FLIGHT]]\n", argv[0]);
		return 2;
	}
	struct store_options options = {
		.path = argv[1], .loop = &bench.loop, .queue_max = SIZE_MAX, .log_max = 1 << 20};
	uv_loop_init(&bench.loop);
	id_source_init(&bench.ids, 1);
	store_order_init(&bench.order);
	memset(bench.payload, '1', PAYLOAD_SIZE);
	check(store_open(&options, &bench.store), "open");
	define(&bench);
	run(&bench, MODE_PLAIN, "plain", count, in_flight);
	run(&bench, MODE_KEYED, "keyed", count, in_flight);
	run(&bench, MODE_ACTIVITY, "activity", count / 4, in_flight);
	store_close(bench.store);
	uv_run(&bench.loop, UV_RUN_DEFAULT);
	return uv_loop_close(&bench.loop) == 0 ? 0 : 1;
}
