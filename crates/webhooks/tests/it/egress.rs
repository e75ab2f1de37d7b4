//! One request at a time through the guard.

use crate::receiver::{Receiver, Reply};
use refundry_webhooks::{Answered, Egress, EgressOptions, EgressRefusal, Failed, Policy, Post, Resolver, TlsFault};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A resolver that gives its answers in turn, over and over.
pub(crate) struct Alternator {
    answers: Vec<Vec<&'static str>>,
    asked: Arc<AtomicUsize>,
}

impl Alternator {
    pub(crate) fn of(answers: &[&[&'static str]]) -> (Arc<Self>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        (Arc::new(Self { answers, asked: Arc::clone(&asked) }), asked)
    }
}

impl Resolver for Alternator {
    fn resolve(&self, _name: String) -> futures_util::future::BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) % self.answers.len();
        let answer: Vec<IpAddr> = self.answers[turn].iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(async move { Ok(answer) })
    }
}

pub(crate) fn guard(policy: Policy, resolver: Option<Arc<dyn Resolver>>) -> Egress {
    let mut options = EgressOptions::with_policy(policy);
    if let Some(resolver) = resolver {
        options.resolver = resolver;
    }
    Egress::try_new(options).unwrap()
}

pub(crate) async fn post(egress: &Egress, url: &str, timeout_millis: u64) -> Result<Answered, Failed> {
    let headers = vec![("x-signature", "abc".to_owned())];
    let timeout = Duration::from_millis(timeout_millis);
    egress.post(Post { url, headers, body: b"{\"n\":1}".to_vec(), timeout }).await
}

#[tokio::test]
async fn sends_body_and_headers_as_they_are() {
    let receiver = Receiver::always(Reply::Status(200)).await;
    let egress = guard(Policy::sandbox(), None);
    assert_eq!(post(&egress, &receiver.url("/hook?a=b"), 5_000).await, Ok(Answered { status: 200, retry_after: None }));
    let heard = &receiver.heard()[0];
    assert!(heard.head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{}", heard.head);
    assert_eq!(heard.header("content-type"), "application/json");
    assert_eq!(heard.header("x-signature"), "abc");
    assert_eq!(heard.header("content-length"), "7");
    assert_eq!(heard.body, "{\"n\":1}");
}

#[tokio::test]
async fn every_way_to_answer_is_told_apart() {
    let elsewhere = Receiver::always(Reply::Status(200)).await;
    let table = [
        (Reply::Status(204), Ok(Answered { status: 204, retry_after: None })),
        (Reply::Status(404), Ok(Answered { status: 404, retry_after: None })),
        (Reply::Status(410), Ok(Answered { status: 410, retry_after: None })),
        (Reply::Status(500), Ok(Answered { status: 500, retry_after: None })),
        (Reply::Redirect(elsewhere.url("/other")), Ok(Answered { status: 302, retry_after: None })),
        (Reply::Endless, Ok(Answered { status: 200, retry_after: None })),
        (Reply::CutShort, Ok(Answered { status: 200, retry_after: None })),
        (Reply::Dribble, Err(Failed::TimedOut { status: Some(200) })),
        (Reply::Silent, Err(Failed::TimedOut { status: None })),
        (Reply::HangUp, Err(Failed::Broken)),
        (Reply::Nonsense, Err(Failed::Broken)),
    ];
    let egress = guard(Policy::sandbox(), None);
    for (reply, expected) in table {
        let receiver = Receiver::always(reply.clone()).await;
        assert_eq!(post(&egress, &receiver.url("/"), 400).await, expected, "{reply:?}");
        assert_eq!(receiver.heard().len(), 1, "{reply:?} is asked once");
    }
    assert_eq!(elsewhere.connections(), 0, "redirects are never followed");
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let egress = guard(Policy::sandbox(), None);
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    assert_eq!(post(&egress, &gone, 5_000).await, Err(Failed::NotConnected));
    let plain = Receiver::always(Reply::Nonsense).await;
    let as_https = plain.url("/").replace("http://", "https://");
    assert_eq!(post(&egress, &as_https, 5_000).await, Err(Failed::Tls(TlsFault::Protocol)));
    assert!(plain.heard().is_empty(), "nothing is sent without TLS instead");
    let (nobody, _) = Alternator::of(&[&[]]);
    let egress = guard(Policy::sandbox(), Some(nobody));
    assert_eq!(post(&egress, "http://shop.example/", 2_000).await, Err(Failed::Unresolved));
    let bad_header = Post {
        url: &gone,
        headers: vec![("x-a", "b\nc".to_owned())],
        body: Vec::new(),
        timeout: Duration::from_secs(1),
    };
    assert_eq!(egress.post(bad_header).await, Err(Failed::Unsendable));
}

#[tokio::test]
async fn a_name_is_resolved_once_and_only_checked_addresses_are_used() {
    let receiver = Receiver::always(Reply::Status(200)).await;
    let url = format!("http://shop.example:{}/", receiver.address.port());
    let refused = Err(Failed::Refused(EgressRefusal::Address));

    // An alternating name: the second answer points at a metadata service.
    let (alternator, asked) = Alternator::of(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let egress = guard(Policy::sandbox(), Some(alternator));
    assert_eq!(post(&egress, &url, 5_000).await, Ok(Answered { status: 200, retry_after: None }));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "looked up once");
    assert_eq!(post(&egress, &url, 5_000).await, refused);
    assert_eq!((asked.load(Ordering::SeqCst), receiver.connections()), (2, 1));

    // Many answers: only the allowed one is connected to.
    let (mixed, _) = Alternator::of(&[&["10.0.0.1", "::ffff:192.168.0.1", "127.0.0.1"]]);
    let egress = guard(Policy::sandbox(), Some(mixed));
    assert_eq!(post(&egress, &url, 5_000).await, Ok(Answered { status: 200, retry_after: None }));

    // A live installation does not go to the machine itself.
    for answer in ["127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1", "::ffff:7f00:1"] {
        let (own, _) = Alternator::of(&[&[answer]]);
        let live = Policy { allow_http: true, ..Policy::default() };
        assert_eq!(post(&guard(live, Some(own)), &url, 5_000).await, refused, "{answer}");
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn the_inbox_is_always_allowed_in_the_sandbox_and_never_elsewhere() {
    let receiver = Receiver::always(Reply::Status(200)).await;
    let mut options = EgressOptions::with_policy(Policy { allow_loopback: false, ..Policy::sandbox() });
    let base = Arc::clone(&options.inbox_base);
    options.policy.allow_http = false;
    let egress = Egress::try_new(options).unwrap();
    let early = post(&egress, "inbox:demo", 5_000).await;
    assert_eq!(early, Err(Failed::Refused(EgressRefusal::Malformed)), "the server does not listen yet");
    *base.write().unwrap() = receiver.url("/sandbox/v1/inbox");
    assert_eq!(post(&egress, "inbox:demo", 5_000).await, Ok(Answered { status: 200, retry_after: None }));
    assert!(receiver.heard()[0].head.starts_with("POST /sandbox/v1/inbox/demo HTTP/1.1"));
    let live = guard(Policy::default(), None);
    assert_eq!(post(&live, "inbox:demo", 5_000).await, Err(Failed::Refused(EgressRefusal::Scheme)));
}
