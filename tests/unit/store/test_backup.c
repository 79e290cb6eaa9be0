#include "unit/store/support_store.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/sqlite/database.h"
#include "unit/store/support_powercut.h"

#define BIG_LEN 20000
#define BIG_COUNT 600

struct backup {
	bool done;
	int status;
	size_t progress, left;
};

static void on_progress(void *arg, size_t left, size_t pages)
{
	struct backup *b = arg;
	assert_true(left <= pages);
	assert_false(b->done);
	b->left = left;
	b->progress++;
}

static void on_backup(void *arg, int status)
{
	struct backup *b = arg;
	assert_false(b->done);
	b->status = status;
	b->done = true;
}

static bool is_backed_up(void *arg)
{
	return ((struct backup *)arg)->done;
}

static int back_up(struct fixture *f, const char *path)
{
	struct backup b = {0};
	assert_int_equal(store_backup(f->store, path, on_progress, on_backup, &b), 0);
	assert_false(b.done);
	wait_until(f, is_backed_up, &b);
	return b.status;
}

static void copy_name(const struct fixture *f, char to[static 100])
{
	snprintf(to, 100, "%s/copy.db", f->folder);
}

static bool exists(const char *path, const char *suffix)
{
	char name[140];
	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return access(name, F_OK) == 0;
}

/* Admissions of some size: the store is no longer copied in one slice. */
static void grow(struct fixture *f)
{
	static char payload[BIG_LEN];
	static struct store_admit ops[BIG_COUNT];

	memset(payload, '1', sizeof(payload));
	for (int i = 0; i < BIG_COUNT; i++) {
		ops[i] = make_admit(f);
		ops[i].payload = payload;
		ops[i].payload_len = sizeof(payload);
		begin_op(f, &ops[i].op, STORE_ADMIT);
	}
	for (int i = 0; i < BIG_COUNT; i++) {
		end_op(f, &ops[i].op);
		assert_int_equal(ops[i].op.status, 0);
		free_admit(&ops[i]);
	}
}

/* The copy in the place of the store. */
static void open_copy(struct fixture *f, const char *path)
{
	fixture_close(f);
	assert_int_equal(rename(path, f->path), 0);
	assert_int_equal(fixture_open(f), 0);
}

static void assert_sound(const char *path)
{
	struct database c;
	sqlite3_stmt *st;
	assert_int_equal(database_open(&c, path, NULL), 0);
	assert_int_equal(sqlite3_prepare_v2(c.db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_finalize(st);
	database_close(&c);
}

static void the_copy_starts_as_a_store(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], path[100], identity[40];
	struct stat about;

	admit(f, id);
	copy_name(f, path);
	snprintf(identity, sizeof(identity), "%s", store_identity(f->store));
	assert_int_equal(back_up(f, path), 0);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_false(exists(path, ".unfinished"));
	assert_false(exists(path, "-journal"));
	assert_false(exists(path, "-wal"));
	open_copy(f, path);
	assert_string_equal(store_identity(f->store), identity);
	assert_int_equal(activity_status(f, id), STATUS_NOTSTARTED);
	admit(f, id);
}

static void a_file_that_is_there_stays_as_it_is(void **state)
{
	struct fixture *f = *state;
	char path[100], id[ID_SIZE];
	struct stat before, after;

	copy_name(f, path);
	assert_int_equal(back_up(f, path), 0);
	assert_int_equal(stat(path, &before), 0);
	admit(f, id);
	assert_int_equal(back_up(f, path), -EEXIST);
	assert_int_equal(back_up(f, f->path), -EEXIST);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtime, after.st_mtime);
	assert_int_equal(back_up(f, "/nonexistent/folder/copy.db"), -ENOENT);
}

static void there_is_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	char path[100];
	struct backup b = {0}, other = {0};

	grow(f);
	copy_name(f, path);
	assert_int_equal(store_backup(f->store, path, on_progress, on_backup, &b), 0);
	assert_int_equal(store_backup(f->store, path, NULL, on_backup, &other), -EBUSY);
	wait_until(f, is_backed_up, &b);
	assert_int_equal(b.status, 0);
	assert_false(other.done);
	unlink(path);
	assert_int_equal(back_up(f, path), 0);
}

struct load {
	struct fixture *f;
	struct store_admit *ops;
	size_t begun, acknowledged, at_end;
	struct backup backup;
};

#define LOAD_MAX 60000
#define IN_FLIGHT 400

static void on_loaded_backup(void *arg, int status)
{
	struct load *load = arg;
	for (; load->acknowledged < load->begun && !load->ops[load->acknowledged].op.done; load->acknowledged++)
		;
	load->at_end = load->acknowledged;
	on_backup(&load->backup, status);
}

