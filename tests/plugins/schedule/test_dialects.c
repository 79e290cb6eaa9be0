/* What each dialect takes, refuses and means. The sources are named at the tables; what a dialect documents by examples
 * stands here as examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support_schedule.h"

/* crontab(5) of cronie, with the superset of docs/schedules.md. 2026-01-01 is a Thursday. */
static const struct question unix_questions[] = {
	{.expr = "5 0 * * *", .next = "2026-01-01T00:05:00+00:00 2026-01-02T00:05:00+00:00"},
	{.expr = "15 14 1 * *", .next = "2026-01-01T14:15:00+00:00 2026-02-01T14:15:00+00:00"},
	{.expr = "0 22 * * 1-5",
	 .next = "2026-01-01T22:00:00+00:00 2026-01-02T22:00:00+00:00 2026-01-05T22:00:00+00:00"},
	{.expr = "23 0-23/2 * * *", .next = "2026-01-01T00:23:00+00:00 2026-01-01T02:23:00+00:00"},
	{.expr = "5 4 * * sun", .next = "2026-01-04T04:05:00+00:00"},
	{.expr = "5 4 * * 0", .next = "2026-01-04T04:05:00+00:00"},
	{.expr = "5 4 * * 7", .next = "2026-01-04T04:05:00+00:00"},
	/* Both day fields: either of them, */
	{.expr = "30 4 1,15 * 5",
	 .next = "2026-01-01T04:30:00+00:00 2026-01-02T04:30:00+00:00 2026-01-09T04:30:00+00:00"},
	{.expr = "0 0 1-31 * mon", .next = "2026-01-02T00:00:00+00:00 2026-01-03T00:00:00+00:00"},
	/* but both when one begins with a star. */
	{.expr = "0 0 */2 * mon", .next = "2026-01-05T00:00:00+00:00 2026-01-19T00:00:00+00:00"},
	{.expr = "0 0 */2 * mon", .day = "or", .next = "2026-01-03T00:00:00+00:00 2026-01-05T00:00:00+00:00"},
	{.expr = "0 0 1 * mon", .day = "and", .next = "2026-06-01T00:00:00+00:00 2027-02-01T00:00:00+00:00"},
	{.expr = "0 0 * * mon", .day = "or", .next = "2026-01-05T00:00:00+00:00 2026-01-12T00:00:00+00:00"},
	{.expr = "0 0 ? * mon", .next = "2026-01-05T00:00:00+00:00"},
	{.expr = "? ? ? ? ?", .next = "2026-01-01T00:01:00+00:00"},
	{.expr = "0 0 1 * +mon", .next = "2026-06-01T00:00:00+00:00"},
	{.expr = "0 0 * * fri-sun",
	 .next = "2026-01-02T00:00:00+00:00 2026-01-03T00:00:00+00:00 2026-01-04T00:00:00+00:00 "
		 "2026-01-09T00:00:00+00:00"},
	{.expr = "0 0 * * sat-mon",
	 .next = "2026-01-03T00:00:00+00:00 2026-01-04T00:00:00+00:00 2026-01-05T00:00:00+00:00 "
		 "2026-01-10T00:00:00+00:00"},
	{.expr = "0 0 * * 7-1",
	 .next = "2026-01-04T00:00:00+00:00 2026-01-05T00:00:00+00:00 2026-01-11T00:00:00+00:00"},
	{.expr = "0 0 * * 0-7", .next = "2026-01-02T00:00:00+00:00 2026-01-03T00:00:00+00:00"},
	{.expr = "10/20 * * * *",
	 .next = "2026-01-01T00:10:00+00:00 2026-01-01T00:30:00+00:00 2026-01-01T00:50:00+00:00 "
		 "2026-01-01T01:10:00+00:00"},
	/* L, W and # */
	{.expr = "0 0 L * *", .from = "2028-01-31T12:00:00Z", .next = "2028-02-29T00:00:00+00:00"},
	{.expr = "0 0 l-1 * *", .next = "2026-01-30T00:00:00+00:00 2026-02-27T00:00:00+00:00"},
	{.expr = "0 0 1W * *",
	 .next = "2026-02-02T00:00:00+00:00 2026-03-02T00:00:00+00:00",
	 .from = "2026-01-01T00:00:00Z"},
	{.expr = "0 0 31W * *",
	 .next = "2026-01-30T00:00:00+00:00 2026-03-31T00:00:00+00:00 2026-05-29T00:00:00+00:00"},
	{.expr = "0 0 LW * *", .next = "2026-01-30T00:00:00+00:00 2026-02-27T00:00:00+00:00"},
	{.expr = "0 0 L-3W 5 *", .next = "2026-05-28T00:00:00+00:00"},
	{.expr = "0 0 * * friL", .next = "2026-01-30T00:00:00+00:00 2026-02-27T00:00:00+00:00"},
	{.expr = "0 0 * * 5#5", .next = "2026-01-30T00:00:00+00:00 2026-05-29T00:00:00+00:00"},
	{.expr = "0 0 * * 1#1,3#2",
	 .next = "2026-01-05T00:00:00+00:00 2026-01-14T00:00:00+00:00 2026-02-02T00:00:00+00:00"},
	/* Seconds, and years */
	{.expr = "30 59 23 31 12 *", .next = "2026-12-31T23:59:30+00:00"},
	{.expr = "0 0 0 29 2 * 2026-2099",
	 .dialect = "unix",
	 .next = "2028-02-29T00:00:00+00:00 2032-02-29T00:00:00+00:00"},
	{.expr = "0 0 0 1 1 * 9999", .dialect = "unix", .next = "9999-01-01T00:00:00+00:00 ."},
	{.expr = "0 0 0 1 1 * 2030-9999/1000",
	 .dialect = "unix",
	 .next = "2030-01-01T00:00:00+00:00 3030-01-01T00:00:00+00:00 "
		 "4030-01-01T00:00:00+00:00"},
	{.expr = "0 0 0 1 1 * 2025", .dialect = "unix", .next = "."},
	{.expr = "0 0 0 1 1 * */4", .dialect = "unix", .next = "2030-01-01T00:00:00+00:00 2034-01-01T00:00:00+00:00"},
	{.expr = "* * * ? * sat-tue/2",
	 .dialect = "unix",
	 .from = "2016-12-10T23:59:59Z",
	 .next = "2016-12-12T00:00:00+00:00"},
	{.expr = "0 0 0 * * tue/2", .dialect = "unix", .next = "2026-01-03T00:00:00+00:00 2026-01-06T00:00:00+00:00"},
	/* Words for them */
	{.expr = "@hourly", .next = "2026-01-01T01:00:00+00:00"},
	{.expr = "@minutely", .next = "2026-01-01T00:01:00+00:00"},
	{.expr = "@every_second", .next = "2026-01-01T00:00:01+00:00"},
	{.expr = "@DAILY", .next = "2026-01-02T00:00:00+00:00"},
	{.expr = "@weekly", .next = "2026-01-04T00:00:00+00:00"},
	{.expr = "@monthly", .next = "2026-02-01T00:00:00+00:00"},
	{.expr = "@yearly", .next = "2027-01-01T00:00:00+00:00"},
	{.expr = "@annually", .next = "2027-01-01T00:00:00+00:00"},
	{.expr = "@midnight", .next = "2026-01-02T00:00:00+00:00"},
	{.expr = "@weekly", .dow = "1-7", .next = "2026-01-04T00:00:00+00:00"},
	{.expr = "@reboot", .next = "."},
	{.expr = "@every 90s", .next = "2026-01-01T00:01:30+00:00"},
	{.expr = "@every 1h30m", .next = "2026-01-01T01:30:00+00:00"},
	{.expr = "CRON_TZ=Asia/Tokyo 0 9 * * *", .next = "2026-01-02T09:00:00+09:00", .zone = "Europe/Amsterdam"},
	{.expr = "TZ=Asia/Tokyo @daily", .next = "2026-01-02T00:00:00+09:00"},
	{.expr = "0 0 * * 1", .dow = "1-7", .next = "2026-01-04T00:00:00+00:00"},
	{.expr = "0 0 30 2 *", .next = "."},
	{.expr = "0 0 31 4,6,9,11 *", .next = "."},
	{.expr = "0 0 29 2 +mon", .next = "2044-02-29T00:00:00+00:00 2072-02-29T00:00:00+00:00"},
	{.expr = "\t 0  0\t* * * ", .next = "2026-01-02T00:00:00+00:00"},
	{.expr = "60 * * * *"},
	{.expr = "* * * * * *; "},
	{.expr = "60 * * * * *"},
	{.expr = "* 24 * * *"},
	{.expr = "* * 0 * *"},
	{.expr = "* * 32 * *"},
	{.expr = "* * * 13 *"},
	{.expr = "* * * * 8"},
	{.expr = "* * * jano *"},
	{.expr = "* * * * sunday"},
	{.expr = "* * * * L"},
	{.expr = "* * L-31 * *"},
	{.expr = "* * 1/2W * *"},
	{.expr = "* * 1LW * *"},
	{.expr = "* * ?/2 * *"},
	{.expr = "?/5 * * * *"},
	{.expr = "* * * * 5#0"},
	{.expr = "* * * * 5#6"},
	{.expr = "* * * * sun#050"},
	{.expr = "* * +1 * *"},
	{.expr = "*/0 * * * *"},
	{.expr = "*/60 * * * *"},
	{.expr = "* */24 * * *"},
	{.expr = "1/60 * * * *"},
	{.expr = "* 1/24 * * *"},
	{.expr = "* * 1/32 * *"},
	{.expr = "* * * 1/13 *"},
	{.expr = "* * * * 1/8"},
	{.expr = "*/5/5 * * * *"},
	{.expr = "0-0-0 * * * *"},
	{.expr = "1-2, * * * *"},
	{.expr = "* * * nov-feb *"},
	{.expr = "@"},
	{.expr = "@@daily"},
	{.expr = "@every_hour"},
	{.expr = "@every 0s"},
	{.expr = "@every 5"},
	{.expr = "@every -5s"},
	{.expr = "CRON_TZ=Nowhere/City * * * * *"},
	{.expr = "CRON_TZ= * * * * *"},
	{.expr = "* * * * * * * *"},
	{.expr = ""},
	{.expr = "   "},
};

