-- What payments are looked for by, beside their id. The columns never change
-- with a refund, so that none of these indexes is touched by one.

-- The held account that a payment credits; empty in rows of the first schema.
ALTER TABLE payment ADD COLUMN account INTEGER REFERENCES account (n);
-- When it was credited.
ALTER TABLE payment ADD COLUMN settled_at INTEGER;
-- When it fails unless somebody authorises it before; empty from then on.
ALTER TABLE payment ADD COLUMN due_at INTEGER;
-- The dialect's name for the payer; no name, account number or secret.
ALTER TABLE payment ADD COLUMN payer_key TEXT;

CREATE INDEX payment_settled ON payment (account, settled_at, id) WHERE settled_at IS NOT NULL;
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payment_payer ON payment (merchant, payer_key, id) WHERE payer_key IS NOT NULL;
