/* Which types of events a list of patterns stands for, and what comes only to those who name it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "model/event.h"

#define ON_REQUEST (EVENT_BIT(EVENT_STEP_LOG) | EVENT_BIT(EVENT_TRIGGER_REFUSED))
#define STEPS (EVENT_BIT(EVENT_STEP_STARTED) | EVENT_BIT(EVENT_STEP_ENDED) | EVENT_BIT(EVENT_STEP_WAITING))

static uint64_t granted(const char *list)
{
	uint64_t types, named;

	assert_int_equal(event_types_read(list, &types, &named, NULL), 0);
	return event_types_granted(types, named);
}

static void lists_of_names_and_prefixes_are_read(void **state)
{
	(void)state;
	assert_int_equal(granted("step.ended"), EVENT_BIT(EVENT_STEP_ENDED));
	assert_int_equal(granted("step.ended,activity.failed"),
			 EVENT_BIT(EVENT_STEP_ENDED) | EVENT_BIT(EVENT_ACTIVITY_FAILED));
	assert_int_equal(granted("step.*"), STEPS);
	assert_int_equal(granted("step.*,step.ended"), STEPS);
}

static void what_there_may_be_too_much_of_has_to_be_named_in_full(void **state)
{
	(void)state;
	assert_int_equal(event_types_on_request(), ON_REQUEST);
	assert_int_equal(event_types_granted(EVENT_TYPES_ALL, 0) & ON_REQUEST, 0);
	assert_int_equal(granted("*") & ON_REQUEST, 0);
	assert_int_equal(granted("trigger.*"), EVENT_BIT(EVENT_TRIGGER_HEALTH));
	assert_int_equal(granted("step.log"), EVENT_BIT(EVENT_STEP_LOG));
	assert_int_equal(granted("step.*,step.log"), STEPS | EVENT_BIT(EVENT_STEP_LOG));
	assert_int_equal(granted("*,trigger.refused") & ON_REQUEST, EVENT_BIT(EVENT_TRIGGER_REFUSED));
}

static void what_is_no_type_is_found(void **state)
{
	static const char *const wrong[] = {
		"", "step", "step*", "step.endet", "step.ended,", ",step.ended", "step.ended, x"};
	const char *at;
	uint64_t types, named;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(event_types_read(wrong[i], &types, &named, NULL), -EINVAL);
	assert_int_equal(event_types_read("step.ended,flow.*,x", &types, &named, &at), -EINVAL);
	assert_string_equal(at, "flow.*,x");
}

static void one_prefix_may_end_anywhere(void **state)
{
	uint64_t types, named;

	(void)state;
	event_types_prefixed("step.*", &types, &named);
	assert_int_equal(event_types_granted(types, named), STEPS);
	event_types_prefixed("activity.acc*", &types, &named);
	assert_int_equal(types, EVENT_BIT(EVENT_ACTIVITY_ACCEPTED));
	event_types_prefixed("step.log", &types, &named);
	assert_int_equal(event_types_granted(types, named), EVENT_BIT(EVENT_STEP_LOG));
	event_types_prefixed("step.l*", &types, &named);
	assert_int_equal(event_types_granted(types, named), 0);
	event_types_prefixed("no.such", &types, &named);
	assert_int_equal(types, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_names_and_prefixes_are_read),
		cmocka_unit_test(what_there_may_be_too_much_of_has_to_be_named_in_full),
		cmocka_unit_test(what_is_no_type_is_found),
		cmocka_unit_test(one_prefix_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
