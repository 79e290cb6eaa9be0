/* Answers that go on: server-sent events (WHATWG HTML, "Server-sent events") or lines of JSON (NDJSON).
 *
 * One is opened with the request, begins when it is known that it can be served, writes only while its client takes what
 * is written, and ends by itself, with the client, or with the daemon's stop. Memory is bounded: while a client is slow
 * nothing is read for it; one that takes nothing at all is cut by the gateway, and goes on later from its last id. */
#ifndef API_STREAM_H
#define API_STREAM_H

#include "api/internal.h"

struct api_stream;

struct api_stream_kind {
	/* The client takes more again. */
	void (*resume)(struct api_stream *s);
	/* Every second or so. */
	void (*tick)(struct api_stream *s);
	/* An activity has new log records; may be NULL. */
	void (*logged)(struct api_stream *s, const char *activity_id);
	/* It ends: nobody may call it any more. */
	void (*close)(struct api_stream *s);
	/* Frees what is its own, but not itself. */
	void (*release)(struct api_stream *s);
};

struct api_stream {
	struct api_call base; /* its request is NULL when it has ended */
	const struct api_stream_kind *kind;
	struct list node;
	bool begun, blocked;
	bool is_sse;
	bool reading; /* a callback is still to come, which begins with api_stream_back */
	int64_t spoken_ms;
};

/* `size` bytes of zeroed memory that begin with a struct api_stream. NULL: the request has been answered. */
void *api_stream_open(struct api *a, struct http_request *r, size_t size, const struct api_stream_kind *kind);
/* The head goes out. False: it has ended (a HEAD request), and may be gone. */
bool api_stream_begin(struct api_stream *s);
/* It has not begun, and its request has been answered in another way. It may be gone afterwards. */
void api_stream_refused(struct api_stream *s);
/* Ends it; it may be gone afterwards. One that has not begun is answered that the daemon is stopping. */
void api_stream_end(struct api_stream *s);
/* The first thing in a callback for which `reading` was set. False: it has ended, and is gone. */
bool api_stream_back(struct api_stream *s);
/* Whether something may be written now. */
bool api_stream_open_now(const struct api_stream *s);

/* Appends one piece: an event of this id and name, or a line. `json` is emptied. */
void api_stream_add(const struct api_stream *s, struct buf *out, uint64_t id, const char *name, struct buf *json);
/* Sends `out` and releases it. False: it has ended, and may be gone. */
bool api_stream_send(struct api_stream *s, struct buf *out);
/* A sign of life when nothing has been said for a while. False: it has ended, and may be gone. */
bool api_stream_keep_alive(struct api_stream *s);
/* Whether a sign of life is due. */
bool api_stream_is_quiet(const struct api_stream *s);

#endif
