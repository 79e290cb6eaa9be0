#include "support_gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- handlers -------------------------------------------------------------------------------------------------- */

static void serve_ok(void *arg, struct http_request *r)
{
	struct fixture *f = arg;
	f->calls++;
	http_respond(r, 200, NULL, 0, "ok", 2);
}

static void serve_echo(void *arg, struct http_request *r)
{
	struct fixture *f = arg;
	size_t len;
	const char *body = http_body(r, &len);
	f->calls++;
	http_respond(r, 200, NULL, 0, body, len);
}

static void serve_big(void *arg, struct http_request *r)
{
	struct fixture *f = arg;
	size_t len = (size_t)4 << 20;
	char *body = malloc(len);
	assert_non_null(body);
	memset(body, 'x', len);
	f->calls++;
	http_respond(r, 200, NULL, 0, body, len);
	free(body);
}

static void count_gone(void *arg)
{
	struct fixture *f = arg;
	f->gone++;
}

static void serve_late(void *arg, struct http_request *r)
{
	struct fixture *f = arg;
	f->calls++;
	assert_true(f->held_count < HELD_MAX);
	f->held[f->held_count++] = r;
	http_on_gone(r, count_gone, f);
}

/* ---- fixture --------------------------------------------------------------------------------------------------- */

void fixture_options(struct fixture *f, struct gateway_options *options)
{
	*f = (struct fixture){0};
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(metrics_open(&f->metrics), 0);
	*options = (struct gateway_options){.loop = &f->loop, .metrics = f->metrics};
	gateway_defaults(options);
}

void fixture_route(struct fixture *f, const char *methods, const char *pattern, route_handler handler)
{
	struct route *route;
	assert_int_equal(gateway_route(f->gateway, 1, methods, pattern, handler, f, &route), 0);
}

void fixture_open(struct fixture *f, const struct gateway_options *options)
{
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(gateway_open(options, &f->gateway), 0);
	fixture_route(f, "GET", "/ok", serve_ok);
	fixture_route(f, "GET,POST,PUT", "/echo", serve_echo);
	fixture_route(f, "GET,POST", "/late/{n}", serve_late);
	fixture_route(f, "GET", "/big", serve_big);
	struct listener_options listener = {.address = "127.0.0.1:0", .surfaces = 1};
	assert_int_equal(gateway_listen(f->gateway, &listener, &f->address), 0);
	f->port = (int)strtol(strrchr(f->address, ':') + 1, NULL, 10);
	assert_true(f->port > 0);
}

static void note_closed(void *arg)
{
	struct fixture *f = arg;
	f->closed = true;
}

void fixture_begin_close(struct fixture *f)
{
	gateway_close(f->gateway, note_closed, f);
	f->gateway = NULL;
}

