/* post and work. Work runs on a thread of its own, one at a time, so that a call of the host from there is seen for what
 * it is, and a test still knows what comes when. */
#include "internal.h"

struct posted {
	struct list node; /* in kit->posts, then its task's in kit->tasks */
	struct task task;
	testkit *kit;
	void (*fn)(void *arg);
	void *arg;
};

static void run_post(struct task *task)
{
	struct posted *p = list_entry(task, struct posted, task);
	if (p->kit->phase != DESTROYED) {
		callback_begin(p->kit);
		p->fn(p->arg);
		callback_end(p->kit, "a posted function");
	}
	free(p);
}

int32_t table_post(tappet_instance *self, void (*fn)(void *arg), void *arg)
{
	int32_t error = TAPPET_OK;
	if (!self || !fn)
		return TAPPET_EINVAL;
	/* From another thread neither a rule nor the count of faults is looked at. */
	if (pthread_equal(self->thread, pthread_self()))
		error = call_begin(self, "post");
	if (error)
		return error;
	struct posted *p = kit_alloc(sizeof(*p));
	*p = (struct posted){.kit = self, .fn = fn, .arg = arg, .task.run = run_post};
	list_init(&p->task.node);
	pthread_mutex_lock(&self->lock);
	list_append(&self->posts, &p->node);
	pthread_mutex_unlock(&self->lock);
	return TAPPET_OK;
}

void posts_take(testkit *kit)
{
	struct list now, *node;
	list_init(&now);
	pthread_mutex_lock(&kit->lock);
	list_splice(&now, &kit->posts);
	pthread_mutex_unlock(&kit->lock);
	while ((node = list_first(&now))) {
		list_remove(node);
		task_add(kit, &list_entry(node, struct posted, node)->task);
	}
}

void posts_release(testkit *kit)
{
	list_each_safe (node, &kit->posts) {
		list_remove(node);
		free(list_entry(node, struct posted, node));
	}
}

struct work {
	struct task task;
	testkit *kit;
	void (*work)(void *arg);
	tappet_done_cb done;
	void *arg;
};

static void *on_thread(void *arg)
{
	struct work *w = arg;
	w->work(w->arg);
	return NULL;
}

static void run_work(struct task *task)
{
	struct work *w = (struct work *)(void *)task;
	pthread_t thread;
	if (pthread_create(&thread, NULL, on_thread, w) != 0)
		misuse("no thread");
	pthread_join(thread, NULL);
	w->kit->operations--;
	callback_begin(w->kit);
	w->done(w->arg, TAPPET_OK);
	callback_end(w->kit, "the callback of work");
	free(w);
}

int32_t table_work(tappet_instance *self, void (*work)(void *arg), tappet_done_cb done, void *arg)
{
	if (!self || !work || !done)
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "work");
	if (error)
		return error;
	struct work *w = kit_alloc(sizeof(*w));
	*w = (struct work){.task.run = run_work, .kit = self, .work = work, .done = done, .arg = arg};
	self->operations++;
	task_add(self, &w->task);
	return TAPPET_OK;
}
