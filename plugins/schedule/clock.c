/* Waiting: a schedule is in the heap until it is due, then in the queue, then busy, then in the heap again.
 *
 *     heap --due--> ready --step--> busy --callback--> ready --nothing is due--> heap
 *                     ^                       '--not stored--> retry --after a while--> ready
 *
 * One timer of the host waits for the top of the heap; it goes by monotonic time, and the host tells when the wall clock was
 * set or the machine had slept (clock_set), so that nothing wakes up in between. A storm is worked off in slices. */
#include <errno.h>
#include "schedule.h"

#define DUE_SLICE 1024
#define STEP_SLICE 128
#define SWEEP_SLICE 1024
#define GONE_MIN 64
#define RETRY_MS 1000

/* ---- Queues ---- */

static void queue_put(struct queue *q, struct unit *u)
{
	if (!q->last)
		q->last = &q->first;
	u->next = NULL;
	*q->last = u;
	q->last = &u->next;
	q->count++;
}

static struct unit *queue_take(struct queue *q)
{
	struct unit *u = q->first;
	if (!u)
		return NULL;
	q->first = u->next;
	if (!q->first)
		q->last = &q->first;
	q->count--;
	return u;
}

static void queue_back(struct queue *q, struct unit *u)
{
	if (!q->first)
		q->last = &u->next;
	u->next = q->first;
	q->first = u;
	q->count++;
}

/* ---- Timers ---- */

static void start_all(void *arg);

/* Without memory for a timer it is tried again at the loop's next turn. */
static void start_timer(struct plugin *p, tappet_timer **timer, int64_t delay_ms, void (*cb)(void *arg))
{
	if (*timer || p->stopping || p->host->timer_start(p->self, delay_ms, 0, cb, p, timer) == TAPPET_OK)
		return;
	*timer = NULL;
	if (!p->starting_timers && p->host->post(p->self, start_all, p) == TAPPET_OK)
		p->starting_timers = true;
}

static void stop_timer(struct plugin *p, tappet_timer **timer)
{
	if (*timer)
		p->host->timer_stop(*timer);
	*timer = NULL;
}

static void on_turn(void *arg)
{
	struct plugin *p = arg;
	p->turn_timer = NULL;
	clock_pump(p);
}

static void on_retry(void *arg)
{
	struct plugin *p = arg;
	struct unit *u;
	p->retry_timer = NULL;
	p->load_again = false;
	while ((u = queue_take(&p->retry)))
		queue_put(&p->ready, u);
	for (struct binding *b = p->bindings; b; b = b->next)
		if (b->open && !b->loaded && !b->reading)
			objects_load(b);
	clock_pump(p);
}

static void on_due(void *arg);
static void on_sweep(void *arg);
static int64_t note_clock(struct plugin *p);

static void watch_top(struct plugin *p)
{
	const struct heap_entry *top = heap_top(&p->heap);
	if (!p->started || p->stopping || (top && p->timer && top->due_ms == p->timer_due_ms))
		return;
	stop_timer(p, &p->timer);
	if (!top)
		return;
	const int64_t delay_ms = top->due_ms - plugin_now(p);
	p->timer_due_ms = top->due_ms;
	start_timer(p, &p->timer, delay_ms > 0 ? delay_ms : 0, on_due);
}

static void start_all(void *arg)
{
	struct plugin *p = arg;
	p->starting_timers = false;
	if (p->ready.first && p->started && !p->blocked)
		start_timer(p, &p->turn_timer, 0, on_turn);
	if (p->retry.first || p->load_again)
		start_timer(p, &p->retry_timer, RETRY_MS, on_retry);
	if (p->sweeping)
		start_timer(p, &p->sweep_timer, 0, on_sweep);
	watch_top(p);
}

static void on_due(void *arg)
{
	struct plugin *p = arg;
	const struct heap_entry *top;
	p->timer = NULL;
	const int64_t now_ms = plugin_now(p);
	if (note_clock(p) < 0)
		clock_sweep(p);
	for (int i = 0; i < DUE_SLICE && (top = heap_top(&p->heap)) && top->due_ms <= now_ms; i++) {
		struct unit *u = top->unit;
		u->in_time = now_ms - top->due_ms <= u->policy->grace_ms;
		heap_remove(&p->heap, u);
		clock_ready(p, u);
	}
	watch_top(p);
}

