#include "unit/engine/support_engine.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

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

struct tally {
	size_t answers, wanted;
	char (*ids)[ID_SIZE];
};

static void on_answer(void *arg, const struct engine_result *result)
{
	struct tally *t = arg;

	assert_int_equal(result->outcome, ENGINE_OK);
	memcpy(t->ids[t->answers++], result->activity_id, ID_SIZE);
}

static bool all_answered(void *arg)
{
	const struct tally *t = arg;

	return t->answers == t->wanted;
}

/* Hands `count` manual runs over without waiting between them. */
static void run_many(struct rig *r, const char *slug, size_t count, struct tally *t)
{
	struct engine_emission emission = {
		.workflow_id = engine_find(r->engine, slug)->id,
		.trigger = "manual",
		.trigger_id = "manual",
	};

	t->answers = 0;
	t->wanted = count;
	t->ids = calloc(count, sizeof(*t->ids));
	assert_non_null(t->ids);
	for (size_t i = 0; i < count; i++) {
		char payload[32];

		emission.payload_len = (size_t)snprintf(payload, sizeof(payload), "{\"n\":%zu}", i);
		emission.payload = payload;
		assert_int_equal(engine_emit(r->engine, &emission, on_answer, t), 0);
	}
	rig_until(r, all_answered, t);
}

static double completed(struct rig *r)
{
	return metric_value(metrics_counter(r->metrics, "tappet_activities_total", "Activities that have ended.",
					    "outcome=\"completed\""));
}

struct goal {
	struct rig *rig;
	double count;
};

static bool reached(void *arg)
{
	struct goal *g = arg;

	return completed(g->rig) >= g->count;
}

static void a_backlog_larger_than_the_window_is_worked_off_once_each(void **state)
{
	struct rig *r = *state;
	struct tally t;
	struct goal goal = {r, 500};

	r->options.window = 8;
	rig_up(r);
	(void)rig_define(r, "test", "{\"steps\":[{\"id\":\"a\",\"sleep\":\"20ms\"}]}");
	run_many(r, "test", 500, &t);
	rig_until(r, reached, &goal);
	assert_true(completed(r) == 500);
	free(t.ids);
	rig_down(r, 0);
}

static void a_backlog_of_an_earlier_start_is_worked_off_in_order(void **state)
{
	struct rig *r = *state;
	struct tally t;
	struct goal goal = {r, 40};
	char *text, expected[512] = "";
	size_t len = 0;

	/* One that only accepts. */
	r->options.concurrency = 0;
	rig_up(r);
	(void)rig_define(
		r, "test",
		"{\"steps\":[{\"id\":\"a\",\"run\":[\"sh\",\"-c\",\"echo $0 >> $ROOT/order\",\"$(trigger.n)\"]}]}");
	run_many(r, "test", 40, &t);
	rig_down(r, 0);
	assert_false(rig_exists(r, "order"));
	free(t.ids);

	r->options.concurrency = 1;
	r->options.window = 4;
	rig_up(r);
	rig_until(r, reached, &goal);
	text = rig_read(r, "order");
	for (int i = 0; i < 40; i++)
		len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%d\n", i);
	assert_string_equal(text, expected);
	free(text);
	rig_down(r, 0);
}

static void no_more_steps_run_than_allowed(void **state)
{
	struct rig *r = *state;
	struct tally t;
	struct goal goal = {r, 12};

	/* Each step fails when it finds more than two marks, its own included. */
	r->options.concurrency = 2;
	rig_up(r);
	(void)rig_define(
		r, "test",
		"{\"steps\":[{\"id\":\"a\",\"needs\":[],\"script\":\"touch $ROOT/m.$$; sleep 0.02; n=$(ls $ROOT/m.* | "
		"wc "
		"-l); rm $ROOT/m.$$; [ $n -le 2 ]\"},{\"id\":\"b\",\"needs\":[],\"script\":\"touch $ROOT/m.$$; sleep "
		"0.02; n=$(ls $ROOT/m.* | wc -l); rm $ROOT/m.$$; [ $n -le 2 ]\"}]}");
	run_many(r, "test", 12, &t);
	rig_until(r, reached, &goal);
	free(t.ids);
	rig_down(r, 0);
}

