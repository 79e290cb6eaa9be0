/* A backup under load: the writer copies a slice after each batch, and while it has nothing else to do. The loop thread makes
 * the order and is told of its end. */
#include "store/internal.h"

#include <errno.h>
#include "base/clock.h"
#include "base/log.h"

#define PROGRESS_MS 200

static void free_backup(struct backup *k)
{
	free(k->path);
	free(k);
}

int store_backup(struct store *s, const char *path, void (*progress)(void *arg, size_t pages_left, size_t pages),
		 void (*done)(void *arg, int status), void *arg)
{
	if (s->closing)
		return -ECANCELED;
	if (s->backup)
		return -EBUSY;
	struct backup *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	*k = (struct backup){.path = strdup(path), .progress = progress, .done = done, .arg = arg};
	if (!k->path) {
		free_backup(k);
		return -ENOMEM;
	}
	uv_mutex_lock(&s->mutex);
	s->backup = k;
	uv_cond_signal(&s->work);
	uv_mutex_unlock(&s->mutex);
	return 0;
}

/* The writer's way to the order: NULL when there is nothing to do. */
static struct backup *current(struct store *s)
{
	uv_mutex_lock(&s->mutex);
	struct backup *k = s->backup && !s->backup->ended ? s->backup : NULL;
	uv_mutex_unlock(&s->mutex);
	return k;
}

/* Mutex held. */
bool backup_due(const struct store *s)
{
	return s->backup && !s->backup->ended;
}

static void end(struct store *s, struct backup *k, int status)
{
	if (k->copy)
		s->driver->copy_close(k->copy);
	k->copy = NULL;
	if (status < 0 && status != -ECANCELED)
		log_error("the backup failed", log_str("path", k->path), log_errno(status), LOG_END);
	uv_mutex_lock(&s->mutex);
	k->status = status;
	k->ended = true;
	uv_mutex_unlock(&s->mutex);
	uv_async_send(&s->wake);
}

static void note_progress(struct store *s, struct backup *k, size_t left, size_t pages)
{
	int64_t now_ms = clock_mono_ms();
	uv_mutex_lock(&s->mutex);
	k->left = left;
	k->pages = pages;
	bool tell = k->progress && now_ms - k->told_ms >= PROGRESS_MS;
	if (tell) {
		k->told_ms = now_ms;
		k->news = true;
	}
	uv_mutex_unlock(&s->mutex);
	if (tell)
		uv_async_send(&s->wake);
}

void backup_run(struct store *s)
{
	struct backup *k = current(s);
	size_t left = 0, pages = 0;
	int r = 0;

	if (!k)
		return;
	if (!k->copy)
		r = s->driver->copy_open(s->backend, k->path, &k->copy);
	if (r == 0)
		r = s->driver->copy_step(k->copy, &left, &pages);
	if (r != 0)
		end(s, k, r < 0 ? r : 0);
	else
		note_progress(s, k, left, pages);
}

void backup_cancel(struct store *s)
{
	struct backup *k = current(s);
	if (k)
		end(s, k, -ECANCELED);
}

void backup_deliver(struct store *s)
{
	uv_mutex_lock(&s->mutex);
	struct backup *k = s->backup;
	bool ended = k && k->ended, news = k && k->news;
	size_t left = k ? k->left : 0, pages = k ? k->pages : 0;
	if (k)
		k->news = false;
	if (ended)
		s->backup = NULL;
	uv_mutex_unlock(&s->mutex);

	if (news && !ended)
		k->progress(k->arg, left, pages);
	if (!ended)
		return;
	k->done(k->arg, k->status);
	free_backup(k);
}
