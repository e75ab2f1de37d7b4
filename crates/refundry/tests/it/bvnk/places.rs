//! Behind a proxy that gives its own host and port, and below a path of their
//! own: clients sign what they call.

use super::super::server::{Answer, answer, serve};
use super::shop::{Shop, refund_body, signed_by};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// Longest head of a request.
const HEAD_MAX: usize = 16_384;
const WALLETS: &str = "/ledger/v1/wallets?page=0&size=2";

/// A proxy that passes requests on under another host's name, as most do, and
/// says in these lines what it was called. Ends with the story.
async fn proxy(shop: &Shop, told: &'static str) -> String {
    let (host, port) = shop.place();
    let upstream = format!("{host}:{port}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, upstream.clone(), told));
        }
    });
    base
}

async fn pass(mut client: TcpStream, upstream: String, told: &str) -> std::io::Result<()> {
    let mut read = Vec::new();
    let end = loop {
        let mut some = [0; 1_024];
        let count = client.read(&mut some).await?;
        read.extend_from_slice(&some[..count]);
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        assert!(count > 0 && read.len() < HEAD_MAX, "no head of a request");
    };
    let head = String::from_utf8(read[..end].to_vec()).unwrap();
    let kept = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("host:"));
    let head = kept.map(|line| format!("{line}\r\n")).collect::<String>();
    let mut server = TcpStream::connect(&upstream).await?;
    server.write_all(format!("{head}host: {upstream}\r\n{told}\r\n").as_bytes()).await?;
    server.write_all(&read[end + 4..]).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A GET through a place, signed for what the client calls it.
async fn get(shop: &Shop, base: &str, called: (&str, u16), path: &str) -> Answer {
    let request = shop.server.http.get(format!("{base}{path}")).header("connection", "close");
    answer(request.header("authorization", shop.signed("GET", path, called))).await
}

#[track_caller]
fn bad_mac(heard: &Answer) {
    assert_eq!((heard.status, &heard.json["code"]), (401, &json!("bvnk:payment:0003")), "{}", heard.text);
}

const OUTSIDE: (&str, u16) = ("pay.example", 443);

// conformance: bvnk 7
#[tokio::test]
async fn a_named_origin_is_what_counts_behind_a_proxy() {
    let shop = Shop::with(&[("REFUNDRY_DIALECTS__BVNK__PUBLIC_ORIGIN", "https://Pay.example")]).await;
    let base = proxy(&shop, "").await;
    get(&shop, &base, OUTSIDE, WALLETS).await.expect(200);
    get(&shop, &shop.server.base, OUTSIDE, WALLETS).await.expect(200);
    bad_mac(&get(&shop, &base, ("pay.example", 80), WALLETS).await);
    bad_mac(&get(&shop, &base, shop.place(), WALLETS).await);
}

// conformance: bvnk 7
#[tokio::test]
async fn the_servers_own_origin_counts_where_the_dialect_has_none() {
    let shop = Shop::start().await;
    // Another server, which knows where the world reaches it.
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(&folder.path().join("data"));
    command.env("REFUNDRY_PUBLIC_ORIGIN", "https://pay.example:8443").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Ended(command.spawn().unwrap());
    let mut said = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let base = said.trim_end().strip_prefix("listening at ").unwrap();
    let sandbox: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("data/sandbox.json")).unwrap()).unwrap();
    let text = |name: &str| sandbox["bvnk"][name].as_str().unwrap();
    for (place, status) in [(("pay.example", 8_443), 200), (("pay.example", 443), 401)] {
        let header = signed_by((text("auth_id"), text("auth_key")), "GET", WALLETS, place);
        let request = shop.server.http.get(format!("{base}{WALLETS}")).header("authorization", header);
        answer(request).await.expect(status);
    }
}

