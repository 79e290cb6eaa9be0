#include "store/sqlite/sql.h"

/* The numbers come from the index alone; sorting the actions themselves would hold all their data at once. */
#define ACTIONS(topics)                                                                                                \
	"SELECT seq, time_ms, topic, made_by, data, covers FROM action WHERE seq IN (SELECT seq FROM action "          \
	"INDEXED BY action_by_topic WHERE " topics                                                                     \
	" AND time_ms >= ?2 AND seq > ?3 ORDER BY seq LIMIT ?4) ORDER BY seq"

/* The columns that read_activity.c takes an activity from. CROSS JOIN keeps the planner from beginning with another
 * table than the one whose order is asked for. */
#define ACTIVITY_COLUMNS                                                                                               \
	"a.id, w.id, r.id, r.number, a.status, s.plugin, coalesce(a.subject, s.trigger_id), a.message, a.created_ms, " \
	"a.started_ms, "                                                                                               \
	"a.ended_ms, a.give_way, a.turn = 1 OR a.give_way = 1, a.lane"
#define ACTIVITY_JOINS                                                                                                 \
	" CROSS JOIN workflow w ON w.num = a.workflow CROSS JOIN revision r ON r.num = a.revision "                    \
	"CROSS JOIN source s ON s.num = a.source "
#define CAUSE_LISTED_MAX "4096" /* STORE_CAUSE_LISTED_MAX */
#define INPUT_JOINS ACTIVITY_JOINS "CROSS JOIN input i ON i.num = a.input "
#define INPUT_COLUMNS ", i.params, i.cause, i.payload"

/* The partial index activity_by_status is used only where its own condition stands in the statement. */
#define NOT_COMPLETED "a.status <> 3 AND "
/* And activity_runnable likewise, in these very words. */
#define MAY_START "a.status = 0 AND (a.turn = 1 OR a.give_way = 1) AND "
/* What has not ended of workflow ?1's lane ?2. */
#define IN_LANE "FROM activity INDEXED BY activity_in_lane WHERE workflow = ?1 AND lane = ?2 AND ended_ms = 0 "
#define COUNT_UP_TO_3(what) "SELECT count(*) FROM (SELECT 1 " what "LIMIT ?3)"
/* Of those that are not to give way, the oldest ?3. */
#define UNMARKED(turn) "SELECT * FROM (SELECT id " IN_LANE "AND turn = " turn " AND give_way = 0 ORDER BY id LIMIT ?3)"

