//! Four eyes by a merchant's own rules: who is asked, what voids a word, and
//! what time does to it.

use super::stage::Stage;
use refundry_domain::approval::{ApprovalLimits, ApprovalPolicy, ApprovalRules};
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::{PaymentId, PersonId, RefundId};
use refundry_domain::money::Currency;
use refundry_domain::party::{AccountIdentifier, CreditorSource, Party};
use refundry_domain::refund::{ExpiredAt, Gate, RefundState, Reservation};
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::registry::{Credential, MerchantPolicy, Person, RegistryChange, RegistryEntry, Role, Scope};
use refundry_engine::store::PageRequest;
use refundry_testkit::make;
use std::sync::Arc;

fn rules(limits: ApprovalLimits) -> ApprovalRules {
    ApprovalRules { refunds: true, limits: [(Currency::AUD, limits)].into(), ..ApprovalRules::default() }
}

fn every_refund() -> ApprovalRules {
    ApprovalRules { refunds: true, ..ApprovalRules::default() }
}

fn put(stage: &Stage, rules: ApprovalRules) -> Envelope {
    let work = Work::Registry { change: RegistryChange::PutPolicy(rules), answer: None };
    Envelope { merchant: stage.lasting.merchant, actor: Actor::Sandbox, once: None, work }
}

async fn set(stage: &Stage, rules: ApprovalRules) {
    stage.engine.execute(put(stage, rules)).await.expect("decided").result.expect("taken");
}

fn approve(refund: RefundId, by: PersonId) -> Command {
    Command::ApproveRefund { refund, by, seen: None, note: None }
}

fn reject(refund: RefundId, by: PersonId) -> Command {
    Command::RejectRefund { refund, by, seen: None, note: Some(Arc::from("not this one")) }
}

fn somebody(number: &str) -> Option<Party> {
    let account = AccountIdentifier::Bsb { bsb: "082001".to_owned(), number: number.to_owned() };
    Some(Party { name: None, account })
}

fn pending(stage: &Stage) -> Vec<RefundId> {
    let page = PageRequest { limit: 100, before: None };
    let found = stage.reader().pending_approvals(stage.lasting.merchant, page).expect("it reads");
    found.into_iter().map(|refund| refund.id).collect()
}

/// Where a refund of a payment stands when it was just made.
async fn first_state(stage: &mut Stage, payment: PaymentId, minor: u64, key: &str) -> &'static str {
    stage.refund(payment, minor, key).await.state.code()
}

#[tokio::test]
async fn only_what_is_above_a_limit_waits() {
    const FREE: &str = "ready";
    const ASKS: &str = "awaiting_approval";
    let mut stage = Stage::new(1_000_000).await;
    let limit = |change: fn(&mut ApprovalLimits)| {
        let mut limits = ApprovalLimits::default();
        change(&mut limits);
        rules(limits)
    };
    let off = ApprovalRules { refunds: false, ..every_refund() };
    let elsewhere = ApprovalRules { limits: [(Currency::EUR, ApprovalLimits::default())].into(), ..every_refund() };
    // The rules, and what three refunds of 100 of one payment meet.
    let cases = [
        ("off", off, [FREE; 3]),
        ("no limits", every_refund(), [ASKS; 3]),
        ("another currency's", elsewhere, [ASKS; 3]),
        ("none of its own", limit(|_| {}), [FREE; 3]),
        ("refund", limit(|limits| limits.refund = Some(100)), [FREE; 3]),
        ("refund, one less", limit(|limits| limits.refund = Some(99)), [ASKS; 3]),
        ("payment", limit(|limits| limits.payment = Some(200)), [FREE, FREE, ASKS]),
        ("creditor", limit(|limits| limits.creditor_day = Some(199)), [FREE, ASKS, ASKS]),
        ("day", limit(|limits| limits.day = Some(200)), [FREE, FREE, ASKS]),
    ];
    for (place, (name, rules, expected)) in cases.into_iter().enumerate() {
        set(&stage, rules).await;
        // Sums are of one day: each case has its own.
        stage.lasting.clock.advance(Span::days(1));
        let payment = stage.payment_from(somebody(&format!("1000{place}")), 1_000).await;
        let mut states = Vec::new();
        for turn in 0..3 {
            states.push(first_state(&mut stage, payment, 100, &format!("{name} {turn}")).await);
        }
        assert_eq!(states, expected, "{name}");
    }
    stage.end().await;
}

