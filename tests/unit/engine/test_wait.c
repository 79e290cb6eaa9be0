/* `wait`: actions, before and after the step has begun, in memory, parked and across restarts. */
#include "unit/engine/support_step.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "engine/internal.h"

static void parked(struct rig *r, const char *id, const char *step)
{
	step_wait_for(r, id, step, "waiting");
	wait_active(r, 0);
}

static void an_action_releases_the_step_that_waits_for_it(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r,
		   "{'steps':[{'id':'w','wait':'site.eu.publish'},{'id':'b','set':{'who':'$(steps.w.outputs.data)'}}]}",
		   NULL, id);
	parked(r, id, "w");
	d = rig_document(r, id);
	assert_status(d, "waiting");
	assert_string_equal(json_get_str(json_get(rig_step(d, "w"), "waitsFor"), "topic"), "site.eu.publish");
	assert_null(json_get(rig_step(d, "w"), "wakeAt"));
	json_free(d);
	assert_int_equal(act(r, "site.us.publish", "{}"), 0);
	assert_int_equal(act(r, "site.eu.publish", "{\"by\":\"ann\"}"), 1);
	d = rig_wait(r, id, "completed");
	assert_output(d, "w", "topic", "site.eu.publish");
	assert_output(d, "w", "data", "{\"by\":\"ann\"}");
	assert_non_null(json_get(json_get(rig_step(d, "w"), "outputs"), "time"));
	assert_output(d, "b", "who", "{\"by\":\"ann\"}");
	json_free(d);
	/* Nobody is left in the index. */
	assert_int_equal(r->engine->waits.by_step.count, 0);
	assert_int_equal(r->engine->waits.topics.count, 0);
	rig_down(r, 0);
}

static void only_data_that_matches_releases_it_and_makes_its_outputs(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r,
		   "{'params':{'n':{'type':'string','default':'eu'}},'steps':[{'id':'w','wait':{'topic':'site.$(params."
		   "n).*',"
		   "'match':'.n > 3','outputs':{'n':'.data.n','at':'.topic'}}}]}",
		   NULL, id);
	parked(r, id, "w");
	assert_int_equal(act(r, "site.eu.a", "{\"n\":3}"), 0);
	assert_int_equal(act(r, "site.eu.a", "[]"), 0); /* .n fails over a list */
	assert_int_equal(act(r, "site.eu.a.b", "{\"n\":4}"), 0);
	d = rig_document(r, id);
	assert_status(d, "waiting");
	json_free(d);
	assert_int_equal(act(r, "site.eu.b", "{\"n\":5}"), 1);
	d = rig_wait(r, id, "completed");
	assert_output(d, "w", "n", "5");
	assert_output(d, "w", "at", "site.eu.b");
	json_free(d);
	rig_down(r, 0);
}

static void an_action_counts_from_the_activitys_creation_on(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	assert_int_equal(act(r, "a.b", "\"too early\""), 0);
	/* The clock has to move on: times are in milliseconds. */
	step_define(r, "nap", "{'steps':[{'id':'s','sleep':'5ms'}]}");
	rig_run(r, "nap", NULL, id);
	json_free(rig_wait(r, id, "completed"));
	step_start(r,
		   "{'steps':[{'id':'s','script':'echo 1 > $ROOT/began; until [ -e $ROOT/go ]; do sleep 0.01; done'},"
		   "{'id':'w','wait':'a.>'}]}",
		   NULL, id);
	rig_wait_file(r, "began");
	assert_int_equal(act(r, "a.b", "\"first\""), 0);
	assert_int_equal(act(r, "a.b", "\"second\""), 0);
	{
		char path[128];
		FILE *f;

		rig_path(r, "go", path);
		f = fopen(path, "we");
		assert_non_null(f);
		(void)fclose(f);
	}
	d = rig_wait(r, id, "completed");
	assert_output(d, "w", "data", "\"first\"");
	json_free(d);
	rig_down(r, 0);
}

