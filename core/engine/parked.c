/* Activities that wait for a time that is far off: id and time in a heap, the rest only in the store. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Looked at anew at least this often: the wall clock may have been set. */
#define LOOK_AGAIN_MS (60 * 1000)
/* What is due and finds no place in memory is looked at again so soon. */
#define NO_PLACE_MS 50
/* With payloads of any size: so many are read at the same time. */
#define COMING_MAX 64

struct parked {
	int64_t wake_ms;
	size_t at; /* in the heap */
	char id[ID_SIZE];
};

void parked_init(struct engine *e)
{
	map_init(&e->parked.by_id);
}

void parked_release(struct engine *e)
{
	for (size_t i = 0; i < e->parked.count; i++)
		free(e->parked.items[i]);
	free(e->parked.items);
	map_release(&e->parked.by_id);
}

static void set(struct parked_heap *h, size_t at, struct parked *p)
{
	h->items[at] = p;
	p->at = at;
}

static void up(struct parked_heap *h, size_t at, struct parked *p)
{
	while (at > 0 && h->items[(at - 1) / 2]->wake_ms > p->wake_ms) {
		set(h, at, h->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	set(h, at, p);
}

static void down(struct parked_heap *h, size_t at, struct parked *p)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < h->count && h->items[child + 1]->wake_ms < h->items[child]->wake_ms)
			child++;
		if (child >= h->count || h->items[child]->wake_ms >= p->wake_ms)
			break;
		set(h, at, h->items[child]);
		at = child;
	}
	set(h, at, p);
}

static void take_out(struct parked_heap *h, struct parked *p)
{
	struct parked *last = h->items[--h->count];

	(void)map_remove_str(&h->by_id, p->id);
	if (last != p) {
		up(h, p->at, last);
		down(h, last->at, last);
	}
	free(p);
}

static void arm(struct engine *e);

static bool has_place(const struct engine *e)
{
	return e->parked.coming < COMING_MAX && scheduler_has_place(e, e->parked.coming);
}

static void due(void *arg)
{
	struct engine *e = arg;
	struct parked_heap *h = &e->parked;
	int64_t now_ms = clock_wall_ms();

	h->timer = NULL;
	while (!e->stopping && h->count > 0 && h->items[0]->wake_ms <= now_ms && has_place(e)) {
		char id[ID_SIZE];

		memcpy(id, h->items[0]->id, ID_SIZE);
		take_out(h, h->items[0]);
		h->coming++;
		recover_due(e, id);
	}
	arm(e);
}

void parked_came(struct engine *e)
{
	if (--e->parked.coming == COMING_MAX / 2)
		arm(e);
}

static void arm(struct engine *e)
{
	struct parked_heap *h = &e->parked;
	int64_t left_ms;

	step_timer_stop(h->timer);
	h->timer = NULL;
	if (h->count == 0 || e->stopping)
		return;
	left_ms = h->items[0]->wake_ms - clock_wall_ms();
	if (left_ms <= 0 && !has_place(e))
		left_ms = NO_PLACE_MS;
	h->timer = step_timer_start(e, left_ms < LOOK_AGAIN_MS ? left_ms : LOOK_AGAIN_MS, due, e);
}

static int make_room(struct parked_heap *h)
{
	size_t cap = h->cap ? 2 * h->cap : 64;
	struct parked **items;

	if (h->count < h->cap)
		return 0;
	items = realloc(h->items, cap * sizeof(struct parked *));
	if (!items)
		return -ENOMEM;
	h->items = items;
	h->cap = cap;
	return 0;
}

int parked_add(struct engine *e, const char *id, int64_t wake_ms)
{
	struct parked_heap *h = &e->parked;
	struct parked *p;

	if (map_get_str(&h->by_id, id))
		return 0;
	if (make_room(h) < 0)
		return -ENOMEM;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->wake_ms = wake_ms;
	memcpy(p->id, id, ID_SIZE);
	if (map_put_str(&h->by_id, id, p, NULL) < 0) {
		free(p);
		return -ENOMEM;
	}
	up(h, h->count++, p);
	if (p->at == 0)
		arm(e);
	return 0;
}

bool parked_remove(struct engine *e, const char *id)
{
	struct parked *p = map_get_str(&e->parked.by_id, id);

	if (p)
		take_out(&e->parked, p);
	return p != NULL;
}

bool parked_wake(struct engine *e, const char *id)
{
	struct parked *p = map_get_str(&e->parked.by_id, id);

	if (!p)
		return false;
	p->wake_ms = 0;
	up(&e->parked, p->at, p);
	if (p->at == 0)
		arm(e);
	return true;
}
