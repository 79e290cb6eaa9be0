/* Open triggers: there without a definition, emitting for subjects, with state that is read in pages, and what a trigger
 * leaves for its successor. */
#include "host/support_host.h"
#include "host/internal.h"
#include "model/reason.h"

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"
#define PLAIN "{\"slug\": \"w\"," STEPS "}"
#define NAMED "{\"slug\": \"w\", \"name\": \"W\"," STEPS "}"
#define OTHER "{\"slug\": \"other\"," STEPS "}"
/* A trigger of the definition with the name of a subject, which lets nothing through. */
#define SHADOWED                                                                                                       \
	"{\"slug\": \"w\", \"triggers\": [{\"id\": \"one\", \"plugin\": \"open\", \"when\": \"false\","                \
	" \"with\": {\"path\": \"/one\"}}]," STEPS "}"
#define NOWHERE "{\"slug\": \"w\", \"triggers\": [{\"id\": \"one\", \"plugin\": \"open\"}]," STEPS "}"

static struct fixture f;
static const tappet_host *host;
static const struct catalog_entry *entry;
static tappet_trigger *trigger;

struct outcome {
	int calls;
	int32_t outcome, reason;
	char activity_id[25];
};

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	fixture_open(&f, true);
	f.probe = probe_open_as("open");
	assert_int_equal(fixture_load(&f, "open", "open", NULL), 0);
	fixture_start(&f);
	entry = fixture_apply(&f, PLAIN);
	host = f.probe->host;
	assert_int_equal(f.probe->trigger_count, 1);
	trigger = f.probe->triggers[0]->handle;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	probe_open_as("open");
	return 0;
}

static struct probe_trigger *added_last(void)
{
	return f.probe->triggers[f.probe->trigger_count - 1];
}

/* ---- Its life ---- */

static void each_workflow_that_runs_has_one(void **state)
{
	struct catalog_entry *changed = (struct catalog_entry *)(uintptr_t)entry;
	(void)state;
	assert_string_equal(added_last()->id, "+open");
	assert_string_equal(added_last()->workflow_id, entry->id);
	assert_string_equal(added_last()->path, "/");
	fixture_apply(&f, OTHER);
	assert_int_equal(f.probe->adds, 2);
	assert_string_equal(added_last()->slug, "other");
	changed->enabled = false;
	fixture_sync(&f, entry);
	assert_true(f.probe->triggers[0]->freed);
	assert_false(f.probe->triggers[1]->removed);
	changed->enabled = true;
	fixture_sync(&f, entry);
	assert_int_equal(f.probe->adds, 3);
}

static void it_is_replaced_when_its_workflow_is_called_otherwise(void **state)
{
	(void)state;
	fixture_sync(&f, entry);
	assert_int_equal(f.probe->adds, 1);
	/* The definition changes, but nothing that it was told. */
	fixture_apply(&f, "{\"slug\": \"w\", \"steps\": [{\"id\": \"b\", \"run\": [\"true\"]}]}");
	assert_int_equal(f.probe->adds, 1);
	fixture_apply(&f, NAMED);
	assert_int_equal(f.probe->adds, 2);
	assert_true(f.probe->triggers[0]->freed);
	assert_string_equal(added_last()->name, "W");
}

static void it_is_there_beside_one_of_the_definition(void **state)
{
	(void)state;
	fixture_apply(&f, SHADOWED);
	assert_int_equal(f.probe->adds, 2);
	assert_string_equal(added_last()->id, "one");
	assert_false(f.probe->triggers[0]->removed);
}

static void its_options_are_nobodys_mistake(void **state)
{
	(void)state;
	fixture_apply(&f, NOWHERE);
	assert_int_equal(f.probe->adds, 1);
	char *text = health_of(&f, entry->id, "one");
	assert_non_null(strstr(text, "expected a place"));
	free(text);
	text = health_of(&f, entry->id, "+open");
	assert_string_equal(text, "{\"state\":\"running\"}");
	free(text);
}

