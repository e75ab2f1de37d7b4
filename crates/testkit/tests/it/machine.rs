//! The core against the naive model: both hear the same random commands and
//! must agree on what is refused, where every refund stands and what is left.

use super::invariants;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use refundry_domain::approval::ApprovalPolicy;
use refundry_domain::attempt::AttemptState;
use refundry_domain::command::{AbsentDecision, Command, FeeInput, OpenAccount, RequestRefund};
use refundry_domain::decide::decide;
use refundry_domain::event::Actor;
use refundry_domain::facts::{Context, Facts};
use refundry_domain::id::{AccountId, MerchantId, PaymentId, PersonId, RefundId};
use refundry_domain::instruction::{EvidenceId, Report, Submission};
use refundry_domain::ledger::AccountKind;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::CreditorSource;
use refundry_domain::payment::PaymentState;
use refundry_domain::reference::ids_of_attempt;
use refundry_domain::refund::{Funding, RefundState, ReserveAt, Shortage};
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::sha256;
use refundry_testkit::make::{self, AT, Ids};
use refundry_testkit::model::{APPROVAL_SECONDS, Answer, Ask, Choice, Lack, Model, News, Try, Wish};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Amount of the payment, minor units.
const AMOUNT: u64 = 100;
const PEOPLE: [PersonId; 2] = [PersonId(1), PersonId(2)];

/// The core with one merchant, one wallet and one payment on its way.
struct Core {
    facts: Facts,
    ids: Ids,
    merchant: MerchantId,
    wallet: AccountId,
    payment: PaymentId,
    refunds: Vec<RefundId>,
    epoch: u64,
}

impl Core {
    fn new(debtor_known: bool) -> Self {
        let mut ids = Ids::default();
        let (merchant, wallet, payment) = (ids.merchant(), ids.account(), ids.payment());
        let (book, _) = make::book(&mut ids, merchant, Currency::AUD);
        let mut core = Self { facts: Facts::default(), ids, merchant, wallet, payment, refunds: Vec::new(), epoch: 0 };
        core.facts.approvers = PEOPLE.map(|person| (core.merchant, person)).into();
        let mut record = make::record_payment(payment, wallet, Amount::new(AMOUNT, Currency::AUD));
        record.state = PaymentState::Authorised;
        if !debtor_known {
            record.debtor = None;
        }
        let open = OpenAccount {
            id: wallet,
            kind: AccountKind::Held,
            currency: Currency::AUD,
            name: Arc::from("wallet"),
            group: Arc::from(""),
            eligible: true,
        };
        for command in [
            Command::OpenBook { currency: Currency::AUD, book },
            Command::OpenAccount(open),
            Command::RecordPayment(record),
        ] {
            assert!(core.hear(&command, AT), "the set-up is taken: {command:?}");
        }
        core
    }

    /// True when the command is not refused; a refusal changes nothing.
    fn hear(&mut self, command: &Command, at: Timestamp) -> bool {
        let rules = Rules::of(Environment::Sandbox);
        let context = Context { merchant: self.merchant, actor: &Actor::Engine, at, rules: &rules, sha256 };
        let states: BTreeMap<RefundId, RefundState> =
            self.facts.refunds.values().map(|refund| (refund.id, refund.state)).collect();
        let (events, before) = (self.facts.changes.events.len(), format!("{:?}", self.facts));
        let heard = decide(&mut self.facts, context, command);
        if heard.is_err() {
            assert_eq!(format!("{:?}", self.facts), before, "a refusal changes nothing: {command:?}");
        }
        invariants::check(&self.facts);
        invariants::check_step(&states, &self.facts.changes.events[events..], &self.facts);
        heard.is_ok()
    }

    fn request(&mut self, wish: Wish) -> Command {
        let id = self.ids.refund();
        let policy = ApprovalPolicy { required: 1, valid_for: Span::seconds(APPROVAL_SECONDS), version: 1 };
        let plain = make::request(id, self.payment, self.wallet, wish.amount, &id.to_string());
        Command::RequestRefund(Box::new(RequestRefund {
            fee: FeeInput::Given(wish.fee),
            may_ask_details: true,
            funding: if wish.consent { Some(Funding::MerchantAuthorised) } else { plain.funding },
            shortage: match wish.shortage {
                Lack::Refuse => Shortage::Refuse,
                Lack::Fail => Shortage::Fail,
                Lack::Wait => Shortage::Wait,
            },
            reserve_at: if wish.reserve_at_send { ReserveAt::Send } else { ReserveAt::Creation },
            wait_for_settlement: wish.wait_for_settlement,
            approval: wish.approval.then_some(policy),
            ..plain
        }))
    }

