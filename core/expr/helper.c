#include "expr/internal.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MAX 16 /* reads in a row, then the loop gets its turn */

/* ---- Blame ------------------------------------------------------------------------------------------------------ */

static struct request *head(struct helper *h)
{
	struct list *node = list_first(&h->sent);
	return node ? list_entry(node, struct request, node) : NULL;
}

static void finish_head(struct helper *h)
{
	struct request *r = head(h);
	h->sent_count--;
	h->sent_bytes -= r->frame.len;
	if (h->writing == r)
		h->writing = NULL;
	expr_finish(h->expr, r);
}

static void fail_head(struct helper *h, int status, const char *message)
{
	request_fail(head(h), status, message);
	finish_head(h);
}

/* The others have nothing to do with it. */
static void let_go(struct helper *h)
{
	h->writing = NULL;
	h->sent_count = h->sent_bytes = 0;
	expr_requeue(h->expr, &h->sent);
}

/* It has died; the first request did that, if its turn had come. */
static void blame(struct helper *h, const char *message)
{
	struct request *r = head(h);
	if (r && (r->begun || ++r->tries >= EXPR_TRIES_MAX))
		fail_head(h, -ENOMEM, message);
	let_go(h);
}

/* ---- The end ---------------------------------------------------------------------------------------------------- */

static void poll_closed(uv_handle_t *handle)
{
	struct helper *h = handle->data;
	if (--h->open > 0)
		return;
	frame_reader_release(&h->reader);
	h->state = HELPER_DOWN;
	expr_helper_down(h->expr);
}

static void close_socket(struct helper *h)
{
	if (h->fd < 0)
		return;
	uv_close((uv_handle_t *)&h->socket_poll, poll_closed);
	(void)close(h->fd);
	h->fd = -1;
}

void helper_kill(struct helper *h)
{
	if (h->state != HELPER_STARTING && h->state != HELPER_READY)
		return;
	h->state = HELPER_ENDING;
	h->writing = NULL;
	h->sent_count = h->sent_bytes = 0;
	(void)uv_timer_stop(&h->deadline);
	(void)pidfd_send_signal(h->pidfd, SIGKILL, NULL, 0);
	close_socket(h);
}

static void describe_end(const struct helper *h, const siginfo_t *end, char *text, size_t size)
{
	const char *path = h->expr->options.helper;
	if (!h->was_ready && end->si_code == CLD_EXITED)
		(void)snprintf(text, size, "%s ended at its start with code %d", path, end->si_status);
	else if (!h->was_ready)
		(void)snprintf(text, size, "%s was ended at its start by signal %d", path, end->si_status);
	else if (end->si_code == CLD_EXITED)
		(void)snprintf(text, size, "jq ended with code %d", end->si_status);
	else
		(void)snprintf(text, size, "jq was ended by signal %d (%s)", end->si_status, strsignal(end->si_status));
}

static void receive(struct helper *h);

static void on_exit_event(uv_poll_t *poll, int status, int events)
{
	struct helper *h = poll->data;
	char message[512];
	siginfo_t end = {0};
	(void)status;
	(void)events;
	int r = waitid(P_PIDFD, (id_t)h->pidfd, &end, WEXITED | WNOHANG);
	if ((r < 0 && errno == EINTR) || (r == 0 && end.si_pid == 0))
		return;
	/* Its last words. */
	if (h->fd >= 0)
		receive(h);
	close_socket(h);
	(void)uv_timer_stop(&h->deadline);
	h->state = HELPER_ENDING;
	uv_close((uv_handle_t *)&h->exit_poll, poll_closed);
	(void)close(h->pidfd);
	h->pidfd = -1;
	describe_end(h, &end, message, sizeof(message));
	blame(h, message);
	if (!h->was_ready && !h->expr->closing)
		expr_start_failed(h->expr, message);
	expr_dispatch(h->expr);
}

/* ---- Its time --------------------------------------------------------------------------------------------------- */

static void set_deadline(struct helper *h);

