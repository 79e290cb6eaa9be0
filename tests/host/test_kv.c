/* Durable state of plugins and triggers, each in its own scope. */
#include "host/support_host.h"

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"

static struct fixture f;
static const tappet_host *host;
static tappet_instance *self;
static tappet_trigger *trigger;

struct answer {
	int calls;
	int32_t result;
	char value[64];
};

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	fixture_open(&f, true);
	assert_int_equal(fixture_load(&f, "one", "probe", NULL), 0);
	assert_int_equal(fixture_load(&f, "two", "probe", NULL), 0);
	fixture_start(&f);
	fixture_apply(&f, "{\"slug\": \"w\", \"triggers\": [{\"plugin\": \"one\"}]," STEPS "}");
	host = f.probe->host;
	self = f.probe->self;
	trigger = f.probe->triggers[0]->handle;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void on_put(void *arg, int32_t result)
{
	struct answer *a = arg;
	a->calls++;
	a->result = result;
}

static void on_get(void *arg, int32_t result, tappet_str value)
{
	struct answer *a = arg;
	a->calls++;
	a->result = result;
	snprintf(a->value, sizeof(a->value), "%.*s", (int)value.len, value.ptr ? value.ptr : "");
}

static int32_t put(tappet_instance *p, tappet_trigger *t, const char *key, const char *value)
{
	struct answer a = {0};
	int32_t error = host->kv_put(p, t, tappet_cstr(key), tappet_cstr(value), on_put, &a);
	if (error)
		return error;
	assert_int_equal(a.calls, 0);
	until(&f, a.calls == 1);
	return a.result;
}

static void expect(tappet_instance *p, tappet_trigger *t, const char *key, const char *value)
{
	struct answer a = {0};
	assert_int_equal(host->kv_get(p, t, tappet_cstr(key), on_get, &a), 0);
	assert_int_equal(a.calls, 0);
	until(&f, a.calls == 1);
	assert_int_equal(a.result, value ? TAPPET_OK : TAPPET_ENOTFOUND);
	assert_string_equal(a.value, value ? value : "");
}

static void what_is_put_is_got_until_it_is_removed(void **state)
{
	(void)state;
	expect(self, NULL, "k", NULL);
	assert_int_equal(put(self, NULL, "k", "v1"), 0);
	expect(self, NULL, "k", "v1");
	assert_int_equal(put(self, NULL, "k", "v2"), 0);
	expect(self, NULL, "k", "v2");
	assert_int_equal(put(self, NULL, "k", ""), 0);
	expect(self, NULL, "k", NULL);
}

static void plugins_and_triggers_do_not_see_each_others_state(void **state)
{
	(void)state;
	assert_int_equal(put(self, NULL, "k", "plugin"), 0);
	assert_int_equal(put(self, trigger, "k", "trigger"), 0);
	expect(self, NULL, "k", "plugin");
	expect(self, trigger, "k", "trigger");
	expect(f.probe[1].self, NULL, "k", NULL);
	assert_int_equal(host->kv_put(f.probe[1].self, trigger, tappet_cstr("k"), tappet_cstr("v"), on_put, NULL),
			 TAPPET_EINVAL);
}

static void wrong_keys_and_values_are_turned_down(void **state)
{
	char key[256];
	struct answer a = {0};
	(void)state;
	memset(key, 'k', sizeof(key));
	assert_int_equal(host->kv_put(self, NULL, tappet_strn(key, 256), tappet_cstr("v"), on_put, &a), TAPPET_ETOOBIG);
	assert_int_equal(host->kv_put(self, NULL, tappet_cstr(""), tappet_cstr("v"), on_put, &a), TAPPET_EINVAL);
	assert_int_equal(host->kv_put(self, NULL, tappet_cstr("k"), tappet_cstr("v"), NULL, &a), TAPPET_EINVAL);
	assert_int_equal(host->kv_get(self, NULL, tappet_strn(NULL, 0), on_get, &a), TAPPET_EINVAL);
	assert_int_equal(a.calls, 0);
}

static void too_much_at_once_is_turned_down_until_resume(void **state)
{
	struct answer a = {0};
	int taken = 0;
	(void)state;
	while (host->kv_get(self, NULL, tappet_cstr("k"), on_get, &a) == TAPPET_OK)
		taken++;
	assert_int_equal(taken, 4096);
	assert_int_equal(f.probe->resumes, 0);
	until(&f, f.probe->resumes == 1);
	until(&f, a.calls == taken);
	assert_int_equal(f.probe->resumes, 1);
}

static void the_stop_waits_for_what_is_put(void **state)
{
	struct answer a = {0};
	(void)state;
	assert_int_equal(host->kv_put(self, trigger, tappet_cstr("k"), tappet_cstr("v"), on_put, &a), 0);
	fixture_stop(&f, 10000);
	assert_int_equal(a.calls, 1);
	assert_int_equal(host->kv_put(self, NULL, tappet_cstr("k"), tappet_cstr("v"), on_put, &a), TAPPET_ESTATE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_put_is_got_until_it_is_removed), CASE(plugins_and_triggers_do_not_see_each_others_state),
		CASE(wrong_keys_and_values_are_turned_down),  CASE(too_much_at_once_is_turned_down_until_resume),
		CASE(the_stop_waits_for_what_is_put),
	};
	return cmocka_run_group_tests_name("host/kv", tests, NULL, NULL);
}
