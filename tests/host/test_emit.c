/* Emissions from the plugin's call to its callback, with the real engine and store: every outcome, credit, order,
 * states. */
#include "host/support_host.h"
#include "host/internal.h"

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"
#define ONE                                                                                                            \
	"{\"slug\": \"one\", \"params\": {\"n\": {\"type\": \"number\", \"default\": 1}},"                             \
	"\"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}"
#define MOVED "{\"slug\": \"one\", \"triggers\": [{\"plugin\": \"probe\", \"with\": {\"path\": \"/new\"}}]," STEPS "}"
#define PAIR                                                                                                           \
	"{\"slug\": \"pair\", \"triggers\": [{\"id\": \"a\", \"plugin\": \"probe\"},"                                  \
	"{\"id\": \"b\", \"plugin\": \"probe\"}]," STEPS "}"

static struct fixture f;
static const tappet_host *host;
static const struct catalog_entry *entry;
static tappet_trigger *trigger;

struct outcome {
	int calls;
	bool inside; /* the call of emit is on the stack */
	int32_t outcome, reason;
	char activity_id[25], key[256], detail[256];
	int order;
};
static int calls;

static int setup_with(const char *definition, size_t credit, size_t queue_max)
{
	f = (struct fixture){.credit_emissions = credit, .queue_max = queue_max};
	calls = 0;
	fixture_open(&f, true);
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	entry = fixture_apply(&f, definition);
	host = f.probe->host;
	assert_true(f.probe->trigger_count > 0);
	trigger = f.probe->triggers[0]->handle;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(ONE, 0, 0);
}

static int setup_small(void **state)
{
	(void)state;
	return setup_with(PAIR, 8, 0);
}

