#include "store/sqlite/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "store/sqlite/file.h"

#define APPLICATION_ID 0x54505054 /* "TPPT" */

int migrate_version(struct database *c, int version, int64_t *ret)
{
	int64_t application = 0, user = 0, pages = 0;
	int r = database_pragma_int(c, "PRAGMA application_id", &application);
	if (r == 0)
		r = database_pragma_int(c, "PRAGMA user_version", &user);
	if (r == 0)
		r = database_pragma_int(c, "PRAGMA page_count", &pages);
	if (r < 0)
		return r;
	if (pages > 0 && (application != APPLICATION_ID || user < 1))
		return -EILSEQ;
	if (user > version)
		return -EPROTO;
	*ret = user;
	return 0;
}

static int copy_pages(struct database *from, const char *path, const char *vfs)
{
	struct database to;
	int r = file_make(path);
	if (r == 0)
		r = database_open(&to, path, vfs);
	if (r < 0)
		return r;
	sqlite3_backup *backup = sqlite3_backup_init(to.db, "main", from->db, "main");
	int code = backup ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(to.db);
	sqlite3_backup_finish(backup);
	if (code != SQLITE_DONE)
		r = database_error(&to, code);
	database_close(&to);
	return r;
}

/* The copy is complete once it has its name. */
static int copy(struct database *c, const char *path, const char *vfs, int64_t version)
{
	char *name = NULL, *unfinished = NULL;
	int r = -ENOMEM;
	if (asprintf(&name, "%s.schema-%lld", path, (long long)version) < 0)
		return -ENOMEM;
	if (asprintf(&unfinished, "%s.unfinished", name) < 0) {
		unfinished = NULL;
		goto cleanup;
	}
	unlink(unfinished);
	r = copy_pages(c, unfinished, vfs);
	if (r == 0 && rename(unfinished, name) < 0)
		r = -errno;
	if (r == 0)
		r = file_sync_folder(name);
	if (r == 0)
		log_info("the store was copied before its migration", log_str("copy", name), LOG_END);
cleanup:
	free(unfinished);
	free(name);
	return r;
}

static int run_migration(struct database *c, const char *script, int64_t number)
{
	char marks[120];
	snprintf(marks, sizeof(marks), "PRAGMA application_id = %d; PRAGMA user_version = %lld", APPLICATION_ID,
		 (long long)number);
	int r = database_exec(c, "BEGIN IMMEDIATE");
	if (r == 0)
		r = database_exec(c, script);
	if (r == 0)
		r = database_exec(c, marks);
	if (r == 0)
		r = database_exec(c, "COMMIT");
	if (r < 0 && !sqlite3_get_autocommit(c->db))
		database_exec(c, "ROLLBACK");
	return r;
}

int migrate(struct database *c, const char *path, const char *vfs, const char *const *migrations, int version)
{
	int64_t at = 0;
	int r = migrate_version(c, version, &at);
	if (r == 0 && at > 0 && at < version)
		r = copy(c, path, vfs, at);
	for (; r == 0 && at < version; at++)
		r = run_migration(c, migrations[at], at + 1);
	return r;
}
