#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bus/reader.h"

/* Stands for the store: everything from `oldest` to `newest`. */
struct place {
	struct bus *bus;
	struct bus_reader reader;
	uint64_t oldest, newest;
	uint64_t next; /* that is expected */
	unsigned wakes;
	bool odd_only;
};

static bool matches(void *arg, const struct event *e)
{
	const struct place *p = arg;
	return !p->odd_only || e->seq % 2 == 1;
}

static void wake(void *arg)
{
	struct place *p = arg;
	p->wakes++;
}

static void publish(struct place *p, size_t count)
{
	struct event events[1024] = {0};
	assert_true(count <= 1024);
	for (size_t i = 0; i < count; i++)
		events[i].seq = p->newest + 1 + i;
	p->newest += count;
	bus_publish(p->bus, events, count);
}

static void open_place(struct place *p, uint64_t newest, uint64_t since, bool from_oldest)
{
	*p = (struct place){.oldest = 1, .newest = newest, .next = since + 1};
	assert_int_equal(bus_open(&p->bus), 0);
	bus_set_newest(p->bus, newest);
	p->reader = (struct bus_reader){.matches = matches, .wake = wake, .arg = p};
	assert_int_equal(bus_reader_open(&p->reader, p->bus, since, from_oldest), 0);
}

static void close_place(struct place *p)
{
	bus_reader_close(&p->reader);
	bus_reader_close(&p->reader);
	bus_reader_delivered(&p->reader);
	bus_free(p->bus);
}

static void read_store(struct place *p)
{
	struct event events[BUS_READER_MAX] = {0};
	size_t count = 0;
	uint64_t seq = p->reader.position + 1;
	bus_reader_ask(&p->reader);
	seq = seq < p->oldest ? p->oldest : seq;
	while (seq <= p->newest && count < BUS_READER_MAX)
		events[count++].seq = seq++;
	bus_reader_take(&p->reader, events, count, p->oldest);
}

static void expect_next(struct place *p)
{
	for (size_t i = 0; i < p->reader.count; i++) {
		assert_int_equal(p->reader.batch[i].seq, p->next);
		p->next += p->odd_only ? 2 : 1;
	}
	bus_reader_delivered(&p->reader);
}

/* Returns how often the store was read. */
static unsigned catch_up(struct place *p)
{
	unsigned reads = 0;
	for (;;) {
		switch (bus_reader_look(&p->reader)) {
		case BUS_READER_NEWS:
			expect_next(p);
			break;
		case BUS_READER_BEHIND:
			assert_true(++reads < 100);
			read_store(p);
			break;
		case BUS_READER_WAIT:
			return reads;
		}
	}
}

static void what_is_live_needs_no_store(void **state)
{
	struct place p;
	(void)state;
	open_place(&p, 5, 5, false);
	assert_int_equal(catch_up(&p), 0);
	publish(&p, 3);
	assert_int_equal(p.wakes, 1);
	assert_int_equal(catch_up(&p), 0);
	assert_int_equal(p.next, 9);
	close_place(&p);
}

static void a_reader_that_fell_behind_reads_the_store_and_goes_live_again(void **state)
{
	struct place p;
	(void)state;
	open_place(&p, 300, 20, false);
	publish(&p, 10);
	assert_true(catch_up(&p) >= 2);
	assert_int_equal(p.next, 311);
	publish(&p, 1000); /* more than its ring has room for */
	assert_true(catch_up(&p) > 0);
	assert_int_equal(p.next, 1311);
	publish(&p, 1);
	assert_int_equal(catch_up(&p), 0);
	assert_int_equal(p.next, 1312);
	close_place(&p);
}

static void what_comes_during_a_read_is_neither_lost_nor_doubled(void **state)
{
	struct place p;
	(void)state;
	open_place(&p, 10, 0, false);
	assert_int_equal(bus_reader_look(&p.reader), BUS_READER_BEHIND);
	publish(&p, 4); /* in the ring, and in what is read */
	read_store(&p);
	catch_up(&p);
	assert_int_equal(p.next, 15);
	close_place(&p);
}

static void what_is_gone_is_told_as_a_gap(void **state)
{
	struct place p;
	(void)state;
	open_place(&p, 50, 10, false);
	p.oldest = 31;
	assert_int_equal(bus_reader_look(&p.reader), BUS_READER_BEHIND);
	read_store(&p);
	assert_int_equal(bus_reader_look(&p.reader), BUS_READER_NEWS);
	assert_int_equal(p.reader.gap_from, 11);
	assert_int_equal(p.reader.gap_to, 30);
	p.next = 31;
	catch_up(&p);
	assert_int_equal(p.next, 51);
	assert_int_equal(p.reader.gap_from, 0);
	close_place(&p);
	open_place(&p, 50, 0, true);
	p.oldest = p.next = 31;
	assert_int_equal(bus_reader_look(&p.reader), BUS_READER_BEHIND);
	read_store(&p);
	assert_int_equal(p.reader.gap_from, 0);
	catch_up(&p);
	assert_int_equal(p.next, 51);
	close_place(&p);
}

static void a_filter_leaves_out_and_the_position_moves_on(void **state)
{
	struct place p;
	(void)state;
	open_place(&p, 10, 0, false);
	p.odd_only = true;
	publish(&p, 3);
	catch_up(&p);
	assert_int_equal(p.next, 15);
	assert_int_equal(p.reader.position, 13);
	close_place(&p);
}

static void a_number_from_the_future_stands_for_what_is_new(void **state)
{
	struct place p;
	(void)state;
	open_place(&p, 10, 4711, false);
	assert_int_equal(p.reader.position, 10);
	p.next = 11;
	publish(&p, 2);
	catch_up(&p);
	assert_int_equal(p.next, 13);
	close_place(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_live_needs_no_store),
		cmocka_unit_test(a_reader_that_fell_behind_reads_the_store_and_goes_live_again),
		cmocka_unit_test(what_comes_during_a_read_is_neither_lost_nor_doubled),
		cmocka_unit_test(what_is_gone_is_told_as_a_gap),
		cmocka_unit_test(a_filter_leaves_out_and_the_position_moves_on),
		cmocka_unit_test(a_number_from_the_future_stands_for_what_is_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
