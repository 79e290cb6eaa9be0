/* post: from any thread to the loop. work: from the loop to the pool and back. */
#include "host/internal.h"
#include "base/log.h"

struct posted {
	struct tappet_instance *plugin;
	void (*fn)(void *arg);
	void *arg;
};

static void on_post(void *arg)
{
	struct posted *posted = arg;
	struct tappet_instance *p = posted->plugin;
	struct guard g;
	/* What a thread of the plugin posted behind the plugin's end has nobody to run for. */
	if (p->phase != PLUGIN_DESTROYED && p->phase != PLUGIN_LOADED) {
		guard_enter(&g, p, CALLBACK_POST);
		posted->fn(posted->arg);
		guard_leave(&g);
	}
	free(posted);
	atomic_fetch_sub(&p->posts, 1);
	if (p->host->stopping)
		host_later(p->host, &p->host->stop_check);
}

/* Any thread. */
int32_t table_post(tappet_instance *self, void (*fn)(void *arg), void *arg)
{
	if (!self || !fn)
		return TAPPET_EINVAL;
	if (!self->host->options.post)
		return TAPPET_ENOTSUP;
	if (!atomic_load(&self->post_open))
		return TAPPET_ESTATE;
	struct posted *posted = malloc(sizeof(*posted));
	if (!posted)
		return TAPPET_ENOMEM;
	*posted = (struct posted){.plugin = self, .fn = fn, .arg = arg};
	/* Counted first: the loop may run it before post_send returns. */
	atomic_fetch_add(&self->posts, 1);
	if (post_send(self->host->options.post, on_post, posted) < 0) {
		atomic_fetch_sub(&self->posts, 1);
		free(posted);
		return TAPPET_ENOMEM;
	}
	return TAPPET_OK;
}

struct work_ticket {
	uv_work_t work;
	struct tappet_instance *plugin;
	void (*run)(void *arg);
	tappet_done_cb done;
	void *arg;
};

static void on_pool(uv_work_t *work)
{
	struct work_ticket *ticket = work->data;
	ticket->run(ticket->arg);
}

static void on_work_done(uv_work_t *work, int status)
{
	struct work_ticket *ticket = work->data;
	struct tappet_instance *p = ticket->plugin;
	struct guard g;
	p->work_pending--;
	credit_eased(p);
	guard_enter(&g, p, CALLBACK_WORK);
	ticket->done(ticket->arg, status < 0 ? TAPPET_ECANCELED : TAPPET_OK);
	guard_leave(&g);
	free(ticket);
	pending_done(p);
}

int32_t table_work(tappet_instance *self, void (*work)(void *arg), tappet_done_cb done, void *arg)
{
	if (!self || !work || !done)
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	if (self->work_pending >= PENDING_MAX)
		return credit_busy(self);
	struct work_ticket *ticket = malloc(sizeof(*ticket));
	if (!ticket)
		return TAPPET_ENOMEM;
	*ticket = (struct work_ticket){.plugin = self, .run = work, .done = done, .arg = arg};
	ticket->work.data = ticket;
	int r = uv_queue_work(self->host->options.loop, &ticket->work, on_pool, on_work_done);
	if (r < 0) {
		free(ticket);
		return host_error(r);
	}
	self->work_pending++;
	pending_add(self);
	return TAPPET_OK;
}
