/* Programs compiled one by one in a helper that is waited for. */
#include "expr/internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"

#define CHECK_MS 5000

struct checker {
	const char *path;
	int64_t deadline_ms;
	pid_t pid; /* 0: none runs */
	int pidfd, fd;
	struct frame_reader reader;
};

/* ---- The helper ------------------------------------------------------------------------------------------------- */

static void stop(struct checker *c)
{
	if (c->pid == 0)
		return;
	(void)pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	(void)close(c->pidfd);
	(void)close(c->fd);
	frame_reader_release(&c->reader);
	c->pid = 0;
}

static int wait_for(const struct checker *c, short events, int64_t until_ms)
{
	struct pollfd p = {.fd = c->fd, .events = events};
	for (;;) {
		const int64_t left_ms = until_ms - clock_mono_ms();
		if (left_ms <= 0)
			return -ETIMEDOUT;
		int r = poll(&p, 1, (int)(left_ms < 60000 ? left_ms : 60000));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int write_frame(const struct checker *c, const struct buf *frame, int64_t until_ms)
{
	size_t done = 0;
	while (done < frame->len) {
		const ssize_t n = send(c->fd, frame->data + done, frame->len - done, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			int r = wait_for(c, POLLOUT, until_ms);
			if (r < 0)
				return r;
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int read_more(struct checker *c, int64_t until_ms)
{
	char *room;
	size_t len;
	int r = frame_reader_room(&c->reader, &room, &len);
	if (r == 0)
		r = wait_for(c, POLLIN, until_ms);
	if (r < 0)
		return r;
	const ssize_t n = recv(c->fd, room, len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	frame_reader_added(&c->reader, (size_t)n);
	return 0;
}

static int read_frame(struct checker *c, int64_t until_ms, struct frame *ret)
{
	int r;
	while ((r = frame_reader_next(&c->reader, ret)) == 0) {
		r = read_more(c, until_ms);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

static int start(struct checker *c)
{
	struct frame hello;
	if (c->pid > 0)
		return 0;
	int r = spawn_helper(c->path, EXPR_MEMORY_MAX, EXPR_OUTPUT_MAX, &c->pid, &c->pidfd, &c->fd);
	if (r < 0) {
		c->pid = 0;
		return r;
	}
	frame_reader_init(&c->reader, EXPR_OUTPUT_MAX + FRAME_RESULT_HEAD);
	r = read_frame(c, clock_mono_ms() + EXPR_START_MS, &hello);
	if (r == 0 && (frame_take_number(&hello) != FRAME_HELLO || frame_take_number(&hello) != FRAME_VERSION))
		r = -EPROTO;
	if (r < 0)
		stop(c);
	/* It ended before it said a word. */
	return r == -EPIPE || r == -ECONNRESET ? -EIO : r;
}

/* ---- One program ------------------------------------------------------------------------------------------------ */

static int write_program(struct checker *c, const char *program, int64_t until_ms)
{
	struct buf frame;
	buf_init(&frame, FRAME_REQUEST_MAX);
	const size_t begin = frame_begin(&frame, FRAME_CHECK);
	frame_number(&frame, 0);
	frame_number(&frame, 0);
	frame_number(&frame, 1);
	frame_number(&frame, 0);
	frame_text(&frame, program, strlen(program));
	frame_end(&frame, begin);
	int r = buf_error(&frame);
	if (r == 0)
		r = write_frame(c, &frame, until_ms);
	buf_release(&frame);
	return r;
}

/* *ret_status is what the helper says of it. */
static int ask(struct checker *c, const char *program, int *ret_status, char **ret_message)
{
	const int64_t until_ms = clock_mono_ms() + c->deadline_ms;
	struct frame f;
	int r = write_program(c, program, until_ms);
	if (r == 0)
		r = read_frame(c, until_ms, &f); /* FRAME_BEGIN */
	if (r == 0)
		r = read_frame(c, until_ms, &f);
	if (r < 0)
		return r;
	size_t len;
	const uint32_t kind = frame_take_number(&f);
	(void)frame_take_number(&f);
	(void)frame_take_number(&f);
	const int status = -(int)frame_take_number(&f);
	const char *text = frame_take_text(&f, &len);
	if (kind != FRAME_RESULT || !frame_is_done(&f))
		return -EPROTO;
	if (status == -EINVAL && !(*ret_message = strndup(text, len)))
		return -ENOMEM;
	*ret_status = status;
	return 0;
}

/* The words for a program that never came to an answer. */
static const char *describe(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		return "it takes too long to compile";
	case -ENOBUFS:
		return "the program is too long";
	default:
		return "jq ends when it compiles this program";
	}
}

static int check_one(struct checker *c, struct expr_check_item *item)
{
	int status = 0;
	int r = start(c);
	if (r < 0)
		return r;
	r = ask(c, item->program, &status, &item->message);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && status == -ENOMEM) {
		item->message = strdup("it needs too much memory to compile");
	} else if (r < 0) {
		item->message = strdup(describe(r));
	} else {
		item->status = status;
		return 0;
	}
	stop(c);
	item->status = -EINVAL;
	return item->message ? 0 : -ENOMEM;
}

int expr_check(const char *helper, struct expr_check_item *items, size_t count, int64_t deadline_ms)
{
	struct checker c = {.path = helper, .deadline_ms = deadline_ms > 0 ? deadline_ms : CHECK_MS};
	int r = 0;
	for (size_t i = 0; i < count; i++) {
		items[i].status = 0;
		items[i].message = NULL;
	}
	for (size_t i = 0; i < count && r == 0; i++)
		r = check_one(&c, &items[i]);
	stop(&c);
	if (r < 0)
		expr_check_release(items, count);
	return r;
}

void expr_check_release(struct expr_check_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items[i].message);
		items[i].message = NULL;
	}
}
