-- Outgoing payments that give back no pay-in. What they are sent under and
-- what a rail said of them stands in tables of their own, because rows of the
-- first schema point at refunds only.

CREATE TABLE payout (
    n          INTEGER PRIMARY KEY,
    merchant   INTEGER NOT NULL REFERENCES merchant (n),
    id         BLOB NOT NULL CHECK (length(id) = 16),
    account    INTEGER NOT NULL REFERENCES account (n),
    origin     INTEGER NOT NULL REFERENCES origin (n),
    state      INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    sending    INTEGER NOT NULL CHECK (sending IN (0, 1)),
    wake_at    INTEGER,
    created_at INTEGER NOT NULL,
    body       BLOB NOT NULL,
    private    BLOB NOT NULL,
    UNIQUE (merchant, id)
) STRICT;

CREATE INDEX payout_wake ON payout (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX payout_sending ON payout (id) WHERE sending = 1;
CREATE INDEX payout_account ON payout (account, created_at, id);

CREATE TABLE payout_instruction (
    id      TEXT PRIMARY KEY,
    payout  INTEGER NOT NULL REFERENCES payout (n),
    attempt INTEGER NOT NULL CHECK (attempt BETWEEN 0 AND 255)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX payout_instruction_attempt ON payout_instruction (payout, attempt);

CREATE TABLE payout_evidence (
    payout INTEGER NOT NULL REFERENCES payout (n),
    id     BLOB NOT NULL CHECK (length(id) = 8),
    at     INTEGER NOT NULL,
    report BLOB NOT NULL,
    PRIMARY KEY (payout, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER payout_evidence_is_final BEFORE UPDATE ON payout_evidence
    BEGIN SELECT RAISE(ABORT, 'evidence never changes'); END;
CREATE TRIGGER payout_evidence_stays BEFORE DELETE ON payout_evidence
    BEGIN SELECT RAISE(ABORT, 'evidence is never removed'); END;

ALTER TABLE event ADD COLUMN payout INTEGER REFERENCES payout (n);
CREATE UNIQUE INDEX event_payout ON event (payout, number) WHERE payout IS NOT NULL;

-- A book has a twelfth account, on which payouts are cleared (kind 5); books
-- that are there already get one, under a random id of version 4.
INSERT INTO account (merchant, id, kind, currency, name, grp, eligible,
        debits_pending, debits_posted, credits_pending, credits_posted, created_at)
    SELECT b.merchant,
        unhex(hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2) || '8' || substr(hex(randomblob(2)), 2)
            || hex(randomblob(6))),
        5, b.currency, 'payout_clearing', '', 0, 0, 0, 0, 0,
        (SELECT min(a.created_at) FROM account a WHERE a.merchant = b.merchant AND a.currency = b.currency)
    FROM book b;

CREATE TABLE book_of_twelve (
    merchant INTEGER NOT NULL REFERENCES merchant (n),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    accounts BLOB NOT NULL CHECK (length(accounts) = 192),
    PRIMARY KEY (merchant, currency)
) STRICT, WITHOUT ROWID;
INSERT INTO book_of_twelve (merchant, currency, accounts)
    SELECT b.merchant, b.currency, unhex(hex(b.accounts) || hex(a.id))
    FROM book b JOIN account a ON a.merchant = b.merchant AND a.currency = b.currency AND a.kind = 5;
DROP TABLE book;
ALTER TABLE book_of_twelve RENAME TO book;
