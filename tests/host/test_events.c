/* tappet.events/1: no gap and no double between the store and the bus, at the reader's own pace. */
#include "host/support_host.h"
#include <tappet/events.h>

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"

static struct fixture f;
static const tappet_host *host;
static const tappet_events1 *events;
static tappet_instance *self;
static tappet_trigger *trigger;
static int settled;

struct reading {
	tappet_reader *reader;
	bool eager; /* asks for more from inside its callback */
	uint64_t last, gap_from;
	size_t batches, count, accepted;
	char first_type[64];
	bool close_inside;
};

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	settled = 0;
	fixture_open(&f, true);
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	fixture_apply(&f, "{\"slug\": \"w\", \"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}");
	host = f.probe->host;
	self = f.probe->self;
	trigger = f.probe->triggers[0]->handle;
	events = host->capability(self, TAPPET_EVENTS_1);
	assert_non_null(events);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void on_result(void *arg, const tappet_result *r)
{
	(void)arg;
	assert_int_equal(r->outcome, TAPPET_OK);
	settled++;
}

static void emit(int count)
{
	tappet_emission e = {.struct_size = sizeof(e)};
	for (int i = 0; i < count; i++)
		assert_int_equal(host->emit(trigger, &e, on_result, NULL), 0);
}

static void on_events(void *arg, const tappet_event *list, size_t count, size_t event_size, uint64_t last_seq,
		      uint64_t gap_from)
{
	struct reading *r = arg;
	assert_int_equal(event_size, sizeof(tappet_event));
	for (size_t i = 0; i < count; i++) {
		assert_true(list[i].seq > r->last);
		r->last = list[i].seq;
		if (!r->first_type[0])
			snprintf(r->first_type, sizeof(r->first_type), "%s", list[i].type);
		if (strcmp(list[i].type, "activity.accepted") == 0)
			r->accepted++;
		assert_true(list[i].data.len >= 2);
	}
	assert_true(last_seq >= r->last);
	r->last = last_seq;
	r->count += count;
	r->batches++;
	if (gap_from)
		r->gap_from = gap_from;
	if (r->close_inside)
		events->close(r->reader);
	else if (r->eager)
		events->more(r->reader);
}

static void a_reader_sees_what_was_and_then_what_comes(void **state)
{
	struct reading r = {.eager = true};
	(void)state;
	emit(300);
	until(&f, settled == 300);
	assert_int_equal(events->open(self, 0, NULL, on_events, &r, &r.reader), 0);
	assert_int_equal(r.batches, 0);
	until(&f, r.accepted == 300);
	emit(50);
	until(&f, r.accepted == 350);
	assert_int_equal(r.last, events->newest(self));
	assert_int_equal(r.count, r.last);
	assert_int_equal(r.gap_from, 0);
	events->close(r.reader);
}

static void nothing_is_missed_or_doubled_while_events_come_during_the_catching_up(void **state)
{
	struct reading r = {.eager = true};
	(void)state;
	emit(400);
	until(&f, settled > 0);
	assert_int_equal(events->open(self, 0, NULL, on_events, &r, &r.reader), 0);
	for (int round = 0; round < 8; round++) {
		int before = settled;
		emit(100);
		until(&f, settled >= before + 60);
	}
	until(&f, r.accepted == 1200);
	assert_int_equal(r.count, r.last);
	assert_int_equal(r.last, events->newest(self));
	events->close(r.reader);
}

static void a_slow_reader_gets_the_next_batch_when_it_asks(void **state)
{
	struct reading r = {0};
	(void)state;
	uint64_t begin = events->newest(self);
	assert_int_equal(events->open(self, UINT64_MAX, NULL, on_events, &r, &r.reader), 0);
	emit(5);
	until(&f, r.batches == 1);
	/* Far more than the ring of its subscription holds. */
	emit(400);
	until(&f, settled == 405);
	assert_int_equal(r.batches, 1);
	while (r.accepted < 405) {
		size_t batches = r.batches;
		events->more(r.reader);
		until(&f, r.batches == batches + 1);
	}
	assert_int_equal(r.accepted, 405);
	assert_int_equal(r.count, r.last - begin);
	events->close(r.reader);
}

static void a_reader_from_now_on_sees_nothing_old(void **state)
{
	struct reading r = {.eager = true};
	(void)state;
	emit(10);
	until(&f, settled == 10);
	uint64_t newest = events->newest(self);
	assert_int_equal(events->open(self, UINT64_MAX, NULL, on_events, &r, &r.reader), 0);
	emit(3);
	until(&f, r.accepted == 3);
	assert_int_equal(r.last, newest + 3);
	events->close(r.reader);
}

