#include "unit/store/support_powercut.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/list.h"

/* One change that is not synced: what was there, and what came. */
struct change {
	struct list node;
	sqlite3_int64 offset, old_size;
	size_t old_len, new_len;
	bool truncates;
	unsigned char *old, *new;
};

struct disk_file {
	struct list node, changes;
	char *path;
};

struct cut_file {
	sqlite3_file base;
	struct disk_file *disk;
	sqlite3_file *real;
};

static struct {
	pthread_mutex_t mutex;
	sqlite3_vfs vfs, *real;
	struct list files;
	enum fault fault;
	uint64_t at, times, count;
	bool syncs_only, dead, struck;
} cut = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct cut_file *)(void *)file)->real;
}

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void drop_changes(struct disk_file *disk)
{
	list_each_safe (node, &disk->changes) {
		struct change *change = list_entry(node, struct change, node);
		list_remove(node);
		free(change->old);
		free(change->new);
		free(change);
	}
}

static struct disk_file *find_disk(const char *path)
{
	list_each (node, &cut.files) {
		struct disk_file *disk = list_entry(node, struct disk_file, node);
		if (strcmp(disk->path, path) == 0)
			return disk;
	}
	struct disk_file *disk = must(calloc(1, sizeof(*disk)));
	disk->path = must(strdup(path));
	list_init(&disk->changes);
	list_append(&cut.files, &disk->node);
	return disk;
}

/* Counts one operation; the fault that strikes it. */
static enum fault strike(bool is_sync)
{
	if (cut.dead)
		return FAULT_CUT;
	if (cut.syncs_only && !is_sync)
		return FAULT_NONE;
	cut.count++;
	if (cut.fault == FAULT_NONE || cut.count < cut.at || cut.count - cut.at >= cut.times)
		return FAULT_NONE;
	cut.struck = true;
	return cut.fault;
}

static struct change *remember(struct cut_file *file, sqlite3_int64 offset, size_t len)
{
	struct change *change = must(calloc(1, sizeof(*change)));
	change->offset = offset;
	file->real->pMethods->xFileSize(file->real, &change->old_size);
	if (change->old_size > offset) {
		sqlite3_int64 there = change->old_size - offset;
		change->old_len = (sqlite3_int64)len < there ? len : (size_t)there;
		change->old = must(malloc(change->old_len));
		file->real->pMethods->xRead(file->real, change->old, (int)change->old_len, offset);
	}
	list_append(&file->disk->changes, &change->node);
	return change;
}

static int write_through(struct cut_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
	struct change *change = remember(file, offset, (size_t)len);
	change->new = must(malloc((size_t)len));
	change->new_len = (size_t)len;
	memcpy(change->new, bytes, (size_t)len);
	return file->real->pMethods->xWrite(file->real, bytes, len, offset);
}

static int cut_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 offset)
{
	struct cut_file *file = (struct cut_file *)(void *)base;
	int code = SQLITE_IOERR_WRITE;
	pthread_mutex_lock(&cut.mutex);
	bool was_dead = cut.dead;
	enum fault fault = strike(false);
	if (fault == FAULT_NONE)
		code = write_through(file, bytes, len, offset);
	else if (fault == FAULT_FULL)
		code = SQLITE_FULL;
	if (fault == FAULT_CUT && !was_dead) {
		cut.dead = true;
		write_through(file, bytes, len / 2, offset);
	}
	pthread_mutex_unlock(&cut.mutex);
	return code;
}

static int cut_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct cut_file *file = (struct cut_file *)(void *)base;
	int code = SQLITE_IOERR_TRUNCATE;
	pthread_mutex_lock(&cut.mutex);
	enum fault fault = strike(false);
	if (fault == FAULT_NONE) {
		struct change *change = remember(file, size, (size_t)1 << 30);
		change->truncates = true;
		code = file->real->pMethods->xTruncate(file->real, size);
	}
	cut.dead = cut.dead || fault == FAULT_CUT;
	pthread_mutex_unlock(&cut.mutex);
	return code;
}

