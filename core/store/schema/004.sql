-- Through an open trigger, what an activity stands for, in place of the id of its source; null: that. There may be a million
-- of them, most of them for one activity each, so that rows of `source`, which stay, would be too many.
ALTER TABLE activity ADD COLUMN subject TEXT;
