-- Whose steps an action may let go on: what its sender covered. Null: those of all workflows.
ALTER TABLE action ADD COLUMN covers TEXT;