/* ---- One of them ---- */

void clock_ready(struct plugin *p, struct unit *u)
{
	if (u->queued || u->busy || p->stopping)
		return;
	heap_remove(&p->heap, u);
	u->queued = true;
	queue_put(&p->ready, u);
	if (p->started && !p->blocked)
		start_timer(p, &p->turn_timer, 0, on_turn);
}

void clock_retry(struct plugin *p, struct unit *u)
{
	if (u->queued || u->busy || p->stopping)
		return;
	u->queued = true;
	queue_put(&p->retry, u);
	p->host->metric_add(p->retried, 1);
	start_timer(p, &p->retry_timer, RETRY_MS, on_retry);
}

void clock_load_again(struct plugin *p)
{
	p->load_again = true;
	start_timer(p, &p->retry_timer, RETRY_MS, on_retry);
}

void clock_bury(struct unit *u)
{
	if (!u->queued && !u->busy)
		unit_free(u);
}

/* Takes those that were forgotten out of a queue. */
static void sweep_queue(struct queue *q)
{
	struct queue kept = {0};
	struct unit *u;
	while ((u = queue_take(q))) {
		if (u->gone) {
			u->queued = false;
			clock_bury(u);
		} else {
			queue_put(&kept, u);
		}
	}
	*q = kept;
	if (!q->first)
		q->last = NULL;
}

/* A queue is linked one way only: those that were forgotten stay in it until they are its half. */
static void forget_queued(struct plugin *p)
{
	if (++p->gone <= GONE_MIN + (p->ready.count + p->retry.count) / 2)
		return;
	sweep_queue(&p->ready);
	sweep_queue(&p->retry);
	p->gone = 0;
}

void clock_forget(struct plugin *p, struct unit *u)
{
	heap_remove(&p->heap, u);
	watch_top(p);
	u->gone = true;
	if (u->queued)
		forget_queued(p);
	else
		clock_bury(u);
}

static void spread(struct unit *u, int64_t at_ms)
{
	char id[UNIT_ID_SIZE];
	if (schedule_jitter_max(u->schedule) > 0)
		u->jitter_ms = (uint32_t)schedule_jitter(u->schedule, unit_id(u, id), at_ms);
}

void clock_spread(struct unit *u)
{
	struct schedule_fire fire;
	if (schedule_next(u->schedule, u->cursor_ms, &fire) == 0)
		spread(u, fire.at_ms);
}

static int next_due(struct unit *u, int64_t now_ms, int64_t *ret_ms)
{
	struct schedule_fire fire;
	const int r = schedule_next(u->schedule, u->cursor_ms, &fire);
	if (r == -ELOOP) {
		/* Nothing fires until there, so that the cursor may go as far, but not beyond now; nor back, when the
		 * clock was set back. */
		const int64_t looked_ms = fire.at_ms < now_ms ? fire.at_ms : now_ms;
		u->cursor_ms = looked_ms > u->cursor_ms ? looked_ms : u->cursor_ms;
		*ret_ms = fire.at_ms < now_ms ? now_ms : fire.at_ms;
		return 0;
	}
	if (r < 0)
		return r;
	spread(u, fire.at_ms);
	*ret_ms = fire.at_ms + u->jitter_ms;
	return 0;
}

void clock_check_cursor(const struct plugin *p, struct unit *u, int64_t now_ms)
{
	if (u->cursor_ms <= now_ms + SET_BACK_MAX_MS)
		return;
	char id[UNIT_ID_SIZE];
	plugin_log(p, TAPPET_LOG_WARN, "the clock was set back: what has fired may fire again", "schedule",
		   unit_id(u, id));
	u->cursor_ms = now_ms;
	u->unsaved = true;
}

void clock_arm(struct plugin *p, struct unit *u)
{
	int64_t due_ms;
	const int r = next_due(u, plugin_now(p), &due_ms);
	u->in_time = false;
	u->completed = r < 0 && schedule_kind(u->schedule) != SCHEDULE_REBOOT;
	if (r < 0 || unit_is_paused(u))
		heap_remove(&p->heap, u);
	else if (heap_put(&p->heap, u, due_ms) < 0)
		clock_retry(p, u);
	watch_top(p);
}