/* Goes on until the backup has ended, and a bit longer. */
static bool is_loaded(void *arg)
{
	struct load *load = arg;
	while (load->acknowledged < load->begun && !load->ops[load->acknowledged].op.done)
		load->acknowledged++;
	while (load->begun < LOAD_MAX && load->begun - load->acknowledged < IN_FLIGHT) {
		struct store_admit *a = &load->ops[load->begun++];
		*a = make_admit(load->f);
		begin_op(load->f, &a->op, STORE_ADMIT);
	}
	return load->backup.done && load->acknowledged >= load->at_end + 1000;
}

static void what_was_acknowledged_before_its_end_is_in_the_copy(void **state)
{
	struct fixture *f = *state;
	struct load load = {.f = f, .ops = calloc(LOAD_MAX, sizeof(*load.ops))};
	char path[100];

	assert_non_null(load.ops);
	grow(f);
	copy_name(f, path);
	/* The load runs before, while and after. */
	while (load.acknowledged < 1000)
		is_loaded(&load), uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(store_backup(f->store, path, NULL, on_loaded_backup, &load), 0);
	wait_until(f, is_loaded, &load);
	assert_int_equal(load.backup.status, 0);
	assert_true(load.begun < LOAD_MAX);
	for (size_t i = 0; i < load.begun; i++) {
		end_op(f, &load.ops[i].op);
		assert_int_equal(load.ops[i].op.status, 0);
		free_admit(&load.ops[i]);
	}
	assert_sound(path);
	open_copy(f, path);
	uint64_t newest = store_newest_event(f->store);
	assert_true(load.at_end > 1000);
	assert_true(newest >= BIG_COUNT + 1 + load.at_end);
	assert_true(newest < BIG_COUNT + 1 + load.begun);
	for (size_t i = 0; i < load.at_end; i += 97)
		assert_int_equal(activity_status(f, load.ops[i].id), STATUS_NOTSTARTED);
	assert_int_equal(activity_status(f, load.ops[load.at_end - 1].id), STATUS_NOTSTARTED);
	free(load.ops);
}

static void closing_ends_it_and_leaves_no_file(void **state)
{
	struct fixture *f = *state;
	struct backup b = {0};
	char path[100];

	grow(f);
	copy_name(f, path);
	assert_int_equal(store_backup(f->store, path, NULL, on_backup, &b), 0);
	fixture_close(f);
	assert_true(b.done);
	assert_true(b.status == -ECANCELED || b.status == 0);
	assert_int_equal(exists(path, ""), b.status == 0);
	assert_false(exists(path, ".unfinished"));
	assert_int_equal(fixture_open(f), 0);
}

static void die(void *arg, size_t left, size_t pages)
{
	(void)arg;
	(void)left;
	(void)pages;
	kill(getpid(), SIGKILL);
}

static void die_late(void *arg, int status)
{
	(void)arg;
	(void)status;
	kill(getpid(), SIGKILL);
}

static void back_up_and_die(struct fixture *f, const char *path)
{
	struct backup never = {0};
	if (uv_loop_fork(&f->loop) < 0 || fixture_open(f) < 0)
		_exit(1);
	fixture_define(f);
	grow(f);
	if (store_backup(f->store, path, die, die_late, &never) < 0)
		_exit(1);
	wait_until(f, is_backed_up, &never);
	_exit(1);
}

static void after_a_kill_the_unfinished_file_is_replaced_by_the_next_one(void **state)
{
	struct fixture f;
	char path[100], name[120];
	int status;
	(void)state;

	fixture_init(&f);
	copy_name(&f, path);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		back_up_and_die(&f, path);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	/* The name is there with a whole store behind it, or not at all. */
	assert_true(exists(path, "") != exists(path, ".unfinished"));
	unlink(path);
	snprintf(name, sizeof(name), "%s.unfinished", path);
	FILE *left = fopen(name, "a");
	assert_non_null(left);
	fputs("what a kill left", left);
	fclose(left);
	assert_int_equal(fixture_open(&f), 0);
	assert_int_equal(back_up(&f, path), 0);
	assert_false(exists(path, ".unfinished"));
	assert_sound(path);
	fixture_release(&f);
}

static int setup_powercut(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	assert_non_null(f);
	fixture_init(f);
	powercut_install();
	log_setup(LOG_ERROR + 1, false);
	f->options.vfs = "powercut";
	assert_int_equal(fixture_open(f), 0);
	fixture_define(f);
	*state = f;
	return 0;
}

static int teardown_powercut(void **state)
{
	powercut_disarm();
	fixture_teardown(state);
	powercut_restore(KEPT_ALL, 0);
	return 0;
}

