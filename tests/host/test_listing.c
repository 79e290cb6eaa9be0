/* Plugins that list their checkpoints (ABI 1.4): none is handed over nor read, and a reload still waits for the last one.
 * Their options are paths. */
#include "host/support_host.h"
#include "host/internal.h"

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"
#define WITH(with)                                                                                                     \
	"{\"slug\": \"w\", \"triggers\": [{\"id\": \"t\", \"plugin\": \"listing\", \"with\": " with "}]," STEPS "}"
#define SIBLINGS 40 /* more than are read one by one */

static struct fixture f;
static const tappet_host *host;
static const struct catalog_entry *entry;
static struct probe *other;

struct outcome {
	int calls;
	int32_t result;
	char rows[200];
};

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	fixture_open(&f, true);
	other = f.probe;
	f.probe = probe_open_as("listing");
	assert_int_equal(fixture_load(&f, "listing", "listing", NULL), 0);
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	host = f.probe->host;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	probe_open_as("listing");
	return 0;
}

static struct probe_trigger *added_last(const struct probe *p)
{
	return p->triggers[p->trigger_count - 1];
}

static void on_done(void *arg, int32_t result)
{
	struct outcome *o = arg;
	o->calls++;
	o->result = result;
}

static void on_result(void *arg, const tappet_result *r)
{
	on_done(arg, r->outcome);
}

static void put(const struct probe *p, tappet_trigger *t, const char *key, const char *value)
{
	struct outcome o = {0};
	assert_int_equal(p->host->kv_put(p->self, t, tappet_cstr(key), tappet_cstr(value), on_done, &o), 0);
	until(&f, o.calls == 1);
	assert_int_equal(o.result, TAPPET_OK);
}

static void on_list(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct outcome *o = arg;
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(o->rows + len, sizeof(o->rows) - len, "%.*s=%.*s;", (int)rows[i].key.len,
					rows[i].key.ptr, (int)rows[i].value.len, rows[i].value.ptr);
	on_done(o, result);
}

static void assert_lists(tappet_trigger *t, const char *rows)
{
	struct outcome o = {0};
	assert_int_equal(host->kv_list(f.probe->self, t, tappet_cstr(""), 10, on_list, &o), 0);
	until(&f, o.calls == 1);
	assert_int_equal(o.result, TAPPET_OK);
	assert_string_equal(o.rows, rows);
}

/* ---- Checkpoints ---- */

static void checkpoints_are_listed_and_not_handed_over(void **state)
{
	(void)state;
	fixture_apply(&f, WITH("{\"path\": \"/a\"}"));
	put(f.probe, added_last(f.probe)->handle, "at", "7");
	fixture_apply(&f, WITH("{\"path\": \"/b\"}"));
	assert_string_equal(added_last(f.probe)->path, "/b");
	assert_string_equal(added_last(f.probe)->checkpoints, "");
	assert_lists(added_last(f.probe)->handle, "at=7;");
}

static void nothing_is_read_before_a_trigger_is_added(void **state)
{
	struct catalog_entry *changed;
	(void)state;
	entry = fixture_apply(&f, WITH("{\"path\": \"/a\"}"));
	put(f.probe, added_last(f.probe)->handle, "at", "7");
	changed = (struct catalog_entry *)(uintptr_t)entry;
	changed->enabled = false;
	fixture_sync(&f, entry);
	changed->enabled = true;
	assert_int_equal(f.probe->frees, 1);
	host_sync(f.host, entry);
	/* What is read comes back at a later turn of the loop. */
	loading_run(&f.host->load);
	assert_int_equal(f.probe->adds, 2);
}

/* A workflow with a trigger that lists and many that do not; `folder` changes the options of all. */
static void apply_siblings(const char *folder)
{
	struct buf text;
	buf_init(&text, 65536);
	buf_printf(&text,
		   "{\"slug\": \"w\", \"triggers\": [{\"id\": \"t\", \"plugin\": \"listing\", \"with\": {\"path\":"
		   " \"%s\"}}",
		   folder);
	for (int i = 0; i < SIBLINGS; i++)
		buf_printf(&text, ",{\"id\": \"s%d\", \"plugin\": \"probe\", \"with\": {\"path\": \"%s\"}}", i, folder);
	buf_str(&text, "]," STEPS "}");
	fixture_apply(&f, buf_cstr(&text));
	buf_release(&text);
}

