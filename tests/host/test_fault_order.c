/* One emission or account of a trigger fails: those behind it fail with it, in their order, and other triggers do not
 * notice. */
#include "host/support_faults.h"

/* ---- Those behind, and the others ---- */

static void expect_successors_cancelled(int32_t outcome)
{
	struct outcome first = {0}, second = {0}, third = {0}, other = {0};
	assert_int_equal(emit(lab.a, NULL, "1", &first), 0);
	strike_unheard();
	assert_int_equal(emit(lab.a, NULL, "2", &second), 0);
	assert_int_equal(emit(lab.b, NULL, "9", &other), 0);
	assert_int_equal(emit(lab.a, NULL, "3", &third), 0);
	until(&lab.f, lab.calls == 4);
	assert_int_equal(first.outcome, outcome);
	assert_int_equal(second.outcome, TAPPET_ECANCELED);
	assert_int_equal(third.outcome, TAPPET_ECANCELED);
	assert_int_equal(other.outcome, TAPPET_OK);
	assert_true(first.order < second.order && second.order < third.order);
	size_t stored = activities() - 1;
	assert_true(stored <= (outcome == TAPPET_EUNKNOWN));
	expect_state(lab.a, "cursor", stored ? "1" : "");
	expect_state(lab.b, "cursor", "9");
	/* What comes after the plugin was told counts again. */
	assert_int_equal(settle(lab.a, first.key, "4").outcome, stored ? TAPPET_EDUP : TAPPET_OK);
	assert_int_equal(settle(lab.a, second.key, "5").outcome, TAPPET_OK);
	assert_int_equal(activities(), 3);
	expect_state(lab.a, "cursor", "5");
}

static void those_behind_a_cancelled_emission_are_cancelled_and_other_triggers_go_on(void **state)
{
	(void)state;
	powercut_arm(FAULT_IO, 1, 1);
	expect_successors_cancelled(TAPPET_ECANCELED);
}

static void those_behind_an_unconfirmed_emission_are_cancelled_and_other_triggers_go_on(void **state)
{
	(void)state;
	powercut_arm_syncs(FAULT_IO, 1, 1);
	expect_successors_cancelled(TAPPET_EUNKNOWN);
}

/* The queue has room for one. */
static void those_behind_a_full_queue_are_cancelled_and_other_triggers_get_their_own_answer(void **state)
{
	struct outcome full = {0}, behind = {0}, other = {0};
	(void)state;
	assert_int_equal(settle(lab.b, "known", "1").outcome, TAPPET_OK);
	assert_int_equal(emit(lab.a, NULL, "1", &full), 0);
	assert_int_equal(emit(lab.a, NULL, "2", &behind), 0);
	assert_int_equal(emit(lab.b, "known", "2", &other), 0);
	until(&lab.f, lab.calls == 4);
	assert_int_equal(full.outcome, TAPPET_EREFUSED);
	assert_int_equal(full.reason, TAPPET_REASON_QUEUE_FULL);
	assert_int_equal(behind.outcome, TAPPET_ECANCELED);
	assert_int_equal(other.outcome, TAPPET_EDUP);
	expect_state(lab.a, "cursor", "");
	expect_state(lab.b, "cursor", "2");
	/* It is over with the answer: what comes then is decided by itself, each time. */
	assert_int_equal(settle(lab.a, NULL, "3").reason, TAPPET_REASON_QUEUE_FULL);
	assert_int_equal(settle(lab.a, NULL, "4").reason, TAPPET_REASON_QUEUE_FULL);
	expect_state(lab.a, "cursor", "");
}

/* Those that come with a key of the host's are looked up first, and still take their turn. */
static void callbacks_come_in_the_order_of_the_calls_of_each_trigger(void **state)
{
	struct outcome all[40] = {0};
	(void)state;
	struct outcome made = settle(lab.a, NULL, NULL);
	assert_int_equal(settle(lab.a, "own", NULL).outcome, TAPPET_OK);
	const char *const keys[] = {NULL, made.key, "own", NULL, "new"};
	for (int i = 0; i < 40; i++)
		assert_int_equal(emit(i % 2 ? lab.a : lab.b, keys[i / 2 % 5], NULL, &all[i]), 0);
	until(&lab.f, lab.calls == 42);
	for (int i = 2; i < 40; i++)
		assert_true(all[i - 2].order < all[i].order);
	assert_int_equal(all[1].outcome, TAPPET_OK);
	assert_int_equal(all[3].outcome, TAPPET_EDUP);
	assert_string_equal(all[3].activity_id, made.activity_id);
	assert_int_equal(all[5].outcome, TAPPET_EDUP);
	assert_int_equal(all[9].outcome, TAPPET_OK);
	assert_int_equal(all[19].outcome, TAPPET_EDUP);
}