static int cut_sync(sqlite3_file *base, int flags)
{
	struct cut_file *file = (struct cut_file *)(void *)base;
	(void)flags;
	pthread_mutex_lock(&cut.mutex);
	enum fault fault = strike(true);
	if (fault == FAULT_NONE)
		drop_changes(file->disk);
	cut.dead = cut.dead || fault == FAULT_CUT;
	pthread_mutex_unlock(&cut.mutex);
	return fault == FAULT_NONE ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int cut_close(sqlite3_file *base)
{
	sqlite3_file *real = real_of(base);
	return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int cut_read(sqlite3_file *base, void *bytes, int len, sqlite3_int64 offset)
{
	return real_of(base)->pMethods->xRead(real_of(base), bytes, len, offset);
}

static int cut_file_size(sqlite3_file *base, sqlite3_int64 *size)
{
	return real_of(base)->pMethods->xFileSize(real_of(base), size);
}

static int cut_lock(sqlite3_file *base, int level)
{
	return real_of(base)->pMethods->xLock(real_of(base), level);
}

static int cut_unlock(sqlite3_file *base, int level)
{
	return real_of(base)->pMethods->xUnlock(real_of(base), level);
}

static int cut_check_lock(sqlite3_file *base, int *result)
{
	return real_of(base)->pMethods->xCheckReservedLock(real_of(base), result);
}

static int cut_control(sqlite3_file *base, int op, void *arg)
{
	return real_of(base)->pMethods->xFileControl(real_of(base), op, arg);
}

static int cut_sector_size(sqlite3_file *base)
{
	return real_of(base)->pMethods->xSectorSize(real_of(base));
}

static int cut_characteristics(sqlite3_file *base)
{
	return real_of(base)->pMethods->xDeviceCharacteristics(real_of(base));
}

static int cut_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **ret)
{
	return real_of(base)->pMethods->xShmMap(real_of(base), page, size, extend, ret);
}

static int cut_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
	return real_of(base)->pMethods->xShmLock(real_of(base), offset, n, flags);
}

static void cut_shm_barrier(sqlite3_file *base)
{
	real_of(base)->pMethods->xShmBarrier(real_of(base));
}

static int cut_shm_unmap(sqlite3_file *base, int remove)
{
	return real_of(base)->pMethods->xShmUnmap(real_of(base), remove);
}

static const sqlite3_io_methods cut_methods = {
	.iVersion = 2,
	.xClose = cut_close,
	.xRead = cut_read,
	.xWrite = cut_write,
	.xTruncate = cut_truncate,
	.xSync = cut_sync,
	.xFileSize = cut_file_size,
	.xLock = cut_lock,
	.xUnlock = cut_unlock,
	.xCheckReservedLock = cut_check_lock,
	.xFileControl = cut_control,
	.xSectorSize = cut_sector_size,
	.xDeviceCharacteristics = cut_characteristics,
	.xShmMap = cut_shm_map,
	.xShmLock = cut_shm_lock,
	.xShmBarrier = cut_shm_barrier,
	.xShmUnmap = cut_shm_unmap,
};

static int cut_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *ret_flags)
{
	struct cut_file *file = (struct cut_file *)(void *)base;
	(void)vfs;
	memset(file, 0, sizeof(*file));
	file->real = (sqlite3_file *)(void *)(file + 1);
	pthread_mutex_lock(&cut.mutex);
	bool dead = cut.dead;
	if (path)
		file->disk = find_disk(path);
	pthread_mutex_unlock(&cut.mutex);
	if (dead || !path)
		return SQLITE_CANTOPEN;
	int code = cut.real->xOpen(cut.real, path, file->real, flags, ret_flags);
	if (code == SQLITE_OK)
		base->pMethods = &cut_methods;
	return code;
}

