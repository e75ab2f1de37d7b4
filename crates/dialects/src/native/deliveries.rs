//! What became of the webhooks of one endpoint, and sending one again.
//!
//! Round trips: each call reads once; a replay goes through the door after
//! that.

use super::call::{Call, json};
use super::endpoints::named;
use super::errors::{self, Problem};
use super::paging::{self, Listing};
use super::wire::{self, DeliveryBody, Page};
use axum::response::Response;
use http::StatusCode;
use refundry_domain::event::Event;
use refundry_domain::id::{EndpointId, MerchantId};
use refundry_engine::envelope::Work;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::{Delivery, DeliveryState, DeliveryUpdate, PageRequest, Reader, StoreError, StoredEvent};
use refundry_engine::webhook::{Rendered, WebhookDialect, history_of};
use std::sync::Arc;

/// `GET /v1/webhook-endpoints/{id}/deliveries`: newest first.
pub(super) async fn list(call: Call) -> Response {
    call.answer(try_list(&call).await)
}

async fn try_list(call: &Call) -> Result<Response, Problem> {
    let endpoint = named(call)?;
    let query = call.query(&["limit", "cursor"])?;
    let limit = paging::limit(query.get("limit"))?;
    let before = query.get("cursor").map(|text| paging::row(Listing::Deliveries, text)).transpose()?;
    let before = before.map(|row| u64::try_from(row).unwrap_or(u64::MAX));
    let page = PageRequest { limit: limit.saturating_add(1), before };
    let (merchant, id) = (call.merchant, endpoint.id);
    let family = family_of(call, &endpoint);
    let read = move |reader: &dyn Reader| {
        let found = reader.deliveries(merchant, id, page)?;
        let with_event = |delivery: Delivery| told(reader, family.as_deref(), delivery);
        found.into_iter().map(with_event).collect::<Result<Vec<_>, StoreError>>()
    };
    let mut found = call.native.host.engine.read(read).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|(last, _)| paging::cursor(Listing::Deliveries, u128::from(last.event)));
    let data = found.iter().map(|(delivery, event)| body(call, &endpoint, delivery, event.as_ref()).0);
    json(StatusCode::OK, &Page { data: data.collect(), has_more, next_cursor })
}

/// An event with those of its refund, where its family needs them.
type Told = (StoredEvent, Vec<Event>);

/// The family of an endpoint's webhooks.
fn family_of(call: &Call, endpoint: &Endpoint) -> Option<Arc<dyn WebhookDialect>> {
    call.native.families().find(|known| known.family() == endpoint.dialect)
}

/// A delivery with its event.
fn told(
    reader: &dyn Reader,
    family: Option<&dyn WebhookDialect>,
    delivery: Delivery,
) -> Result<(Delivery, Option<Told>), StoreError> {
    let Some(event) = reader.event(delivery.event)? else { return Ok((delivery, None)) };
    let history = family.map_or_else(|| Ok(Vec::new()), |family| history_of(family, reader, &event))?;
    Ok((delivery, Some((event, history))))
}

/// A delivery on the wire, and what was sent.
fn body(
    call: &Call,
    endpoint: &Endpoint,
    delivery: &Delivery,
    event: Option<&Told>,
) -> (DeliveryBody, Option<Rendered>) {
    let event = event.filter(|(event, _)| event.event.merchant == call.merchant);
    let family = family_of(call, endpoint);
    let rendered =
        family.zip(event).and_then(|(family, (event, history))| family.render_after(event, history, endpoint));
    let event_type = rendered.as_ref().map(|rendered| rendered.event_type.clone());
    (wire::delivery(delivery, event.map(|(event, _)| event.event.id()), event_type), rendered)
}

/// One delivery with its event.
async fn found(call: &Call, endpoint: &Endpoint) -> Result<(Delivery, Option<Told>), Problem> {
    let unknown = || Problem::of(errors::NOT_FOUND);
    let place: u64 = call.segment(4).parse().map_err(|_| unknown())?;
    let (merchant, id, family) = (call.merchant, endpoint.id, family_of(call, endpoint));
    let read = move |reader: &dyn Reader| find(reader, merchant, id, place, family.as_deref());
    call.native.host.engine.read(read).await?.ok_or_else(unknown)
}

fn find(
    reader: &dyn Reader,
    merchant: MerchantId,
    endpoint: EndpointId,
    place: u64,
    family: Option<&dyn WebhookDialect>,
) -> Result<Option<(Delivery, Option<Told>)>, StoreError> {
    let page = PageRequest { limit: 1, before: Some(place.saturating_add(1)) };
    let newest = reader.deliveries(merchant, endpoint, page)?.into_iter().next();
    let Some(delivery) = newest.filter(|delivery| delivery.event == place) else {
        return Ok(None);
    };
    Ok(Some(told(reader, family, delivery)?))
}

/// `GET /v1/webhook-endpoints/{id}/deliveries/{event}`: with the body sent.
pub(super) async fn show(call: Call) -> Response {
    call.answer(try_show(&call).await)
}

async fn try_show(call: &Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let endpoint = named(call)?;
    let (delivery, event) = found(call, &endpoint).await?;
    let (body, rendered) = body(call, &endpoint, &delivery, event.as_ref());
    json(StatusCode::OK, &wire::delivery_with_request(body, &endpoint.url, rendered))
}

/// `POST /v1/webhook-endpoints/{id}/deliveries/{event}/replay`: the schedule
/// begins anew.
pub(super) async fn replay(call: Call) -> Response {
    call.answer(try_replay(&call).await)
}

async fn try_replay(call: &Call) -> Result<Response, Problem> {
    super::fields::Fields::of_body(&call.json_or_empty()?, &[])?;
    let endpoint = named(call)?;
    let (mut delivery, event) = found(call, &endpoint).await?;
    delivery.state = DeliveryState::Waiting { next_at: call.native.host.engine.now() };
    delivery.attempts = 0;
    let update = DeliveryUpdate { rows: vec![delivery.clone()], cursors: Vec::new() };
    call.work(Work::Deliveries(update), None).await?.result.map_err(Problem::from)?;
    json(StatusCode::ACCEPTED, &body(call, &endpoint, &delivery, event.as_ref()).0)
}
