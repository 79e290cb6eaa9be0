/* tappet.ws/1: connections without a network. Each has a peer that goes on by one step as the scenario does (fake_peers.c). */
#include "host/probe/fake_ws.h"
#include "base/json_scan.h"

#define REASON_MAX 123
#define QUEUE_MAX ((uint64_t)1 << 20)
#define PARTS_MAX 16

static struct fake_instance *instance_of(tappet_instance *self)
{
	return (struct fake_instance *)(void *)self;
}

static bool handler_valid(const tappet_ws_handler *h)
{
	return h && h->struct_size >= sizeof(*h) && h->message && h->closed;
}

struct fake_socket *fake_socket_new(struct fake_instance *i, const tappet_ws_handler *handler, void *arg)
{
	struct fake_socket *s = fake_alloc(i->f, sizeof(*s));
	*s = (struct fake_socket){.handle = {.instance = i, .what = "connection", .fd = -1, .arg = arg},
				  .handler = *handler,
				  .number = i->f->sockets_made++};
	list_init(&s->waiting);
	list_append(&i->f->sockets, &s->handle.node);
	board_applies(i->f->board, WS_VALID);
	return s;
}

/* NULL: it must not be used (any more). */
static struct fake_socket *usable(tappet_ws *ws, const char *function)
{
	struct fake_socket *s = (struct fake_socket *)(void *)ws;
	if (!s || !fake_allowed(s->handle.instance, function))
		return NULL;
	if (s->handle.gone)
		board_broken(s->handle.instance->f->board, LIFE_HANDLE, "%s was called for a connection that is gone",
			     function);
	return s->handle.gone ? NULL : s;
}

/* ---- Endpoints ---- */

static int32_t endpoint_add(tappet_instance *self, const tappet_ws_endpoint_options *options, tappet_http_cb cb,
			    void *arg, tappet_ws_endpoint **ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "endpoint_add"))
		return TAPPET_ESTATE;
	if (!options || options->struct_size < sizeof(*options) || !options->pattern || options->pattern[0] != '/' ||
	    (options->surface != TAPPET_SURFACE_HOOKS && options->surface != TAPPET_SURFACE_ACTION) || !cb || !ret)
		return TAPPET_EINVAL;
	struct fake_handle *h = fake_handle_new(i, &i->f->endpoints, "endpoint");
	h->pattern = fake_copy(i->f, tappet_cstr(options->pattern)).ptr;
	h->methods = options->protocols ? fake_copy(i->f, tappet_cstr(options->protocols[0])).ptr : NULL;
	h->cb.route = cb;
	h->arg = arg;
	*ret = (tappet_ws_endpoint *)(void *)h;
	board_applies(i->f->board, WS_ANSWER);
	return TAPPET_OK;
}

static void endpoint_remove(tappet_ws_endpoint *endpoint)
{
	fake_handle_end((struct fake_handle *)(void *)endpoint, "endpoint_remove");
}

static int32_t accept_upgrade(tappet_request *request, const tappet_ws_handler *handler, void *arg, tappet_ws **ret)
{
	struct fake_request *r = fake_request_usable(request, "accept");
	if (!r || !r->upgrade || !handler_valid(handler) || !ret)
		return TAPPET_EINVAL;
	r->answered = true;
	list_remove(&r->node);
	if (r->left)
		return TAPPET_EGONE;
	struct fake_socket *s = fake_socket_new(r->route->instance, handler, arg);
	s->state = FAKE_OPEN;
	s->protocol = tappet_cstr(r->header_count ? r->route->methods : NULL);
	s->remote = tappet_cstr("192.0.2.1");
	*ret = (tappet_ws *)(void *)s;
	return TAPPET_OK;
}

/* ---- Connecting ---- */

static int32_t connect_out(tappet_instance *self, const tappet_ws_connect_options *options,
			   const tappet_ws_handler *handler, void *arg, tappet_ws **ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "connect"))
		return TAPPET_ESTATE;
	if (i->phase != FAKE_CREATED && i->phase != FAKE_STARTED)
		return TAPPET_ESTATE;
	if (!options || options->struct_size < sizeof(*options) || !options->url || !handler_valid(handler) || !ret ||
	    (strncmp(options->url, "ws://", 5) != 0 && strncmp(options->url, "wss://", 6) != 0) ||
	    options->header_count > 64)
		return TAPPET_EINVAL;
	struct fake_socket *s = fake_socket_new(i, handler, arg);
	s->state = FAKE_CONNECTING;
	s->retry_min_ms = options->retry_min_ms;
	s->by_connect = true;
	s->protocol = fake_copy(i->f, tappet_cstr(options->protocols ? options->protocols[0] : NULL));
	s->remote = fake_copy(i->f, tappet_cstr(strstr(options->url, "://") + 3));
	*ret = (tappet_ws *)(void *)s;
	return TAPPET_OK;
}

