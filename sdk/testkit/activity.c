/* tappet.activity/1: activities that the test makes and lets go on. */
#include <stdio.h>
#include "internal.h"

struct activity {
	struct list node; /* in kit->activities */
	char *id, *workflow_id, *status, *document;
};

enum question { STATUS, CANCEL, WAIT_END };

struct waiter {
	struct task task; /* in kit->tasks when it is to look */
	struct list node; /* in kit->waiters */
	testkit *kit;
	enum question question;
	char *id;
	tappet_timer *timer;
	bool expired;
	tappet_activity_cb cb;
	tappet_done_cb done;
	void *arg;
};

static struct activity *find(const testkit *kit, const char *id)
{
	list_each (node, &kit->activities) {
		struct activity *a = list_entry(node, struct activity, node);
		if (strcmp(a->id, id) == 0)
			return a;
	}
	return NULL;
}

static bool has_ended(const struct activity *a)
{
	static const char *const ends[] = {"completed", "failure", "invalid", "cancelled"};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(a->status, ends[i]) == 0)
			return true;
	return false;
}

static void waiter_free(struct waiter *w)
{
	table_timer_stop(w->timer);
	list_remove(&w->node);
	list_remove(&w->task.node);
	free(w->id);
	free(w);
}

static void tell(struct waiter *w, int32_t result, const struct activity *a)
{
	char *document = kit_text(a ? a->document : NULL);
	const tappet_activity_info info = {.struct_size = sizeof(info),
					   .workflow_id = a ? a->workflow_id : "",
					   .status = a ? a->status : "",
					   .document = tappet_cstr(document)};
	w->kit->operations--;
	callback_begin(w->kit);
	if (w->done)
		w->done(w->arg, result);
	else
		w->cb(w->arg, result, result == TAPPET_OK || (a && result == TAPPET_EBUSY) ? &info : NULL);
	callback_end(w->kit, "a callback of tappet.activity/1");
	free(document);
	waiter_free(w);
}

static int32_t cancel_now(testkit *kit, struct activity *a)
{
	int32_t result = kit->cancel_result;
	kit->cancel_result = TAPPET_OK;
	if (result < 0 || has_ended(a))
		return result < 0 ? result : TAPPET_ESTATE;
	free(a->status);
	a->status = kit_text("cancelled");
	return TAPPET_OK;
}

static void look_all(testkit *kit)
{
	list_each (node, &kit->waiters) {
		struct waiter *w = list_entry(node, struct waiter, node);
		if (list_empty(&w->task.node))
			task_add(kit, &w->task);
	}
}

static void run(struct task *task)
{
	struct waiter *w = (struct waiter *)(void *)task;
	testkit *kit = w->kit;
	struct activity *a = find(kit, w->id);
	if (!a) {
		tell(w, TAPPET_ENOTFOUND, NULL);
	} else if (w->question == CANCEL) {
		tell(w, cancel_now(kit, a), a);
		look_all(kit);
	} else if (w->question == STATUS || has_ended(a)) {
		tell(w, TAPPET_OK, a);
	} else if (w->expired) {
		tell(w, TAPPET_EBUSY, a);
	}
}

static int32_t begin(tappet_instance *self, enum question question, const char *id, void *arg, struct waiter **ret)
{
	if (!id)
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "activity");
	if (error)
		return error;
	struct waiter *w = kit_alloc(sizeof(*w));
	w->task.run = run;
	w->kit = self;
	w->question = question;
	w->id = kit_text(id);
	w->arg = arg;
	list_append(&self->waiters, &w->node);
	self->operations++;
	task_add(self, &w->task);
	*ret = w;
	return TAPPET_OK;
}

static int32_t status(tappet_instance *self, const char *activity_id, tappet_activity_cb cb, void *arg)
{
	struct waiter *w;
	int32_t error = cb ? begin(self, STATUS, activity_id, arg, &w) : TAPPET_EINVAL;
	if (!error)
		w->cb = cb;
	return error;
}

static int32_t cancel(tappet_instance *self, const char *activity_id, tappet_done_cb cb, void *arg)
{
	struct waiter *w;
	int32_t error = cb ? begin(self, CANCEL, activity_id, arg, &w) : TAPPET_EINVAL;
	if (!error)
		w->done = cb;
	return error;
}

static void on_timeout(void *arg)
{
	struct waiter *w = arg;
	w->expired = true;
	w->timer = NULL;
	if (list_empty(&w->task.node))
		task_add(w->kit, &w->task);
}

static int32_t wait_end(tappet_instance *self, const char *activity_id, int64_t timeout_ms, tappet_activity_cb cb,
			void *arg)
{
	struct waiter *w;
	int32_t error = cb ? begin(self, WAIT_END, activity_id, arg, &w) : TAPPET_EINVAL;
	if (error)
		return error;
	w->cb = cb;
	error = table_timer_start(self, timeout_ms > 0 ? timeout_ms : 0, 0, on_timeout, w, &w->timer);
	if (error) {
		self->operations--;
		waiter_free(w);
	}
	return error;
}

const tappet_activity1 activity_table = {
	.struct_size = sizeof(tappet_activity1),
	.status = status,
	.cancel = cancel,
	.wait_end = wait_end,
	.action = table_action,
};

void activity_expire(testkit *kit)
{
	list_each_safe (node, &kit->waiters) {
		struct waiter *w = list_entry(node, struct waiter, node);
		if (!w->timer)
			continue;
		table_timer_stop(w->timer);
		on_timeout(w);
	}
}

void activity_release(testkit *kit)
{
	list_each_safe (node, &kit->waiters)
		waiter_free(list_entry(node, struct waiter, node));
	list_each_safe (node, &kit->activities) {
		struct activity *a = list_entry(node, struct activity, node);
		free(a->id);
		free(a->workflow_id);
		free(a->status);
		free(a->document);
		free(a);
	}
}

/* ---- For the test ---- */

void testkit_activity(testkit *kit, const char *activity_id, const char *workflow_id, const char *activity_status,
		      const char *document)
{
	struct activity *a = find(kit, activity_id);
	if (!a) {
		a = kit_alloc(sizeof(*a));
		a->id = kit_text(activity_id);
		list_append(&kit->activities, &a->node);
	}
	free(a->workflow_id);
	free(a->status);
	free(a->document);
	a->workflow_id = kit_text(workflow_id);
	a->status = kit_text(activity_status);
	a->document = kit_text(document ? document : "{}");
	look_all(kit);
}

void testkit_cancel_result(testkit *kit, int32_t result)
{
	kit->cancel_result = result;
}