/* At each write and sync of the copy: the store itself does not notice. */
static void sweep(struct fixture *f, enum fault fault, int expected)
{
	char path[100], id[ID_SIZE];
	uint64_t at = 1;

	copy_name(f, path);
	for (;; at++) {
		powercut_arm(fault, at, 1);
		int status = back_up(f, path);
		bool struck = powercut_struck();
		powercut_disarm();
		assert_true(status == 0 || status == expected || (struck && status == -EIO));
		assert_int_equal(status < 0, struck);
		assert_int_equal(exists(path, ""), status == 0);
		assert_false(exists(path, ".unfinished"));
		assert_int_equal(health_worst(f->health), HEALTH_OK);
		assert_false(store_is_full(f->store));
		admit(f, id);
		if (status == 0)
			break;
	}
	/* A copy is more than a few writes. */
	assert_true(at > 20);
	assert_sound(path);
}

static void a_full_disk_of_the_copy_fails_only_the_copy(void **state)
{
	sweep(*state, FAULT_FULL, -ENOSPC);
}

static void a_failing_disk_of_the_copy_fails_only_the_copy(void **state)
{
	sweep(*state, FAULT_IO, -EIO);
}

/* A failed sync of the store's own journal makes it begin anew on another connection. */
static void a_commit_of_unknown_outcome_ends_the_copy(void **state)
{
	struct fixture *f = *state;
	struct backup b = {0};
	char path[100];
	bool ended = false;

	copy_name(f, path);
	grow(f);
	for (int i = 0; i < 100 && !ended; i++) {
		struct store_admit a = make_admit(f);
		b = (struct backup){0};
		assert_int_equal(store_backup(f->store, path, NULL, on_backup, &b), 0);
		/* Whose sync it strikes is a matter of who comes first. */
		powercut_arm_syncs(FAULT_IO, 1 + (uint64_t)i % 3, 1);
		int status = run_op(f, &a.op, STORE_ADMIT);
		wait_until(f, is_backed_up, &b);
		powercut_disarm();
		if (status == 0)
			free_admit(&a);
		ended = status == -EINPROGRESS && b.status < 0;
		assert_int_equal(exists(path, ""), b.status == 0);
		assert_false(exists(path, ".unfinished"));
		unlink(path);
	}
	assert_true(ended);
	assert_int_equal(back_up(f, path), 0);
	assert_sound(path);
}

static void restore_waits_for_no_daemon_and_keeps_what_was_there(void **state)
{
	struct fixture *f = *state;
	char path[100], kept[ID_SIZE], lost[ID_SIZE], *aside = NULL;

	copy_name(f, path);
	admit(f, kept);
	assert_int_equal(back_up(f, path), 0);
	admit(f, lost);
	assert_int_equal(store_restore(f->path, path, &aside), -EBUSY);
	fixture_close(f);
	assert_int_equal(store_restore(f->path, f->path, &aside), -EINVAL);
	assert_int_equal(store_restore(f->path, "/nowhere.db", &aside), -ENOENT);
	assert_null(aside);
	assert_int_equal(store_restore(f->path, path, &aside), 0);
	assert_true(exists(path, ""));
	assert_false(exists(f->path, ".restoring"));
	assert_non_null(aside);
	assert_sound(aside);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(activity_status(f, kept), STATUS_NOTSTARTED);
	assert_int_equal(activity_status(f, lost), -ENOENT);
	fixture_close(f);
	assert_int_equal(rename(aside, f->path), 0);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(activity_status(f, lost), STATUS_NOTSTARTED);
	free(aside);
}

static void a_store_with_a_journal_is_not_taken_for_a_backup(void **state)
{
	struct fixture *f = *state;
	char path[100], *aside = NULL;

	copy_name(f, path);
	admit(f, (char[ID_SIZE]){0});
	/* f->path is open and has a journal. */
	assert_int_equal(store_restore(path, f->path, &aside), -ETXTBSY);
	assert_false(exists(path, ""));
	assert_null(aside);
}

#define BACKUP_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define FAULT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_powercut, teardown_powercut)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKUP_TEST(the_copy_starts_as_a_store),
		BACKUP_TEST(a_file_that_is_there_stays_as_it_is),
		BACKUP_TEST(there_is_one_at_a_time),
		BACKUP_TEST(what_was_acknowledged_before_its_end_is_in_the_copy),
		BACKUP_TEST(closing_ends_it_and_leaves_no_file),
		BACKUP_TEST(restore_waits_for_no_daemon_and_keeps_what_was_there),
		BACKUP_TEST(a_store_with_a_journal_is_not_taken_for_a_backup),
		cmocka_unit_test(after_a_kill_the_unfinished_file_is_replaced_by_the_next_one),
		FAULT_TEST(a_full_disk_of_the_copy_fails_only_the_copy),
		FAULT_TEST(a_failing_disk_of_the_copy_fails_only_the_copy),
		FAULT_TEST(a_commit_of_unknown_outcome_ends_the_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