/* ---- Sending and closing ---- */

static bool is_text(tappet_str text)
{
	for (size_t at = 0, len; at < text.len; at += len) {
		len = json_utf8(text.ptr + at, text.len - at);
		if (len == 0)
			return false;
	}
	return true;
}

/* A sequence may lie in two parts. */
static bool are_text(const tappet_str *parts, size_t count, size_t len)
{
	char *joined = malloc(len + 1);
	size_t at = 0;
	if (!joined)
		abort();
	for (size_t i = 0; i < count; at += parts[i++].len)
		if (parts[i].len)
			memcpy(joined + at, parts[i].ptr, parts[i].len);
	const bool valid = is_text(tappet_strn(joined, len));
	free(joined);
	return valid;
}

static int32_t send_message(tappet_ws *ws, int32_t kind, const tappet_str *parts, size_t part_count)
{
	struct fake_socket *s = usable(ws, "send");
	size_t len = 0;
	if (!s || (kind != TAPPET_WS_TEXT && kind != TAPPET_WS_BINARY) || part_count > PARTS_MAX)
		return TAPPET_EINVAL;
	for (size_t i = 0; i < part_count; i++)
		len += parts[i].len;
	if (kind == TAPPET_WS_TEXT && !are_text(parts, part_count, len))
		board_broken(s->handle.instance->f->board, WS_VALID, "it sent a text that is not UTF-8");
	if (s->state != FAKE_OPEN)
		return TAPPET_EGONE;
	if (len > QUEUE_MAX)
		return TAPPET_ETOOBIG;
	/* A slow reader: there is room for one message from time to time. */
	if (s->slow && s->sent++ % 2 == 1) {
		fake_socket_drains(s);
		return TAPPET_EBUSY;
	}
	return TAPPET_OK;
}

static uint64_t queued(tappet_ws *ws)
{
	const struct fake_socket *s = usable(ws, "queued");
	return s && s->slow && s->state == FAKE_OPEN ? QUEUE_MAX - 1 : 0;
}

static void pause_receiving(tappet_ws *ws, int32_t paused)
{
	struct fake_socket *s = usable(ws, "pause");
	if (!s)
		return;
	s->paused = paused != 0;
	if (!paused)
		list_splice(&s->handle.instance->f->calls, &s->waiting);
}

static int32_t close_socket(tappet_ws *ws, int32_t code, tappet_str reason)
{
	struct fake_socket *s = usable(ws, "close");
	if (!s)
		return TAPPET_EINVAL;
	const bool valid =
		((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)) &&
		reason.len <= REASON_MAX && is_text(reason);
	if (!valid)
		board_broken(s->handle.instance->f->board, WS_VALID, "it closed with code %d and %zu bytes of reason",
			     (int)code, reason.len);
	if (s->state != FAKE_CLOSING && s->state != FAKE_OVER) {
		s->state = FAKE_CLOSING;
		fake_socket_ends(s, valid ? code : TAPPET_WS_NORMAL, 0);
	}
	return valid ? TAPPET_OK : TAPPET_EINVAL;
}

static tappet_str protocol(tappet_ws *ws)
{
	const struct fake_socket *s = usable(ws, "protocol");
	return s ? s->protocol : tappet_strn(NULL, 0);
}

static tappet_str remote(tappet_ws *ws)
{
	const struct fake_socket *s = usable(ws, "remote");
	return s ? s->remote : tappet_strn(NULL, 0);
}

const tappet_ws1 fake_ws = {.struct_size = sizeof(tappet_ws1),
			    .endpoint_add = endpoint_add,
			    .endpoint_remove = endpoint_remove,
			    .accept = accept_upgrade,
			    .connect = connect_out,
			    .send = send_message,
			    .queued = queued,
			    .pause = pause_receiving,
			    .close = close_socket,
			    .protocol = protocol,
			    .remote = remote};
