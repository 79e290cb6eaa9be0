#include "gateway/gateway.h"

#include <errno.h>
#include "base/clock.h"
#include "gateway/internal.h"
#include "gateway/ws_deflate.h"

struct address {
	size_t connections;
};

void gateway_defaults(struct gateway_options *options)
{
	uv_loop_t *loop = options->loop;
	struct metrics *metrics = options->metrics;
	*options = (struct gateway_options){
		.loop = loop,
		.metrics = metrics,
		.head_max = 16 << 10,
		.body_max = 1 << 20,
		.connections_max = 4096,
		.connections_per_address_max = 1024,
		.memory_max = 256 << 20,
		.head_timeout_ms = 10 * 1000,
		.body_timeout_ms = 30 * 1000,
		.idle_timeout_ms = 75 * 1000,
		.write_timeout_ms = 30 * 1000,
	};
}

/* ---- the turn of the loop -------------------------------------------------------------------------------------- */

void gateway_mark(struct gateway *g, struct connection *c)
{
	if (list_empty(&c->dirty) && c->state != CONNECTION_CLOSED)
		list_append(&g->dirty, &c->dirty);
}

void gateway_flush(struct gateway *g)
{
	/* A flush may take more input and so mark its connection again; that ends with the requests of its turn. */
	for (struct list *first = list_first(&g->dirty); first; first = list_first(&g->dirty)) {
		list_remove(first);
		connection_flush(list_entry(first, struct connection, dirty));
	}
	gateway_settle(g);
}

bool gateway_turn_is_long(const struct gateway *g)
{
	/* The loop's time is that of the begin of the turn, and of when it has waited. */
	return uv_hrtime() / 1000000 >= uv_now(g->loop) + TURN_MS;
}

/* Goes on with what was held back, the longest first, and leaves the rest of it to the next turn: all that comes in
 * between is served before. */
static void go_on(uv_idle_t *handle)
{
	struct gateway *g = handle->data;
	struct list turn;
	list_init(&turn);
	list_splice(&turn, &g->later);
	for (struct list *first = list_first(&turn); first;
	     first = gateway_turn_is_long(g) ? NULL : list_first(&turn)) {
		list_remove(first);
		connection_flush(list_entry(first, struct connection, later));
	}
	/* Who has had a turn now is behind who has not. */
	list_splice(&turn, &g->later);
	list_splice(&g->later, &turn);
	if (list_empty(&g->later))
		uv_idle_stop(handle);
}

void gateway_postpone(struct gateway *g, struct connection *c)
{
	if (list_empty(&c->later))
		list_append(&g->later, &c->later);
	uv_idle_start(&g->go_on, go_on);
}

static void before_poll(uv_prepare_t *handle)
{
	gateway_flush(handle->data);
}

static void after_poll(uv_check_t *handle)
{
	struct gateway *g = handle->data;
	gateway_flush(g);
	g->turn++;
}

static void on_tick(uv_timer_t *timer)
{
	struct gateway *g = timer->data;
	uint64_t now = uv_now(g->loop);
	list_each_safe (at, &g->connections)
		connection_sweep(list_entry(at, struct connection, link), now);
}

static uint64_t shortest_timeout(const struct gateway_options *o)
{
	int64_t times[] = {o->head_timeout_ms, o->body_timeout_ms, o->idle_timeout_ms, o->write_timeout_ms};
	int64_t least = times[0];
	for (size_t i = 1; i < sizeof(times) / sizeof(times[0]); i++)
		least = times[i] < least ? times[i] : least;
	return (uint64_t)least;
}

/* ---- admission ------------------------------------------------------------------------------------------------- */

static int address_enter(struct gateway *g, const struct peer *peer)
{
	struct address *address = map_get(&g->addresses, peer->key, peer->key_len);
	if (!address) {
		address = calloc(1, sizeof(*address));
		if (!address)
			return -ENOMEM;
		if (map_put(&g->addresses, peer->key, peer->key_len, address, NULL) < 0) {
			free(address);
			return -ENOMEM;
		}
	}
	/* All clients of a proxy have its address. */
	bool counts = (!peer->loopback && !peer->trusted) || g->options.count_loopback;
	if (counts && address->connections >= g->options.connections_per_address_max)
		return -EUSERS;
	address->connections++;
	return 0;
}

static void address_leave(struct gateway *g, const struct peer *peer)
{
	struct address *address = peer->key_len > 0 ? map_get(&g->addresses, peer->key, peer->key_len) : NULL;
	if (address && --address->connections == 0) {
		map_remove(&g->addresses, peer->key, peer->key_len);
		free(address);
	}
}

