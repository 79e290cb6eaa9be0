/* The writer's connection: opening, transactions, the counters, checkpoints. */
#include "store/sqlite/internal.h"

#include <errno.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/log.h"
#include "store/sqlite/file.h"
#include "store/sqlite/migrate.h"

#define SCOPE_MAX 4096
#define FRAME_SIZE (4096 + 24)

static int note_frames(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct backend *b = arg;
	(void)db;
	(void)name;
	b->journal_frames = (size_t)frames;
	b->carried_over = false;
	return SQLITE_OK;
}

/* A statement that answers with one number. */
static int ask(struct backend *b, enum sql which, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, which, &st, "");
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r < 0 ? r : -EILSEQ;
	*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

static int load_counters(struct backend *b, struct backend_facts *ret_facts)
{
	sqlite3_stmt *st = NULL;
	struct counters counters = {0};
	int r = sql_bind(&b->writer, SQL_STORE_LOAD, &st, "");
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r < 0 ? r : -EILSEQ;
	snprintf(ret_facts->identity, sizeof(ret_facts->identity), "%s", (const char *)sqlite3_column_text(st, 0));
	ret_facts->epoch = (uint64_t)sqlite3_column_int64(st, 1);
	counters.event_seq = sqlite3_column_int64(st, 2);
	counters.input_seq = sqlite3_column_int64(st, 3);
	counters.log_seq = sqlite3_column_int64(st, 4);
	counters.action_seq = sqlite3_column_int64(st, 6);
	counters.activities = sqlite3_column_int64(st, 7);
	id_from_column(st, 5, ret_facts->newest_id);
	if (sqlite3_column_bytes(st, 5) == ID_BLOB)
		memcpy(counters.newest_id, sqlite3_column_blob(st, 5), ID_BLOB);
	sqlite3_reset(st);
	ret_facts->newest_event = (uint64_t)counters.event_seq;

	r = ask(b, SQL_COUNT_WAITING, &counters.waiting);
	if (r == 0)
		r = ask(b, SQL_COUNT_PROGRAMS, &counters.programs);
	if (r == 0)
		b->now = b->committed = counters;
	return r;
}

static int open_writer(struct backend *b)
{
	int r = database_open(&b->writer, b->path, b->vfs);
	if (r < 0)
		return r;
	r = migrate(&b->writer, b->path, b->vfs, schema_migrations, schema_version);
	if (r == 0)
		r = database_configure(&b->writer, DATABASE_WRITER);
	if (r < 0) {
		database_close(&b->writer);
		return r;
	}
	sqlite3_wal_hook(b->writer.db, note_frames, b);
	return 0;
}

static void rollback(struct backend *b)
{
	if (b->writer.db && !sqlite3_get_autocommit(b->writer.db))
		sql_run(&b->writer, SQL_ROLLBACK, "");
	b->now = b->committed;
	names_clear(&b->names);
}

/* Writes a little, through to the disk. */
static int probe(struct backend *b)
{
	int r = sql_run(&b->writer, SQL_BEGIN, "");
	if (r == 0)
		r = sql_run(&b->writer, SQL_STORE_PROBE, "");
	if (r == 0)
		r = sql_run(&b->writer, SQL_COMMIT, "");
	if (r < 0) {
		rollback(b);
		return r;
	}
	b->now.input_seq++;
	b->committed.input_seq++;
	return 0;
}

/* After a commit of which nobody knows whether it is on the disk: begins anew with what a reader finds there, and puts
 * another commit into its place, so that it cannot come back after a crash when it did not come now. */
static int reopen(struct backend *b)
{
	struct backend_facts facts;
	copy_break(b->copy, -EIO);
	database_close(&b->writer);
	names_clear(&b->names);
	int r = open_writer(b);
	if (r == 0)
		r = load_counters(b, &facts);
	if (r == 0)
		r = probe(b);
	if (r < 0)
		database_close(&b->writer);
	return r;
}

static int begin(struct backend *b)
{
	if (!b->writer.db) {
		int r = reopen(b);
		if (r < 0)
			return r;
	}
	return sql_run(&b->writer, SQL_BEGIN, "");
}

/* The shared index is written behind the journal: when only that fails, a restart would find the transaction. */
static bool is_unknown(int code)
{
	return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC || code == SQLITE_IOERR_SHMSIZE ||
	       code == SQLITE_IOERR_SHMMAP;
}

static bool counters_saved(const struct counters *now, const struct counters *saved)
{
	return now->event_seq == saved->event_seq && now->input_seq == saved->input_seq &&
	       now->log_seq == saved->log_seq && now->action_seq == saved->action_seq &&
	       now->activities == saved->activities && memcmp(now->newest_id, saved->newest_id, ID_BLOB) == 0;
}