static void an_action_among_many_is_found(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], data[32];
	struct json *d;

	rig_up(r);
	step_start(r, "{'steps':[{'id':'s','sleep':'1500ms'},{'id':'w','wait':{'topic':'n.*','match':'. == 150'}}]}",
		   NULL, id);
	json_free(rig_wait(r, id, "waiting"));
	for (int i = 0; i < 200; i++) {
		(void)snprintf(data, sizeof(data), "%d", i);
		(void)act(r, "n.x", data);
	}
	d = rig_wait(r, id, "completed");
	assert_output(d, "w", "data", "150");
	json_free(d);
	rig_down(r, 0);
}

static void a_wait_survives_restarts(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, "{'steps':[{'id':'w','wait':{'topic':'a.*','match':'.go'}}]}", NULL, id);
	parked(r, id, "w");
	restart(r);
	restart(r);
	assert_int_equal(r->engine->waits.by_step.count, 1);
	assert_int_equal(act(r, "a.x", "{}"), 0);
	assert_int_equal(act(r, "a.x", "{\"go\":true}"), 1);
	d = rig_wait(r, id, "completed");
	assert_int_equal(step_attempt(d, "w"), 1);
	json_free(d);
	rig_down(r, 0);
}

static void note_commit(struct store_op *op)
{
	assert_int_equal(op->status, 0);
	op->kind = STORE_ADMIT; /* a mark that it is done */
}

static bool is_committed(void *arg)
{
	return ((struct store_op *)arg)->kind != STORE_ACTION;
}

static void an_action_that_was_stored_and_told_to_nobody_is_found_at_the_next_start(void **state)
{
	struct rig *r = *state;
	struct store_action action = {
		.op = {.kind = STORE_ACTION, .done = note_commit},
		.topic = "a.x",
		.data = "1",
		.data_len = 1,
		.by = "a test",
	};
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, "{'steps':[{'id':'w','wait':'a.x'}]}", NULL, id);
	parked(r, id, "w");
	d = rig_document(r, id);
	assert_int_equal(clock_parse_rfc3339(json_get_str(d, "createdAt"), &action.time_ms), 0);
	json_free(d);
	action.time_ms += 1;
	store_submit(r->store, &action.op);
	rig_until(r, is_committed, &action.op);
	restart(r);
	d = rig_wait(r, id, "completed");
	assert_output(d, "w", "data", "1");
	json_free(d);
	rig_down(r, 0);
}

struct made {
	bool done;
	char id[ID_SIZE];
};

static void on_secret(void *arg, int status, const char *secret, const struct access_token *token)
{
	struct made *m = arg;

	(void)secret;
	assert_int_equal(status, 0);
	memcpy(m->id, token->id, ID_SIZE);
	m->done = true;
}

static bool is_made(void *arg)
{
	return ((struct made *)arg)->done;
}

/* Over a team, or over one workflow. */
static const struct access_token *token_over(struct rig *r, const char *team, const char *slug)
{
	const struct access_request request = {
		.team = team, .workflow_ids = &slug, .workflow_count = slug ? 1 : 0, .scopes = "action:>"};
	struct made m = {0};

	assert_int_equal(access_create(r->engine, &request, on_secret, &m), 0);
	rig_until(r, is_made, &m);
	return access_find(r->engine, m.id);
}

static void on_revoked(void *arg, int status)
{
	assert_int_equal(status, 0);
	*(bool *)arg = true;
}

static bool is_true(void *arg)
{
	return *(bool *)arg;
}

static void begin_waiting(struct rig *r, const char *slug, char id[static ID_SIZE])
{
	rig_run(r, slug, NULL, id);
	parked(r, id, "w");
}

static void assert_waits(struct rig *r, const char *id)
{
	struct json *d = rig_document(r, id);

	assert_status(d, "waiting");
	json_free(d);
}

