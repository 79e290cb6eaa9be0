/* The other sides of connections. Plausible ones say something and leave in good order; hostile ones say what nobody expects, read
 * slowly, break off in the middle, and refuse. */
#include "host/probe/fake_ws.h"

#define MESSAGE_LARGE ((size_t)1 << 20)
#define DEEP 10000
#define ENDPOINTS_MAX 16
#define SOCKETS_MAX 256
#define CLIENTS_EACH 4 /* of an endpoint and a step of the scenario, when they are hostile */

/* ---- Calling the plugin ---- */

static struct fake_call *call_new(struct fake_socket *s, const char *what,
				  void (*run)(struct fake *f, struct fake_call *c))
{
	struct fake_call *c = fake_call_new(s->handle.instance, what, run);
	c->arg = s;
	return c;
}

/* True: it has to wait until the plugin wants more. */
static bool is_held_up(struct fake_socket *s, struct fake_call *c)
{
	if (!s->paused || s->state != FAKE_OPEN)
		return false;
	list_append(&s->waiting, &c->node);
	return true;
}

static void tell_open(struct fake *f, struct fake_call *c)
{
	struct fake_socket *s = c->arg;
	if (s->state != FAKE_CONNECTING)
		return;
	s->state = FAKE_OPEN;
	if (!s->handler.open)
		return;
	fake_enter(f, c->instance, "open of tappet.ws/1");
	s->handler.open(s->handle.arg, (tappet_ws *)(void *)s);
	fake_leave(f);
}

static void tell_message(struct fake *f, struct fake_call *c)
{
	struct fake_socket *s = c->arg;
	if (s->state != FAKE_OPEN || is_held_up(s, c))
		return;
	fake_enter(f, c->instance, "message of tappet.ws/1");
	s->handler.message(s->handle.arg, (tappet_ws *)(void *)s, c->result, fake_lend_str(f, c->text));
	fake_leave(f);
}

static void tell_drained(struct fake *f, struct fake_call *c)
{
	struct fake_socket *s = c->arg;
	s->drains = false;
	if (s->state != FAKE_OPEN || !s->handler.drained)
		return;
	fake_enter(f, c->instance, "drained of tappet.ws/1");
	s->handler.drained(s->handle.arg, (tappet_ws *)(void *)s);
	fake_leave(f);
}

void fake_socket_drains(struct fake_socket *s)
{
	if (!s->drains)
		call_new(s, "drained", tell_drained);
	s->drains = true;
}

static void tell_end(struct fake *f, struct fake_call *c)
{
	struct fake_socket *s = c->arg;
	const bool by_plugin = s->state == FAKE_CLOSING && c->limit == 0;
	if (s->state == FAKE_OVER || s->state == FAKE_WAITING || (s->state == FAKE_CLOSING && !by_plugin) ||
	    is_held_up(s, c))
		return;
	const int64_t retry_ms = by_plugin || c->occurred_ms == TAPPET_EINVAL ? 0 : s->retry_min_ms;
	s->state = retry_ms ? FAKE_WAITING : FAKE_OVER;
	s->due_ms = f->mono_ms + retry_ms;
	fake_enter(f, c->instance, "closed of tappet.ws/1");
	const tappet_ws_end end = {.struct_size = sizeof(end),
				   .code = c->result,
				   .reason = fake_lend_str(f, c->text),
				   .error = (int32_t)c->occurred_ms,
				   .detail = fake_lend_str(f, tappet_cstr("The probe wanted it so.")),
				   .retry_ms = retry_ms};
	s->handler.closed(s->handle.arg, (tappet_ws *)(void *)s, fake_lend(f, &end, sizeof(end)));
	fake_leave(f);
	if (retry_ms)
		return;
	s->handle.gone = true;
	list_remove(&s->handle.node);
}

static void end(struct fake_socket *s, int32_t code, tappet_str reason, int32_t error, bool by_peer)
{
	struct fake_call *c = call_new(s, "closed", tell_end);
	c->result = code;
	c->text = reason;
	c->occurred_ms = error;
	c->limit = by_peer;
	/* Whoever reads slowly answers a close late. */
	c->held = !by_peer && s->slow;
}

void fake_socket_ends(struct fake_socket *s, int32_t code, int32_t error)
{
	end(s, code, tappet_strn(NULL, 0), error, false);
}

/* ---- What peers do ---- */

static void say(struct fake_socket *s, int32_t kind, tappet_str bytes)
{
	struct fake_call *c = call_new(s, "message", tell_message);
	c->result = kind;
	c->text = bytes;
}