static void a_reader_goes_on_behind_its_number(void **state)
{
	struct reading r = {.eager = true};
	(void)state;
	emit(20);
	until(&f, settled == 20);
	uint64_t newest = events->newest(self);
	r.last = newest - 5;
	assert_int_equal(events->open(self, newest - 5, NULL, on_events, &r, &r.reader), 0);
	until(&f, r.count == 5);
	assert_int_equal(r.last, newest);
	events->close(r.reader);
}

static void a_filter_leaves_out_and_still_moves_on(void **state)
{
	struct reading none = {.eager = true}, some = {.eager = true};
	const tappet_events_filter steps = {.struct_size = sizeof(steps), .type = "step.*"};
	const tappet_events_filter accepted = {.struct_size = sizeof(accepted),
					       .type = "activity.accepted",
					       .workflow_id = f.probe->triggers[0]->workflow_id};
	(void)state;
	assert_int_equal(events->open(self, 0, &steps, on_events, &none, &none.reader), 0);
	assert_int_equal(events->open(self, 0, &accepted, on_events, &some, &some.reader), 0);
	for (int i = 1; i <= 5; i++) {
		emit(300);
		until(&f, settled == 300 * i);
	}
	until(&f, some.accepted == 1500);
	assert_int_equal(some.count, 1500);
	assert_string_equal(some.first_type, "activity.accepted");
	/* Only its position, by a batch without events. */
	until(&f, none.batches > 0);
	assert_int_equal(none.count, 0);
	assert_true(none.last >= 1000);
	events->close(none.reader);
	events->close(some.reader);
}

static void on_secret(void *arg, int status, const char *secret, const struct access_token *token)
{
	(void)secret;
	assert_int_equal(status, 0);
	memcpy(arg, token->id, sizeof(token->id));
}

static void on_revoked(void *arg, int status)
{
	assert_int_equal(status, 0);
	*(bool *)arg = true;
}

static void make_token(const char *team, char token_id[static 25])
{
	const struct access_request request = {.team = team, .scopes = "subscribe"};
	assert_int_equal(access_create(f.engine, &request, on_secret, token_id), 0);
	until(&f, token_id[0]);
}

static void several_types_a_team_and_a_token_leave_out_what_is_not_theirs(void **state)
{
	struct reading types = {.eager = true}, team = {.eager = true}, other = {.eager = true},
		       covered = {.eager = true}, uncovered = {.eager = true};
	char web[25] = "", shop[25] = "";
	(void)state;
	fixture_apply(&f, "{\"slug\": \"w\", \"team\": \"Web\", \"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}");
	trigger = f.probe->triggers[f.probe->trigger_count - 1]->handle;
	make_token("Web", web);
	make_token("Shop", shop);
	const tappet_events_filter some_types = {.struct_size = sizeof(some_types), .types = "step.*,workflow.changed"};
	const tappet_events_filter of_web = {.struct_size = sizeof(of_web), .type = "activity.*", .team = "Web"};
	const tappet_events_filter of_shop = {.struct_size = sizeof(of_shop), .team = "Shop"};
	const tappet_events_filter for_web = {.struct_size = sizeof(for_web), .token_id = web};
	const tappet_events_filter for_shop = {.struct_size = sizeof(for_shop), .token_id = shop};
	assert_int_equal(events->open(self, 0, &some_types, on_events, &types, &types.reader), 0);
	assert_int_equal(events->open(self, 0, &of_web, on_events, &team, &team.reader), 0);
	assert_int_equal(events->open(self, 0, &of_shop, on_events, &other, &other.reader), 0);
	assert_int_equal(events->open(self, 0, &for_web, on_events, &covered, &covered.reader), 0);
	assert_int_equal(events->open(self, 0, &for_shop, on_events, &uncovered, &uncovered.reader), 0);
	emit(1);
	until(&f, team.accepted == 1 && covered.accepted == 1 && types.count == 2);
	assert_string_equal(types.first_type, "workflow.changed");
	assert_int_equal(other.count, 0);
	assert_int_equal(uncovered.count, 0);
	/* A revoked token covers nothing from then on. */
	bool revoked = false;
	assert_int_equal(access_revoke(f.engine, web, on_revoked, &revoked), 0);
	until(&f, revoked);
	emit(1);
	until(&f, team.accepted == 2);
	assert_int_equal(covered.accepted, 1);
	events->close(types.reader);
	events->close(team.reader);
	events->close(other.reader);
	events->close(covered.reader);
	events->close(uncovered.reader);
}

