#include "unit/engine/support_engine.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"

#define DEFINITION                                                                                                     \
	"{\"params\":{\"n\":{\"type\":\"number\",\"default\":1}},\"triggers\":[{\"id\":\"t\",\"plugin\":\"webhook\"}]" \
	","                                                                                                            \
	"\"steps\":[{\"id\":\"a\",\"sleep\":\"0ms\"}]}"

static int setup(void **state)
{
	(void)rig_setup(state);
	rig_up(*state);
	return 0;
}

static int teardown(void **state)
{
	rig_down(*state, 0);
	return rig_teardown(state);
}

static struct engine_emission emission_of(struct rig *r, const char *slug, struct catalog_trigger *order)
{
	return (struct engine_emission){
		.workflow_id = engine_find(r->engine, slug)->id,
		.trigger = "webhook",
		.trigger_id = "t",
		.order = order,
	};
}

static void emit(struct rig *r, const struct engine_emission *emission, struct answer *a)
{
	rig_emit(r, emission, a);
	rig_answer(r, a);
}

static void what_is_not_json_never_calls_back(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	char key[300];

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	m = emission_of(r, "test", &order);
	m.payload = "{oops";
	m.payload_len = 5;
	assert_int_equal(engine_emit(r->engine, &m, NULL, NULL), -EINVAL);
	m.payload_len = 0;
	m.params = "[1]";
	m.params_len = 3;
	assert_int_equal(engine_emit(r->engine, &m, NULL, NULL), -EINVAL);
	m.params_len = 0;
	memset(key, 'k', sizeof(key));
	m.dedup_key = key;
	m.dedup_key_len = sizeof(key);
	assert_int_equal(engine_emit(r->engine, &m, NULL, NULL), -E2BIG);
	m.dedup_key_len = 0;
	m.workflow_id = "ffffffffffffffffffffffff";
	assert_int_equal(engine_emit(r->engine, &m, NULL, NULL), -ENOENT);
	assert_int_equal(order.in_flight, 0);
}

struct refusals {
	bool done;
	char text[1024];
};

static void on_refusals(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct refusals *f = arg;

	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++)
		(void)snprintf(f->text + strlen(f->text), sizeof(f->text) - strlen(f->text), "%s/%s x%llu: %s\n",
			       rows[i].trigger_id, reason_name(rows[i].reason), (unsigned long long)rows[i].count,
			       rows[i].sample ? rows[i].sample : "");
	f->done = true;
}

static bool refusals_done(void *arg)
{
	return ((struct refusals *)arg)->done;
}

static void assert_refusal(struct rig *r, const char *line)
{
	struct refusals f = {0};

	assert_int_equal(store_list_refusals(r->store, NULL, 0, 0, 100, on_refusals, &f), 0);
	rig_until(r, refusals_done, &f);
	if (!strstr(f.text, line))
		fail_msg("no \"%s\" in:\n%s", line, f.text);
}

static void wrong_parameters_are_refused_and_recorded_by_name(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a;

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	m = emission_of(r, "test", &order);
	m.params = "{\"other\":1}";
	m.params_len = strlen(m.params);
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_REFUSED);
	assert_int_equal(a.result.reason, REASON_PARAMETERS);
	assert_non_null(strstr(a.detail, "other"));
	assert_string_equal(a.id, "");
	assert_refusal(r, "t/parameters x1: ");
}

struct waited {
	bool done;
	int status;
};

static void note(void *arg, int status)
{
	*(struct waited *)arg = (struct waited){true, status};
}

static bool noted(void *arg)
{
	return ((struct waited *)arg)->done;
}

static int enable(struct rig *r, const char *slug, const char *trigger_id, bool on)
{
	struct waited w = {0};

	assert_int_equal(engine_enable(r->engine, engine_find(r->engine, slug)->id, trigger_id, on, note, &w), 0);
	rig_until(r, noted, &w);
	return w.status;
}

