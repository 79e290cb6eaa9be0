#include "gateway/stream.h"

#include <errno.h>
#include "base/list.h"

struct socket_stream {
	struct stream base;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	uv_buf_t read_buffer;
	uv_write_t write;
	uv_shutdown_t shutdown;
};

static struct socket_stream *from_base(const struct stream *s)
{
	return list_entry(s, struct socket_stream, base);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	(void)suggested;
	const struct socket_stream *s = handle->data;
	*ret = s->read_buffer;
}

static void has_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
	struct socket_stream *s = stream->data;
	if (len > 0)
		s->base.callbacks->on_read(s->base.owner, buffer->base, (size_t)len);
	else if (len < 0)
		s->base.callbacks->on_end(s->base.owner, len == UV_EOF ? 0 : (int)len);
}

static int socket_start(struct stream *base)
{
	return uv_read_start(&from_base(base)->uv.stream, give_room, has_read);
}

static void socket_stop(struct stream *base)
{
	uv_read_stop(&from_base(base)->uv.stream);
}

static ssize_t socket_try_write(struct stream *base, const void *bytes, size_t len)
{
	uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, len > INT32_MAX ? INT32_MAX : (unsigned)len);
	int r = uv_try_write(&from_base(base)->uv.stream, &buffer, 1);
	return r == UV_EAGAIN ? 0 : r;
}

static void has_written(uv_write_t *write, int status)
{
	struct socket_stream *s = write->data;
	if (!uv_is_closing(&s->uv.handle))
		s->base.callbacks->on_written(s->base.owner, status);
}

static int socket_write(struct stream *base, const void *bytes, size_t len)
{
	struct socket_stream *s = from_base(base);
	if (len > UINT32_MAX)
		return -EMSGSIZE;
	uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
	s->write.data = s;
	return uv_write(&s->write, &s->uv.stream, &buffer, 1, has_written);
}

static size_t socket_unsent(const struct stream *base)
{
	return uv_stream_get_write_queue_size(&from_base(base)->uv.stream);
}

static void has_shut_down(uv_shutdown_t *shutdown, int status)
{
	/* A failure shows itself as the end of reading. */
	(void)shutdown;
	(void)status;
}

static int socket_shutdown(struct stream *base)
{
	struct socket_stream *s = from_base(base);
	return uv_shutdown(&s->shutdown, &s->uv.stream, has_shut_down);
}

static void has_closed(uv_handle_t *handle)
{
	struct socket_stream *s = handle->data;
	if (s->base.callbacks)
		s->base.callbacks->on_closed(s->base.owner);
	free(s);
}

static void socket_close(struct stream *base)
{
	uv_close(&from_base(base)->uv.handle, has_closed);
}

static const struct stream_ops socket_ops = {
	.start = socket_start,
	.stop = socket_stop,
	.try_write = socket_try_write,
	.write = socket_write,
	.unsent = socket_unsent,
	.shutdown = socket_shutdown,
	.close = socket_close,
};

static int handle_open(struct socket_stream *s, const uv_stream_t *server)
{
	if (server->type == UV_TCP)
		return uv_tcp_init(server->loop, &s->uv.tcp);
	return uv_pipe_init(server->loop, &s->uv.pipe, 0);
}

int stream_accept(uv_stream_t *server, uv_buf_t read_buffer, struct stream **ret)
{
	struct socket_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->base.ops = &socket_ops;
	s->read_buffer = read_buffer;
	int r = handle_open(s, server);
	if (r < 0) {
		free(s);
		return r;
	}
	s->uv.handle.data = s;
	r = uv_accept(server, &s->uv.stream);
	if (r < 0) {
		socket_close(&s->base);
		return r;
	}
	if (server->type == UV_TCP)
		uv_tcp_nodelay(&s->uv.tcp, 1);
	*ret = &s->base;
	return 0;
}

uv_stream_t *stream_handle(struct stream *s)
{
	return &from_base(s)->uv.stream;
}
