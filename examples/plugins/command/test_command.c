#define _GNU_SOURCE 1
#include <unistd.h>
#include "../check.h"

static testkit *begin(const char *script, tappet_trigger **ret_trigger)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	char options[300];

	snprintf(options, sizeof(options), "{\"command\": \"%s\"}", script);
	*ret_trigger = testkit_begin(kit, NULL, options);
	testkit_advance(kit, 0);
	return kit;
}

/* The command and its thread need real time; the clock of the plugin stands. */
#define UNTIL(kit, condition)                                                                                          \
	do {                                                                                                           \
		for (int left = 20000; !(condition); left--) {                                                         \
			CHECK(left > 0);                                                                               \
			usleep(1000);                                                                                  \
			testkit_run(kit);                                                                              \
		}                                                                                                      \
	} while (0)

static void end(testkit *kit)
{
	testkit_stop(kit, 5000);
	UNTIL(kit, testkit_has_stopped(kit));
	testkit_close(kit); /* says so when something is left behind */
}

static void wait_for(testkit *kit, size_t emissions)
{
	UNTIL(kit, testkit_emission_count(kit) >= emissions);
}

static void wait_for_health(testkit *kit, const tappet_trigger *trigger, int32_t health)
{
	UNTIL(kit, testkit_health(kit, trigger) == health);
}

static void each_line_becomes_an_activity(void)
{
	tappet_trigger *trigger;
	testkit *kit = begin("echo one; printf two; exec sleep 1000 >/dev/null", &trigger);

	wait_for(kit, 2);
	CHECK(strcmp(testkit_emission_at(kit, 0)->payload.ptr, "{\"line\":\"one\"}") == 0);
	CHECK(last_payload_is(kit, "{\"line\":\"two\"}"));
	end(kit);
}

static void a_command_that_ends_is_started_again_later_and_later(void)
{
	tappet_trigger *trigger;
	testkit *kit = begin("exit 1", &trigger);

	for (int64_t wait_ms = 1000; wait_ms <= 4000; wait_ms *= 2) {
		UNTIL(kit, testkit_timer_next(kit) == wait_ms);
		CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_BACKING_OFF);
		testkit_advance(kit, wait_ms);
	}
	end(kit);
}

static void one_that_has_printed_something_is_started_again_soon(void)
{
	tappet_trigger *trigger;
	testkit *kit = begin("echo one", &trigger);

	for (size_t n = 1; n <= 3; n++) {
		wait_for(kit, n);
		wait_for_health(kit, trigger, TAPPET_HEALTH_BACKING_OFF);
		CHECK(testkit_timer_next(kit) == 1000);
		testkit_advance(kit, 1000);
	}
	end(kit);
}

static void an_unknown_outcome_is_tried_again_with_the_same_key(void)
{
	tappet_trigger *trigger;
	testkit *kit = testkit_open(tappet_plugin_v1());

	testkit_outcome(kit, TAPPET_EUNKNOWN, TAPPET_REASON_NONE, NULL);
	trigger = testkit_begin(kit, NULL, "{\"command\": \"echo one\"}");
	testkit_advance(kit, 0);
	wait_for(kit, 1);
	testkit_run(kit);
	testkit_advance(kit, 1000);
	wait_for(kit, 2);
	CHECK(strcmp(testkit_emission_at(kit, 0)->dedup_key.ptr, testkit_emission_at(kit, 1)->dedup_key.ptr) == 0);
	wait_for_health(kit, trigger, TAPPET_HEALTH_BACKING_OFF);
	end(kit);
}

static void a_trigger_that_is_removed_ends_its_command(void)
{
	tappet_trigger *trigger;
	testkit *kit = begin("echo one; (sleep 1000 &) ; exit", &trigger);

	wait_for(kit, 1);
	testkit_hold(kit, 1);
	testkit_trigger_remove(kit, trigger);
	testkit_hold(kit, 0);
	end(kit);
}

int main(void)
{
	a_trigger_that_is_removed_ends_its_command();
	one_that_has_printed_something_is_started_again_soon();
	each_line_becomes_an_activity();
	a_command_that_ends_is_started_again_later_and_later();
	an_unknown_outcome_is_tried_again_with_the_same_key();
	return 0;
}