/// A process that does not outlive its story.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// conformance: bvnk 8
#[tokio::test]
async fn a_trusted_proxy_says_what_was_called() {
    const TOLD: &str = "X-Forwarded-Host: Pay.example\r\nX-Forwarded-Proto: https\r\n";
    let trusting = Shop::with(&[("REFUNDRY_DIALECTS__BVNK__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#)]).await;
    let base = proxy(&trusting, TOLD).await;
    get(&trusting, &base, OUTSIDE, WALLETS).await.expect(200);
    bad_mac(&get(&trusting, &base, trusting.place(), WALLETS).await);
    get(&trusting, &trusting.server.base, trusting.place(), WALLETS).await.expect(200);
    let with_port =
        proxy(&trusting, "X-Forwarded-Host: pay.example, inner.example\r\nX-Forwarded-Port: 8443\r\n").await;
    get(&trusting, &with_port, ("pay.example", 8_443), WALLETS).await.expect(200);
    let in_name = proxy(&trusting, "X-Forwarded-Host: pay.example:8081\r\nX-Forwarded-Proto: http\r\n").await;
    get(&trusting, &in_name, ("pay.example", 8_081), WALLETS).await.expect(200);
    bad_mac(&get(&trusting, &in_name, ("pay.example", 80), WALLETS).await);

    let trusting_nobody = Shop::start().await;
    let base = proxy(&trusting_nobody, TOLD).await;
    bad_mac(&get(&trusting_nobody, &base, OUTSIDE, WALLETS).await);
    // The proxy's own request is what counts then.
    get(&trusting_nobody, &base, trusting_nobody.place(), WALLETS).await.expect(200);
}

// conformance: bvnk 3
#[tokio::test]
async fn all_of_it_may_stand_below_a_path() {
    let shop = Shop::with(&[
        ("REFUNDRY_DIALECTS__BVNK__MOUNT_PREFIX", "/pay/bvnk"),
        ("REFUNDRY_DIALECTS__BVNK__TRUSTED_PROXIES", r#"["127.0.0.1"]"#),
    ])
    .await;
    let base = proxy(&shop, "X-Forwarded-Host: pay.example\r\n").await;
    let below = format!("/pay/bvnk{WALLETS}");
    get(&shop, &base, OUTSIDE, &below).await.expect(200);
    shop.get(WALLETS).await.expect(404);
    let request = shop.server.http.get(format!("{}{below}", shop.server.base));
    bad_mac(&answer(request.header("authorization", shop.signed("GET", WALLETS, shop.place()))).await);

    let made = shop.post("/pay/bvnk/payment/v1/payins/simulate", "not-needed", &shop.payin_body("150.00", "EUR")).await;
    let payin = made.expect(200).text("/transactionReference");
    shop.reaches(&format!("/pay/bvnk/payment/v1/payins/{payin}"), "COMPLETED").await;
    for (path, key) in [("", "at-the-root"), ("/payment/v1/payins", "canonical"), ("/payment/v1/payouts", "as-printed")]
    {
        let body = refund_body("50", "EUR");
        let made = shop.post(&format!("/pay/bvnk{path}/{payin}/refund"), key, &body).await.expect(200);
        assert_eq!(made.json["transactionReference"], payin);
    }
    shop.post(&format!("/{payin}/refund"), "elsewhere", &refund_body("1", "EUR")).await.expect(404);
    for path in ["", "/", "/nothing", "/payment/v1/nothing", "/ledger", "/no-id/refunds"] {
        ours(&shop, &format!("/pay/bvnk{path}")).await;
    }
}

/// A path that leads nowhere, in this API's shape.
async fn ours(shop: &Shop, path: &str) {
    let heard = answer(shop.server.http.get(format!("{}{path}", shop.server.base))).await.expect(404);
    assert_eq!(heard.json["code"], "bvnk:payment:0002", "{path}: {}", heard.text);
    let members = ["code", "details", "message", "status", "traceId"];
    assert!(members.iter().all(|member| heard.json.get(member).is_some()), "{path}: {}", heard.text);
}

// conformance: bvnk 42
#[tokio::test]
async fn unknown_paths_below_its_own_are_answered_in_its_shape() {
    let shop = Shop::start().await;
    for path in ["/payment", "/payment/v9/x", "/ledger", "/ledger/v1/nothing", "/api"] {
        ours(&shop, path).await;
    }
    for path in ["/api/nothing", "/api/wallet/a/b/c"] {
        let heard = answer(shop.server.http.get(format!("{}{path}", shop.server.base))).await.expect(404);
        assert_eq!(heard.json["errorList"][0]["code"], "bvnk:payment:0002", "{path}: {}", heard.text);
    }
}
