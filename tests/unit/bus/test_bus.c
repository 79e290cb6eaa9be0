#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bus/bus.h"

struct listener {
	struct bus_subscriber *subscriber;
	unsigned wakes;
	bool leaves; /* when it is woken */
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

static void subscribe(struct bus *b, size_t ring, struct listener *l)
{
	assert_int_equal(bus_subscribe(b, ring, wake, l, &l->subscriber), 0);
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
	struct event e;
	uint64_t seq;

	if (bus_take(l->subscriber, &e) == 0)
		return 0;
	seq = e.seq;
	assert_string_equal(e.data, "{\"x\":1}");
	event_release(&e);
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

static void a_full_ring_keeps_the_oldest_and_shows_a_hole(void **state)
{
	struct listener slow = {0}, quick = {0};

	subscribe(*state, 2, &slow);
	subscribe(*state, 8, &quick);
	publish(*state, 1, 4);
	assert_int_equal(take(&slow), 1);
	publish(*state, 5, 1);
	assert_int_equal(take(&slow), 2);
	assert_int_equal(take(&slow), 5);
	assert_int_equal(take(&slow), 0);
	for (uint64_t seq = 1; seq <= 5; seq++)
		assert_int_equal(take(&quick), seq);
	bus_unsubscribe(slow.subscriber);
	bus_unsubscribe(quick.subscriber);
}

static void a_subscriber_without_room_is_woken_and_sees_the_newest_number(void **state)
{
	struct listener slow = {0};

	subscribe(*state, 1, &slow);
	publish(*state, 1, 1);
	publish(*state, 2, 1);
	assert_int_equal(slow.wakes, 2);
	assert_int_equal(take(&slow), 1);
	assert_int_equal(take(&slow), 0);
	assert_int_equal(bus_newest(*state), 2);
	bus_unsubscribe(slow.subscriber);
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

static void what_is_discarded_is_gone(void **state)
{
	struct listener l = {0};

	subscribe(*state, 4, &l);
	publish(*state, 1, 3);
	bus_discard(l.subscriber);
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

	assert_int_equal(bus_subscribe(*state, 0, wake, &l, &l.subscriber), -EINVAL);
	assert_null(l.subscriber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_subscriber_gets_every_event_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_ring_keeps_the_oldest_and_shows_a_hole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_subscriber_without_room_is_woken_and_sees_the_newest_number, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_ring_goes_round, setup, teardown),
		cmocka_unit_test_setup_teardown(the_newest_number_is_known_before_the_first_event, setup, teardown),
		cmocka_unit_test_setup_teardown(a_newcomer_gets_only_what_comes_after_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_subscriber_may_leave_while_it_is_woken, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_discarded_is_gone, setup, teardown),
		cmocka_unit_test(a_subscriber_may_outlive_the_bus),
		cmocka_unit_test_setup_teardown(a_ring_has_room_for_something, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
