#include "unit/engine/support_engine.h"

#include <errno.h>
#include <stdio.h>

#include "model/workflow.h"

#define FIRST "{\"triggers\":[{\"id\":\"t\",\"plugin\":\"webhook\"}],\"steps\":[{\"id\":\"a\",\"sleep\":\"0ms\"}]}"
#define SECOND "{\"steps\":[{\"id\":\"b\",\"sleep\":\"0ms\"}]}"

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

static void each_change_makes_a_revision_and_equal_ones_make_none(void **state)
{
	struct rig *r = *state;
	const struct catalog_entry *entry = rig_define(r, "test", FIRST);
	char id[ID_SIZE], revision_id[ID_SIZE];

	memcpy(id, entry->id, ID_SIZE);
	memcpy(revision_id, entry->revision_id, ID_SIZE);
	assert_int_equal(entry->revision, 1);
	assert_ptr_equal(rig_define(r, "test", FIRST), entry);
	assert_int_equal(entry->revision, 1);
	(void)rig_define(r, "test", SECOND);
	assert_int_equal(entry->revision, 2);
	assert_string_equal(entry->id, id);
	assert_string_not_equal(entry->revision_id, revision_id);
	(void)rig_define(r, "test", FIRST);
	assert_int_equal(entry->revision, 3);
	rig_down(r, 0);
	rig_up(r);
	entry = engine_find(r->engine, "test");
	assert_ptr_equal(engine_find(r->engine, id), entry);
	assert_int_equal(entry->revision, 3);
	assert_int_equal(workflow_find_step(entry->workflow, "a"), 0);
}

static void a_removed_file_disables_its_workflow_until_it_comes_back(void **state)
{
	struct rig *r = *state;
	const struct catalog_entry *entry = rig_define(r, "test", FIRST);

	assert_true(entry->enabled);
	assert_int_equal(rig_apply(r, NULL, NULL, true), 0);
	assert_true(entry->removed);
	assert_false(entry->enabled);
	assert_false(engine_trigger_enabled(r->engine, entry, "t"));
	rig_down(r, 0);
	rig_up(r);
	entry = engine_find(r->engine, "test");
	assert_true(entry->removed);
	(void)rig_define(r, "test", FIRST);
	assert_false(entry->removed);
	assert_true(entry->enabled);
	assert_int_equal(entry->revision, 1);
}

struct revision {
	bool done;
	int status;
	char step[16];
};

static void on_revision(void *arg, int status, struct workflow *w)
{
	struct revision *v = arg;

	v->done = true;
	v->status = status;
	if (w)
		(void)snprintf(v->step, sizeof(v->step), "%s", w->steps[0].id);
}

static bool revision_done(void *arg)
{
	return ((struct revision *)arg)->done;
}

static void an_old_revision_can_be_had(void **state)
{
	struct rig *r = *state;
	const struct catalog_entry *entry = rig_define(r, "test", FIRST);
	char first[ID_SIZE];
	struct revision v = {0};

	memcpy(first, entry->revision_id, ID_SIZE);
	(void)rig_define(r, "test", SECOND);
	rig_down(r, 0);
	rig_up(r);
	assert_int_equal(engine_revision(r->engine, first, on_revision, &v), 0);
	rig_until(r, revision_done, &v);
	assert_int_equal(v.status, 0);
	assert_string_equal(v.step, "a");
	v = (struct revision){0};
	assert_int_equal(engine_revision(r->engine, "ffffffffffffffffffffffff", on_revision, &v), 0);
	rig_until(r, revision_done, &v);
	assert_int_equal(v.status, -ENOENT);
}

static void a_document_tells_all_steps_from_the_start(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], sibling[ID_SIZE], task[37];
	const struct catalog_entry *entry;
	const struct json *b;
	struct json *d;

	entry = rig_define(
		r, "test",
		"{\"name\":\"Test "
		"it\",\"team\":\"Web\",\"steps\":[{\"id\":\"a\",\"sleep\":\"1h\"},{\"id\":\"b\",\"name\":\"The "
		"end\",\"run\":[\"/bin/true\"]}]}");
	rig_run(r, "test", NULL, id);
	d = rig_wait(r, id, "waiting");
	assert_string_equal(json_get_str(d, "id"), id);
	assert_string_equal(json_get_str(d, "workflow"), "test");
	assert_string_equal(json_get_str(d, "workflowName"), "Test it");
	assert_string_equal(json_get_str(d, "team"), "Web");
	assert_string_equal(json_get_str(d, "trigger"), "manual");
	assert_non_null(json_get_str(d, "createdAt"));
	assert_non_null(json_get_str(d, "startedAt"));
	assert_null(json_get(d, "endedAt"));
	assert_null(json_get(d, "durationMs"));
	assert_int_equal(json_count(json_get(d, "steps")), 2);
	b = rig_step(d, "b");
	id_sibling(id, 2, sibling);
	workflow_task_id(entry->id, "b", task);
	assert_string_equal(json_get_str(b, "id"), sibling);
	assert_string_equal(json_get_str(b, "taskId"), task);
	assert_string_equal(json_get_str(b, "name"), "The end");
	assert_string_equal(json_get_str(b, "kind"), "run");
	assert_string_equal(json_get_str(b, "status"), "notstarted");
	assert_null(json_get(b, "startedAt"));
	assert_int_equal(json_count(json_get(b, "outputs")), 0);
	json_free(d);
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_document(r, id);
	assert_non_null(json_get_str(d, "endedAt"));
	assert_non_null(json_get(d, "durationMs"));
	json_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_change_makes_a_revision_and_equal_ones_make_none, setup, teardown),
		cmocka_unit_test_setup_teardown(a_removed_file_disables_its_workflow_until_it_comes_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_old_revision_can_be_had, setup, teardown),
		cmocka_unit_test_setup_teardown(a_document_tells_all_steps_from_the_start, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