#[tokio::test]
async fn sums_are_of_a_creditor_and_a_day_and_outlive_a_restart() {
    let mut stage = Stage::new(1_000_000).await;
    let limits = ApprovalLimits { creditor_day: Some(300), day: Some(900), ..ApprovalLimits::default() };
    set(&stage, rules(limits)).await;
    let one = stage.payment_from(somebody("11111111"), 1_000).await;
    let again = stage.payment_from(somebody("11111111"), 1_000).await;
    let other = stage.payment_from(somebody("22222222"), 1_000).await;
    assert_eq!(first_state(&mut stage, one, 200, "a").await, "ready");
    let mut stage = stage.restart().await;
    stage.sweep().await;
    assert_eq!(first_state(&mut stage, again, 200, "b").await, "awaiting_approval", "the same account");
    assert_eq!(first_state(&mut stage, other, 300, "c").await, "ready");
    assert_eq!(first_state(&mut stage, other, 250, "d").await, "awaiting_approval", "the day's sum is 950");
    stage.lasting.clock.advance(Span::days(1));
    assert_eq!(first_state(&mut stage, one, 300, "e").await, "ready", "a new day");
    // Refunds that come in one batch count each other.
    let wishes: Vec<_> = ["f", "g", "h", "i", "j"]
        .map(|key| stage.wish(other, 80, key))
        .into_iter()
        .map(|wish| Envelope::command(stage.lasting.merchant, Actor::Engine, Command::RequestRefund(Box::new(wish))))
        .collect();
    let before = pending(&stage).len();
    for outcome in stage.engine.execute_all(wishes).await {
        outcome.expect("decided").result.expect("taken");
    }
    assert_eq!(pending(&stage).len() - before, 2, "the fourth and fifth are above 300");
    stage.end().await;
}

// conformance: bvnk 56
#[tokio::test]
async fn a_word_is_void_when_what_it_was_about_changed() {
    let mut stage = Stage::new(10_000).await;
    set(&stage, every_refund()).await;
    let people = stage.people(3).await;
    let [one, two, three] = people[..] else { panic!("three people") };
    let payment = stage.payment(1_000).await;
    let id = stage.refund(payment, 200, "first").await.id;
    let seen = stage.stored(id).approval.map(|approval| approval.content);
    stage.done(approve(id, one)).await;
    assert_eq!(stage.state(id), "ready");

    // The rules: approved under version 1, two people since version 2.
    set(&stage, ApprovalRules { required: 2, ..every_refund() }).await;
    stage.run().await;
    let voided = stage.stored(id);
    let approval = voided.approval.as_ref().expect("it is asked for");
    assert_eq!((voided.state.code(), approval.decisions.len()), ("awaiting_approval", 0));
    assert_eq!((approval.policy.required, approval.policy.version), (2, 2));
    assert_eq!(voided.reservation, Reservation::Pending, "the money stays set aside");
    let stale = Command::ApproveRefund { refund: id, by: one, seen, note: None };
    assert_eq!(stage.refused(stale).await, Refusal::Changed, "nobody agrees to what they did not see");
    let stale = Command::RejectRefund { refund: id, by: one, seen, note: None };
    assert_eq!(stage.refused(stale).await, Refusal::Changed, "nor says no to it");
    stage.done(approve(id, one)).await;
    stage.done(approve(id, two)).await;

    // The creditor: two people put another account in its place.
    let source = CreditorSource::OperatorOverride;
    let creditor = somebody("33333333").expect("a party");
    stage.done(Command::GiveDetails { refund: id, creditor, source, people: vec![one, two] }).await;
    assert_eq!(stage.state(id), "awaiting_approval");
    stage.done(approve(id, two)).await;
    stage.done(approve(id, three)).await;

    // A person: whoever is not enabled any more has said nothing.
    let gone = Person { enabled: false, ..Person::new(three, stage.lasting.merchant, &[Role::Approver], make::AT) };
    stage.register(RegistryEntry::Person(gone)).await;
    stage.run().await;
    assert_eq!((stage.state(id), stage.bank().call_count()), ("awaiting_approval", 0));
    assert_eq!(stage.refused(approve(id, three)).await, Refusal::NotEligible);
    stage.done(approve(id, one)).await;
    stage.done(approve(id, two)).await;
    stage.run().await;
    assert_eq!((stage.state(id), stage.bank().payments().len()), ("settled", 1));
    assert_eq!(stage.refused(approve(id, one)).await, Refusal::AlreadyDecided);
    assert_eq!(stage.refused(reject(id, three)).await, Refusal::AlreadyEnded);
    stage.end().await;
}

