-- The first schema. Names of columns: `n` is a row's small number, used where
-- rows point at each other; `id` is the 16 bytes that the world knows; `body`
-- is the record's other fields in a private binary form; `private` is the part
-- of it that is sealed.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant (
    n  INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16)
) STRICT;

-- Through which dialect and for which group an object was made.
CREATE TABLE origin (
    n       INTEGER PRIMARY KEY,
    dialect TEXT NOT NULL,
    grp     TEXT NOT NULL,
    UNIQUE (dialect, grp)
) STRICT;

CREATE TABLE account (
    n               INTEGER PRIMARY KEY,
    merchant        INTEGER NOT NULL REFERENCES merchant (n),
    id              BLOB NOT NULL CHECK (length(id) = 16),
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 12),
    currency        TEXT NOT NULL CHECK (length(currency) = 3),
    name            TEXT NOT NULL,
    grp             TEXT NOT NULL,
    eligible        INTEGER NOT NULL CHECK (eligible IN (0, 1)),
    debits_pending  INTEGER NOT NULL CHECK (debits_pending >= 0),
    debits_posted   INTEGER NOT NULL CHECK (debits_posted >= 0),
    credits_pending INTEGER NOT NULL CHECK (credits_pending >= 0),
    credits_posted  INTEGER NOT NULL CHECK (credits_posted >= 0),
    created_at      INTEGER NOT NULL,
    UNIQUE (merchant, id),
    -- Kind 0 is held money: it is never negative, money set aside included.
    CHECK (kind <> 0 OR credits_posted >= debits_posted + debits_pending)
) STRICT;

