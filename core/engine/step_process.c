/* `run` and `script`: one child process in a group of its own.
 *
 *   PREPARING (pool) -> RUNNING -> FINISHING (pool) -> CLOSING -> reported
 *        '--- failed, or to be ended meanwhile ---^
 *
 * The group is signalled before the leader is reaped: as long as it is a zombie nobody else can have its number. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/ended.h"
#include "engine/logs.h"
#include "engine/spawn.h"

#define LOG_FLUSH_MS 1000

struct process {
	struct step *step;
	struct engine *engine;
	struct spawn spawn;
	uv_work_t work;
	uv_poll_t exit_poll;
	struct log_stream out, err;
	struct step_timer *deadline; /* the time-out, then the grace before SIGKILL */
	struct step_timer *flush;
	bool running; /* there is a child to be signalled */
	bool term_sent;
	bool finishing; /* it has ended by itself or by us: too late to end it for another reason */
	bool want_outputs;
	unsigned open; /* handles that have not been closed yet */
	struct ended end;
};

/* ---- The report ----------------------------------------------------------------------------------------------- */

/* Masked: it may quote arguments and the log. */
static char *end_message(struct process *p)
{
	struct buf plain, masked;
	char *message;

	buf_init(&plain, 4 * ENGINE_MESSAGE_MAX);
	buf_init(&masked, 4 * ENGINE_MESSAGE_MAX);
	if (p->spawn.error < 0)
		(void)buf_str(&plain, p->spawn.message);
	else
		ended_describe(&p->end, &p->out.tail, &p->err.tail, &plain);
	(void)mask_text(&p->spawn.mask, buf_cstr(&plain), plain.len, &masked);
	message = buf_detach(&masked, NULL);
	buf_release(&plain);
	buf_release(&masked);
	return message;
}

static struct step_result result_of(struct process *p)
{
	bool well = ended_well(&p->end);
	struct step_result result = {
		.outcome = STATUS_FAILURE,
		.has_exit_code = p->end.info.si_code == CLD_EXITED && !p->end.lost,
		.exit_code = p->end.info.si_status,
	};

	if (p->end.why == PROCESS_CANCELLED) {
		result.outcome = STATUS_CANCELLED;
	} else if (p->spawn.error < 0) {
		/* Only outputs are read after a good end. */
		result.failure.kind = well ? FAILURE_OUTPUT : FAILURE_START;
		result.message = end_message(p);
	} else if (!well) {
		result.failure = ended_failure(&p->end);
		result.message = end_message(p);
	} else {
		result.outcome = STATUS_COMPLETED;
		result.outputs = p->spawn.outputs;
		p->spawn.outputs = NULL;
	}
	return result;
}

static void report(struct process *p)
{
	struct step *s = p->step;
	bool left = p->end.why == PROCESS_SHUTDOWN;
	struct step_result result = result_of(p);

	s->process = NULL;
	spawn_release(&p->spawn);
	free(p);
	if (!left) {
		step_ended(s, &result);
		return;
	}
	free(result.message);
	free(result.outputs);
	step_left(s);
}

/* ---- The end -------------------------------------------------------------------------------------------------- */

static void handle_closed(struct process *p)
{
	struct engine *e = p->engine;

	if (--p->open > 0)
		return;
	report(p);
	engine_let_go(e);
}

static void finish_files(uv_work_t *work)
{
	struct process *p = work->data;

	spawn_finish(&p->spawn, p->want_outputs);
}

static void files_finished(uv_work_t *work, int status)
{
	(void)status;
	handle_closed(work->data);
}

static void poll_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void log_closed(void *arg)
{
	handle_closed(arg);
}

static void close_log(struct process *p, struct log_stream *l)
{
	logs_drain(l);
	if (logs_close(l))
		p->open++;
}

/* Whatever the group still has goes with its leader. */
static void reap(struct process *p)
{
	siginfo_t ignored;

	p->running = false;
	(void)kill(-p->spawn.pid, SIGKILL);
	while (waitid(P_PIDFD, (id_t)p->spawn.pidfd, &ignored, WEXITED) < 0 && errno == EINTR)
		;
}

static void finish(struct process *p)
{
	p->finishing = true;
	p->want_outputs = ended_well(&p->end);
	step_timer_stop(p->deadline);
	step_timer_stop(p->flush);
	p->deadline = p->flush = NULL;
	close_log(p, &p->out);
	close_log(p, &p->err);
	uv_close((uv_handle_t *)&p->exit_poll, poll_closed);
	(void)close(p->spawn.pidfd);
	/* The poll handle and the job. */
	p->open += 2;
	p->work.data = p;
	if (uv_queue_work(p->engine->loop, &p->work, finish_files, files_finished) < 0)
		handle_closed(p);
}

static void on_exit_event(uv_poll_t *poll, int status, int events)
{
	struct process *p = poll->data;
	int r;

	(void)status;
	(void)events;
	p->end.info = (siginfo_t){0};
	r = waitid(P_PIDFD, (id_t)p->spawn.pidfd, &p->end.info, WEXITED | WNOWAIT | WNOHANG);
	if (r < 0 && errno == EINTR)
		return;
	if (r == 0 && p->end.info.si_pid == 0)
		return; /* not yet */
	p->end.lost = r < 0;
	reap(p);
	finish(p);
}

