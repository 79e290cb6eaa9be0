/* tzdata is replaced while schedules wait. */
#include <unistd.h>
#include "schedule_kit.h"
#include "support_schedule.h"

/* Winter, an hour before UTC; and then five hours behind it. */
static void what_waits_is_computed_anew(void **state)
{
	char folder[] = "/tmp/tappet-zones-XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(folder));
	setenv("TZDIR", folder, 1);
	zone_copy("/usr/share/zoneinfo/Europe/Amsterdam", folder, "Here");
	zone_copy("/usr/share/zoneinfo/UTC", folder, "UTC");
	tzdata_version(folder, "2026a");
	testkit *kit = kit_at(EPOCH, "{\"cron\":\"0 9 * * *\",\"timezone\":\"Here\"}", NULL);
	assert_non_null(testkit_trigger_add(kit, "date", "{\"at\":\"2020-01-01T10:00:00\",\"timezone\":\"Here\"}"));
	assert_non_null(
		testkit_trigger_add(kit, "fixed", "{\"at\":\"2020-01-01T10:00:00+01:00\",\"timezone\":\"Here\"}"));
	testkit_run(kit);
	zone_copy("/usr/share/zoneinfo/America/New_York", folder, "Here");
	tzdata_version(folder, "2026b");
	assert_int_equal(testkit_poll(kit, 10000), 1);
	testkit_advance(kit, DAY);
	assert_int_equal(testkit_log_find(kit, "tzdata=2026b"), 1);
	assert_fires(kit, EPOCH + 9 * HOUR, EPOCH + 14 * HOUR, EPOCH + 15 * HOUR);
	assert_string_equal(testkit_emission_at(kit, 0)->trigger_id, "fixed");
	assert_true(contains(testkit_emission_at(kit, 1)->payload, "2020-01-01T09:00:00-05:00"));
	testkit_close(kit);
	unsetenv("TZDIR");
	tzdata_remove(folder, "Here");
	tzdata_remove(folder, "UTC");
	tzdata_remove(folder, "tzdata.zi");
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_waits_is_computed_anew)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