static int save_counters(struct backend *b)
{
	static const uint8_t none[ID_BLOB];
	const struct counters *now = &b->now;
	if (counters_saved(now, &b->committed))
		return 0;
	return sql_run(&b->writer, SQL_STORE_SAVE, "iiibii", now->event_seq, now->input_seq, now->log_seq,
		       now->newest_id, memcmp(now->newest_id, none, ID_BLOB) == 0 ? (size_t)0 : (size_t)ID_BLOB,
		       now->action_seq, now->activities);
}

static int commit(struct backend *b)
{
	int r = save_counters(b);
	if (r < 0) {
		rollback(b);
		return r;
	}
	r = sql_run(&b->writer, SQL_COMMIT, "");
	if (r == 0) {
		b->committed = b->now;
		return 0;
	}
	if (!is_unknown(sqlite3_extended_errcode(b->writer.db))) {
		rollback(b);
		return r;
	}
	log_error("a commit was not confirmed by the disk; its outcome is unknown", LOG_END);
	reopen(b);
	return -EINPROGRESS;
}

static int start_epoch(struct backend *b, struct backend_facts *ret_facts)
{
	uint8_t random[(BACKEND_IDENTITY_SIZE - 1) / 2];
	char identity[BACKEND_IDENTITY_SIZE];

	digest_random(random, sizeof(random));
	digest_hex(random, sizeof(random), identity);
	int r = sql_run(&b->writer, SQL_BEGIN, "");
	if (r == 0)
		r = sql_run(&b->writer, SQL_STORE_MAKE, "t", identity);
	if (r == 0)
		r = sql_run(&b->writer, SQL_STORE_START, "");
	if (r == 0)
		r = sql_run(&b->writer, SQL_COMMIT, "");
	if (r < 0) {
		rollback(b);
		return r;
	}
	return load_counters(b, ret_facts);
}

static int open_database(struct backend *b, struct backend_facts *ret_facts)
{
	int r = open_writer(b);
	if (r == 0)
		r = start_epoch(b, ret_facts);
	if (r < 0)
		database_close(&b->writer);
	return r;
}

static int open_files(struct backend *b, struct backend_facts *ret_facts)
{
	int r = file_lock(b->path, &b->lock_fd);
	if (r == 0)
		r = file_make(b->path);
	if (r == 0)
		r = open_database(b, ret_facts);
	/* A full disk is no reason not to start: that is what the ballast is for. */
	if (r == -ENOSPC && ballast_free(b->path)) {
		r = open_database(b, ret_facts);
		ret_facts->room_missing = true;
	} else if (r == 0) {
		ret_facts->room_missing = ballast_make(b->path, b->ballast) < 0;
	}
	if (r == 0 && ret_facts->room_missing)
		log_warn("no room for the ballast file", log_str("store", b->path), LOG_END);
	if (r == 0)
		r = database_open(&b->checkpointer, b->path, b->vfs);
	if (r == 0)
		r = database_configure(&b->checkpointer, DATABASE_CHECKPOINT);
	return r;
}

static size_t journal_size(const struct backend *b)
{
	return b->journal_frames * FRAME_SIZE;
}

static bool checkpoint_fits(const struct backend *b)
{
	return file_room(b->path, journal_size(b));
}