/* ---- Accounts ---- */

static void a_failed_account_says_so_and_leaves_its_checkpoint(void **state)
{
	(void)state;
	powercut_arm(FAULT_IO, 1, ALWAYS);
	assert_int_equal(settle_account(lab.a, "1"), TAPPET_ECANCELED);
	powercut_disarm();
	until(&lab.f, store_is_well());
	assert_int_equal(accounts(), 0);
	powercut_arm(FAULT_FULL, 1, ALWAYS);
	assert_int_equal(settle_account(lab.a, "2"), TAPPET_ECANCELED);
	powercut_disarm();
	until(&lab.f, store_is_well());
	assert_int_equal(accounts(), 0);
	expect_state(lab.a, "cursor", "");
	powercut_arm_syncs(FAULT_IO, 1, 1);
	assert_int_equal(settle_account(lab.a, "3"), TAPPET_EUNKNOWN);
	expect_state(lab.a, "cursor", accounts() ? "3" : "");
	assert_int_equal(settle_account(lab.a, "4"), TAPPET_OK);
	assert_int_equal(accounts(), 1);
	expect_state(lab.a, "cursor", "4");
}

static void those_behind_a_failed_account_are_cancelled_and_other_triggers_go_on(void **state)
{
	struct answer first = {0}, third = {0};
	struct outcome second = {0}, other = {0};
	(void)state;
	powercut_arm(FAULT_IO, 1, 1);
	assert_int_equal(account(lab.a, "1", &first), 0);
	strike_unheard();
	assert_int_equal(emit(lab.a, NULL, "2", &second), 0);
	assert_int_equal(account(lab.a, "3", &third), 0);
	assert_int_equal(emit(lab.b, NULL, "9", &other), 0);
	until(&lab.f, lab.calls == 2 && third.calls == 1);
	assert_int_equal(first.calls, 1);
	assert_int_equal(first.result, TAPPET_ECANCELED);
	assert_int_equal(second.outcome, TAPPET_ECANCELED);
	assert_int_equal(third.result, TAPPET_ECANCELED);
	assert_int_equal(other.outcome, TAPPET_OK);
	expect_state(lab.a, "cursor", "");
	assert_int_equal(settle(lab.a, NULL, "4").outcome, TAPPET_OK);
	expect_state(lab.a, "cursor", "4");
}

static struct outcome retried, behind_retried;

static void retry(void)
{
	assert_int_equal(emit(lab.a, NULL, "3", &retried), 0);
}

static void emit_behind_the_retry(void)
{
	assert_int_equal(emit(lab.a, NULL, "4", &behind_retried), 0);
}

/* The queue is full. The news that the account was cancelled comes late and must not part those that were emitted
 * since: the last one is behind the retry, which is refused in its turn. */
static void an_account_cancelled_behind_an_emission_keeps_later_emissions_in_one_order(void **state)
{
	struct outcome first = {.then = retry};
	struct answer second = {.then = emit_behind_the_retry};
	(void)state;
	retried = behind_retried = (struct outcome){0};
	assert_int_equal(settle(lab.b, NULL, NULL).outcome, TAPPET_OK);
	assert_int_equal(emit(lab.a, NULL, "1", &first), 0);
	assert_int_equal(account(lab.a, "2", &second), 0);
	until(&lab.f, lab.calls == 4);
	assert_int_equal(first.reason, TAPPET_REASON_QUEUE_FULL);
	assert_int_equal(second.result, TAPPET_ECANCELED);
	assert_int_equal(retried.reason, TAPPET_REASON_QUEUE_FULL);
	assert_int_equal(behind_retried.outcome, TAPPET_ECANCELED);
	expect_state(lab.a, "cursor", "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, faults_setup, faults_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(those_behind_a_cancelled_emission_are_cancelled_and_other_triggers_go_on),
		CASE(those_behind_an_unconfirmed_emission_are_cancelled_and_other_triggers_go_on),
		cmocka_unit_test_setup_teardown(
			those_behind_a_full_queue_are_cancelled_and_other_triggers_get_their_own_answer,
			faults_setup_short_queue, faults_teardown),
		CASE(callbacks_come_in_the_order_of_the_calls_of_each_trigger),
		CASE(a_failed_account_says_so_and_leaves_its_checkpoint),
		CASE(those_behind_a_failed_account_are_cancelled_and_other_triggers_go_on),
		cmocka_unit_test_setup_teardown(
			an_account_cancelled_behind_an_emission_keeps_later_emissions_in_one_order,
			faults_setup_short_queue, faults_teardown),
	};
	return cmocka_run_group_tests_name("host/fault_order", tests, NULL, NULL);
}
