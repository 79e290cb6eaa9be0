/* A copy of the store made on the writer's own connection: what is committed meanwhile SQLite carries over by itself, and
 * nothing is begun anew (sqlite.org/c3ref/backup_finish.html). Between two slices no snapshot is held, so the journal
 * can be carried over and start again.
 *
 * The copy is PATH.unfinished until it is complete. It has no journal of its own: an unfinished one is thrown away. */
#include "store/sqlite/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/sqlite/file.h"

#define SLICE 256
#define PAGE_SIZE 4096
/* Left free for the store itself on a disk that both are on: its journal and a ballast. */
#define STORE_ROOM ((size_t)128 << 20)

struct backend_copy {
	struct backend *backend;
	struct database to;
	sqlite3_backup *backup; /* NULL: broken, for the reason in `status` */
	char *path, *unfinished;
	int pages; /* of the store, at the last slice */
	int status;
	bool same_disk;
};

static bool on_same_disk(const char *one, const char *other)
{
	struct stat a, b;
	return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev;
}

static int open_target(struct backend_copy *c)
{
	if (access(c->path, F_OK) == 0)
		return -EEXIST;
	/* One that was left when the power went. */
	if (unlink(c->unfinished) < 0 && errno != ENOENT)
		return -errno;
	int r = file_make(c->unfinished);
	if (r == 0)
		r = database_open(&c->to, c->unfinished, c->backend->vfs);
	if (r == 0)
		r = database_exec(&c->to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL");
	if (r < 0)
		return r;
	c->same_disk = on_same_disk(c->unfinished, c->backend->path);
	c->backup = sqlite3_backup_init(c->to.db, "main", c->backend->writer.db, "main");
	return c->backup ? 0 : database_error(&c->to, sqlite3_errcode(c->to.db));
}

int copy_open(struct backend *b, const char *path, struct backend_copy **ret)
{
	struct backend_copy *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->backend = b;
	c->path = strdup(path);
	if (asprintf(&c->unfinished, "%s.unfinished", path) < 0)
		c->unfinished = NULL;
	b->copy = c;
	int r = -ENOMEM;
	if (c->path && c->unfinished)
		r = b->writer.db ? open_target(c) : -EIO;
	if (r < 0) {
		copy_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* So much that the copy gains on a store that grows meanwhile. */
static int slice_size(const struct backend_copy *c)
{
	int pages = sqlite3_backup_pagecount(c->backup);
	int grown = c->pages > 0 && pages > c->pages ? pages - c->pages : 0;
	return grown < INT32_MAX / 4 ? SLICE + 2 * grown : SLICE;
}

/* Slice by slice, so that the last sync is not one of gigabytes. */
static int sync_target(struct backend_copy *c)
{
	sqlite3_file *file = NULL;
	int code = sqlite3_file_control(c->to.db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (code == SQLITE_OK && file && file->pMethods)
		code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
	return code == SQLITE_OK ? 0 : database_error(&c->to, code);
}

static bool has_room(const struct backend_copy *c, size_t pages_left)
{
	return file_room(c->unfinished, pages_left * PAGE_SIZE + (c->same_disk ? STORE_ROOM : 0));
}

/* The name is never taken from another file. */
static int name_it(const struct backend_copy *c)
{
	if (renameat2(AT_FDCWD, c->unfinished, AT_FDCWD, c->path, RENAME_NOREPLACE) < 0) {
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
		/* A file system that knows no such flag. */
		if (access(c->path, F_OK) == 0)
			return -EEXIST;
		if (rename(c->unfinished, c->path) < 0)
			return -errno;
	}
	return file_sync_folder(c->path);
}

static int finish(struct backend_copy *c)
{
	int code = sqlite3_backup_finish(c->backup);
	c->backup = NULL;
	int r = code == SQLITE_OK ? sync_target(c) : database_error(&c->to, code);
	if (r < 0)
		return r;
	database_close(&c->to);
	r = name_it(c);
	if (r < 0)
		return r;
	/* It is not ours any more. */
	free(c->unfinished);
	c->unfinished = NULL;
	return 1;
}

int copy_step(struct backend_copy *c, size_t *ret_left, size_t *ret_pages)
{
	if (!c->backup)
		return c->status;
	int code = sqlite3_backup_step(c->backup, slice_size(c));
	if (code == SQLITE_DONE)
		return finish(c);
	if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED)
		return database_error(&c->to, code);
	c->pages = sqlite3_backup_pagecount(c->backup);
	size_t left = (size_t)sqlite3_backup_remaining(c->backup);
	if (!has_room(c, left))
		return -ENOSPC;
	int r = sync_target(c);
	if (r < 0)
		return r;
	*ret_left = left;
	*ret_pages = (size_t)c->pages;
	return 0;
}

void copy_break(struct backend_copy *c, int status)
{
	if (!c || !c->backup)
		return;
	sqlite3_backup_finish(c->backup);
	c->backup = NULL;
	c->status = status;
}

void copy_close(struct backend_copy *c)
{
	copy_break(c, -ECANCELED);
	database_close(&c->to);
	if (c->unfinished)
		unlink(c->unfinished);
	c->backend->copy = NULL;
	free(c->unfinished);
	free(c->path);
	free(c);
}
