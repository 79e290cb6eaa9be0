/* One item at a time: what every plugin here does whose input lies elsewhere and stays there until it is taken. An item is handed over,
 * kept until it is settled, and tried again with the same key when nobody knows what became of it; while there is no credit nothing is
 * taken. A plugin says by three functions where its items come from. */
#ifndef EXAMPLES_SOURCE_H
#define EXAMPLES_SOURCE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/plugin.h>

#define RETRY_MS 1000
#define WAIT_MAX_MS 60000

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	struct source *sources;
	int under_way; /* what has to end before the plugin has stopped */
	int stopping;
};

/* One trigger; the first member of the plugin's own struct. */
struct source {
	struct source *next;
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_timer *timer; /* until something is tried again */
	int busy;            /* an emission is under way */
	int removed;
	int64_t wait_ms;  /* of the next back_off */
	int64_t begun_ms; /* of the key */
	long number;      /* of the item, for its key */
	char key[64];
	/* Fills in the item that is next (1), or sees to it that source_go is called when there is one (0). */
	int (*next_item)(struct source *s, tappet_emission *item);
	void (*drop_item)(struct source *s); /* that item is done with */
	void (*hush)(struct source *s);      /* the trigger goes, or the plugin stops: listen no more; may be NULL */
};

#define SOURCE(its_plugin, its_handle, its_next, its_drop, its_hush)                                                   \
	((struct source){.plugin = (its_plugin),                                                                       \
			 .handle = (its_handle),                                                                       \
			 .next_item = (its_next),                                                                      \
			 .drop_item = (its_drop),                                                                      \
			 .hush = (its_hush)})

static void source_go(struct source *s);

static inline void plugin_ended_one(struct plugin *p)
{
	p->under_way--;
	if (p->stopping && p->under_way == 0)
		p->host->stopped(p->self);
}

static inline void source_on_timer(void *arg)
{
	struct source *s = arg;
	s->timer = NULL;
	source_go(s);
}

static inline void source_later(struct source *s, int64_t ms)
{
	struct plugin *p = s->plugin;
	if (!s->timer && p->host->timer_start(p->self, ms, 0, source_on_timer, s, &s->timer) != TAPPET_OK)
		p->host->health(p->self, s->handle, TAPPET_HEALTH_DEAD, "no timer", 0);
}

static inline void source_refuse(const struct source *s, int32_t reason, const char *detail)
{
	s->plugin->host->refuse(s->plugin->self, s->handle, reason, tappet_cstr(detail));
}

/* Not stored, or nobody knows: the same item comes once more, with its key. */
static inline int source_has_failed(const tappet_result *r)
{
	return r->outcome == TAPPET_ECANCELED || r->outcome == TAPPET_EUNKNOWN ||
	       (r->outcome == TAPPET_EREFUSED && (r->reason == TAPPET_REASON_RATE || r->reason == TAPPET_REASON_STORE ||
						  r->reason == TAPPET_REASON_QUEUE_FULL));
}

static inline void source_settled(void *arg, const tappet_result *result)
{
	struct source *s = arg;
	s->busy = 0;
	if (!source_has_failed(result)) {
		s->drop_item(s);
		s->number++;
		source_go(s);
	} else if (!s->removed && !s->plugin->stopping) {
		source_later(s, RETRY_MS);
	}
	plugin_ended_one(s->plugin);
}

/* Hands over what there is. Call it when there may be something new. */
static void source_go(struct source *s)
{
	struct plugin *p = s->plugin;
	int32_t r = TAPPET_EINVAL;
	while ((r == TAPPET_EINVAL || r == TAPPET_ETOOBIG) && !s->busy && !s->timer && !s->removed && !p->stopping) {
		tappet_emission item = {.struct_size = sizeof(item), .checkpoint_size = sizeof(tappet_checkpoint)};
		if (!s->next_item(s, &item))
			return;
		/* The same item always has the same key: it is started once, however often it has to be tried. */
		snprintf(s->key, sizeof(s->key), "%lld-%ld", (long long)s->begun_ms, s->number);
		if (item.dedup_key.len == 0)
			item.dedup_key = tappet_cstr(s->key);
		r = p->host->emit(s->handle, &item, source_settled, s);
		s->busy = r == TAPPET_OK;
		p->under_way += s->busy;
		if (r == TAPPET_ENOMEM)
			source_later(s, RETRY_MS);
		if (r != TAPPET_EINVAL && r != TAPPET_ETOOBIG)
			return; /* with TAPPET_EBUSY `resume` comes */
		source_refuse(s, TAPPET_REASON_MALFORMED, tappet_strerror(r));
		s->drop_item(s);
		s->number++;
	}
}

/* Something is not there at the moment: looks again later, and each time a little later. */
static inline void source_back_off(struct source *s, const char *reason)
{
	const struct plugin *p = s->plugin;
	if (s->removed || p->stopping)
		return;
	s->wait_ms = s->wait_ms == 0 ? RETRY_MS : 2 * s->wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : 2 * s->wait_ms;
	p->host->health(p->self, s->handle, TAPPET_HEALTH_BACKING_OFF, reason, p->host->wall_ms(p->self) + s->wait_ms);
	source_later(s, s->wait_ms);
}

static inline void source_is_well(struct source *s)
{
	if (s->wait_ms)
		s->plugin->host->health(s->plugin->self, s->handle, TAPPET_HEALTH_RUNNING, NULL, 0);
	s->wait_ms = 0;
}

/* ---- What is the same in all descriptors ---- */

static inline int32_t source_create(const tappet_host *host, tappet_instance *self, const tappet_config *config,
				    void **ret_state)
{
	struct plugin *p = *ret_state = calloc(1, sizeof(*p));
	(void)config;
	if (p)
		*p = (struct plugin){.host = host, .self = self};
	return p ? TAPPET_OK : TAPPET_ENOMEM;
}

/* The last thing in trigger_add: the first item is looked for at the loop's next turn. */
static inline int32_t source_add(struct source *s)
{
	struct plugin *p = s->plugin;
	s->begun_ms = p->host->wall_ms(p->self);
	const int32_t r = p->host->timer_start(p->self, 0, 0, source_on_timer, s, &s->timer);
	if (r != TAPPET_OK)
		return r;
	s->next = p->sources;
	p->sources = s;
	return TAPPET_OK;
}

static inline void source_end(struct source *s)
{
	s->plugin->host->timer_stop(s->timer);
	s->timer = NULL;
	if (s->hush)
		s->hush(s);
}

static inline void source_remove(void *state, void *trigger_state)
{
	struct source **at = &((struct plugin *)state)->sources, *s = trigger_state;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->removed = 1;
	source_end(s);
}

static inline int32_t source_start(void *state)
{
	(void)state;
	return TAPPET_OK;
}

static inline void source_resume(void *state)
{
	for (struct source *s = ((struct plugin *)state)->sources; s; s = s->next)
		source_go(s);
}

static inline void source_stop(void *state, int64_t deadline_ms)
{
	struct plugin *p = state;
	(void)deadline_ms;
	p->stopping = 1;
	p->under_way++; /* until all have been told */
	for (struct source *s = p->sources; s; s = s->next)
		source_end(s);
	plugin_ended_one(p);
}

/* In a descriptor, beside trigger_add and trigger_free. */
#define SOURCE_FUNCTIONS                                                                                               \
	.create = source_create, .trigger_remove = source_remove, .start = source_start, .resume = source_resume,      \
	.stop = source_stop, .destroy = free

#endif
