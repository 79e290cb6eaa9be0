/* What the files of the store share: its threads and what they hand to each other. Everything below `mutex` in
 * struct store is guarded by it; `writer` belongs to the writer thread alone. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <stdatomic.h>
#include "model/reason.h"
#include "store/backend.h"

#define READER_COUNT 2
#define BATCH_BYTES_MAX ((size_t)8 << 20)
/* From the first size on the journal is carried over beside the writer; past the second, admissions wait for that.
 * The second and a batch must fit into the usual ballast (64 MiB): on a full disk the journal is carried over into
 * its place. */
#define JOURNAL_CHECKPOINT ((size_t)12 << 20)
#define JOURNAL_MAX ((size_t)48 << 20)
/* The writer itself carries over what the checkpoint thread left, when it is no more than this. */
#define JOURNAL_FINISH ((size_t)3 << 20)
#define ROOM_RETRY_MS 500
#define RETAIN_EVERY_MS 1000
#define RETAIN_ROWS 400
#define BACKLOG_EVERY_MS 1000

/* The state machine of the disk, as the writer sees it:
 *   WELL --ENOSPC--> FULL --regain_room--> WELL
 *   WELL --EIO-----> FAILING --commit----> WELL */
enum disk { DISK_WELL, DISK_FULL, DISK_FAILING };

struct batch {
	struct store_op *ops[STORE_BATCH_MAX];
	size_t count, bytes;
	/* To take back what this batch did to orders: void_epoch as it was before ops[i]. */
	int64_t void_before[STORE_BATCH_MAX];
};

struct writer {
	struct batch batch;
	struct list settled; /* to be handed to the loop */
	enum disk disk;
	bool hold;                                                        /* the journal is past its bound */
	bool room_missing;                                                /* nothing is kept for a full disk */
	int64_t retry_ms, probe_ms, retain_ms, checkpoint_ms, backlog_ms; /* monotonic: not before */
};

/* What the loop has not yet been told. */
struct tally {
	double commit_seconds[64], commit_sizes[64];
	size_t commits_timed;
	struct backlog backlog;
	uint64_t commits, operations;
	size_t journal_bytes;
};

/* One backup, made by the loop and given back to it. */
struct backup {
	char *path;
	void (*progress)(void *arg, size_t pages_left, size_t pages);
	void (*done)(void *arg, int status);
	void *arg;
	struct backend_copy *copy; /* writer thread */
	/* Guarded by the mutex. */
	size_t left, pages;
	int64_t told_ms;
	bool news, ended;
	int status;
};

struct store {
	const struct backend_driver *driver;
	struct backend *backend;
	struct backend_facts facts;
	struct health *health;
	struct metric *commits, *operations, *commit_seconds, *commit_size, *journal_bytes, *queued, *waiting, *oldest,
		*degraded;
	uv_async_t wake;
	unsigned handles_open;
	/* Loop thread: what this turn has submitted, and the handles that find its end. */
	uv_idle_t turn_now;
	uv_check_t turn_end;
	struct list fresh;
	size_t fresh_len;
	atomic_bool full;
	bool closing; /* loop thread */

	uv_thread_t threads[2 + READER_COUNT];
	unsigned threads_started;
	struct reader_start {
		struct store *store;
		struct backend_reader *reader;
	} readers[READER_COUNT];
	struct writer writer;

	uv_mutex_t mutex;
	uv_cond_t work;        /* writer */
	uv_cond_t requests_in; /* readers */
	uv_cond_t checkpoint_in;
	struct list queue; /* of store_op */
	struct list held;  /* of store_op that wait for the journal; in front of `queue` */
	size_t queue_len;  /* both */
	struct list results;
	struct list requests, answers;
	struct backup *backup; /* NULL: none; the loop sets it, and takes it back when it has ended */
	struct tally tally;
	enum disk told_disk, disk;
	bool stopping;
	bool checkpoint_wanted, checkpoint_running, checkpoint_done;
	size_t carried; /* bytes of the journal that the last pass of the checkpoint thread left behind it */
};

/* worker.c: the writer thread. */
void worker_main(void *arg);
/* batch.c */
void batch_run(struct store *s);
void batch_reject(struct store *s, struct store_op *op, int status);
/* Operations that ask for something new: they wait or fail where others must not. */
bool op_is_patient(const struct store_op *op);
size_t op_bytes(const struct store_op *op);
/* chores.c: what the writer does between batches. */
void chores_run(struct store *s);
int64_t chores_next_ms(const struct store *s);
void chores_after_commit(struct store *s);
void chores_set_disk(struct store *s, enum disk disk, int error);
void checkpoint_main(void *arg);
/* backup.c */
void backup_run(struct store *s);
/* Writer thread, mutex held: a slice is to be copied. */
bool backup_due(const struct store *s);
/* Writer thread, at its end. */
void backup_cancel(struct store *s);
/* Loop thread. */
void backup_deliver(struct store *s);

/* deliver.c: results on the loop thread. */
void deliver_all(struct store *s);
/* metrics.c: loop thread. */
void metrics_begin(struct store *s, struct metrics *m);
void metrics_show(struct store *s, const struct tally *tally, size_t queued);
/* What became of one operation. */
/* read.c: reader threads. */
void reader_main(void *arg);
/* answer.c */
void request_deliver(struct store_request *request);

/* submit.c */
void submit_open(struct store *s, uv_loop_t *loop);
void submit_close(struct store *s, void (*close)(uv_handle_t *handle));
/* Hands over what has been submitted in this turn of the loop. */
void submit_flush(struct store *s);

#endif
