//! Every statement of the store. A test prepares them all on the real schema.

/// Columns of a payment in the order of [`crate::rows::Rows::payment`].
macro_rules! payment_columns {
    ($t:literal) => {
        concat!(
            $t,
            ".n, ",
            $t,
            ".merchant, ",
            $t,
            ".id, ",
            $t,
            ".origin, ",
            $t,
            ".state, ",
            $t,
            ".claimable, ",
            $t,
            ".claimed, ",
            $t,
            ".reversed, ",
            $t,
            ".last_refund, ",
            $t,
            ".body, ",
            $t,
            ".private, ",
            $t,
            ".payer_key"
        )
    };
}

/// Columns of a refund in the order of [`crate::rows::Rows::refund`].
macro_rules! refund_columns {
    ($t:literal) => {
        concat!(
            $t,
            ".n, ",
            $t,
            ".merchant, ",
            $t,
            ".id, ",
            $t,
            ".origin, ",
            $t,
            ".state, ",
            $t,
            ".previous, ",
            $t,
            ".merchant_reference, ",
            $t,
            ".body, ",
            $t,
            ".private"
        )
    };
}

/// Columns of a payout in the order of [`crate::rows::Rows::payout`].
macro_rules! payout_columns {
    ($t:literal) => {
        concat!($t, ".n, ", $t, ".merchant, ", $t, ".id, ", $t, ".origin, ", $t, ".body, ", $t, ".private")
    };
}

/// Columns of an account in the order of [`crate::rows::Rows::account`].
macro_rules! account_columns {
    () => {
        "n, merchant, id, kind, currency, name, grp, eligible, \
         debits_pending, debits_posted, credits_pending, credits_posted, created_at, paused_at"
    };
}

/// Columns of a stray in the order of [`crate::rows::Rows::stray`].
macro_rules! stray_columns {
    () => {
        "instruction_id, amount, currency, creditor_index, creditor, at, in_suspense, evidence, closed_at, explained"
    };
}

macro_rules! delivery_columns {
    () => {
        "event, merchant, attempts, state, next_at, last_at, last_status, last_millis, last_error"
    };
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = $sql;)+

        /// Every statement with its name.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

/// How many columns a payment has.
pub(crate) const PAYMENT_WIDTH: usize = 12;
/// How many columns a refund has.
pub(crate) const REFUND_WIDTH: usize = 9;
/// How many columns an event has.
pub(crate) const EVENT_WIDTH: usize = 4;