static void switches_hold_across_a_restart(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a;

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	assert_int_equal(enable(r, "test", "t", false), 0);
	m = emission_of(r, "test", &order);
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_REFUSED);
	assert_int_equal(a.result.reason, REASON_DISABLED);
	rig_down(r, 0);
	rig_up(r);
	m = emission_of(r, "test", &order);
	emit(r, &m, &a);
	assert_int_equal(a.result.reason, REASON_DISABLED);
	assert_int_equal(enable(r, "test", "t", true), 0);
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	assert_int_equal(enable(r, "test", NULL, false), 0);
	m.trigger = m.trigger_id = "manual";
	m.order = NULL;
	emit(r, &m, &a);
	assert_int_equal(a.result.reason, REASON_DISABLED);
	assert_int_equal(engine_enable(r->engine, "nobody", NULL, true, note, NULL), -ENOENT);
}

static void a_dedup_key_starts_one_activity(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer first, again, other;

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	m = emission_of(r, "test", &order);
	m.payload = "{\"a\":1}";
	m.payload_len = strlen(m.payload);
	m.dedup_key = "k1";
	m.dedup_key_len = 2;
	emit(r, &m, &first);
	emit(r, &m, &again);
	m.payload = "{\"a\":2}";
	emit(r, &m, &other);
	assert_int_equal(first.result.outcome, ENGINE_OK);
	assert_int_equal(again.result.outcome, ENGINE_DUP);
	assert_string_equal(again.id, first.id);
	assert_string_equal(again.key, "k1");
	assert_int_equal(other.result.outcome, ENGINE_CONFLICT);
	assert_string_equal(other.id, first.id);
	assert_int_equal(order.in_flight, 0);
}

static void a_key_made_by_the_host_does_not_double(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer first, again, behind;
	char key[64];

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	m = emission_of(r, "test", &order);
	emit(r, &m, &first);
	(void)snprintf(key, sizeof(key), "auto/%s", first.id);
	assert_string_equal(first.key, key);
	m.dedup_key = key;
	m.dedup_key_len = strlen(key);
	/* Another one of the same trigger comes while the first is looked up. */
	rig_emit(r, &m, &again);
	m.dedup_key_len = 0;
	rig_emit(r, &m, &behind);
	assert_int_equal(order.in_flight, 2);
	rig_answer(r, &behind);
	assert_true(again.here);
	assert_int_equal(again.result.outcome, ENGINE_DUP);
	assert_string_equal(again.id, first.id);
	assert_int_equal(behind.result.outcome, ENGINE_OK);
	assert_string_not_equal(behind.id, first.id);
}

/* As after an outcome that was unknown and turned out not to have been stored. */
static void a_key_made_by_the_host_stores_what_is_not_there_under_its_id(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a;
	char key[64], lost[ID_SIZE];

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	id_next(engine_ids(r->engine), clock_wall_ms(), 0, lost);
	m = emission_of(r, "test", &order);
	emit(r, &m, &a);
	(void)snprintf(key, sizeof(key), "auto/%s", lost);
	m.dedup_key = key;
	m.dedup_key_len = strlen(key);
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	assert_string_equal(a.id, lost);
	json_free(rig_wait(r, lost, "completed"));
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_DUP);
	assert_string_equal(a.id, lost);
}

/* A duplicate is answered only for what is there. */
static void a_key_made_by_the_host_of_what_is_refused_now_is_no_duplicate(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a;
	char key[64], lost[ID_SIZE];

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	id_next(engine_ids(r->engine), clock_wall_ms(), 0, lost);
	m = emission_of(r, "test", &order);
	emit(r, &m, &a);
	(void)snprintf(key, sizeof(key), "auto/%s", lost);
	m.dedup_key = key;
	m.dedup_key_len = strlen(key);
	m.params = "{\"unheard-of\":1}";
	m.params_len = strlen(m.params);
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_REFUSED);
	assert_int_equal(a.result.reason, REASON_PARAMETERS);
}

static void a_key_that_only_looks_like_the_hosts_is_an_ordinary_one(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a;

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	m = emission_of(r, "test", &order);
	m.dedup_key = "auto/ffffffffffffffffffffffff";
	m.dedup_key_len = strlen(m.dedup_key);
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	assert_string_not_equal(a.id, "ffffffffffffffffffffffff");
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_DUP);
}

struct kv {
	bool done;
	int status;
	char value[32];
};

static void on_kv(void *arg, int status, const struct store_checkpoint *rows, size_t count)
{
	struct kv *k = arg;

	k->status = status;
	k->done = true;
	if (status == 0 && count == 1)
		(void)snprintf(k->value, sizeof(k->value), "%.*s", (int)rows[0].value_len, (const char *)rows[0].value);
}