/* crontab(5) of Debian's cron: nothing of the superset but the nicknames. */
static const struct question vixie_questions[] = {
	{.expr = "*/15 * * * mon-fri", .dialect = "vixie", .next = "2026-01-01T00:15:00+00:00"},
	{.expr = "*/90 * * * *", .dialect = "vixie", .next = "2026-01-01T01:00:00+00:00"},
	{.expr = "0 0 * * 5-7",
	 .dialect = "vixie",
	 .next = "2026-01-02T00:00:00+00:00 2026-01-03T00:00:00+00:00 "
		 "2026-01-04T00:00:00+00:00 2026-01-09T00:00:00+00:00"},
	{.expr = "0 0 */2 * mon", .dialect = "vixie", .next = "2026-01-05T00:00:00+00:00 2026-01-19T00:00:00+00:00"},
	{.expr = "@daily", .dialect = "vixie", .next = "2026-01-02T00:00:00+00:00"},
	{.expr = "5/20 * * * *", .dialect = "vixie"},
	{.expr = "0 0 * * fri-sun", .dialect = "vixie"},
	{.expr = "0 0 L * *", .dialect = "vixie"},
	{.expr = "0 0 ? * *", .dialect = "vixie"},
	{.expr = "H * * * *", .dialect = "vixie"},
	{.expr = "0 0 * * 1#1", .dialect = "vixie"},
	{.expr = "0 0 * * +1", .dialect = "vixie"},
	{.expr = "0 * * * * *", .dialect = "vixie"},
	{.expr = "@every 5s", .dialect = "vixie"},
	{.expr = "CRON_TZ=UTC 0 0 * * *", .dialect = "vixie"},
};