static int setup_short_queue(void **state)
{
	(void)state;
	return setup_with(ONE, 0, 1);
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void copy_str(char *to, size_t size, tappet_str from)
{
	snprintf(to, size, "%.*s", (int)from.len, from.ptr ? from.ptr : "");
}

static void on_result(void *arg, const tappet_result *r)
{
	struct outcome *o = arg;
	assert_false(o->inside);
	assert_true(r->struct_size >= sizeof(*r));
	o->calls++;
	o->order = calls++;
	o->outcome = r->outcome;
	o->reason = r->reason;
	snprintf(o->activity_id, sizeof(o->activity_id), "%s", r->activity_id);
	copy_str(o->key, sizeof(o->key), r->dedup_key);
	copy_str(o->detail, sizeof(o->detail), r->detail);
}

static tappet_emission emission(const char *payload, const char *key)
{
	tappet_emission e = {.struct_size = sizeof(e)};
	e.payload = tappet_cstr(payload);
	e.dedup_key = tappet_cstr(key);
	e.checkpoint_size = sizeof(tappet_checkpoint);
	return e;
}

static int32_t emit(tappet_trigger *t, const tappet_emission *e, struct outcome *o)
{
	o->inside = true;
	int32_t r = host->emit(t, e, on_result, o);
	o->inside = false;
	return r;
}

static struct outcome settle(const tappet_emission *e)
{
	struct outcome o = {0};
	assert_int_equal(emit(trigger, e, &o), 0);
	until(&f, o.calls > 0);
	return o;
}

static void an_emission_becomes_an_activity(void **state)
{
	(void)state;
	tappet_emission e = emission("{\"a\": 1}", NULL);
	struct outcome o = settle(&e);
	assert_int_equal(o.outcome, TAPPET_OK);
	assert_int_equal(strlen(o.activity_id), 24);
	assert_true(o.key[0] != '\0');
	/* Exactly once. */
	struct outcome second = settle(&e);
	assert_int_equal(second.outcome, TAPPET_OK);
	assert_int_equal(o.calls, 1);
}

static void the_same_key_starts_nothing_twice(void **state)
{
	(void)state;
	tappet_emission e = emission("{\"a\": 1}", "k1");
	struct outcome first = settle(&e), second = settle(&e);
	assert_int_equal(first.outcome, TAPPET_OK);
	assert_string_equal(first.key, "k1");
	assert_int_equal(second.outcome, TAPPET_EDUP);
	assert_string_equal(second.activity_id, first.activity_id);
	e.payload = tappet_cstr("{\"a\": 2}");
	struct outcome third = settle(&e);
	assert_int_equal(third.outcome, TAPPET_ECONFLICT);
	assert_string_equal(third.activity_id, first.activity_id);
}

static void the_key_that_the_host_made_cannot_double(void **state)
{
	(void)state;
	tappet_emission e = emission("{}", NULL);
	struct outcome first = settle(&e);
	e.dedup_key = tappet_cstr(first.key);
	struct outcome second = settle(&e);
	assert_int_equal(second.outcome, TAPPET_EDUP);
	assert_string_equal(second.activity_id, first.activity_id);
}

static void a_wrong_parameter_is_refused_by_name(void **state)
{
	(void)state;
	tappet_emission e = emission("{}", NULL);
	e.parameters = tappet_cstr("{\"colour\": \"red\"}");
	struct outcome o = settle(&e);
	assert_int_equal(o.outcome, TAPPET_EREFUSED);
	assert_int_equal(o.reason, TAPPET_REASON_PARAMETERS);
	assert_non_null(strstr(o.detail, "colour"));
	assert_string_equal(o.activity_id, "");
}

static void a_full_queue_refuses(void **state)
{
	(void)state;
	tappet_emission e = emission("{}", NULL);
	assert_int_equal(settle(&e).outcome, TAPPET_OK);
	struct outcome o = settle(&e);
	assert_int_equal(o.outcome, TAPPET_EREFUSED);
	assert_int_equal(o.reason, TAPPET_REASON_QUEUE_FULL);
}

static void a_disabled_workflow_refuses(void **state)
{
	(void)state;
	/* Switched off in the engine, while the host has not been told yet. */
	struct catalog_entry *changed = (struct catalog_entry *)(uintptr_t)entry;
	changed->enabled = false;
	tappet_emission e = emission("{}", NULL);
	struct outcome o = settle(&e);
	assert_int_equal(o.outcome, TAPPET_EREFUSED);
	assert_int_equal(o.reason, TAPPET_REASON_DISABLED);
	fixture_sync(&f, entry);
	assert_int_equal(f.probe->frees, 1);
	changed->enabled = true;
}

static void wrong_emissions_are_turned_down_at_once(void **state)
{
	struct outcome o = {0};
	char long_key[300];
	(void)state;
	memset(long_key, 'k', sizeof(long_key));
	tappet_emission e = emission("{\"a\":", NULL);
	assert_int_equal(emit(trigger, &e, &o), TAPPET_EINVAL);
	e = emission("{}", NULL);
	e.dedup_key = tappet_strn(long_key, 256);
	assert_int_equal(emit(trigger, &e, &o), TAPPET_EINVAL);
	e = emission("{}", NULL);
	e.parameters = tappet_cstr("[1]");
	assert_int_equal(emit(trigger, &e, &o), TAPPET_EINVAL);
	e = emission("{}", NULL);
	e.cause = tappet_cstr("\"somebody\"");
	assert_int_equal(emit(trigger, &e, &o), TAPPET_EINVAL);
	e = emission("{}", NULL);
	e.struct_size = 8;
	assert_int_equal(emit(trigger, &e, &o), TAPPET_EINVAL);
	e = emission("{}", NULL);
	assert_int_equal(host->emit(trigger, &e, NULL, NULL), TAPPET_EINVAL);
	assert_int_equal(host->emit(NULL, &e, on_result, &o), TAPPET_EINVAL);
	e.payload.ptr = NULL;
	assert_int_equal(emit(trigger, &e, &o), TAPPET_EINVAL);
	e = emission("{}", "fine");
	struct outcome last = settle(&e);
	assert_int_equal(last.outcome, TAPPET_OK);
	assert_int_equal(o.calls, 0);
}

static void what_is_too_large_is_turned_down_at_once(void **state)
{
	struct outcome o = {0};
	size_t size = 1024 * 1024 + 64 * 1024 + 3;
	char *text = malloc(size);
	(void)state;
	memset(text, 'x', size);
	text[0] = text[size - 1] = '"';
	tappet_emission e = emission("{}", NULL);
	e.payload = tappet_strn(text, size);
	assert_int_equal(emit(trigger, &e, &o), TAPPET_ETOOBIG);
	e = emission("{}", NULL);
	tappet_checkpoint c = {tappet_cstr("k"), tappet_strn(text, 65537)};
	e.checkpoints = &c;
	e.checkpoint_count = 1;
	assert_int_equal(emit(trigger, &e, &o), TAPPET_ETOOBIG);
	c.value.len = 10;
	c.key = tappet_strn(text, 256);
	assert_int_equal(emit(trigger, &e, &o), TAPPET_ETOOBIG);
	e.checkpoint_size = 8;
	assert_int_equal(emit(trigger, &e, &o), TAPPET_EINVAL);
	free(text);
}

static void emissions_are_decided_in_order(void **state)
{
	struct outcome all[100] = {0};
	(void)state;
	tappet_emission e = emission("{}", NULL);
	for (int i = 0; i < 100; i++)
		assert_int_equal(emit(trigger, &e, &all[i]), 0);
	until(&f, calls == 100);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(all[i].order, i);
		assert_int_equal(all[i].outcome, TAPPET_OK);
		if (i > 0)
			assert_true(strcmp(all[i - 1].activity_id, all[i].activity_id) < 0);
	}
}

