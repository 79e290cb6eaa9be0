/* What decides whether an emission becomes an activity: the trigger's jq programs, parameters, lanes; and the order that
 * is kept whatever takes how long. */
#include "unit/engine/support_engine.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "engine/internal.h"

#define STEPS "\"steps\":[{\"id\":\"a\",\"sleep\":\"0ms\"}]"
/* Goes on until its file is there. */
#define LONG_STEPS "\"steps\":[{\"id\":\"a\",\"script\":\"while ! [ -e $ROOT/go ]; do sleep 0.02; done\"}]"

static struct engine_env env[1];

static int setup(void **state)
{
	struct rig *r;

	(void)rig_setup(state);
	r = *state;
	env[0] = (struct engine_env){"ROOT", r->folder};
	r->options.env = env;
	r->options.env_count = 1;
	rig_up(r);
	return 0;
}

static int teardown(void **state)
{
	rig_down(*state, 0);
	return rig_teardown(state);
}

/* A workflow with one trigger "t" and more keys. */
static void define(struct rig *r, const char *slug, const char *trigger, const char *more, const char *steps)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), "{\"triggers\":[{\"id\":\"t\",\"plugin\":\"webhook\"%s%s}]%s%s,%s}",
		       trigger[0] ? "," : "", trigger, more[0] ? "," : "", more, steps);
	assert_non_null(rig_define(r, slug, text));
}

static struct engine_emission emission_of(struct rig *r, const char *slug, struct catalog_trigger *order,
					  const char *payload)
{
	return (struct engine_emission){
		.workflow_id = engine_find(r->engine, slug)->id,
		.trigger = "webhook",
		.trigger_id = "t",
		.payload = payload,
		.payload_len = payload ? strlen(payload) : 0,
		.order = order,
	};
}

static void emit(struct rig *r, const char *slug, const char *payload, struct answer *a)
{
	struct catalog_trigger order;
	struct engine_emission m;

	catalog_trigger_init(&order);
	m = emission_of(r, slug, &order, payload);
	rig_emit(r, &m, a);
	rig_answer(r, a);
}

static void assert_refused(const struct answer *a, int reason, const char *words)
{
	assert_int_equal(a->result.outcome, ENGINE_REFUSED);
	assert_int_equal(a->result.reason, reason);
	if (!strstr(a->detail, words))
		fail_msg("\"%s\" does not say \"%s\"", a->detail, words);
}

/* ---- when ------------------------------------------------------------------------------------------------------ */

static void what_the_filter_does_not_want_is_refused_with_what_it_gave(void **state)
{
	struct rig *r = *state;
	struct answer a;

	define(r, "w", "\"when\":\".ref == \\\"main\\\"\"", "", STEPS);
	emit(r, "w", "{\"ref\":\"main\"}", &a);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	emit(r, "w", "{\"ref\":\"other\"}", &a);
	assert_refused(&a, REASON_FILTER, "gave false");
	/* Without a payload the input is null. */
	emit(r, "w", NULL, &a);
	assert_refused(&a, REASON_FILTER, "gave false");
}

static void a_filter_that_fails_loops_or_eats_memory_costs_its_emission_only(void **state)
{
	struct rig *r = *state;
	struct answer a;

	define(r, "w",
	       "\"when\":\"if . == 1 then error(\\\"oops\\\") elif . == 2 then last(repeat(.)) elif . == 3 then "
	       "[\\\"x\\\" * 1000000000] else true end\"",
	       "", STEPS);
	emit(r, "w", "1", &a);
	assert_refused(&a, REASON_FILTER, "oops");
	emit(r, "w", "2", &a);
	assert_refused(&a, REASON_FILTER, "too long");
	emit(r, "w", "3", &a);
	assert_refused(&a, REASON_FILTER, "");
	emit(r, "w", "4", &a);
	assert_int_equal(a.result.outcome, ENGINE_OK);
}

struct found {
	bool done;
	char value[32];
};

static void take_value(void *arg, int status, const struct store_checkpoint *rows, size_t count)
{
	struct found *f = arg;

	if (status == 0 && count == 1)
		(void)snprintf(f->value, sizeof(f->value), "%.*s", (int)rows[0].value_len, (const char *)rows[0].value);
	f->done = true;
}

static bool is_found(void *arg)
{
	return ((struct found *)arg)->done;
}

