/* Zones: which names there are, and tzdata that changes on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "support_schedule.h"

static void only_names_of_tzdata_are_taken(void **state)
{
	static const char *const wrong[] = {
		"",
		"UTC+3",
		"CET-1CEST,M3.5.0,M10.5.0/3",
		"Europe",
		"Mars/Base",
		"europe/amsterdam",
		"../zoneinfo/UTC",
		"/usr/share/zoneinfo/UTC",
		"posix/UTC",
		"right/UTC",
		"localtime",
		"zone.tab",
		"+02:00",
		"Europe/Amsterdam ",
		"tzdata.zi",
		"Europe/../UTC",
	};
	static const char *const well[] = {"UTC", "Europe/Amsterdam", "Etc/GMT+3", "America/Argentina/Buenos_Aires",
					   "EST5EDT"};
	struct zones *zones;
	struct zone *zone, *again;
	(void)state;
	assert_int_equal(zones_new(&zones), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (zones_get(zones, wrong[i], &zone) != -2)
			fail_msg("\"%s\" was taken", wrong[i]);
	for (size_t i = 0; i < sizeof(well) / sizeof(well[0]); i++) {
		assert_int_equal(zones_get(zones, well[i], &zone), 0);
		assert_string_equal(zone_name(zone), well[i]);
		assert_int_equal(zones_get(zones, well[i], &again), 0);
		assert_ptr_equal(zone, again);
	}
	assert_true(zones_version(zones)[0] == '2');
	zones_free(zones);
}

static void an_interval_ends_where_the_next_one_begins(void **state)
{
	struct zones *zones;
	struct zone *zone;
	struct zone_interval i, next;
	(void)state;
	assert_int_equal(zones_new(&zones), 0);
	assert_int_equal(zones_get(zones, "Europe/Amsterdam", &zone), 0);
	zone_at(zone, INT64_MIN, &i);
	assert_int_equal(i.begin, INT64_MIN);
	/* Over the end of the table and over its beginning anew every 400 years. */
	while (i.end < utc_of("3100-01-01T00:00:00Z")) {
		zone_at(zone, i.end, &next);
		assert_int_equal(next.begin, i.end);
		assert_int_equal(next.offset_before, i.offset);
		assert_int_equal(i.offset_after, next.offset);
		assert_int_not_equal(i.offset, next.offset);
		zone_at(zone, i.end - 1, &next);
		assert_int_equal(next.end, i.end);
		zone_at(zone, i.end, &i);
	}
	zones_free(zones);
}

static void a_local_time_has_an_instant_even_in_a_gap(void **state)
{
	struct zones *zones;
	struct zone *zone;
	int64_t gap;
	(void)state;
	assert_int_equal(zones_new(&zones), 0);
	assert_int_equal(zones_get(zones, "Europe/Amsterdam", &zone), 0);
	assert_int_equal(zone_instant(zone, utc_of("2026-07-01T12:00:00Z"), &gap), utc_of("2026-07-01T12:00:00+02:00"));
	assert_int_equal(gap, 0);
	assert_int_equal(zone_instant(zone, utc_of("2026-03-29T02:30:00Z"), &gap), utc_of("2026-03-29T03:00:00+02:00"));
	assert_int_equal(gap, 3600);
	assert_int_equal(zone_instant(zone, utc_of("2026-10-25T02:30:00Z"), &gap), utc_of("2026-10-25T02:30:00+02:00"));
	assert_int_equal(gap, 0);
	zones_free(zones);
}

/* ---- tzdata of our own ---- */

static void tzdata_that_changes_on_disk_makes_the_zones_anew(void **state)
{
	char folder[] = "/tmp/tappet-zones-XXXXXX";
	struct zones *zones;
	struct zone *zone, *gone;
	struct zone_interval i;
	const int64_t july = utc_of("2026-07-01T00:00:00Z");
	(void)state;
	assert_non_null(mkdtemp(folder));
	setenv("TZDIR", folder, 1);
	zone_copy("/usr/share/zoneinfo/Europe/Amsterdam", folder, "Here");
	zone_copy("/usr/share/zoneinfo/Asia/Tokyo", folder, "There");
	tzdata_version(folder, "2026a");
	assert_int_equal(zones_new(&zones), 0);
	assert_string_equal(zones_version(zones), "2026a");
	assert_int_equal(zones_get(zones, "Europe/Amsterdam", &zone), -2);
	assert_int_equal(zones_get(zones, "Here", &zone), 0);
	assert_int_equal(zones_get(zones, "There", &gone), 0);
	zone_at(zone, july, &i);
	assert_int_equal(i.offset, 7200);
	assert_int_equal(zones_refresh(zones), 0);

	zone_copy("/usr/share/zoneinfo/America/New_York", folder, "Here");
	tzdata_remove(folder, "There");
	tzdata_version(folder, "2026bc");
	assert_int_equal(zones_refresh(zones), 1);
	assert_string_equal(zones_version(zones), "2026bc");
	zone_at(zone, july, &i);
	assert_int_equal(i.offset, -14400);
	zone_at(gone, july, &i);
	assert_int_equal(i.offset, 32400);
	assert_int_equal(zones_refresh(zones), 0);

	zones_free(zones);
	unsetenv("TZDIR");
	tzdata_remove(folder, "Here");
	tzdata_remove(folder, "tzdata.zi");
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_names_of_tzdata_are_taken),
		cmocka_unit_test(an_interval_ends_where_the_next_one_begins),
		cmocka_unit_test(a_local_time_has_an_instant_even_in_a_gap),
		cmocka_unit_test(tzdata_that_changes_on_disk_makes_the_zones_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