static void timed_out(uv_timer_t *timer)
{
	struct helper *h = timer->data;
	char message[64];
	const struct request *late = head(h);
	/* The loop may have been busy itself, and the answer be there. */
	receive(h);
	if (head(h) != late || (h->state != HELPER_STARTING && h->state != HELPER_READY))
		return;
	/* Or so busy that the helper could not be told yet. */
	if (late && h->writing == late && h->written == 0) {
		set_deadline(h);
		return;
	}
	if (late) {
		(void)snprintf(message, sizeof(message), "it did not end within %lld ms",
			       (long long)h->expr->options.deadline_ms);
		fail_head(h, -ETIMEDOUT, message);
	}
	let_go(h);
	helper_kill(h);
	expr_dispatch(h->expr);
}

static void set_deadline(struct helper *h)
{
	(void)uv_timer_stop(&h->deadline);
	if (!head(h))
		return;
	/* The loop's idea of now may be old, and the time would be short. */
	uv_update_time(h->expr->loop);
	(void)uv_timer_start(&h->deadline, timed_out, (uint64_t)h->expr->options.deadline_ms, 0);
}

/* ---- What it says ----------------------------------------------------------------------------------------------- */

static int on_hello(struct helper *h, struct frame *f)
{
	if (h->state != HELPER_STARTING || frame_take_number(f) != FRAME_VERSION)
		return -EPROTO;
	(void)uv_timer_stop(&h->deadline);
	h->state = HELPER_READY;
	h->was_ready = true;
	h->expr->start_failures = 0;
	return 0;
}

static int on_begin(struct helper *h, struct frame *f)
{
	struct request *r = head(h);
	if (!r || frame_take_number(f) != r->id)
		return -EPROTO;
	r->begun = true;
	return 0;
}

static bool known_status(int status)
{
	return status == 0 || status == -ENODATA || status == -EINVAL || status == -E2BIG || status == -ENOMEM;
}

static void answer_head(struct helper *h, int status, const char *text, size_t len)
{
	static const char too_large[] = "the results of its request are too large";
	struct request *r = head(h);
	char message[64];
	if (status == -ENOMEM) {
		(void)snprintf(message, sizeof(message), "it needs more than %zu MiB of memory",
			       h->expr->options.memory_max >> 20);
		request_fail(r, status, message);
	} else if ((r->result_bytes += len) > EXPR_RESULTS_MAX) {
		request_answer(r, -E2BIG, too_large, sizeof(too_large) - 1);
	} else {
		request_answer(r, status, text, len);
	}
	if (r->answered < r->count)
		return;
	finish_head(h);
	set_deadline(h);
}

static int on_result(struct helper *h, struct frame *f)
{
	struct request *r = head(h);
	size_t len;
	const uint32_t id = frame_take_number(f), index = frame_take_number(f);
	const int status = -(int)frame_take_number(f);
	const char *text = frame_take_text(f, &len);
	if (!frame_is_done(f) || !r || !r->begun || id != r->id || index != r->answered || !known_status(status))
		return -EPROTO;
	answer_head(h, status, text, len);
	return 0;
}

static int on_frame(struct helper *h, struct frame *f)
{
	switch (frame_take_number(f)) {
	case FRAME_HELLO:
		return on_hello(h, f);
	case FRAME_BEGIN:
		return on_begin(h, f);
	case FRAME_RESULT:
		return on_result(h, f);
	default:
		return -EPROTO;
	}
}

/* ---- The socket ------------------------------------------------------------------------------------------------- */