/* The conformance tests of the Open Cron Pattern Specification, 1.0 to 1.4. */
static const struct question ocps_questions[] = {
	{.expr = "15 10 * * *", .dialect = "ocps", .next = "2026-01-01T10:15:00+00:00"},
	{.expr = "30 8 * jan Mon", .dialect = "ocps", .next = "2026-01-05T08:30:00+00:00"},
	{.expr = "5-59/15 9 * * *",
	 .dialect = "ocps",
	 .next = "2026-01-01T09:05:00+00:00 2026-01-01T09:20:00+00:00 "
		 "2026-01-01T09:35:00+00:00 2026-01-01T09:50:00+00:00 "
		 "2026-01-02T09:05:00+00:00"},
	{.expr = "0 12 1 * MON",
	 .dialect = "ocps",
	 .from = "2025-09-01T00:00:00Z",
	 .next = "2025-09-01T12:00:00+00:00 2025-09-08T12:00:00+00:00"},
	{.expr = "0 12 1-31 * MON",
	 .dialect = "ocps",
	 .from = "2025-10-06T00:00:00Z",
	 .next = "2025-10-06T12:00:00+00:00 2025-10-07T12:00:00+00:00"},
	{.expr = "0 12 1 * +MON",
	 .dialect = "ocps",
	 .from = "2025-08-02T00:00:00Z",
	 .next = "2025-09-01T12:00:00+00:00 2025-12-01T12:00:00+00:00"},
	{.expr = "0 15 10 * * * 2025",
	 .dialect = "ocps",
	 .from = "2025-12-30T11:00:00Z",
	 .next = "2025-12-31T10:15:00+00:00 ."},
	{.expr = "0 0 0 1 1 * 1970-2199/2",
	 .dialect = "ocps",
	 .from = "2025-01-01T00:00:00Z",
	 .next = "2026-01-01T00:00:00+00:00"},
	{.expr = "0 0 L * *", .dialect = "ocps", .from = "2025-02-01T00:00:00Z", .next = "2025-02-28T00:00:00+00:00"},
	{.expr = "0 0 * * FRI#L",
	 .dialect = "ocps",
	 .from = "2025-02-01T00:00:00Z",
	 .next = "2025-02-28T00:00:00+00:00"},
	{.expr = "0 0 * * 5L", .dialect = "ocps", .from = "2025-02-01T00:00:00Z", .next = "2025-02-28T00:00:00+00:00"},
	{.expr = "0 0 * * TUE#3",
	 .dialect = "ocps",
	 .from = "2025-06-01T00:00:00Z",
	 .next = "2025-06-17T00:00:00+00:00"},
	{.expr = "0 12 15W * *",
	 .dialect = "ocps",
	 .from = "2025-06-01T00:00:00Z",
	 .next = "2025-06-16T12:00:00+00:00"},
	{.expr = "0 12 1W * *", .dialect = "ocps", .from = "2025-01-31T23:00:00Z", .next = "2025-02-03T12:00:00+00:00"},
	{.expr = "0 0 * * FRI-SUN",
	 .dialect = "ocps",
	 .next = "2026-01-02T00:00:00+00:00 2026-01-03T00:00:00+00:00 "
		 "2026-01-04T00:00:00+00:00 2026-01-09T00:00:00+00:00"},
	{.expr = "* * 31 2 *", .dialect = "ocps", .next = "."},
	{.expr = "@reboot", .dialect = "ocps", .next = "."},
	{.expr = "60 0 * * *", .dialect = "ocps"},
	{.expr = "0 0 10-5 * *", .dialect = "ocps"},
	{.expr = "0 0 /30 * *", .dialect = "ocps"},
	{.expr = "0 0/30 * * *", .dialect = "ocps"},
	{.expr = "@Daily", .dialect = "ocps"},
	{.expr = "@daily 0 0 * * *", .dialect = "ocps"},
	{.expr = "0 12 1-15W * *", .dialect = "ocps"},
	{.expr = "0 12 1W,15W * *", .dialect = "ocps"},
	{.expr = "0 12 +1 * MON", .dialect = "ocps"},
	{.expr = "? 12 * * *", .dialect = "ocps"},
	{.expr = "0 0 0 1 1 * 0", .dialect = "ocps"},
	{.expr = "0 0 0 1 1 * 10000", .dialect = "ocps"},
	{.expr = "0 0 * * 6-0", .dialect = "ocps"},
};