static void assert_checkpoint(struct rig *r, const char *workflow_id, const char *key, const char *value)
{
	struct found f = {0};
	char scope[64];

	(void)snprintf(scope, sizeof(scope), "trigger/%s/t", workflow_id);
	assert_int_equal(store_get_kv(r->store, scope, key, strlen(key), take_value, &f), 0);
	rig_until(r, is_found, &f);
	assert_string_equal(f.value, value);
}

struct counted {
	bool done;
	uint64_t filter;
	char sample[256];
};

static void count_refusals(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct counted *c = arg;

	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].reason != REASON_FILTER)
			continue;
		c->filter += rows[i].count;
		(void)snprintf(c->sample, sizeof(c->sample), "%s", rows[i].sample);
	}
	c->done = true;
}

static bool is_counted(void *arg)
{
	return ((struct counted *)arg)->done;
}

static void what_was_filtered_is_recorded_with_its_reason_and_its_checkpoints(void **state)
{
	struct rig *r = *state;
	const struct store_checkpoint checkpoint = {"cursor", 6, "7", 1};
	struct counted c = {0};
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a;

	define(r, "w", "\"when\":\".go\"", "", STEPS);
	catalog_trigger_init(&order);
	m = emission_of(r, "w", &order, "{\"go\":null}");
	m.checkpoints = &checkpoint;
	m.checkpoint_count = 1;
	rig_emit(r, &m, &a);
	rig_answer(r, &a);
	assert_refused(&a, REASON_FILTER, "when: .go gave null");
	assert_int_equal(store_list_refusals(r->store, m.workflow_id, 0, 0, 10, count_refusals, &c), 0);
	rig_until(r, is_counted, &c);
	assert_int_equal(c.filter, 1);
	assert_string_equal(c.sample, "when: .go gave null");
	assert_checkpoint(r, m.workflow_id, "cursor", "7");
}

/* ---- Order ----------------------------------------------------------------------------------------------------- */

/* Two helpers: the second emission's filter ends long before the first one's. */
static void a_fast_filter_does_not_overtake_a_slow_one_of_the_same_trigger(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order, other;
	struct engine_emission slow, fast, free_one;
	struct answer first, second, third;

	define(r, "w",
	       "\"when\":\"if . == \\\"slow\\\" then reduce range(700000) as $i (0; .+1) | true else true end\"", "",
	       STEPS);
	catalog_trigger_init(&order);
	catalog_trigger_init(&other);
	slow = emission_of(r, "w", &order, "\"slow\"");
	fast = emission_of(r, "w", &order, "\"fast\"");
	free_one = emission_of(r, "w", &other, "\"fast\"");
	/* The second helper is started when the first is busy. */
	rig_emit(r, &slow, &first);
	rig_emit(r, &slow, &second);
	rig_answer(r, &first);
	rig_answer(r, &second);

	rig_emit(r, &slow, &first);
	rig_emit(r, &fast, &second);
	rig_emit(r, &free_one, &third);
	rig_answer(r, &second);
	assert_true(first.here);
	assert_true(strcmp(first.id, second.id) < 0);
	rig_answer(r, &third);
	assert_int_equal(order.in_flight, 0);
	assert_true(list_empty(&order.queue));
}

static void what_comes_too_often_is_refused_and_said_so(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a;

	define(r, "w", "\"rate\":\"2/1h\"", "", STEPS);
	catalog_trigger_init(&order);
	m = emission_of(r, "w", &order, NULL);
	for (int i = 0; i < 2; i++) {
		rig_emit(r, &m, &a);
		rig_answer(r, &a);
		assert_int_equal(a.result.outcome, ENGINE_OK);
	}
	rig_emit(r, &m, &a);
	rig_answer(r, &a);
	assert_refused(&a, REASON_RATE, "more than 2 in 1h");
}

static void a_rate_comes_back_with_time(void **state)
{
	struct rate rate = {0};
	int64_t now_ms = 1000000;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(rate_take(&rate, 10, 1000, now_ms));
	assert_false(rate_take(&rate, 10, 1000, now_ms));
	assert_false(rate_take(&rate, 10, 1000, now_ms + 99));
	assert_true(rate_take(&rate, 10, 1000, now_ms + 201));
	assert_true(rate_take(&rate, 10, 1000, now_ms + 201));
	assert_false(rate_take(&rate, 10, 1000, now_ms + 201));
	/* A long silence is no more than a full bucket. */
	for (int i = 0; i < 10; i++)
		assert_true(rate_take(&rate, 10, 1000, now_ms + 3600000));
	assert_false(rate_take(&rate, 10, 1000, now_ms + 3600000));
}