/* ---- The queue ---- */

/* False: nothing more can be done now. */
static bool take_step(struct plugin *p, struct unit *u)
{
	u->queued = false;
	if (u->gone) {
		p->gone -= p->gone > 0;
		clock_bury(u);
		return true;
	}
	/* Somebody changes it; that goes on with it. */
	if (u->busy)
		return true;
	switch (fire_step(u)) {
	case STEP_IDLE:
		clock_arm(p, u);
		break;
	case STEP_BUSY:
		break;
	case STEP_RETRY:
		clock_retry(p, u);
		break;
	case STEP_BLOCKED:
		u->queued = true;
		queue_back(&p->ready, u);
		p->blocked = true;
		return false;
	}
	return true;
}

void clock_pump(struct plugin *p)
{
	struct unit *u;
	for (int i = 0; i < STEP_SLICE && p->started && !p->stopping && !p->blocked; i++)
		if (!(u = queue_take(&p->ready)) || !take_step(p, u))
			return;
	if (p->ready.first && p->started && !p->blocked)
		start_timer(p, &p->turn_timer, 0, on_turn);
}

/* ---- All of them ---- */

static void compute_anew(struct plugin *p, struct unit *u, int64_t now_ms)
{
	clock_check_cursor(p, u, now_ms);
	schedule_refresh(u->schedule);
	if (u->queued || u->busy)
		return;
	clock_ready(p, u);
}

static void on_sweep(void *arg)
{
	struct plugin *p = arg;
	const int64_t now_ms = plugin_now(p);
	p->sweep_timer = NULL;
	if (p->sweep_moves != p->moves)
		p->sweep_slot = 0;
	p->sweep_moves = p->moves;
	for (int i = 0; i < SWEEP_SLICE && p->sweep_slot < p->objects.room; i++, p->sweep_slot++)
		if (p->objects.slots[p->sweep_slot])
			compute_anew(p, p->objects.slots[p->sweep_slot], now_ms);
	p->sweeping = p->sweep_slot < p->objects.room;
	if (p->sweeping)
		start_timer(p, &p->sweep_timer, 0, on_sweep);
}

void clock_sweep(struct plugin *p)
{
	const int64_t now_ms = plugin_now(p);
	for (struct binding *b = p->bindings; b; b = b->next)
		if (b->unit)
			compute_anew(p, b->unit, now_ms);
	p->sweep_slot = 0;
	p->sweep_moves = p->moves;
	p->sweeping = true;
	start_timer(p, &p->sweep_timer, 0, on_sweep);
}

/* How far the wall clock has jumped since it was looked at last; it is told of at once or after a timer. */
static int64_t note_clock(struct plugin *p)
{
	const int64_t now_ms = plugin_now(p), mono_ms = p->host->mono_ms(p->self);
	const int64_t jump_ms = now_ms - (p->wall_ms + (mono_ms - p->mono_ms));
	p->wall_ms = now_ms;
	p->mono_ms = mono_ms;
	/* The two are not read at one instant. */
	return jump_ms > -1000 && jump_ms < 1000 ? 0 : jump_ms;
}

void clock_was_set(struct plugin *p)
{
	const int64_t jump_ms = note_clock(p);
	stop_timer(p, &p->timer);
	watch_top(p);
	if (jump_ms < 0)
		clock_sweep(p);
}

void clock_start(struct plugin *p)
{
	p->started = true;
	p->started_ms = p->wall_ms = plugin_now(p);
	p->mono_ms = p->host->mono_ms(p->self);
	start_all(p);
}

static void drain(struct queue *q)
{
	struct unit *u;
	while ((u = queue_take(q))) {
		u->queued = false;
		if (u->gone)
			clock_bury(u);
	}
}

void clock_stop(struct plugin *p)
{
	stop_timer(p, &p->timer);
	stop_timer(p, &p->turn_timer);
	stop_timer(p, &p->retry_timer);
	stop_timer(p, &p->sweep_timer);
	drain(&p->ready);
	drain(&p->retry);
}
