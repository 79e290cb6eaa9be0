/* Folders that no events come from are looked at again and again: soon after something has changed, and less and less often
 * while nothing does. The same timer is for other looks that are not urgent. */
#include "filewatch.h"

#define MISSING_MS 1000
/* Looking may take a tenth of the time. */
#define REST_FACTOR 10

void dir_set_polled(struct dir *d, bool polled, bool no_events)
{
	struct tree *t = d->tree;
	const struct plugin *p = t->plugin;
	if (d->polled != polled) {
		t->polled += polled ? 1 : (size_t)-1;
		p->host->metric_add(p->metric.polled, polled ? 1 : -1);
	}
	if ((d->polled && d->silent) != (polled && no_events))
		t->no_events += polled && no_events ? 1 : (size_t)-1;
	d->polled = polled;
	d->silent = no_events;
}

void dir_set_links(struct dir *d, bool links)
{
	if (d->links != links)
		d->tree->links += links ? 1 : (size_t)-1;
	d->links = links;
}

static void look_again(struct tree *t)
{
	for (size_t slot = 0; slot < t->dir_room; slot++)
		for (struct dir *d = t->by_id[slot]; d; d = d->next_by_id)
			if (d->polled && d->attached)
				scan_queue(d, false);
	if (t->missing || t->away)
		scan_queue(t->base, false);
	if (t->sweep_wanted)
		tree_sweep(t);
	t->sweep_wanted = false;
}

static void on_timer(void *arg)
{
	struct tree *t = arg;
	t->poll_timer = NULL;
	t->differed = false;
	t->poll_begin_ms = plugin_now(t->plugin);
	look_again(t);
	if (t->scan_first)
		scans_pump(t);
	else
		poll_arm(t);
}

void poll_arm(struct tree *t)
{
	const struct plugin *p = t->plugin;
	const bool waits = t->missing || t->away;
	const bool polls = t->polled > 0 && t->options.poll != POLL_NEVER;
	if (t->removed || t->poll_timer || !(waits || polls || t->sweep_wanted))
		return;
	int64_t pause_ms = waits && t->poll_interval_ms > MISSING_MS ? MISSING_MS : t->poll_interval_ms;
	if (t->sweep_wanted)
		pause_ms = REST_FACTOR * t->sweep_ms;
	(void)p->host->timer_start(p->self, pause_ms, 0, on_timer, t, &t->poll_timer);
}

void poll_round_done(struct tree *t)
{
	const struct options *o = &t->options;
	if (!t->poll_timer && t->poll_begin_ms > 0) {
		const int64_t took_ms = plugin_now(t->plugin) - t->poll_begin_ms;
		t->poll_interval_ms = t->differed ? o->poll_ms : t->poll_interval_ms + t->poll_interval_ms / 2 + 1;
		if (t->poll_interval_ms > o->poll_max_ms)
			t->poll_interval_ms = o->poll_max_ms;
		if (t->poll_interval_ms < REST_FACTOR * took_ms)
			t->poll_interval_ms = REST_FACTOR * took_ms;
	}
	poll_arm(t);
}
