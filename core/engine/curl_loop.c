#include "engine/curl_loop.h"

#include <errno.h>
#include <stdlib.h>

/* Connections that are kept for the next request. */
#define IDLE_MAX 64L

struct curl_loop {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	unsigned open; /* handles that have not been closed */
	void (*closed)(void *arg);
	void *arg;
};

struct watch {
	struct curl_loop *owner;
	uv_poll_t poll;
	curl_socket_t socket;
};

/* ---- What has ended ------------------------------------------------------------------------------------------- */

/* `done` may add and remove others, and close all of it: a message is gone with its handle, so it is copied before. */
static void look(struct curl_loop *c)
{
	const CURLMsg *message;
	int left;

	while (c->multi && (message = curl_multi_info_read(c->multi, &left))) {
		CURLcode result = message->data.result;
		CURL *easy = message->easy_handle;
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
		(void)curl_multi_remove_handle(c->multi, easy);
		t->done(t, result);
	}
}

/* ---- Sockets and time ----------------------------------------------------------------------------------------- */

static void on_event(uv_poll_t *poll, int status, int events)
{
	const struct watch *w = poll->data;
	struct curl_loop *c = w->owner;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(c->multi, w->socket, flags, &running);
	look(c);
}

static void handle_closed(struct curl_loop *c)
{
	void (*closed)(void *arg) = c->closed;
	void *arg = c->arg;

	if (--c->open > 0)
		return;
	free(c);
	closed(arg);
}

static void watch_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;
	struct curl_loop *c = w->owner;

	free(w);
	handle_closed(c);
}

static struct watch *watch_new(struct curl_loop *c, curl_socket_t socket)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->owner = c;
	w->socket = socket;
	w->poll.data = w;
	if (uv_poll_init_socket(c->loop, &w->poll, socket) < 0) {
		free(w);
		return NULL;
	}
	c->open++;
	(void)curl_multi_assign(c->multi, socket, w);
	return w;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *socket_arg)
{
	struct curl_loop *c = arg;
	struct watch *w = socket_arg;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			(void)curl_multi_assign(c->multi, socket, NULL);
			uv_close((uv_handle_t *)&w->poll, watch_closed);
		}
		return 0;
	}
	if (!w)
		w = watch_new(c, socket);
	if (!w)
		return -1;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	return uv_poll_start(&w->poll, events, on_event) < 0 ? -1 : 0;
}

static void on_time(uv_timer_t *timer)
{
	struct curl_loop *c = timer->data;
	int running;

	(void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	look(c);
}

static int on_timeout(CURLM *multi, long timeout_ms, void *arg)
{
	struct curl_loop *c = arg;

	(void)multi;
	if (timeout_ms < 0)
		(void)uv_timer_stop(&c->timer);
	else
		(void)uv_timer_start(&c->timer, on_time, (uint64_t)timeout_ms, 0);
	return 0;
}

/* ---- Opening and closing -------------------------------------------------------------------------------------- */

int curl_loop_open(uv_loop_t *loop, struct curl_loop **ret)
{
	struct curl_loop *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(c);
		return -ENOMEM;
	}
	c->multi = curl_multi_init();
	if (!c->multi) {
		curl_global_cleanup();
		free(c);
		return -ENOMEM;
	}
	c->loop = loop;
	(void)uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	c->open = 1;
	(void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	(void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	(void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	(void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, IDLE_MAX);
	*ret = c;
	return 0;
}

static void timer_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

void curl_loop_close(struct curl_loop *c, void (*closed)(void *arg), void *arg)
{
	c->closed = closed;
	c->arg = arg;
	/* Connections that it keeps are closed here; on_socket is told of each. */
	(void)curl_multi_cleanup(c->multi);
	c->multi = NULL;
	curl_global_cleanup();
	uv_close((uv_handle_t *)&c->timer, timer_closed);
}

int curl_loop_add(struct curl_loop *c, struct transfer *t)
{
	(void)curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	return curl_multi_add_handle(c->multi, t->easy) == CURLM_OK ? 0 : -ENOMEM;
}

void curl_loop_remove(struct curl_loop *c, struct transfer *t)
{
	(void)curl_multi_remove_handle(c->multi, t->easy);
}