static void a_filter_of_an_older_header_is_read_as_far_as_it_goes(void **state)
{
	struct reading r = {.eager = true};
	tappet_events_filter filter;
	(void)state;
	memset(&filter, 0xff, sizeof(filter));
	filter.struct_size = offsetof(tappet_events_filter, team);
	filter.workflow_id = filter.activity_id = NULL;
	filter.type = "activity.acc*";
	assert_int_equal(events->open(self, 0, &filter, on_events, &r, &r.reader), 0);
	emit(1);
	until(&f, r.accepted == 1);
	assert_int_equal(r.count, 1);
	events->close(r.reader);
}

static void a_workflow_is_told_by_its_id_and_its_slug(void **state)
{
	tappet_workflow_info info = {.struct_size = sizeof(info)};
	const struct catalog_entry *entry =
		fixture_apply(&f, "{\"slug\": \"v\", \"name\": \"Five\", \"team\": \"Web\"," STEPS "}");
	(void)state;
	assert_int_equal(events->workflow(self, tappet_cstr(entry->id), &info), 0);
	assert_string_equal(info.workflow_slug, "v");
	assert_string_equal(info.workflow_name, "Five");
	assert_string_equal(info.team, "Web");
	assert_int_equal(events->workflow(self, tappet_cstr("w"), &info), 0);
	assert_string_equal(info.workflow_id, f.probe->triggers[0]->workflow_id);
	assert_string_equal(info.workflow_name, "w");
	assert_string_equal(info.team, "");
	assert_int_equal(events->workflow(self, tappet_cstr("nobody"), &info), TAPPET_ENOTFOUND);
	info.struct_size = 8;
	assert_int_equal(events->workflow(self, tappet_cstr("w"), &info), TAPPET_EINVAL);
}

static void a_reader_may_be_closed_from_inside(void **state)
{
	struct reading r = {.close_inside = true};
	(void)state;
	assert_int_equal(events->open(self, UINT64_MAX, NULL, on_events, &r, &r.reader), 0);
	emit(1);
	until(&f, r.batches == 1);
	emit(20);
	until(&f, settled == 21);
	assert_int_equal(r.batches, 1);
}

static void a_reader_that_is_left_open_is_closed_at_the_end(void **state)
{
	/* It is called until the teardown. */
	static struct reading r;
	(void)state;
	r = (struct reading){.eager = true};
	assert_int_equal(events->open(self, 0, NULL, on_events, &r, &r.reader), 0);
	emit(3);
}

static void wrong_filters_are_refused(void **state)
{
	struct reading r = {0};
	const tappet_events_filter id = {.struct_size = sizeof(id), .workflow_id = "xyz"};
	const tappet_events_filter size = {.struct_size = 4};
	(void)state;
	assert_int_equal(events->open(self, 0, &id, on_events, &r, &r.reader), TAPPET_EINVAL);
	assert_int_equal(events->open(self, 0, &size, on_events, &r, &r.reader), TAPPET_EINVAL);
	const tappet_events_filter type = {.struct_size = sizeof(type), .types = "activity.*,step.flown"};
	const tappet_events_filter token = {.struct_size = sizeof(token), .token_id = "me"};
	assert_int_equal(events->open(self, 0, &type, on_events, &r, &r.reader), TAPPET_EINVAL);
	assert_int_equal(events->open(self, 0, &token, on_events, &r, &r.reader), TAPPET_EINVAL);
	assert_int_equal(events->open(self, 0, NULL, NULL, &r, &r.reader), TAPPET_EINVAL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_reader_sees_what_was_and_then_what_comes),
		CASE(nothing_is_missed_or_doubled_while_events_come_during_the_catching_up),
		CASE(a_slow_reader_gets_the_next_batch_when_it_asks),
		CASE(a_reader_from_now_on_sees_nothing_old),
		CASE(a_reader_goes_on_behind_its_number),
		CASE(a_filter_leaves_out_and_still_moves_on),
		CASE(several_types_a_team_and_a_token_leave_out_what_is_not_theirs),
		CASE(a_filter_of_an_older_header_is_read_as_far_as_it_goes),
		CASE(a_workflow_is_told_by_its_id_and_its_slug),
		CASE(a_reader_may_be_closed_from_inside),
		CASE(a_reader_that_is_left_open_is_closed_at_the_end),
		CASE(wrong_filters_are_refused),
	};
	return cmocka_run_group_tests_name("host/events", tests, NULL, NULL);
}
