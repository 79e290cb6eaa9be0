/* The registry of plugins, and the host's own place in the loop. */
#include "host/internal.h"
#include <errno.h>
#include "base/log.h"
#include "model/reason.h"

#define REASON_IS(name)                                                                                                \
	_Static_assert((int)TAPPET_REASON_##name == (int)REASON_##name, "reasons of the ABI and the model")
REASON_IS(NONE);
REASON_IS(FILTER);
REASON_IS(RATE);
REASON_IS(OVERLAP);
REASON_IS(DISABLED);
REASON_IS(PARAMETERS);
REASON_IS(QUEUE_FULL);
REASON_IS(TOKEN);
REASON_IS(SCOPE);
REASON_IS(SIGNATURE);
REASON_IS(MALFORMED);
REASON_IS(TOO_LARGE);
REASON_IS(PLUGIN_DOWN);
REASON_IS(INVALID);
REASON_IS(STORE);
REASON_IS(DUPLICATE);
REASON_IS(OTHER);
_Static_assert((int)TAPPET_LOG_DEBUG == (int)LOG_DEBUG, "log levels");
_Static_assert((int)TAPPET_LOG_INFO == (int)LOG_INFO, "log levels");
_Static_assert((int)TAPPET_LOG_WARN == (int)LOG_WARN, "log levels");
_Static_assert((int)TAPPET_LOG_ERROR == (int)LOG_ERROR, "log levels");

static const struct {
	const char *name;
	const void *table;
} capabilities[] = {
	{TAPPET_HTTP_1, &http_table},     {TAPPET_AUTH_1, &auth_table}, {TAPPET_ACTIVITY_1, &activity_table},
	{TAPPET_EVENTS_1, &events_table}, {TAPPET_WS_1, &ws_table},
};
#define CAPABILITY_COUNT (sizeof(capabilities) / sizeof(capabilities[0]))

int host_error(int error)
{
	switch (error) {
	case 0:
		return TAPPET_OK;
	case -EINVAL:
	case -EBADF:
	case -EPERM:
		return TAPPET_EINVAL;
	case -ENOMEM:
		return TAPPET_ENOMEM;
	case -EBUSY:
	case -EAGAIN:
		return TAPPET_EBUSY;
	case -E2BIG:
	case -ENOBUFS:
	case -EMSGSIZE:
		return TAPPET_ETOOBIG;
	case -ENOENT:
		return TAPPET_ENOTFOUND;
	case -EEXIST:
		return TAPPET_EEXIST;
	case -ECANCELED:
	case -ENOSPC:
		return TAPPET_ECANCELED;
	case -EINPROGRESS:
		return TAPPET_EUNKNOWN;
	case -EALREADY:
	case -ESHUTDOWN:
		return TAPPET_ESTATE;
	case -EPIPE:
		return TAPPET_EGONE;
	default:
		return TAPPET_EIO;
	}
}

bool host_knows_capability(const char *name)
{
	for (size_t i = 0; i < CAPABILITY_COUNT; i++)
		if (strcmp(capabilities[i].name, name) == 0)
			return true;
	return false;
}

/* What this host, with the parts that it was given, can offer. */
static bool offers(const struct host *h, const void *table)
{
	if (table == &http_table || table == &ws_table)
		return h->options.gateway != NULL;
	if (table == &auth_table)
		return h->options.engine != NULL;
	if (table == &activity_table)
		return h->options.engine != NULL && h->options.bus != NULL;
	return h->options.store != NULL && h->options.bus != NULL;
}

const void *host_capability(const struct host *h, const char *name)
{
	for (size_t i = 0; name && i < CAPABILITY_COUNT; i++)
		if (strcmp(capabilities[i].name, name) == 0)
			return offers(h, capabilities[i].table) ? capabilities[i].table : NULL;
	return NULL;
}

/* ---- Later ---- */

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void host_close_handle(uv_handle_t *handle)
{
	if (handle)
		uv_close(handle, free_handle);
}

/* Those who come meanwhile are for the next time. */
static void tell_settled(struct host *h)
{
	struct list now, *node;
	list_init(&now);
	list_splice(&now, &h->settles);
	while ((node = list_first(&now))) {
		struct host_settle *settle = list_entry(node, struct host_settle, node);
		list_remove(node);
		settle->done(settle->arg);
	}
}

/* The last call of a stop: h may be gone afterwards. */
static void finish_stop(struct host *h)
{
	tell_settled(h);
	void (*done)(void *, const char *) = h->stop_done;
	h->finish_now = false;
	h->stop_done = NULL;
	if (done)
		done(h->stop_arg, h->late);
}

static void run_later(uv_idle_t *idle)
{
	struct host *h = idle->data;
	struct list now;
	list_init(&now);
	list_splice(&now, &h->later);
	struct list *node;
	while ((node = list_first(&now))) {
		struct later *l = list_entry(node, struct later, node);
		list_remove(node);
		l->run(l);
	}
	if (list_empty(&h->later))
		uv_idle_stop(idle);
	if (h->finish_now)
		finish_stop(h);
}

void host_later(struct host *h, struct later *l)
{
	if (!h->idle || !list_empty(&l->node))
		return;
	list_append(&h->later, &l->node);
	uv_idle_start(h->idle, run_later);
}

/* ---- Opening ---- */

static void settle_run(struct later *l)
{
	struct host *h = list_entry(l, struct host, settle);
	if (h->unsettled == 0)
		tell_settled(h);
}

static void stop_check_run(struct later *l)
{
	host_stop_check(list_entry(l, struct host, stop_check));
}

static void *open_handle(struct host *h, size_t size, int (*init)(uv_loop_t *, void *))
{
	uv_handle_t *handle = calloc(1, size);
	if (!handle)
		return NULL;
	if (init(h->options.loop, handle) < 0) {
		free(handle);
		return NULL;
	}
	handle->data = h;
	return handle;
}

static int init_idle(uv_loop_t *loop, void *handle)
{
	return uv_idle_init(loop, handle);
}

static int init_timer(uv_loop_t *loop, void *handle)
{
	return uv_timer_init(loop, handle);
}

static int open_loop(struct host *h)
{
	h->idle = open_handle(h, sizeof(*h->idle), init_idle);
	h->full_timer = open_handle(h, sizeof(*h->full_timer), init_timer);
	h->stop_timer = open_handle(h, sizeof(*h->stop_timer), init_timer);
	h->health_timer = open_handle(h, sizeof(*h->health_timer), init_timer);
	if (!h->idle || !h->full_timer || !h->stop_timer || !h->health_timer)
		return -ENOMEM;
	uv_unref((uv_handle_t *)h->full_timer);
	uv_unref((uv_handle_t *)h->health_timer);
	int r = host_clock_open(h);
	if (r < 0)
		return r;
	return h->options.bus && h->options.engine ? activity_watch_open(h) : 0;
}

static int copy_text(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

int host_open(const struct host_options *options, struct host **ret)
{
	struct host *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->options = *options;
	h->options.credit_emissions = options->credit_emissions ? options->credit_emissions : CREDIT_EMISSIONS;
	h->options.credit_bytes = options->credit_bytes ? options->credit_bytes : CREDIT_BYTES;
	h->clock_fd = -1;
	list_init(&h->later);
	list_init(&h->loading);
	list_init(&h->settles);
	later_init(&h->load, loading_run);
	later_init(&h->settle, settle_run);
	later_init(&h->stop_check, stop_check_run);
	map_init(&h->triggers);
	map_init(&h->retiring);
	map_init(&h->workflows);
	map_init(&h->metric_kinds);
	map_init(&h->health_notes);
	list_init(&h->quiet);
	claims_init(&h->claims);
	int r = copy_text(options->plugin_folder, &h->plugin_folder);
	if (r == 0)
		r = copy_text(options->folder, &h->folder);
	if (r == 0 && options->loop)
		r = open_loop(h);
	if (r < 0) {
		host_free(h);
		return r;
	}
	h->options.plugin_folder = h->plugin_folder;
	h->options.folder = h->folder;
	*ret = h;
	return 0;
}

void host_settle(struct host *h, struct host_settle *settle)
{
	list_append(&h->settles, &settle->node);
	host_later(h, &h->settle);
}

/* ---- The end ---- */

static int free_workflow(void *arg, const char *key, size_t key_len, void *value)
{
	struct host_workflow *w = value;
	(void)arg;
	(void)key;
	(void)key_len;
	list_each_safe (node, &w->triggers) {
		struct tappet_trigger *t = list_entry(node, struct tappet_trigger, in_workflow);
		list_remove(&t->in_workflow);
		list_remove(&t->in_plugin);
		list_remove(&t->release.node);
		later_cancel(&t->release);
		workflow_unref(t->workflow);
		free(t->health);
		free(t);
	}
	free(w->slug);
	free(w);
	return 0;
}

static void destroy(struct tappet_instance *p)
{
	struct guard g;
	triggers_end(p);
	if (p->created) {
		guard_enter(&g, p, CALLBACK_DESTROY);
		p->desc.destroy(p->state);
		guard_leave(&g);
	}
	p->phase = PLUGIN_DESTROYED;
	atomic_store(&p->post_open, false);
	host_release_leftovers(p);
	later_cancel(&p->credit);
	if (p->host->options.health) {
		char part[80];
		snprintf(part, sizeof(part), "plugin %s", p->name);
		health_forget(p->host->options.health, part);
	}
}

static void close_loop(struct host *h)
{
	activity_watch_close(h);
	host_clock_close(h);
	host_close_handle((uv_handle_t *)h->idle);
	host_close_handle((uv_handle_t *)h->full_timer);
	host_close_handle((uv_handle_t *)h->stop_timer);
	host_close_handle((uv_handle_t *)h->health_timer);
	h->health_timer = NULL;
	h->idle = NULL;
}

/* Operations that are still under way, after a start that failed half-way, say, count as late: they will call back. */
static void end_plugin(struct tappet_instance *p)
{
	if (!p->late && (p->pending || atomic_load(&p->posts)))
		host_give_up(p);
	if (!p->late)
		destroy(p);
}

/* Without the idle handle nothing new is queued. */
static void drain_later(struct host *h)
{
	struct list *node;
	while ((node = list_first(&h->later))) {
		list_remove(node);
		struct later *l = list_entry(node, struct later, node);
		l->run(l);
	}
}

void host_free(struct host *h)
{
	if (!h)
		return;
	h->stopping = h->finished = true;
	h->stop_done = NULL;
	tell_settled(h);
	for (size_t i = h->count; i-- > 0;)
		end_plugin(h->plugins[i]);
	bool late = h->late != NULL;
	close_loop(h);
	drain_later(h);
	/* A late plugin's threads and callbacks may still come here: what they use stays, since the process is about
	 * to end. */
	if (late)
		return;
	map_each(&h->workflows, free_workflow, NULL);
	for (size_t i = 0; i < h->count; i++)
		instance_free(h->plugins[i]);
	map_release(&h->triggers);
	map_release(&h->retiring);
	map_release(&h->workflows);
	map_release(&h->metric_kinds);
	health_events_release(h);
	claims_release(&h->claims);
	free(h->plugins);
	free(h->plugin_folder);
	free(h->folder);
	free(h);
}