/* The CronTrigger tutorial and the Javadoc of CronExpression of Quartz 2. */
static const struct question quartz_questions[] = {
	{.expr = "0 0 12 * * ?", .next = "2026-01-01T12:00:00+00:00 2026-01-02T12:00:00+00:00"},
	{.expr = "0 15 10 ? * *", .next = "2026-01-01T10:15:00+00:00"},
	{.expr = "0 15 10 * * ? 2005", .dialect = "quartz", .next = "."},
	{.expr = "0 0/5 14,18 * * ?", .next = "2026-01-01T14:00:00+00:00 2026-01-01T14:05:00+00:00"},
	{.expr = "0 /5 14 * * ?", .next = "2026-01-01T14:00:00+00:00 2026-01-01T14:05:00+00:00"},
	{.expr = "0 10,44 14 ? 3 WED", .next = "2026-03-04T14:10:00+00:00 2026-03-04T14:44:00+00:00"},
	{.expr = "0 15 10 ? * MON-FRI",
	 .next = "2026-01-01T10:15:00+00:00 2026-01-02T10:15:00+00:00 2026-01-05T10:15:00+00:00"},
	{.expr = "0 15 10 ? * 2-6",
	 .next = "2026-01-01T10:15:00+00:00 2026-01-02T10:15:00+00:00 2026-01-05T10:15:00+00:00"},
	{.expr = "0 15 10 L-2 * ?", .next = "2026-01-29T10:15:00+00:00 2026-02-26T10:15:00+00:00"},
	{.expr = "0 15 10 ? * 6L", .next = "2026-01-30T10:15:00+00:00 2026-02-27T10:15:00+00:00"},
	{.expr = "0 15 10 ? * 6#3", .next = "2026-01-16T10:15:00+00:00 2026-02-20T10:15:00+00:00"},
	{.expr = "0 15 10 ? * L", .next = "2026-01-03T10:15:00+00:00 2026-01-10T10:15:00+00:00"},
	{.expr = "0 0 12 1/5 * ?", .next = "2026-01-01T12:00:00+00:00 2026-01-06T12:00:00+00:00"},
	{.expr = "0 11 11 11 11 ?", .next = "2026-11-11T11:11:00+00:00"},
	{.expr = "0 0 0 ? NOV-FEB SAT", .next = "2026-01-03T00:00:00+00:00"},
	{.expr = "0 0 0 ? * FRI-MON",
	 .next = "2026-01-02T00:00:00+00:00 2026-01-03T00:00:00+00:00 2026-01-04T00:00:00+00:00 "
		 "2026-01-05T00:00:00+00:00 2026-01-09T00:00:00+00:00"},
	{.expr = "0 15 10 1,3,6,15,L * ?", .next = "2026-01-01T10:15:00+00:00 2026-01-03T10:15:00+00:00"},
	{.expr = "0 15 10 15,LW-2 * ? 2010",
	 .dialect = "quartz",
	 .from = "2010-10-16T00:00:00Z",
	 .next = "2010-10-27T10:15:00+00:00"},
	{.expr = "0 15 10 L-1,L-1W * ? 2010",
	 .dialect = "quartz",
	 .from = "2010-10-02T00:00:00Z",
	 .next = "2010-10-29T10:15:00+00:00 2010-10-30T10:15:00+00:00"},
	{.expr = "0 15 10 2W,16W * ? 2010",
	 .dialect = "quartz",
	 .from = "2010-09-30T00:00:00Z",
	 .next = "2010-10-01T10:15:00+00:00 2010-10-15T10:15:00+00:00"},
	{.expr = "0 0 12 1 * 1", .dialect = "quartz"},
	{.expr = "0 0 12 ? * ?", .dialect = "quartz"},
	{.expr = "0 0 12 ? * 0", .dialect = "quartz"},
	{.expr = "0 0 12 ? * 2#1,3#1", .dialect = "quartz"},
	{.expr = "0 0 12 32W * ?", .dialect = "quartz"},
	{.expr = "/120 0 8-18 ? * 2-6", .dialect = "quartz"},
	{.expr = "0 0 0/24 ? * 2-6", .dialect = "quartz"},
	{.expr = "? 0 12 * * ?", .dialect = "quartz"},
	{.expr = "0 0 12 * * ? 1969", .dialect = "quartz"},
	{.expr = "0 12 * * ?", .dialect = "quartz"},
	{.expr = "@daily", .dialect = "quartz"},
};

