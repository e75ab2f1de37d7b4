//! Measures the write path: durable refund creations per second (payment
//! update, refund, event, once-record), in batches, over payments picked at
//! random.
//!
//! `cargo run --release -p refundry-store-sqlite --example write_path -- [payments] [refunds] [folder] [batch]`
#![expect(clippy::print_stdout, reason = "a measuring program prints what it measured")]

use refundry_domain::event::{Actor, EventKind};
use refundry_domain::facts::{Context, Draft, Facts};
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::money::Currency;
use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
use refundry_domain::rules::{Environment, Rules};
use refundry_engine::digest::{once_key, sha256};
use refundry_engine::store::{Batch, Keys, StoreError, Writer};
use refundry_store_sqlite::{KeyRing, OpenError, Options, SqliteStore};
use refundry_testkit::make::{self, AT, Ids};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BATCHES: [usize; 4] = [1, 16, 64, 256];

#[derive(Debug)]
struct Failed(#[expect(dead_code, reason = "shown by main")] String);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<OpenError> for Failed {
    fn from(error: OpenError) -> Self {
        Self(format!("{error:?}"))
    }
}

#[expect(clippy::disallowed_methods, reason = "durations are what this program is for")]
fn now() -> Instant {
    Instant::now()
}

struct Bench {
    writer: Box<dyn Writer>,
    ids: Ids,
    merchant: MerchantId,
    payments: Vec<PaymentId>,
    rules: Rules,
    dice: u64,
}

impl Bench {
    fn context<'a>(merchant: MerchantId, rules: &'a Rules, actor: &'a Actor) -> Context<'a> {
        Context { merchant, actor, at: AT, rules, sha256 }
    }

    fn roll(&mut self, below: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % below as u64).unwrap_or(0)
    }

    /// Records payments, a thousand at a time.
    fn fill(&mut self, count: usize) -> Result<(), StoreError> {
        let (book, accounts) = make::book(&mut self.ids, self.merchant, Currency::AUD);
        let wallet = make::account(self.ids.account(), self.merchant, Currency::AUD);
        while self.payments.len() < count {
            let mut facts = Facts::default();
            let mut draft = Draft::new(&mut facts, Self::context(self.merchant, &self.rules, &Actor::Engine));
            if self.payments.is_empty() {
                for account in accounts.iter().chain([&wallet]) {
                    draft.put_account(account.clone());
                }
                draft.put_book(Currency::AUD, book);
            }
            for _ in 0..1000.min(count - self.payments.len()) {
                let mut payment = make::payment(self.ids.payment(), &wallet, 1_000_000);
                draft.payment_event(&mut payment, EventKind::PaymentRecorded);
                self.payments.push(payment.id);
                draft.put_payment(payment);
            }
            draft.commit();
            self.writer.commit(&batch(&facts))?;
        }
        Ok(())
    }

    /// One batch of creations, as the committer makes it; gives the time that
    /// the store took.
    fn create(&mut self, count: usize) -> Result<Duration, StoreError> {
        let mut keys = Keys { at: AT, ..Keys::default() };
        let mut wanted = Vec::new();
        for _ in 0..count {
            let place = self.roll(self.payments.len());
            let payment = self.payments[place];
            let once = once_key(&[&self.dice.to_be_bytes()]);
            keys.payments.insert((self.merchant, payment));
            keys.once.insert(once);
            wanted.push((payment, once));
        }
        let started = now();
        let mut facts = self.writer.begin(&keys)?;
        let mut spent = started.elapsed();
        let actor = Actor::Credential("key_0123456789".into());
        for (payment, once) in wanted {
            self.decide(&mut facts, &actor, payment, once);
        }
        let started = now();
        self.writer.commit(&batch(&facts))?;
        spent += started.elapsed();
        Ok(spent)
    }

    fn decide(&mut self, facts: &mut Facts, actor: &Actor, payment: PaymentId, once: OnceKey) {
        let mut draft = Draft::new(facts, Self::context(self.merchant, &self.rules, actor));
        let Some(mut payment) = draft.payment(payment) else { return };
        let mut refund = make::refund(self.ids.refund(), &payment, 10);
        payment.counters.claimed += 10;
        let (id, state) = (refund.id, refund.state);
        draft.refund_event(&mut payment, &mut refund, EventKind::RefundEntered { state });
        draft.put_payment(payment);
        draft.put_refund(refund);
        let record = OnceRecord { fingerprint: Fingerprint([5; 16]), result: OnceResult::Refund(id), at: AT };
        draft.put_once(once, record);
        draft.commit();
    }

    fn measure(&mut self, size: usize, refunds: usize) -> Result<(), StoreError> {
        let mut times = Vec::new();
        let (started, ticks) = (now(), cpu_ticks());
        for _ in 0..refunds / size {
            times.push(self.create(size)?);
        }
        let whole = started.elapsed();
        times.sort_unstable();
        let at = |permille: usize| times[(times.len() * permille / 1000).min(times.len() - 1)];
        let store: Duration = times.iter().sum();
        let made = (times.len() * size) as f64;
        // A tick is 10 ms. All threads count, checkpoints and decisions too.
        let cpu = (cpu_ticks() - ticks) as f64 * 10_000.0 / made;
        println!(
            "batch {size:>4}: {:>7.0}/s store alone, {:>7.0}/s with decisions; {cpu:.0} µs CPU each; \
             p50 {:>8.2?} p99 {:>8.2?} max {:>8.2?}",
            made / store.as_secs_f64(),
            made / whole.as_secs_f64(),
            at(500),
            at(990),
            times[times.len() - 1],
        );
        Ok(())
    }
}

fn batch(facts: &Facts) -> Batch<'_> {
    Batch { facts, registry_put: &[], registry_remove: &[], audit: &[], deliveries: &[] }
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
}

/// User and system time of this process so far; 0 where nobody tells.
fn cpu_ticks() -> u64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = status.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_ascii_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap_or("VmRSS: not known here").replace('\t', " ")
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |place: usize, default: usize| arguments.get(place).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (payments, refunds) = (number(0, 200_000), number(1, 100_000));
    let folder = arguments.get(2).map_or_else(|| std::env::temp_dir().join("refundry-write-path"), PathBuf::from);
    let store = SqliteStore::open(Options::new(&folder, KeyRing::of(1, [7; 32])))?;
    let mut ids = Ids::default();
    let merchant = ids.merchant();
    let rules = Rules::of(Environment::Sandbox);
    let writer = store.writer();
    let mut bench = Bench { writer, ids, merchant, payments: Vec::new(), rules, dice: 0x9e37_79b9_7f4a_7c15 };
    let started = now();
    bench.fill(payments)?;
    println!("{payments} payments recorded in {:.1?}", started.elapsed());
    let only = number(3, 0);
    for size in BATCHES.into_iter().filter(|size| only == 0 || *size == only) {
        bench.measure(size, if size == 1 { refunds / 16 } else { refunds })?;
    }
    println!("{}", memory());
    drop(bench);
    store.close()?;
    println!("{} MB on disk", size(&folder) / 1_000_000);
    drop(store);
    std::fs::remove_dir_all(&folder).map_err(|error| Failed(error.to_string()))
}
