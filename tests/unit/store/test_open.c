#include "unit/store/support_store.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "model/reason.h"
#include "store/sqlite/migrate.h"

static mode_t mode_of(const struct fixture *f, const char *suffix)
{
	char name[100];
	struct stat about;
	snprintf(name, sizeof(name), "%s%s", f->path, suffix);
	return stat(name, &about) == 0 ? about.st_mode & 0777 : 0;
}

static void nobody_else_can_read_its_files(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	admit(f, id);
	assert_int_equal(mode_of(f, ""), 0600);
	assert_int_equal(mode_of(f, "-wal"), 0600);
	assert_int_equal(mode_of(f, "-shm"), 0600);
	assert_int_equal(mode_of(f, ".lock"), 0600);
	assert_int_equal(mode_of(f, ".ballast"), 0600);
	fixture_close(f);
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(mode_of(f, ""), 0600);
}

static void a_second_daemon_is_locked_out(void **state)
{
	struct fixture *f = *state;
	struct store *second = NULL;

	assert_int_equal(store_open(&f->options, &second), -EBUSY);
	assert_null(second);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
}

static void it_remembers_who_it_is_and_how_far_it_came(void **state)
{
	struct fixture *f = *state;
	char identity[40], id[ID_SIZE];

	snprintf(identity, sizeof(identity), "%s", store_identity(f->store));
	assert_int_equal(strlen(identity), 32);
	assert_int_equal(store_epoch(f->store), 1);
	assert_int_equal(store_newest_event(f->store), 0);
	assert_string_equal(store_newest_id(f->store), "");
	admit(f, id);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	assert_string_equal(store_identity(f->store), identity);
	assert_int_equal(store_epoch(f->store), 2);
	assert_int_equal(store_newest_event(f->store), 2);
	assert_string_equal(store_newest_id(f->store), id);
}

static void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 200; i++)
		fputs(text, file);
	fclose(file);
}

static void what_is_not_a_store_is_refused_and_left_alone(void **state)
{
	struct fixture f;
	struct database c;
	int64_t tables = 0;
	(void)state;

	fixture_init(&f);
	put_file(f.path, "this is not a database, but somebody's letter\n");
	assert_int_equal(fixture_open(&f), -EILSEQ);
	unlink(f.path);

	put_file(f.path, "");
	assert_int_equal(database_open(&c, f.path, NULL), 0);
	assert_int_equal(database_exec(&c, "CREATE TABLE theirs (a)"), 0);
	database_close(&c);
	assert_int_equal(fixture_open(&f), -EILSEQ);
	assert_int_equal(database_open(&c, f.path, NULL), 0);
	assert_int_equal(database_pragma_int(&c, "SELECT count(*) FROM sqlite_schema", &tables), 0);
	assert_int_equal(tables, 1);
	database_close(&c);

	f.options.path = "/nonexistent/folder/store.db";
	assert_int_equal(fixture_open(&f), -ENOENT);
	fixture_release(&f);
}

static void a_store_of_a_newer_version_is_refused(void **state)
{
	struct fixture *f = *state;
	struct database c;

	fixture_close(f);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_int_equal(database_exec(&c, "PRAGMA user_version = 10000"), 0);
	database_close(&c);
	assert_int_equal(fixture_open(f), -EPROTO);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	char text[60];
	snprintf(text, sizeof(text), "PRAGMA user_version = %d", schema_version);
	assert_int_equal(database_exec(&c, text), 0);
	database_close(&c);
	assert_int_equal(fixture_open(f), 0);
}

static int64_t ask(const char *path, const char *question)
{
	struct database c;
	int64_t answer = -1;
	assert_int_equal(database_open(&c, path, NULL), 0);
	assert_int_equal(database_pragma_int(&c, question, &answer), 0);
	database_close(&c);
	return answer;
}

