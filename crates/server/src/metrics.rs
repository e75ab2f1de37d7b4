//! Metrics in the OpenMetrics text format. Labels are routes, status classes
//! and names of our own; never ids, accounts or anything a client chose.

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// Media type of the text format.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Upper bounds of the duration buckets, seconds: from a commit that shares
/// its sync to a client that should have given up.
const BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// What one request is counted under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: String,
    status: &'static str,
}

/// A number that some part of the house counts, read at each scrape.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Name without the `refundry_` before it (and without `_total`).
    pub name: &'static str,
    /// What it counts, for people.
    pub help: &'static str,
    /// A counter that only grows, or a gauge.
    pub grows: bool,
    /// Its values with the value of its one label, where it has one.
    pub values: Vec<(Option<(&'static str, String)>, u64)>,
}

impl Reading {
    /// A growing number without a label.
    #[must_use]
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, grows: true, values: vec![(None, value)] }
    }

    /// A number that goes up and down, without a label.
    #[must_use]
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, grows: false, values: vec![(None, value)] }
    }
}

/// Whoever counts something: the engine, the webhooks.
pub trait Source: Send + Sync + std::fmt::Debug + 'static {
    /// The numbers as they are now; cheap, no store is asked.
    fn read(&self) -> Vec<Reading>;
}

/// All metrics of a process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
}

impl Metrics {
    /// The request metrics and these sources.
    #[must_use]
    pub fn new(sources: Vec<Box<dyn Source>>) -> Self {
        let mut registry = Registry::with_prefix("refundry");
        let requests = Family::default();
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        registry.register("http_requests", "Requests answered, by matched route and status class", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "From the end of the headers to the answer, by matched route and status class",
            durations.clone(),
        );
        for source in sources {
            registry.register_collector(Box::new(Sourced(source)));
        }
        Self { registry, requests, durations }
    }

    /// Counts one answered request.
    pub fn request(&self, route: &str, status: StatusCode, took: Duration) {
        let labels = Labels { route: route.to_owned(), status: class(status) };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// The page that a scraper reads.
    #[must_use]
    pub fn page(&self) -> Response {
        let mut text = String::new();
        let mut response = match encode(&mut text, &self.registry) {
            Ok(()) => Response::new(Body::from(text)),
            Err(error) => {
                tracing::error!(%error, "the metrics could not be written");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        };
        response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
        response
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[derive(Debug)]
struct Sourced(Box<dyn Source>);

impl Collector for Sourced {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for reading in self.0.read() {
            let kind = if reading.grows { MetricType::Counter } else { MetricType::Gauge };
            let mut metric = encoder.encode_descriptor(reading.name, reading.help, None, kind)?;
            for (label, value) in &reading.values {
                match label {
                    Some((name, text)) => {
                        let labels = [(*name, text.as_str())];
                        write_number(&mut metric.encode_family(&labels)?, reading.grows, *value)?;
                    }
                    None => write_number(&mut metric, reading.grows, *value)?,
                }
            }
        }
        Ok(())
    }
}

fn write_number(to: &mut MetricEncoder<'_>, grows: bool, value: u64) -> Result<(), std::fmt::Error> {
    if grows { to.encode_counter::<NoLabelSet, u64, f64>(&value, None) } else { to.encode_gauge(&signed(value)) }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