statements! {
    BEGIN_READ = "BEGIN DEFERRED";
    BEGIN_WRITE = "BEGIN IMMEDIATE";
    COMMIT = "COMMIT";
    ROLLBACK = "ROLLBACK";

    META_CANARIES = "SELECT name, value FROM meta WHERE name GLOB 'canary/*'";
    META_PUT = "INSERT INTO meta (name, value) VALUES (?1, ?2)";

    MERCHANT_BY_ID = "SELECT n FROM merchant WHERE id = ?1";
    MERCHANT_BY_N = "SELECT id FROM merchant WHERE n = ?1";
    MERCHANT_INSERT = "INSERT INTO merchant (id) VALUES (?1)";
    ORIGIN_BY_NAME = "SELECT n FROM origin WHERE dialect = ?1 AND grp = ?2";
    ORIGIN_BY_N = "SELECT dialect, grp FROM origin WHERE n = ?1";
    ORIGIN_INSERT = "INSERT INTO origin (dialect, grp) VALUES (?1, ?2)";
    ENDPOINT_BY_ID = "SELECT n FROM endpoint WHERE id = ?1";
    ENDPOINT_INSERT = "INSERT INTO endpoint (id, cursor) VALUES (?1, 0)";
    ENDPOINT_CURSOR = "SELECT cursor FROM endpoint WHERE id = ?1";
    ENDPOINT_MOVE = "UPDATE endpoint SET cursor = ?2 WHERE n = ?1";

    PAYMENT_BY_ID = concat!("SELECT ", payment_columns!("p"), " FROM payment p WHERE p.merchant = ?1 AND p.id = ?2");
    PAYMENT_PLACE = "SELECT n, last_refund, settled_at, due_at FROM payment WHERE merchant = ?1 AND id = ?2";
    PAYMENT_NEWEST_N = "SELECT coalesce(max(n), 0) FROM payment";
    PAYMENT_INSERT = "INSERT INTO payment (n, merchant, id, origin, state, claimable, claimed, reversed, last_refund, body, private, \
        account, settled_at, due_at, payer_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    PAYMENT_UPDATE = "UPDATE payment SET state = ?2, claimable = ?3, claimed = ?4, reversed = ?5, last_refund = ?6, \
        body = ?7, private = ?8 WHERE n = ?1";
    // Apart from the rest: naming an indexed column rewrites its index.
    PAYMENT_UPDATE_TIMES = "UPDATE payment SET settled_at = ?2, due_at = ?3 WHERE n = ?1";
    PAYMENT_LINK = "UPDATE payment SET last_refund = ?2 WHERE n = ?1";
    PAYMENT_PAGE = concat!("SELECT ", payment_columns!("p"), " FROM payment p \
        WHERE p.merchant = ?1 AND p.id < ?2 ORDER BY p.id DESC LIMIT ?3");
    PAYMENT_OF_ACCOUNT = concat!("SELECT ", payment_columns!("p"), " FROM payment p \
        WHERE p.account = ?1 AND p.settled_at >= ?2 AND p.settled_at < ?3 \
        AND (p.settled_at, p.id) < (?4, ?5) ORDER BY p.settled_at DESC, p.id DESC LIMIT ?6");
    PAYMENT_OF_PAYER = concat!("SELECT ", payment_columns!("p"), " FROM payment p \
        WHERE p.merchant = ?1 AND p.payer_key = ?2 ORDER BY p.id DESC LIMIT ?3");
    PAYMENT_DUE = concat!("SELECT ", payment_columns!("p"), " FROM payment p \
        WHERE p.due_at <= ?1 ORDER BY p.due_at LIMIT ?2");
    PAYMENT_NEXT_DUE = "SELECT min(due_at) FROM payment WHERE due_at IS NOT NULL";
    PAYMENT_SCAN = concat!("SELECT ", payment_columns!("p"), " FROM payment p ORDER BY p.n");

    REFUND_BY_ID = concat!("SELECT ", refund_columns!("r"), " FROM refund r WHERE r.merchant = ?1 AND r.id = ?2");
    REFUND_BY_N = concat!("SELECT ", refund_columns!("r"), " FROM refund r WHERE r.n = ?1");
    REFUND_PLACE = "SELECT n FROM refund WHERE merchant = ?1 AND id = ?2";
    REFUND_NEWEST_N = "SELECT coalesce(max(n), 0) FROM refund";
    REFUND_INSERT = "INSERT INTO refund (n, merchant, id, payment, previous, origin, state, sending, wake_at, \
        merchant_reference, body, private) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    REFUND_UPDATE = "UPDATE refund SET state = ?2, sending = ?3, wake_at = ?4, merchant_reference = ?5, body = ?6, \
        private = ?7 WHERE n = ?1";
    // Without the reference: naming an indexed column would rewrite its index.
    REFUND_UPDATE_SAME_NAME = "UPDATE refund SET state = ?2, sending = ?3, wake_at = ?4, body = ?5, private = ?6 WHERE n = ?1";
    REFUND_PAGE = concat!("SELECT ", refund_columns!("r"), " FROM refund r \
        WHERE r.merchant = ?1 AND r.id < ?2 AND ((1 << r.state) & ?3) <> 0 \
        AND r.origin NOT IN (SELECT o.n FROM origin o WHERE o.dialect = ?4 AND o.grp <> ?5 \
            UNION ALL SELECT o.n FROM origin o WHERE o.dialect > ?4 || '_v' AND o.dialect < ?4 || '_w' AND o.grp <> ?5 \
            AND o.dialect GLOB ?4 || '_v[0-9]*' AND o.dialect NOT GLOB ?4 || '_v*[^0-9]*') \
        ORDER BY r.id DESC LIMIT ?6");
    REFUND_BY_REFERENCE = concat!("SELECT ", refund_columns!("r"), " FROM refund r \
        WHERE r.merchant = ?1 AND r.merchant_reference = ?2");
    REFUND_DUE = concat!("SELECT ", refund_columns!("r"), " FROM refund r \
        WHERE r.wake_at <= ?1 ORDER BY r.wake_at LIMIT ?2");
    REFUND_NEXT_WAKE = "SELECT min(wake_at) FROM refund WHERE wake_at IS NOT NULL";
    REFUND_SENDING = concat!("SELECT ", refund_columns!("r"), " FROM refund r \
        WHERE r.sending = 1 AND r.id > ?1 ORDER BY r.id LIMIT ?2");
    REFUND_PENDING = concat!("SELECT ", refund_columns!("r"), " FROM refund r \
        WHERE r.merchant = ?1 AND r.state = 2 AND r.id < ?2 ORDER BY r.id DESC LIMIT ?3");
    REFUND_SCAN = concat!("SELECT ", refund_columns!("r"), " FROM refund r ORDER BY r.n");

    PAYOUT_BY_ID = concat!("SELECT ", payout_columns!("o"), " FROM payout o WHERE o.merchant = ?1 AND o.id = ?2");
    PAYOUT_PLACE = "SELECT n FROM payout WHERE merchant = ?1 AND id = ?2";
    PAYOUT_INSERT = "INSERT INTO payout (merchant, id, account, origin, state, sending, wake_at, created_at, body, private) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    PAYOUT_UPDATE = "UPDATE payout SET state = ?2, sending = ?3, wake_at = ?4, body = ?5, private = ?6 WHERE n = ?1";
    PAYOUT_PAGE = concat!("SELECT ", payout_columns!("o"), " FROM payout o \
        WHERE o.account = ?1 AND o.created_at BETWEEN ?2 AND ?3 AND (o.created_at, o.id) < (?4, ?5) \
        ORDER BY o.created_at DESC, o.id DESC LIMIT ?6");
    PAYOUT_DUE = concat!("SELECT ", payout_columns!("o"), " FROM payout o \
        WHERE o.wake_at <= ?1 ORDER BY o.wake_at LIMIT ?2");
    PAYOUT_NEXT_WAKE = "SELECT min(wake_at) FROM payout WHERE wake_at IS NOT NULL";
    PAYOUT_SENDING = concat!("SELECT ", payout_columns!("o"), " FROM payout o \
        WHERE o.sending = 1 AND o.id > ?1 ORDER BY o.id LIMIT ?2");
    PAYOUT_SCAN = concat!("SELECT ", payout_columns!("o"), " FROM payout o ORDER BY o.n");
    PAYOUT_INSTRUCTION_GET = "SELECT o.merchant, o.id, i.attempt, i.payout FROM payout_instruction i \
        JOIN payout o ON o.n = i.payout WHERE i.id = ?1";
    PAYOUT_INSTRUCTION_INSERT = "INSERT INTO payout_instruction (id, payout, attempt) VALUES (?1, ?2, ?3)";
    PAYOUT_EVIDENCE_GET = "SELECT 1 FROM payout_evidence WHERE payout = ?1 AND id = ?2";
    PAYOUT_EVIDENCE_INSERT = "INSERT INTO payout_evidence (payout, id, at, report) VALUES (?1, ?2, ?3, ?4)";

    ACCOUNT_BY_ID = concat!("SELECT ", account_columns!(), " FROM account WHERE merchant = ?1 AND id = ?2");
    ACCOUNT_PLACE = "SELECT n FROM account WHERE merchant = ?1 AND id = ?2";
    ACCOUNT_HELD = concat!("SELECT ", account_columns!(), " FROM account WHERE merchant = ?1 AND kind = 0 ORDER BY id");
    ACCOUNT_INSERT = concat!("INSERT INTO account (", account_columns!(), ") \
        VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
    ACCOUNT_UPDATE = "UPDATE account SET name = ?2, grp = ?3, eligible = ?4, debits_pending = ?5, debits_posted = ?6, \
        credits_pending = ?7, credits_posted = ?8, paused_at = ?9 WHERE n = ?1";
    ACCOUNT_SCAN = concat!("SELECT ", account_columns!(), " FROM account ORDER BY n");
    ACCOUNT_ID_BY_N = "SELECT id FROM account WHERE n = ?1";

    BOOK_GET = "SELECT accounts FROM book WHERE merchant = ?1 AND currency = ?2";
    BOOK_INSERT = "INSERT INTO book (merchant, currency, accounts) VALUES (?1, ?2, ?3)";

    MANDATE_BY_ID = "SELECT n, merchant, id, private FROM mandate WHERE merchant = ?1 AND id = ?2";
    MANDATE_PLACE = "SELECT n FROM mandate WHERE merchant = ?1 AND id = ?2";
    MANDATE_PUT = "INSERT INTO mandate (merchant, id, token_index, due_at, private) VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (merchant, id) DO UPDATE SET token_index = excluded.token_index, due_at = excluded.due_at, \
        private = excluded.private";
    MANDATE_OF_MERCHANT = "SELECT n, merchant, id, private FROM mandate WHERE merchant = ?1 ORDER BY id DESC";
    MANDATE_DUE = "SELECT n, merchant, id, private FROM mandate WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";
    MANDATE_ALL = "SELECT n, merchant, id, private FROM mandate ORDER BY n";
    MANDATE_USE_GET = "SELECT used FROM mandate_use WHERE mandate = ?1 AND period = ?2";
    MANDATE_USE_PUT = "INSERT INTO mandate_use (mandate, period, used, allowed) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (mandate, period) DO UPDATE SET used = excluded.used, allowed = excluded.allowed";

    ONCE_GET = "SELECT kind, value FROM once WHERE key = ?1";
    // A record that made money leave is never written over (kind 0).
    ONCE_PUT = "INSERT INTO once (key, kind, value) VALUES (?1, ?2, ?3) \
        ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, value = excluded.value WHERE once.kind <> 0";

    APPROVAL_SUM_GET = "SELECT total FROM approval_sum \
        WHERE merchant = ?1 AND currency = ?2 AND day = ?3 AND creditor_index = ?4";
    APPROVAL_SUM_PUT = "INSERT INTO approval_sum (merchant, currency, day, creditor_index, total) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (merchant, currency, day, creditor_index) \
        DO UPDATE SET total = excluded.total";

    ORIGIN_KEY_GET = "SELECT p.n, p.id FROM origin_key k JOIN payment p ON p.n = k.payment \
        WHERE k.merchant = ?1 AND k.kind = ?2 AND k.value = ?3";
    ORIGIN_KEY_INSERT = "INSERT INTO origin_key (merchant, kind, value, payment) VALUES (?1, ?2, ?3, ?4)";
    KEYLESS_GET = "SELECT count, latest_at FROM keyless WHERE payment = ?1 AND hash = ?2";
    KEYLESS_PUT = "INSERT INTO keyless (payment, hash, count, latest_at) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (payment, hash) DO UPDATE SET count = excluded.count, latest_at = excluded.latest_at";
    INSTRUCTION_GET = "SELECT r.merchant, r.id, i.attempt, i.refund FROM instruction i JOIN refund r ON r.n = i.refund WHERE i.id = ?1";
    INSTRUCTION_INSERT = "INSERT INTO instruction (id, refund, attempt) VALUES (?1, ?2, ?3)";
    EVIDENCE_GET = "SELECT 1 FROM evidence WHERE refund = ?1 AND id = ?2";
    EVIDENCE_INSERT = "INSERT INTO evidence (refund, id, at, report) VALUES (?1, ?2, ?3, ?4)";
    STRAY_CREDITORS = "SELECT creditor, creditor_index FROM stray \
        WHERE merchant = ?1 AND creditor_index IS NOT NULL AND closed_at IS NULL GROUP BY creditor_index";
    STRAY_PUT = concat!("INSERT INTO stray (merchant, ", stray_columns!(), ") \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
        ON CONFLICT (merchant, instruction_id) DO UPDATE SET amount = excluded.amount, currency = excluded.currency, \
        creditor_index = excluded.creditor_index, creditor = excluded.creditor, in_suspense = excluded.in_suspense, \
        evidence = excluded.evidence, closed_at = excluded.closed_at, explained = excluded.explained");
    STRAY_BY_INSTRUCTION = concat!("SELECT ", stray_columns!(), " FROM stray WHERE merchant = ?1 AND instruction_id = ?2");
    STRAY_OPEN = concat!("SELECT ", stray_columns!(), " FROM stray WHERE merchant = ?1 AND closed_at IS NULL \
        ORDER BY at, instruction_id");

    EVENT_NEWEST_SEQ = "SELECT coalesce(max(seq), 0) FROM event";
    EVENT_INSERT = "INSERT INTO event (seq, payment, refund, number, body, hash, payout) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    EVENT_NEWEST = "SELECT seq, number, body, hash FROM event ORDER BY seq DESC LIMIT 1";
    EVENT_OF_REFUND = "SELECT seq, number, body, hash FROM event WHERE refund = ?1 ORDER BY number";
    EVENT_AFTER = concat!("SELECT e.seq, e.number, e.body, e.hash, ", payment_columns!("p"), ", ", refund_columns!("r"),
        ", ", payout_columns!("o"), " FROM event e LEFT JOIN payment p ON p.n = e.payment \
        LEFT JOIN refund r ON r.n = e.refund LEFT JOIN payout o ON o.n = e.payout \
        WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2");
    EVENT_SCAN = "SELECT seq, number, body, hash FROM event ORDER BY seq";
    TRANSFER_INSERT = "INSERT INTO transfer (cause_leg, debit_account, credit_account, amount, kind, subject) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    TRANSFER_SCAN = "SELECT cause_leg, debit_account, credit_account, amount, kind FROM transfer ORDER BY cause_leg";

    REGISTRY_ALL = "SELECT kind, id, private FROM registry ORDER BY kind, id";
    REGISTRY_PUT = "INSERT INTO registry (kind, id, private) VALUES (?1, ?2, ?3) \
        ON CONFLICT (kind, id) DO UPDATE SET private = excluded.private";
    REGISTRY_REMOVE = "DELETE FROM registry WHERE kind = ?1 AND id = ?2";

    AUDIT_INSERT = "INSERT INTO audit (merchant, number, body) VALUES (?1, ?2, ?3)";
    AUDIT_PAGE = "SELECT number, body FROM audit WHERE merchant = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
    AUDIT_SCAN = "SELECT number, body FROM audit ORDER BY merchant, number";

    DELIVERY_PUT = concat!("INSERT INTO delivery (endpoint, ", delivery_columns!(), ") \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (endpoint, event) DO UPDATE SET \
        merchant = excluded.merchant, attempts = excluded.attempts, state = excluded.state, next_at = excluded.next_at, \
        last_at = excluded.last_at, last_status = excluded.last_status, last_millis = excluded.last_millis, \
        last_error = excluded.last_error");
    DELIVERY_DUE = concat!("SELECT ", delivery_columns!(), " FROM delivery \
        WHERE endpoint = ?1 AND next_at <= ?2 ORDER BY next_at, event LIMIT ?3");
    DELIVERY_NEXT = "SELECT min(next_at) FROM delivery WHERE endpoint = ?1 AND next_at IS NOT NULL";
    DELIVERY_PAGE = concat!("SELECT ", delivery_columns!(), " FROM delivery \
        WHERE endpoint = ?1 AND event < ?2 AND merchant = ?3 ORDER BY event DESC LIMIT ?4");
}