/* ---- States ---- */

static struct outcome early;
static int32_t early_result;

static void emit_early(struct probe *p, tappet_trigger *t)
{
	tappet_emission e = emission("{}", NULL);
	early_result = p->host->emit(t, &e, on_result, &early);
}

static void a_trigger_takes_nothing_before_it_is_added_and_after_it_is_removed(void **state)
{
	struct outcome o = {0}, last = {0};
	(void)state;
	early_result = 0;
	f.probe->on_add = emit_early;
	tappet_emission e = emission("{}", NULL);
	assert_int_equal(emit(trigger, &e, &last), 0);
	fixture_apply(&f, MOVED);
	assert_int_equal(early_result, TAPPET_ESTATE);
	assert_int_equal(last.outcome, TAPPET_OK);
	assert_true(f.probe->triggers[0]->freed);
	assert_string_equal(f.probe->triggers[1]->path, "/new");
	assert_int_equal(emit(f.probe->triggers[1]->handle, &e, &o), 0);
	until(&f, o.calls == 1);
}

static int32_t after_remove;
static int frees_at_callback;
static struct outcome in_flight;

static void emit_removed(struct probe *p, struct probe_trigger *t)
{
	tappet_emission e = emission("{}", NULL);
	after_remove = p->host->emit(t->handle, &e, on_result, &early);
}

static void on_flown(void *arg, const tappet_result *r)
{
	(void)r;
	frees_at_callback = f.probe->frees;
	((struct outcome *)arg)->calls++;
}

static void a_removed_trigger_is_freed_behind_its_last_callback(void **state)
{
	(void)state;
	in_flight = (struct outcome){0};
	after_remove = 0;
	f.probe->on_remove = emit_removed;
	tappet_emission e = emission("{}", NULL);
	assert_int_equal(host->emit(trigger, &e, on_flown, &in_flight), 0);
	struct catalog_entry off = *entry;
	off.enabled = false;
	host_sync(f.host, &off);
	assert_int_equal(f.probe->removes, 1);
	assert_int_equal(f.probe->frees, 0);
	assert_int_equal(after_remove, TAPPET_ESTATE);
	until(&f, f.probe->frees == 1);
	assert_int_equal(in_flight.calls, 1);
	assert_int_equal(frees_at_callback, 0);
}

static void a_successor_is_handed_the_last_checkpoints(void **state)
{
	struct outcome o = {0};
	(void)state;
	const tappet_checkpoint c[] = {{tappet_cstr("cursor"), tappet_cstr("41")},
				       {tappet_cstr("etag"), tappet_cstr("x")}};
	tappet_emission e = emission("{}", NULL);
	e.checkpoints = c;
	e.checkpoint_count = 2;
	assert_int_equal(emit(trigger, &e, &o), 0);
	/* Nobody waits for the emission here: the successor must. */
	struct workflow *w = fixture_workflow(MOVED);
	struct catalog_entry *changed = (struct catalog_entry *)(uintptr_t)entry;
	struct workflow *before = changed->workflow;
	changed->workflow = w;
	fixture_sync(&f, entry);
	changed->workflow = before;
	workflow_unref(w);
	assert_int_equal(o.calls, 1);
	assert_int_equal(f.probe->adds, 2);
	assert_string_equal(f.probe->triggers[0]->checkpoints, "");
	assert_string_equal(f.probe->triggers[1]->checkpoints, "cursor=41;etag=x;");
}