/* The Javadoc of Spring's CronExpression.parse. */
static const struct question spring_questions[] = {
	{.expr = "0 0 * * * *", .dialect = "spring", .next = "2026-01-01T01:00:00+00:00"},
	{.expr = "*/10 * * * * *", .dialect = "spring", .next = "2026-01-01T00:00:10+00:00"},
	{.expr = "0 0 8-10 * * *", .dialect = "spring", .next = "2026-01-01T08:00:00+00:00"},
	{.expr = "0 0 6,19 * * *", .dialect = "spring", .next = "2026-01-01T06:00:00+00:00 2026-01-01T19:00:00+00:00"},
	{.expr = "0 0/30 8-10 * * *",
	 .dialect = "spring",
	 .next = "2026-01-01T08:00:00+00:00 2026-01-01T08:30:00+00:00"},
	{.expr = "0 0 9-17 * * MON-FRI", .dialect = "spring", .next = "2026-01-01T09:00:00+00:00"},
	{.expr = "0 0 0 25 12 ?", .dialect = "spring", .next = "2026-12-25T00:00:00+00:00"},
	{.expr = "0 0 0 L * *", .dialect = "spring", .next = "2026-01-31T00:00:00+00:00"},
	{.expr = "0 0 0 1W * *",
	 .dialect = "spring",
	 .from = "2026-01-02T00:00:00Z",
	 .next = "2026-02-02T00:00:00+00:00"},
	{.expr = "0 0 0 LW * *", .dialect = "spring", .next = "2026-01-30T00:00:00+00:00"},
	{.expr = "0 0 0 * * 5L", .dialect = "spring", .next = "2026-01-30T00:00:00+00:00"},
	{.expr = "0 0 0 * * THUL", .dialect = "spring", .next = "2026-01-29T00:00:00+00:00"},
	{.expr = "0 0 0 ? * 5#2", .dialect = "spring", .next = "2026-01-09T00:00:00+00:00"},
	{.expr = "0 0 0 ? * MON#1", .dialect = "spring", .next = "2026-01-05T00:00:00+00:00"},
	/* Both day fields have to agree. */
	{.expr = "0 0 0 13 * FRI", .dialect = "spring", .next = "2026-02-13T00:00:00+00:00 2026-03-13T00:00:00+00:00"},
	{.expr = "0 0 0 * * FRI-SUN", .dialect = "spring", .next = "2026-01-02T00:00:00+00:00"},
	{.expr = "@hourly", .dialect = "spring", .next = "2026-01-01T01:00:00+00:00"},
	{.expr = "0 0 * * *", .dialect = "spring"},
	{.expr = "60 0 0 * * *", .dialect = "spring"},
	{.expr = "0 0 0 * * SAT-MON", .dialect = "spring"},
	{.expr = "0 ? 0 * * *", .dialect = "spring"},
	{.expr = "0 0 0 * * L", .dialect = "spring"},
	{.expr = "@every 5s", .dialect = "spring"},
};