const char *const sql_texts[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_STORE_MAKE] =
		"INSERT OR IGNORE INTO store (one, identity, epoch, event_seq, input_seq, log_seq, newest_id) "
		"VALUES (1, ?1, 0, 0, 0, 0, x'')",
	[SQL_STORE_START] = "UPDATE store SET epoch = epoch + 1",
	[SQL_STORE_LOAD] =
		"SELECT identity, epoch, event_seq, input_seq, log_seq, newest_id, action_seq, activities FROM store",
	[SQL_STORE_SAVE] = "UPDATE store SET event_seq = ?1, input_seq = ?2, log_seq = ?3, newest_id = ?4, "
			   "action_seq = ?5, activities = ?6",
	[SQL_STORE_PROBE] = "UPDATE store SET input_seq = input_seq + 1",
	[SQL_COUNT_WAITING] = "SELECT count(*) FROM activity a WHERE " NOT_COMPLETED "a.status = 0",
	[SQL_OLDEST_WAITING] = "SELECT a.created_ms FROM activity a INDEXED BY activity_by_status WHERE " NOT_COMPLETED
			       "a.status = 0 ORDER BY a.id LIMIT 1",

	[SQL_FIND_WORKFLOW] = "SELECT num FROM workflow WHERE id = ?1",
	[SQL_FIND_REVISION] = "SELECT num FROM revision WHERE id = ?1",
	[SQL_FIND_SOURCE] = "SELECT num, scope FROM source WHERE workflow = ?1 AND trigger_id = ?2 AND plugin = ?3",
	[SQL_FIND_SCOPE] = "SELECT scope FROM source WHERE workflow = ?1 AND trigger_id = ?2 LIMIT 1",
	[SQL_ADD_SOURCE] =
		"INSERT INTO source (num, workflow, trigger_id, plugin, scope) "
		"SELECT n, ?1, ?2, ?3, iif(?4 = 0, n, ?4) FROM (SELECT coalesce(max(num), 0) + 1 AS n FROM source)",

	[SQL_ADD_ACTIVITY] =
		"INSERT INTO activity (id, workflow, revision, source, input, status, created_ms, started_ms, "
		"ended_ms, keep_ms, turn, lane, subject) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0, 0, ?7, ?8, ?9, ?10)",
	[SQL_ADD_INPUT] = "INSERT INTO input (num, occurred_ms, params, cause, payload) VALUES (?1, ?2, ?3, ?4, ?5)",
	/* An expired key counts as absent; a live one changes nothing. */
	[SQL_ADD_DEDUP] = "INSERT INTO dedup (scope, key, activity, hash, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5) "
			  "ON CONFLICT (scope, key) DO UPDATE SET activity = excluded.activity, hash = excluded.hash, "
			  "expires_ms = excluded.expires_ms WHERE expires_ms <= ?6",
	[SQL_FIND_DEDUP] = "SELECT activity, hash FROM dedup WHERE scope = ?1 AND key = ?2 AND expires_ms > ?3",
	[SQL_ADD_EVENT] =
		"INSERT INTO event (seq, time_ms, type, workflow, activity, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",

	[SQL_COUNT_IN_LANE] = COUNT_UP_TO_3(IN_LANE),
	[SQL_COUNT_TURNS] = COUNT_UP_TO_3(IN_LANE "AND turn = 1 "),
	[SQL_COUNT_QUEUED] = COUNT_UP_TO_3(IN_LANE "AND turn = 0 AND give_way = 0 "),
	[SQL_COUNT_UNMARKED] = "SELECT count(*) FROM (" UNMARKED("0") " UNION ALL " UNMARKED("1") " LIMIT ?3)",
	[SQL_OLDEST_IN_LANE] =
		"SELECT min(oldest) FROM (SELECT (SELECT id " IN_LANE "AND turn = column1 AND give_way = column2 "
		"ORDER BY id LIMIT 1) AS oldest FROM (VALUES (0, 0), (0, 1), (1, 0), (1, 1)))",
	[SQL_OLDEST_UNMARKED] = UNMARKED("0") " UNION ALL " UNMARKED("1") " ORDER BY 1 LIMIT ?3",
	[SQL_OLDEST_QUEUED] = "SELECT id " IN_LANE "AND turn = 0 AND give_way = 0 ORDER BY id LIMIT ?3",
	[SQL_GIVE_TURN] = "UPDATE activity SET turn = 1 WHERE id = ?1",
	[SQL_GIVE_WAY] = "UPDATE activity SET give_way = 1 WHERE id = ?1",
	[SQL_NEXT_LANE] =
		"SELECT lane FROM activity INDEXED BY activity_in_lane WHERE workflow = ?1 AND lane >= ?2 AND "
		"ended_ms = 0 ORDER BY lane LIMIT 1",

	[SQL_FIND_ACTIVITY] = "SELECT a.status, a.workflow, a.started_ms, w.id, a.lane, w.lane_limit FROM activity a "
			      "JOIN workflow w ON w.num = a.workflow WHERE a.id = ?1",
	[SQL_CHANGE_ACTIVITY] = "UPDATE activity SET status = ?2, started_ms = ?3, ended_ms = ?4, "
				"message = coalesce(?5, message) WHERE id = ?1",
	[SQL_CHANGE_STEP] =
		"INSERT INTO step (activity, idx, status, attempt, retries, started_ms, ended_ms, wake_ms, "
		"exit_code, log_size, outputs, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11) "
		"ON CONFLICT (activity, idx) DO UPDATE SET status = ?3, attempt = ?4, retries = ?5, "
		"started_ms = iif(?6 = 0, started_ms, ?6), ended_ms = ?7, wake_ms = ?8, exit_code = ?9, "
		"outputs = coalesce(?10, outputs), message = coalesce(?11, message)",
	[SQL_LOG_SIZE] = "SELECT log_size FROM step WHERE activity = ?1 AND idx = ?2",
	[SQL_SET_LOG_SIZE] =
		"INSERT INTO step (activity, idx, status, attempt, retries, started_ms, ended_ms, wake_ms, "
		"exit_code, log_size) VALUES (?1, ?2, 0, 0, 0, 0, 0, 0, -1, ?3) "
		"ON CONFLICT (activity, idx) DO UPDATE SET log_size = ?3",
	[SQL_ADD_LOG] = "INSERT INTO log (num, activity, step, attempt, stream, time_ms, text) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",

	[SQL_SET_KV] = "INSERT INTO kv (scope, key, value) VALUES (?1, ?2, ?3) "
		       "ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value",
	[SQL_REMOVE_KV] = "DELETE FROM kv WHERE scope = ?1 AND key = ?2",
	[SQL_FIND_REFUSAL] = "SELECT count, last_ms, sample FROM refusal WHERE minute_ms = ?1 AND workflow = ?2 "
			     "AND trigger_id = ?3 AND plugin = ?4 AND reason = ?5",
	[SQL_SET_REFUSAL] =
		"INSERT OR REPLACE INTO refusal (minute_ms, workflow, trigger_id, plugin, reason, count, last_ms, "
		"sample) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[SQL_SET_ACCOUNT] =
		"INSERT OR REPLACE INTO account (workflow, trigger_id, first_ms, last_ms, outcome, count, time_ms) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",

	[SQL_ADD_ACTION] =
		"INSERT INTO action (seq, time_ms, topic, made_by, data, covers) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_ADD_PROGRAM] = "INSERT OR IGNORE INTO program (hash, made_ms) VALUES (?1, ?2)",
	[SQL_COUNT_PROGRAMS] = "SELECT count(*) FROM program",
	[SQL_DELETE_PROGRAMS] =
		"DELETE FROM program WHERE hash IN (SELECT hash FROM program ORDER BY made_ms, hash LIMIT ?1)",

	[SQL_SLUG_OF_ID] = "SELECT slug FROM workflow WHERE id = ?1",
	[SQL_FIND_SLUG] = "SELECT w.num, w.id, w.enabled, w.removed, r.id, r.number, r.hash, w.from_folder, "
			  "w.lane_limit, w.turns_due, w.lane_peak FROM workflow w JOIN revision r ON r.num = w.latest "
			  "WHERE w.slug = ?1",
	[SQL_ADD_WORKFLOW] = "INSERT INTO workflow (id, slug, name, team, enabled, from_folder, removed, latest) "
			     "VALUES (?1, ?2, ?3, ?4, 1, ?5, 0, 0)",
	[SQL_ADD_REVISION] = "INSERT INTO revision (id, workflow, number, hash, made_ms, made_by, canonical) "
			     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[SQL_CHANGE_WORKFLOW] = "UPDATE workflow SET name = ?2, team = ?3, from_folder = ?4, removed = 0, latest = ?5, "
				"lane_limit = ?6, turns_due = ?7, lane_peak = ?8 WHERE num = ?1",
	[SQL_KEEP_WORKFLOW] =
		"UPDATE workflow SET from_folder = ?2, removed = 0, lane_limit = ?3, turns_due = ?4, lane_peak = ?5 "
		"WHERE num = ?1",
	[SQL_FOLDER_WORKFLOWS] =
		"SELECT num, id, slug FROM workflow WHERE from_folder = 1 AND removed = 0 ORDER BY num",
	[SQL_FIND_REMOVABLE] = "SELECT w.slug, w.from_folder, w.removed, r.id FROM workflow w "
			       "JOIN revision r ON r.num = w.latest WHERE w.num = ?1",
	[SQL_TURNS_DONE] = "UPDATE workflow SET turns_due = 0 WHERE num = ?1",
	[SQL_LANE_LIMIT] = "SELECT lane_limit FROM workflow WHERE num = ?1",
	[SQL_REMOVE_WORKFLOW] = "UPDATE workflow SET removed = 1 WHERE num = ?1",
	[SQL_ENABLE_WORKFLOW] = "UPDATE workflow SET enabled = ?2 WHERE num = ?1 AND enabled <> ?2",
	[SQL_DISABLE_TRIGGER] =
		"INSERT OR IGNORE INTO disabled_trigger (workflow, trigger_id, since_ms) VALUES (?1, ?2, ?3)",
	[SQL_ENABLE_TRIGGER] = "DELETE FROM disabled_trigger WHERE workflow = ?1 AND trigger_id = ?2",

	[SQL_ADD_TOKEN] =
		"INSERT OR IGNORE INTO token (id, hash, label, workflow_ids, team, scopes, created_ms, expires_ms, "
		"last_used_ms, revoked_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[SQL_RENEW_TOKEN] = "UPDATE OR IGNORE token SET hash = ?2, expires_ms = ?3, created_ms = ?4 WHERE id = ?1 AND "
			    "revoked_ms = 0",
	[SQL_REVOKE_TOKEN] = "UPDATE token SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms = 0",
	[SQL_USE_TOKEN] = "UPDATE token SET last_used_ms = max(last_used_ms, ?2) WHERE id = ?1",

	[SQL_OLDEST_EVENTS] = "SELECT seq, time_ms FROM event ORDER BY seq LIMIT ?1",
	[SQL_OLDEST_EVENT_KEPT] = "SELECT min(seq) FROM event",
	[SQL_OLDEST_ACTIONS] = "SELECT seq, time_ms FROM action ORDER BY seq LIMIT ?1",
	[SQL_DELETE_ACTIONS] = "DELETE FROM action WHERE seq <= ?1",
	[SQL_DELETE_EVENTS] = "DELETE FROM event WHERE seq <= ?1",
	[SQL_EXPIRED_DEDUP] = "SELECT scope, key FROM dedup WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2",
	[SQL_DELETE_DEDUP] = "DELETE FROM dedup WHERE scope = ?1 AND key = ?2",
	[SQL_DELETE_REFUSALS] =
		"DELETE FROM refusal WHERE minute_ms = (SELECT min(minute_ms) FROM refusal) AND minute_ms < ?1",
	[SQL_DELETE_ACCOUNTS] =
		"DELETE FROM account WHERE last_ms = (SELECT min(last_ms) FROM account) AND last_ms < ?1",
	[SQL_OLDEST_ACTIVITIES] = "SELECT id, input, ended_ms, keep_ms FROM activity WHERE id > ?1 AND id < ?2 "
				  "ORDER BY id LIMIT ?3",
	[SQL_DELETE_ACTIVITY] = "DELETE FROM activity WHERE id = ?1",
	[SQL_DELETE_INPUT] = "DELETE FROM input WHERE num = ?1",
	[SQL_DELETE_STEPS] = "DELETE FROM step WHERE activity = ?1",
	[SQL_DELETE_LOGS] = "DELETE FROM log WHERE activity = ?1",

	[SQL_READ_ACTIVITY] = "SELECT " ACTIVITY_COLUMNS INPUT_COLUMNS " FROM activity a" INPUT_JOINS "WHERE a.id = ?1",
	[SQL_READ_STEPS] =
		"SELECT idx, status, attempt, retries, started_ms, ended_ms, wake_ms, outputs, message, exit_code "
		"FROM step WHERE activity = ?1 AND status <> 0 ORDER BY idx",
	[SQL_LIST_ALL] = "SELECT " ACTIVITY_COLUMNS " FROM activity a" ACTIVITY_JOINS
			 "WHERE a.id < ?1 AND a.id >= ?2 ORDER BY a.id DESC LIMIT ?3",
	[SQL_LIST_WORKFLOW] =
		"SELECT " ACTIVITY_COLUMNS " FROM activity a" ACTIVITY_JOINS
		"WHERE a.id < ?1 AND a.id >= ?2 AND a.workflow = (SELECT num FROM workflow WHERE id = ?4) "
		"ORDER BY a.id DESC LIMIT ?3",
	[SQL_LIST_WORKFLOW_CAUSES] =
		"SELECT " ACTIVITY_COLUMNS ", CASE WHEN length(i.cause) <= " CAUSE_LISTED_MAX
		" THEN i.cause END FROM activity a" INPUT_JOINS
		"WHERE a.id < ?1 AND a.id >= ?2 AND a.workflow = (SELECT num FROM workflow WHERE id = ?4) "
		"ORDER BY a.id DESC LIMIT ?3",
	[SQL_LIST_STATUS] =
		"SELECT " ACTIVITY_COLUMNS " FROM activity a INDEXED BY activity_by_status" ACTIVITY_JOINS
		"WHERE " NOT_COMPLETED "a.id < ?1 AND a.id >= ?2 AND a.status = ?4 ORDER BY a.id DESC LIMIT ?3",
	[SQL_LIST_RUNNABLE] =
		"SELECT " ACTIVITY_COLUMNS INPUT_COLUMNS " FROM activity a INDEXED BY activity_runnable" INPUT_JOINS
		"WHERE " MAY_START "a.workflow = (SELECT num FROM workflow WHERE id = ?3) AND a.id > ?1 "
		"ORDER BY a.id LIMIT ?2",
	[SQL_LIST_RUNNABLE_OF_ALL] =
		"SELECT " ACTIVITY_COLUMNS INPUT_COLUMNS " FROM activity a INDEXED BY activity_by_status" INPUT_JOINS
		"WHERE " NOT_COMPLETED MAY_START "a.id > ?1 ORDER BY a.id LIMIT ?2",
	[SQL_LIST_RUNNABLE_WORKFLOWS] =
		"SELECT w.id FROM workflow w WHERE EXISTS (SELECT 1 FROM activity a INDEXED BY activity_runnable "
		"WHERE " MAY_START "a.workflow = w.num) ORDER BY w.num",
	[SQL_LIST_INTERRUPTED] =
		"SELECT * FROM (SELECT id FROM activity a INDEXED BY activity_by_status WHERE " NOT_COMPLETED
		"a.status = 1 AND a.id > ?1 ORDER BY a.id LIMIT ?2) UNION ALL SELECT * FROM ("
		"SELECT id FROM activity a INDEXED BY activity_by_status WHERE " NOT_COMPLETED
		"a.status = 2 AND a.id > ?1 ORDER BY a.id LIMIT ?2) ORDER BY 1 LIMIT ?2",
	[SQL_LIST_WORKFLOWS] =
		"SELECT w.id, w.slug, w.name, w.team, w.enabled, w.removed, r.id, r.number, r.made_ms, "
		"r.canonical, w.num, w.from_folder FROM workflow w JOIN revision r ON r.num = w.latest ORDER BY w.num",
	[SQL_LIST_DISABLED_TRIGGERS] =
		"SELECT trigger_id FROM disabled_trigger WHERE workflow = ?1 ORDER BY trigger_id",
	[SQL_READ_REVISION] =
		"SELECT w.id, r.number, r.canonical FROM revision r JOIN workflow w ON w.num = r.workflow "
		"WHERE r.id = ?1",
	[SQL_LIST_REVISIONS] = "SELECT id, number, made_ms, made_by, hash FROM revision WHERE "
			       "workflow = (SELECT num FROM workflow WHERE id = ?1) AND number < ?2 "
			       "ORDER BY number DESC LIMIT ?3",
	[SQL_LIST_PROGRAMS] = "SELECT hash FROM program ORDER BY hash",
	[SQL_LIST_ACTIONS] = ACTIONS("topic = ?1"),
	[SQL_LIST_ACTIONS_BELOW] =
		ACTIONS("topic >= ?1 AND topic < ?1 || char(1114111) AND substr(topic, 1, length(?1)) = ?1"),
	[SQL_LIST_TOKENS] = "SELECT id, hash, label, workflow_ids, team, scopes, created_ms, expires_ms, last_used_ms "
			    "FROM token WHERE revoked_ms = 0 ORDER BY id",
	[SQL_READ_LOGS] = "SELECT num, step, attempt, stream, time_ms, text FROM log "
			  "WHERE activity = ?1 AND num > ?2 AND (?3 < 0 OR step = ?3) ORDER BY num LIMIT ?4",
	/* The data of an event of type 14, step.log, is the number of its record. */
	[SQL_READ_EVENTS] = "SELECT e.seq, e.time_ms, e.type, w.id, e.activity, e.data, l.step, l.attempt, l.stream, "
			    "l.text FROM event e LEFT JOIN workflow w ON w.num = e.workflow LEFT JOIN log l ON ?3 AND "
			    "e.type = 14 AND l.num = CAST(e.data AS INTEGER) WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2",
	[SQL_OLDEST_EVENT] = "SELECT coalesce((SELECT min(seq) FROM event), (SELECT event_seq + 1 FROM store))",
	[SQL_READ_KV] = "SELECT scope, key, value FROM kv WHERE scope = ?1 ORDER BY key",
	[SQL_READ_KV_KEY] = "SELECT scope, key, value FROM kv WHERE scope = ?1 AND key = ?2",
	[SQL_READ_KV_PAGE] = "SELECT scope, key, value FROM kv WHERE scope = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
	[SQL_LIST_KV_FROM] = "SELECT scope, key, value FROM kv WHERE scope >= ?1 ORDER BY scope, key",
	[SQL_LIST_REFUSALS] =
		"SELECT minute_ms, workflow, trigger_id, plugin, reason, last_ms, count, sample FROM refusal "
		"WHERE minute_ms >= ?1 AND minute_ms < ?4 AND (length(?2) = 0 OR workflow = ?2) "
		"ORDER BY minute_ms DESC, last_ms DESC LIMIT ?3",
	[SQL_LIST_ACCOUNTS] = "SELECT last_ms, workflow, trigger_id, first_ms, outcome, count, time_ms FROM account "
			      "WHERE last_ms >= ?1 AND first_ms < ?4 AND (length(?2) = 0 OR workflow = ?2) ORDER BY "
			      "last_ms DESC LIMIT ?3",
	[SQL_LIST_SWITCHES] =
		"SELECT e.seq, e.time_ms, e.type, w.id, e.activity, e.data FROM event e INDEXED BY event_of_workflow "
		"CROSS JOIN workflow w ON w.num = e.workflow WHERE e.type >= 10 AND e.type <= 12 "
		"AND e.workflow = (SELECT num FROM workflow WHERE id = ?2) AND e.time_ms >= ?1 AND e.time_ms < ?4 "
		"ORDER BY e.seq DESC LIMIT ?3",
};