static void an_action_releases_only_what_its_senders_token_covers(void **state)
{
	struct rig *r = *state;
	char web[ID_SIZE], shop[ID_SIZE], none[ID_SIZE];

	rig_up(r);
	step_define(r, "web", "{'team':'Web team','steps':[{'id':'w','wait':'a.x'}]}");
	step_define(r, "shop", "{'team':'Shop','steps':[{'id':'w','wait':'a.*'}]}");
	step_define(r, "none", "{'steps':[{'id':'w','wait':{'topic':'a.x','match':'.go'}}]}");
	begin_waiting(r, "web", web);
	begin_waiting(r, "shop", shop);
	begin_waiting(r, "none", none);
	assert_int_equal(act_by(r, token_over(r, "Nobody", NULL), "a.x", "{\"go\":true}"), 0);
	assert_int_equal(act_by(r, token_over(r, "Web team", NULL), "a.x", "{\"go\":true}"), 1);
	json_free(rig_wait(r, web, "completed"));
	assert_waits(r, shop);
	assert_waits(r, none);
	assert_int_equal(act_by(r, token_over(r, NULL, "none"), "a.x", "{\"go\":true}"), 1);
	json_free(rig_wait(r, none, "completed"));
	/* What was not for it is not found at a restart either, nor by a look into the store. */
	restart(r);
	assert_waits(r, shop);
	assert_int_equal(act(r, "a.y", "{}"), 1);
	json_free(rig_wait(r, shop, "completed"));
	rig_down(r, 0);
}

static void an_action_counts_for_steps_that_come_later_whatever_became_of_its_token(void **state)
{
	struct rig *r = *state;
	const struct access_token *token;
	char id[ID_SIZE], other[ID_SIZE];
	bool revoked = false;
	struct json *d;

	rig_up(r);
	step_define(r, "mine", "{'steps':[{'id':'s','sleep':'1200ms'},{'id':'w','wait':'a.x'}]}");
	step_define(r, "yours", "{'steps':[{'id':'s','sleep':'1200ms'},{'id':'w','wait':'a.x'}]}");
	rig_run(r, "mine", NULL, id);
	rig_run(r, "yours", NULL, other);
	json_free(rig_wait(r, id, "waiting"));
	json_free(rig_wait(r, other, "waiting"));
	token = token_over(r, NULL, "mine");
	assert_int_equal(act_by(r, token, "a.x", "\"covered\""), 0);
	assert_int_equal(access_revoke(r->engine, token->id, on_revoked, &revoked), 0);
	rig_until(r, is_true, &revoked);
	restart(r);
	d = rig_wait(r, id, "completed");
	assert_output(d, "w", "data", "\"covered\"");
	json_free(d);
	step_wait_for(r, other, "w", "waiting");
	assert_int_equal(act(r, "a.x", "\"all\""), 1);
	d = rig_wait(r, other, "completed");
	assert_output(d, "w", "data", "\"all\"");
	json_free(d);
	rig_down(r, 0);
}

static void a_wait_times_out_in_memory_and_out_of_it(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	d = step_run_through(r, "{'steps':[{'id':'w','wait':'a.x','timeout':'30ms'}]}", NULL);
	assert_status(d, "failure");
	assert_message(d, "w", "timed out after 30ms");
	assert_no_output(d, "w", "topic");
	json_free(d);
	/* Parked, and due while nobody was there. */
	step_start(r, "{'steps':[{'id':'w','wait':'a.x','timeout':'10500ms'}]}", NULL, id);
	parked(r, id, "w");
	d = rig_document(r, id);
	assert_non_null(json_get(rig_step(d, "w"), "wakeAt"));
	json_free(d);
	rig_down(r, 0);
	rig_up(r);
	d = rig_wait(r, id, "failure");
	assert_message(d, "w", "timed out after 10500ms");
	json_free(d);
	rig_down(r, 0);
}

