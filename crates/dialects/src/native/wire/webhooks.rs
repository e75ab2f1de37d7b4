//! The bodies of webhook endpoints and their deliveries.

use super::time;
use refundry_domain::id::EventId;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::{Delivery, DeliveryState};
use refundry_engine::webhook::Rendered;

/// A webhook endpoint.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct EndpointBody {
    id: String,
    url: String,
    dialect: String,
    events: Vec<String>,
    enabled: bool,
    description: String,
    /// Only the answer to the creation has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    created_at: String,
}

/// An endpoint without its secret.
pub(in super::super) fn endpoint(endpoint: &Endpoint) -> EndpointBody {
    EndpointBody {
        id: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        dialect: endpoint.dialect.clone(),
        events: endpoint.events.clone(),
        enabled: endpoint.enabled,
        description: endpoint.description.clone(),
        secret: None,
        created_at: time(endpoint.created_at),
    }
}

/// A new endpoint with its secret, which no other answer shows.
pub(in super::super) fn endpoint_as_created(made: &Endpoint) -> EndpointBody {
    EndpointBody { secret: Some(made.secret.clone()), ..endpoint(made) }
}

/// One event on its way to one endpoint.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct DeliveryBody {
    event: u64,
    event_id: Option<String>,
    event_type: Option<String>,
    status: &'static str,
    tries: u32,
    next_try_at: Option<String>,
    last_try_at: Option<String>,
    last_status: Option<u16>,
    last_millis: Option<u32>,
    last_error: Option<String>,
}

/// A delivery; what is said of the last try is null before there was one.
pub(in super::super) fn delivery(
    delivery: &Delivery,
    event: Option<EventId>,
    event_type: Option<String>,
) -> DeliveryBody {
    let (status, next_try_at) = match delivery.state {
        DeliveryState::Waiting { next_at } => ("waiting", Some(time(next_at))),
        DeliveryState::Delivered => ("delivered", None),
        DeliveryState::Exhausted => ("exhausted", None),
        DeliveryState::Stopped => ("stopped", None),
    };
    let tried = delivery.last_at.0 != 0;
    DeliveryBody {
        event: delivery.event,
        event_id: event.map(|id| id.to_string()),
        event_type,
        status,
        tries: delivery.attempts,
        next_try_at,
        last_try_at: tried.then(|| time(delivery.last_at)),
        last_status: (delivery.last_status != 0).then_some(delivery.last_status),
        last_millis: tried.then_some(delivery.last_millis),
        last_error: (!delivery.last_error.is_empty()).then(|| delivery.last_error.clone()),
    }
}

#[derive(Debug, serde::Serialize)]
struct RequestBody {
    method: &'static str,
    url: String,
    body: Option<String>,
}

/// A delivery with what was sent.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct DeliveryWithRequest {
    #[serde(flatten)]
    delivery: DeliveryBody,
    request: RequestBody,
}

/// A delivery with the request that was made; no body where the endpoint does
/// not want this event any more.
pub(in super::super) fn delivery_with_request(
    delivery: DeliveryBody,
    url: &str,
    rendered: Option<Rendered>,
) -> DeliveryWithRequest {
    let body = rendered.map(|rendered| String::from_utf8_lossy(&rendered.body).into_owned());
    DeliveryWithRequest { delivery, request: RequestBody { method: "POST", url: url.to_owned(), body } }
}