/* More than 0: there may be more. 0: nothing now. Negative: there will be nothing more. */
static int receive_once(struct helper *h)
{
	struct frame f;
	char *room;
	size_t len;
	int r = frame_reader_room(&h->reader, &room, &len);
	if (r < 0)
		return r;
	const ssize_t n = recv(h->fd, room, len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	frame_reader_added(&h->reader, (size_t)n);
	while ((r = frame_reader_next(&h->reader, &f)) > 0) {
		r = on_frame(h, &f);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : (size_t)n == len;
}

/* Whoever has nothing more to say is ended; on_exit_event does the rest. */
static void receive(struct helper *h)
{
	int r = 1;
	for (int round = 0; round < ROUNDS_MAX && r > 0; round++)
		r = receive_once(h);
	if (r >= 0)
		return;
	(void)pidfd_send_signal(h->pidfd, SIGKILL, NULL, 0);
	close_socket(h);
}

static struct request *next_of(struct helper *h, struct request *r)
{
	return r->node.next == &h->sent ? NULL : list_entry(r->node.next, struct request, node);
}

static void wrote(struct helper *h, size_t len)
{
	while (h->writing && len >= h->writing->frame.len - h->written) {
		len -= h->writing->frame.len - h->written;
		h->writing = next_of(h, h->writing);
		h->written = 0;
	}
	h->written += len;
}

static void send_sent(struct helper *h)
{
	struct iovec parts[EXPR_AHEAD_MAX + 1];
	struct msghdr message = {.msg_iov = parts};
	size_t skip = h->written;
	for (struct request *r = h->writing; r && message.msg_iovlen <= EXPR_AHEAD_MAX; r = next_of(h, r)) {
		parts[message.msg_iovlen++] =
			(struct iovec){.iov_base = r->frame.data + skip, .iov_len = r->frame.len - skip};
		skip = 0;
	}
	const ssize_t n = message.msg_iovlen > 0 ? sendmsg(h->fd, &message, MSG_NOSIGNAL) : 0;
	/* An error is an end, which reading and the exit tell of. */
	if (n > 0)
		wrote(h, (size_t)n);
}

static void on_socket(uv_poll_t *poll, int status, int events);

static void watch_socket(struct helper *h)
{
	(void)uv_poll_start(&h->socket_poll, UV_READABLE | (h->writing ? UV_WRITABLE : 0), on_socket);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct helper *h = poll->data;
	if (status < 0 || (events & UV_READABLE))
		receive(h);
	/* What is taken now goes out with what was left. */
	expr_dispatch(h->expr);
	if (h->fd < 0)
		return;
	if (events & UV_WRITABLE)
		send_sent(h);
	watch_socket(h);
}

/* ---- Giving ----------------------------------------------------------------------------------------------------- */

bool helper_has_room(const struct helper *h, const struct request *r)
{
	if (h->state != HELPER_READY || h->fd < 0)
		return false;
	return h->sent_count == 0 ||
	       (h->sent_count <= EXPR_AHEAD_MAX && h->sent_bytes + r->frame.len <= EXPR_AHEAD_BYTES);
}

/* Written at the next turn of the loop, in one go with what else is given until then. */
void helper_give(struct helper *h, struct request *r)
{
	list_remove(&r->node);
	list_append(&h->sent, &r->node);
	h->sent_count++;
	h->sent_bytes += r->frame.len;
	if (!h->writing) {
		h->writing = r;
		h->written = 0;
	}
	if (h->sent_count == 1)
		set_deadline(h);
	watch_socket(h);
}

/* ---- The start -------------------------------------------------------------------------------------------------- */

int helper_init(struct helper *h, struct expr *e)
{
	h->expr = e;
	h->fd = h->pidfd = -1;
	list_init(&h->sent);
	h->deadline.data = h;
	return uv_timer_init(e->loop, &h->deadline);
}

/* The handles cannot fail: both descriptors can be polled, and are not in use by others. */
static void watch(struct helper *h)
{
	(void)uv_poll_init(h->expr->loop, &h->socket_poll, h->fd);
	(void)uv_poll_init(h->expr->loop, &h->exit_poll, h->pidfd);
	h->socket_poll.data = h->exit_poll.data = h;
	h->open = 2;
	(void)uv_poll_start(&h->exit_poll, UV_READABLE, on_exit_event);
	watch_socket(h);
}

void helper_start(struct helper *h)
{
	const struct expr_options *o = &h->expr->options;
	char message[512];
	int r = spawn_helper(o->helper, o->memory_max, o->output_max, &h->pid, &h->pidfd, &h->fd);
	if (r < 0) {
		h->fd = h->pidfd = -1;
		(void)snprintf(message, sizeof(message), "cannot start %s: %s", o->helper, strerror(-r));
		expr_start_failed(h->expr, message);
		return;
	}
	h->state = HELPER_STARTING;
	h->was_ready = false;
	frame_reader_init(&h->reader, o->output_max + FRAME_RESULT_HEAD + 4096);
	watch(h);
	(void)uv_timer_start(&h->deadline, timed_out, EXPR_START_MS, 0);
}
