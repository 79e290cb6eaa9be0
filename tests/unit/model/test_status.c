#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/event.h"
#include "model/reason.h"
#include "model/status.h"

static void status_names_are_those_of_the_wire_and_read_back(void **state)
{
	static const char *const wire[] = {"notstarted", "inProgress", "waiting",   "completed",
					   "failure",    "invalid",    "cancelled", "skipped"};
	enum status status = STATUS_SKIPPED;

	(void)state;
	for (int i = 0; i <= STATUS_SKIPPED; i++) {
		assert_string_equal(status_name((enum status)i), wire[i]);
		assert_int_equal(status_parse(wire[i], &status), 0);
		assert_int_equal(status, i);
	}
	assert_int_equal(status_parse("InProgress", &status), -EINVAL);
	assert_int_equal(status, STATUS_SKIPPED);
	assert_string_equal(status_name((enum status)99), "unknown");
}

static void nothing_follows_a_final_status_and_everything_else_can_be_cancelled(void **state)
{
	(void)state;
	for (int from = 0; from <= STATUS_SKIPPED; from++) {
		bool final = status_is_final((enum status)from);

		assert_int_equal(final, from >= STATUS_COMPLETED);
		assert_int_equal(status_may_follow((enum status)from, STATUS_CANCELLED), !final);
		for (int to = 0; to <= STATUS_SKIPPED && final; to++)
			assert_false(status_may_follow((enum status)from, (enum status)to));
		assert_false(status_may_follow((enum status)from, STATUS_NOTSTARTED));
	}
}

static void only_what_runs_or_waits_can_complete_and_only_what_never_began_is_skipped(void **state)
{
	(void)state;
	assert_false(status_may_follow(STATUS_NOTSTARTED, STATUS_COMPLETED));
	assert_true(status_may_follow(STATUS_INPROGRESS, STATUS_COMPLETED));
	assert_true(status_may_follow(STATUS_WAITING, STATUS_INPROGRESS));
	assert_true(status_may_follow(STATUS_INPROGRESS, STATUS_INPROGRESS));
	assert_true(status_may_follow(STATUS_NOTSTARTED, STATUS_SKIPPED));
	assert_false(status_may_follow(STATUS_INPROGRESS, STATUS_SKIPPED));
	assert_false(status_may_follow(STATUS_WAITING, STATUS_SKIPPED));
}

static void reasons_that_are_not_known_are_called_other(void **state)
{
	(void)state;
	assert_string_equal(reason_name(REASON_QUEUE_FULL), "queue-full");
	assert_string_equal(reason_name(REASON_FILTER), "filter");
	assert_string_equal(reason_name(REASON_OTHER), "other");
	assert_string_equal(reason_name(REASON_OTHER + 1), "other");
	assert_string_equal(reason_name(-1), "other");
}

static void a_copied_event_owns_its_data(void **state)
{
	struct event from = {.seq = 7, .type = EVENT_STEP_ENDED, .activity_id = "5de81b5fe638b70001fa9d09"};
	struct event to;

	(void)state;
	from.data = strdup("{\"step\":\"build\"}");
	assert_int_equal(event_copy(&to, &from), 0);
	event_release(&from);
	assert_null(from.data);
	assert_string_equal(to.data, "{\"step\":\"build\"}");
	assert_string_equal(to.activity_id, "5de81b5fe638b70001fa9d09");
	assert_int_equal(to.seq, 7);
	event_release(&to);

	assert_int_equal(event_copy(&to, &from), 0);
	assert_null(to.data);
}

static void event_types_have_the_names_that_subscribers_filter_by(void **state)
{
	(void)state;
	assert_string_equal(event_type_name(EVENT_ACTIVITY_ACCEPTED), "activity.accepted");
	assert_string_equal(event_type_name(EVENT_ACTIVITY_FAILED), "activity.failed");
	assert_string_equal(event_type_name(EVENT_STEP_WAITING), "step.waiting");
	assert_string_equal(event_type_name(EVENT_WORKFLOW_ENABLED), "workflow.enabled");
	assert_string_equal(event_type_name((enum event_type)0), "unknown");
	assert_string_equal(event_type_name((enum event_type)1000), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_names_are_those_of_the_wire_and_read_back),
		cmocka_unit_test(nothing_follows_a_final_status_and_everything_else_can_be_cancelled),
		cmocka_unit_test(only_what_runs_or_waits_can_complete_and_only_what_never_began_is_skipped),
		cmocka_unit_test(reasons_that_are_not_known_are_called_other),
		cmocka_unit_test(a_copied_event_owns_its_data),
		cmocka_unit_test(event_types_have_the_names_that_subscribers_filter_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
