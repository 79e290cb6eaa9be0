#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/testkit.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

static void ticks_every_so_often(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());

	testkit_begin(kit, NULL, "{\"every\": \"10s\"}");
	testkit_advance(kit, 9999);
	CHECK(testkit_emission_count(kit) == 0);
	testkit_advance(kit, 10001);
	CHECK(testkit_emission_count(kit) == 2);
	CHECK(strcmp(testkit_emission_last(kit)->payload.ptr, "{\"tick\":2}") == 0);
	testkit_close(kit); /* says so when something is left behind */
}

static void a_tick_without_credit_is_left_out(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());

	testkit_begin(kit, NULL, NULL);
	testkit_outcome(kit, TAPPET_EBUSY, TAPPET_REASON_NONE, NULL);
	testkit_advance(kit, 120000);
	CHECK(testkit_emission_count(kit) == 1);
	testkit_close(kit);
}

static void stops_when_the_last_outcome_is_known(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());

	testkit_begin(kit, NULL, NULL);
	testkit_hold(kit, 1);
	testkit_advance(kit, 60000);
	CHECK(!testkit_stop(kit, 5000));
	CHECK(testkit_settle(kit, 0, TAPPET_OK, TAPPET_REASON_NONE, NULL) == TAPPET_OK);
	CHECK(testkit_has_stopped(kit));
	testkit_close(kit);
}

int main(void)
{
	ticks_every_so_often();
	a_tick_without_credit_is_left_out();
	stops_when_the_last_outcome_is_known();
	return 0;
}
