/* Emissions and state of plugins on a disk that is full or fails: what the plugin is told, what is stored, and that the
 * two never differ. */
#include "host/support_faults.h"

/* ---- Not stored ---- */

static void expect_cancelled_by(enum fault fault)
{
	powercut_arm(fault, 1, ALWAYS);
	struct outcome o = settle(lab.a, NULL, "1");
	assert_int_equal(o.outcome, TAPPET_ECANCELED);
	assert_string_equal(o.activity_id, "");
	assert_true(o.key[0] != '\0');
	assert_int_equal(activities(), 0);
	expect_state(lab.a, "cursor", "");
	powercut_disarm();
	until(&lab.f, store_is_well());
	struct outcome again = settle(lab.a, o.key, "2");
	assert_int_equal(again.outcome, TAPPET_OK);
	assert_int_equal(activities(), 1);
	expect_state(lab.a, "cursor", "2");
}

static void what_a_failing_disk_does_not_take_is_cancelled_without_its_checkpoint(void **state)
{
	(void)state;
	expect_cancelled_by(FAULT_IO);
}

static void what_a_full_disk_does_not_take_is_cancelled_without_its_checkpoint(void **state)
{
	(void)state;
	expect_cancelled_by(FAULT_FULL);
}

static bool full_at_resume;

static void look_at_resume(struct probe *p)
{
	(void)p;
	full_at_resume = store_is_full(lab.f.store);
}

