/* A connection through an HTTP proxy by CONNECT (RFC 9110 section 9.3.6). libwebsockets can do that by itself, but it reads the
 * proxy's answer by one call and knows no status but 200; and its connections begin with a socket that it connects on its own.
 * So it is given an abstract socket of this process, which only this process may connect to, and bytes are passed on between
 * that and the proxy. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "gateway/ws_client_internal.h"

#define ANSWER_MAX ((size_t)16 * 1024)
#define PIECE ((size_t)16 * 1024)

/* One direction. */
struct way {
	uv_stream_t *from, *to;
	uv_write_t write;
	size_t len; /* being written */
	bool ended;
	char bytes[PIECE];
};

struct ws_proxy {
	struct ws_client *client;
	ws_proxy_done done;
	void *arg;
	uv_getaddrinfo_t lookup;
	struct addrinfo *addresses, *next;
	uv_connect_t connect;
	uv_tcp_t remote;
	uv_pipe_t listener, local;
	uv_write_t request;
	char *text;        /* of the request */
	struct buf answer; /* and what came behind it */
	unsigned open;     /* handles and requests */
	bool closing, has_remote, has_listener, has_local;
	char name[32];
	struct way out, in;
};

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void hold(struct ws_proxy *p)
{
	p->open++;
	ws_client_hold(p->client);
}