// conformance: bvnk 55
#[tokio::test]
async fn what_nobody_decides_in_time_expires() {
    let mut stage = Stage::new(1_000).await;
    let hour = Span::seconds(3_600);
    set(&stage, ApprovalRules { valid_for: hour, ..every_refund() }).await;
    let people = stage.people(2).await;
    let payment = stage.payment(1_000).await;
    let id = stage.refund(payment, 400, "first").await.id;
    stage.lasting.clock.advance(hour);
    assert_eq!(stage.refused(approve(id, people[0])).await, Refusal::ApprovalExpired, "before anybody noticed");
    stage.run().await;
    let expired = stage.stored(id);
    assert_eq!(expired.state, RefundState::Expired { at: ExpiredAt::Gate(Gate::Approval) });
    assert_eq!((expired.reservation, stage.in_wallet()), (Reservation::Voided, 2_000));
    for command in [approve(id, people[0]), reject(id, people[1])] {
        assert_eq!(stage.refused(command).await, Refusal::ApprovalExpired);
    }

    // Two are asked: one word does not stop the clock.
    set(&stage, ApprovalRules { valid_for: hour, required: 2, ..every_refund() }).await;
    let id = stage.refund(payment, 400, "second").await.id;
    stage.done(approve(id, people[0])).await;
    stage.wait(hour).await;
    assert_eq!(stage.state(id), "expired");

    // Who waits for something else first has the whole time from then on.
    let details = stage.payment_from(None, 500).await;
    let mut asking = stage.wish(details, 100, "third");
    asking.may_ask_details = true;
    let id = stage.ask(asking).await.expect("taken").id;
    stage.wait(Span::days(2)).await;
    let source = CreditorSource::CustomerSupplied;
    let creditor = make::party_uk();
    stage.done(Command::GiveDetails { refund: id, creditor, source, people: Vec::new() }).await;
    assert_eq!(stage.state(id), "awaiting_approval");
    stage.done(approve(id, people[0])).await;
    stage.done(approve(id, people[1])).await;
    // An approval that is too old when the send comes is asked for again.
    stage.lasting.clock.advance(hour);
    stage.run().await;
    assert_eq!((stage.state(id), stage.bank().call_count()), ("awaiting_approval", 0));
    stage.end().await;
}

#[tokio::test]
async fn a_rejection_is_final_and_gives_everything_back() {
    let mut stage = Stage::new(1_000).await;
    set(&stage, ApprovalRules { required: 2, ..every_refund() }).await;
    let people = stage.people(2).await;
    let payment = stage.payment(500).await;
    let id = stage.refund(payment, 500, "first").await.id;
    assert_eq!(stage.in_wallet(), 1_000);
    stage.done(approve(id, people[0])).await;
    stage.done(reject(id, people[1])).await;
    let stored = stage.stored(id);
    assert_eq!(stored.state, RefundState::Rejected { by: people[1] });
    let notes = stored.approval.map(|approval| approval.notes).unwrap_or_default();
    assert_eq!(notes.iter().map(|note| (note.by, &*note.text)).collect::<Vec<_>>(), [(people[1], "not this one")]);
    assert_eq!((stage.in_wallet(), stage.stored_payment(payment).counters.refundable()), (1_500, 500));
    assert_eq!(stage.refused(reject(id, people[1])).await, Refusal::AlreadyDecided);
    assert_eq!(stage.refused(approve(id, people[0])).await, Refusal::AlreadyDecided);
    stage.wait(Span::days(60)).await;
    assert_eq!((stage.state(id), stage.bank().call_count()), ("rejected", 0));
    assert_eq!(pending(&stage), []);
    stage.end().await;
}