    fn newest_attempt(&self, refund: RefundId) -> u8 {
        self.facts.refunds[&refund].newest_attempt().map_or(1, |attempt| attempt.number)
    }

    /// The command for a wish of the test; none where there is nothing to ask.
    fn command(&mut self, ask: Ask, at: Timestamp) -> Option<Command> {
        let people = PEOPLE.to_vec();
        let id = |place: usize| self.refunds.get(place).copied().expect("the test asks for refunds that are there");
        Some(match ask {
            Ask::Request(wish) => return Some(self.request(wish)),
            Ask::GiveDetails { refund } => Command::GiveDetails {
                refund: id(refund),
                creditor: make::party(),
                source: CreditorSource::CustomerSupplied,
                people: Vec::new(),
            },
            Ask::Approve { refund } => {
                Command::ApproveRefund { refund: id(refund), by: PEOPLE[0], seen: None, note: None }
            }
            Ask::Reject { refund } => {
                Command::RejectRefund { refund: id(refund), by: PEOPLE[1], seen: None, note: None }
            }
            Ask::Authorise { refund } => Command::AuthoriseRefund { refund: id(refund) },
            Ask::Decline { refund } => Command::DeclineAuthorisation { refund: id(refund) },
            Ask::Cancel { refund } => Command::CancelRefund { refund: id(refund) },
            Ask::External { refund } => Command::RecordExternal { refund: id(refund), people },
            Ask::Begin { refund } => {
                self.epoch += 1;
                Command::BeginSend { refund: id(refund), epoch: self.epoch, lease_until: at.plus(Span::seconds(1)) }
            }
            Ask::Answer { refund, answer } => {
                let attempt = self.newest_attempt(id(refund));
                self.answer(id(refund), attempt, answer)
            }
            Ask::Report { refund, attempt, evidence, news } => self.report(id(refund), attempt, evidence, news),
            Ask::Inquiry { refund } => {
                Command::RecordInquiry { refund: id(refund), attempt: self.newest_attempt(id(refund)) }
            }
            Ask::Absent { refund } => Command::RecordAbsent { refund: id(refund), people },
            Ask::DecideAbsent { refund, choice } => {
                let decision = match choice {
                    Choice::Again => AbsentDecision::NewAttempt,
                    Choice::Fail => AbsentDecision::Fail,
                    Choice::Cancel => AbsentDecision::Cancel,
                };
                Command::DecideAbsent { refund: id(refund), decision, people }
            }
            Ask::Tick { refund } => Command::Tick { refund: id(refund) },
            Ask::Wait { days: _ } => return None,
            Ask::Execute => self.advance(PaymentState::Executed, None),
            Ask::Settle { credited } => self.advance(PaymentState::Settled, Some(credited)),
            Ask::Fail => self.advance(PaymentState::Failed, None),
            Ask::Reverse { amount } => Command::ReversePayment { payment: self.payment, amount: Some(amount) },
            Ask::Balance { available } => Command::SetBalance { account: self.wallet, available },
        })
    }

    fn advance(&self, to: PaymentState, credited: Option<u64>) -> Command {
        Command::AdvancePayment { payment: self.payment, to, credited, debtor: None, failure: None }
    }

    fn answer(&self, refund: RefundId, attempt: u8, answer: Answer) -> Command {
        let found = self.facts.refunds[&refund].attempts.iter().find(|one| one.number == attempt);
        let epoch = match found.map(|attempt| attempt.state) {
            Some(AttemptState::Sending { epoch, .. }) => epoch,
            _ => self.epoch,
        };
        let outcome = match answer {
            Answer::Accepted => Submission::Accepted,
            Answer::Rejected => Submission::Rejected { code: None },
            Answer::Unknown => Submission::Unknown,
        };
        Command::RecordSubmission { refund, attempt, epoch, outcome }
    }

