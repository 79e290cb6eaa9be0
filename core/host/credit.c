/* Credit: how much of a plugin may be under way at once, in emissions and bytes, with a share for each trigger. A
 * trigger may use up to half of what the others leave, and always one emission, so that one that floods leaves room for
 * the rest.
 *
 * `pause` at the high mark (all of it), `resume` at the low one (half). Whoever was told EBUSY for another reason,
 * its own share or a store without room, is told `resume` as well. Neither is called from inside a function of the
 * table. */
#include "host/internal.h"

#define FULL_POLL_MS 100

static uint64_t share(uint64_t limit, uint64_t all, uint64_t own)
{
	uint64_t others = all - own;
	uint64_t half = limit > others ? (limit - others) / 2 : 0;
	return half ? half : 1;
}

static uint64_t room(uint64_t limit, uint64_t all, uint64_t own)
{
	uint64_t mine = share(limit, all, own);
	if (all >= limit || own >= mine)
		return 0;
	return mine - own < limit - all ? mine - own : limit - all;
}

bool credit_store_full(const struct host *h)
{
	return h->options.store && store_is_full(h->options.store);
}

bool credit_allows(const struct tappet_trigger *t, uint64_t bytes)
{
	const struct host_options *o = &t->owner->host->options;
	const struct use *all = &t->plugin->use;
	if (credit_store_full(t->owner->host) || room(o->credit_emissions, all->emissions, t->use.emissions) == 0)
		return false;
	/* The first one goes through whatever its size, or a large one could wait for ever. */
	if (t->use.emissions == 0)
		return all->bytes < o->credit_bytes;
	return bytes <= room(o->credit_bytes, all->bytes, t->use.bytes);
}

void table_credit(tappet_trigger *trigger, uint64_t *ret_emissions, uint64_t *ret_bytes)
{
	uint64_t emissions = 0, bytes = 0;
	if (trigger && trigger->phase == TRIGGER_LIVE && trigger->plugin->phase == PLUGIN_STARTED &&
	    !credit_store_full(trigger->owner->host)) {
		const struct host_options *o = &trigger->owner->host->options;
		const struct use *all = &trigger->plugin->use;
		emissions = room(o->credit_emissions, all->emissions, trigger->use.emissions);
		bytes = room(o->credit_bytes, all->bytes, trigger->use.bytes);
	}
	if (ret_emissions)
		*ret_emissions = emissions;
	if (ret_bytes)
		*ret_bytes = bytes;
}

static bool is_high(const struct tappet_instance *p)
{
	const struct host_options *o = &p->host->options;
	return p->use.emissions >= o->credit_emissions || p->use.bytes >= o->credit_bytes;
}

static bool is_low(const struct tappet_instance *p)
{
	const struct host_options *o = &p->host->options;
	return p->use.emissions <= o->credit_emissions / 2 && p->use.bytes <= o->credit_bytes / 2;
}

void credit_take(struct tappet_trigger *t, uint64_t bytes)
{
	struct tappet_instance *p = t->plugin;
	t->use.emissions++;
	t->use.bytes += bytes;
	p->use.emissions++;
	p->use.bytes += bytes;
	if (is_high(p) && !p->paused)
		host_later(p->host, &p->credit);
}

void credit_give(struct tappet_trigger *t, uint64_t bytes)
{
	struct tappet_instance *p = t->plugin;
	t->use.emissions--;
	t->use.bytes -= bytes;
	p->use.emissions--;
	p->use.bytes -= bytes;
	const struct host_options *o = &p->host->options;
	if (!list_empty(&t->release.node) &&
	    t->use.emissions <= share(o->credit_emissions, p->use.emissions, t->use.emissions) / 2 &&
	    t->use.bytes <= share(o->credit_bytes, p->use.bytes, t->use.bytes) / 2) {
		list_remove(&t->release.node);
		p->retry = true;
	}
	if (p->retry || (p->paused && is_low(p)))
		host_later(p->host, &p->credit);
}

void credit_refused(struct tappet_trigger *t)
{
	struct tappet_instance *p = t->plugin;
	if (!credit_store_full(p->host)) {
		list_remove(&t->release.node);
		if (t->use.emissions)
			list_append(&p->busy, &t->release.node);
		else
			host_later(p->host, &p->credit);
		return;
	}
	p->store_waits = true;
	host_later(p->host, &p->credit);
	if (p->host->full_timer && !uv_is_active((uv_handle_t *)p->host->full_timer))
		uv_timer_start(p->host->full_timer, credit_full_poll, FULL_POLL_MS, FULL_POLL_MS);
}

void credit_retry(struct tappet_instance *p)
{
	p->retry = true;
	host_later(p->host, &p->credit);
}

int32_t credit_busy(struct tappet_instance *p)
{
	p->told_busy = true;
	return TAPPET_EBUSY;
}

void credit_eased(struct tappet_instance *p)
{
	if (!p->told_busy)
		return;
	p->told_busy = false;
	credit_retry(p);
}

void credit_full_poll(uv_timer_t *timer)
{
	struct host *h = timer->data;
	if (credit_store_full(h))
		return;
	uv_timer_stop(timer);
	for (size_t i = 0; i < h->count; i++) {
		struct tappet_instance *p = h->plugins[i];
		if (!p->store_waits)
			continue;
		p->store_waits = false;
		p->retry = true;
		host_later(h, &p->credit);
	}
}

static void call(struct tappet_instance *p, enum callback callback, void (*fn)(void *state))
{
	struct guard g;
	if (!fn)
		return;
	guard_enter(&g, p, callback);
	fn(p->state);
	guard_leave(&g);
}

void credit_run(struct later *l)
{
	struct tappet_instance *p = list_entry(l, struct tappet_instance, credit);
	if (p->phase != PLUGIN_STARTED)
		return;
	if (!p->paused && (is_high(p) || p->store_waits)) {
		p->paused = true;
		call(p, CALLBACK_PAUSE, p->desc.pause);
		return;
	}
	if (p->paused && (!is_low(p) || p->store_waits))
		return;
	if (!p->paused && !p->retry)
		return;
	p->paused = p->retry = false;
	call(p, CALLBACK_RESUME, p->desc.resume);
}
