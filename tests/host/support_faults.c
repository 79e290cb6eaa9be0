#include "host/support_faults.h"
/* CMake links the helpers of this folder only. */
#include "unit/store/support_powercut.c"

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"
#define PAIR                                                                                                           \
	"{\"slug\": \"pair\", \"params\": {\"n\": {\"type\": \"number\", \"default\": 1}},"                            \
	"\"triggers\": [{\"id\": \"a\", \"plugin\": \"probe\"}, {\"id\": \"b\", \"plugin\": \"probe\"}]," STEPS "}"

struct faults lab;

/* They are handed over in any order. */
struct probe_trigger *find_trigger(const char *id)
{
	for (size_t i = 0; i < lab.f.probe->trigger_count; i++)
		if (strcmp(lab.f.probe->triggers[i]->id, id) == 0)
			return lab.f.probe->triggers[i];
	return NULL;
}

void faults_open_again(void)
{
	fixture_open(&lab.f, true);
	assert_int_equal(fixture_load(&lab.f, "probe", "probe", NULL), 0);
	fixture_start(&lab.f);
	lab.entry = fixture_apply(&lab.f, PAIR);
	lab.host = lab.f.probe->host;
	lab.self = lab.f.probe->self;
	assert_int_equal(lab.f.probe->trigger_count, 2);
	lab.a = find_trigger("a")->handle;
	lab.b = find_trigger("b")->handle;
}

int faults_setup(void **state)
{
	(void)state;
	powercut_install();
	lab.f = (struct fixture){.vfs = "powercut"};
	lab.calls = 0;
	faults_open_again();
	return 0;
}

int faults_setup_short_queue(void **state)
{
	(void)state;
	powercut_install();
	lab.f = (struct fixture){.vfs = "powercut", .queue_max = 1};
	lab.calls = 0;
	faults_open_again();
	return 0;
}

int faults_teardown(void **state)
{
	(void)state;
	powercut_disarm();
	fixture_close(&lab.f);
	powercut_restore(KEPT_ALL, 0);
	return 0;
}

void on_result(void *arg, const tappet_result *r)
{
	struct outcome *o = arg;
	o->calls++;
	o->order = lab.calls++;
	o->outcome = r->outcome;
	o->reason = r->reason;
	snprintf(o->activity_id, sizeof(o->activity_id), "%s", r->activity_id);
	snprintf(o->key, sizeof(o->key), "%.*s", (int)r->dedup_key.len, r->dedup_key.ptr);
	if (o->then)
		o->then();
}

int32_t emit(tappet_trigger *t, const char *key, const char *cursor, struct outcome *o)
{
	const tappet_checkpoint c = {tappet_cstr("cursor"), tappet_cstr(cursor)};
	tappet_emission e = {.struct_size = sizeof(e)};
	e.payload = tappet_cstr("{}");
	e.dedup_key = tappet_cstr(key);
	e.checkpoints = cursor ? &c : NULL;
	e.checkpoint_count = cursor ? 1 : 0;
	e.checkpoint_size = sizeof(c);
	return lab.host->emit(t, &e, on_result, o);
}

struct outcome settle(tappet_trigger *t, const char *key, const char *cursor)
{
	struct outcome o = {0};
	assert_int_equal(emit(t, key, cursor, &o), 0);
	until(&lab.f, o.calls == 1);
	return o;
}

static void on_done(void *arg, int32_t result)
{
	struct answer *answer = arg;
	answer->calls++;
	answer->result = result;
	if (answer->then)
		answer->then();
}

static void on_get(void *arg, int32_t result, tappet_str value)
{
	struct answer *answer = arg;
	answer->calls++;
	answer->result = result;
	snprintf(answer->value, sizeof(answer->value), "%.*s", (int)value.len, value.ptr ? value.ptr : "");
}

void expect_state(tappet_trigger *t, const char *key, const char *value)
{
	struct answer answer = {0};
	assert_int_equal(lab.host->kv_get(lab.self, t, tappet_cstr(key), on_get, &answer), 0);
	until(&lab.f, answer.calls == 1);
	assert_int_equal(answer.result, value[0] ? TAPPET_OK : TAPPET_ENOTFOUND);
	assert_string_equal(answer.value, value);
}

int32_t put_value(const char *value)
{
	struct answer answer = {0};
	assert_int_equal(lab.host->kv_put(lab.self, NULL, tappet_cstr("k"), tappet_cstr(value), on_done, &answer), 0);
	until(&lab.f, answer.calls == 1);
	return answer.result;
}

int32_t account(tappet_trigger *t, const char *cursor, struct answer *answer)
{
	const tappet_checkpoint c = {tappet_cstr("cursor"), tappet_cstr(cursor)};
	const tappet_account given = {.struct_size = sizeof(given),
				      .first_ms = 1000,
				      .last_ms = 1000,
				      .count = 1,
				      .outcome = TAPPET_ACCOUNT_MISSED,
				      .checkpoints = &c,
				      .checkpoint_count = 1,
				      .checkpoint_size = sizeof(c)};
	return lab.host->account(t, &given, on_done, answer);
}

int32_t settle_account(tappet_trigger *t, const char *cursor)
{
	struct answer answer = {0};
	assert_int_equal(account(t, cursor, &answer), 0);
	until(&lab.f, answer.calls == 1);
	return answer.result;
}

struct counted {
	bool done;
	size_t count;
};

static void on_activities(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	(void)rows;
	assert_int_equal(status, 0);
	*(struct counted *)arg = (struct counted){true, count};
}

static void on_accounts(void *arg, int status, const struct store_account_row *rows, size_t count)
{
	(void)rows;
	assert_int_equal(status, 0);
	*(struct counted *)arg = (struct counted){true, count};
}

size_t activities(void)
{
	const struct store_activity_filter all = {.limit = 1000};
	struct counted counted = {0};
	assert_int_equal(store_list_activities(lab.f.store, &all, on_activities, &counted), 0);
	until(&lab.f, counted.done);
	return counted.count;
}

size_t accounts(void)
{
	struct counted counted = {0};
	assert_int_equal(store_list_accounts(lab.f.store, NULL, 0, 0, 1000, on_accounts, &counted), 0);
	until(&lab.f, counted.done);
	return counted.count;
}

void strike_unheard(void)
{
	int64_t end_ms = clock_mono_ms() + DEADLINE_MS;
	int before = lab.calls;
	uv_run(&lab.f.loop, UV_RUN_NOWAIT);
	while (!powercut_struck()) {
		assert_true(clock_mono_ms() < end_ms);
		uv_sleep(1);
	}
	assert_int_equal(lab.calls, before);
}

bool store_is_well(void)
{
	return !store_is_full(lab.f.store) && health_worst(lab.f.health) == HEALTH_OK;
}
