-- A list of more than two in IN () is built as a table of its own for each event that is added; the numbers follow one another.
DROP INDEX event_of_workflow;
CREATE INDEX event_of_workflow ON event (workflow, seq) WHERE type >= 10 AND type <= 12;