static void sleeping_takes_no_slot(void **state)
{
	struct rig *r = *state;
	char sleeper[ID_SIZE], id[ID_SIZE];

	r->options.concurrency = 1;
	rig_up(r);
	(void)rig_define(r, "sleeper", "{\"steps\":[{\"id\":\"a\",\"sleep\":\"1h\"}]}");
	(void)rig_define(r, "test", "{\"steps\":[{\"id\":\"a\",\"run\":[\"/bin/true\"]}]}");
	rig_run(r, "sleeper", NULL, sleeper);
	json_free(rig_wait(r, sleeper, "waiting"));
	rig_run(r, "test", NULL, id);
	json_free(rig_wait(r, id, "completed"));
	rig_down(r, 0);
}

static void what_waits_for_its_turn_can_be_cancelled(void **state)
{
	struct rig *r = *state;
	struct tally t;
	struct json *d;

	r->options.concurrency = 1;
	r->options.window = 4;
	rig_up(r);
	(void)rig_define(
		r, "test",
		"{\"steps\":[{\"id\":\"a\",\"script\":\"echo 1 >> $ROOT/began; until [ -e $ROOT/go ]; do sleep 0.01; "
		"done\"}]}");
	run_many(r, "test", 12, &t);
	rig_wait_file(r, "began");
	/* One in the window, one that only the store has. */
	assert_int_equal(rig_cancel(r, t.ids[2]), 0);
	assert_int_equal(rig_cancel(r, t.ids[11]), 0);
	d = rig_document(r, t.ids[11]);
	assert_status(d, "cancelled");
	assert_status(rig_step(d, "a"), "cancelled");
	json_free(d);
	assert_int_equal(rig_cancel(r, t.ids[2]), -EALREADY);
	assert_int_equal(rig_cancel(r, "ffffffffffffffffffffffff"), -ENOENT);
	assert_int_equal(rig_cancel(r, "nonsense"), -ENOENT);
	{
		struct goal goal = {r, 10};
		char path[128];
		FILE *f;

		rig_path(r, "go", path);
		f = fopen(path, "we");
		assert_non_null(f);
		(void)fclose(f);
		rig_until(r, reached, &goal);
	}
	d = rig_document(r, t.ids[2]);
	assert_status(d, "cancelled");
	json_free(d);
	free(t.ids);
	rig_down(r, 0);
}

static void a_sleep_that_is_no_duration_fails(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	(void)rig_define(
		r, "test",
		"{\"params\":{\"t\":{\"type\":\"string\"}},\"steps\":[{\"id\":\"a\",\"sleep\":\"$(params.t)\"}]}");
	rig_run(r, "test", "{\"t\":\"soon\"}", id);
	d = rig_wait(r, id, "failure");
	assert_string_equal(json_get_str(rig_step(d, "a"), "message"),
			    "cannot sleep \"soon\": expected a duration such as 10s");
	json_free(d);
	rig_run(r, "test", "{\"t\":\"10ms\"}", id);
	json_free(rig_wait(r, id, "completed"));
	rig_down(r, 0);
}

struct seen {
	uint64_t last;
	char types[512];
};

static struct bus_subscriber *subscriber;

static void wake(void *arg)
{
	struct seen *s = arg;
	const struct event *event;

	while ((event = bus_take(subscriber))) {
		assert_true(event->seq == s->last + 1 || s->last == 0);
		s->last = event->seq;
		(void)snprintf(s->types + strlen(s->types), sizeof(s->types) - strlen(s->types), "%s ",
			       event_type_name(event->type));
		event_drop(event);
	}
}

static void each_commit_is_told_to_the_bus_in_order(void **state)
{
	struct rig *r = *state;
	struct seen seen = {0};
	const struct bus_listener listener = {.types = EVENT_TYPES_ALL, .wake = wake, .arg = &seen};
	char id[ID_SIZE];

	rig_up(r);
	(void)rig_define(r, "test",
			 "{\"steps\":[{\"id\":\"a\",\"run\":[\"/bin/true\"]},{\"id\":\"b\",\"sleep\":\"0ms\"}]}");
	assert_int_equal(bus_subscribe(r->bus, 100, &listener, &subscriber), 0);
	rig_run(r, "test", NULL, id);
	json_free(rig_wait(r, id, "completed"));
	assert_string_equal(seen.types,
			    "activity.accepted activity.started step.started step.ended step.started step.ended "
			    "activity.completed ");
	bus_unsubscribe(subscriber);
	rig_down(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_backlog_larger_than_the_window_is_worked_off_once_each, setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(a_backlog_of_an_earlier_start_is_worked_off_in_order, setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(no_more_steps_run_than_allowed, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(sleeping_takes_no_slot, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_waits_for_its_turn_can_be_cancelled, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_sleep_that_is_no_duration_fails, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(each_commit_is_told_to_the_bus_in_order, setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
