/* tappet.events/1 when what a reader has not seen yet is deleted: it is told from where on, and goes on behind. */
#include "host/support_host.h"
#include <tappet/events.h>

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"
#define MANY 400 /* at once; twelve times that is more than a subscription keeps */

static struct fixture f;
static const tappet_host *host;
static const tappet_events1 *events;
static tappet_instance *self;
static int settled;

struct reading {
	tappet_reader *reader;
	size_t batches, count;
	uint64_t first, last, gap_from;
};

static int setup(void **state)
{
	(void)state;
	/* Deleted at the store's next look at what is past its time. */
	f = (struct fixture){.retention_events_ms = 1, .queue_max = 10000};
	settled = 0;
	fixture_open(&f, true);
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	fixture_apply(&f, "{\"slug\": \"w\", \"triggers\": [{\"plugin\": \"probe\"}]," STEPS "}");
	host = f.probe->host;
	self = f.probe->self;
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
	int end = settled + count;
	for (int i = 0; i < count; i++)
		assert_int_equal(host->emit(f.probe->triggers[0]->handle, &e, on_result, NULL), 0);
	until(&f, settled == end);
}

struct kept {
	bool done;
	uint64_t oldest;
};

static void on_kept(void *arg, int status, const struct event *list, size_t count, uint64_t oldest)
{
	(void)list;
	(void)count;
	assert_int_equal(status, 0);
	*(struct kept *)arg = (struct kept){true, oldest};
}

/* Waits until the store keeps no event any more. */
static void forget(void)
{
	struct kept kept = {0};
	int64_t end_ms = clock_mono_ms() + DEADLINE_MS;
	while (kept.oldest != events->newest(self) + 1) {
		assert_true(clock_mono_ms() < end_ms);
		kept.done = false;
		assert_int_equal(store_read_events(f.store, 0, 1, false, on_kept, &kept), 0);
		until(&f, kept.done);
	}
}

static void on_events(void *arg, const tappet_event *list, size_t count, size_t event_size, uint64_t last_seq,
		      uint64_t gap_from)
{
	struct reading *r = arg;
	assert_int_equal(event_size, sizeof(tappet_event));
	r->batches++;
	r->count += count;
	r->first = count ? list[0].seq : 0;
	r->last = last_seq;
	r->gap_from = gap_from;
}

static void a_reader_that_comes_too_late_is_told_where_its_gap_begins(void **state)
{
	struct reading r = {0};
	(void)state;
	emit(20);
	forget();
	uint64_t newest = events->newest(self);
	assert_int_equal(events->open(self, 5, NULL, on_events, &r, &r.reader), 0);
	until(&f, r.batches == 1);
	assert_int_equal(r.gap_from, 6);
	assert_int_equal(r.last, newest);
	assert_int_equal(r.count, 0);
	/* Once; then it goes on. */
	events->more(r.reader);
	emit(1);
	until(&f, r.batches == 2);
	assert_int_equal(r.gap_from, 0);
	assert_int_equal(r.first, newest + 1);
	events->close(r.reader);
}

static void a_filter_does_not_hide_a_gap(void **state)
{
	struct reading r = {0};
	const tappet_events_filter none = {.struct_size = sizeof(none), .type = "no.such"};
	(void)state;
	emit(20);
	forget();
	assert_int_equal(events->open(self, 3, &none, on_events, &r, &r.reader), 0);
	until(&f, r.batches == 1);
	assert_int_equal(r.gap_from, 4);
	assert_int_equal(r.last, events->newest(self));
	events->close(r.reader);
}

static void a_slow_reader_is_told_what_was_deleted_under_it(void **state)
{
	struct reading r = {0};
	(void)state;
	assert_int_equal(events->open(self, UINT64_MAX, NULL, on_events, &r, &r.reader), 0);
	emit(1);
	until(&f, r.batches == 1);
	assert_int_equal(r.gap_from, 0);
	for (int i = 0; i < 12; i++)
		emit(MANY);
	forget();
	uint64_t seen = r.last, newest = events->newest(self);
	/* What its subscription still had comes first; only behind that something is missing. */
	while (r.last < newest) {
		size_t batches = r.batches;
		seen = r.last;
		events->more(r.reader);
		until(&f, r.batches == batches + 1);
		assert_true(r.last > seen);
		if (r.gap_from)
			break;
		assert_int_equal(r.first, seen + 1);
	}
	assert_int_equal(r.gap_from, seen + 1);
	assert_int_equal(r.last, newest);
	events->close(r.reader);
}

static void what_is_gone_is_no_gap_to_a_reader_from_the_oldest_on(void **state)
{
	struct reading r = {0};
	(void)state;
	emit(20);
	forget();
	uint64_t newest = events->newest(self);
	assert_int_equal(events->open(self, 0, NULL, on_events, &r, &r.reader), 0);
	emit(1);
	until(&f, r.batches == 1);
	assert_int_equal(r.gap_from, 0);
	assert_true(r.last > newest);
	events->close(r.reader);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_reader_that_comes_too_late_is_told_where_its_gap_begins),
		CASE(a_filter_does_not_hide_a_gap),
		CASE(a_slow_reader_is_told_what_was_deleted_under_it),
		CASE(what_is_gone_is_no_gap_to_a_reader_from_the_oldest_on),
	};
	return cmocka_run_group_tests_name("host/gaps", tests, NULL, NULL);
}