bool gateway_trusts(const struct gateway *g, const uint8_t address[static CIDR_ADDRESS_SIZE])
{
	for (size_t i = 0; i < g->options.trusted_count; i++)
		if (cidr_match(&g->options.trusted[i], address))
			return true;
	return false;
}

const char *gateway_admit(struct gateway *g, const struct peer *peer, bool control)
{
	if (g->draining)
		return "The server is stopping.";
	/* Whoever has to do something about a flood gets in. */
	if (g->connection_count >= g->options.connections_max + (control ? CONTROL_RESERVE : 0))
		return "Too many connections.";
	if (peer->key_len > 0 && address_enter(g, peer) < 0)
		return "Too many connections from this address.";
	g->connection_count++;
	metric_set(g->metric_connections, (double)g->connection_count);
	return NULL;
}

void gateway_leave(struct gateway *g, const struct peer *peer)
{
	g->connection_count--;
	address_leave(g, peer);
	metric_set(g->metric_connections, (double)g->connection_count);
}

void gateway_enter(struct gateway *g, struct connection *c)
{
	if (list_empty(&g->connections))
		uv_timer_start(&g->timer, on_tick, g->tick_ms, g->tick_ms);
	list_append(&g->connections, &c->link);
	if (c->refused) {
		g->refused_count++;
		metric_add(g->metric_refused, 1);
	}
}

void gateway_forget(struct gateway *g, struct connection *c)
{
	list_remove(&c->link);
	if (c->refused)
		g->refused_count--;
	else
		gateway_leave(g, &c->peer);
	if (list_empty(&g->connections))
		uv_timer_stop(&g->timer);
	gateway_settle(g);
}

/* ---- WebSocket --------------------------------------------------------------------------------------------------- */

