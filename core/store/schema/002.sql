-- Lanes: of the activities of one workflow and one key only so many have their turn at once. `lane` is the key, null
-- where there is none. turn 0: it waits for the others of its lane. give_way 1: it is to be cancelled for a later one;
-- one that had no turn yet never gets one.
ALTER TABLE activity ADD COLUMN turn INTEGER NOT NULL DEFAULT 1;
ALTER TABLE activity ADD COLUMN give_way INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activity ADD COLUMN lane BLOB;
-- What may start, or is only left to be cancelled, workflow by workflow.
CREATE INDEX activity_runnable ON activity (workflow, id) WHERE status = 0 AND (turn = 1 OR give_way = 1);
-- What has not ended, lane by lane: those that have their turn, and those that wait for it, each in order. ended_ms is in
-- it so that counting needs no look into the table.
CREATE INDEX activity_in_lane ON activity (workflow, lane, turn, give_way, id, ended_ms)
	WHERE lane IS NOT NULL AND ended_ms = 0;

-- lane_limit 0: the workflow has no lanes. lane_peak: the largest limit since one of its lanes was last empty, 0 unknown: a
-- check of the store knows from it how many may have their turn. turns_due 1: its lanes have become wider, and who waits has not been told yet.
ALTER TABLE workflow ADD COLUMN lane_limit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workflow ADD COLUMN lane_peak INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workflow ADD COLUMN turns_due INTEGER NOT NULL DEFAULT 0;

-- How many there are, so that keeping only the newest does not count them each time.
ALTER TABLE store ADD COLUMN activities INTEGER NOT NULL DEFAULT 0;
UPDATE store SET activities = (SELECT count(*) FROM activity);

ALTER TABLE store ADD COLUMN action_seq INTEGER NOT NULL DEFAULT 0;
CREATE TABLE action (
	seq INTEGER PRIMARY KEY,
	time_ms INTEGER NOT NULL,
	topic TEXT NOT NULL,
	made_by TEXT NOT NULL,
	data TEXT NOT NULL
) STRICT;
CREATE INDEX action_by_topic ON action (topic, time_ms);

-- Programs that were found good, by the SHA-256 of their text.
CREATE TABLE program (
	hash BLOB PRIMARY KEY,
	made_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX program_by_age ON program (made_ms);

CREATE UNIQUE INDEX revision_by_number ON revision (workflow, number);

-- What happened to the workflows themselves: changed, disabled, enabled.
CREATE INDEX event_of_workflow ON event (workflow, seq) WHERE type IN (10, 11, 12);
