/* Listening sockets, and who is let in. */
#include "gateway/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include "base/log.h"
#include "gateway/passed_socket.h"
#include "gateway/tls.h"
#include "gateway/unix_socket.h"

#define BACKLOG 1024

struct listener {
	struct list link;
	struct gateway *gateway;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	bool control, local;
	struct tls *tls;
	unsigned surfaces;
	struct unix_socket unix_socket;
	uint64_t warned_ms; /* of the loop's time */
};

/* ---- addresses ------------------------------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
}

static int parse_port(const char *text, int *ret_port)
{
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	unsigned long port = strtoul(text, &end, 10);
	if (errno || *end || port > 65535)
		return -EINVAL;
	*ret_port = (int)port;
	return 0;
}

/* "192.0.2.1:80" or "[2001:db8::1]:80" */
static int parse_address(const char *text, struct sockaddr_storage *ret)
{
	char host[INET6_ADDRSTRLEN + 20];
	int port;
	const char *colon = strrchr(text, ':');
	if (!colon || parse_port(colon + 1, &port) < 0)
		return -EINVAL;
	bool bracket = text[0] == '[' && colon[-1] == ']';
	size_t len = (size_t)(colon - text) - (bracket ? 2 : 0);
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text + bracket, len);
	host[len] = '\0';
	return bracket ? uv_ip6_addr(host, port, (struct sockaddr_in6 *)ret)
		       : uv_ip4_addr(host, port, (struct sockaddr_in *)ret);
}

static void set_peer(struct peer *peer, const struct sockaddr_storage *address)
{
	const void *bytes = &((const struct sockaddr_in *)address)->sin_addr;
	bool is_4 = address->ss_family == AF_INET;
	if (!is_4) {
		const struct in6_addr *in6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
		is_4 = IN6_IS_ADDR_V4MAPPED(in6);
		bytes = is_4 ? (const void *)&in6->s6_addr[12] : (const void *)in6;
	}
	size_t len = is_4 ? 4 : 16;
	peer->key[0] = is_4 ? 4 : 6;
	memcpy(peer->key + 1, bytes, len);
	peer->key_len = len + 1;
	peer->loopback = is_loopback(address);
	inet_ntop(is_4 ? AF_INET : AF_INET6, bytes, peer->text, sizeof(peer->text));
}

/* ---- accepting ------------------------------------------------------------------------------------------------- */

static int64_t find_uid(struct stream *stream)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	uv_os_fd_t fd;
	if (uv_fileno((uv_handle_t *)stream_handle(stream), &fd) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return -1;
	return who.uid;
}

static int find_peer(const struct listener *l, struct stream *stream, struct peer *ret)
{
	struct sockaddr_storage address;
	int size = sizeof(address);
	*ret = (struct peer){.text = "unix", .loopback = true, .uid = -1};
	if (l->uv.handle.type != UV_TCP) {
		ret->uid = find_uid(stream);
		ret->trusted = l->gateway->options.trust_unix;
		return 0;
	}
	int r = uv_tcp_getpeername((uv_tcp_t *)stream_handle(stream), (struct sockaddr *)&address, &size);
	if (r < 0)
		return r;
	set_peer(ret, &address);
	uint8_t bytes[CIDR_ADDRESS_SIZE];
	if (cidr_address(ret->text, strlen(ret->text), bytes) == 0)
		ret->trusted = gateway_trusts(l->gateway, bytes);
	return 0;
}

static void close_stream(struct stream *stream)
{
	stream->callbacks = NULL;
	stream->ops->close(stream);
}

static void let_in(struct listener *l, struct stream *stream)
{
	struct gateway *g = l->gateway;
	struct peer peer;
	if (find_peer(l, stream, &peer) < 0 || (l->tls && tls_stream_open(l->tls, stream, &stream) < 0)) {
		close_stream(stream);
		return;
	}
	const char *problem = gateway_admit(g, &peer, l->control);
	if (problem && g->refused_count >= REFUSED_MAX) {
		metric_add(g->metric_refused, 1);
		close_stream(stream);
		return;
	}
	if (problem)
		log_debug("connection refused", log_str("remote", peer.text), log_str("reason", problem), LOG_END);
	if (connection_open(g, stream, &peer, l->surfaces, l->control, problem) == 0)
		return;
	close_stream(stream);
	if (!problem)
		gateway_leave(g, &peer);
}

/* Out of descriptors, as a rule, and then it comes with every connection. */
static void cannot_accept(struct listener *l, int error)
{
	uint64_t now = uv_now(l->gateway->loop);
	metric_add(l->gateway->metric_refused, 1);
	if (l->warned_ms && now - l->warned_ms < 10000)
		return;
	l->warned_ms = now;
	log_warn("cannot accept connections", log_errno(error), LOG_END);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct listener *l = server->data;
	struct gateway *g = l->gateway;
	struct stream *stream;
	int r = status;
	if (r == 0)
		r = stream_accept(server, uv_buf_init(g->read_buffer, sizeof(g->read_buffer)), &stream);
	if (r < 0)
		cannot_accept(l, r);
	else
		let_in(l, stream);
}

