#include "../check.h"

/* What needs a server is tested with one: tests/e2e/test_examples.py. */
static void without_a_server_it_tries_less_and_less_often(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	tappet_trigger *trigger;

	setenv("CONNECTION", "host=/nonexistent", 1);
	trigger = testkit_begin(kit, NULL, "{\"connection\": {\"env\": \"CONNECTION\"}, \"channel\": \"orders\"}");
	testkit_advance(kit, 0);
	CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_BACKING_OFF && testkit_timer_next(kit) == 1000);
	testkit_advance(kit, 1000);
	CHECK(testkit_timer_next(kit) == 2000);
	testkit_advance(kit, 1000000);
	CHECK(testkit_timer_next(kit) <= 60000);
	testkit_close(kit); /* says so when something is left behind */
}

int main(void)
{
	without_a_server_it_tries_less_and_less_often();
	return 0;
}
