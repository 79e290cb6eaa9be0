/* What is said to a client. What the socket's queue does not take is kept, in the order in which it was said, and no message is
 * taken from the client meanwhile: so there is never more of it than what was under way. */
#include <stdlib.h>
#include <string.h>
#include "action.h"

struct waiting_text {
	struct waiting_text *next;
	size_t len;
	char bytes[];
};

/* ---- Taking messages, or not ---- */

void connection_update_pause(struct connection *c)
{
	const bool paused = c->waiting || c->held || c->leaving || c->in_flight >= (size_t)c->plugin->limits.in_flight;
	if (!c->ws || c->closing || paused == c->paused)
		return;
	c->paused = paused;
	c->plugin->ws->pause(c->ws, paused);
}

static void hold(struct connection *c)
{
	struct plugin *p = c->plugin;
	if (c->held)
		return;
	c->held = true;
	c->next_held = NULL;
	c->back_held = p->held_last;
	*c->back_held = c;
	p->held_last = &c->next_held;
	connection_update_pause(c);
}

/* What is under way, or a `resume`, lets it go on: without either it must not be held. */
void connection_hold_if_short(struct connection *c, int32_t result)
{
	const struct plugin *p = c->plugin;
	if (result == TAPPET_EBUSY || p->paused || (result == TAPPET_OK && p->low))
		hold(c);
}

void connection_unhold(struct connection *c)
{
	struct plugin *p = c->plugin;
	if (!c->held)
		return;
	*c->back_held = c->next_held;
	if (c->next_held)
		c->next_held->back_held = c->back_held;
	else
		p->held_last = c->back_held;
	c->held = false;
	connection_update_pause(c);
}

void connections_release(struct plugin *p, size_t count)
{
	for (; p->held && count > 0; count--)
		connection_unhold(p->held);
}

/* ---- Sending ---- */

static void keep(struct connection *c, const struct text *t)
{
	struct waiting_text *w = malloc(sizeof(*w) + t->len);
	if (!w) {
		connection_close(c, TAPPET_WS_FAILED, "out of memory");
		return;
	}
	w->next = NULL;
	w->len = t->len;
	memcpy(w->bytes, t->bytes, t->len);
	*c->waiting_last = w;
	c->waiting_last = &w->next;
	connection_update_pause(c);
}

static int32_t send_now(struct connection *c, const tappet_str *parts, size_t count)
{
	struct plugin *p = c->plugin;
	const int32_t r = p->ws->send(c->ws, TAPPET_WS_TEXT, parts, count);
	if (r == TAPPET_EBUSY && c->blocked_ms == 0)
		c->blocked_ms = p->host->mono_ms(p->self);
	return r;
}

int32_t connection_send(struct connection *c, const tappet_str *parts, size_t count)
{
	if (!c->ws || c->closing)
		return TAPPET_EGONE;
	return c->waiting || c->blocked_ms ? TAPPET_EBUSY : send_now(c, parts, count);
}

void connection_say(struct connection *c, struct text *t)
{
	if (t->failed && c->ws && !c->closing)
		connection_close(c, TAPPET_WS_FAILED, "out of memory");
	if (c->ws && !c->closing) {
		const tappet_str part = tappet_strn(t->bytes, t->len);
		const int32_t r = c->waiting ? TAPPET_EBUSY : send_now(c, &part, 1);
		if (r == TAPPET_EBUSY)
			keep(c, t);
		else if (r == TAPPET_ETOOBIG)
			connection_close(c, TAPPET_WS_FAILED, "an answer larger than the queue");
	}
	text_release(t);
}

void connection_drained(struct connection *c)
{
	c->blocked_ms = 0;
	while (c->waiting && !c->closing) {
		struct waiting_text *w = c->waiting;
		const tappet_str part = tappet_strn(w->bytes, w->len);
		if (send_now(c, &part, 1) == TAPPET_EBUSY)
			return;
		c->waiting = w->next;
		if (!c->waiting)
			c->waiting_last = &c->waiting;
		free(w);
	}
	connection_update_pause(c);
	subscriptions_go_on(c);
}

void connection_forget_waiting(struct connection *c)
{
	while (c->waiting) {
		struct waiting_text *w = c->waiting;
		c->waiting = w->next;
		free(w);
	}
}

void connection_error(struct connection *c, tappet_str id, const char *code, const char *text)
{
	struct text t = {0}, event = {0};
	text_cstr(&t, "{");
	if (!c->is_cloud)
		text_member(&t, "type", tappet_cstr("error"));
	if (id.len > 0)
		text_member(&t, "id", id);
	text_member(&t, "code", tappet_cstr(code));
	text_member(&t, "message", tappet_cstr(text));
	if (strcmp(code, "busy") == 0)
		text_number(&t, "retryAfterMs", RETRY_AFTER_MS);
	text_cstr(&t, "}");
	plugin_count(c->plugin, COUNT_OUT_ERROR, 1);
	if (!c->is_cloud) {
		connection_say(c, &t);
		return;
	}
	cloud_write(c->plugin, "tappet.error", tappet_strn(t.bytes, t.len), &event);
	event.failed = event.failed || t.failed;
	text_release(&t);
	connection_say(c, &event);
}