/* ---- Ending it early ------------------------------------------------------------------------------------------ */

static void grace_over(void *arg)
{
	struct process *p = arg;

	p->deadline = NULL;
	if (p->running)
		(void)kill(-p->spawn.pid, SIGKILL);
}

static void send_term(struct process *p)
{
	if (!p->running || p->term_sent)
		return;
	p->term_sent = true;
	(void)kill(-p->spawn.pid, SIGTERM);
	/* A stopped process would not notice. */
	(void)kill(-p->spawn.pid, SIGCONT);
	step_timer_stop(p->deadline);
	p->deadline = step_timer_start(p->engine, ENGINE_GRACE_MS, grace_over, p);
	if (!p->deadline)
		(void)kill(-p->spawn.pid, SIGKILL);
}

void process_end(struct process *p, enum process_end why)
{
	if (p->finishing)
		return;
	if (p->end.why == PROCESS_NOT_ENDED)
		p->end.why = why;
	send_term(p);
}

static void timed_out(void *arg)
{
	struct process *p = arg;

	p->deadline = NULL;
	process_end(p, PROCESS_TIMEOUT);
}

/* ---- The start ------------------------------------------------------------------------------------------------ */

static void flush_due(void *arg)
{
	struct process *p = arg;

	p->flush = NULL;
	logs_flush(&p->out);
	logs_flush(&p->err);
}

static void log_filling(void *arg)
{
	struct process *p = arg;

	if (!p->flush && p->running)
		p->flush = step_timer_start(p->engine, LOG_FLUSH_MS, flush_due, p);
}

static void open_log(struct process *p, struct log_stream *l, char stream, int fd)
{
	int r;

	*l = (struct log_stream){
		.engine = p->engine,
		.activity = p->step->activity,
		.step = p->step->index,
		.attempt = p->step->attempt,
		.stream = stream,
		.secrets = &p->spawn.mask,
		.closed = log_closed,
		.filling = log_filling,
		.arg = p,
	};
	r = logs_open(l, fd);
	if (r < 0)
		log_error("a step's output cannot be read", log_str("activity", l->activity->id), log_errno(r),
			  LOG_END);
}

/* No poll handle: then its end would not be seen. */
static void give_up(struct process *p, int error)
{
	p->spawn.error = error;
	(void)snprintf(p->spawn.message, sizeof(p->spawn.message), "cannot be watched: %s", log_strerror(error));
	reap(p);
	(void)close(p->spawn.pidfd);
	(void)close(p->spawn.out_fd);
	(void)close(p->spawn.err_fd);
	p->open = 1;
	handle_closed(p);
}

static void started(struct process *p)
{
	int64_t timeout_ms = step_timeout_ms(p->step);
	int r = uv_poll_init(p->engine->loop, &p->exit_poll, p->spawn.pidfd);

	p->running = true;
	if (r < 0) {
		give_up(p, r);
		return;
	}
	p->exit_poll.data = p;
	open_log(p, &p->out, 'o', p->spawn.out_fd);
	open_log(p, &p->err, 'e', p->spawn.err_fd);
	(void)uv_poll_start(&p->exit_poll, UV_READABLE, on_exit_event);
	if (p->end.why != PROCESS_NOT_ENDED)
		send_term(p);
	else if (timeout_ms > 0)
		p->deadline = step_timer_start(p->engine, timeout_ms, timed_out, p);
}

static void prepare(uv_work_t *work)
{
	struct process *p = work->data;

	spawn_start(&p->spawn);
}

static void prepared(uv_work_t *work, int status)
{
	struct process *p = work->data;

	if (status < 0 && p->spawn.error == 0)
		p->spawn.error = status;
	if (p->spawn.error == 0) {
		started(p);
		return;
	}
	p->open = 1;
	handle_closed(p);
}

int64_t step_timeout_ms(const struct step *s)
{
	const struct step_def *def = &s->activity->workflow->steps[s->index];

	return def->timeout_ms ? def->timeout_ms : s->activity->engine->options.default_timeout_ms;
}

static int process_new(struct step *s, struct process **ret)
{
	struct activity *a = s->activity;
	struct process *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->step = s;
	p->engine = a->engine;
	p->end.timeout_ms = step_timeout_ms(s);
	p->end.limits = &a->workflow->steps[s->index].limits;
	p->spawn = (struct spawn){
		.options = &a->engine->options,
		.identity = store_identity(a->engine->store),
		.def = &a->workflow->steps[s->index],
		.workflow_id = a->workflow_id,
		.order = s->index + 1,
		.attempt = s->attempt,
		.out_fd = -1,
		.err_fd = -1,
	};
	r = values_init(&p->spawn.values, a);
	if (r == 0)
		r = spawn_paths(&p->spawn, a->id);
	if (r < 0) {
		spawn_release(&p->spawn);
		free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void process_run(struct step *s)
{
	struct process *p;
	int r = process_new(s, &p);

	if (r < 0) {
		step_failed(s, FAILURE_START, "cannot be started: %s", log_strerror(r));
		return;
	}
	s->activity->has_scratch = true;
	s->process = p;
	p->work.data = p;
	engine_hold(p->engine);
	r = uv_queue_work(p->engine->loop, &p->work, prepare, prepared);
	if (r < 0) {
		p->spawn.error = r;
		prepared(&p->work, r);
	}
}
