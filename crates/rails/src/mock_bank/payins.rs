//! The payers' side: what customers decided at their bank happens at its
//! times, also when the process ended in between.

use super::books::BankDown;
use super::columns::{account, signed, signed_count, unreadable, unsigned};
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::party::Party;
use refundry_domain::payment::{PaymentFailureReason, PaymentState};
use refundry_domain::time::Timestamp;
use refundry_engine::rail::{PayinObservation, PayinPage, PayinPlan};
use rusqlite::{Connection, Row, Transaction, params};

/// Keeps a plan, unless the payment has one.
pub(super) fn take_in_op(tx: &Transaction<'_>, plan: &PayinPlan) -> Result<(), BankDown> {
    let PayinPlan { merchant, payment, debtor, steps } = plan;
    let payment = payment.0.to_be_bytes();
    let sql = "INSERT INTO payin (payment, merchant, debtor_account, debtor_name) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (payment) DO NOTHING";
    let account = debtor.as_ref().map(|party| party.account.canonical());
    let name = debtor.as_ref().and_then(|party| party.name.as_deref());
    if tx.prepare_cached(sql)?.execute(params![payment, merchant.0.to_be_bytes(), account, name])? == 0 {
        return Ok(());
    }
    let mut insert =
        tx.prepare_cached("INSERT INTO payin_step (payment, state, failure, due_at) VALUES (?1, ?2, ?3, ?4)")?;
    let mut due_at = Timestamp(i64::MIN);
    for step in steps {
        // A step never comes before the one it follows.
        due_at = due_at.max(step.at);
        let Some(state) = number_of(step.to) else { continue };
        insert.execute(params![payment, state, step.failure.map(PaymentFailureReason::number), due_at.0])?;
    }
    Ok(())
}

/// Steps that are due, in their order, and the time of the next one.
pub(super) fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<PayinPage, BankDown> {
    let sql = "SELECT merchant, payment, state, failure, debtor_account, debtor_name, ticket
        FROM payin_step JOIN payin USING (payment) WHERE due_at <= ?1 ORDER BY due_at, ticket LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![now.0, signed_count(limit)], step)?;
    let steps = rows.collect::<Result<_, _>>()?;
    let next = "SELECT min(due_at) FROM payin_step WHERE due_at > ?1";
    let next: Option<i64> = connection.prepare_cached(next)?.query_row([now.0], |row| row.get(0))?;
    Ok((steps, next.map(Timestamp)))
}

/// Drops these steps.
pub(super) fn acknowledge_in_op(tx: &Transaction<'_>, tickets: &[u64]) -> Result<(), BankDown> {
    let mut statement = tx.prepare_cached("DELETE FROM payin_step WHERE ticket = ?1")?;
    for ticket in tickets {
        statement.execute([signed(*ticket)?])?;
    }
    Ok(())
}

fn step(row: &Row<'_>) -> rusqlite::Result<PayinObservation> {
    let is_known = row.get_ref(4)? != rusqlite::types::ValueRef::Null;
    let debtor = is_known.then(|| Ok::<_, rusqlite::Error>(Party { account: account(row, 4)?, name: row.get(5)? }));
    let failure: Option<u8> = row.get(3)?;
    let failure = failure.map(|number| PaymentFailureReason::from_number(number).ok_or_else(|| unreadable(3)));
    Ok(PayinObservation {
        merchant: MerchantId(u128::from_be_bytes(row.get(0)?)),
        payment: PaymentId(u128::from_be_bytes(row.get(1)?)),
        to: state_of(row.get(2)?).ok_or_else(|| unreadable(2))?,
        debtor: debtor.transpose()?,
        failure: failure.transpose()?,
        ticket: unsigned(row, 6)?,
    })
}

/// The number of a state in the books; none where a bank cannot bring it about.
fn number_of(state: PaymentState) -> Option<u8> {
    match state {
        PaymentState::Authorised => Some(1),
        PaymentState::Executed => Some(2),
        PaymentState::Settled => Some(3),
        PaymentState::Failed => Some(4),
        PaymentState::Open | PaymentState::Reversed => None,
    }
}

fn state_of(number: u8) -> Option<PaymentState> {
    let states = [PaymentState::Authorised, PaymentState::Executed, PaymentState::Settled, PaymentState::Failed];
    states.into_iter().find(|state| number_of(*state) == Some(number))
}