static void unhold(struct ws_proxy *p)
{
	struct ws_client *c = p->client;
	if (--p->open == 0 && p->closing) {
		uv_freeaddrinfo(p->addresses);
		buf_release(&p->answer);
		free(p->text);
		free(p);
	}
	ws_client_unhold(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
	unhold(handle->data);
}

static void close_handle(bool *has, uv_handle_t *handle)
{
	if (*has)
		uv_close(handle, on_handle_closed);
	*has = false;
}

static void close_handles(struct ws_proxy *p)
{
	close_handle(&p->has_listener, (uv_handle_t *)&p->listener);
	close_handle(&p->has_local, (uv_handle_t *)&p->local);
	close_handle(&p->has_remote, (uv_handle_t *)&p->remote);
}

void ws_proxy_close(struct ws_proxy *p)
{
	if (!p || p->closing)
		return;
	/* So that it stays until the end of this function. */
	hold(p);
	p->closing = true;
	p->done = NULL;
	uv_cancel((uv_req_t *)&p->lookup);
	close_handles(p);
	unhold(p);
}

static void tell(struct ws_proxy *p, const char *local, const char *problem)
{
	ws_proxy_done done = p->done;
	p->done = NULL;
	if (!local)
		close_handles(p);
	if (done)
		done(p->arg, local, problem);
}

static void fail(struct ws_proxy *p, const char *problem, int error)
{
	char text[WS_DETAIL_MAX];
	snprintf(text, sizeof(text), "%s%s%s", problem, error ? ": " : "", error ? uv_strerror(error) : "");
	tell(p, NULL, text);
}

/* ---- passing on -------------------------------------------------------------------------------------------------- */

static void start_way(struct way *way);

static void stop_both(struct ws_proxy *p)
{
	close_handles(p);
}

static void on_passed(uv_write_t *write, int status)
{
	struct way *way = write->data;
	struct ws_proxy *p = way->from->data;
	way->len = 0;
	if (status < 0 || way->ended)
		stop_both(p);
	else if (!p->closing && p->has_remote)
		start_way(way);
	unhold(p);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct ws_proxy *p = handle->data;
	(void)suggested;
	*ret = uv_buf_init((handle == (uv_handle_t *)&p->local ? &p->out : &p->in)->bytes, PIECE);
}

static void pass(struct ws_proxy *p, struct way *way, size_t len)
{
	uv_buf_t bytes = uv_buf_init(way->bytes, (unsigned)len);
	uv_read_stop(way->from);
	way->len = len;
	way->write.data = way;
	if (uv_write(&way->write, way->to, &bytes, 1, on_passed) < 0)
		stop_both(p);
	else
		hold(p);
}

static void on_piece(uv_stream_t *stream, ssize_t len, const uv_buf_t *bytes)
{
	struct ws_proxy *p = stream->data;
	struct way *way = stream == (uv_stream_t *)&p->local ? &p->out : &p->in;
	(void)bytes;
	if (len > 0)
		pass(p, way, (size_t)len);
	else if (len < 0)
		stop_both(p);
}

static void start_way(struct way *way)
{
	if (uv_read_start(way->from, on_room, on_piece) < 0)
		stop_both(way->from->data);
}

/* ---- the near end ------------------------------------------------------------------------------------------------ */

static bool is_this_process(uv_pipe_t *pipe)
{
	uv_os_fd_t fd;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	return uv_fileno((uv_handle_t *)pipe, &fd) == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       peer.pid == getpid();
}

static void begin_passing(struct ws_proxy *p)
{
	uv_stream_t *local = (uv_stream_t *)&p->local, *remote = (uv_stream_t *)&p->remote;
	p->out.from = p->in.to = local;
	p->out.to = p->in.from = remote;
	start_way(&p->out);
	if (p->answer.len == 0) {
		start_way(&p->in);
		return;
	}
	memcpy(p->in.bytes, p->answer.data, p->answer.len);
	pass(p, &p->in, p->answer.len);
	buf_release(&p->answer);
}

static void on_local(uv_stream_t *listener, int status)
{
	struct ws_proxy *p = listener->data;
	if (status < 0 || p->has_local || uv_pipe_init(p->client->loop, &p->local, 0) < 0)
		return;
	p->local.data = p;
	p->has_local = true;
	hold(p);
	if (uv_accept(listener, (uv_stream_t *)&p->local) == 0 && is_this_process(&p->local)) {
		close_handle(&p->has_listener, (uv_handle_t *)&p->listener);
		begin_passing(p);
		return;
	}
	/* Somebody has found the name: the attempt ends, the next one has another. */
	stop_both(p);
}

/* The kernel gives the name (unix(7), autobind). */
static int bind_abstract(char *ret_name, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	size_t name_len = len - offsetof(struct sockaddr_un, sun_path) - 1;
	snprintf(ret_name, size, "%.*s", (int)name_len, address.sun_path + 1);
	return fd;
}

static int listen_near(struct ws_proxy *p)
{
	int fd = bind_abstract(p->name, sizeof(p->name));
	if (fd < 0)
		return fd;
	int r = uv_pipe_init(p->client->loop, &p->listener, 0);
	if (r < 0) {
		close(fd);
		return r;
	}
	p->listener.data = p;
	p->has_listener = true;
	hold(p);
	r = uv_pipe_open(&p->listener, fd);
	if (r < 0)
		close(fd);
	return r < 0 ? r : uv_listen((uv_stream_t *)&p->listener, 1, on_local);
}

/* ---- the proxy's answer ------------------------------------------------------------------------------------------ */

static int status_of(const char *answer)
{
	if (strncmp(answer, "HTTP/1.", 7) != 0 || (answer[7] != '0' && answer[7] != '1') || answer[8] != ' ')
		return -EBADMSG;
	for (int i = 9; i < 12; i++)
		if (answer[i] < '0' || answer[i] > '9')
			return -EBADMSG;
	return (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + answer[11] - '0';
}

static void take_answer(struct ws_proxy *p, size_t head_len)
{
	char text[64];
	int status = status_of(buf_cstr(&p->answer)), r;
	uv_read_stop((uv_stream_t *)&p->remote);
	if (status < 0) {
		fail(p, "the proxy does not answer as one of HTTP", 0);
	} else if (status == 407) {
		fail(p, "the proxy asks for other credentials (407)", 0);
	} else if (status < 200 || status > 299) {
		snprintf(text, sizeof(text), "the proxy answered %d", status);
		fail(p, text, 0);
	} else if ((r = listen_near(p)) < 0) {
		fail(p, "there is no socket for the proxy", r);
	} else {
		buf_consume(&p->answer, head_len);
		tell(p, p->name, NULL);
	}
}

static void on_answer(uv_stream_t *stream, ssize_t len, const uv_buf_t *bytes)
{
	struct ws_proxy *p = stream->data;
	if (len < 0) {
		fail(p, "the proxy closed the connection", len == UV_EOF ? 0 : (int)len);
		return;
	}
	if (len > 0 && buf_append(&p->answer, bytes->base, (size_t)len) < 0) {
		fail(p, "the proxy's answer is too long", 0);
		return;
	}
	const char *end = memmem(buf_cstr(&p->answer), p->answer.len, "\r\n\r\n", 4);
	if (end)
		take_answer(p, (size_t)(end - buf_cstr(&p->answer)) + 4);
}

/* ---- asking it --------------------------------------------------------------------------------------------------- */

static void on_asked(uv_write_t *request, int status)
{
	struct ws_proxy *p = request->data;
	if (status < 0 && !p->closing && p->done)
		fail(p, "the proxy closed the connection", status);
	unhold(p);
}

static void ask(struct ws_proxy *p)
{
	uv_buf_t bytes = uv_buf_init(p->text, (unsigned)strlen(p->text));
	p->request.data = p;
	int r = uv_write(&p->request, (uv_stream_t *)&p->remote, &bytes, 1, on_asked);
	if (r == 0)
		hold(p);
	if (r == 0)
		r = uv_read_start((uv_stream_t *)&p->remote, on_room, on_answer);
	if (r < 0)
		fail(p, "the proxy cannot be asked", r);
}

static void try_next(struct ws_proxy *p);

static void on_remote_closed(uv_handle_t *handle)
{
	struct ws_proxy *p = handle->data;
	if (!p->closing)
		try_next(p);
	unhold(p);
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct ws_proxy *p = connect->data;
	if (p->closing) {
		unhold(p);
		return;
	}
	if (status == 0) {
		uv_tcp_nodelay(&p->remote, 1);
		ask(p);
	} else if (p->next && p->has_remote) {
		p->has_remote = false;
		uv_close((uv_handle_t *)&p->remote, on_remote_closed);
	} else {
		fail(p, "the proxy cannot be reached", status);
	}
	unhold(p);
}

static void try_next(struct ws_proxy *p)
{
	const struct addrinfo *address = p->next;
	p->next = address->ai_next;
	int r = uv_tcp_init(p->client->loop, &p->remote);
	if (r == 0) {
		p->remote.data = p;
		p->has_remote = true;
		hold(p);
		p->connect.data = p;
		r = uv_tcp_connect(&p->connect, &p->remote, address->ai_addr, on_connected);
	}
	if (r == 0)
		hold(p);
	else
		fail(p, "the proxy cannot be reached", r);
}

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
	struct ws_proxy *p = request->data;
	p->addresses = p->next = addresses;
	if (p->closing) {
		unhold(p);
		return;
	}
	if (status < 0 || !addresses)
		fail(p, "the proxy's name cannot be found", status);
	else
		try_next(p);
	unhold(p);
}

static int write_request(struct ws_proxy *p, const struct ws_proxy_address *address, const struct ws_address *to)
{
	struct buf b;
	unsigned char encoded[1024];
	buf_init(&b, 4096);
	buf_printf(&b, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", to->authority, to->authority);
	if (address->credentials) {
		EVP_EncodeBlock(encoded, (const unsigned char *)address->credentials,
				(int)strlen(address->credentials));
		buf_printf(&b, "Proxy-Authorization: Basic %s\r\n", (const char *)encoded);
	}
	buf_str(&b, "\r\n");
	p->text = buf_detach(&b, NULL);
	buf_release(&b);
	return p->text ? 0 : -ENOMEM;
}

int ws_proxy_open(struct ws_client *c, const struct ws_proxy_address *address, const struct ws_address *to,
		  ws_proxy_done done, void *arg, struct ws_proxy **ret)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct ws_proxy *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->client = c;
	p->done = done;
	p->arg = arg;
	p->lookup.data = p;
	buf_init(&p->answer, ANSWER_MAX);
	int r = write_request(p, address, to);
	if (r == 0)
		r = uv_getaddrinfo(c->loop, &p->lookup, on_found, address->host, address->port, &hints);
	if (r < 0) {
		free(p->text);
		free(p);
		return r;
	}
	hold(p);
	*ret = p;
	return 0;
}
