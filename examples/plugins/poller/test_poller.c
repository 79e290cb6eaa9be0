#define _GNU_SOURCE 1
#include <unistd.h>
#include "../check.h"

static char path[] = "/tmp/poller-XXXXXX";

static void put(const char *mode, const char *text)
{
	FILE *file = fopen(path, mode);

	CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static testkit *begin(tappet_trigger **ret_trigger)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	char options[100];

	snprintf(options, sizeof(options), "{\"path\": \"%s\", \"every\": \"1s\"}", path);
	*ret_trigger = testkit_begin(kit, NULL, options);
	return kit;
}

static long offset(const testkit *kit)
{
	const char *value = testkit_kv(kit, "test", "cursor").ptr;

	return value ? strtol(strrchr(value, ':') + 1, NULL, 10) : -1;
}

static void lines_that_are_appended_become_activities(void)
{
	tappet_trigger *trigger;
	testkit *kit;

	put("w", "1\n2\n3");
	kit = begin(&trigger);
	testkit_advance(kit, 0);
	CHECK(testkit_emission_count(kit) == 2 && last_payload_is(kit, "2") && offset(kit) == 4);
	put("a", "4\nx\n5\n");
	testkit_advance(kit, 1000);
	CHECK(testkit_emission_count(kit) == 4 && last_payload_is(kit, "5") && offset(kit) == 11);
	CHECK(testkit_refusal_last(kit)->reason == TAPPET_REASON_MALFORMED);
	testkit_close(kit); /* says so when something is left behind */
}

static void the_cursor_outlives_the_trigger_and_ends_with_the_file(void)
{
	tappet_trigger *trigger;
	testkit *kit;
	char options[100];

	put("w", "1\n2\n");
	kit = begin(&trigger);
	testkit_advance(kit, 0);
	testkit_trigger_remove(kit, trigger);
	put("a", "3\n");
	snprintf(options, sizeof(options), "{\"path\": \"%s\", \"every\": \"1s\"}", path);
	CHECK(testkit_trigger_add(kit, "test", options));
	testkit_advance(kit, 0);
	CHECK(testkit_emission_count(kit) == 3 && last_payload_is(kit, "3"));
	testkit_close(kit);
}

static void a_shortened_file_is_read_from_its_beginning(void)
{
	tappet_trigger *trigger;
	testkit *kit;

	put("w", "100\n200\n");
	kit = begin(&trigger);
	testkit_advance(kit, 0);
	put("w", "7\n");
	testkit_outcome(kit, TAPPET_OK, TAPPET_REASON_NONE, NULL);
	testkit_advance(kit, 1000);
	CHECK(last_payload_is(kit, "7") && offset(kit) == 2);
	testkit_close(kit);
}

static void the_cursor_waits_for_an_unknown_outcome(void)
{
	tappet_trigger *trigger;
	testkit *kit;

	put("w", "");
	kit = begin(&trigger);
	put("a", "1\n2\n");
	testkit_outcome(kit, TAPPET_EUNKNOWN, TAPPET_REASON_NONE, NULL);
	testkit_outcome(kit, TAPPET_EREFUSED, TAPPET_REASON_QUEUE_FULL, NULL);
	testkit_advance(kit, 1000);
	CHECK(testkit_emission_count(kit) == 1 && offset(kit) == -1);
	testkit_advance(kit, 1000);
	CHECK(testkit_emission_count(kit) == 2 && offset(kit) == -1);
	testkit_advance(kit, 1000);
	CHECK(testkit_emission_count(kit) == 4 && last_payload_is(kit, "2") && offset(kit) == 4);
	CHECK(strcmp(testkit_emission_at(kit, 0)->dedup_key.ptr, testkit_emission_at(kit, 2)->dedup_key.ptr) == 0);
	testkit_close(kit);
}

static void a_missing_file_is_looked_for_less_and_less_often(void)
{
	tappet_trigger *trigger;
	testkit *kit;

	unlink(path);
	kit = begin(&trigger);
	testkit_advance(kit, 0);
	CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_BACKING_OFF);
	CHECK(testkit_timer_next(kit) == 1000);
	testkit_advance(kit, 1000);
	CHECK(testkit_timer_next(kit) == 2000);
	testkit_advance(kit, 1000000);
	CHECK(testkit_timer_next(kit) <= 60000);
	put("w", "1\n");
	testkit_advance(kit, 60000);
	CHECK(last_payload_is(kit, "1") && testkit_health(kit, trigger) == TAPPET_HEALTH_RUNNING);
	testkit_close(kit);
}

static void a_line_that_is_too_long_is_refused_once(void)
{
	static char text[200001];
	tappet_trigger *trigger;
	testkit *kit;

	memset(text, '1', 200000);
	put("w", text);
	put("a", "\n2\n");
	kit = begin(&trigger);
	testkit_advance(kit, 1000);
	CHECK(testkit_emission_count(kit) == 1 && last_payload_is(kit, "2"));
	CHECK(testkit_refusal_count(kit) == 1 && testkit_refusal_last(kit)->reason == TAPPET_REASON_TOO_LARGE);
	testkit_close(kit);
}

static void busy_waits_for_resume(void)
{
	tappet_trigger *trigger;
	testkit *kit;

	put("w", "");
	kit = begin(&trigger);
	put("a", "1\n2\n");
	testkit_outcome(kit, TAPPET_EBUSY, TAPPET_REASON_NONE, NULL);
	testkit_advance(kit, 1000);
	CHECK(testkit_emission_count(kit) == 2 && offset(kit) == 4);
	testkit_close(kit);
}

static void removal_and_stop_wait_for_the_outcome(void)
{
	tappet_trigger *trigger;
	testkit *kit;

	put("w", "");
	kit = begin(&trigger);
	put("a", "1\n2\n");
	testkit_hold(kit, 1);
	testkit_advance(kit, 1000);
	CHECK(testkit_emission_count(kit) == 1);
	testkit_trigger_remove(kit, trigger);
	CHECK(!testkit_stop(kit, 5000));
	CHECK(testkit_settle(kit, 0, TAPPET_OK, TAPPET_REASON_NONE, NULL) == TAPPET_OK);
	CHECK(testkit_has_stopped(kit) && testkit_emission_count(kit) == 1);
	testkit_close(kit);
}

int main(void)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0 && close(fd) == 0);
	lines_that_are_appended_become_activities();
	the_cursor_outlives_the_trigger_and_ends_with_the_file();
	a_shortened_file_is_read_from_its_beginning();
	the_cursor_waits_for_an_unknown_outcome();
	a_missing_file_is_looked_for_less_and_less_often();
	a_line_that_is_too_long_is_refused_once();
	busy_waits_for_resume();
	removal_and_stop_wait_for_the_outcome();
	unlink(path);
	return 0;
}
