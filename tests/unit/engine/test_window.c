/* What the engine has in memory and what only the store has: the seams between the two, which are hard to hit from
 * outside. */
#include "unit/engine/support_engine.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "engine/internal.h"

static void submit_after_return(struct store *store, struct store_op *op);
/* The moment at which a cancellation is decided and not yet written is one that only cancel.c knows. */
#define store_submit submit_after_return
#include "engine/cancel.c"
#undef store_submit

/* What has left memory and comes back at that moment. */
static struct activity *returning;

static void submit_after_return(struct store *store, struct store_op *op)
{
	if (returning)
		assert_int_equal(map_put_str(&returning->engine->scheduler.activities, returning->id, returning, NULL),
				 0);
	returning = NULL;
	store_submit(store, op);
}

#define LONG_STEP "{\"steps\":[{\"id\":\"a\",\"script\":\"echo $$ > $ROOT/pid; exec sleep 600\"}]}"

static struct engine_env env[1];

static int setup(void **state)
{
	struct rig *r;

	(void)rig_setup(state);
	r = *state;
	env[0] = (struct engine_env){"ROOT", r->folder};
	r->options.env = env;
	r->options.env_count = 1;
	return 0;
}

/* A page that was read right behind the commit can be here before the news of it. */
static void an_admission_that_a_page_has_brought_already_is_one_activity(void **state)
{
	struct rig *r = *state;
	struct store_admit admit = {0};
	struct activity_texts texts = {0},
			      from = {.trigger = "manual", .trigger_id = "", .params = "{}", .params_len = 2};
	struct activity *a;
	char id[ID_SIZE];

	rig_up(r);
	(void)rig_define(r, "test", LONG_STEP);
	rig_run(r, "test", NULL, id);
	(void)rig_pid(r, "pid");
	a = map_get_str(&r->engine->scheduler.activities, id);
	assert_non_null(a);
	memcpy(admit.id, id, ID_SIZE);
	admit.workflow_id = a->workflow_id;
	admit.revision_id = a->revision_id;
	admit.ret_turn = true;
	assert_int_equal(activity_texts_copy(&texts, &from, NULL, 0), 0);
	scheduler_admitted(r->engine, &admit, &texts);
	free(texts.block);
	assert_ptr_equal(map_get_str(&r->engine->scheduler.activities, id), a);
	assert_int_equal(r->engine->scheduler.window_count, 0);
	assert_int_equal(r->engine->scheduler.active_count, 1);
	rig_down(r, 0);
}

/* An old id that is stored while a page with newer ones is on its way must not be passed over. */
static void an_old_id_stored_while_a_page_is_read_has_its_turn(void **state)
{
	struct rig *r = *state;
	struct queue *q;
	struct catalog_trigger order;
	struct engine_emission m = {.trigger = "webhook", .trigger_id = "webhook", .order = &order};
	struct answer a;
	char old[ID_SIZE], key[64];

	catalog_trigger_init(&order);
	r->options.window = 2;
	rig_open(r);
	m.workflow_id =
		rig_define(r, "test",
			   "{\"triggers\":[{\"plugin\":\"webhook\"}],\"steps\":[{\"id\":\"a\",\"sleep\":\"0ms\"}]}")
			->id;
	id_next(engine_ids(r->engine), clock_wall_ms(), 0, old);
	rig_emit(r, &m, &a);
	rig_answer(r, &a);
	(void)snprintf(key, sizeof(key), "auto/%s", old);
	/* As in the middle of such a page: the old one is told while it is read and there is no room. */
	q = map_get_str(&r->engine->scheduler.queues, m.workflow_id);
	assert_non_null(q);
	q->loading = true;
	m.dedup_key = key;
	m.dedup_key_len = strlen(key);
	rig_emit(r, &m, &a);
	rig_answer(r, &a);
	assert_string_equal(a.id, old);
	assert_string_equal(q->lowest_left_out, old);
	q->loading = false;
	rig_start(r);
	json_free(rig_wait(r, old, "completed"));
	rig_down(r, 0);
}

static void noted(void *arg, int status)
{
	*(int *)arg = status;
}

static bool is_told(void *arg)
{
	return *(int *)arg <= 0;
}

/* It was only in the store when it was looked for, and came into memory before that was committed. */
static void what_is_cancelled_in_the_store_while_it_comes_into_memory_is_ended(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	int status = 1;
	pid_t pid;

	rig_up(r);
	(void)rig_define(r, "test", LONG_STEP);
	rig_run(r, "test", NULL, id);
	pid = rig_pid(r, "pid");
	returning = map_remove_str(&r->engine->scheduler.activities, id);
	assert_non_null(returning);
	assert_int_equal(engine_cancel(r->engine, id, noted, &status), 0);
	rig_until(r, is_told, &status);
	assert_null(returning);
	assert_int_equal(status, 0);
	rig_wait_gone(r, pid);
	json_free(rig_wait(r, id, "cancelled"));
	rig_down(r, 0);
}

static bool is_parked(void *arg)
{
	struct rig *r = arg;

	return r->engine->parked.count == 1 && r->engine->parked.timer;
}

/* Whatever many were interrupted: those that find no place in memory wait in the store. */
static void what_was_interrupted_waits_for_its_place_in_memory(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];

	rig_up(r);
	(void)rig_define(r, "test",
			 "{\"steps\":[{\"id\":\"a\",\"script\":\"echo $$ > $ROOT/pid; [ $TAPPET_ATTEMPT = 2 ] || exec "
			 "sleep 600\"}]}");
	rig_run(r, "test", NULL, id);
	(void)rig_pid(r, "pid");
	rig_down(r, 0);

	rig_open(r);
	r->engine->scheduler.active_count = ENGINE_ACTIVE_MAX;
	rig_start(r);
	rig_until(r, is_parked, r);
	assert_null(map_get_str(&r->engine->scheduler.activities, id));
	for (int i = 0; i < 100; i++)
		rig_turn(r);
	assert_true(is_parked(r));
	r->engine->scheduler.active_count = 0;
	json_free(rig_wait(r, id, "completed"));
	assert_int_equal(r->engine->parked.coming, 0);
	rig_down(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_admission_that_a_page_has_brought_already_is_one_activity, setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(an_old_id_stored_while_a_page_is_read_has_its_turn, setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(what_is_cancelled_in_the_store_while_it_comes_into_memory_is_ended,
						setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_was_interrupted_waits_for_its_place_in_memory, setup,
						rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