static bool kv_done(void *arg)
{
	return ((struct kv *)arg)->done;
}

static void checkpoints_are_committed_with_the_activity_and_with_a_refusal(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct store_checkpoint checkpoint = {"cursor", 6, "one", 3};
	struct engine_emission m;
	struct answer a;

	catalog_trigger_init(&order);
	(void)rig_define(r, "test", DEFINITION);
	m = emission_of(r, "test", &order);
	m.checkpoints = &checkpoint;
	m.checkpoint_count = 1;
	for (int i = 0; i < 2; i++) {
		char scope[64];
		struct kv k = {0};

		if (i == 1) {
			m.params = "{\"x\":1}";
			m.params_len = strlen(m.params);
			checkpoint.value = "two";
		}
		emit(r, &m, &a);
		assert_int_equal(a.result.outcome, i == 0 ? ENGINE_OK : ENGINE_REFUSED);
		(void)snprintf(scope, sizeof(scope), "trigger/%s/t", m.workflow_id);
		assert_int_equal(store_get_kv(r->store, scope, "cursor", 6, on_kv, &k), 0);
		rig_until(r, kv_done, &k);
		assert_string_equal(k.value, i == 0 ? "one" : "two");
	}
}

static void refusals_of_others_are_counted_per_minute(void **state)
{
	struct rig *r = *state;
	char line[64];

	(void)rig_define(r, "test", DEFINITION);
	for (int i = 0; i < 50; i++)
		engine_refuse(r->engine, NULL, NULL, "webhook", REASON_TOKEN, "no such token");
	engine_refuse(r->engine, engine_find(r->engine, "test")->id, "t", "webhook", REASON_RATE, NULL);
	rig_down(r, 0); /* flushes */
	rig_up(r);
	(void)snprintf(line, sizeof(line), "/token x");
	assert_refusal(r, line);
	assert_refusal(r, "t/rate x1: ");
}

static void a_full_queue_refuses_and_says_so(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct answer a;

	catalog_trigger_init(&order);
	rig_down(r, 0);
	r->queue_max = 3;
	r->options.concurrency = 0;
	rig_up(r);
	(void)rig_define(r, "test", DEFINITION);
	m = emission_of(r, "test", &order);
	for (int i = 0; i < 3; i++) {
		emit(r, &m, &a);
		assert_int_equal(a.result.outcome, ENGINE_OK);
	}
	emit(r, &m, &a);
	assert_int_equal(a.result.outcome, ENGINE_REFUSED);
	assert_int_equal(a.result.reason, REASON_QUEUE_FULL);
	/* Not final: those behind it would have been cancelled. */
	assert_int_equal(order.order.epoch, 1);
}

static void stopped(void *arg)
{
	note(arg, 0);
}

static void a_stopping_engine_takes_nothing(void **state)
{
	struct rig *r = *state;
	struct catalog_trigger order;
	struct engine_emission m;
	struct waited w = {0};
	char id[ID_SIZE];

	catalog_trigger_init(&order);
	(void)rig_define(r, "test",
			 "{\"triggers\":[{\"id\":\"t\",\"plugin\":\"webhook\"}],"
			 "\"steps\":[{\"id\":\"a\",\"run\":[\"/bin/sleep\",\"60\"]}]}");
	rig_run(r, "test", NULL, id);
	json_free(rig_wait(r, id, "inProgress"));
	m = emission_of(r, "test", &order);
	engine_stop(r->engine, 60000, stopped, &w);
	assert_int_equal(engine_emit(r->engine, &m, NULL, NULL), -ESHUTDOWN);
	/* A second call cuts the drain short; the first one's callback tells of the end. */
	engine_stop(r->engine, 0, NULL, NULL);
	rig_until(r, noted, &w);
	rig_release(r);
	rig_up(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_json_never_calls_back, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_parameters_are_refused_and_recorded_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(switches_hold_across_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dedup_key_starts_one_activity, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_made_by_the_host_does_not_double, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_made_by_the_host_stores_what_is_not_there_under_its_id, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_key_made_by_the_host_of_what_is_refused_now_is_no_duplicate, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_key_that_only_looks_like_the_hosts_is_an_ordinary_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(checkpoints_are_committed_with_the_activity_and_with_a_refusal, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refusals_of_others_are_counted_per_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_queue_refuses_and_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stopping_engine_takes_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