#[tokio::test]
async fn whoever_may_not_decide_is_told_so() {
    let mut stage = Stage::new(1_000).await;
    set(&stage, every_refund()).await;
    let people = stage.people(2).await;
    let [maker, other] = people[..] else { panic!("two people") };
    let payment = stage.payment(500).await;
    let mut wish = stage.wish(payment, 100, "first");
    wish.maker = Some(maker);
    let id = stage.ask(wish).await.expect("taken").id;
    for command in [approve(id, maker), reject(id, maker)] {
        assert_eq!(stage.refused(command).await, Refusal::SelfApproval);
    }
    // Somebody else's approver is nobody here.
    let (foreign, stranger) = (stage.lasting.ids.merchant(), stage.lasting.ids.person());
    stage.register(RegistryEntry::Person(Person::new(stranger, foreign, &[Role::Approver], make::AT))).await;
    assert_eq!(stage.refused(approve(id, stranger)).await, Refusal::NotEligible);
    // A role that is taken away counts for what comes right behind it.
    let demoted = Person::new(other, stage.lasting.merchant, &[Role::Maker], make::AT);
    let merchant = stage.lasting.merchant;
    let work = Work::Registry { change: RegistryChange::PutPerson(demoted), answer: None };
    let demote = Envelope { merchant, actor: Actor::Sandbox, once: None, work };
    let outcomes =
        stage.engine.execute_all(vec![demote, Envelope::command(merchant, Actor::Engine, approve(id, other))]).await;
    let refusals: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("decided").result.err()).collect();
    assert_eq!(refusals, [None, Some(Refusal::NotEligible)]);
    assert_eq!(stage.state(id), "awaiting_approval");
    stage.end().await;
}

#[tokio::test]
async fn a_dialect_may_ask_for_more_but_not_for_less() {
    let mut stage = Stage::new(10_000).await;
    let policy = |required| Some(ApprovalPolicy { required, valid_for: Span::days(30), version: 9 });
    let asked = |rules: Option<ApprovalRules>, required| (rules, policy(required));
    let two = ApprovalRules { required: 2, ..every_refund() };
    for (place, ((rules, approval), people, days)) in [
        (asked(None, 3), 3, 30),
        (asked(Some(two.clone()), 1), 2, 7),
        (asked(Some(two), 3), 3, 7),
        (asked(Some(rules(ApprovalLimits::default())), 1), 1, 30),
    ]
    .into_iter()
    .enumerate()
    {
        if let Some(rules) = rules {
            set(&stage, rules).await;
        }
        let payment = stage.payment(100).await;
        let mut wish = stage.wish(payment, 100, &format!("case {place}"));
        wish.approval = approval;
        let policy = stage.ask(wish).await.expect("taken").approval.expect("it is asked for").policy;
        assert_eq!((policy.required, policy.valid_for), (people, Span::days(days)), "case {place}");
        let current = stage.engine.directory().approval_rules(stage.lasting.merchant).version;
        assert_eq!(policy.version, current, "the version is that of the merchant's rules");
    }
    stage.end().await;
}

// conformance: rails 33
#[tokio::test]
async fn in_live_an_account_that_somebody_supplied_waits_for_another_person() {
    let rules = Rules { am04_is_drift: false, resend_same_id: false, ..Rules::of(Environment::Live) };
    let mut stage = Stage::with(rules, 1_000).await;
    let people = stage.people(1).await;
    let payment = stage.payment_from(None, 500).await;
    let mut wish = stage.wish(payment, 100, "first");
    wish.may_ask_details = true;
    let id = stage.ask(wish).await.expect("taken").id;
    assert_eq!(stage.state(id), "awaiting_details");
    let source = CreditorSource::CustomerSupplied;
    stage.done(Command::GiveDetails { refund: id, creditor: make::party_uk(), source, people: Vec::new() }).await;
    assert_eq!(stage.state(id), "awaiting_approval");
    assert_eq!(pending(&stage), [id]);
    stage.done(approve(id, people[0])).await;
    assert_eq!(stage.state(id), "ready");
    stage.end().await;
}