/* The package documentation of github.com/robfig/cron/v3. */
static const struct question robfig_questions[] = {
	{.expr = "30 * * * *", .dialect = "robfig", .next = "2026-01-01T00:30:00+00:00"},
	{.expr = "30 3-6,20-23 * * *", .dialect = "robfig", .next = "2026-01-01T03:30:00+00:00"},
	{.expr = "TZ=Asia/Tokyo 30 04 * * *", .dialect = "robfig", .next = "2026-01-02T04:30:00+09:00"},
	{.expr = "@every 1h30m10s", .dialect = "robfig", .next = "2026-01-01T01:30:10+00:00"},
	{.expr = "@every 10ms", .dialect = "robfig", .next = "2026-01-01T00:00:01+00:00"},
	{.expr = "?/20 ? ? ? ?", .dialect = "robfig", .next = "2026-01-01T00:20:00+00:00"},
	{.expr = "? ? ? ? ? ?", .dialect = "robfig", .next = "2026-01-01T00:00:01+00:00"},
	{.expr = "0 0 * * 6", .dialect = "robfig", .next = "2026-01-03T00:00:00+00:00"},
	/* A star with a step is no star. */
	{.expr = "* * */10 * sun",
	 .dialect = "robfig",
	 .from = "2012-07-09T23:59:59Z",
	 .next = "2012-07-11T00:00:00+00:00"},
	{.expr = "0 0 */1 * sun", .dialect = "robfig", .next = "2026-01-04T00:00:00+00:00"},
	{.expr = "0 0 1,15 * sun",
	 .dialect = "robfig",
	 .next = "2026-01-04T00:00:00+00:00 2026-01-11T00:00:00+00:00 "
		 "2026-01-15T00:00:00+00:00"},
	{.expr = "*/100 * * * *", .dialect = "robfig", .next = "2026-01-01T01:00:00+00:00"},
	{.expr = "0 0 * * 7", .dialect = "robfig"},
	{.expr = "0 0 * * fri-sun", .dialect = "robfig"},
	{.expr = "0 0 L * *", .dialect = "robfig"},
	{.expr = "0 0 * * 1#1", .dialect = "robfig"},
	{.expr = "*/0 * * * *", .dialect = "robfig"},
	{.expr = "* * * *", .dialect = "robfig"},
	{.expr = "@reboot", .dialect = "robfig"},
	{.expr = "TZ=", .dialect = "robfig"},
};