int gateway_deflate(struct gateway *g)
{
	return g->deflate ? 0 : ws_deflate_open(&g->deflate);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

void gateway_count_memory(struct gateway *g, size_t before, size_t now)
{
	g->memory = g->memory - before + now;
	metric_set(g->metric_memory, (double)g->memory);
}

bool gateway_is_full(const struct gateway *g)
{
	return g->memory >= g->options.memory_max;
}

/* ---- things kept for the next request -------------------------------------------------------------------------- */

const char *gateway_date(struct gateway *g, size_t *ret_len)
{
	int64_t now_s = clock_wall_ms() / 1000;
	if (now_s != g->date_s) {
		time_t now = (time_t)now_s;
		struct tm tm;
		gmtime_r(&now, &tm);
		/* The daemon never calls setlocale, so these are the names of RFC 9110 section 5.6.7. */
		strftime(g->date, sizeof(g->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
		g->date_s = now_s;
	}
	*ret_len = sizeof("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n") - 1;
	return g->date;
}

struct buf gateway_take_buffer(struct gateway *g)
{
	if (g->spare_buffer_count > 0)
		return g->spare_buffers[--g->spare_buffer_count];
	struct buf b;
	buf_init(&b, OUTPUT_MAX);
	return b;
}

void gateway_give_buffer(struct gateway *g, struct buf *b)
{
	if (!b->data)
		return;
	if (b->cap > KEEP_BUFFER_SIZE || g->spare_buffer_count == KEEP_BUFFERS) {
		buf_release(b);
		return;
	}
	buf_clear(b);
	g->spare_buffers[g->spare_buffer_count++] = *b;
	buf_init(b, OUTPUT_MAX);
}

static void free_spares(struct gateway *g)
{
	while (g->spare_buffer_count > 0)
		buf_release(&g->spare_buffers[--g->spare_buffer_count]);
	while (!list_empty(&g->spare_requests)) {
		struct http_request *r = list_entry(g->spare_requests.next, struct http_request, link);
		list_remove(&r->link);
		buf_release(&r->body);
		buf_release(&r->out);
		free(r->head);
		free(r);
	}
}

/* ---- opening and closing --------------------------------------------------------------------------------------- */

static void metrics_make(struct gateway *g, struct metrics *m)
{
	static const char *const labels[6] = {NULL,           NULL,           "code=\"2xx\"",
					      "code=\"3xx\"", "code=\"4xx\"", "code=\"5xx\""};
	if (!m)
		return;
	for (int i = 2; i < 6; i++)
		g->metric_status[i] = metrics_counter(m, "tappet_http_requests_total",
						      "HTTP requests answered, by class of status.", labels[i]);
	g->metric_connections = metrics_gauge(m, "tappet_http_connections", "HTTP connections that are open.", NULL);
	g->metric_refused = metrics_counter(m, "tappet_http_connections_refused_total",
					    "HTTP connections refused because there were too many.", NULL);
	g->metric_memory = metrics_gauge(m, "tappet_http_memory_bytes",
					 "Memory that requests and answers of all connections take.", NULL);
	g->metric_websockets = metrics_gauge(m, "tappet_websockets", "WebSocket connections by listeners.", NULL);
	g->metric_messages[0] = metrics_counter(m, "tappet_websocket_messages_total",
						"WebSocket messages by listeners.", "direction=\"in\"");
	g->metric_messages[1] = metrics_counter(m, "tappet_websocket_messages_total",
						"WebSocket messages by listeners.", "direction=\"out\"");
	g->metric_timeouts = metrics_counter(m, "tappet_http_timeouts_total",
					     "HTTP connections closed because the client was too slow.", NULL);
}

static int check_options(const struct gateway_options *o)
{
	if (!o->loop || o->head_max < 64 || o->head_max > HEAD_LIMIT || o->body_max > OUTPUT_MAX)
		return -EINVAL;
	if (o->head_timeout_ms <= 0 || o->body_timeout_ms <= 0 || o->idle_timeout_ms <= 0 || o->write_timeout_ms <= 0)
		return -EINVAL;
	return 0;
}

/* Initialising these cannot fail in libuv. They do not keep the loop alive, but for the timer, which runs only while
 * there are connections, and they do that themselves. */
static void open_handles(struct gateway *g)
{
	uv_timer_init(g->loop, &g->timer);
	uv_prepare_init(g->loop, &g->before_poll);
	uv_check_init(g->loop, &g->after_poll);
	uv_idle_init(g->loop, &g->go_on);
	g->timer.data = g->before_poll.data = g->after_poll.data = g->go_on.data = g;
	uv_prepare_start(&g->before_poll, before_poll);
	uv_check_start(&g->after_poll, after_poll);
	uv_unref((uv_handle_t *)&g->timer);
	uv_unref((uv_handle_t *)&g->before_poll);
	uv_unref((uv_handle_t *)&g->after_poll);
	g->handles = 4;
}

int gateway_open(const struct gateway_options *options, struct gateway **ret)
{
	int r = check_options(options);
	if (r < 0)
		return r;
	struct gateway *g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->options = *options;
	g->loop = options->loop;
	uint64_t tick = shortest_timeout(options) / 4;
	g->tick_ms = tick < 10 ? 10 : tick > 1000 ? 1000 : tick;
	list_init(&g->listeners);
	list_init(&g->connections);
	list_init(&g->dirty);
	list_init(&g->later);
	list_init(&g->spare_requests);
	map_init(&g->addresses);
	metrics_make(g, options->metrics);
	open_handles(g);
	*ret = g;
	return 0;
}

int gateway_route(struct gateway *g, unsigned surfaces, const char *methods, const char *pattern, route_handler handler,
		  void *arg, struct route **ret)
{
	return router_add(&g->router, surfaces, methods, pattern, handler, arg, ret);
}

void gateway_unroute(struct route *route)
{
	if (route)
		router_remove(route);
}

void gateway_drain(struct gateway *g)
{
	g->draining = true;
	listener_close_all(g);
	list_each_safe (at, &g->connections)
		connection_drain(list_entry(at, struct connection, link));
}

size_t gateway_busy(const struct gateway *g)
{
	size_t busy = 0;
	list_each (at, (struct list *)(uintptr_t)&g->connections)
		busy += connection_busy(list_entry(at, struct connection, link));
	return busy;
}

static void handle_closed(uv_handle_t *handle)
{
	struct gateway *g = handle->data;
	if (--g->handles > 0)
		return;
	void (*closed)(void *) = g->closed;
	void *arg = g->closed_arg;
	router_release(&g->router);
	map_release(&g->addresses);
	free_spares(g);
	ws_deflate_free(g->deflate);
	free(g);
	if (closed)
		closed(arg);
}

void gateway_settle(struct gateway *g)
{
	if (!g->closing || g->finished || g->handled_count > 0)
		return;
	if (!list_empty(&g->connections) || !list_empty(&g->listeners))
		return;
	g->finished = true;
	uv_close((uv_handle_t *)&g->timer, handle_closed);
	uv_close((uv_handle_t *)&g->before_poll, handle_closed);
	uv_close((uv_handle_t *)&g->after_poll, handle_closed);
	uv_close((uv_handle_t *)&g->go_on, handle_closed);
}

void gateway_close(struct gateway *g, void (*closed)(void *arg), void *arg)
{
	g->closed = closed;
	g->closed_arg = arg;
	g->draining = true;
	listener_close_all(g);
	g->closing = true;
	list_each_safe (at, &g->connections) {
		struct connection *c = list_entry(at, struct connection, link);
		/* What has been answered goes out as far as the socket takes it. */
		if (c->state == CONNECTION_OPEN)
			connection_send(c);
		connection_drop(c);
	}
	gateway_settle(g);
}