#[cfg(test)]
mod tests {
    use crate::mock_bank::{MockBank, Options, TimeScale};
    use refundry_domain::id::{MerchantId, PaymentId};
    use refundry_domain::party::{AccountIdentifier, Party};
    use refundry_domain::payment::{PaymentFailureReason, PaymentState};
    use refundry_domain::time::{Span, Timestamp};
    use refundry_engine::rail::{PayerBank, PayinObservation, PayinPlan, PayinStep, Rail};
    use std::sync::Arc;

    fn open(folder: &tempfile::TempDir) -> Arc<MockBank> {
        let path = folder.path().join("mock_bank.db");
        MockBank::open(Options { path, time_scale: TimeScale { permille: 1 }, seed: 1 }).unwrap()
    }

    fn at(second: u64) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000).plus(Span::seconds(second))
    }

    fn payer() -> Party {
        let account = AccountIdentifier::Scan { sort_code: "040099".into(), number: "55120934".into() };
        Party { name: Some("Jo Citizen".into()), account }
    }

    fn plan(payment: u128, steps: &[(PaymentState, u64)]) -> PayinPlan {
        let failure = |to| (to == PaymentState::Failed).then_some(PaymentFailureReason::NotAuthorised);
        let steps = steps.iter().map(|(to, second)| PayinStep { to: *to, at: at(*second), failure: failure(*to) });
        PayinPlan {
            merchant: MerchantId(3),
            payment: PaymentId(payment),
            debtor: (payment == 1).then(payer),
            steps: steps.collect(),
        }
    }

    /// What is due, not acknowledged, and the second of the next step.
    async fn due(bank: &MockBank, second: u64) -> (Vec<PayinObservation>, Option<Timestamp>) {
        bank.payins(at(second), 10).await.unwrap()
    }

    async fn acknowledge(bank: &MockBank, steps: &[PayinObservation]) {
        bank.acknowledge_payins(steps.iter().map(|step| step.ticket).collect()).await.unwrap();
    }

    #[tokio::test]
    async fn steps_come_in_their_order_and_survive_a_restart() {
        use PaymentState::{Authorised, Executed, Failed, Settled};
        let folder = tempfile::tempdir().unwrap();
        let bank = open(&folder);
        let mut news = bank.news().unwrap();
        bank.play(plan(1, &[(Authorised, 5), (Executed, 0), (Settled, 90)])).await.unwrap();
        assert!(news.has_changed().unwrap(), "the worker is told to look");
        news.borrow_and_update();
        bank.play(plan(2, &[(Failed, 5)])).await.unwrap();
        bank.play(plan(1, &[(Failed, 0)])).await.unwrap();
        assert_eq!(due(&bank, 4).await, (Vec::new(), Some(at(5))), "a payment has one plan");

        let (steps, next) = due(&bank, 5).await;
        let told: Vec<_> = steps.iter().map(|step| (step.payment.0, step.to, step.failure)).collect();
        let refused = Some(PaymentFailureReason::NotAuthorised);
        assert_eq!(told, [(1, Authorised, None), (1, Executed, None), (2, Failed, refused)]);
        assert_eq!(next, Some(at(90)), "the time scale does not apply");
        assert_eq!((steps[0].merchant, steps[0].debtor.clone()), (MerchantId(3), Some(payer())));
        assert_eq!(steps[2].debtor, None);
        acknowledge(&bank, &steps[..2]).await;
        drop((bank, news));

        let bank = open(&folder);
        let (steps, _) = due(&bank, 90).await;
        let told: Vec<_> = steps.iter().map(|step| (step.payment.0, step.to)).collect();
        assert_eq!(told, [(2, Failed), (1, Settled)]);
        acknowledge(&bank, &steps).await;
        bank.play(plan(1, &[(Failed, 0)])).await.unwrap();
        assert_eq!(due(&bank, 1_000).await, (Vec::new(), None), "also after all its steps");
    }

    #[tokio::test]
    async fn books_of_the_first_version_get_the_payers_side() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(&folder));
        let file = rusqlite::Connection::open(folder.path().join("mock_bank.db")).unwrap();
        file.execute_batch("DROP TABLE payin_step; DROP TABLE payin; PRAGMA user_version = 1").unwrap();
        drop(file);
        let bank = open(&folder);
        bank.play(plan(1, &[(PaymentState::Executed, 0)])).await.unwrap();
        assert_eq!(due(&bank, 0).await.0.len(), 1);
    }
}