static void a_full_store_pauses_the_plugin_until_it_has_room(void **state)
{
	struct outcome busy = {0};
	struct answer unheard = {0};
	uint64_t emissions = 1, bytes = 1;
	(void)state;
	full_at_resume = true;
	lab.f.probe->on_resume = look_at_resume;
	powercut_arm(FAULT_FULL, 1, ALWAYS);
	assert_int_equal(settle(lab.a, NULL, NULL).outcome, TAPPET_ECANCELED);
	assert_int_equal(lab.f.probe->pauses, 0);
	lab.host->credit(lab.b, &emissions, &bytes);
	assert_int_equal(emissions, 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(emit(lab.b, NULL, NULL, &busy), TAPPET_EBUSY);
	assert_int_equal(account(lab.b, "1", &unheard), TAPPET_EBUSY);
	assert_int_equal(lab.f.probe->pauses, 0);
	until(&lab.f, lab.f.probe->pauses == 1);
	assert_int_equal(emit(lab.a, NULL, NULL, &busy), TAPPET_EBUSY);
	assert_int_equal(lab.f.probe->resumes, 0);
	powercut_disarm();
	until(&lab.f, lab.f.probe->resumes == 1);
	assert_false(full_at_resume);
	assert_int_equal(lab.f.probe->pauses, 1);
	assert_int_equal(settle(lab.b, NULL, NULL).outcome, TAPPET_OK);
	assert_int_equal(busy.calls + unheard.calls, 0);
	lab.f.probe->on_resume = NULL;
}

/* ---- Nobody knows ---- */

static void expect_one_of_an_unconfirmed(const char *key)
{
	powercut_arm_syncs(FAULT_IO, 1, 1);
	struct outcome first = settle(lab.a, key, "1");
	assert_int_equal(first.outcome, TAPPET_EUNKNOWN);
	assert_string_equal(first.activity_id, "");
	assert_true(first.key[0] != '\0');
	/* Whichever way it went, its checkpoint went with it. */
	size_t stored = activities();
	assert_true(stored <= 1);
	expect_state(lab.a, "cursor", stored ? "1" : "");
	struct outcome second = settle(lab.a, first.key, "2");
	assert_int_equal(second.outcome, stored ? TAPPET_EDUP : TAPPET_OK);
	struct outcome third = settle(lab.a, first.key, "3");
	assert_int_equal(third.outcome, TAPPET_EDUP);
	assert_string_equal(third.activity_id, second.activity_id);
	assert_string_equal(third.key, first.key);
	assert_int_equal(activities(), 1);
	expect_state(lab.a, "cursor", "3");
}

static void an_unconfirmed_emission_is_started_once_by_the_key_that_the_host_made(void **state)
{
	(void)state;
	expect_one_of_an_unconfirmed(NULL);
}

static void an_unconfirmed_emission_is_started_once_by_its_own_key(void **state)
{
	(void)state;
	expect_one_of_an_unconfirmed("delivery-1");
}

/* The power goes while the commit is synced. */
static void expect_one_after_a_restart(const char *key, enum kept kept)
{
	powercut_arm_syncs(FAULT_CUT, 1, 1);
	struct outcome first = settle(lab.a, key, "1");
	assert_int_equal(first.outcome, TAPPET_EUNKNOWN);
	lab.f.keeps_folder = true;
	fixture_close(&lab.f);
	powercut_restore(kept, 0);

	struct fixture next = {.vfs = "powercut", .keeps_folder = true};
	memcpy(next.folder, lab.f.folder, sizeof(next.folder));
	lab.f = next;
	faults_open_again();
	lab.f.keeps_folder = false;
	bool survived = kept == KEPT_ALL;
	assert_int_equal(activities(), survived ? 1 : 0);
	assert_string_equal(find_trigger("a")->checkpoints, survived ? "cursor=1;" : "");
	struct outcome second = settle(lab.a, first.key, "2");
	assert_int_equal(second.outcome, survived ? TAPPET_EDUP : TAPPET_OK);
	assert_int_equal(strlen(second.activity_id), 24);
	struct outcome third = settle(lab.a, first.key, "3");
	assert_int_equal(third.outcome, TAPPET_EDUP);
	assert_string_equal(third.activity_id, second.activity_id);
	assert_int_equal(activities(), 1);
	expect_state(lab.a, "cursor", "3");
}

static void an_unconfirmed_emission_that_survives_a_restart_is_not_doubled(void **state)
{
	(void)state;
	expect_one_after_a_restart(NULL, KEPT_ALL);
}

static void an_unconfirmed_emission_that_a_power_cut_takes_is_started_once(void **state)
{
	(void)state;
	expect_one_after_a_restart(NULL, KEPT_NONE);
}

static void its_own_key_does_not_double_it_after_a_restart_either(void **state)
{
	(void)state;
	expect_one_after_a_restart("delivery-1", KEPT_ALL);
}

/* ---- Checkpoints of what started nothing ---- */

static void checkpoints_go_with_duplicates_and_final_refusals_but_not_with_conflicts(void **state)
{
	const tappet_checkpoint c = {tappet_cstr("cursor"), tappet_cstr("3")};
	tappet_emission e = {.struct_size = sizeof(e), .checkpoints = &c, .checkpoint_count = 1};
	struct outcome o = {0}, conflict = {0};
	(void)state;
	e.checkpoint_size = sizeof(c);
	assert_int_equal(settle(lab.a, "k", "1").outcome, TAPPET_OK);
	assert_int_equal(settle(lab.a, "k", "2").outcome, TAPPET_EDUP);
	expect_state(lab.a, "cursor", "2");
	e.parameters = tappet_cstr("{\"colour\": 1}");
	assert_int_equal(lab.host->emit(lab.a, &e, on_result, &o), 0);
	until(&lab.f, o.calls == 1);
	assert_int_equal(o.reason, TAPPET_REASON_PARAMETERS);
	expect_state(lab.a, "cursor", "3");
	/* Switched off in the engine, while the host has not been told yet. */
	struct catalog_entry *changed = (struct catalog_entry *)(uintptr_t)lab.entry;
	changed->enabled = false;
	assert_int_equal(settle(lab.a, NULL, "4").reason, TAPPET_REASON_DISABLED);
	changed->enabled = true;
	expect_state(lab.a, "cursor", "4");
	e.parameters = (tappet_str){0};
	e.dedup_key = tappet_cstr("k");
	e.payload = tappet_cstr("[1]");
	assert_int_equal(lab.host->emit(lab.a, &e, on_result, &conflict), 0);
	until(&lab.f, conflict.calls == 1);
	assert_int_equal(conflict.outcome, TAPPET_ECONFLICT);
	expect_state(lab.a, "cursor", "4");
	assert_int_equal(activities(), 1);
}

/* ---- State of plugins ---- */

static void a_failed_put_says_so_and_leaves_the_old_value(void **state)
{
	(void)state;
	assert_int_equal(put_value("old"), TAPPET_OK);
	powercut_arm(FAULT_IO, 1, ALWAYS);
	assert_int_equal(put_value("1"), TAPPET_ECANCELED);
	expect_state(NULL, "k", "old");
	powercut_disarm();
	until(&lab.f, store_is_well());
	powercut_arm(FAULT_FULL, 1, ALWAYS);
	assert_int_equal(put_value("2"), TAPPET_ECANCELED);
	assert_int_equal(put_value("3"), TAPPET_ECANCELED);
	expect_state(NULL, "k", "old");
	powercut_disarm();
	until(&lab.f, store_is_well());
	powercut_arm_syncs(FAULT_IO, 1, 1);
	assert_int_equal(put_value("4"), TAPPET_EUNKNOWN);
	assert_int_equal(put_value("new"), TAPPET_OK);
	expect_state(NULL, "k", "new");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, faults_setup, faults_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_a_failing_disk_does_not_take_is_cancelled_without_its_checkpoint),
		CASE(what_a_full_disk_does_not_take_is_cancelled_without_its_checkpoint),
		CASE(a_full_store_pauses_the_plugin_until_it_has_room),
		CASE(an_unconfirmed_emission_is_started_once_by_the_key_that_the_host_made),
		CASE(an_unconfirmed_emission_is_started_once_by_its_own_key),
		CASE(an_unconfirmed_emission_that_survives_a_restart_is_not_doubled),
		CASE(an_unconfirmed_emission_that_a_power_cut_takes_is_started_once),
		CASE(its_own_key_does_not_double_it_after_a_restart_either),
		CASE(checkpoints_go_with_duplicates_and_final_refusals_but_not_with_conflicts),
		CASE(a_failed_put_says_so_and_leaves_the_old_value),
	};
	return cmocka_run_group_tests_name("host/faults", tests, NULL, NULL);
}
