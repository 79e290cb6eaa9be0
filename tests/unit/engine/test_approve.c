/* `approve`: a person's yes or no, told to be taken once it is committed. */
#include "unit/engine/support_step.h"

#include <errno.h>

#include "engine/internal.h"

#define DEFINITION                                                                                                     \
	"{'params':{'v':{'type':'string','default':'7'}},'steps':[{'id':'s','sleep':'1ms'},{'id':'p','approve':'"      \
	"Release "                                                                                                     \
	"$(params.v)?'},{'id':'b','set':{'by':'$(steps.p.outputs.by)'}}]}"

static void parked(struct rig *r, const char *id)
{
	step_wait_for(r, id, "p", "waiting");
	wait_active(r, 0);
}

static void an_approval_lets_a_parked_activity_go_on(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, DEFINITION, NULL, id);
	parked(r, id);
	d = rig_document(r, id);
	assert_string_equal(json_get_str(json_get(rig_step(d, "p"), "waitsFor"), "approval"), "Release 7?");
	json_free(d);
	assert_int_equal(approve(r, id, "p", true, "fine"), 0);
	/* It is committed. */
	d = rig_document(r, id);
	assert_step(d, "p", "completed");
	json_free(d);
	d = rig_wait(r, id, "completed");
	assert_output(d, "p", "approved", "true");
	assert_output(d, "p", "by", "ann");
	assert_output(d, "p", "comment", "fine");
	assert_output(d, "b", "by", "ann");
	json_free(d);
	assert_int_equal(approve(r, id, "p", true, NULL), -EALREADY);
	rig_down(r, 0);
}

static void a_rejection_fails_the_step(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, "{'steps':[{'id':'p','approve':true}]}", NULL, id);
	parked(r, id);
	assert_int_equal(approve(r, id, "p", false, "not today"), 0);
	d = rig_wait(r, id, "failure");
	assert_message(d, "p", "rejected by ann: not today");
	assert_output(d, "p", "approved", "false");
	assert_output(d, "p", "comment", "not today");
	assert_int_equal(step_attempt(d, "p"), 1);
	json_free(d);
	rig_down(r, 0);
}

static void an_answer_that_nobody_waits_for_is_refused(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];

	rig_up(r);
	step_start(r,
		   "{'steps':[{'id':'s','script':'echo 1 > $ROOT/began; exec sleep 600'},{'id':'p','approve':true}]}",
		   NULL, id);
	rig_wait_file(r, "began");
	assert_int_equal(approve(r, id, "p", true, NULL), -EAGAIN);
	assert_int_equal(approve(r, id, "s", true, NULL), -ENOENT);
	assert_int_equal(approve(r, id, "none", true, NULL), -ENOENT);
	assert_int_equal(approve(r, "0123456789abcdef01234567", "p", true, NULL), -ENOENT);
	assert_int_equal(approve(r, "x", "p", true, NULL), -ENOENT);
	assert_int_equal(rig_cancel(r, id), 0);
	assert_int_equal(approve(r, id, "p", true, NULL), -EALREADY);
	rig_down(r, 0);
}

struct two {
	int status[2];
	size_t count;
};

static void note(void *arg, int status)
{
	struct two *t = arg;

	t->status[t->count++] = status;
}

static bool both(void *arg)
{
	return ((struct two *)arg)->count == 2;
}

static void of_two_answers_at_the_same_time_one_counts(void **state)
{
	struct rig *r = *state;
	struct two two = {.count = 0};
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, DEFINITION, NULL, id);
	parked(r, id);
	assert_int_equal(engine_approve(r->engine, id, "p", true, "ann", NULL, note, &two), 0);
	assert_int_equal(engine_approve(r->engine, id, "p", false, "bob", NULL, note, &two), 0);
	rig_until(r, both, &two);
	assert_int_equal(two.status[0] + two.status[1], -EALREADY);
	d = rig_wait(r, id, NULL);
	assert_int_equal(json_count(json_get(rig_step(d, "p"), "outputs")), 3);
	json_free(d);
	rig_down(r, 0);
}

static void an_approval_is_waited_for_across_restarts_and_in_memory(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];

	rig_up(r);
	step_start(r,
		   "{'steps':[{'id':'s','sleep':'3s'},{'id':'p','needs':[],'approve':true},{'id':'q','needs':[],'"
		   "approve':'?'}]}",
		   NULL, id);
	step_wait_for(r, id, "p", "waiting");
	/* The sleep keeps it in memory. */
	assert_int_equal(approve(r, id, "p", true, NULL), 0);
	restart(r);
	assert_int_equal(approve(r, id, "q", true, NULL), 0);
	json_free(rig_wait(r, id, "completed"));
	rig_down(r, 0);
}

static void an_approval_has_a_time_out_and_can_be_cancelled(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	d = step_run_through(r, "{'steps':[{'id':'p','approve':true,'timeout':'20ms'}]}", NULL);
	assert_message(d, "p", "timed out after 20ms");
	json_free(d);
	step_start(r, "{'steps':[{'id':'p','approve':true}]}", NULL, id);
	parked(r, id);
	assert_int_equal(rig_cancel(r, id), 0);
	assert_int_equal(approve(r, id, "p", true, NULL), -EALREADY);
	rig_down(r, 0);
}

static void a_stop_answers_those_who_wait_for_a_commit(void **state)
{
	struct rig *r = *state;
	struct two two = {.count = 1};
	char id[ID_SIZE];

	rig_up(r);
	step_start(r, DEFINITION, NULL, id);
	parked(r, id);
	assert_int_equal(engine_approve(r->engine, id, "p", true, "ann", NULL, note, &two), 0);
	rig_down(r, 0);
	assert_int_equal(two.count, 2);
	rig_up(r);
	if (two.status[1] < 0)
		assert_int_equal(approve(r, id, "p", true, NULL), 0);
	json_free(rig_wait(r, id, "completed"));
	rig_down(r, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_approval_lets_a_parked_activity_go_on),
		TEST(a_rejection_fails_the_step),
		TEST(an_answer_that_nobody_waits_for_is_refused),
		TEST(of_two_answers_at_the_same_time_one_counts),
		TEST(an_approval_is_waited_for_across_restarts_and_in_memory),
		TEST(an_approval_has_a_time_out_and_can_be_cancelled),
		TEST(a_stop_answers_those_who_wait_for_a_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