/// A credential that a human owns, whatever dialect it opens.
async fn own_key(stage: &mut Stage, owner: PersonId) -> Actor {
    let credential = Credential {
        id: "key-of-a-human".to_owned(),
        merchant: stage.lasting.merchant,
        dialect: "any".to_owned(),
        group: String::new(),
        secret_hash: [0; 32],
        scope: Scope::Calls,
        owner: Some(owner),
        created_at: make::AT,
        revoked_at: None,
        expires_at: None,
    };
    stage.register(RegistryEntry::Credential(credential)).await;
    Actor::Credential(Arc::from("key-of-a-human"))
}

// conformance: bvnk 53
#[tokio::test]
async fn who_made_it_by_a_program_made_it() {
    let mut stage = Stage::with(Rules::of(Environment::Live), 1_000).await;
    let people = stage.people(2).await;
    let [maker, other] = people[..] else { panic!("two people") };
    let actor = own_key(&mut stage, maker).await;
    set(&stage, every_refund()).await;
    let (known, unknown) = (stage.payment(500).await, stage.payment_from(None, 500).await);
    for (payment, key) in [(known, "known payer"), (unknown, "unknown payer")] {
        let mut wish = stage.wish(payment, 100, key);
        wish.may_ask_details = true;
        let id = wish.id;
        let command = Command::RequestRefund(Box::new(wish));
        let envelope = Envelope::command(stage.lasting.merchant, actor.clone(), command);
        stage.engine.execute(envelope).await.expect("decided").result.expect("taken");
        if stage.state(id) == "awaiting_details" {
            let (creditor, source) = (make::party_uk(), CreditorSource::CustomerSupplied);
            stage.done(Command::GiveDetails { refund: id, creditor, source, people: Vec::new() }).await;
        }
        assert_eq!(stage.refused(approve(id, maker)).await, Refusal::SelfApproval, "{key}");
        stage.done(approve(id, other)).await;
        assert_eq!(stage.state(id), "ready", "{key}");
    }
    stage.end().await;
}

#[tokio::test]
async fn rules_count_up_and_outlive_a_restart() {
    let stage = Stage::new(0).await;
    for version in 1..=3 {
        set(&stage, every_refund()).await;
        assert_eq!(stage.engine.directory().approval_rules(stage.lasting.merchant).version, version);
    }
    let stage = stage.restart().await;
    let kept = stage.engine.directory().approval_rules(stage.lasting.merchant);
    assert_eq!(*kept, ApprovalRules { version: 3, ..every_refund() });
    // Two changes at once are two versions.
    let both = vec![put(&stage, every_refund()), put(&stage, every_refund())];
    for outcome in stage.engine.execute_all(both).await {
        outcome.expect("decided").result.expect("taken");
    }
    assert_eq!(stage.engine.directory().approval_rules(stage.lasting.merchant).version, 5);
    let entries = stage.reader().registry().expect("it reads");
    let policies = entries.iter().filter(|entry| matches!(entry, RegistryEntry::Policy(MerchantPolicy { .. })));
    assert_eq!(policies.count(), 1);
    stage.end().await;
}

#[tokio::test]
async fn two_people_never_share_an_e_mail() {
    let mut stage = Stage::new(0).await;
    let merchant = stage.lasting.merchant;
    let mut people = Vec::new();
    for _ in 0..2 {
        let id = stage.lasting.ids.person();
        people.push(Person { email: "ada@shop.example".to_owned(), ..Person::new(id, merchant, &[], make::AT) });
    }
    let put = |person: &Person| {
        let work = Work::Registry { change: RegistryChange::PutPerson(person.clone()), answer: None };
        Envelope { merchant, actor: Actor::Sandbox, once: None, work }
    };
    let outcomes = stage.engine.execute_all(vec![put(&people[0]), put(&people[1]), put(&people[0])]).await;
    let refusals: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("decided").result.err()).collect();
    assert_eq!(refusals, [None, Some(Refusal::AlreadyExists), None]);
    let directory = stage.engine.directory();
    assert_eq!(directory.person_by_email(" Ada@Shop.example").map(|person| person.id), Some(people[0].id));
    stage.end().await;
}