/* A store as the first released schema knew it, with something in every table that was changed since. */
static void make_first(struct fixture *f)
{
	static const char content[] =
		"INSERT INTO store VALUES (1, '0123456789abcdef0123456789abcdef', 4, 7, 2, 1, "
		"x'018bcfe568000001000000ff');"
		"INSERT INTO workflow VALUES (1, x'018bcfe56800000100000001', 'demo', 'Demo', 'Testers', 1, 1, 0, 2);"
		"INSERT INTO revision VALUES (1, x'018bcfe56800000100000002', 1, 1, 'aa', 1700000000000, 'folder', "
		"'{}'),"
		" (2, x'018bcfe56800000100000003', 1, 2, 'bb', 1700000000001, 'folder', '{\"x\":1}');"
		"INSERT INTO source VALUES (1, 1, 'hook', 'webhook', 1);"
		"INSERT INTO input VALUES (1, 1700000000000, '{}', NULL, '{\"a\":1}'), (2, 1700000000000, '{}', NULL, "
		"NULL);"
		"INSERT INTO activity VALUES (x'018bcfe568000001000000f0', 1, 2, 1, 1, 0, 1700000000000, 0, 0, 0, "
		"NULL),"
		" (x'018bcfe568000001000000f4', 1, 1, 1, 2, 3, 1700000000000, 1, 1700000000005, 0, 'done');"
		"INSERT INTO log VALUES (1, x'018bcfe568000001000000f4', 0, 1, 111, 1700000000003, x'68656c6c6f');"
		"INSERT INTO dedup VALUES (1, x'6b', x'018bcfe568000001000000f0', x'00', 9700000000000);"
		"INSERT INTO event VALUES (7, 1700000000000, 1, 1, x'018bcfe568000001000000f0', '{}');"
		"INSERT INTO kv VALUES ('trigger/018bcfe56800000100000001/hook', x'63', x'3432');"
		"INSERT INTO refusal VALUES (1699999980000, x'018bcfe56800000100000001', 'hook', 'webhook', 1, "
		"1700000000000, 3, 'the filter said no');";
	struct database c;

	put_file(f->path, "");
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_int_equal(migrate(&c, f->path, NULL, schema_migrations, 1), 0);
	assert_int_equal(database_exec(&c, content), 0);
	database_close(&c);
}

static void tell(void *arg, const char *text)
{
	(void)arg;
	print_message("%s\n", text);
}

static void a_store_of_the_first_schema_goes_on_as_it_was(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	char copy[100], id[ID_SIZE], value[10];

	assert_non_null(f);
	*state = f;
	fixture_init(f);
	make_first(f);
	assert_int_equal(fixture_open(f), 0);
	assert_string_equal(store_identity(f->store), "0123456789abcdef0123456789abcdef");
	assert_int_equal(store_epoch(f->store), 5);
	assert_int_equal(store_newest_event(f->store), 7);
	snprintf(copy, sizeof(copy), "%s.schema-1", f->path);
	assert_int_equal(ask(copy, "PRAGMA user_version"), 1);
	assert_int_equal(ask(copy, "SELECT count(*) FROM activity"), 2);

	assert_int_equal(store_check(f->path, tell, NULL), 0);
	assert_int_equal(activity_status(f, "018bcfe568000001000000f4"), STATUS_COMPLETED);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM activity INDEXED BY activity_runnable WHERE status = 0 AND "
				      "(turn = 1 OR give_way = 1) AND lane IS NULL"),
			 1);
	memcpy(f->workflow_id, "018bcfe56800000100000001", ID_SIZE);
	assert_int_equal(refusal_count(f, REASON_FILTER), 3);
	f->workflow_id[0] = '\0';
	assert_int_equal(read_key(f, "trigger/018bcfe56800000100000001/hook", "c", value, sizeof(value)), 0);
	assert_int_equal(transition(f, "018bcfe568000001000000f0", STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
	/* The definition that is there already is known under its id. */
	fixture_define(f);
	assert_string_equal(f->workflow_id, "018bcfe56800000100000001");
	admit(f, id);
	assert_int_equal(activity_status(f, id), STATUS_NOTSTARTED);
}

/* As `version` left it: what came later is not there, and an action of that time has no covers. */
static void make_older(struct fixture *f, int version)
{
	struct database c;

	make_first(f);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_int_equal(migrate(&c, f->path, NULL, schema_migrations, version), 0);
	assert_int_equal(database_exec(&c, "INSERT INTO action VALUES (3, 1700000000000, 'a.b', 'ann', '{}');"
					   "UPDATE store SET action_seq = 3"),
			 0);
	database_close(&c);
}

static void keep_action(void *arg, int status, const struct store_action_row *rows, size_t count)
{
	assert_int_equal(status, 0);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].seq, 3);
	assert_string_equal(rows[0].by, "ann");
	assert_null(rows[0].covers);
	*(bool *)arg = true;
}

static bool is_true(void *arg)
{
	return *(bool *)arg;
}

/* Actions came with the second schema; the first has a test of its own. */
static void stores_of_all_schemas_since_go_on_as_they_were(void **state)
{
	(void)state;
	for (int version = 2; version < schema_version; version++) {
		struct fixture f;
		char id[ID_SIZE], copy[100];
		bool done = false;

		fixture_init(&f);
		make_older(&f, version);
		assert_int_equal(fixture_open(&f), 0);
		snprintf(copy, sizeof(copy), "%s.schema-%d", f.path, version);
		assert_int_equal(ask(copy, "PRAGMA user_version"), version);
		assert_int_equal(store_check(f.path, tell, NULL), 0);
		assert_int_equal(store_list_actions(f.store, "a.b", true, 0, 0, 10, keep_action, &done), 0);
		wait_until(&f, is_true, &done);
		assert_int_equal(activity_status(&f, "018bcfe568000001000000f4"), STATUS_COMPLETED);
		fixture_define(&f);
		admit(&f, id);
		assert_int_equal(activity_status(&f, id), STATUS_NOTSTARTED);
		fixture_close(&f);
		fixture_release(&f);
	}
}

