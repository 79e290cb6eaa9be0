/* Whether a store is sound: SQLite's own look at every page, and then what only the store knows to belong together. Each
 * question is one statement, so that it has an answer also while a daemon writes. */
#include "store/sqlite/internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/sqlite/migrate.h"

/* Of one kind; many more tell no more. */
#define FAULTS_MAX 20

struct check {
	struct database c;
	void (*fault)(void *arg, const char *text);
	void *arg;
	bool found;
};

/* What a question finds is one text per fault. */
struct question {
	int64_t since; /* the schema that has what it asks for */
	const char *sql;
};

#define ID(column) "lower(hex(" column "))"
#define ACTIVITY_LACKS(what, table, key)                                                                               \
	"SELECT 'activity ' || " ID("a.id") " || ': its " what " is missing' FROM activity a LEFT JOIN " table         \
					    " t ON t.num = a." key " WHERE t.num IS NULL"
#define LACKS_ACTIVITY(what, table)                                                                                    \
	"SELECT 'a " what " belongs to the activity ' || " ID("t.activity") " || ', which is missing' FROM " table     \
									    " t WHERE NOT EXISTS (SELECT 1 FROM "      \
									    "activity a WHERE a.id = t.activity)"
#define BEYOND(what, number, table, counter)                                                                           \
	"SELECT 'the " what " ' || t.most || ' lies beyond the newest number given, ' || s." counter                   \
	" FROM store s, (SELECT max(" number ") AS most FROM " table ") t WHERE t.most > s." counter
#define NOT_ENDED_IN_LANE "FROM activity WHERE lane IS NOT NULL AND ended_ms = 0 "

static const struct question questions[] = {
	{1, "SELECT 'the store does not know itself' WHERE (SELECT count(*) FROM store) <> 1"},
	{1, "SELECT 'the workflow ' || w.slug || ': its latest revision is missing' FROM workflow w "
	    "LEFT JOIN revision r ON r.num = w.latest AND r.workflow = w.num WHERE r.num IS NULL"},
	{1, ACTIVITY_LACKS("workflow", "workflow", "workflow")},
	{1, ACTIVITY_LACKS("revision", "revision", "revision")},
	{1, ACTIVITY_LACKS("source", "source", "source")},
	{1, ACTIVITY_LACKS("input", "input", "input")},
	{1, "SELECT 'there are ' || (i.n - a.n) || ' inputs that belong to no activity' FROM "
	    "(SELECT count(*) AS n FROM input) i, (SELECT count(*) AS n FROM activity) a WHERE i.n > a.n"},
	{1, LACKS_ACTIVITY("step", "step")},
	{1, LACKS_ACTIVITY("log", "log")},
	{1, LACKS_ACTIVITY("dedup key", "dedup") " AND t.expires_ms > 1000 * strftime('%s', 'now')"},
	{1, "SELECT 'activity ' || " ID("id") " || ': its status and its time of ending do not agree' FROM activity "
					      "WHERE (status IN (0, 1, 2)) <> (ended_ms = 0)"},
	{1, "SELECT 'the events have a hole behind number ' || e.seq FROM event e, store s WHERE "
	    "e.seq < s.event_seq AND NOT EXISTS (SELECT 1 FROM event n WHERE n.seq = e.seq + 1)"},
	{1, BEYOND("event", "seq", "event", "event_seq")},
	{1, BEYOND("input", "num", "input", "input_seq")},
	{1, BEYOND("log record", "num", "log", "log_seq")},
	{1, "SELECT 'the activity ' || " ID("a.id") " || ' lies beyond the newest id given' FROM activity a, store s "
						    "WHERE a.id > s.newest_id"},
	{2, BEYOND("action", "seq", "action", "action_seq")},
	{2, "SELECT 'the store counts ' || s.activities || ' activities, but there are ' || a.n FROM store s, "
	    "(SELECT count(*) AS n FROM activity) a WHERE a.n <> s.activities"},
	{2, "SELECT 'activity ' || " ID("id") " || ': it waits for a turn, but has no lane' FROM activity "
					      "WHERE lane IS NULL AND turn = 0"},
	{2, "SELECT 'the workflow ' || w.slug || ': ' || t.n || ' activities of one lane have their turn, more than "
	    "its limit of ' || w.lane_peak FROM (SELECT workflow, count(*) AS n " NOT_ENDED_IN_LANE
	    "AND turn = 1 GROUP BY workflow, lane) t JOIN workflow w ON w.num = t.workflow "
	    "WHERE w.lane_peak > 0 AND t.n > w.lane_peak"},
	{2, "SELECT 'the workflow ' || w.slug || ': ' || t.n || ' activities of one lane wait, and none has its turn' "
	    "FROM (SELECT workflow, count(*) AS n, sum(turn) AS turns " NOT_ENDED_IN_LANE
	    "AND (turn = 1 OR give_way = 0) GROUP BY workflow, lane) t JOIN workflow w ON w.num = t.workflow "
	    "WHERE t.turns = 0"},
};

static void tell(struct check *k, const char *text)
{
	k->found = true;
	k->fault(k->arg, text);
}

/* A question that cannot be answered because of what is damaged is a fault, too. */
static int damaged(struct check *k, int code)
{
	int r = database_error(&k->c, code);
	if (r != -EILSEQ)
		return r;
	tell(k, sqlite3_errmsg(k->c.db));
	return 0;
}

/* `fine`: an answer that is no fault, or NULL. */
static int ask(struct check *k, const char *sql, const char *fine)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(k->c.db, sql, -1, &st, NULL);
	if (code != SQLITE_OK)
		return damaged(k, sqlite3_extended_errcode(k->c.db));
	for (int count = 0; (code = sqlite3_step(st)) == SQLITE_ROW; count++) {
		const char *text = (const char *)sqlite3_column_text(st, 0);
		if (count == FAULTS_MAX) {
			tell(k, "and more of that kind");
			code = SQLITE_DONE;
			break;
		}
		if (text && (!fine || strcmp(text, fine) != 0))
			tell(k, text);
	}
	int r = code == SQLITE_DONE ? 0 : damaged(k, code);
	sqlite3_finalize(st);
	return r;
}

static int look(struct check *k)
{
	int64_t version = 0;
	int r = migrate_version(&k->c, schema_version, &version);
	if (r == -EILSEQ || (r == 0 && version == 0)) {
		tell(k, "this is not a store");
		return 0;
	}
	if (r == 0)
		r = ask(k, "PRAGMA integrity_check(20)", "ok");
	/* Of a file that is damaged the answers would mean nothing. */
	if (k->found)
		return r;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && r == 0; i++)
		if (questions[i].since <= version)
			r = ask(k, questions[i].sql, NULL);
	return r;
}

static bool has_journal(const char *path)
{
	char *name;
	struct stat about;
	if (asprintf(&name, "%s-wal", path) < 0)
		return true;
	bool has = stat(name, &about) == 0 && about.st_size > 0;
	free(name);
	return has;
}

int store_check(const char *path, void (*fault)(void *arg, const char *text), void *arg)
{
	struct check k = {.fault = fault, .arg = arg};
	if (access(path, R_OK) < 0)
		return -errno;
	/* What a daemon has left in the journal stays there. */
	bool leave = has_journal(path);
	int r = database_open(&k.c, path, NULL);
	if (r < 0)
		return r;
	if (leave)
		sqlite3_db_config(k.c.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	r = database_exec(&k.c, "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
	if (r == 0)
		r = look(&k);
	database_close(&k.c);
	if (r == -EILSEQ || (r == 0 && k.found))
		return -EILSEQ;
	return r;
}
