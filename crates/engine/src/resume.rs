//! Letting an account pay again that was paused for drift (rails M22).

use crate::engine::Engine;
use crate::envelope::{Envelope, Unavailable};
use crate::store::{PageRequest, PayoutFilter, PayoutPlace, RefundFilter};
use refundry_domain::command::{Command, PayoutStep};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MerchantId, PersonId, RefundId};
use refundry_domain::payout::PayoutState;
use refundry_domain::refund::{BlockCode, CaseCode, Funding, Refund};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Timestamp;

/// Refunds or payouts of one page.
const PAGE: usize = 256;
/// The states in which a pause may have stopped a refund.
const STOPPED_IN: [&str; 2] = ["ready", "submitted"];

/// Whose account is let go, and who does it.
#[derive(Debug, Clone, Copy)]
struct Resumption {
    merchant: MerchantId,
    account: AccountId,
    by: PersonId,
}

/// Ends the pause, then lifts what it stopped: the block `paused` of refunds,
/// the case `drift` of payouts. Returns how many there were. Called again
/// after a fault it goes on where it ended.
pub async fn resume_account(
    engine: &Engine,
    merchant: MerchantId,
    account: AccountId,
    by: PersonId,
) -> Result<Result<usize, Refusal>, Unavailable> {
    let resumption = Resumption { merchant, account, by };
    let resumed = engine.execute(resumption.envelope(Command::ResumeAccount { account, by })).await?;
    if let Err(refusal) = resumed.result {
        return Ok(Err(refusal));
    }
    let refunds = resumption.lift_refunds(engine).await?;
    Ok(Ok(refunds + resumption.lift_payouts(engine).await?))
}

impl Resumption {
    fn envelope(self, command: Command) -> Envelope {
        Envelope::command(self.merchant, Actor::Person(self.by), command)
    }

    async fn lift_refunds(self, engine: &Engine) -> Result<usize, Unavailable> {
        let states: Vec<String> = STOPPED_IN.iter().map(|&word| word.to_owned()).collect();
        let mut before: Option<RefundId> = None;
        let mut lifted = 0;
        loop {
            let filter = RefundFilter { states: states.clone(), ..RefundFilter::default() };
            let (merchant, page) = (self.merchant, PageRequest { limit: PAGE, before });
            let refunds = engine.read(move |reader| reader.refunds(merchant, &filter, page)).await?;
            let Some(last) = refunds.last() else { return Ok(lifted) };
            before = Some(last.id);
            let stopped = refunds.iter().filter(|refund| is_stopped(refund, self.account));
            let lifts = stopped.map(|refund| Command::LiftBlock { refund: refund.id, code: BlockCode::Paused });
            lifted += self.all(engine, lifts).await?;
        }
    }

    async fn lift_payouts(self, engine: &Engine) -> Result<usize, Unavailable> {
        let (from, to) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        let mut before: Option<PayoutPlace> = None;
        let mut lifted = 0;
        loop {
            let filter = PayoutFilter { account: self.account, from, to };
            let (merchant, page) = (self.merchant, PageRequest { limit: PAGE, before });
            let payouts = engine.read(move |reader| reader.payouts(merchant, &filter, page)).await?;
            let Some(last) = payouts.last() else { return Ok(lifted) };
            before = Some(PayoutPlace::of(last));
            let stopped = payouts.iter().filter(|payout| payout.state == PayoutState::Ready);
            let stopped = stopped.filter(|payout| payout.has_open_case(CaseCode::Drift));
            let lifts = stopped.map(|payout| {
                let step = PayoutStep::CloseCase { code: CaseCode::Drift };
                Command::StepPayout { payout: payout.id, step }
            });
            lifted += self.all(engine, lifts).await?;
        }
    }

    async fn all(self, engine: &Engine, commands: impl Iterator<Item = Command>) -> Result<usize, Unavailable> {
        let outcomes = engine.execute_all(commands.map(|command| self.envelope(command)).collect()).await;
        let count = outcomes.len();
        for outcome in outcomes {
            // What ended meanwhile keeps its mark and needs no lift.
            let _ = outcome?;
        }
        Ok(count)
    }
}

fn is_stopped(refund: &Refund, account: AccountId) -> bool {
    let pays = match refund.funding {
        Funding::Held { account: paying } => paying == account,
        Funding::Mandate { .. } | Funding::MerchantAuthorised => false,
    };
    pays && refund.blocks.iter().any(|block| block.code == BlockCode::Paused && block.lifted_at.is_none())
}