static void many_triggers_get_their_checkpoints_from_one_list(void **state)
{
	struct buf text;
	(void)state;
	struct outcome o = {0};
	const tappet_checkpoint c[] = {{tappet_cstr("cursor"), tappet_cstr("7")}};
	buf_init(&text, 65536);
	buf_str(&text, "{\"slug\": \"many\", \"triggers\": [");
	for (int i = 0; i < 40; i++)
		buf_printf(&text, "%s{\"id\": \"t%d\", \"plugin\": \"probe\", \"with\": {\"path\": \"/%%s\"}}",
			   i ? "," : "", i);
	buf_str(&text, "]," STEPS "}");
	char first[16384], second[16384];
	snprintf(first, sizeof(first), "%s", buf_cstr(&text));
	snprintf(second, sizeof(second), "%s", buf_cstr(&text));
	for (char *at = second; (at = strstr(at, "/%s"));)
		at[1] = 'y';
	buf_release(&text);
	fixture_apply(&f, first);
	assert_int_equal(f.probe->trigger_count, 41);
	tappet_emission e = emission("{}", NULL);
	e.checkpoints = c;
	e.checkpoint_count = 1;
	assert_string_equal(f.probe->triggers[8]->id, "t7");
	assert_int_equal(emit(f.probe->triggers[8]->handle, &e, &o), 0);
	until(&f, o.calls == 1);
	fixture_apply(&f, second);
	assert_int_equal(f.probe->trigger_count, 81);
	size_t with = 0;
	for (size_t i = 41; i < 81; i++)
		if (strcmp(f.probe->triggers[i]->checkpoints, "cursor=7;") == 0) {
			assert_string_equal(f.probe->triggers[i]->id, "t7");
			with++;
		}
	assert_int_equal(with, 1);
}

/* ---- Accounts ---- */

static int32_t accounted;
static int accounted_calls;

static void on_account(void *arg, int32_t result)
{
	(void)arg;
	accounted = result;
	accounted_calls++;
}

static void an_account_commits_its_checkpoints(void **state)
{
	(void)state;
	accounted_calls = 0;
	const tappet_checkpoint c = {tappet_cstr("cursor"), tappet_cstr("99")};
	tappet_account a = {.struct_size = sizeof(a),
			    .first_ms = 1000,
			    .last_ms = 5000,
			    .count = 5,
			    .outcome = TAPPET_ACCOUNT_MISSED,
			    .checkpoints = &c,
			    .checkpoint_count = 1,
			    .checkpoint_size = sizeof(c)};
	assert_int_equal(host->account(trigger, &a, on_account, NULL), 0);
	assert_int_equal(accounted_calls, 0);
	fixture_apply(&f, MOVED);
	assert_int_equal(accounted_calls, 1);
	assert_int_equal(accounted, TAPPET_OK);
	assert_string_equal(f.probe->triggers[1]->checkpoints, "cursor=99;");
	a.outcome = 9;
	assert_int_equal(host->account(f.probe->triggers[1]->handle, &a, on_account, NULL), TAPPET_EINVAL);
	a.outcome = TAPPET_ACCOUNT_SKIPPED;
	a.first_ms = 6000;
	assert_int_equal(host->account(f.probe->triggers[1]->handle, &a, on_account, NULL), TAPPET_EINVAL);
}

/* ---- Credit: 8 emissions in all ---- */

static void one_trigger_cannot_starve_another(void **state)
{
	struct outcome all[16] = {0};
	uint64_t room = 0;
	int n = 0;
	(void)state;
	tappet_trigger *second = f.probe->triggers[1]->handle;
	tappet_emission e = emission("{}", NULL);
	host->credit(trigger, &room, NULL);
	assert_int_equal(room, 4);
	while (n < 16 && emit(trigger, &e, &all[n]) == 0)
		n++;
	/* Half of the eight, then half of what is left. */
	assert_int_equal(n, 4);
	host->credit(trigger, &room, NULL);
	assert_int_equal(room, 0);
	host->credit(second, &room, NULL);
	assert_int_equal(room, 2);
	assert_int_equal(emit(second, &e, &all[n]), 0);
	n++;
	assert_int_equal(emit(second, &e, &all[n]), 0);
	n++;
	assert_int_equal(emit(second, &e, &all[n]), TAPPET_EBUSY);
	until(&f, calls == n);
	/* Who was told EBUSY is told when there is room again. */
	until(&f, f.probe->resumes > 0);
	assert_int_equal(f.probe->pauses, 0);
	host->credit(second, &room, NULL);
	assert_int_equal(room, 4);
}

