-- Whose steps an action may let go on: what its sender covered. Null: those of all workflows.
ALTER TABLE action ADD COLUMN covers TEXT;

-- What a step writes is an event too (step.log, type 14). Its data is the number of the record in `log`, whose text is read from
-- there; when that has gone, so has the text.