static void say_odd(struct fake_socket *s, size_t which)
{
	struct fake *f = s->handle.instance->f;
	const tappet_str messages[] = {
		tappet_strn(NULL, 0),
		tappet_cstr("null"),
		tappet_cstr("[1,"),
		tappet_cstr("{\"type\":[],\"id\":{},\"topic\":1e999}"),
		tappet_cstr("{\"type\":\"action\",\"id\":\"\\u0000\",\"data\":\"\xf0\x9f\x98\x80\"}"),
		tappet_strn("\0", 1)};
	const size_t count = sizeof(messages) / sizeof(messages[0]);
	switch (which % (count + 3)) {
	case 0:
		say(s, TAPPET_WS_TEXT, fake_repeated(f, 'x', MESSAGE_LARGE));
		break;
	case 1:
		say(s, TAPPET_WS_TEXT, fake_repeated(f, '[', DEEP));
		break;
	case 2:
		say(s, TAPPET_WS_BINARY, tappet_strn("\0\xff\xfe", 3));
		break;
	default:
		say(s, TAPPET_WS_TEXT, messages[which % count]);
	}
}

static void leave_oddly(struct fake_socket *s, size_t which)
{
	struct fake *f = s->handle.instance->f;
	const int32_t error = s->by_connect ? TAPPET_EIO : 0;
	switch (which % 4) {
	case 0:
		end(s, TAPPET_WS_BROKEN, tappet_strn(NULL, 0), error, true);
		break;
	case 1:
		end(s, TAPPET_WS_NO_CODE, tappet_strn(NULL, 0), 0, true);
		break;
	case 2:
		end(s, 4999, fake_repeated(f, '%', 123), 0, true);
		break;
	default:
		end(s, TAPPET_WS_BROKEN, tappet_strn(NULL, 0), s->by_connect ? TAPPET_EGONE : 0, true);
	}
}

static void attempt_oddly(struct fake_socket *s)
{
	static const int32_t errors[] = {TAPPET_EIO, TAPPET_EREFUSED, TAPPET_EDENIED};
	const size_t which = s->number + s->step;
	if (which % 2 == 0) {
		call_new(s, "open", tell_open);
		say_odd(s, which / 2);
		if (which % 8 == 4)
			leave_oddly(s, which / 8);
	} else {
		/* One that can never work is the last. */
		const int32_t error = which % 17 == 16 ? TAPPET_EINVAL : errors[which / 2 % 3];
		end(s, TAPPET_WS_BROKEN, tappet_strn(NULL, 0), error, true);
	}
}

static void step_oddly(struct fake_socket *s)
{
	const size_t which = s->number * 3 + s->step;
	s->slow = s->number % 3 == 1;
	if (s->state == FAKE_CONNECTING) {
		attempt_oddly(s);
	} else if (s->state == FAKE_OPEN) {
		say_odd(s, which);
		say_odd(s, which + 4);
		if (s->step % 5 == 4)
			leave_oddly(s, which / 5);
	}
}

static void step_plausibly(struct fake_socket *s)
{
	if (s->state == FAKE_CONNECTING)
		call_new(s, "open", tell_open);
	else if (s->state == FAKE_OPEN && s->step % 4 < 3)
		say(s, TAPPET_WS_TEXT, tappet_cstr(s->step % 2 ? "{}" : "{\"type\":\"ping\",\"id\":\"1\"}"));
	else if (s->state == FAKE_OPEN)
		end(s, TAPPET_WS_NORMAL, tappet_strn(NULL, 0), 0, true);
}

static void step(struct fake *f, struct fake_socket *s)
{
	if (s->handle.gone || s->handle.instance->phase > FAKE_STARTED)
		return;
	if (s->state == FAKE_WAITING && s->due_ms <= f->mono_ms)
		s->state = FAKE_CONNECTING;
	if (f->odd_peers)
		step_oddly(s);
	else
		step_plausibly(s);
	s->step++;
}

/* ---- Clients that come ---- */

static void come(struct fake *f, struct fake_handle *endpoint, size_t which)
{
	const tappet_str values[] = {tappet_cstr("probe"), tappet_strn("", 0), tappet_strn("a\0b", 3),
				     fake_repeated(f, '%', 8000)};
	const struct fake_request r = {.method = tappet_cstr("GET"),
				       .param = values[f->odd_peers ? which % 4 : 0],
				       .upgrade = true,
				       .left = f->odd_peers && which % 5 == 3};
	if (!endpoint->gone && endpoint->instance->phase == FAKE_STARTED)
		fake_request_send(f, endpoint, &r, !f->odd_peers || which % 3 != 2);
}

void fake_peers(struct fake *f)
{
	struct fake_handle *endpoints[ENDPOINTS_MAX];
	struct fake_socket *sockets[SOCKETS_MAX];
	size_t endpoint_count = 0, socket_count = 0;
	list_each (node, &f->endpoints)
		if (endpoint_count < ENDPOINTS_MAX)
			endpoints[endpoint_count++] = list_entry(node, struct fake_handle, node);
	for (size_t i = 0; i < endpoint_count; i++)
		for (size_t k = 0; k < (f->odd_peers ? CLIENTS_EACH : 1); k++)
			come(f, endpoints[i], f->checks++);
	fake_settle(f, false);
	list_each (node, &f->sockets)
		if (socket_count < SOCKETS_MAX)
			sockets[socket_count++] =
				(struct fake_socket *)(void *)list_entry(node, struct fake_handle, node);
	for (size_t i = 0; i < socket_count; i++)
		step(f, sockets[i]);
	fake_settle(f, false);
}
