#include "base/post.h"

#include <errno.h>
#include <stdlib.h>

struct item {
	struct item *next;
	void (*fn)(void *arg);
	void *arg;
};

struct post {
	uv_async_t async;
	uv_mutex_t lock;
	struct item *first, **last;
};

static void drain(struct post *p)
{
	uv_mutex_lock(&p->lock);
	struct item *item = p->first;
	p->first = NULL;
	p->last = &p->first;
	uv_mutex_unlock(&p->lock);
	while (item) {
		struct item *next = item->next;
		item->fn(item->arg);
		free(item);
		item = next;
	}
}

static void on_async(uv_async_t *async)
{
	drain(async->data);
}

int post_open(uv_loop_t *loop, struct post **ret)
{
	struct post *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->last = &p->first;
	int r = uv_mutex_init(&p->lock);
	if (r < 0)
		goto fail;
	r = uv_async_init(loop, &p->async, on_async);
	if (r < 0) {
		uv_mutex_destroy(&p->lock);
		goto fail;
	}
	p->async.data = p;
	*ret = p;
	return 0;
fail:
	free(p);
	return r;
}

int post_send(struct post *p, void (*fn)(void *arg), void *arg)
{
	struct item *item = malloc(sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct item){.fn = fn, .arg = arg};
	uv_mutex_lock(&p->lock);
	*p->last = item;
	p->last = &item->next;
	/* Inside the lock: p may be closed by whoever sees the item. */
	uv_async_send(&p->async);
	uv_mutex_unlock(&p->lock);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct post *p = handle->data;
	uv_mutex_destroy(&p->lock);
	free(p);
}

void post_close(struct post *p)
{
	if (!p)
		return;
	drain(p);
	uv_close((uv_handle_t *)&p->async, on_closed);
}
