-- Strays are told apart by what they name, take reports, and can be closed;
-- held accounts can be paused.

DELETE FROM stray WHERE n NOT IN (SELECT min(n) FROM stray GROUP BY merchant, instruction_id);

-- Minor units; negative when more came back than was taken.
ALTER TABLE stray ADD COLUMN in_suspense INTEGER NOT NULL DEFAULT 0;
-- The names of the reports about it, eight bytes each.
ALTER TABLE stray ADD COLUMN evidence BLOB NOT NULL DEFAULT x'' CHECK (length(evidence) % 8 = 0);
ALTER TABLE stray ADD COLUMN closed_at INTEGER;
ALTER TABLE stray ADD COLUMN explained INTEGER CHECK (explained IN (0, 1));

UPDATE stray SET in_suspense = coalesce(amount, 0);

CREATE UNIQUE INDEX stray_instruction ON stray (merchant, instruction_id);
DROP INDEX stray_creditor;
CREATE INDEX stray_creditor ON stray (merchant, creditor_index)
    WHERE creditor_index IS NOT NULL AND closed_at IS NULL;

CREATE INDEX stray_open ON stray (merchant, at, instruction_id) WHERE closed_at IS NULL;

ALTER TABLE account ADD COLUMN paused_at INTEGER;
