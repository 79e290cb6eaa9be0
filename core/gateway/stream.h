/* A byte stream: what HTTP/1.1 stands on. Here it is a TCP or UNIX socket of libuv; TLS goes in between as a stream
 * that owns another one, and tests feed bytes by a stream without a socket. It never knows what the bytes mean.
 *
 * The owner makes one write at a time and waits for on_written before the next. No callback is made from inside a call
 * of the owner, with the exception of what `start` has to deliver of its own. After `close` only on_closed follows, at
 * a later turn of the loop; the stream is gone then. */
#ifndef GATEWAY_STREAM_H
#define GATEWAY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

struct stream;

struct stream_callbacks {
	/* `bytes` are valid during the call. */
	void (*on_read)(void *owner, const char *bytes, size_t len);
	/* 0: the other side sends no more; negative: the stream is broken. Reading has ended. */
	void (*on_end)(void *owner, int error);
	void (*on_written)(void *owner, int error);
	void (*on_closed)(void *owner);
};

struct stream_ops {
	int (*start)(struct stream *s);
	void (*stop)(struct stream *s);
	/* How many bytes were taken, 0 when none can be taken now, or a negative error. */
	ssize_t (*try_write)(struct stream *s, const void *bytes, size_t len);
	/* Takes all; `bytes` stay where they are until on_written. */
	int (*write)(struct stream *s, const void *bytes, size_t len);
	/* Bytes given to `write` that have not gone out yet. */
	size_t (*unsent)(const struct stream *s);
	/* No more will be written. */
	int (*shutdown)(struct stream *s);
	void (*close)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	const struct stream_callbacks *callbacks;
	void *owner;
	bool secure;                /* TLS */
	bool opening;               /* a handshake has to come before the first byte, in either direction */
	const char *client_subject; /* of the certificate that the client was verified by, or NULL */
};

/* Accepts a connection from `server`, a TCP or pipe handle. Reads go through `read_buffer`, which all streams of one
 * loop may share. Callbacks and owner are set by the caller before `start` or `close`. 0 or a negative error. */
int stream_accept(uv_stream_t *server, uv_buf_t read_buffer, struct stream **ret);
/* The libuv handle of a stream made by stream_accept. */
uv_stream_t *stream_handle(struct stream *s);

#endif
