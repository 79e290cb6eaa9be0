/* What the writer does between batches: keeps the journal in bounds together with the checkpoint thread, deletes
 * what is past its time, looks whether a full or failing disk is well again. */
#include "store/internal.h"

#include <errno.h>
#include "base/clock.h"
#include "base/log.h"

#define HOLD_RETRY_MS 10
#define CHECKPOINT_PAUSE_NS 200000000u
#define RETAIN_MORE_MS 5
#define ROOM_LOOK_MS 10000

static void tell_full(struct store *s)
{
	atomic_store(&s->full, s->writer.hold || s->writer.disk == DISK_FULL);
}

/* On a full disk a checkpoint that does not fit would only eat the room that transitions need. */
static bool may_checkpoint(const struct store *s)
{
	return s->writer.disk != DISK_FULL || s->driver->checkpoint_fits(s->backend);
}

static void want_checkpoint(struct store *s)
{
	if (!may_checkpoint(s))
		return;
	uv_mutex_lock(&s->mutex);
	if (!s->checkpoint_running && !s->checkpoint_done) {
		s->checkpoint_wanted = true;
		uv_cond_signal(&s->checkpoint_in);
	}
	uv_mutex_unlock(&s->mutex);
}

void chores_set_disk(struct store *s, enum disk disk, int error)
{
	struct writer *w = &s->writer;
	if (w->disk == disk || (w->disk == DISK_FULL && disk == DISK_FAILING))
		return;
	if (disk == DISK_FULL)
		log_error("the disk is full: nothing new is admitted", log_errno(error), LOG_END);
	else if (disk == DISK_FAILING)
		log_error("the store cannot write", log_errno(error), LOG_END);
	else
		log_info("the store writes again", LOG_END);
	w->disk = disk;
	w->probe_ms = clock_mono_ms() + ROOM_RETRY_MS;
	tell_full(s);
	uv_mutex_lock(&s->mutex);
	s->disk = disk;
	uv_mutex_unlock(&s->mutex);
	uv_async_send(&s->wake);
	/* A journal that was carried over gives its room back. */
	if (disk == DISK_FULL)
		want_checkpoint(s);
}

static void look_at_journal(struct store *s)
{
	struct writer *w = &s->writer;
	size_t size = s->driver->journal_size(s->backend);

	w->hold = size >= JOURNAL_MAX;
	if (w->hold)
		w->checkpoint_ms = clock_mono_ms() + HOLD_RETRY_MS;
	tell_full(s);
	if (size >= JOURNAL_CHECKPOINT)
		want_checkpoint(s);
	uv_mutex_lock(&s->mutex);
	s->tally.journal_bytes = size;
	uv_mutex_unlock(&s->mutex);
}

void chores_after_commit(struct store *s)
{
	if (s->writer.disk == DISK_FAILING)
		chores_set_disk(s, DISK_WELL, 0);
	look_at_journal(s);
}

/* The checkpoint thread never catches up with a busy writer: the last bit is the writer's, and then the journal
 * starts again. */
static void finish_checkpoint(struct store *s, int64_t now_ms)
{
	struct writer *w = &s->writer;
	uv_mutex_lock(&s->mutex);
	bool due = s->checkpoint_done || (w->hold && now_ms >= w->checkpoint_ms && !s->checkpoint_running);
	size_t carried = s->carried;
	s->checkpoint_done = false;
	uv_mutex_unlock(&s->mutex);

	size_t size = s->driver->journal_size(s->backend);
	if (!due || (size < JOURNAL_CHECKPOINT && w->disk != DISK_FULL) || !may_checkpoint(s))
		return;
	w->checkpoint_ms = now_ms + HOLD_RETRY_MS;
	if (size > carried && size - carried > JOURNAL_FINISH) {
		want_checkpoint(s);
		return;
	}
	bool complete = false;
	if (s->driver->checkpoint(s->backend, &complete) < 0 || !complete)
		return;
	w->hold = false;
	tell_full(s);
}

