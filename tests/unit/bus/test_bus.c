#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"

struct listener {
	struct bus_subscriber *subscriber;
	unsigned wakes;
	bool leaves; /* when it is woken */
	bool odd_only;
};

static void wake(void *arg)
{
	struct listener *l = arg;

	l->wakes++;
	if (l->leaves) {
		bus_unsubscribe(l->subscriber);
		l->subscriber = NULL;
	}
}

static bool wants(void *arg, const struct event *e)
{
	const struct listener *l = arg;

	return !l->odd_only || e->seq % 2 == 1;
}

static void subscribe(struct bus *b, size_t ring, struct listener *l)
{
	const struct bus_listener listener = {.types = EVENT_TYPES_ALL, .wants = wants, .wake = wake, .arg = l};

	assert_int_equal(bus_subscribe(b, ring, &listener, &l->subscriber), 0);
}

static void publish(struct bus *b, uint64_t first, size_t count)
{
	struct event events[16] = {0};
	char data[] = "{\"x\":1}";

	assert_true(count <= 16);
	for (size_t i = 0; i < count; i++) {
		events[i].seq = first + i;
		events[i].type = EVENT_ACTIVITY_STARTED;
		events[i].data = data;
	}
	bus_publish(b, events, count);
}

static uint64_t take(struct listener *l)
{
	const struct event *e = bus_take(l->subscriber);
	uint64_t seq;

	if (!e)
		return 0;
	seq = e->seq;
	assert_string_equal(e->data, "{\"x\":1}");
	event_drop(e);
	return seq;
}

