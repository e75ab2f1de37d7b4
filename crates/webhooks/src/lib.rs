//! Outgoing webhooks: claims events, has the dialect render and sign them,
//! delivers and retries; and the egress guard that everything passes on its
//! way out. No provider's payload is in here.
//!
//! One queue per endpoint, so that a dead receiver slows nobody else. What is
//! delivered is recorded after it was delivered: a crash in between delivers
//! again, with the same event id and the same body.

mod counters;
mod delivery;
mod egress;
mod manager;
mod queue;
mod resolver;
mod round;

pub use counters::{Counted, DeliveryCounters};
pub use delivery::{Answered, Failed, Post, TlsFault};
pub use egress::{Egress, EgressOptions, EgressUnavailable};
pub use manager::{Options, Webhooks};
pub use queue::{Mode, Queue, QueueOptions, Step};
pub use refundry_engine::egress::{EgressRefusal, Policy, Ports};
pub use resolver::{Resolver, SystemResolver};
