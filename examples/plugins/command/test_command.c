#include "../check.h"

static testkit *begin(const char *script, tappet_trigger **ret_trigger)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	char options[300];

	snprintf(options, sizeof(options), "{\"command\": [\"/bin/sh\", \"-c\", \"%s\"], \"maxWait\": \"3s\"}", script);
	*ret_trigger = testkit_begin(kit, NULL, options);
	testkit_advance(kit, 0);
	return kit;
}

static void wait_for(testkit *kit, size_t emissions)
{
	while (testkit_emission_count(kit) < emissions)
		CHECK(testkit_poll(kit, 10000));
}

static void wait_for_health(testkit *kit, const tappet_trigger *trigger, int32_t health)
{
	while (testkit_health(kit, trigger) != health)
		CHECK(testkit_poll(kit, 10000));
}

static void each_line_becomes_an_activity(void)
{
	tappet_trigger *trigger;
	testkit *kit = begin("echo one; printf two; exec sleep 1000 >/dev/null", &trigger);

	wait_for(kit, 2);
	CHECK(strcmp(testkit_emission_at(kit, 0)->payload.ptr, "{\"line\":\"one\"}") == 0);
	CHECK(last_payload_is(kit, "{\"line\":\"two\"}"));
	testkit_stop(kit, 5000);
	while (!testkit_has_stopped(kit))
		CHECK(testkit_poll(kit, 10000));
	testkit_close(kit); /* says so when something is left behind */
}

static void a_command_that_ends_is_started_again_later_and_later(void)
{
	tappet_trigger *trigger;
	testkit *kit = begin("echo one", &trigger);

	wait_for_health(kit, trigger, TAPPET_HEALTH_BACKING_OFF);
	CHECK(testkit_emission_count(kit) == 1 && testkit_timer_next(kit) == 1000);
	testkit_advance(kit, 1000);
	wait_for_health(kit, trigger, TAPPET_HEALTH_BACKING_OFF);
	CHECK(testkit_emission_count(kit) == 2 && testkit_timer_next(kit) == 2000);
	testkit_advance(kit, 2000);
	wait_for_health(kit, trigger, TAPPET_HEALTH_BACKING_OFF);
	CHECK(testkit_timer_next(kit) == 3000);
	testkit_close(kit);
}

static void an_unknown_outcome_is_tried_again_with_the_same_key(void)
{
	tappet_trigger *trigger;
	testkit *kit = testkit_open(tappet_plugin_v1());

	testkit_outcome(kit, TAPPET_EUNKNOWN, TAPPET_REASON_NONE, NULL);
	trigger = testkit_begin(kit, NULL, "{\"command\": [\"echo\", \"one\"]}");
	testkit_advance(kit, 0);
	wait_for(kit, 1);
	testkit_run(kit);
	testkit_advance(kit, 1000);
	wait_for(kit, 2);
	CHECK(strcmp(testkit_emission_at(kit, 0)->dedup_key.ptr, testkit_emission_at(kit, 1)->dedup_key.ptr) == 0);
	wait_for_health(kit, trigger, TAPPET_HEALTH_BACKING_OFF);
	testkit_close(kit);
}

static void a_trigger_that_is_removed_ends_its_command(void)
{
	tappet_trigger *trigger;
	testkit *kit = begin("echo one; (sleep 1000 &) ; exit", &trigger);

	wait_for(kit, 1);
	testkit_hold(kit, 1);
	testkit_trigger_remove(kit, trigger);
	testkit_hold(kit, 0);
	testkit_stop(kit, 5000);
	while (!testkit_has_stopped(kit))
		CHECK(testkit_poll(kit, 10000));
	testkit_close(kit);
}

static void a_command_that_is_not_there_is_tried_again(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	tappet_trigger *trigger = testkit_begin(kit, NULL, "{\"command\": \"/nonexistent\"}");

	testkit_advance(kit, 0);
	CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_BACKING_OFF);
	testkit_close(kit);
}

int main(void)
{
	a_trigger_that_is_removed_ends_its_command();
	a_command_that_is_not_there_is_tried_again();
	each_line_becomes_an_activity();
	a_command_that_ends_is_started_again_later_and_later();
	an_unknown_outcome_is_tried_again_with_the_same_key();
	return 0;
}
