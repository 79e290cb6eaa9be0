/* What comes between: between a decision and its commit, and while an activity is on its way from the store into memory.
 * The order that makes the difference is brought about from inside. */
#include "unit/engine/support_step.h"

#include <string.h>

/* Its statics are called. */
#include "engine/recover.c"

#define LANE "{'concurrency':{'limit':1},'steps':[{'id':'p','approve':'p?'}]}"
#define TWO "{'steps':[{'id':'p','needs':[],'approve':'p?'},{'id':'q','needs':[],'approve':'q?'}]}"
#define PARENT "{'steps':[{'id':'c','needs':[],'workflow':'child'},{'id':'p','needs':[],'approve':'p?'}]}"

static void parked(struct rig *r, const char *id, const char *step)
{
	step_wait_for(r, id, step, "waiting");
	wait_active(r, 0);
}

static void cancelled_on_its_way_it_leaves_its_turn_to_the_next(void **state)
{
	struct rig *r = *state;
	char first[ID_SIZE], second[ID_SIZE];

	rig_up(r);
	step_start(r, LANE, NULL, first);
	rig_run(r, "test", NULL, second);
	parked(r, first, "p");
	/* As if it were being read. */
	assert_true(parked_remove(r->engine, first));
	assert_int_equal(rig_cancel(r, first), 0);
	json_free(rig_wait(r, second, "waiting"));
	rig_down(r, 0);
}

/* ---- An old answer --------------------------------------------------------------------------------------------- */

struct copy {
	bool here;
	struct store_activity_row row;
	struct store_step_row steps[2];
	char outputs[2][100];
};

static void keep(void *arg, int status, const struct store_activity_row *row)
{
	struct copy *c = arg;

	assert_int_equal(status, 0);
	assert_int_equal(row->step_count, 2);
	c->row = *row;
	c->row.trigger = c->row.trigger_id = "manual";
	c->row.params = "{}";
	c->row.message = c->row.cause = c->row.payload = NULL;
	c->row.payload_len = 0;
	c->row.steps = c->steps;
	for (size_t i = 0; i < 2; i++) {
		c->steps[i] = row->steps[i];
		(void)snprintf(c->outputs[i], sizeof(c->outputs[i]), "%s", row->steps[i].outputs);
		c->steps[i].outputs = c->outputs[i];
		c->steps[i].message = NULL;
	}
	c->here = true;
}

static bool is_here(void *arg)
{
	return ((struct copy *)arg)->here;
}

static void complete_q(void *arg, int status, struct activity *a)
{
	(void)arg;
	assert_int_equal(status, 0);
	step_completed(&a->steps[1], strdup("{\"approved\":\"true\"}"));
}

static void an_old_answer_of_the_store_takes_nothing_back(void **state)
{
	struct rig *r = *state;
	struct copy old = {0};
	struct one *o = calloc(1, sizeof(*o));
	char id[ID_SIZE];

	assert_non_null(o);
	rig_up(r);
	step_start(r, TWO, NULL, id);
	parked(r, id, "q");
	assert_int_equal(store_get_activity(r->store, id, keep, &old), 0);
	rig_until(r, is_here, &old);
	assert_int_equal(approve(r, id, "p", true, NULL), 0);
	parked(r, id, "q");
	*o = (struct one){.engine = r->engine, .then = complete_q};
	memcpy(o->id, id, ID_SIZE);
	one_read(o, 0, &old.row);
	json_free(rig_wait(r, id, "completed"));
	rig_down(r, 0);
}

/* ---- Two transitions ------------------------------------------------------------------------------------------- */

/* The other activity's id, which the store is reading, must not go. */
static void assert_committed_first(struct rig *r, const char *id)
{
	const struct activity *a = map_get_str(&r->engine->scheduler.activities, id);

	if (a && a->in_flight)
		assert_false(a->steps[0].status == STATUS_WAITING && a->steps[0].job);
}

static bool has_started_child(struct rig *r, const char *id)
{
	const struct activity *a = map_get_str(&r->engine->scheduler.activities, id);

	return a && !a->in_flight && a->workflow && a->steps[0].at_work && a->steps[0].job;
}

static void what_is_waited_for_is_looked_for_only_when_that_is_committed(void **state)
{
	struct rig *r = *state;
	struct activity *a;
	char id[ID_SIZE];

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','approve':'s?'}]}");
	step_start(r, PARENT, NULL, id);
	while (!has_started_child(r, id))
		rig_turn(r);
	/* A transition is under way when the news of the other activity comes. */
	a = map_get_str(&r->engine->scheduler.activities, id);
	step_completed(&a->steps[1], strdup("{\"approved\":\"true\"}"));
	assert_true(a->in_flight);
	while (r->engine->scheduler.active_count > 0) {
		rig_turn(r);
		assert_committed_first(r, id);
	}
	rig_down(r, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, step_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(cancelled_on_its_way_it_leaves_its_turn_to_the_next),
		TEST(an_old_answer_of_the_store_takes_nothing_back),
		TEST(what_is_waited_for_is_looked_for_only_when_that_is_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
