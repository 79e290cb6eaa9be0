-- Ids are BLOBs of 12 bytes, times are UTC milliseconds, statuses and types are the numbers of model/.

-- One row: what the store as a whole knows. event_seq is the newest event number, newest_id the newest id ever stored.
CREATE TABLE store (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	identity TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	event_seq INTEGER NOT NULL,
	input_seq INTEGER NOT NULL,
	log_seq INTEGER NOT NULL,
	newest_id BLOB NOT NULL
) STRICT;

CREATE TABLE workflow (
	num INTEGER PRIMARY KEY,
	id BLOB NOT NULL UNIQUE,
	slug TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	team TEXT NOT NULL,
	enabled INTEGER NOT NULL,
	from_folder INTEGER NOT NULL,
	removed INTEGER NOT NULL,
	latest INTEGER NOT NULL -- revision.num
) STRICT;

CREATE TABLE revision (
	num INTEGER PRIMARY KEY,
	id BLOB NOT NULL UNIQUE,
	workflow INTEGER NOT NULL,
	number INTEGER NOT NULL,
	hash TEXT NOT NULL,
	made_ms INTEGER NOT NULL,
	made_by TEXT NOT NULL,
	canonical TEXT NOT NULL
) STRICT;

CREATE TABLE disabled_trigger (
	workflow INTEGER NOT NULL,
	trigger_id TEXT NOT NULL,
	since_ms INTEGER NOT NULL,
	PRIMARY KEY (workflow, trigger_id)
) STRICT, WITHOUT ROWID;

-- Where activities came from. A trigger that changed its plugin has several rows with one scope, so that its dedup keys stay.
CREATE TABLE source (
	num INTEGER PRIMARY KEY,
	workflow INTEGER NOT NULL,
	trigger_id TEXT NOT NULL,
	plugin TEXT NOT NULL,
	scope INTEGER NOT NULL,
	UNIQUE (workflow, trigger_id, plugin)
) STRICT;

-- Narrow rows in the order of time; what came in with them is beside them, since it never changes.
CREATE TABLE activity (
	id BLOB PRIMARY KEY,
	workflow INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	source INTEGER NOT NULL,
	input INTEGER NOT NULL,
	status INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	started_ms INTEGER NOT NULL,
	ended_ms INTEGER NOT NULL,
	keep_ms INTEGER NOT NULL, -- when its dedup key expires; 0: it has none
	message TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX activity_by_workflow ON activity (workflow, id);
-- All but the completed ones: the backlog, what runs, and what went wrong.
CREATE INDEX activity_by_status ON activity (status, id) WHERE status <> 3;

CREATE TABLE input (
	num INTEGER PRIMARY KEY,
	occurred_ms INTEGER NOT NULL,
	params TEXT,
	cause TEXT,
	payload TEXT
) STRICT;

-- A row is made when the step first changes.
CREATE TABLE step (
	activity BLOB NOT NULL,
	idx INTEGER NOT NULL,
	status INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	retries INTEGER NOT NULL,
	started_ms INTEGER NOT NULL,
	ended_ms INTEGER NOT NULL,
	wake_ms INTEGER NOT NULL,
	exit_code INTEGER NOT NULL,
	log_size INTEGER NOT NULL,
	outputs TEXT,
	message TEXT,
	PRIMARY KEY (activity, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
	num INTEGER PRIMARY KEY,
	activity BLOB NOT NULL,
	step INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	stream INTEGER NOT NULL,
	time_ms INTEGER NOT NULL,
	text BLOB NOT NULL
) STRICT;
CREATE INDEX log_by_activity ON log (activity);

CREATE TABLE dedup (
	scope INTEGER NOT NULL,
	key BLOB NOT NULL,
	activity BLOB NOT NULL,
	hash BLOB NOT NULL,
	expires_ms INTEGER NOT NULL,
	PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX dedup_by_expiry ON dedup (expires_ms);

CREATE TABLE event (
	seq INTEGER PRIMARY KEY,
	time_ms INTEGER NOT NULL,
	type INTEGER NOT NULL,
	workflow INTEGER NOT NULL, -- 0: none
	activity BLOB NOT NULL, -- empty: none
	data TEXT
) STRICT;

CREATE TABLE kv (
	scope TEXT NOT NULL,
	key BLOB NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
	id BLOB PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	label TEXT NOT NULL,
	workflow_ids TEXT NOT NULL,
	team TEXT,
	scopes TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	last_used_ms INTEGER NOT NULL,
	revoked_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Counted per minute, never one row each. workflow is an id, empty when it is nobody's.
CREATE TABLE refusal (
	minute_ms INTEGER NOT NULL,
	workflow BLOB NOT NULL,
	trigger_id TEXT NOT NULL,
	plugin TEXT NOT NULL,
	reason INTEGER NOT NULL,
	last_ms INTEGER NOT NULL,
	count INTEGER NOT NULL,
	sample TEXT NOT NULL,
	PRIMARY KEY (minute_ms, workflow, trigger_id, plugin, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
	last_ms INTEGER NOT NULL,
	workflow BLOB NOT NULL,
	trigger_id TEXT NOT NULL,
	first_ms INTEGER NOT NULL,
	outcome INTEGER NOT NULL,
	count INTEGER NOT NULL,
	time_ms INTEGER NOT NULL,
	PRIMARY KEY (last_ms, workflow, trigger_id, first_ms, outcome)
) STRICT, WITHOUT ROWID;