static void a_wait_can_be_cancelled_wherever_it_is(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, "{'steps':[{'id':'w','wait':'a.x'}]}", NULL, id);
	parked(r, id, "w");
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_document(r, id);
	assert_step(d, "w", "cancelled");
	json_free(d);
	assert_int_equal(r->engine->waits.by_step.count, 0);
	/* Under way beside a step that keeps it in memory. */
	step_start(r, "{'steps':[{'id':'s','run':['sleep','600']},{'id':'w','needs':[],'wait':'a.x'}]}", NULL, id);
	step_wait_for(r, id, "w", "waiting");
	assert_int_equal(rig_cancel(r, id), 0);
	assert_int_equal(r->engine->waits.by_step.count, 0);
	assert_int_equal(act(r, "a.x", "1"), 0);
	rig_down(r, 0);
}

static void one_action_releases_all_that_wait_for_it(void **state)
{
	enum { MANY = 300 };
	struct rig *r = *state;
	char ids[MANY][ID_SIZE];

	rig_up(r);
	step_define(r, "exact", "{'steps':[{'id':'w','wait':{'topic':'a.x','match':'.n == 1'}}]}");
	step_define(r, "open", "{'steps':[{'id':'w','wait':'a.*'},{'id':'v','needs':[],'wait':'b.x'}]}");
	for (size_t i = 0; i < MANY; i++)
		rig_run(r, i % 2 ? "exact" : "open", NULL, ids[i]);
	for (size_t i = 0; i < MANY; i++)
		step_wait_for(r, ids[i], "w", "waiting");
	wait_active(r, 0);
	assert_int_equal(act(r, "a.x", "{\"n\":0}"), MANY / 2);
	assert_int_equal(act(r, "b.x", "{}"), MANY / 2);
	assert_int_equal(act(r, "a.x", "{\"n\":1}"), MANY / 2);
	for (size_t i = 0; i < MANY; i++)
		json_free(rig_wait(r, ids[i], "completed"));
	rig_down(r, 0);
}

static int refused(struct rig *r, const char *topic, const char *data)
{
	const struct engine_action action = {.topic = topic, .data = data, .len = strlen(data), .by = "x"};

	return engine_action(r->engine, &action, NULL, NULL);
}

static void what_is_no_action_is_refused(void **state)
{
	struct rig *r = *state;
	char long_topic[400];

	memset(long_topic, 'a', sizeof(long_topic) - 1);
	long_topic[sizeof(long_topic) - 1] = '\0';
	rig_up(r);
	assert_int_equal(refused(r, "a.*", "1"), -EINVAL);
	assert_int_equal(refused(r, "a..b", "1"), -EINVAL);
	assert_int_equal(refused(r, "", "1"), -EINVAL);
	assert_int_equal(refused(r, long_topic, "1"), -EINVAL);
	assert_int_equal(refused(r, "a.b", "{"), -EINVAL);
	rig_down(r, 0);
}

static void a_topic_that_substitutions_break_fails_the_step(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(r, "{'params':{'t':{'type':'string'}},'steps':[{'id':'w','wait':'a.$(params.t)'}]}",
			     "{\"t\":\"x y\"}");
	assert_message(d, "w", "\"a.x y\" is no topic");
	json_free(d);
	rig_down(r, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_action_releases_the_step_that_waits_for_it),
		TEST(only_data_that_matches_releases_it_and_makes_its_outputs),
		TEST(an_action_counts_from_the_activitys_creation_on),
		TEST(an_action_among_many_is_found),
		TEST(a_wait_survives_restarts),
		TEST(an_action_that_was_stored_and_told_to_nobody_is_found_at_the_next_start),
		TEST(an_action_releases_only_what_its_senders_token_covers),
		TEST(an_action_counts_for_steps_that_come_later_whatever_became_of_its_token),
		TEST(a_wait_times_out_in_memory_and_out_of_it),
		TEST(a_wait_can_be_cancelled_wherever_it_is),
		TEST(one_action_releases_all_that_wait_for_it),
		TEST(what_is_no_action_is_refused),
		TEST(a_topic_that_substitutions_break_fails_the_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
