/* What a kind of database must offer to be the store: synchronous functions, called by the store's threads. A second
 * backend is one more folder beside sqlite/ with one more `struct backend_driver`.
 *
 * A backend decides nothing about batches, order, retries or threads (worker.c, batch.c do) and never calls back.
 * begin, apply, commit, rollback, retain, checkpoint, the room and the copy functions are the writer thread's;
 * checkpoint_aside is the checkpoint thread's; a reader belongs to the reader thread that uses it. open and close
 * are called before the threads start and after they have ended. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/request.h"
#include "store/store.h"

#define BACKEND_IDENTITY_SIZE 33

struct backend;
struct backend_reader;
struct backend_copy;

struct backend_facts {
	char identity[BACKEND_IDENTITY_SIZE];
	char newest_id[ID_SIZE];
	uint64_t newest_event;
	uint64_t epoch;
	bool room_missing; /* there was no room to be kept for a full disk */
};

/* What waits to be started, and when the oldest of it came. */
struct backlog {
	size_t waiting;
	int64_t oldest_ms;
};

struct backend_driver {
	int (*open)(const struct store_options *options, struct backend **ret, struct backend_facts *ret_facts);
	void (*close)(struct backend *b);

	int (*begin)(struct backend *b);
	/* 0: the operation is settled as far as the transaction goes: op->status and its ret_ fields say how, and where
	 * op->status is negative it has changed nothing. Negative: it may have changed something, so roll back. */
	int (*apply)(struct backend *b, struct store_op *op);
	/* Negative: rolled back, surely (-ENOSPC, -EIO, ...), or perhaps (-EINPROGRESS). */
	int (*commit)(struct backend *b);
	void (*rollback)(struct backend *b);

	/* Deletes at most about `rows` rows that are past their time, in a transaction of its own. *ret_more: there
	 * is more. */
	int (*retain)(struct backend *b, int64_t now_ms, size_t rows, bool *ret_more);

	/* Looks at one row, whatever waits. */
	int (*backlog)(struct backend *b, struct backlog *ret);

	/* Makes room that was kept for a full disk. Whether there was any. */
	bool (*free_room)(struct backend *b);
	/* 0: writing works again and the room is kept again. */
	int (*regain_room)(struct backend *b);

	/* Bytes of committed changes that lie in the journal; a journal that was carried over as a whole starts
	 * again. */
	size_t (*journal_size)(const struct backend *b);
	/* Carry the journal over to the database: how many of its bytes are there, and whether that is all of them.
	 * checkpoint_aside runs beside the writer. */
	bool (*checkpoint_fits)(const struct backend *b); /* whether the disk has room for that */
	int (*checkpoint)(struct backend *b, bool *ret_complete);
	int (*checkpoint_aside)(struct backend *b, size_t *ret_carried);

	/* A copy of the store as a new file, in slices between transactions: -EEXIST, -ENOSPC, -EIO, -EACCES, -ENOENT. One at
	 * a time. A step gives 1 when the copy is complete and has its name; closing an incomplete one removes it. */
	int (*copy_open)(struct backend *b, const char *path, struct backend_copy **ret);
	int (*copy_step)(struct backend_copy *c, size_t *ret_left, size_t *ret_pages);
	void (*copy_close)(struct backend_copy *c);

	int (*reader_open)(struct backend *b, struct backend_reader **ret);
	void (*reader_close)(struct backend_reader *r);
	/* Fills the results of one request from one snapshot. */
	int (*read)(struct backend_reader *r, struct store_request *request);
};

extern const struct backend_driver sqlite_driver;

#endif