/* ---- dedup ----------------------------------------------------------------------------------------------------- */

static void the_triggers_own_key_finds_the_duplicate(void **state)
{
	struct rig *r = *state;
	struct answer first, again, conflict, none;

	define(r, "w", "\"dedup\":\".id\"", "", STEPS);
	emit(r, "w", "{\"id\":17}", &first);
	assert_int_equal(first.result.outcome, ENGINE_OK);
	assert_string_equal(first.key, "17");
	emit(r, "w", "{\"id\":17}", &again);
	assert_int_equal(again.result.outcome, ENGINE_DUP);
	assert_string_equal(again.id, first.id);
	emit(r, "w", "{\"id\":17,\"more\":1}", &conflict);
	assert_int_equal(conflict.result.outcome, ENGINE_CONFLICT);
	/* Nothing: there is no key, and so no duplicate. */
	emit(r, "w", "{\"id\":null}", &none);
	emit(r, "w", "{\"id\":null}", &again);
	assert_int_equal(again.result.outcome, ENGINE_OK);
}

static void a_key_counts_as_long_as_its_window(void **state)
{
	struct rig *r = *state;
	struct answer a;
	int64_t end_ms;

	define(r, "w", "\"dedup\":\".id\",\"dedupWindow\":\"1s\"", "", STEPS);
	emit(r, "w", "{\"id\":\"x\"}", &a);
	end_ms = clock_mono_ms() + WAIT_MS;
	do {
		assert_true(clock_mono_ms() < end_ms);
		emit(r, "w", "{\"id\":\"x\"}", &a);
	} while (a.result.outcome == ENGINE_DUP);
	assert_int_equal(a.result.outcome, ENGINE_OK);
}

static void two_with_one_key_in_one_batch_are_one_activity(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a, b;

	define(r, "w", "\"dedup\":\".id\"", "", STEPS);
	catalog_trigger_init(&order);
	m = emission_of(r, "w", &order, "{\"id\":\"x\"}");
	rig_emit(r, &m, &a);
	rig_emit(r, &m, &b);
	rig_answer(r, &a);
	rig_answer(r, &b);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	assert_int_equal(b.result.outcome, ENGINE_DUP);
	assert_string_equal(a.id, b.id);
}

/* ---- params ---------------------------------------------------------------------------------------------------- */

#define PARAMS                                                                                                         \
	"\"params\":{\"branch\":{\"type\":\"string\",\"default\":\"main\"},\"n\":{\"type\":\"number\",\"required\":"   \
	"true}}"

static void parameters_are_mapped_checked_and_completed(void **state)
{
	struct rig *r = *state;
	struct json *document;
	struct answer a;

	define(r, "w",
	       "\"params\":{\"n\":\".count\",\"branch\":\".ref | if . then sub(\\\"refs/heads/\\\"; \\\"\\\") else "
	       "null end\"}",
	       PARAMS, STEPS);
	emit(r, "w", "{\"count\":3,\"ref\":\"refs/heads/x\"}", &a);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	document = rig_document(r, a.id);
	assert_string_equal(json_get_str(json_get(document, "params"), "branch"), "x");
	assert_int_equal((int)json_number(json_get(json_get(document, "params"), "n")), 3);
	json_free(document);
	/* What maps to nothing takes its default. */
	emit(r, "w", "{\"count\":3}", &a);
	document = rig_document(r, a.id);
	assert_string_equal(json_get_str(json_get(document, "params"), "branch"), "main");
	json_free(document);
}

static void a_parameter_of_the_wrong_type_is_refused_by_its_name(void **state)
{
	struct rig *r = *state;
	struct answer a;

	define(r, "w", "\"params\":{\"n\":\".count\"}", PARAMS, STEPS);
	emit(r, "w", "{\"count\":[1]}", &a);
	assert_refused(&a, REASON_PARAMETERS, "\"n\"");
	emit(r, "w", "{}", &a);
	assert_refused(&a, REASON_PARAMETERS, "\"n\" is required");
	emit(r, "w", "3", &a);
	assert_refused(&a, REASON_PARAMETERS, "parameter \"n\"");
}

/* ---- Lanes ----------------------------------------------------------------------------------------------------- */

