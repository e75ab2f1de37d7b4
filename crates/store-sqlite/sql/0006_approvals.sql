-- What people are asked to decide about, and the sums that limits watch.

-- Refunds that wait for approval (state 2). Others are never in this index.
CREATE INDEX refund_pending ON refund (merchant, id) WHERE state = 2;

-- What was asked for on one day (since 1970, UTC), in minor units: of one
-- creditor's account, by its keyed hash, or of all (empty). Written only
-- while a rule of the merchant asks for it.
CREATE TABLE approval_sum (
    merchant       INTEGER NOT NULL REFERENCES merchant (n),
    currency       TEXT NOT NULL CHECK (length(currency) = 3),
    day            INTEGER NOT NULL,
    creditor_index BLOB NOT NULL CHECK (length(creditor_index) IN (0, 16)),
    total          INTEGER NOT NULL CHECK (total >= 0),
    PRIMARY KEY (merchant, currency, day, creditor_index)
) STRICT, WITHOUT ROWID;