/* ---- listening ------------------------------------------------------------------------------------------------- */

static void listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;
	struct gateway *g = l->gateway;
	unix_socket_release(&l->unix_socket);
	list_remove(&l->link);
	free(l);
	gateway_settle(g);
}

static void listener_close(struct listener *l)
{
	if (uv_is_closing(&l->uv.handle))
		return;
	/* At once, so that the next owner of the path finds it free. */
	unix_socket_release(&l->unix_socket);
	uv_close(&l->uv.handle, listener_closed);
}

void listener_close_all(struct gateway *g)
{
	list_each (at, &g->listeners)
		listener_close(list_entry(at, struct listener, link));
}

bool gateway_fits(int fd, const struct listener_options *options)
{
	struct sockaddr_storage address;
	if (options->is_unix)
		return passed_socket_fits_path(fd, options->address);
	return parse_address(options->address, &address) == 0 && passed_socket_fits_address(fd, &address);
}

static int bind_tcp(struct listener *l, const struct listener_options *options)
{
	struct sockaddr_storage address;
	uv_tcp_init(l->gateway->loop, &l->uv.tcp);
	int r = parse_address(options->address, &address);
	if (r < 0)
		return r;
	l->local = is_loopback(&address);
	return options->passed ? uv_tcp_open(&l->uv.tcp, options->fd)
			       : uv_tcp_bind(&l->uv.tcp, (const struct sockaddr *)&address, 0);
}

/* systemd makes sockets with mode 0666 unless it is told otherwise, and whoever may open the control socket is admin. */
static int find_passed(const struct listener_options *options, int *ret_fd)
{
	if (options->control && !passed_socket_is_closed_to_others(options->address, options->mode, options->group)) {
		unix_socket_discard(options->fd);
		return -EACCES;
	}
	*ret_fd = options->fd;
	return 0;
}

/* libuv would cut a long path short and would remove the file whoever has it by then, so it only gets the
 * descriptor. */
static int bind_unix(struct listener *l, const struct listener_options *options)
{
	int fd;
	uv_pipe_init(l->gateway->loop, &l->uv.pipe, 0);
	l->local = true;
	int r = options->passed
			? find_passed(options, &fd)
			: unix_socket_bind(options->address, options->mode, options->group, &l->unix_socket, &fd);
	if (r < 0)
		return r;
	r = uv_pipe_open(&l->uv.pipe, fd);
	if (r < 0)
		unix_socket_discard(fd);
	return r;
}

static int tcp_name(const struct listener *l, char **ret)
{
	struct sockaddr_storage address;
	int size = sizeof(address);
	char host[INET6_ADDRSTRLEN];
	struct buf text;
	int r = uv_tcp_getsockname(&l->uv.tcp, (struct sockaddr *)&address, &size);
	if (r < 0)
		return r;
	r = uv_ip_name((const struct sockaddr *)&address, host, sizeof(host));
	if (r < 0)
		return r;
	bool is_6 = address.ss_family == AF_INET6;
	unsigned port = ntohs(is_6 ? ((const struct sockaddr_in6 *)&address)->sin6_port
				   : ((const struct sockaddr_in *)&address)->sin_port);
	buf_init(&text, sizeof(host) + 16);
	buf_printf(&text, is_6 ? "[%s]:%u" : "%s:%u", host, port);
	*ret = buf_detach(&text, NULL);
	return *ret ? 0 : -ENOMEM;
}

static int listener_name(const struct listener *l, const struct listener_options *options, char **ret)
{
	struct buf text;
	if (l->uv.handle.type == UV_TCP)
		return tcp_name(l, ret);
	buf_init(&text, 256);
	buf_printf(&text, "unix:%s", options->address);
	*ret = buf_detach(&text, NULL);
	return *ret ? 0 : -ENOMEM;
}

int gateway_listen(struct gateway *g, const struct listener_options *options, char **ret_address)
{
	char *name = NULL;
	struct listener *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->gateway = g;
	l->surfaces = options->surfaces;
	l->control = options->control;
	l->tls = options->tls;
	list_append(&g->listeners, &l->link);
	int r = options->is_unix ? bind_unix(l, options) : bind_tcp(l, options);
	l->uv.handle.data = l;
	if (r == 0)
		r = uv_listen(&l->uv.stream, BACKLOG, on_connection);
	if (r == 0)
		r = listener_name(l, options, &name);
	if (r < 0) {
		listener_close(l);
		return r;
	}
	if (ret_address)
		*ret_address = name;
	else
		free(name);
	return 0;
}

bool gateway_is_public(const struct gateway *g, unsigned surfaces)
{
	for (const struct list *at = g->listeners.next; at != &g->listeners; at = at->next) {
		const struct listener *l = list_entry(at, struct listener, link);
		if (!l->local && (l->surfaces & surfaces))
			return true;
	}
	return false;
}