-- The eleven accounts of a merchant's book, 16 bytes each.
CREATE TABLE book (
    merchant INTEGER NOT NULL REFERENCES merchant (n),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    accounts BLOB NOT NULL CHECK (length(accounts) = 176),
    PRIMARY KEY (merchant, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE payment (
    n           INTEGER PRIMARY KEY,
    merchant    INTEGER NOT NULL REFERENCES merchant (n),
    id          BLOB NOT NULL CHECK (length(id) = 16),
    origin      INTEGER NOT NULL REFERENCES origin (n),
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    claimable   INTEGER NOT NULL CHECK (claimable >= 0),
    claimed     INTEGER NOT NULL CHECK (claimed >= 0),
    reversed    INTEGER NOT NULL CHECK (reversed >= 0),
    -- Its newest refund; each refund names the one before it. A list that
    -- costs nothing to keep, where an index would touch a page per refund.
    last_refund INTEGER,
    body        BLOB NOT NULL,
    private     BLOB,
    UNIQUE (merchant, id),
    CHECK (claimed <= claimable)
) STRICT;

CREATE TABLE refund (
    n                  INTEGER PRIMARY KEY,
    merchant           INTEGER NOT NULL REFERENCES merchant (n),
    id                 BLOB NOT NULL CHECK (length(id) = 16),
    payment            INTEGER NOT NULL REFERENCES payment (n),
    previous           INTEGER,
    origin             INTEGER NOT NULL REFERENCES origin (n),
    state              INTEGER NOT NULL CHECK (state BETWEEN 0 AND 12),
    sending            INTEGER NOT NULL CHECK (sending IN (0, 1)),
    wake_at            INTEGER,
    merchant_reference TEXT,
    body               BLOB NOT NULL,
    private            BLOB,
    UNIQUE (merchant, id)
) STRICT;

CREATE INDEX refund_wake ON refund (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX refund_sending ON refund (id) WHERE sending = 1;
CREATE UNIQUE INDEX refund_merchant_reference
    ON refund (merchant, merchant_reference) WHERE merchant_reference IS NOT NULL;

CREATE TABLE mandate (
    n           INTEGER PRIMARY KEY,
    merchant    INTEGER NOT NULL REFERENCES merchant (n),
    id          BLOB NOT NULL CHECK (length(id) = 16),
    -- Keyed hash of the token: unique without being readable.
    token_index BLOB NOT NULL UNIQUE CHECK (length(token_index) = 16),
    due_at      INTEGER,
    private     BLOB NOT NULL,
    UNIQUE (merchant, id)
) STRICT;

CREATE INDEX mandate_due ON mandate (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE mandate_use (
    mandate INTEGER NOT NULL REFERENCES mandate (n),
    period  INTEGER NOT NULL,
    used    INTEGER NOT NULL CHECK (used >= 0),
    allowed INTEGER,
    PRIMARY KEY (mandate, period),
    CHECK (used <= allowed)
) STRICT, WITHOUT ROWID;

-- Kind 0 led to a refund: such a key never expires.
CREATE TABLE once (
    key   BLOB PRIMARY KEY CHECK (length(key) = 16),
    kind  INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 6),
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE origin_key (
    merchant INTEGER NOT NULL REFERENCES merchant (n),
    kind     TEXT NOT NULL,
    value    TEXT NOT NULL,
    payment  INTEGER NOT NULL REFERENCES payment (n),
    PRIMARY KEY (merchant, kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE keyless (
    payment   BLOB NOT NULL CHECK (length(payment) = 16),
    hash      TEXT NOT NULL,
    count     INTEGER NOT NULL CHECK (count >= 0),
    latest_at INTEGER NOT NULL,
    PRIMARY KEY (payment, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE instruction (
    id      TEXT PRIMARY KEY,
    refund  INTEGER NOT NULL REFERENCES refund (n),
    attempt INTEGER NOT NULL CHECK (attempt BETWEEN 0 AND 255)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX instruction_attempt ON instruction (refund, attempt);

CREATE TABLE evidence (
    refund INTEGER NOT NULL REFERENCES refund (n),
    id     BLOB NOT NULL CHECK (length(id) = 8),
    at     INTEGER NOT NULL,
    report BLOB NOT NULL,
    PRIMARY KEY (refund, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE stray (
    n              INTEGER PRIMARY KEY,
    merchant       INTEGER NOT NULL REFERENCES merchant (n),
    instruction_id TEXT NOT NULL,
    amount         INTEGER,
    currency       TEXT,
    -- Keyed hash of the canonical account, and the account itself, sealed.
    creditor_index BLOB,
    creditor       BLOB,
    at             INTEGER NOT NULL
) STRICT;

CREATE INDEX stray_creditor ON stray (merchant, creditor_index) WHERE creditor_index IS NOT NULL;

CREATE TABLE event (
    seq     INTEGER PRIMARY KEY,
    payment INTEGER REFERENCES payment (n),
    refund  INTEGER REFERENCES refund (n),
    number  INTEGER NOT NULL,
    body    BLOB NOT NULL,
    hash    BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE UNIQUE INDEX event_refund ON event (refund, number) WHERE refund IS NOT NULL;

-- The number is the causing event's place times eight plus the leg, so that a
-- pair of them is unique by construction.
CREATE TABLE transfer (
    cause_leg      INTEGER PRIMARY KEY CHECK (cause_leg >= 8),
    debit_account  INTEGER NOT NULL REFERENCES account (n),
    credit_account INTEGER NOT NULL REFERENCES account (n),
    amount         INTEGER NOT NULL CHECK (amount > 0),
    kind           INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
    -- What it is about, where that is not what its event is about.
    subject        BLOB,
    CHECK (debit_account <> credit_account)
) STRICT;

CREATE TABLE registry (
    kind    INTEGER NOT NULL,
    id      TEXT NOT NULL,
    private BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoint (
    n      INTEGER PRIMARY KEY,
    id     BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    cursor INTEGER NOT NULL
) STRICT;

CREATE TABLE delivery (
    endpoint    INTEGER NOT NULL REFERENCES endpoint (n),
    event       INTEGER NOT NULL,
    merchant    INTEGER NOT NULL REFERENCES merchant (n),
    attempts    INTEGER NOT NULL,
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    next_at     INTEGER CHECK ((state = 0) = (next_at IS NOT NULL)),
    last_at     INTEGER NOT NULL,
    last_status INTEGER NOT NULL,
    last_millis INTEGER NOT NULL,
    last_error  TEXT NOT NULL,
    PRIMARY KEY (endpoint, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_next ON delivery (endpoint, next_at) WHERE next_at IS NOT NULL;

-- What was written stays written.
CREATE TRIGGER event_is_final BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;
CREATE TRIGGER event_stays BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'an event is never removed'); END;
CREATE TRIGGER transfer_is_final BEFORE UPDATE ON transfer
    BEGIN SELECT RAISE(ABORT, 'a transfer never changes'); END;
CREATE TRIGGER transfer_stays BEFORE DELETE ON transfer
    BEGIN SELECT RAISE(ABORT, 'a transfer is never removed'); END;
CREATE TRIGGER evidence_is_final BEFORE UPDATE ON evidence
    BEGIN SELECT RAISE(ABORT, 'evidence never changes'); END;
CREATE TRIGGER evidence_stays BEFORE DELETE ON evidence
    BEGIN SELECT RAISE(ABORT, 'evidence is never removed'); END;