static void regain(struct store *s, int64_t now_ms)
{
	struct writer *w = &s->writer;
	if ((w->disk == DISK_WELL && !w->room_missing) || now_ms < w->probe_ms)
		return;
	if (s->driver->regain_room(s->backend) == 0) {
		w->room_missing = false;
		chores_set_disk(s, DISK_WELL, 0);
	}
	w->probe_ms = clock_mono_ms() + (w->disk == DISK_WELL ? ROOM_LOOK_MS : ROOM_RETRY_MS);
}

static void retain(struct store *s, int64_t now_ms)
{
	struct writer *w = &s->writer;
	bool more = false;
	if (now_ms < w->retain_ms)
		return;
	int r = s->driver->retain(s->backend, clock_wall_ms(), RETAIN_ROWS, &more);
	/* It may have found nothing to delete: that says nothing about a disk that fails. */
	if (r == 0)
		look_at_journal(s);
	else
		log_warn("deleting what is past its time failed", log_errno(r), LOG_END);
	w->retain_ms = clock_mono_ms() + (more ? RETAIN_MORE_MS : RETAIN_EVERY_MS);
}

/* The age grows while nothing happens, so the loop is told of it until nothing waits any more. */
static void look_at_backlog(struct store *s, int64_t now_ms)
{
	struct writer *w = &s->writer;
	struct backlog backlog;
	if (now_ms < w->backlog_ms)
		return;
	w->backlog_ms = now_ms + BACKLOG_EVERY_MS;
	if (s->driver->backlog(s->backend, &backlog) < 0)
		return;
	uv_mutex_lock(&s->mutex);
	bool news = backlog.waiting > 0 || s->tally.backlog.waiting > 0;
	s->tally.backlog = backlog;
	uv_mutex_unlock(&s->mutex);
	if (news)
		uv_async_send(&s->wake);
}

void chores_run(struct store *s)
{
	int64_t now_ms = clock_mono_ms();
	finish_checkpoint(s, now_ms);
	regain(s, now_ms);
	retain(s, now_ms);
	look_at_backlog(s, now_ms);
	backup_run(s);
}

int64_t chores_next_ms(const struct store *s)
{
	const struct writer *w = &s->writer;
	int64_t next_ms = backup_due(s) ? 0 : w->retain_ms;
	if (w->disk != DISK_WELL && w->probe_ms < next_ms)
		next_ms = w->probe_ms;
	if (w->disk == DISK_FULL && s->queue_len > 0 && w->retry_ms < next_ms)
		next_ms = w->retry_ms;
	if (w->hold && w->checkpoint_ms < next_ms)
		next_ms = w->checkpoint_ms;
	return next_ms;
}

/* Mutex held on entry and exit. */
static void checkpoint_pass(struct store *s)
{
	size_t carried = 0;
	s->checkpoint_wanted = false;
	s->checkpoint_running = true;
	uv_mutex_unlock(&s->mutex);
	int r = s->driver->checkpoint_aside(s->backend, &carried);
	uv_mutex_lock(&s->mutex);
	/* What fails now (a full disk) is tried again, but not at once. */
	if (r < 0 && !s->stopping)
		uv_cond_timedwait(&s->checkpoint_in, &s->mutex, CHECKPOINT_PAUSE_NS);
	s->carried = carried;
	s->checkpoint_running = false;
	s->checkpoint_done = true;
	uv_cond_signal(&s->work);
}

void checkpoint_main(void *arg)
{
	struct store *s = arg;
	uv_mutex_lock(&s->mutex);
	while (!s->stopping) {
		if (s->checkpoint_wanted)
			checkpoint_pass(s);
		else
			uv_cond_wait(&s->checkpoint_in, &s->mutex);
	}
	uv_mutex_unlock(&s->mutex);
}