    fn report(&self, refund: RefundId, attempt: usize, evidence: u8, news: News) -> Command {
        let found = &self.facts.refunds[&refund];
        let number = u8::try_from(attempt + 1).expect("tests have few attempts");
        let report = match news {
            News::Accepted => Report::Accepted,
            News::Executed => Report::Executed { amount: found.amount.minor, charges: 0 },
            News::Rejected => Report::Rejected { code: None },
            News::Returned { back } => Report::Returned { amount_back: back, code: None },
            News::Withdrawn => Report::Withdrawn,
            News::Lapsed => Report::Lapsed,
        };
        let ids = ids_of_attempt(found, number, Environment::Sandbox, sha256);
        Command::RecordReport { instruction_id: ids.instruction_id, evidence: EvidenceId([evidence; 8]), report }
    }
}

fn word_of(state: AttemptState) -> Try {
    match state {
        AttemptState::Due => Try::Due,
        AttemptState::Sending { .. } => Try::Sending,
        AttemptState::Unknown { .. } => Try::Unknown,
        AttemptState::Accepted { .. } => Try::Accepted,
        AttemptState::Executed => Try::Executed,
        AttemptState::Rejected { .. } => Try::Rejected,
        AttemptState::Absent => Try::Absent,
        AttemptState::Withdrawn => Try::Withdrawn,
        AttemptState::Returned => Try::Returned,
    }
}

/// Both tell the same of payment, wallet and every refund.
fn compare(core: &Core, model: &Model, ask: Ask) {
    let payment = &core.facts.payments[&core.payment];
    let told = (payment.state.code(), payment.counters.claimable, payment.counters.claimed, payment.counters.reversed);
    assert_eq!(told, (model.payment, model.claimable, model.claimed(), model.reversed), "the payment after {ask:?}");
    assert_eq!(payment.counters.refundable(), model.refundable(), "what is left after {ask:?}");
    let available = core.facts.accounts[&core.wallet].balance.available();
    assert_eq!(available, model.available, "the wallet after {ask:?}");
    for (line, id) in model.lines.iter().zip(&core.refunds) {
        let refund = &core.facts.refunds[id];
        assert_eq!(refund.state.code(), line.word, "a refund after {ask:?}");
        let tries: Vec<Try> = refund.attempts.iter().map(|attempt| word_of(attempt.state)).collect();
        assert_eq!(tries, line.tries, "its attempts after {ask:?}");
    }
    assert_eq!(core.facts.refunds.len(), model.lines.len(), "the same refunds after {ask:?}");
}

/// Points an ask at a refund that is there; none where there is none.
fn aimed(ask: Ask, count: usize) -> Option<Ask> {
    let mut ask = ask;
    match &mut ask {
        Ask::GiveDetails { refund }
        | Ask::Approve { refund }
        | Ask::Reject { refund }
        | Ask::Authorise { refund }
        | Ask::Decline { refund }
        | Ask::Cancel { refund }
        | Ask::External { refund }
        | Ask::Begin { refund }
        | Ask::Answer { refund, .. }
        | Ask::Report { refund, .. }
        | Ask::Inquiry { refund }
        | Ask::Absent { refund }
        | Ask::DecideAbsent { refund, .. }
        | Ask::Tick { refund } => *refund = refund.checked_rem(count)?,
        Ask::Request(_)
        | Ask::Wait { .. }
        | Ask::Execute
        | Ask::Settle { .. }
        | Ask::Fail
        | Ask::Reverse { .. }
        | Ask::Balance { .. } => {}
    }
    Some(ask)
}

