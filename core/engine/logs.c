#include "engine/logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PIECE_MAX ((size_t)32 * 1024)
#define DRAIN_MAX ((size_t)1024 * 1024)
#define OPS_HIGH 512 /* 16 MiB with the store */
#define OPS_LOW 128
/* Beyond the store's limit by this much nothing is handed over any more: it has set its marker then. */
#define BEYOND ((size_t)64 * 1024)
#define READS_AT_ONCE 8

struct log_piece {
	struct store_log log;
	struct engine *engine;
	char text[PIECE_MAX];
};

static void on_readable(uv_poll_t *poll, int status, int events);

static void piece_stored(struct store_op *op)
{
	struct log_piece *piece = list_entry(op, struct log_piece, log.op);
	struct engine *e = piece->engine;
	struct list *first;

	if (op->status == 0)
		log_publish(e, &piece->log);
	if (e->logged && op->status == 0)
		e->logged(e->logged_arg, piece->log.id);
	free(piece);
	e->log_ops--;
	while (e->log_ops <= OPS_LOW && !e->stopped && (first = list_first(&e->log_paused))) {
		struct log_stream *l = list_entry(first, struct log_stream, paused);

		list_remove(first);
		(void)uv_poll_start(&l->poll, UV_READABLE, on_readable);
	}
}

void logs_flush(struct log_stream *l)
{
	struct log_piece *piece = l->piece;

	if (!piece)
		return;
	l->piece = NULL;
	piece->log.text = piece->text;
	l->engine->log_ops++;
	store_submit(l->engine->store, &piece->log.op);
}

static struct log_piece *piece_of(struct log_stream *l)
{
	struct log_piece *piece = l->piece;

	if (piece)
		return piece;
	piece = malloc(sizeof(*piece));
	if (!piece)
		return NULL;
	piece->log = (struct store_log){
		.op = {.kind = STORE_LOG, .done = piece_stored},
		.step = l->step,
		.attempt = l->attempt,
		.stream = l->stream,
		.time_ms = clock_wall_ms(),
	};
	memcpy(piece->log.id, l->activity->id, ID_SIZE);
	memcpy(piece->log.workflow_id, l->activity->workflow_id, ID_SIZE);
	piece->engine = l->engine;
	l->piece = piece;
	l->filling(l->arg);
	return piece;
}

/* Masked text, on its way into pieces. */
static void take(void *arg, const char *text, size_t len)
{
	struct log_stream *l = arg;

	tail_put(&l->tail, text, len);
	while (len > 0 && !l->full) {
		struct log_piece *piece = piece_of(l);
		size_t n;

		if (!piece)
			return;
		n = len < PIECE_MAX - piece->log.len ? len : PIECE_MAX - piece->log.len;
		memcpy(piece->text + piece->log.len, text, n);
		piece->log.len += n;
		if (piece->log.len == PIECE_MAX)
			logs_flush(l);
		text += n;
		len -= n;
	}
}

/* 1: there may be more; 0: nothing now; negative: the other end is closed. */
static int read_once(struct log_stream *l)
{
	size_t log_max = l->engine->options.log_max;
	char text[PIECE_MAX];
	ssize_t n = read(l->fd, text, sizeof(text));

	if (n < 0)
		return errno == EINTR ? 1 : errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	l->full = log_max > 0 && l->taken > log_max + BEYOND;
	l->taken += (size_t)n;
	mask_stream_put(&l->mask, text, (size_t)n);
	return 1;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct log_stream *l = poll->data;
	int r = status < 0 ? status : 1;

	(void)events;
	for (int i = 0; r > 0 && i < READS_AT_ONCE; i++)
		r = read_once(l);
	if (r < 0) {
		(void)uv_poll_stop(&l->poll);
		l->at_end = true;
	} else if (l->engine->log_ops >= OPS_HIGH) {
		(void)uv_poll_stop(&l->poll);
		list_append(&l->engine->log_paused, &l->paused);
	}
}

int logs_open(struct log_stream *l, int fd)
{
	int r = mask_stream_open(&l->mask, l->secrets, take, l);

	if (r == 0)
		r = uv_poll_init(l->engine->loop, &l->poll, fd);
	l->fd = fd;
	list_init(&l->paused);
	if (r < 0) {
		mask_stream_close(&l->mask);
		(void)close(fd);
		l->fd = -1;
		return r;
	}
	l->polling = true;
	l->poll.data = l;
	return uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

void logs_drain(struct log_stream *l)
{
	size_t before = l->taken;
	int r = l->fd >= 0 && !l->at_end ? 1 : 0;

	while (r > 0 && l->taken - before < DRAIN_MAX)
		r = read_once(l);
	mask_stream_end(&l->mask);
	logs_flush(l);
}

static void poll_closed(uv_handle_t *handle)
{
	struct log_stream *l = handle->data;

	mask_stream_close(&l->mask);
	l->closed(l->arg);
}

bool logs_close(struct log_stream *l)
{
	if (!l->polling)
		return false;
	l->polling = false;
	list_remove(&l->paused);
	uv_close((uv_handle_t *)&l->poll, poll_closed);
	/* Only after uv_close: it takes the descriptor out of the loop. */
	(void)close(l->fd);
	l->fd = -1;
	return true;
}

void engine_on_log(struct engine *e, void (*logged)(void *arg, const char *activity_id), void *arg)
{
	e->logged = logged;
	e->logged_arg = arg;
}