/* After a clean end everything is in the database file, and the journal is gone. */
static void leave_tidy(struct backend *b)
{
	if (b->writer.db && checkpoint_fits(b))
		sqlite3_db_config(b->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
}

static void backend_close(struct backend *b)
{
	database_close(&b->checkpointer);
	leave_tidy(b);
	database_close(&b->writer);
	names_clear(&b->names);
	buf_release(&b->scope);
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	free(b->vfs);
	free(b->path);
	free(b);
}

static int64_t bound(size_t value)
{
	return value < INT64_MAX ? (int64_t)value : INT64_MAX;
}

static int backend_open(const struct store_options *options, struct backend **ret, struct backend_facts *ret_facts)
{
	struct backend *b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->lock_fd = -1;
	b->path = strdup(options->path);
	b->vfs = options->vfs ? strdup(options->vfs) : NULL;
	b->queue_max = bound(options->queue_max);
	b->log_max = options->log_max;
	b->ballast = options->ballast;
	b->retention_activities_ms = options->retention_activities_ms;
	b->retention_events_ms = options->retention_events_ms;
	b->retention_activities_max = bound(options->retention_activities_max);
	b->retention_events_max = bound(options->retention_events_max);
	names_init(&b->names);
	buf_init(&b->scope, SCOPE_MAX);
	int r = b->path && (b->vfs || !options->vfs) ? open_files(b, ret_facts) : -ENOMEM;
	if (r < 0) {
		backend_close(b);
		return r;
	}
	*ret = b;
	return 0;
}

static int apply(struct backend *b, struct store_op *op)
{
	switch (op->kind) {
	case STORE_ADMIT:
		return apply_admit(b, list_entry(op, struct store_admit, op));
	case STORE_TRANSITION:
		return apply_transition(b, list_entry(op, struct store_transition, op));
	case STORE_LOG:
		return apply_log(b, list_entry(op, struct store_log, op));
	case STORE_DEFINITIONS:
		return apply_definitions(b, list_entry(op, struct store_definitions, op));
	case STORE_ENABLE:
		return apply_enable(b, list_entry(op, struct store_enable, op));
	case STORE_TOKEN:
		return apply_token(b, list_entry(op, struct store_token, op));
	case STORE_KV:
		return apply_kv(b, list_entry(op, struct store_kv, op));
	case STORE_REFUSALS:
		return apply_refusals(b, list_entry(op, struct store_refusals, op));
	case STORE_ACCOUNT:
		return apply_account(b, list_entry(op, struct store_account, op));
	case STORE_ACTION:
		return apply_action(b, list_entry(op, struct store_action, op));
	case STORE_REMOVE:
		return apply_remove(b, list_entry(op, struct store_remove, op));
	case STORE_PROGRAMS:
		return apply_programs(b, list_entry(op, struct store_programs, op));
	case STORE_TURNS:
		return apply_turns(b, list_entry(op, struct store_turns, op));
	case STORE_EVENT:
		return apply_event(b, list_entry(op, struct store_event, op));
	}
	return -EINVAL;
}

static int retain_transaction(struct backend *b, int64_t now_ms, size_t rows, bool *ret_more)
{
	bool more = false;
	int r = begin(b);
	if (r < 0)
		return r;
	r = retain(b, now_ms, rows, &more);
	if (r < 0) {
		rollback(b);
		return r;
	}
	r = commit(b);
	if (r == 0)
		*ret_more = more;
	return r;
}

static int look_at_backlog(struct backend *b, struct backlog *ret)
{
	int64_t oldest_ms = 0;
	if (!b->writer.db)
		return -EIO;
	int r = b->committed.waiting > 0 ? ask(b, SQL_OLDEST_WAITING, &oldest_ms) : 0;
	if (r == 0)
		*ret = (struct backlog){(size_t)b->committed.waiting, oldest_ms};
	return r;
}

static bool free_room(struct backend *b)
{
	return ballast_free(b->path);
}

static int regain_room(struct backend *b)
{
	if (b->carried_over && b->writer.db)
		(void)probe(b);
	if (!ballast_fits(b->path, b->ballast))
		return -ENOSPC;
	int r = b->writer.db ? probe(b) : reopen(b);
	return r < 0 ? r : ballast_make(b->path, b->ballast);
}

static int run_checkpoint(struct database *c, int *ret_frames, int *ret_carried)
{
	int code = sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, ret_frames, ret_carried);
	return code == SQLITE_OK ? 0 : database_error(c, code);
}

static int checkpoint(struct backend *b, bool *ret_complete)
{
	int frames = 0, carried = 0;
	if (!b->writer.db)
		return -EIO;
	int r = run_checkpoint(&b->writer, &frames, &carried);
	if (r == 0)
		*ret_complete = b->carried_over = carried >= frames;
	return r;
}

static int checkpoint_aside(struct backend *b, size_t *ret_carried)
{
	int frames = 0, carried = 0;
	int r = run_checkpoint(&b->checkpointer, &frames, &carried);
	if (r == 0)
		*ret_carried = (size_t)(carried > 0 ? carried : 0) * FRAME_SIZE;
	return r;
}

const struct backend_driver sqlite_driver = {
	.open = backend_open,
	.close = backend_close,
	.begin = begin,
	.apply = apply,
	.commit = commit,
	.rollback = rollback,
	.retain = retain_transaction,
	.backlog = look_at_backlog,
	.free_room = free_room,
	.regain_room = regain_room,
	.journal_size = journal_size,
	.checkpoint_fits = checkpoint_fits,
	.checkpoint = checkpoint,
	.checkpoint_aside = checkpoint_aside,
	.copy_open = copy_open,
	.copy_step = copy_step,
	.copy_close = copy_close,
	.reader_open = reader_open,
	.reader_close = reader_close,
	.read = reader_read,
};