/* All that this build knows, and one more. */
#define MIGRATIONS_MAX 32
static void with_one_more(const char *text, const char *ret[static MIGRATIONS_MAX])
{
	assert_true(schema_version < MIGRATIONS_MAX);
	for (int i = 0; i < schema_version; i++)
		ret[i] = schema_migrations[i];
	ret[schema_version] = text;
}

static void a_migration_runs_after_a_copy_and_keeps_everything(void **state)
{
	struct fixture *f = *state;
	const char *migrations[MIGRATIONS_MAX];
	struct database c;
	char id[ID_SIZE], ending[40], copy[140];

	with_one_more("ALTER TABLE token ADD COLUMN note TEXT", migrations);
	admit(f, id);
	fixture_close(f);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_int_equal(migrate(&c, f->path, NULL, migrations, schema_version + 1), 0);
	database_close(&c);
	assert_int_equal(ask(f->path, "PRAGMA user_version"), schema_version + 1);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM pragma_table_info('token') WHERE name = 'note'"), 1);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM activity"), 1);

	snprintf(ending, sizeof(ending), ".schema-%d", schema_version);
	snprintf(copy, sizeof(copy), "%s%s", f->path, ending);
	assert_int_equal(mode_of(f, ending), 0600);
	assert_int_equal(ask(copy, "PRAGMA user_version"), schema_version);
	assert_int_equal(ask(copy, "SELECT count(*) FROM activity"), 1);
	assert_int_equal(ask(copy, "SELECT count(*) FROM pragma_table_info('token') WHERE name = 'note'"), 0);
	snprintf(ending, sizeof(ending), ".schema-%d.unfinished", schema_version);
	assert_int_equal(mode_of(f, ending), 0);
	/* Not ours any more: this build knows one version less. */
	assert_int_equal(fixture_open(f), -EPROTO);
}

static void a_migration_that_fails_leaves_the_old_schema(void **state)
{
	struct fixture *f = *state;
	const char *migrations[MIGRATIONS_MAX];
	struct database c;

	with_one_more("CREATE TABLE half (a) STRICT; CREATE nonsense", migrations);
	fixture_close(f);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_true(migrate(&c, f->path, NULL, migrations, schema_version + 1) < 0);
	database_close(&c);
	assert_int_equal(ask(f->path, "PRAGMA user_version"), schema_version);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0);
	assert_int_equal(fixture_open(f), 0);
}

/* A pager and a page cache for each row, where the condition of an index asks for it. */
static bool builds_a_table(sqlite3 *db, const char *text)
{
	char explain[1000];
	sqlite3_stmt *st = NULL;
	bool found = false;
	snprintf(explain, sizeof(explain), "EXPLAIN %s", text);
	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		found = found || strstr((const char *)sqlite3_column_text(st, 1), "OpenEphemeral");
	sqlite3_finalize(st);
	return found;
}

static void what_is_added_most_often_builds_no_table_on_the_way(void **state)
{
	static const enum sql often[] = {SQL_ADD_INPUT,       SQL_ADD_ACTIVITY, SQL_ADD_EVENT, SQL_ADD_DEDUP,
					 SQL_CHANGE_ACTIVITY, SQL_CHANGE_STEP,  SQL_ADD_LOG,   SQL_SET_KV};
	struct fixture *f = *state;
	struct database c = {0};
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	for (size_t i = 0; i < sizeof(often) / sizeof(often[0]); i++)
		assert_false(builds_a_table(c.db, sql_texts[often[i]]));
	database_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_else_can_read_its_files, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_second_daemon_is_locked_out, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(it_remembers_who_it_is_and_how_far_it_came, fixture_setup,
						fixture_teardown),
		cmocka_unit_test(what_is_not_a_store_is_refused_and_left_alone),
		cmocka_unit_test_setup_teardown(a_store_of_a_newer_version_is_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_teardown(a_store_of_the_first_schema_goes_on_as_it_was, fixture_teardown),
		cmocka_unit_test(stores_of_all_schemas_since_go_on_as_they_were),
		cmocka_unit_test_setup_teardown(a_migration_runs_after_a_copy_and_keeps_everything, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_migration_that_fails_leaves_the_old_schema, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_added_most_often_builds_no_table_on_the_way, fixture_setup,
						fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
