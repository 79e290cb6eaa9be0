/* Times every callback into a plugin, names the slow ones, and leaves a breadcrumb for the report of a fatal signal. */
#include "host/internal.h"
#include "base/clock.h"
#include "base/log.h"

#define SLOW_NS (10 * INT64_C(1000000))
#define LOG_EVERY_MS 1000

/* Process-wide, against the house rule: a signal handler has nothing else to go by. Written on the loop thread only; a
 * lock-free pointer, so a handler reads either the old or the new one. */
static const char *_Atomic breadcrumb = "";

static const char *const callback_names[CALLBACK_COUNT] = {
	[CALLBACK_CREATE] = "create",
	[CALLBACK_TRIGGER_ADD] = "trigger_add",
	[CALLBACK_TRIGGER_REMOVE] = "trigger_remove",
	[CALLBACK_TRIGGER_FREE] = "trigger_free",
	[CALLBACK_START] = "start",
	[CALLBACK_PAUSE] = "pause",
	[CALLBACK_RESUME] = "resume",
	[CALLBACK_STOP] = "stop",
	[CALLBACK_DESTROY] = "destroy",
	[CALLBACK_CLOCK_SET] = "clock_set",
	[CALLBACK_EMIT] = "emit",
	[CALLBACK_ACCOUNT] = "account",
	[CALLBACK_TIMER] = "timer",
	[CALLBACK_FD] = "fd",
	[CALLBACK_KV] = "kv",
	[CALLBACK_POST] = "post",
	[CALLBACK_WORK] = "work",
	[CALLBACK_HTTP] = "http",
	[CALLBACK_ACTIVITY] = "activity",
	[CALLBACK_EVENTS] = "events",
	[CALLBACK_WS] = "ws",
	[CALLBACK_CHECK] = "check",
};

const char *callback_name(enum callback callback)
{
	return callback_names[callback];
}

const char *host_breadcrumb(void)
{
	return atomic_load_explicit(&breadcrumb, memory_order_relaxed);
}

void guard_init(struct tappet_instance *p)
{
	for (size_t i = 0; i < CALLBACK_COUNT; i++) {
		struct callback_record *r = &p->callbacks[i];
		snprintf(r->breadcrumb, sizeof(r->breadcrumb), "%s %s", p->name, callback_names[i]);
		r->logged_ms = INT64_MIN;
	}
}

static void make_metrics(struct tappet_instance *p, enum callback callback)
{
	static const double bounds[] = {0.0001, 0.001, 0.01, 0.1, 1};
	struct callback_record *r = &p->callbacks[callback];
	struct buf labels;
	buf_init(&labels, 1024);
	metrics_label(&labels, "plugin", p->name);
	metrics_label(&labels, "callback", callback_names[callback]);
	if (!buf_error(&labels)) {
		r->slow = metrics_counter(p->host->options.metrics, "tappet_plugin_callback_slow_total",
					  "Callbacks of a plugin that took longer than 10 ms.", buf_cstr(&labels));
		r->seconds = metrics_histogram(p->host->options.metrics, "tappet_plugin_callback_seconds",
					       "How long callbacks of a plugin took.", buf_cstr(&labels), bounds,
					       sizeof(bounds) / sizeof(bounds[0]));
	}
	buf_release(&labels);
}

static void report_slow(struct tappet_instance *p, enum callback callback, int64_t took_ns)
{
	struct callback_record *r = &p->callbacks[callback];
	int64_t now_ms = clock_mono_ms();
	metric_add(r->slow, 1);
	if (r->logged_ms != INT64_MIN && now_ms - r->logged_ms < LOG_EVERY_MS)
		return;
	r->logged_ms = now_ms;
	log_warn("a plugin blocks the loop", log_str("plugin", p->name), log_str("callback", callback_names[callback]),
		 log_int("took_ms", took_ns / 1000000), LOG_END);
}

void guard_enter(struct guard *g, struct tappet_instance *p, enum callback callback)
{
	g->plugin = p;
	g->callback = callback;
	g->before = host_breadcrumb();
	atomic_store_explicit(&breadcrumb, p->callbacks[callback].breadcrumb, memory_order_relaxed);
	g->begin_ns = clock_mono_ns();
}

void guard_leave(struct guard *g)
{
	int64_t took_ns = clock_mono_ns() - g->begin_ns;
	struct callback_record *r = &g->plugin->callbacks[g->callback];
	atomic_store_explicit(&breadcrumb, g->before, memory_order_relaxed);
	if (!r->seconds && g->plugin->host->options.metrics)
		make_metrics(g->plugin, g->callback);
	metric_observe(r->seconds, (double)took_ns / 1e9);
	if (took_ns > SLOW_NS)
		report_slow(g->plugin, g->callback, took_ns);
}
