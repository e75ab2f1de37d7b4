-- Who changed what about a merchant's people, keys, rules and endpoints. The
-- record holds the hash of the one before it; the newest one's hash stands in
-- the registry.
CREATE TABLE audit (
    merchant INTEGER NOT NULL REFERENCES merchant (n),
    number   INTEGER NOT NULL CHECK (number > 0),
    body     BLOB NOT NULL,
    PRIMARY KEY (merchant, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'a record of a change never changes'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'a record of a change is never removed'); END;
