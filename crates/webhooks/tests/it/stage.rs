//! A whole engine in memory with a clock that moves by hand, and a dialect
//! that is as plain as can be.

use crate::egress::guard;
use refundry_domain::event::{Actor, Event, EventKind};
use refundry_domain::facts::Facts;
use refundry_domain::id::{EndpointId, MerchantId, RefundId};
use refundry_domain::refund::RefundState;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::clock::Clock;
use refundry_engine::digest::sha256;
use refundry_engine::engine::{Engine, Parts};
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::registry::{Endpoint, RegistryChange, RegistryEntry};
use refundry_engine::store::{Batch, Delivery, PageRequest, Reader, StoredEvent, Writer};
use refundry_engine::webhook::{Rendered, WebhookDialect};
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make::Ids;
use refundry_testkit::memory::MemoryStore;
use refundry_webhooks::{DeliveryCounters, Mode, Policy, Queue, QueueOptions};
use std::sync::Arc;
use tokio::sync::watch;

/// What passes between two tries, by the engine's clock.
pub(crate) const RETRY: Span = Span::seconds(60);

/// Waits the same time after each failure, for a given number of retries.
pub(crate) struct Plain {
    pub(crate) retries: u32,
    pub(crate) timeout_millis: u64,
    /// A receiver that is gone switches its endpoint off.
    pub(crate) disables: bool,
}

impl Default for Plain {
    fn default() -> Self {
        Self { retries: 25, timeout_millis: 5_000, disables: false }
    }
}

impl WebhookDialect for Plain {
    fn family(&self) -> &'static str {
        "plain"
    }

    fn render(&self, event: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
        let event_type = event.event.refund_state()?.code().to_owned();
        let wanted = endpoint.events.is_empty() || endpoint.events.contains(&event_type);
        let (id, refund, number) = (event.event.id(), event.event.refund?, event.event.number);
        let body = format!("{{\"id\":\"{id}\",\"refund\":\"{refund}\",\"number\":{number}}}").into_bytes();
        wanted.then_some(Rendered { event_type, body })
    }

    fn sign(
        &self,
        event: &StoredEvent,
        endpoint: &Endpoint,
        body: &[u8],
        at: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let mut signed = endpoint.secret.clone().into_bytes();
        signed.extend_from_slice(&at.0.to_be_bytes());
        signed.extend_from_slice(body);
        vec![
            ("x-event", event.event.id().to_string()),
            ("x-at", at.0.to_string()),
            ("x-signature", format!("{:?}", sha256(&signed))),
        ]
    }

    fn retry_after(&self, failed_tries: u32, _jitter: u32) -> Option<Span> {
        (failed_tries <= self.retries).then_some(RETRY)
    }

    fn timeout(&self) -> Span {
        Span(self.timeout_millis * 1_000_000)
    }

    fn stops_on(&self, status: u16) -> bool {
        status == 410
    }

    fn disables_on(&self, status: u16) -> bool {
        self.disables && status == 410
    }
}

pub(crate) struct Stage {
    pub(crate) store: MemoryStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) ids: Ids,
    pub(crate) merchant: MerchantId,
    pub(crate) counters: Arc<DeliveryCounters>,
    pub(crate) mode: watch::Sender<Mode>,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let (store, clock) = (MemoryStore::new(), Arc::new(ManualClock::default()));
        let engine = begin(&store, &clock);
        let mut ids = Ids::from(7);
        let merchant = ids.merchant();
        Self { store, clock, engine, ids, merchant, counters: Arc::default(), mode: watch::Sender::new(Mode::Running) }
    }

    /// Ends the engine and begins another one on the same store.
    pub(crate) async fn restart(&mut self) {
        self.engine.stop().await;
        self.engine = begin(&self.store, &self.clock);
    }

    /// Registers an endpoint that is born now.
    pub(crate) async fn endpoint(&mut self, url: &str) -> Endpoint {
        let endpoint = Endpoint {
            id: self.ids.endpoint(),
            merchant: self.merchant,
            dialect: "plain".to_owned(),
            group: String::new(),
            url: url.to_owned(),
            secret: "not a real secret".to_owned(),
            events: Vec::new(),
            enabled: true,
            hidden: false,
            description: String::new(),
            settings: Vec::new(),
            created_at: self.clock.now(),
        };
        self.change(RegistryChange::Put(RegistryEntry::Endpoint(endpoint.clone()))).await;
        endpoint
    }

    pub(crate) async fn change(&self, change: RegistryChange) {
        let work = Work::Registry { change, answer: None };
        let envelope = Envelope { merchant: self.merchant, actor: Actor::Engine, once: None, work };
        self.engine.execute(envelope).await.unwrap().result.unwrap();
    }

    /// Writes events of refunds, as a commit of the engine would: the
    /// refund, and the number of the event in its life.
    pub(crate) fn write(&self, merchant: MerchantId, events: &[(RefundId, u32)]) {
        let mut facts = Facts::default();
        for (refund, number) in events {
            let kind = EventKind::RefundEntered { state: RefundState::Ready };
            let (at, actor, refund) = (self.clock.now(), Actor::Engine, Some(*refund));
            let mut event = Event {
                merchant,
                payment: None,
                refund,
                payout: None,
                number: *number,
                at,
                actor,
                kind,
                previous: [0; 32],
                hash: [0; 32],
            };
            event.hash = sha256(&event.hashed_bytes());
            facts.changes.events.push(event);
        }
        let batch = Batch { facts: &facts, registry_put: &[], registry_remove: &[], deliveries: &[], audit: &[] };
        self.store.clone().commit(&batch).unwrap();
        self.engine.notifier().events_written();
    }

    /// Writes the first events of this many new refunds.
    pub(crate) fn write_new(&mut self, count: usize) -> Vec<RefundId> {
        let refunds: Vec<RefundId> = (0..count).map(|_| self.ids.refund()).collect();
        let events: Vec<(RefundId, u32)> = refunds.iter().map(|refund| (*refund, 1)).collect();
        self.write(self.merchant, &events);
        refunds
    }

    pub(crate) fn queue(&self, endpoint: &Endpoint, dialect: Plain) -> Queue {
        let options = QueueOptions {
            dialect: Arc::new(dialect),
            egress: guard(Policy::sandbox(), None),
            counters: Arc::clone(&self.counters),
            mode: self.mode.subscribe(),
        };
        Queue::new(Arc::clone(&self.engine), endpoint.id, options)
    }

    /// The deliveries to an endpoint, newest event first.
    pub(crate) fn deliveries(&self, endpoint: EndpointId) -> Vec<Delivery> {
        self.store.deliveries(self.merchant, endpoint, PageRequest { limit: 1_000, before: None }).unwrap()
    }

    pub(crate) fn cursor(&self, endpoint: EndpointId) -> u64 {
        self.store.delivery_cursor(endpoint).unwrap()
    }
}

fn begin(store: &MemoryStore, clock: &Arc<ManualClock>) -> Arc<Engine> {
    let (writer, reader) = store.open();
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    Engine::start(Parts { writer, reader, clock, rules: Rules::of(Environment::Sandbox) }).unwrap()
}
