/* Measures the turns of the loop: what lies between two looks for news, without the time that it slept. It wakes nobody:
 * a handle of libuv that is called before each poll, and libuv's own account of the time spent sleeping in it. */
#include "daemon/internal.h"

#define NS_PER_S 1e9

static void before_poll(uv_prepare_t *handle)
{
	struct loop_watch *w = handle->data;
	uint64_t now_ns = uv_hrtime(), idle_ns = uv_metrics_idle_time(handle->loop);
	uint64_t took_ns = now_ns - w->since_ns, slept_ns = idle_ns - w->idle_ns;

	if (w->since_ns > 0)
		metric_observe(w->seconds, took_ns > slept_ns ? (double)(took_ns - slept_ns) / NS_PER_S : 0);
	w->since_ns = now_ns;
	w->idle_ns = idle_ns;
}

void loop_watch_open(struct loop_watch *w, uv_loop_t *loop, struct metrics *metrics)
{
	static const double bounds[] = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1};

	w->seconds = metrics_histogram(metrics, "tappet_loop_turn_seconds",
				       "How long one turn of the loop kept everything else waiting.", NULL, bounds,
				       sizeof(bounds) / sizeof(bounds[0]));
	/* Cannot fail for this option; were it so, sleep would count as work. */
	if (uv_loop_configure(loop, UV_METRICS_IDLE_TIME) < 0)
		w->seconds = NULL;
	uv_prepare_init(loop, &w->prepare);
	w->prepare.data = w;
	uv_prepare_start(&w->prepare, before_poll);
	uv_unref((uv_handle_t *)&w->prepare);
	w->open = true;
}

void loop_watch_close(struct loop_watch *w)
{
	if (w->open)
		uv_close((uv_handle_t *)&w->prepare, NULL);
	w->open = false;
}
