#include "expr/internal.h"

#include <errno.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

/* ---- What is done ----------------------------------------------------------------------------------------------- */

static void measure(struct expr *e, const struct request *r)
{
	size_t failed = 0;
	for (size_t i = 0; i < r->count; i++)
		failed += r->results[i].status < 0 && r->results[i].status != -ENODATA;
	metric_add(e->metrics.results[0], (double)(r->count - failed));
	metric_add(e->metrics.results[1], (double)failed);
	metric_observe(e->metrics.seconds, (double)(clock_mono_ms() - r->since_ms) / 1000.0);
	metric_set(e->metrics.waiting, (double)e->queued);
}

static void close_when_idle(struct expr *e);

/* The only place that calls back: nobody is in the middle of anything. */
static void deliver(uv_timer_t *timer)
{
	struct expr *e = timer->data;
	struct list *node;
	while ((node = list_first(&e->done))) {
		struct request *r = list_entry(node, struct request, node);
		list_remove(node);
		r->cb(r->arg, r->results, r->count);
		expr_request_free(r);
	}
	close_when_idle(e);
}

void expr_finish(struct expr *e, struct request *r)
{
	list_remove(&r->node);
	list_append(&e->done, &r->node);
	e->queued--;
	e->queued_bytes -= r->frame.len;
	measure(e, r);
	(void)uv_timer_start(&e->deliver, deliver, 0, 0);
}

static void fail_all(struct expr *e, struct list *requests, int status, const char *message)
{
	struct list *node;
	while ((node = list_first(requests))) {
		struct request *r = list_entry(node, struct request, node);
		request_fail(r, status, message);
		expr_finish(e, r);
	}
}

/* ---- Who gets what ---------------------------------------------------------------------------------------------- */

void expr_requeue(struct expr *e, struct list *sent)
{
	list_each (node, sent)
		list_entry(node, struct request, node)->begun = false;
	list_splice(sent, &e->waiting);
	list_splice(&e->waiting, sent);
}

static struct helper *least_busy(struct expr *e, const struct request *r)
{
	struct helper *best = NULL;
	for (size_t i = 0; i < e->options.processes; i++) {
		struct helper *h = &e->helpers[i];
		if (helper_has_room(h, r) && (!best || h->sent_count < best->sent_count))
			best = h;
	}
	return best;
}

static struct helper *find(struct expr *e, enum helper_state state)
{
	for (size_t i = 0; i < e->options.processes; i++)
		if (e->helpers[i].state == state)
			return &e->helpers[i];
	return NULL;
}

static void on_restart(uv_timer_t *timer)
{
	expr_dispatch(timer->data);
}

/* One more, if there is one to be had and the last ones did not fail. One at a time: it may be all that is needed. */
static void start_one(struct expr *e)
{
	struct helper *h = find(e, HELPER_DOWN);
	const int64_t wait_ms = e->restart_ms - clock_mono_ms();
	if (!h || find(e, HELPER_STARTING))
		return;
	if (wait_ms > 0) {
		(void)uv_timer_start(&e->restart, on_restart, (uint64_t)wait_ms, 0);
		return;
	}
	metric_add(e->metrics.starts, 1);
	helper_start(h);
}

void expr_dispatch(struct expr *e)
{
	struct list *node;
	while (!e->closing && (node = list_first(&e->waiting))) {
		struct request *r = list_entry(node, struct request, node);
		struct helper *h = least_busy(e, r);
		const bool busy = !h || h->sent_count > 0;
		if (h)
			helper_give(h, r);
		if (busy)
			start_one(e);
		if (!h)
			return;
	}
}

void expr_start_failed(struct expr *e, const char *message)
{
	const unsigned shift = e->start_failures < 10 ? e->start_failures : 10;
	const int64_t pause_ms = (int64_t)EXPR_BACKOFF_MS << shift;
	e->restart_ms = clock_mono_ms() + (pause_ms < EXPR_BACKOFF_MAX_MS ? pause_ms : EXPR_BACKOFF_MAX_MS);
	e->start_failures++;
	log_error("a jq helper process cannot be started", log_str("reason", message), LOG_END);
	if (e->start_failures >= EXPR_STARTS_MAX && !find(e, HELPER_READY))
		fail_all(e, &e->waiting, -EIO, message);
	else
		(void)uv_timer_start(&e->restart, on_restart, (uint64_t)pause_ms, 0);
}

int expr_run(struct expr *e, const struct expr_program *programs, size_t program_count, const struct expr_input *inputs,
	     size_t input_count, expr_cb cb, void *arg)
{
	struct request *r;
	if (e->closing)
		return -ECANCELED;
	if (e->queued >= e->options.queue_max)
		return -EBUSY;
	int error = request_make(programs, program_count, inputs, input_count, &r);
	if (error < 0)
		return error;
	/* The largest one is taken when nothing else is there. */
	if (e->queued > 0 && e->queued_bytes + r->frame.len > e->options.queue_bytes_max) {
		expr_request_free(r);
		return -EBUSY;
	}
	request_set_id(r, ++e->last_id);
	r->cb = cb;
	r->arg = arg;
	r->since_ms = clock_mono_ms();
	list_append(&e->waiting, &r->node);
	e->queued++;
	e->queued_bytes += r->frame.len;
	metric_set(e->metrics.waiting, (double)e->queued);
	expr_dispatch(e);
	return 0;
}