static struct outcome many[64];
static int emitted;

static void the_high_mark_pauses_and_the_low_one_resumes(void **state)
{
	(void)state;
	memset(many, 0, sizeof(many));
	emitted = 0;
	fixture_apply(&f, "{\"slug\": \"more\", \"triggers\": [{\"id\": \"c\", \"plugin\": \"probe\"}, {\"id\": \"d\", "
			  "\"plugin\": "
			  "\"probe\"}, {\"id\": \"e\", \"plugin\": \"probe\"}]," STEPS "}");
	tappet_emission e = emission("{}", NULL);
	for (size_t k = 0; k < f.probe->trigger_count; k++)
		while (emitted < 64 && emit(f.probe->triggers[k]->handle, &e, &many[emitted]) == 0)
			emitted++;
	assert_int_equal(emitted, 8);
	assert_int_equal(f.probe->pauses, 0);
	until(&f, f.probe->pauses == 1);
	until(&f, f.probe->resumes == 1);
	until(&f, calls == emitted);
	assert_int_equal(f.probe->pauses, 1);
	assert_int_equal(f.probe->resumes, 1);
}

static void the_stop_waits_for_emissions(void **state)
{
	struct outcome o = {0};
	(void)state;
	tappet_emission e = emission("{}", NULL);
	assert_int_equal(emit(trigger, &e, &o), 0);
	fixture_stop(&f, 10000);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.outcome, TAPPET_OK);
}

struct refusals {
	int calls;
	size_t count;
	char sample[128];
	int reason;
};

static void on_refusals(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct refusals *r = arg;
	assert_int_equal(status, 0);
	r->calls++;
	r->count = count;
	if (count) {
		snprintf(r->sample, sizeof(r->sample), "%s", rows[0].sample ? rows[0].sample : "");
		r->reason = rows[0].reason;
	}
}

static void what_a_plugin_refuses_is_recorded(void **state)
{
	struct refusals r = {0};
	(void)state;
	host->refuse(f.probe->self, trigger, TAPPET_REASON_SIGNATURE, tappet_cstr("no signature header"));
	int64_t end_ms = clock_mono_ms() + DEADLINE_MS;
	while (r.count == 0) {
		int before = r.calls;
		assert_true(clock_mono_ms() < end_ms);
		assert_int_equal(store_list_refusals(f.store, entry->id, 0, 0, 10, on_refusals, &r), 0);
		until(&f, r.calls > before);
	}
	assert_string_equal(r.sample, "no signature header");
	assert_int_equal(r.reason, TAPPET_REASON_SIGNATURE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_emission_becomes_an_activity),
		CASE(the_same_key_starts_nothing_twice),
		CASE(the_key_that_the_host_made_cannot_double),
		CASE(a_wrong_parameter_is_refused_by_name),
		cmocka_unit_test_setup_teardown(a_full_queue_refuses, setup_short_queue, teardown),
		CASE(a_disabled_workflow_refuses),
		CASE(wrong_emissions_are_turned_down_at_once),
		CASE(what_is_too_large_is_turned_down_at_once),
		CASE(emissions_are_decided_in_order),
		CASE(a_trigger_takes_nothing_before_it_is_added_and_after_it_is_removed),
		CASE(a_removed_trigger_is_freed_behind_its_last_callback),
		CASE(a_successor_is_handed_the_last_checkpoints),
		CASE(many_triggers_get_their_checkpoints_from_one_list),
		CASE(an_account_commits_its_checkpoints),
		cmocka_unit_test_setup_teardown(one_trigger_cannot_starve_another, setup_small, teardown),
		cmocka_unit_test_setup_teardown(the_high_mark_pauses_and_the_low_one_resumes, setup_small, teardown),
		CASE(the_stop_waits_for_emissions),
		CASE(what_a_plugin_refuses_is_recorded),
	};
	return cmocka_run_group_tests_name("host/emit", tests, NULL, NULL);
}