static void its_health_can_be_told_and_asked_for(void **state)
{
	(void)state;
	host->health(f.probe->self, trigger, TAPPET_HEALTH_DEGRADED, "too many", 0);
	char *text = health_of(&f, entry->id, "+open");
	assert_string_equal(text, "{\"state\":\"degraded\",\"reason\":\"too many\"}");
	free(text);
	host->health(f.probe->self, trigger, TAPPET_HEALTH_RUNNING, NULL, 0);
	assert_int_equal(health_worst(f.health), HEALTH_OK);
}

/* ---- Subjects ---- */

static void on_result(void *arg, const tappet_result *r)
{
	struct outcome *o = arg;
	o->calls++;
	o->outcome = r->outcome;
	o->reason = r->reason;
	snprintf(o->activity_id, sizeof(o->activity_id), "%s", r->activity_id);
}

static int32_t emit(tappet_trigger *t, const char *subject, struct outcome *o)
{
	const tappet_checkpoint at = {tappet_cstr("at"), tappet_cstr("7")};
	const tappet_emission e = {.struct_size = sizeof(e),
				   .payload = tappet_cstr("{}"),
				   .dedup_key = tappet_cstr("k"),
				   .checkpoints = &at,
				   .checkpoint_count = 1,
				   .checkpoint_size = sizeof(at),
				   .subject = tappet_cstr(subject)};
	return host->emit(t, &e, on_result, o);
}

static struct outcome settle(const char *subject)
{
	struct outcome o = {0};
	assert_int_equal(emit(trigger, subject, &o), 0);
	until(&f, o.calls > 0);
	return o;
}

struct found {
	bool done;
	int status;
	size_t count;
	char text[100];
};

static void on_activity(void *arg, int status, const struct store_activity_row *row)
{
	struct found *found = arg;
	found->status = status;
	if (status == 0)
		snprintf(found->text, sizeof(found->text), "%s %s", row->trigger, row->trigger_id);
	found->done = true;
}

static void assert_trigger(const char *activity_id, const char *words)
{
	struct found found = {0};
	assert_int_equal(store_get_activity(f.store, activity_id, on_activity, &found), 0);
	until(&f, found.done);
	assert_int_equal(found.status, 0);
	assert_string_equal(found.text, words);
}

static void an_activity_carries_the_subject_that_it_came_for(void **state)
{
	(void)state;
	struct outcome one = settle("one"), again = settle("one"), two = settle("two"), none = settle(NULL);
	assert_int_equal(one.outcome, TAPPET_OK);
	assert_int_equal(again.outcome, TAPPET_EDUP);
	assert_string_equal(again.activity_id, one.activity_id);
	assert_int_equal(two.outcome, TAPPET_OK);
	assert_int_equal(none.outcome, TAPPET_OK);
	assert_trigger(one.activity_id, "open one");
	assert_trigger(two.activity_id, "open two");
	assert_trigger(none.activity_id, "open +open");
	assert_int_equal(
		metric_read(&f, "tappet_trigger_emissions_total{workflow=\"w\",trigger=\"+open\",outcome=\"ok\"}"), 3);
	assert_int_equal(metric_read(&f, "tappet_trigger_emissions_total{workflow=\"w\",trigger=\"one\""), -1);
}

static void an_older_emission_has_none(void **state)
{
	struct outcome o = {0};
	(void)state;
	/* Behind its size lies what is no subject. */
	const tappet_emission e = {.struct_size = offsetof(tappet_emission, subject), .subject = {"one", 3}};
	assert_int_equal(host->emit(trigger, &e, on_result, &o), 0);
	until(&f, o.calls == 1);
	assert_int_equal(o.outcome, TAPPET_OK);
	assert_trigger(o.activity_id, "open +open");
}