static void beside_many_others_they_are_not_handed_over_either(void **state)
{
	(void)state;
	apply_siblings("/a");
	put(f.probe, added_last(f.probe)->handle, "journal", "1");
	for (int i = 0; i < SIBLINGS; i++)
		put(other, other->triggers[i]->handle, "at", other->triggers[i]->id);
	apply_siblings("/b");
	assert_int_equal(f.probe->trigger_count, 2);
	assert_string_equal(added_last(f.probe)->checkpoints, "");
	assert_int_equal(other->trigger_count, (size_t)2 * SIBLINGS);
	for (size_t i = SIBLINGS; i < 2 * (size_t)SIBLINGS; i++) {
		char expected[80];
		snprintf(expected, sizeof(expected), "at=%s;", other->triggers[i]->id);
		assert_string_equal(other->triggers[i]->checkpoints, expected);
	}
}

/* Syncs what `entry` would be with another definition, without waiting. */
static void sync_as(const char *definition)
{
	struct workflow *w = fixture_workflow(definition);
	struct catalog_entry *changed = (struct catalog_entry *)(uintptr_t)entry;
	struct workflow *before = changed->workflow;
	changed->workflow = w;
	host_sync(f.host, changed);
	changed->workflow = before;
	workflow_unref(w);
}

static void a_successor_waits_for_the_last_checkpoint(void **state)
{
	const tappet_checkpoint at = {tappet_cstr("at"), tappet_cstr("41")};
	const tappet_emission e = {
		.struct_size = sizeof(e), .checkpoints = &at, .checkpoint_count = 1, .checkpoint_size = sizeof(at)};
	struct outcome o = {0};
	(void)state;
	entry = fixture_apply(&f, WITH("{\"path\": \"/a\"}"));
	assert_int_equal(host->emit(added_last(f.probe)->handle, &e, on_result, &o), 0);
	sync_as(WITH("{\"path\": \"/b\"}"));
	assert_true(f.probe->triggers[0]->removed);
	assert_int_equal(f.probe->adds, 1);
	until(&f, f.probe->adds == 2);
	assert_int_equal(o.calls, 1);
	assert_true(f.probe->triggers[0]->freed);
	assert_lists(added_last(f.probe)->handle, "at=41;");
}

static struct outcome left;

static void leave(struct probe *p, struct probe_trigger *t)
{
	assert_int_equal(p->host->kv_put(p->self, t->handle, tappet_cstr("last"), tappet_cstr("9"), on_done, &left), 0);
}

static void a_successor_finds_what_was_put_at_the_end(void **state)
{
	(void)state;
	left = (struct outcome){0};
	entry = fixture_apply(&f, WITH("{\"path\": \"/a\"}"));
	f.probe->on_remove = leave;
	sync_as(WITH("{\"path\": \"/b\"}"));
	assert_int_equal(f.probe->adds, 1);
	until(&f, f.probe->adds == 2);
	assert_int_equal(left.calls, 1);
	f.probe->on_remove = NULL;
	assert_lists(added_last(f.probe)->handle, "last=9;");
}

/* What is in its state is not known, so that its successor may not come before it has gone. */
static void a_trigger_that_lists_never_counts_as_without_state(void **state)
{
	(void)state;
	entry = fixture_apply(&f, WITH("{\"path\": \"/a\"}"));
	sync_as(WITH("{\"path\": \"/b\"}"));
	assert_int_equal(f.probe->adds, 1);
	until(&f, f.probe->adds == 2);
	assert_true(f.probe->triggers[0]->freed);
}

/* ---- Paths ---- */

static void a_path_is_handed_over_as_an_absolute_one(void **state)
{
	char expected[128];
	(void)state;
	fixture_apply(&f, WITH("{\"path\": \"./in//new/\"}"));
	snprintf(expected, sizeof(expected), "%s/in/new", f.folder);
	assert_string_equal(added_last(f.probe)->path, expected);
	fixture_apply(&f, WITH("{\"path\": \"/srv/../in\"}"));
	assert_string_equal(added_last(f.probe)->path, "/srv/../in");
}

static void a_path_is_shown_as_such(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 65536);
	host_describe(f.host, 0, &out);
	assert_non_null(strstr(buf_cstr(&out), "{\"key\":\"path\",\"type\":\"path\""));
	buf_clear(&out);
	host_document(f.host, 0, &out);
	assert_non_null(strstr(buf_cstr(&out), "| `path` | path | `/` |"));
	buf_release(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(checkpoints_are_listed_and_not_handed_over),
		CASE(nothing_is_read_before_a_trigger_is_added),
		CASE(beside_many_others_they_are_not_handed_over_either),
		CASE(a_successor_waits_for_the_last_checkpoint),
		CASE(a_successor_finds_what_was_put_at_the_end),
		CASE(a_trigger_that_lists_never_counts_as_without_state),
		CASE(a_path_is_handed_over_as_an_absolute_one),
		CASE(a_path_is_shown_as_such),
	};
	return cmocka_run_group_tests_name("host/listing", tests, NULL, NULL);
}