void fixture_close(struct fixture *f)
{
	if (f->gateway)
		fixture_begin_close(f);
	while (f->held_count > 0)
		fixture_answer(f, 0, "too late");
	fixture_wait(f, f->closed);
	free(f->address);
	metrics_free(f->metrics);
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

void fixture_turn(struct fixture *f, const struct client *c)
{
	int timeout = uv_backend_timeout(&f->loop);
	struct pollfd fds[2] = {{.fd = uv_backend_fd(&f->loop), .events = POLLIN},
				{.fd = c ? c->fd : -1, .events = POLLIN}};
	poll(fds, 2, timeout < 0 || timeout > 5 ? 5 : timeout);
	uv_run(&f->loop, UV_RUN_NOWAIT);
}

int fixture_answer(struct fixture *f, size_t index, const char *text)
{
	struct http_request *r = f->held[index];
	assert_true(index < f->held_count);
	f->held_count--;
	memmove(&f->held[index], &f->held[index + 1], (f->held_count - index) * sizeof(f->held[0]));
	return http_respond(r, 200, NULL, 0, text, strlen(text));
}

/* ---- clients --------------------------------------------------------------------------------------------------- */

static void client_connect(struct client *c, struct fixture *f, int family, const void *address, socklen_t size)
{
	*c = (struct client){.fixture = f};
	buf_init(&c->in, (size_t)64 << 20);
	c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	assert_int_equal(connect(c->fd, address, size), 0);
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

void client_open(struct client *c, struct fixture *f)
{
	int on = 1;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	client_connect(c, f, AF_INET, &address, sizeof(address));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void client_open_unix(struct client *c, struct fixture *f, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	assert_true(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	client_connect(c, f, AF_UNIX, &address, sizeof(address));
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_release(&c->in);
}

void client_abort(struct client *c)
{
	struct linger linger = {.l_onoff = 1};
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	client_close(c);
}

void client_poll(struct client *c)
{
	char piece[65536];
	while (!c->ended && !c->reset) {
		ssize_t n = recv(c->fd, piece, sizeof(piece), 0);
		if (n > 0)
			assert_int_equal(buf_append(&c->in, piece, (size_t)n), 0);
		else if (n == 0)
			c->ended = true;
		else if (errno == EAGAIN || errno == EINTR)
			return;
		else
			c->reset = true;
	}
}

void client_send(struct client *c, const char *bytes, size_t len, size_t piece)
{
	uint64_t until = uv_hrtime() + WAIT_MS * (uint64_t)1000000;
	while (len > 0 && !c->reset) {
		ssize_t n = send(c->fd, bytes, len < piece ? len : piece, MSG_NOSIGNAL);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			c->reset = true;
		}
		assert_true(uv_hrtime() < until);
		uv_run(&c->fixture->loop, UV_RUN_NOWAIT);
		client_poll(c);
	}
}

void client_say(struct client *c, const char *text)
{
	client_send(c, text, strlen(text), SIZE_MAX);
}

void client_finish(struct client *c)
{
	shutdown(c->fd, SHUT_WR);
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

struct answer {
	int status;
	const char *body;
	size_t len;
	size_t total; /* bytes of the whole answer */
	bool chunked;
};

static const char *find_field(const char *head, const char *end, const char *name)
{
	size_t len = strlen(name);
	for (const char *line = head; line < end; line = strstr(line, "\r\n") + 2)
		if (strncasecmp(line, name, len) == 0)
			return line + len;
	return NULL;
}

/* How long a chunked body is, 0 when it is not complete. */
static size_t chunked_length(const char *body, size_t len)
{
	size_t at = 0;
	for (;;) {
		char *end;
		size_t size = strtoul(body + at, &end, 16);
		size_t data = (size_t)(end - body) + 2;
		if (data > len || size + 2 > len - data)
			return 0;
		at = data + size + 2;
		if (size == 0)
			return at;
	}
}

static bool read_answer(const char *bytes, size_t len, struct answer *ret)
{
	const char *head_end = len > 0 ? strstr(bytes, "\r\n\r\n") : NULL;
	if (!head_end)
		return false;
	assert_int_equal(strncmp(bytes, "HTTP/1.1 ", 9), 0);
	*ret = (struct answer){.status = (int)strtol(bytes + 9, NULL, 10), .body = head_end + 4};
	size_t head_len = (size_t)(ret->body - bytes);
	const char *length = find_field(bytes, head_end + 2, "Content-Length: ");
	ret->chunked = find_field(bytes, head_end + 2, "Transfer-Encoding: chunked") != NULL;
	if (length)
		ret->len = strtoul(length, NULL, 10);
	else if (ret->chunked)
		ret->len = chunked_length(ret->body, len - head_len);
	if (ret->chunked && ret->len == 0)
		return false;
	ret->total = head_len + ret->len;
	return ret->total <= len;
}

size_t client_statuses(const struct client *c, char *ret_text, size_t size)
{
	size_t count = 0, used = 0, at = 0;
	struct answer answer;
	ret_text[0] = '\0';
	for (; read_answer(buf_cstr(&c->in) + at, c->in.len - at, &answer); at += answer.total, count++)
		if (used + 5 < size)
			used += (size_t)snprintf(ret_text + used, size - used, "%s%d", used ? " " : "", answer.status);
	return count;
}

const char *client_body(struct client *c, size_t index, size_t *ret_len)
{
	size_t at = 0;
	struct answer answer;
	for (; read_answer(buf_cstr(&c->in) + at, c->in.len - at, &answer); at += answer.total)
		if (index-- == 0) {
			*ret_len = answer.len;
			return answer.body;
		}
	fail_msg("there is no such answer");
	return NULL;
}

static uint64_t deadline(void)
{
	return uv_hrtime() + WAIT_MS * (uint64_t)1000000;
}

void client_wait(struct client *c, size_t count)
{
	char statuses[8192];
	uint64_t until = deadline();
	for (client_poll(c); client_statuses(c, statuses, sizeof(statuses)) < count; client_poll(c)) {
		if (uv_hrtime() > until || c->ended || c->reset)
			fail_msg("%zu answers expected, got: %s; %s%s", count, statuses, c->ended ? "ended" : "",
				 c->reset ? "reset" : "");
		fixture_turn(c->fixture, c);
	}
}

void client_wait_end(struct client *c)
{
	uint64_t until = deadline();
	for (client_poll(c); !c->ended && !c->reset; client_poll(c)) {
		if (uv_hrtime() > until)
			fail_msg("the connection was not closed; got: %s", buf_cstr(&c->in));
		fixture_turn(c->fixture, c);
	}
}

void assert_still_serves(struct fixture *f)
{
	struct client c;
	client_open(&c, f);
	client_say(&c, "GET /ok HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	client_wait_end(&c);
	assert_statuses(&c, "200");
	client_close(&c);
}
