/* One connection to somebody else: what its owner asks for, times, ends, and further attempts. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "base/metrics.h"
#include "gateway/ws_client_internal.h"
#include "gateway/ws_framing.h"

/* For the server's answer to a close, and for what is still to be sent before it. */
#define CLOSE_WAIT_MS 3000

static void on_timer(uv_timer_t *timer);
static void on_soon(uv_timer_t *timer);

static struct ws_outgoing *from_base(const struct websocket *w)
{
	return (struct ws_outgoing *)(uintptr_t)w;
}

static uint64_t now_of(const struct ws_outgoing *w)
{
	return uv_now(w->client->loop);
}

static void do_soon(struct ws_outgoing *w)
{
	uv_timer_start(&w->soon, on_soon, 0, 0);
}

static void set_timer(struct ws_outgoing *w, uint64_t until)
{
	uint64_t now = now_of(w);
	uv_timer_start(&w->timer, on_timer, until > now ? until - now : 0, 0);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void note(struct ws_outgoing *w, int code, int error, const char *reason, size_t len)
{
	if (w->noted)
		return;
	w->noted = true;
	w->code = code;
	w->error = error;
	w->detail[0] = '\0';
	w->reason_len = len <= WEBSOCKET_REASON_MAX ? len : 0;
	if (w->reason_len > 0)
		memcpy(w->reason, reason, w->reason_len);
	w->reason[w->reason_len] = '\0';
}

void ws_outgoing_note(struct ws_outgoing *w, int code, const char *reason, size_t len)
{
	note(w, code, 0, reason, len);
}

static void end_soon(struct ws_outgoing *w)
{
	w->state = WS_ENDING;
	do_soon(w);
}

void ws_outgoing_end(struct ws_outgoing *w, int code, int error, const char *format, ...)
{
	if (!w->noted) {
		va_list args;
		note(w, code, error, "", 0);
		va_start(args, format);
		vsnprintf(w->detail, sizeof(w->detail), format, args);
		va_end(args);
	}
	end_soon(w);
}

void ws_outgoing_leave(struct ws_outgoing *w)
{
	w->state = WS_LEAVING;
	w->wait_until = now_of(w) + CLOSE_WAIT_MS;
	set_timer(w, w->wait_until);
}

void ws_outgoing_refuse(struct ws_outgoing *w, int code)
{
	note(w, code, 0, "", 0);
	snprintf(w->detail, sizeof(w->detail), "%s",
		 code == WS_TOO_BIG    ? "the server sent a message that is too large"
		 : code == WS_BAD_DATA ? "the server sent text that is not UTF-8, or data that cannot be decompressed"
		 : code == WS_FAILED   ? "out of memory"
				       : "the server broke the protocol");
	ws_outgoing_leave(w);
}

/* From half of the pause to all of it: many who lost the same server do not come back at once. */
static int64_t with_jitter(int64_t pause_ms)
{
	uint32_t random;
	digest_random(&random, sizeof(random));
	return pause_ms / 2 + (int64_t)((uint64_t)random * (uint64_t)(pause_ms - pause_ms / 2) >> 32);
}

/* 0: none. */
static int64_t next_pause(struct ws_outgoing *w)
{
	if (w->given_up || w->retry_min_ms <= 0 || w->client->closing)
		return 0;
	int64_t pause_ms = w->pause_ms;
	if (w->is_up && now_of(w) - w->connected >= (uint64_t)pause_ms)
		pause_ms = w->retry_min_ms;
	w->pause_ms = pause_ms * 2 < w->retry_max_ms ? pause_ms * 2 : w->retry_max_ms;
	int64_t chosen = with_jitter(pause_ms);
	return chosen > 0 ? chosen : 1;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct ws_outgoing *w = handle->data;
	struct ws_client *c = w->client;
	if (--w->handles == 0) {
		ws_address_release(&w->address);
		ws_proxy_address_release(&w->proxy_address);
		free(w->protocols);
		free(w->fields);
		free(w->ca_file);
		free(w);
	}
	ws_client_unhold(c);
}

static void forget(struct ws_outgoing *w)
{
	list_remove(&w->node);
	uv_close((uv_handle_t *)&w->timer, on_handle_closed);
	uv_close((uv_handle_t *)&w->soon, on_handle_closed);
}

static void count_end(const struct ws_outgoing *w)
{
	if (w->is_up)
		metric_add(w->client->metric_open, -1);
	else if (w->state != WS_WAITING)
		metric_add(w->client->metric_attempts[1], 1);
}

/* Tells the owner; for the last time when there is no further attempt. */
static void finish(struct ws_outgoing *w)
{
	const struct websocket_end end = {
		.code = w->code,
		.reason = w->reason,
		.reason_len = w->reason_len,
		.error = w->error,
		.detail = w->detail,
		.retry_ms = next_pause(w),
	};
	count_end(w);
	w->is_up = false;
	ws_attempt_release(w);
	uv_timer_stop(&w->timer);
	if (end.retry_ms > 0) {
		w->state = WS_WAITING;
		set_timer(w, now_of(w) + (uint64_t)end.retry_ms);
	} else {
		w->state = WS_OVER;
	}
	w->handler.closed(w->arg, &end);
	if (w->state == WS_OVER)
		forget(w);
}

/* What a call of the owner has asked for, or what libwebsockets has told in the middle of its work. */
static void on_soon(uv_timer_t *timer)
{
	struct ws_outgoing *w = timer->data;
	if (w->state == WS_CONNECTING && !w->given_up) {
		if (!w->link)
			ws_attempt_next_address(w);
		return;
	}
	if (w->dropped)
		note(w, WS_BROKEN, 0, "", 0);
	finish(w);
}

/* ---- times ------------------------------------------------------------------------------------------------------- */

static void ask_for_life(struct ws_outgoing *w)
{
	uint64_t now = now_of(w), due = w->heard + (uint64_t)w->limits.ping_ms;
	if (w->paused) {
		set_timer(w, now + (uint64_t)w->limits.ping_ms);
	} else if (now < due) {
		set_timer(w, due);
	} else if (!w->pinged) {
		w->pinged = w->ping_due = true;
		w->wait_until = now + (uint64_t)w->limits.timeout_ms;
		ws_link_want_write(w);
		set_timer(w, w->wait_until);
	} else if (now >= w->wait_until && w->ping_due) {
		/* It has not gone out yet: the server reads, however slowly. Where it does not, what is queued says so. */
		w->wait_until = now + (uint64_t)w->limits.timeout_ms;
		w->ping_due = w->in_link != w->seen_in_link || w->queued != w->seen_queued;
		w->seen_in_link = w->in_link;
		w->seen_queued = w->queued;
		set_timer(w, w->wait_until);
	} else if (now >= w->wait_until) {
		ws_outgoing_end(w, WS_BROKEN, -ETIMEDOUT, "%s gives no sign of life", w->address.authority);
	} else {
		set_timer(w, w->wait_until);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct ws_outgoing *w = timer->data;
	switch (w->state) {
	case WS_PREPARING:
	case WS_CONNECTING:
		ws_attempt_overdue(w);
		break;
	case WS_CONNECTED:
		ask_for_life(w);
		break;
	case WS_LEAVING:
		end_soon(w);
		break;
	case WS_WAITING:
		ws_attempt_begin(w);
		break;
	case WS_ENDING:
	case WS_OVER:
		break;
	}
}

void ws_outgoing_heard(struct ws_outgoing *w)
{
	w->heard = now_of(w);
	if (w->pinged && w->state == WS_CONNECTED)
		set_timer(w, w->heard + (uint64_t)w->limits.ping_ms);
	w->pinged = false;
}

/* ---- the link ---------------------------------------------------------------------------------------------------- */

void ws_outgoing_connected(struct ws_outgoing *w)
{
	w->state = WS_CONNECTED;
	w->is_up = true;
	w->connected = now_of(w);
	metric_add(w->client->metric_open, 1);
	metric_add(w->client->metric_attempts[0], 1);
	ws_outgoing_heard(w);
	set_timer(w, w->heard + (uint64_t)w->limits.ping_ms);
	if (w->paused)
		ws_link_pause(w, true);
	if (w->handler.open)
		w->handler.open(w->arg);
}

static void note_refusal(struct ws_outgoing *w, int status, const char *problem)
{
	const char *who = w->address.authority;
	note(w, WS_BROKEN, -EIO, "", 0);
	if (w->certificate_problem[0]) {
		snprintf(w->detail, sizeof(w->detail), "%s", w->certificate_problem);
	} else if (status == 401 || status == 403) {
		w->error = -EACCES;
		snprintf(w->detail, sizeof(w->detail), "%s answered %d: it does not let this client in", who, status);
	} else if (status > 0 && status != 101) {
		w->error = -ECONNREFUSED;
		snprintf(w->detail, sizeof(w->detail), "%s answered %d in place of 101", who, status);
	} else if (status == 101) {
		w->error = -ECONNREFUSED;
		snprintf(w->detail, sizeof(w->detail), "the answer of %s is no right handshake (%s)", who, problem);
	} else {
		snprintf(w->detail, sizeof(w->detail), "no connection to %s comes about (%s)", who, problem);
	}
}

/* Another address may be better than one that did not answer at all. */
static bool is_worth_another(const struct ws_outgoing *w, int status)
{
	return w->next_address && status == 0 && !w->certificate_problem[0] && now_of(w) < w->deadline;
}

void ws_outgoing_unlinked(struct ws_outgoing *w, int status, const char *problem)
{
	if (w->state == WS_CONNECTING && is_worth_another(w, status)) {
		do_soon(w);
		return;
	}
	if (w->state == WS_CONNECTING)
		note_refusal(w, status, problem && problem[0] ? problem : "closed");
	else if (!w->noted)
		ws_outgoing_end(w, WS_BROKEN, -EIO, "%s cut the connection", w->address.authority);
	end_soon(w);
}

/* ---- what the owner asks for ------------------------------------------------------------------------------------- */

static int send_message(struct websocket *base, bool is_text, const struct websocket_part *parts, size_t count)
{
	struct ws_outgoing *w = from_base(base);
	if (w->state != WS_CONNECTED || w->given_up || !w->link)
		return -EPIPE;
	int r = ws_messages_add(w, is_text, parts, count);
	if (r == 0 || r == -ENOBUFS)
		ws_link_want_write(w);
	return r;
}

static size_t queued(const struct websocket *base)
{
	const struct ws_outgoing *w = from_base(base);
	return w->queued + w->in_link;
}

static void pause_messages(struct websocket *base, bool paused)
{
	struct ws_outgoing *w = from_base(base);
	if (w->paused == paused)
		return;
	w->paused = paused;
	if (w->state != WS_CONNECTED)
		return;
	ws_outgoing_heard(w);
	ws_link_pause(w, paused);
}

static void close_socket(struct websocket *base, int code, const char *reason, size_t len)
{
	struct ws_outgoing *w = from_base(base);
	if (w->given_up)
		return;
	w->given_up = true;
	if (w->state == WS_WAITING)
		w->noted = false;
	note(w, code, 0, reason, len);
	if (w->state != WS_CONNECTED || !w->link) {
		if (w->state != WS_LEAVING && w->state != WS_OVER)
			do_soon(w);
		return;
	}
	ws_outgoing_leave(w);
	/* The server's answer has to be read. */
	if (w->paused)
		ws_link_pause(w, false);
	ws_link_want_write(w);
}

static void drop(struct websocket *base)
{
	struct ws_outgoing *w = from_base(base);
	if (w->state == WS_OVER)
		return;
	w->given_up = w->dropped = true;
	if (w->state == WS_WAITING || w->state == WS_LEAVING)
		w->noted = false;
	do_soon(w);
}

static const char *protocol_of(const struct websocket *base)
{
	const struct ws_outgoing *w = from_base(base);
	return w->protocol[0] ? w->protocol : NULL;
}

static const char *remote_of(const struct websocket *base)
{
	return from_base(base)->address.authority;
}

static const struct websocket_ops ops = {
	.send = send_message,
	.queued = queued,
	.pause = pause_messages,
	.close = close_socket,
	.drop = drop,
	.protocol = protocol_of,
	.remote = remote_of,
};

/* ---- making one -------------------------------------------------------------------------------------------------- */

static int copy_options(struct ws_outgoing *w, const struct websocket_connect *o)
{
	int r = ws_address_parse(o->url, &w->address);
	if (r == 0 && o->proxy)
		r = ws_proxy_address_parse(o->proxy, &w->proxy_address);
	if (r == 0)
		r = ws_fields_write(o->headers, o->header_count, &w->fields);
	if (r == 0)
		r = ws_protocols_write(o->protocols, &w->protocols);
	if (r == 0 && o->ca_file && !(w->ca_file = strdup(o->ca_file)))
		r = -ENOMEM;
	return r;
}

static void free_options(struct ws_outgoing *w)
{
	ws_address_release(&w->address);
	ws_proxy_address_release(&w->proxy_address);
	free(w->fields);
	free(w->protocols);
	free(w->ca_file);
	free(w);
}

static void init(struct ws_outgoing *w, struct ws_client *c, const struct websocket_connect *o,
		 const struct websocket_handler *handler, void *arg)
{
	w->base.ops = &ops;
	w->client = c;
	w->handler = *handler;
	w->arg = arg;
	w->limits = o->limits;
	w->connect_timeout_ms = o->connect_timeout_ms;
	w->retry_min_ms = o->retry_min_ms;
	w->retry_max_ms = o->retry_max_ms > o->retry_min_ms ? o->retry_max_ms : o->retry_min_ms;
	w->pause_ms = o->retry_min_ms;
	list_init(&w->queue);
	uv_timer_init(c->loop, &w->timer);
	uv_timer_init(c->loop, &w->soon);
	w->timer.data = w->soon.data = w;
	w->handles = 2;
	ws_client_hold(c);
	ws_client_hold(c);
	list_append(&c->outgoing, &w->node);
}

int websocket_connect(struct ws_client *c, const struct websocket_connect *options,
		      const struct websocket_handler *handler, void *arg, struct websocket **ret)
{
	struct ws_outgoing *w = calloc(1, sizeof(*w));
	int r = w ? copy_options(w, options) : -ENOMEM;
	if (r < 0) {
		if (w)
			free_options(w);
		return r;
	}
	init(w, c, options, handler, arg);
	/* Whatever it finds wrong is told at a later turn. */
	ws_attempt_begin(w);
	*ret = &w->base;
	return 0;
}

void ws_outgoing_drop(struct ws_outgoing *w)
{
	drop(&w->base);
}