/* ---- Open and close --------------------------------------------------------------------------------------------- */

static int64_t or_default(int64_t value, int64_t otherwise)
{
	return value > 0 ? value : otherwise;
}

static size_t or_size(size_t value, size_t otherwise)
{
	return value > 0 ? value : otherwise;
}

static int take_options(struct expr *e, const struct expr_options *options)
{
	struct expr_options *o = &e->options;
	*o = *options;
	o->processes = or_size(o->processes, 2);
	o->deadline_ms = or_default(o->deadline_ms, 1000);
	o->memory_max = or_size(o->memory_max, EXPR_MEMORY_MAX);
	o->output_max = or_size(o->output_max, EXPR_OUTPUT_MAX);
	o->queue_max = or_size(o->queue_max, 10000);
	o->queue_bytes_max = or_size(o->queue_bytes_max, (size_t)64 * 1024 * 1024);
	o->helper = strdup(options->helper);
	return o->helper ? 0 : -ENOMEM;
}

static void open_metrics(struct expr *e)
{
	static const double bounds[] = {0.001, 0.01, 0.1, 1, 10};
	struct metrics *m = e->options.metrics;
	if (!m)
		return;
	static const char results[] = "tappet_jq_results_total", words[] = "Results of jq programs.";
	e->metrics.results[0] = metrics_counter(m, results, words, "outcome=\"ok\"");
	e->metrics.results[1] = metrics_counter(m, results, words, "outcome=\"error\"");
	e->metrics.starts = metrics_counter(m, "tappet_jq_helper_starts_total", "Starts of jq helper processes.", NULL);
	e->metrics.waiting =
		metrics_gauge(m, "tappet_jq_requests", "Requests to jq helper processes not yet answered.", NULL);
	e->metrics.seconds = metrics_histogram(m, "tappet_jq_request_seconds",
					       "Time until a jq helper process has answered a request.", NULL, bounds,
					       sizeof(bounds) / sizeof(bounds[0]));
}

static void expr_free(struct expr *e)
{
	free(e->helpers);
	free((void *)(uintptr_t)e->options.helper);
	free(e);
}

int expr_open(const struct expr_options *options, struct expr **ret)
{
	if (!options->loop || !options->helper)
		return -EINVAL;
	struct expr *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->loop = options->loop;
	list_init(&e->waiting);
	list_init(&e->done);
	int r = take_options(e, options);
	if (r == 0) {
		e->helpers = calloc(e->options.processes, sizeof(*e->helpers));
		r = e->helpers ? 0 : -ENOMEM;
	}
	if (r < 0) {
		expr_free(e);
		return r;
	}
	/* These cannot fail: they only fill the handle in. */
	(void)uv_timer_init(e->loop, &e->deliver);
	(void)uv_timer_init(e->loop, &e->restart);
	e->deliver.data = e->restart.data = e;
	for (size_t i = 0; i < e->options.processes; i++)
		helper_init(&e->helpers[i], e);
	open_metrics(e);
	*ret = e;
	return 0;
}

static void handle_closed(uv_handle_t *handle)
{
	struct expr *e = handle->data;
	if (--e->open > 0)
		return;
	void (*closed)(void *) = e->closed;
	void *arg = e->closed_arg;
	expr_free(e);
	if (closed)
		closed(arg);
}

static void close_handle(struct expr *e, uv_timer_t *timer)
{
	timer->data = e;
	e->open++;
	uv_close((uv_handle_t *)timer, handle_closed);
}

/* Once all is called back and no process is left. */
static void close_when_idle(struct expr *e)
{
	if (!e->closing || e->open > 0 || !list_empty(&e->done))
		return;
	for (size_t i = 0; i < e->options.processes; i++)
		if (e->helpers[i].state != HELPER_DOWN)
			return;
	close_handle(e, &e->deliver);
	close_handle(e, &e->restart);
	for (size_t i = 0; i < e->options.processes; i++)
		close_handle(e, &e->helpers[i].deadline);
}

void expr_helper_down(struct expr *e)
{
	expr_dispatch(e);
	close_when_idle(e);
}

void expr_close(struct expr *e, void (*closed)(void *arg), void *arg)
{
	static const char words[] = "Tappet is stopping";
	if (!e) {
		if (closed)
			closed(arg);
		return;
	}
	e->closing = true;
	e->closed = closed;
	e->closed_arg = arg;
	for (size_t i = 0; i < e->options.processes; i++) {
		fail_all(e, &e->helpers[i].sent, -ECANCELED, words);
		helper_kill(&e->helpers[i]);
	}
	fail_all(e, &e->waiting, -ECANCELED, words);
	(void)uv_timer_stop(&e->restart);
	/* It looks whether anything is left. */
	(void)uv_timer_start(&e->deliver, deliver, 0, 0);
}
