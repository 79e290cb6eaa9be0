/* The folders in which steps work, one for each activity, gone with it. All removal is on the pool. */
#include "engine/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define DEPTH_MAX 512

static int remove_at(int parent, const char *name, int depth);

/* Takes `fd` over. */
static int empty_folder(int fd, int depth)
{
	DIR *folder = fdopendir(fd);
	struct dirent *d;
	int r = 0;

	if (!folder) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while ((d = readdir(folder))) {
		int one;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		one = remove_at(dirfd(folder), d->d_name, depth + 1);
		r = r < 0 ? r : one;
	}
	(void)closedir(folder);
	return r;
}

/* Never follows a link: what a step linked to from here is not ours. */
static int remove_at(int parent, const char *name, int depth)
{
	int fd, r;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* Caches like to write-protect their folders. */
	if (errno == EACCES && fchmod(parent, 0700) == 0 && unlinkat(parent, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
		return 0;
	if (depth >= DEPTH_MAX)
		return -ELOOP;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = empty_folder(fd, depth);
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 && r == 0 ? -errno : r;
}

int scratch_remove_tree(const char *path)
{
	if (unlinkat(AT_FDCWD, path, AT_REMOVEDIR) == 0)
		return 0;
	return remove_at(AT_FDCWD, path, 0);
}

/* ---- One activity's ------------------------------------------------------------------------------------------- */

struct removal {
	uv_work_t work;
	struct engine *engine;
	char *path;
	int error;
};

static void remove_now(uv_work_t *work)
{
	struct removal *r = work->data;

	r->error = scratch_remove_tree(r->path);
}

static void removed(uv_work_t *work, int status)
{
	struct removal *r = work->data;
	struct engine *e = r->engine;

	if (status == 0 && r->error < 0)
		log_warn("a scratch folder was left behind", log_str("path", r->path), log_errno(r->error), LOG_END);
	free(r->path);
	free(r);
	engine_let_go(e);
}

void scratch_remove(struct engine *e, const char *activity_id)
{
	struct removal *r = calloc(1, sizeof(*r));

	if (!r)
		return;
	r->engine = e;
	r->work.data = r;
	r->path = text_printf("%s/%s", e->scratch, activity_id);
	if (!r->path || uv_queue_work(e->loop, &r->work, remove_now, removed) < 0) {
		free(r->path);
		free(r);
		return;
	}
	engine_hold(e);
}

/* ---- What earlier daemons left -------------------------------------------------------------------------------- */

struct listing {
	uv_work_t work;
	struct engine *engine;
	char (*ids)[ID_SIZE];
	size_t count, cap;
};

static int remember(struct listing *l, const char *id)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		char(*ids)[ID_SIZE] = realloc(l->ids, cap * sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		l->ids = ids;
		l->cap = cap;
	}
	memcpy(l->ids[l->count++], id, ID_SIZE);
	return 0;
}

static void list_folder(uv_work_t *work)
{
	struct listing *l = work->data;
	DIR *folder = opendir(l->engine->scratch);
	struct dirent *d;

	while (folder && (d = readdir(folder))) {
		if (id_valid(d->d_name) && remember(l, d->d_name) < 0)
			break;
	}
	if (folder)
		(void)closedir(folder);
}

struct question {
	struct engine *engine;
	char id[ID_SIZE];
};

static void known(void *arg, int status, const struct store_activity_row *row)
{
	struct question *q = arg;

	if (!q->engine->quiet && (status == -ENOENT || (status == 0 && status_is_final(row->status))))
		scratch_remove(q->engine, q->id);
	free(q);
}

static void listed(uv_work_t *work, int status)
{
	struct listing *l = work->data;
	struct engine *e = l->engine;

	for (size_t i = 0; status == 0 && !e->stopping && i < l->count; i++) {
		struct question *q = calloc(1, sizeof(*q));

		if (!q)
			break;
		q->engine = e;
		memcpy(q->id, l->ids[i], ID_SIZE);
		if (store_get_activity(e->store, q->id, known, q) < 0)
			free(q);
	}
	free(l->ids);
	free(l);
	engine_let_go(e);
}

void scratch_clean(struct engine *e)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (!l)
		return;
	l->engine = e;
	l->work.data = l;
	if (uv_queue_work(e->loop, &l->work, list_folder, listed) < 0) {
		free(l);
		return;
	}
	engine_hold(e);
}

/* Before anything is claimed, on the pool. */
void scratch_remove_attempts(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *d;

	while (folder && (d = readdir(folder))) {
		char id[ID_SIZE] = "";

		if (strlen(d->d_name) <= ID_LEN || d->d_name[ID_LEN] != '.')
			continue;
		memcpy(id, d->d_name, ID_LEN);
		if (id_valid(id))
			(void)remove_at(dirfd(folder), d->d_name, 0);
	}
	if (folder)
		(void)closedir(folder);
}
