/* trigger.health: told of what changes, once a second at most, and the last state always. */
#include "host/support_host.h"
#include <tappet/events.h>

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"
#define DEFINITION(plugin) "{\"slug\": \"w\", \"triggers\": [{\"id\": \"t\", \"plugin\": \"" plugin "\"}]," STEPS "}"

static struct fixture f;
static const tappet_host *host;
static const tappet_events1 *events;
static tappet_instance *self;

struct told {
	tappet_reader *reader;
	size_t count;
	char last[1000], all[4000];
	int64_t times_ms[100];
};
static struct told told;

static void on_events(void *arg, const tappet_event *list, size_t count, size_t event_size, uint64_t last_seq,
		      uint64_t gap_from)
{
	(void)arg;
	(void)event_size;
	(void)last_seq;
	assert_int_equal(gap_from, 0);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(told.all);
		assert_string_equal(list[i].type, "trigger.health");
		assert_int_equal(strlen(list[i].workflow_id), 24);
		assert_true(told.count < 100);
		told.times_ms[told.count++] = list[i].time_ms;
		snprintf(told.last, sizeof(told.last), "%.*s", (int)list[i].data.len, list[i].data.ptr);
		snprintf(told.all + len, sizeof(told.all) - len, "%s\n", told.last);
	}
	events->more(told.reader);
}

static int setup(void **state)
{
	const tappet_events_filter filter = {.struct_size = sizeof(filter), .type = "trigger.health"};
	(void)state;
	f = (struct fixture){0};
	told = (struct told){0};
	fixture_open(&f, true);
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	host = f.probe->host;
	self = f.probe->self;
	events = host->capability(self, TAPPET_EVENTS_1);
	assert_int_equal(events->open(self, 0, &filter, on_events, NULL, &told.reader), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static tappet_trigger *trigger(void)
{
	return f.probe->triggers[f.probe->trigger_count - 1]->handle;
}

/* Until a second after the last one was told. */
static void rest(void)
{
	int64_t end_ms = clock_mono_ms() + 1300;
	until(&f, clock_mono_ms() > end_ms);
}

static void what_simply_runs_is_not_told(void **state)
{
	(void)state;
	fixture_apply(&f, DEFINITION("probe"));
	host->health(self, trigger(), TAPPET_HEALTH_RUNNING, NULL, 0);
	rest();
	assert_int_equal(told.count, 0);
}

static void a_change_is_told_with_its_reason_and_its_end(void **state)
{
	(void)state;
	fixture_apply(&f, DEFINITION("probe"));
	host->health(self, trigger(), TAPPET_HEALTH_BACKING_OFF, "refused", 1700000000000);
	until(&f, told.count == 1);
	assert_string_equal(told.last, "{\"trigger\":\"t\",\"state\":\"backing-off\",\"reason\":\"refused\","
				       "\"until\":\"2023-11-14T22:13:20.000Z\"}");
	host->health(self, trigger(), TAPPET_HEALTH_RUNNING, NULL, 0);
	until(&f, told.count == 2);
	assert_string_equal(told.last, "{\"trigger\":\"t\",\"state\":\"running\"}");
	assert_true(told.times_ms[1] >= told.times_ms[0] + 950);
}

static void of_many_changes_the_first_and_the_last_are_told(void **state)
{
	char reason[20];
	(void)state;
	fixture_apply(&f, DEFINITION("probe"));
	for (int i = 0; i < 50; i++) {
		snprintf(reason, sizeof(reason), "number %d", i);
		host->health(self, trigger(), i % 2 ? TAPPET_HEALTH_DEGRADED : TAPPET_HEALTH_DEAD, reason, 0);
	}
	until(&f, told.count == 2);
	assert_non_null(strstr(told.all, "number 0"));
	assert_string_equal(told.last, "{\"trigger\":\"t\",\"state\":\"degraded\",\"reason\":\"number 49\"}");
	/* What changes and changes back is as it was. */
	host->health(self, trigger(), TAPPET_HEALTH_DEAD, "for a moment", 0);
	host->health(self, trigger(), TAPPET_HEALTH_DEGRADED, "number 49", 0);
	rest();
	assert_int_equal(told.count, 2);
}

static void a_trigger_that_is_dead_from_its_beginning_is_told_and_so_is_its_successor(void **state)
{
	(void)state;
	fixture_apply(&f, DEFINITION("nothing"));
	until(&f, told.count == 1);
	assert_string_equal(told.last,
			    "{\"trigger\":\"t\",\"state\":\"dead\",\"reason\":\"plugin nothing is not loaded\"}");
	fixture_apply(&f, DEFINITION("probe"));
	until(&f, told.count == 2);
	assert_string_equal(told.last, "{\"trigger\":\"t\",\"state\":\"running\"}");
}

static void of_one_that_was_taken_away_nothing_more_is_told(void **state)
{
	(void)state;
	fixture_apply(&f, DEFINITION("probe"));
	host->health(self, trigger(), TAPPET_HEALTH_DEGRADED, "slow", 0);
	fixture_apply(&f, "{\"slug\": \"w\"," STEPS "}");
	rest();
	assert_int_equal(told.count, 1);
	assert_non_null(strstr(told.last, "slow"));
}

static void the_last_state_is_stored_also_when_the_host_stops(void **state)
{
	(void)state;
	fixture_apply(&f, DEFINITION("probe"));
	host->health(self, trigger(), TAPPET_HEALTH_DEGRADED, "slow", 0);
	host->health(self, trigger(), TAPPET_HEALTH_DEAD, "gone", 0);
	uint64_t newest = events->newest(self);
	fixture_stop(&f, 10000);
	until(&f, bus_newest(f.bus) == newest + 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_simply_runs_is_not_told),
		CASE(a_change_is_told_with_its_reason_and_its_end),
		CASE(of_many_changes_the_first_and_the_last_are_told),
		CASE(a_trigger_that_is_dead_from_its_beginning_is_told_and_so_is_its_successor),
		CASE(of_one_that_was_taken_away_nothing_more_is_told),
		CASE(the_last_state_is_stored_also_when_the_host_stops),
	};
	return cmocka_run_group_tests_name("host/health_events", tests, NULL, NULL);
}