static int setup(void **state)
{
	struct bus *b = NULL;

	assert_int_equal(bus_open(&b), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	bus_free(*state);
	return 0;
}

static void every_subscriber_gets_every_event_in_order(void **state)
{
	struct listener a = {0}, b = {0};

	subscribe(*state, 4, &a);
	subscribe(*state, 4, &b);
	publish(*state, 1, 2);
	publish(*state, 3, 1);
	for (uint64_t seq = 1; seq <= 3; seq++) {
		assert_int_equal(take(&a), seq);
		assert_int_equal(take(&b), seq);
	}
	assert_int_equal(take(&a), 0);
	assert_int_equal(a.wakes, 2);
	assert_int_equal(b.wakes, 2);
	bus_unsubscribe(a.subscriber);
	bus_unsubscribe(b.subscriber);
}

static void a_full_ring_keeps_the_oldest_and_the_subscriber_is_lost(void **state)
{
	struct listener slow = {0}, quick = {0};

	subscribe(*state, 2, &slow);
	subscribe(*state, 8, &quick);
	publish(*state, 1, 4);
	assert_true(bus_is_lost(slow.subscriber));
	assert_int_equal(bus_looked(slow.subscriber), 2);
	assert_int_equal(take(&slow), 1);
	publish(*state, 5, 1);
	assert_int_equal(take(&slow), 2);
	assert_int_equal(take(&slow), 0);
	assert_int_equal(slow.wakes, 1); /* it knows already */
	bus_begin(slow.subscriber);
	assert_false(bus_is_lost(slow.subscriber));
	assert_int_equal(bus_begun(slow.subscriber), 5);
	publish(*state, 6, 1);
	assert_int_equal(take(&slow), 6);
	for (uint64_t seq = 1; seq <= 6; seq++)
		assert_int_equal(take(&quick), seq);
	assert_int_equal(bus_looked(quick.subscriber), 6);
	bus_unsubscribe(slow.subscriber);
	bus_unsubscribe(quick.subscriber);
}

static void what_is_not_wanted_takes_no_room_and_wakes_nobody(void **state)
{
	struct listener l = {.odd_only = true};

	subscribe(*state, 2, &l);
	publish(*state, 1, 4);
	assert_int_equal(l.wakes, 1);
	assert_false(bus_is_lost(l.subscriber));
	assert_int_equal(take(&l), 1);
	assert_int_equal(take(&l), 3);
	assert_int_equal(bus_looked(l.subscriber), 4);
	publish(*state, 5, 1);
	assert_int_equal(take(&l), 5);
	publish(*state, 6, 1);
	assert_int_equal(l.wakes, 2);
	bus_unsubscribe(l.subscriber);
}

static void who_wants_nothing_is_told_now_and_then_where_it_is(void **state)
{
	const struct bus_listener nothing = {.types = 0, .wake = wake};
	struct listener l = {0};
	struct bus_listener listener = nothing;

	listener.arg = &l;
	assert_int_equal(bus_subscribe(*state, 2, &listener, &l.subscriber), 0);
	for (uint64_t seq = 1; seq <= 2 * BUS_QUIET_MAX; seq++)
		publish(*state, seq, 1);
	assert_int_equal(l.wakes, 2);
	assert_int_equal(bus_looked(l.subscriber), 2 * BUS_QUIET_MAX);
	bus_unsubscribe(l.subscriber);
}

static void all_hold_one_copy_of_an_event(void **state)
{
	struct listener a = {0}, b = {0};
	const struct event *one, *other;

	subscribe(*state, 2, &a);
	subscribe(*state, 2, &b);
	publish(*state, 1, 1);
	one = bus_take(a.subscriber);
	other = bus_take(b.subscriber);
	assert_ptr_equal(one, other);
	event_drop(one);
	assert_string_equal(other->data, "{\"x\":1}");
	event_drop(other);
	bus_unsubscribe(a.subscriber);
	bus_unsubscribe(b.subscriber);
}

static void it_is_known_whether_somebody_asks_for_a_type(void **state)
{
	const struct bus_listener listener = {.types = EVENT_BIT(EVENT_STEP_LOG), .wake = wake};
	struct bus_subscriber *one = NULL, *other = NULL;

	assert_false(bus_is_wanted(*state, EVENT_STEP_LOG));
	assert_int_equal(bus_subscribe(*state, 2, &listener, &one), 0);
	assert_int_equal(bus_subscribe(*state, 2, &listener, &other), 0);
	assert_true(bus_is_wanted(*state, EVENT_STEP_LOG));
	assert_false(bus_is_wanted(*state, EVENT_STEP_ENDED));
	bus_unsubscribe(one);
	assert_true(bus_is_wanted(*state, EVENT_STEP_LOG));
	bus_unsubscribe(other);
	assert_false(bus_is_wanted(*state, EVENT_STEP_LOG));
}

static void a_hole_in_what_is_published_loses_everybody(void **state)
{
	struct listener l = {0};

	subscribe(*state, 4, &l);
	publish(*state, 1, 1);
	publish(*state, 3, 1); /* who knows what 2 was */
	assert_true(bus_is_lost(l.subscriber));
	assert_int_equal(l.wakes, 2);
	assert_int_equal(bus_looked(l.subscriber), 1);
	bus_unsubscribe(l.subscriber);
}

static void long_texts_fill_a_ring_sooner(void **state)
{
	struct listener l = {0};
	struct event e = {.type = EVENT_STEP_ENDED};
	size_t kept = 0;
	char *text = malloc(100 * 1024);

	assert_non_null(text);
	memset(text, 'x', 100 * 1024 - 1);
	text[100 * 1024 - 1] = '\0';
	e.data = text;
	subscribe(*state, 1000, &l);
	for (e.seq = 1; e.seq <= 20; e.seq++)
		bus_publish(*state, &e, 1);
	assert_true(bus_is_lost(l.subscriber));
	for (const struct event *taken; (taken = bus_take(l.subscriber)); kept++)
		event_drop(taken);
	assert_in_range(kept, 5, 7);
	free(text);
	bus_unsubscribe(l.subscriber);
}

static void a_ring_goes_round(void **state)
{
	struct listener l = {0};

	subscribe(*state, 3, &l);
	for (uint64_t seq = 1; seq < 100; seq += 2) {
		publish(*state, seq, 2);
		assert_int_equal(take(&l), seq);
		assert_int_equal(take(&l), seq + 1);
	}
	bus_unsubscribe(l.subscriber);
}

static void the_newest_number_is_known_before_the_first_event(void **state)
{
	assert_int_equal(bus_newest(*state), 0);
	bus_set_newest(*state, 4711);
	assert_int_equal(bus_newest(*state), 4711);
	publish(*state, 4712, 3);
	assert_int_equal(bus_newest(*state), 4714);
	bus_publish(*state, NULL, 0);
	assert_int_equal(bus_newest(*state), 4714);
}

static void a_newcomer_gets_only_what_comes_after_it(void **state)
{
	struct listener l = {0};

	publish(*state, 1, 2);
	subscribe(*state, 8, &l);
	publish(*state, 2, 2); /* 2 was there before */
	assert_int_equal(take(&l), 3);
	assert_int_equal(take(&l), 0);
	bus_unsubscribe(l.subscriber);
}

static void a_subscriber_may_leave_while_it_is_woken(void **state)
{
	struct listener first = {0}, leaver = {.leaves = true}, last = {0};

	subscribe(*state, 4, &first);
	subscribe(*state, 4, &leaver);
	subscribe(*state, 4, &last);
	publish(*state, 1, 1);
	assert_null(leaver.subscriber);
	publish(*state, 2, 1);
	assert_int_equal(leaver.wakes, 1);
	assert_int_equal(first.wakes, 2);
	assert_int_equal(last.wakes, 2);
	bus_unsubscribe(first.subscriber);
	bus_unsubscribe(last.subscriber);
}

static void a_ring_grows_and_keeps_the_order(void **state)
{
	struct listener l = {0};
	uint64_t seq = 0, expected = 0;

	subscribe(*state, 100, &l);
	for (int round = 0; round < 8; round++) {
		publish(*state, seq + 1, 16);
		seq += 16;
		for (int i = 0; i < 5; i++)
			assert_int_equal(take(&l), ++expected);
	}
	assert_false(bus_is_lost(l.subscriber));
	while (expected < seq)
		assert_int_equal(take(&l), ++expected);
	assert_true(bus_is_empty(l.subscriber));
	publish(*state, seq + 1, 1);
	assert_int_equal(take(&l), seq + 1);
	bus_unsubscribe(l.subscriber);
}

static void who_begins_anew_has_nothing_of_before(void **state)
{
	struct listener l = {0};

	subscribe(*state, 4, &l);
	publish(*state, 1, 3);
	bus_begin(l.subscriber);
	assert_int_equal(take(&l), 0);
	publish(*state, 4, 4);
	assert_int_equal(take(&l), 4);
	bus_unsubscribe(l.subscriber);
}

static void a_subscriber_may_outlive_the_bus(void **state)
{
	struct listener l = {0};
	struct bus *b = NULL;

	(void)state;
	assert_int_equal(bus_open(&b), 0);
	subscribe(b, 4, &l);
	publish(b, 1, 2);
	bus_free(b);
	assert_int_equal(take(&l), 1);
	bus_unsubscribe(l.subscriber);
	bus_unsubscribe(NULL);
	bus_free(NULL);
}

static void a_ring_has_room_for_something(void **state)
{
	struct listener l = {0};

	const struct bus_listener listener = {.types = EVENT_TYPES_ALL, .wake = wake, .arg = &l};

	assert_int_equal(bus_subscribe(*state, 0, &listener, &l.subscriber), -EINVAL);
	assert_null(l.subscriber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_subscriber_gets_every_event_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_ring_keeps_the_oldest_and_the_subscriber_is_lost, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_not_wanted_takes_no_room_and_wakes_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(who_wants_nothing_is_told_now_and_then_where_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(all_hold_one_copy_of_an_event, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_known_whether_somebody_asks_for_a_type, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hole_in_what_is_published_loses_everybody, setup, teardown),
		cmocka_unit_test_setup_teardown(long_texts_fill_a_ring_sooner, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ring_grows_and_keeps_the_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ring_goes_round, setup, teardown),
		cmocka_unit_test_setup_teardown(the_newest_number_is_known_before_the_first_event, setup, teardown),
		cmocka_unit_test_setup_teardown(a_newcomer_gets_only_what_comes_after_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_subscriber_may_leave_while_it_is_woken, setup, teardown),
		cmocka_unit_test_setup_teardown(who_begins_anew_has_nothing_of_before, setup, teardown),
		cmocka_unit_test(a_subscriber_may_outlive_the_bus),
		cmocka_unit_test_setup_teardown(a_ring_has_room_for_something, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