/* "Cron expressions" in the user guide of Amazon EventBridge. */
static const struct question aws_questions[] = {
	{.expr = "cron(0 10 * * ? *)", .next = "2026-01-01T10:00:00+00:00"},
	{.expr = "cron(15 12 * * ? *)", .next = "2026-01-01T12:15:00+00:00"},
	{.expr = "cron(0 18 ? * MON-FRI *)",
	 .next = "2026-01-01T18:00:00+00:00 2026-01-02T18:00:00+00:00 2026-01-05T18:00:00+00:00"},
	{.expr = "cron(0 8 1 * ? *)", .next = "2026-01-01T08:00:00+00:00"},
	{.expr = "cron(0/15 * * * ? *)", .next = "2026-01-01T00:15:00+00:00"},
	{.expr = "cron(0/5 8-17 ? * MON-FRI *)", .next = "2026-01-01T08:00:00+00:00"},
	{.expr = "cron(0 9 ? * 2#1 *)", .next = "2026-01-05T09:00:00+00:00"},
	{.expr = "cron(15 10 ? * 6L 2019-2022)", .next = "."},
	{.expr = "0 10 * * ? 2027", .next = "2027-01-01T10:00:00+00:00"},
	{.expr = "0 10 * * ? *", .dialect = "aws", .next = "2026-01-01T10:00:00+00:00"},
	{.expr = "cron(0 10 * * * *)"},
	{.expr = "cron(0 10 ? * ? *)"},
	{.expr = "cron(0 10 * * ? *"},
	{.expr = "cron(0 10 * * ?)"},
	{.expr = "cron(0 10 * * ? 2200)"},
	{.expr = "cron("},
};

/* Fields alone tell which dialect it is. */
static const struct question auto_questions[] = {
	{.expr = "0 0 0 ? * 1", .next = "2026-01-04T00:00:00+00:00"},
	{.expr = "0 0 0 1 * 1", .next = "2026-01-05T00:00:00+00:00"},
	{.expr = "0 0 0 ? * 1 2027", .next = "2027-01-03T00:00:00+00:00"},
	{.expr = "0 0 0 ? * ?", .next = "2026-01-02T00:00:00+00:00"},
	{.expr = "0 0 1 1 ? 2027", .next = "2027-01-01T00:00:00+00:00"},
};

static void unix_reads_crontab_5_and_the_superset(void **state)
{
	(void)state;
	CHECK_QUESTIONS(unix_questions);
}

static void vixie_reads_crontab_5_alone(void **state)
{
	(void)state;
	CHECK_QUESTIONS(vixie_questions);
}

static void ocps_passes_its_conformance_tests(void **state)
{
	(void)state;
	CHECK_QUESTIONS(ocps_questions);
}

static void quartz_reads_the_examples_of_its_tutorial(void **state)
{
	(void)state;
	CHECK_QUESTIONS(quartz_questions);
}

static void spring_reads_the_examples_of_its_javadoc(void **state)
{
	(void)state;
	CHECK_QUESTIONS(spring_questions);
}

static void robfig_reads_the_examples_of_its_documentation(void **state)
{
	(void)state;
	CHECK_QUESTIONS(robfig_questions);
}

static void aws_reads_the_examples_of_eventbridge(void **state)
{
	(void)state;
	CHECK_QUESTIONS(aws_questions);
}

static void auto_tells_the_dialect_by_the_fields(void **state)
{
	(void)state;
	CHECK_QUESTIONS(auto_questions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unix_reads_crontab_5_and_the_superset),
		cmocka_unit_test(vixie_reads_crontab_5_alone),
		cmocka_unit_test(ocps_passes_its_conformance_tests),
		cmocka_unit_test(quartz_reads_the_examples_of_its_tutorial),
		cmocka_unit_test(spring_reads_the_examples_of_its_javadoc),
		cmocka_unit_test(robfig_reads_the_examples_of_its_documentation),
		cmocka_unit_test(aws_reads_the_examples_of_eventbridge),
		cmocka_unit_test(auto_tells_the_dialect_by_the_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
