#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

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
	for (size_t i = 0; i < count; i++) {
		events[i].seq = p->newest + 1 + i;
		events[i].type = EVENT_STEP_ENDED;
	}
	p->newest += count;
	bus_publish(p->bus, events, count);
}

static void open_place(struct place *p, uint64_t newest, uint64_t since, bool from_oldest)
{
	*p = (struct place){.oldest = 1, .newest = newest, .next = since + 1};
	assert_int_equal(bus_open(&p->bus), 0);
	bus_set_newest(p->bus, newest);
	p->reader = (struct bus_reader){.types = EVENT_TYPES_ALL, .matches = matches, .wake = wake, .arg = p};
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
		assert_int_equal(p->reader.batch[i]->seq, p->next);
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
	for (int i = 0; i < 5; i++)
		publish(&p, 1000); /* more than its ring has room for */
	assert_true(catch_up(&p) > 0);
	assert_int_equal(p.next, 5311);
	publish(&p, 1);
	assert_int_equal(catch_up(&p), 0);
	assert_int_equal(p.next, 5312);
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

/* ---- Any readers in any order ----------------------------------------------------------------------------------- */

#define READERS 12
#define ROUNDS 4000
#define SEQ_MAX 500000

/* One of several at one store: it wants what its own sums say, and must see exactly that. */
struct any {
	const struct world *world;
	struct bus_reader reader;
	uint64_t last; /* that it was shown */
	uint64_t modulo, rest;
	bool asked;       /* a read of the store is under way, */
	uint64_t read_to; /* which sees so much */
	bool open;
};

struct world {
	struct bus *bus;
	uint64_t newest, oldest;
	uint8_t types[SEQ_MAX];
	struct any readers[READERS];
	uint64_t random;
};

static uint64_t any_below(struct world *w, uint64_t bound)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % bound;
}

static bool any_wants(const struct any *a, uint64_t seq)
{
	return (a->reader.types & EVENT_BIT(a->world->types[seq])) && seq % a->modulo == a->rest;
}

static bool any_matches(void *arg, const struct event *e)
{
	const struct any *a = arg;
	return any_wants(a, e->seq);
}

static void any_wake(void *arg)
{
	(void)arg;
}

static void any_open(struct world *w, struct any *a)
{
	uint64_t newest = bus_newest(w->bus), since = any_below(w, 4) == 0 ? any_below(w, newest + 1) : newest;
	*a = (struct any){.world = w, .open = true, .last = since};
	a->modulo = any_below(w, 3) == 0 ? 1 + any_below(w, 400) : 1 + any_below(w, 3);
	a->rest = any_below(w, a->modulo);
	a->reader = (struct bus_reader){.matches = any_matches, .wake = any_wake, .arg = a};
	a->reader.types = any_below(w, 2) ? EVENT_TYPES_ALL : any_below(w, 8) << 7;
	assert_int_equal(bus_reader_open(&a->reader, w->bus, since, false), 0);
}

static void any_close(struct any *a)
{
	bus_reader_close(&a->reader);
	bus_reader_delivered(&a->reader);
	a->open = false;
}

static void any_publish(struct world *w)
{
	struct event events[700] = {0};
	size_t count = any_below(w, 10) == 0 ? any_below(w, 700) : any_below(w, 6);
	if (w->newest + count >= SEQ_MAX)
		return;
	for (size_t i = 0; i < count; i++) {
		w->types[w->newest + 1 + i] = (uint8_t)(7 + any_below(w, 3));
		events[i].seq = w->newest + 1 + i;
		events[i].type = (enum event_type)w->types[events[i].seq];
	}
	w->newest += count;
	/* Now and then somebody could not publish what was committed. */
	if (any_below(w, 50) > 0)
		bus_publish(w->bus, events, count);
}

/* What it was shown, and what it was not, is just what it wants between where it was and where it is. */
static void any_show(struct any *a)
{
	struct bus_reader *r = &a->reader;
	uint64_t seq = r->gap_from ? r->gap_to : a->last;
	size_t i = 0;
	for (uint64_t before = a->last + 1; before < r->gap_from; before++)
		assert_false(any_wants(a, before));
	assert_true(r->gap_to < a->world->oldest);
	while (++seq <= r->position)
		if (any_wants(a, seq)) {
			assert_true(i < r->count);
			assert_int_equal(r->batch[i++]->seq, seq);
		}
	assert_int_equal(i, r->count);
	a->last = r->position;
	bus_reader_delivered(r);
}

static void any_read(struct any *a)
{
	struct event events[BUS_READER_MAX] = {0};
	const struct world *w = a->world;
	uint64_t seq = a->reader.position + 1;
	size_t count = 0;
	seq = seq < w->oldest ? w->oldest : seq;
	for (; seq <= a->read_to && count < BUS_READER_MAX; count++, seq++) {
		events[count].seq = seq;
		events[count].type = (enum event_type)w->types[seq];
	}
	a->asked = false;
	bus_reader_take(&a->reader, events, count, w->oldest);
}

/* What comes between the question and the answer may be in it or not. */
static void any_step(struct world *w, struct any *a)
{
	if (a->asked) {
		a->read_to += any_below(w, w->newest - a->read_to + 1);
		any_read(a);
		return;
	}
	switch (bus_reader_look(&a->reader)) {
	case BUS_READER_NEWS:
		any_show(a);
		break;
	case BUS_READER_BEHIND:
		bus_reader_ask(&a->reader);
		a->asked = true;
		a->read_to = w->newest;
		break;
	case BUS_READER_WAIT:
		break;
	}
}

static void any_finish(struct world *w, struct any *a)
{
	while (a->asked || bus_reader_look(&a->reader) != BUS_READER_WAIT)
		any_step(w, a);
	any_show(a);
	assert_int_equal(a->last, bus_newest(w->bus));
}

static void any_round(struct world *w)
{
	struct any *a = &w->readers[any_below(w, READERS)];
	/* Now and then more than a ring holds. */
	for (int i = any_below(w, 100) == 0 ? 100 : 1; i > 0; i--)
		any_publish(w);
	if (!a->open)
		any_open(w, a);
	else if (any_below(w, 100) == 0 && !a->asked)
		any_close(a);
	else
		for (uint64_t i = any_below(w, 20); i > 0; i--)
			any_step(w, a);
	if (any_below(w, 200) == 0)
		w->oldest += any_below(w, w->newest - w->oldest + 2);
}

static void any_readers_see_exactly_what_they_want_in_order(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	(void)state;
	assert_non_null(w);
	w->oldest = 1;
	w->random = (uint64_t)time(NULL) * 2654435761u | 1;
	print_message("seed %llu\n", (unsigned long long)w->random);
	assert_int_equal(bus_open(&w->bus), 0);
	for (int i = 0; i < ROUNDS; i++)
		any_round(w);
	/* The last one everybody hears of. */
	const struct event last = {.seq = ++w->newest, .type = EVENT_STEP_ENDED};
	w->types[last.seq] = EVENT_STEP_ENDED;
	bus_publish(w->bus, &last, 1);
	for (size_t i = 0; i < READERS; i++) {
		if (w->readers[i].open)
			any_finish(w, &w->readers[i]);
		any_close(&w->readers[i]);
	}
	bus_free(w->bus);
	free(w);
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
		cmocka_unit_test(any_readers_see_exactly_what_they_want_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