static void go(const struct rig *r)
{
	char path[128];
	FILE *file;

	rig_path(r, "go", path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
}

static void skip_refuses_while_another_one_has_not_ended(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a, b, c;

	define(r, "w", "", "\"concurrency\":{\"overlap\":\"skip\"}", LONG_STEPS);
	catalog_trigger_init(&order);
	m = emission_of(r, "w", &order, NULL);
	/* Both in one batch. */
	rig_emit(r, &m, &a);
	rig_emit(r, &m, &b);
	rig_answer(r, &a);
	rig_answer(r, &b);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	assert_refused(&b, REASON_OVERLAP, a.id);
	go(r);
	json_free(rig_wait(r, a.id, "completed"));
	emit(r, "w", NULL, &c);
	assert_int_equal(c.result.outcome, ENGINE_OK);
}

static void a_queue_runs_one_at_a_time_in_order_up_to_its_maximum(void **state)
{
	struct rig *r = *state;
	struct json *first, *second;
	struct answer a[4];

	define(r, "w", "", "\"concurrency\":{\"limit\":1,\"queue\":2}", LONG_STEPS);
	for (int i = 0; i < 4; i++)
		emit(r, "w", NULL, &a[i]);
	for (int i = 0; i < 3; i++)
		assert_int_equal(a[i].result.outcome, ENGINE_OK);
	assert_refused(&a[3], REASON_QUEUE_FULL, "");
	go(r);
	second = rig_wait(r, a[2].id, "completed");
	first = rig_document(r, a[1].id);
	assert_true(strcmp(json_get_str(first, "endedAt"), json_get_str(second, "startedAt")) <= 0);
	json_free(first);
	json_free(second);
}

static void a_key_serialises_its_own_only(void **state)
{
	struct rig *r = *state;
	struct json *document;
	struct answer a, b, c;

	define(r, "w", "\"params\":{\"branch\":\".b\"}",
	       "\"params\":{\"branch\":{\"type\":\"string\"}},\"concurrency\":{\"key\":\".params.branch\"}",
	       LONG_STEPS);
	emit(r, "w", "{\"b\":\"x\"}", &a);
	emit(r, "w", "{\"b\":\"x\"}", &b);
	emit(r, "w", "{\"b\":\"y\"}", &c);
	json_free(rig_wait(r, c.id, "inProgress"));
	document = rig_document(r, b.id);
	assert_status(document, "notstarted");
	json_free(document);
	go(r);
	json_free(rig_wait(r, b.id, "completed"));
	json_free(rig_wait(r, a.id, "completed"));
}

static void the_latest_one_makes_the_others_give_way(void **state)
{
	struct rig *r = *state;
	struct answer a, b, c;

	define(r, "w", "", "\"concurrency\":{\"overlap\":\"cancel-running\"}", LONG_STEPS);
	emit(r, "w", NULL, &a);
	json_free(rig_wait(r, a.id, "inProgress"));
	emit(r, "w", NULL, &b);
	emit(r, "w", NULL, &c);
	json_free(rig_wait(r, a.id, "cancelled"));
	json_free(rig_wait(r, b.id, "cancelled"));
	go(r);
	json_free(rig_wait(r, c.id, "completed"));
}

static void a_wider_lane_lets_in_what_waits(void **state)
{
	struct rig *r = *state;
	struct answer a[3];

	define(r, "w", "", "\"concurrency\":{\"limit\":1}", LONG_STEPS);
	for (int i = 0; i < 3; i++)
		emit(r, "w", NULL, &a[i]);
	json_free(rig_wait(r, a[0].id, "inProgress"));
	define(r, "w", "", "\"concurrency\":{\"limit\":3}", LONG_STEPS);
	json_free(rig_wait(r, a[2].id, "inProgress"));
	json_free(rig_wait(r, a[1].id, "inProgress"));
	go(r);
}

/* ---- Fairness -------------------------------------------------------------------------------------------------- */

static bool is_over(void *arg)
{
	struct answer *a = arg;

	return a->here;
}

/* Accepted while nothing is started, so that all wait. */
static void fill(struct rig *r, const char *slug, size_t count)
{
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer *a = calloc(count, sizeof(*a));

	assert_non_null(a);
	catalog_trigger_init(&order);
	m = emission_of(r, slug, &order, NULL);
	for (size_t i = 0; i < count; i++)
		rig_emit(r, &m, &a[i]);
	for (size_t i = 0; i < count; i++)
		rig_until(r, is_over, &a[i]);
	free(a);
}

/* What has been started, by workflow. */
struct tally {
	struct bus_subscriber *subscriber;
	char ids[2][ID_SIZE];
	size_t started[2];
};

static void wake(void *arg)
{
	(void)arg;
}

static bool has_started_20(void *arg)
{
	struct tally *t = arg;
	const struct event *event;

	while (t->started[1] < 20 && (event = bus_take(t->subscriber))) {
		for (size_t i = 0; i < 2; i++)
			if (event->type == EVENT_ACTIVITY_STARTED && strcmp(event->workflow_id, t->ids[i]) == 0)
				t->started[i]++;
		event_drop(event);
	}
	return t->started[1] >= 20;
}

/* Two workflows of which so many wait; how many of the first have started when 20 of the second have. */
static size_t race(struct rig *r, const char *slug, size_t count, const char *other, size_t other_count)
{
	const struct bus_listener listener = {.types = EVENT_TYPES_ALL, .wake = wake};
	struct tally tally = {0};

	memcpy(tally.ids[0], engine_find(r->engine, slug)->id, ID_SIZE);
	memcpy(tally.ids[1], engine_find(r->engine, other)->id, ID_SIZE);
	fill(r, slug, count);
	fill(r, other, other_count);
	assert_int_equal(bus_subscribe(r->bus, 20000, &listener, &tally.subscriber), 0);
	rig_start(r);
	rig_until(r, has_started_20, &tally);
	bus_unsubscribe(tally.subscriber);
	return tally.started[0];
}

static int setup_closed(void **state)
{
	struct rig *r;

	(void)rig_setup(state);
	r = *state;
	r->options.concurrency = 1;
	r->options.window = 64;
	rig_open(r);
	return 0;
}

#define QUICK_STEPS "\"steps\":[{\"id\":\"a\",\"run\":[\"true\"]}]"

static bool all_have_ended(void *arg)
{
	const struct rig *r = arg;

	return metric_value(r->engine->metrics.activities[STATUS_COMPLETED]) >= 2000;
}

/* What fits into memory is a small part of it. */
static void a_backlog_is_worked_off_to_its_end(void **state)
{
	struct rig *r = *state;

	define(r, "w", "", "", STEPS);
	fill(r, "w", 2000);
	rig_start(r);
	rig_until(r, all_have_ended, r);
}

/* The backlog is far larger than what is held in memory. */
static void a_large_backlog_starves_nobody(void **state)
{
	struct rig *r = *state;

	define(r, "big", "", "", QUICK_STEPS);
	define(r, "small", "", "", QUICK_STEPS);
	assert_in_range(race(r, "big", 2000, "small", 20), 10, 60);
}

/* Four to one; what is read from the store comes page by page. */
static void a_higher_priority_gets_the_larger_share(void **state)
{
	struct rig *r = *state;

	define(r, "high", "", "\"priority\":2", QUICK_STEPS);
	define(r, "low", "", "", QUICK_STEPS);
	assert_in_range(race(r, "high", 500, "low", 500), 60, 110);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_the_filter_does_not_want_is_refused_with_what_it_gave),
		TEST(a_filter_that_fails_loops_or_eats_memory_costs_its_emission_only),
		TEST(what_was_filtered_is_recorded_with_its_reason_and_its_checkpoints),
		TEST(a_fast_filter_does_not_overtake_a_slow_one_of_the_same_trigger),
		TEST(what_comes_too_often_is_refused_and_said_so),
		cmocka_unit_test(a_rate_comes_back_with_time),
		TEST(the_triggers_own_key_finds_the_duplicate),
		TEST(a_key_counts_as_long_as_its_window),
		TEST(two_with_one_key_in_one_batch_are_one_activity),
		TEST(parameters_are_mapped_checked_and_completed),
		TEST(a_parameter_of_the_wrong_type_is_refused_by_its_name),
		TEST(skip_refuses_while_another_one_has_not_ended),
		TEST(a_queue_runs_one_at_a_time_in_order_up_to_its_maximum),
		TEST(a_key_serialises_its_own_only),
		TEST(the_latest_one_makes_the_others_give_way),
		TEST(a_wider_lane_lets_in_what_waits),
		cmocka_unit_test_setup_teardown(a_backlog_is_worked_off_to_its_end, setup_closed, teardown),
		cmocka_unit_test_setup_teardown(a_large_backlog_starves_nobody, setup_closed, teardown),
		cmocka_unit_test_setup_teardown(a_higher_priority_gets_the_larger_share, setup_closed, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