fn play(asks: Vec<Ask>, debtor_known: bool) {
    let mut core = Core::new(debtor_known);
    let mut model = Model::new(AMOUNT, debtor_known);
    for ask in asks {
        let Some(ask) = aimed(ask, model.lines.len()) else { continue };
        let count = model.lines.len();
        let taken = model.hear(ask);
        let at = AT.plus(Span::seconds(model.now));
        if let Some(command) = core.command(ask, at) {
            let heard = core.hear(&command, at);
            assert_eq!(heard, taken, "refused or not: {ask:?}");
        }
        if model.lines.len() > count {
            core.refunds.extend(core.facts.refunds.keys().copied().last());
        }
        compare(&core, &model, ask);
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    let lack = prop_oneof![Just(Lack::Refuse), Just(Lack::Fail), Just(Lack::Wait)];
    (
        0..60_u64,
        prop_oneof![3 => Just(0_u64), 1 => 0..8_u64],
        lack,
        any::<bool>(),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(amount, fee, shortage, reserve_at_send, wait_for_settlement, approval, consent)| Wish {
            amount,
            fee,
            shortage,
            reserve_at_send,
            wait_for_settlement,
            approval,
            consent,
        })
}

fn rail_ask() -> impl Strategy<Value = Ask> {
    let refund = 0..4_usize;
    let answer = prop_oneof![1 => Just(Answer::Accepted), 1 => Just(Answer::Rejected), 2 => Just(Answer::Unknown)];
    let news = prop_oneof![
        2 => Just(News::Accepted),
        4 => Just(News::Executed),
        1 => Just(News::Rejected),
        2 => (0..120_u64).prop_map(|back| News::Returned { back }),
        1 => Just(News::Withdrawn),
        1 => Just(News::Lapsed),
    ];
    let choice = prop_oneof![3 => Just(Choice::Again), 1 => Just(Choice::Fail), 1 => Just(Choice::Cancel)];
    prop_oneof![
        6 => refund.clone().prop_map(|refund| Ask::Begin { refund }),
        4 => (refund.clone(), answer).prop_map(|(refund, answer)| Ask::Answer { refund, answer }),
        6 => (refund.clone(), prop_oneof![4 => Just(0_usize), 1 => 0..3_usize], 0..6_u8, news)
            .prop_map(|(refund, attempt, evidence, news)| Ask::Report { refund, attempt, evidence, news }),
        1 => refund.clone().prop_map(|refund| Ask::Inquiry { refund }),
        4 => refund.clone().prop_map(|refund| Ask::Absent { refund }),
        5 => (refund.clone(), choice).prop_map(|(refund, choice)| Ask::DecideAbsent { refund, choice }),
        3 => refund.prop_map(|refund| Ask::Tick { refund }),
    ]
}

fn people_ask() -> impl Strategy<Value = Ask> {
    let refund = 0..4_usize;
    prop_oneof![
        3 => refund.clone().prop_map(|refund| Ask::GiveDetails { refund }),
        3 => refund.clone().prop_map(|refund| Ask::Approve { refund }),
        1 => refund.clone().prop_map(|refund| Ask::Reject { refund }),
        3 => refund.clone().prop_map(|refund| Ask::Authorise { refund }),
        1 => refund.clone().prop_map(|refund| Ask::Decline { refund }),
        2 => refund.clone().prop_map(|refund| Ask::Cancel { refund }),
        1 => refund.prop_map(|refund| Ask::External { refund }),
    ]
}

fn money_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        2 => Just(Ask::Execute),
        4 => prop_oneof![3 => Just(AMOUNT), 1 => 0..150_u64].prop_map(|credited| Ask::Settle { credited }),
        1 => Just(Ask::Fail),
        1 => (0..120_u64).prop_map(|amount| Ask::Reverse { amount }),
        2 => (0..300_u64).prop_map(|available| Ask::Balance { available }),
        1 => prop_oneof![Just(1_u64), Just(8), Just(31)].prop_map(|days| Ask::Wait { days }),
    ]
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop_oneof![
        4 => wish().prop_map(Ask::Request),
        8 => rail_ask(),
        3 => people_ask(),
        2 => money_ask(),
    ];
    prop::collection::vec(ask, 1..60)
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn core_and_model_agree(asks in asks(), debtor_known in prop::bool::weighted(0.8)) {
        play(asks, debtor_known);
    }
}

/// Random input that never reaches a state checks nothing about it.
#[test]
fn random_commands_reach_every_state() {
    let mut runner = TestRunner::deterministic();
    let (mut words, mut tries) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..400 {
        let tree = (asks(), prop::bool::weighted(0.8)).new_tree(&mut runner).expect("asks are made");
        let (asks, debtor_known) = tree.current();
        let mut model = Model::new(AMOUNT, debtor_known);
        for ask in asks {
            if let Some(ask) = aimed(ask, model.lines.len()) {
                model.hear(ask);
            }
            words.extend(model.lines.iter().map(|line| line.word));
            tries.extend(model.lines.iter().flat_map(|line| &line.tries).map(|one| format!("{one:?}")));
        }
    }
    let expected: BTreeSet<&str> = make::refund_states().into_iter().map(RefundState::code).collect();
    assert_eq!(words, expected, "every state of a refund");
    assert_eq!(tries.len(), 9, "every state of an attempt: {tries:?}");
}