static int cut_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
	(void)vfs;
	pthread_mutex_lock(&cut.mutex);
	bool dead = cut.dead;
	if (!dead)
		drop_changes(find_disk(path));
	pthread_mutex_unlock(&cut.mutex);
	return dead ? SQLITE_IOERR_DELETE : cut.real->xDelete(cut.real, path, sync_folder);
}

void powercut_install(void)
{
	if (cut.real)
		return;
	cut.real = sqlite3_vfs_find(NULL);
	cut.vfs = *cut.real;
	cut.vfs.pNext = NULL;
	cut.vfs.zName = "powercut";
	cut.vfs.szOsFile = (int)sizeof(struct cut_file) + cut.real->szOsFile;
	cut.vfs.xOpen = cut_open;
	cut.vfs.xDelete = cut_delete;
	list_init(&cut.files);
	sqlite3_vfs_register(&cut.vfs, 0);
}

static void forget_files(void)
{
	list_each_safe (node, &cut.files) {
		struct disk_file *disk = list_entry(node, struct disk_file, node);
		drop_changes(disk);
		list_remove(node);
		free(disk->path);
		free(disk);
	}
}

static void arm(enum fault fault, uint64_t at, uint64_t times, bool syncs_only)
{
	pthread_mutex_lock(&cut.mutex);
	cut.fault = fault;
	cut.at = at;
	cut.times = times;
	cut.count = 0;
	cut.syncs_only = syncs_only;
	cut.dead = cut.struck = false;
	pthread_mutex_unlock(&cut.mutex);
}

void powercut_arm(enum fault fault, uint64_t at, uint64_t times)
{
	arm(fault, at, times, false);
}

void powercut_arm_syncs(enum fault fault, uint64_t at, uint64_t times)
{
	arm(fault, at, times, true);
}

void powercut_disarm(void)
{
	pthread_mutex_lock(&cut.mutex);
	cut.fault = FAULT_NONE;
	pthread_mutex_unlock(&cut.mutex);
}

uint64_t powercut_count(void)
{
	pthread_mutex_lock(&cut.mutex);
	uint64_t count = cut.count;
	pthread_mutex_unlock(&cut.mutex);
	return count;
}

int powercut_struck(void)
{
	pthread_mutex_lock(&cut.mutex);
	int struck = cut.struck;
	pthread_mutex_unlock(&cut.mutex);
	return struck;
}

static void put(FILE *file, sqlite3_int64 offset, const void *bytes, size_t len)
{
	if (len > 0 && (fseek(file, (long)offset, SEEK_SET) != 0 || fwrite(bytes, 1, len, file) != len))
		abort();
	fflush(file);
}

static void undo(FILE *file, const struct change *change)
{
	put(file, change->offset, change->old, change->old_len);
	if (ftruncate(fileno(file), change->old_size) != 0)
		abort();
}

static void redo(FILE *file, const struct change *change)
{
	if (change->truncates && ftruncate(fileno(file), change->offset) != 0)
		abort();
	put(file, change->offset, change->new, change->new_len);
}

static void restore_file(struct disk_file *disk, enum kept kept, uint32_t *seed)
{
	FILE *file = list_empty(&disk->changes) ? NULL : fopen(disk->path, "r+");
	if (!file)
		return;
	for (struct list *node = disk->changes.prev; node != &disk->changes; node = node->prev)
		undo(file, list_entry(node, struct change, node));
	list_each (node, &disk->changes) {
		*seed = *seed * 1664525u + 1013904223u;
		if (kept == KEPT_SOME && (*seed >> 24) % 2)
			redo(file, list_entry(node, struct change, node));
	}
	fclose(file);
}

void powercut_restore(enum kept kept, uint32_t seed)
{
	list_each (node, &cut.files) {
		if (kept != KEPT_ALL)
			restore_file(list_entry(node, struct disk_file, node), kept, &seed);
	}
	forget_files();
	arm(FAULT_NONE, 0, 0, false);
}