static void only_what_looks_like_an_id_is_a_subject(void **state)
{
	static const char *const wrong[] = {"One", "a/b", "a b", "\xc3\xa4", "+open", "a.b"};
	char text[66];
	struct outcome o = {0};
	(void)state;
	memset(text, 'a', sizeof(text));
	text[65] = '\0';
	assert_int_equal(emit(trigger, text, &o), TAPPET_EINVAL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(emit(trigger, wrong[i], &o), TAPPET_EINVAL);
	assert_int_equal(o.calls, 0);
	assert_int_equal(settle(text + 1).outcome, TAPPET_OK);
	assert_int_equal(settle("5dd74d0976df2d000110e52a").outcome, TAPPET_OK);
	assert_int_equal(settle("a_-9").outcome, TAPPET_OK);
	/* And not through others. */
	fixture_apply(&f, SHADOWED);
	assert_int_equal(emit(added_last()->handle, "two", &o), TAPPET_EINVAL);
}

static void the_workflow_alone_is_asked(void **state)
{
	(void)state;
	fixture_apply(&f, SHADOWED);
	assert_int_equal(settle("one").outcome, TAPPET_OK);
	assert_int_equal(settle("two").outcome, TAPPET_OK);
	assert_int_equal(settle(NULL).outcome, TAPPET_OK);
}

static void on_refusals(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct found *found = arg;
	assert_int_equal(status, 0);
	if (count == 1)
		snprintf(found->text, sizeof(found->text), "%s %d", rows[0].trigger_id, rows[0].reason);
	found->count = count;
	found->done = true;
}

static void a_refusal_carries_it_as_well(void **state)
{
	struct catalog_entry *changed = (struct catalog_entry *)(uintptr_t)entry;
	struct found found = {0};
	char words[40];
	(void)state;
	changed->enabled = false;
	struct outcome o = settle("one");
	changed->enabled = true;
	assert_int_equal(o.outcome, TAPPET_EREFUSED);
	assert_int_equal(o.reason, TAPPET_REASON_DISABLED);
	assert_int_equal(store_list_refusals(f.store, entry->id, 0, 0, 10, on_refusals, &found), 0);
	until(&f, found.done);
	snprintf(words, sizeof(words), "one %d", REASON_DISABLED);
	assert_string_equal(found.text, words);
}

static void on_done(void *arg, int32_t result)
{
	struct outcome *o = arg;
	o->calls++;
	o->outcome = result;
}

static void on_accounts(void *arg, int status, const struct store_account_row *rows, size_t count)
{
	struct found *found = arg;
	assert_int_equal(status, 0);
	assert_int_equal(count, 1);
	snprintf(found->text, sizeof(found->text), "%s", rows[0].trigger_id);
	found->done = true;
}

static void an_account_carries_it_as_well(void **state)
{
	const tappet_checkpoint at = {tappet_cstr("account"), tappet_cstr("9")};
	tappet_account a = {.struct_size = sizeof(a),
			    .first_ms = 1,
			    .last_ms = 2,
			    .count = 1,
			    .outcome = TAPPET_ACCOUNT_MISSED,
			    .checkpoints = &at,
			    .checkpoint_count = 1,
			    .checkpoint_size = sizeof(at),
			    .subject = tappet_cstr("one")};
	struct outcome o = {0};
	struct found found = {0};
	(void)state;
	assert_int_equal(host->account(trigger, &a, on_done, &o), 0);
	until(&f, o.calls == 1);
	assert_int_equal(o.outcome, TAPPET_OK);
	assert_int_equal(store_list_accounts(f.store, entry->id, 0, 0, 10, on_accounts, &found), 0);
	until(&f, found.done);
	assert_string_equal(found.text, "one");
	a.subject = tappet_cstr("One");
	assert_int_equal(host->account(trigger, &a, on_done, &o), TAPPET_EINVAL);
}

static void its_successor_waits_for_what_is_under_way(void **state)
{
	struct outcome o = {0};
	struct workflow *w = fixture_workflow(NAMED);
	struct catalog_entry renamed = *entry;
	(void)state;
	renamed.workflow = w;
	const tappet_emission e = {.struct_size = sizeof(e)};
	assert_int_equal(host->emit(trigger, &e, on_result, &o), 0);
	host_sync(f.host, &renamed);
	assert_true(f.probe->triggers[0]->removed);
	assert_int_equal(f.probe->adds, 1);
	until(&f, f.probe->adds == 2);
	assert_int_equal(o.calls, 1);
	assert_true(f.probe->triggers[0]->freed);
	workflow_unref(w);
}

/* ---- State ---- */

static void put(tappet_trigger *t, const char *key, const char *value)
{
	struct outcome o = {0};
	assert_int_equal(host->kv_put(f.probe->self, t, tappet_cstr(key), tappet_cstr(value), on_done, &o), 0);
	until(&f, o.calls == 1);
	assert_int_equal(o.outcome, TAPPET_OK);
}

static void on_list(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct found *found = arg;
	size_t len = 0;
	found->status = result;
	for (size_t i = 0; i < count && i < 5; i++)
		len += (size_t)snprintf(found->text + len, sizeof(found->text) - len, "%.*s=%.*s ",
					(int)rows[i].key.len, rows[i].key.ptr, (int)rows[i].value.len,
					rows[i].value.ptr);
	found->count += count;
	found->done = true;
}

static int32_t list_state(tappet_trigger *t, const char *after, size_t limit, struct found *found)
{
	return host->kv_list(f.probe->self, t, tappet_cstr(after), limit, on_list, found);
}

static void assert_page(tappet_trigger *t, const char *after, size_t limit, const char *words)
{
	struct found found = {0};
	assert_int_equal(list_state(t, after, limit, &found), 0);
	assert_false(found.done);
	until(&f, found.done);
	assert_int_equal(found.status, TAPPET_OK);
	assert_string_equal(found.text, words);
}

static void its_state_is_its_own_and_stays_out_of_what_is_handed_over(void **state)
{
	(void)state;
	assert_int_equal(settle("one").outcome, TAPPET_OK);
	put(trigger, "put", "8");
	assert_page(trigger, "", 1000, "at=7 put=8 ");
	fixture_apply(&f, NAMED);
	assert_string_equal(added_last()->checkpoints, "");
	assert_page(added_last()->handle, NULL, 1000, "at=7 put=8 ");
}

static void state_is_listed_in_pages(void **state)
{
	(void)state;
	put(trigger, "b", "2");
	put(trigger, "c", "3");
	put(trigger, "B", "1");
	put(NULL, "a", "0");
	assert_page(trigger, "", 2, "B=1 b=2 ");
	assert_page(trigger, "b", 2, "c=3 ");
	assert_page(trigger, "c", 2, "");
	assert_page(NULL, "", 1000, "a=0 ");
}

static void a_page_has_bounds(void **state)
{
	struct found found = {0};
	char key[256];
	(void)state;
	memset(key, 'k', sizeof(key));
	assert_int_equal(list_state(trigger, "", 0, &found), TAPPET_EINVAL);
	assert_int_equal(list_state(trigger, "", 1001, &found), TAPPET_EINVAL);
	assert_int_equal(host->kv_list(f.probe->self, trigger, tappet_strn(NULL, 1), 1, on_list, &found),
			 TAPPET_EINVAL);
	assert_int_equal(host->kv_list(f.probe->self, trigger, tappet_strn(key, 256), 1, on_list, &found),
			 TAPPET_ETOOBIG);
	assert_int_equal(host->kv_list(f.probe->self, trigger, tappet_cstr(""), 1, NULL, &found), TAPPET_EINVAL);
	assert_int_equal(host->kv_list(NULL, NULL, tappet_cstr(""), 1, on_list, &found), TAPPET_EINVAL);
	assert_false(found.done);
}

static void too_many_pages_at_once_are_turned_down_until_resume(void **state)
{
	struct found found = {0};
	size_t taken = 0;
	(void)state;
	put(NULL, "k", "v");
	while (list_state(NULL, "", 1, &found) == TAPPET_OK)
		taken++;
	assert_int_equal(taken, 4096);
	until(&f, f.probe->resumes == 1);
	until(&f, found.count == taken);
}

/* ---- What is left for the successor ---- */

static struct outcome left;
static int32_t put_result, list_result, get_result;

static void on_value(void *arg, int32_t result, tappet_str value)
{
	(void)arg;
	(void)result;
	(void)value;
}

static void leaves_something(struct probe *p, struct probe_trigger *t)
{
	put_result = p->host->kv_put(p->self, t->handle, tappet_cstr("last"), tappet_cstr("9"), on_done, &left);
	get_result = p->host->kv_get(p->self, t->handle, tappet_cstr("last"), on_value, NULL);
	list_result = p->host->kv_list(p->self, t->handle, tappet_cstr(""), 1, on_list, NULL);
}

#define WITH(path)                                                                                                     \
	"{\"slug\": \"w\", \"triggers\": [{\"id\": \"t\", \"plugin\": \"open\", \"with\": {\"path\": \"" path          \
	"\"}}]," STEPS "}"

static void a_trigger_leaves_its_successor_what_it_puts_when_removed(void **state)
{
	(void)state;
	left = (struct outcome){0};
	fixture_apply(&f, WITH("/a"));
	/* Nothing of it is in the store: its successor would come at once. */
	f.probe->on_remove = leaves_something;
	fixture_apply(&f, WITH("/b"));
	assert_int_equal(put_result, TAPPET_OK);
	assert_int_equal(get_result, TAPPET_ESTATE);
	assert_int_equal(list_result, TAPPET_ESTATE);
	assert_int_equal(left.calls, 1);
	assert_int_equal(left.outcome, TAPPET_OK);
	assert_string_equal(added_last()->path, "/b");
	assert_string_equal(added_last()->checkpoints, "last=9;");
	struct probe_trigger *first = f.probe->triggers[1];
	assert_true(first->freed);
}

static void an_open_trigger_does_so_as_well(void **state)
{
	(void)state;
	left = (struct outcome){0};
	f.probe->on_remove = leaves_something;
	fixture_apply(&f, NAMED);
	assert_int_equal(left.calls, 1);
	assert_page(added_last()->handle, "", 10, "last=9 ");
}

static void nothing_is_left_behind_stopped(void **state)
{
	(void)state;
	f.probe->on_remove = leaves_something;
	left = (struct outcome){0};
	fixture_stop(&f, 5000);
	assert_int_equal(put_result, TAPPET_ESTATE);
	assert_int_equal(left.calls, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_workflow_that_runs_has_one),
		CASE(it_is_replaced_when_its_workflow_is_called_otherwise),
		CASE(it_is_there_beside_one_of_the_definition),
		CASE(its_options_are_nobodys_mistake),
		CASE(its_health_can_be_told_and_asked_for),
		CASE(an_activity_carries_the_subject_that_it_came_for),
		CASE(an_older_emission_has_none),
		CASE(only_what_looks_like_an_id_is_a_subject),
		CASE(the_workflow_alone_is_asked),
		CASE(a_refusal_carries_it_as_well),
		CASE(an_account_carries_it_as_well),
		CASE(its_successor_waits_for_what_is_under_way),
		CASE(its_state_is_its_own_and_stays_out_of_what_is_handed_over),
		CASE(state_is_listed_in_pages),
		CASE(a_page_has_bounds),
		CASE(too_many_pages_at_once_are_turned_down_until_resume),
		CASE(a_trigger_leaves_its_successor_what_it_puts_when_removed),
		CASE(an_open_trigger_does_so_as_well),
		CASE(nothing_is_left_behind_stopped),
	};
	return cmocka_run_group_tests_name("host/open", tests, NULL, NULL);
}
