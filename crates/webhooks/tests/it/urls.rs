//! Spellings of places where webhooks must not go. None of them may lead to a
//! connection, or even to a lookup.

use crate::egress::{Alternator, guard, post};
use crate::receiver::{Receiver, Reply};
use refundry_webhooks::{Failed, Policy, Ports};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

/// One address of each range that is not public.
const PRIVATE_V4: [&str; 20] = [
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
    "192.88.99.1",
    "168.63.129.16",
    "127.255.255.254",
    "10.255.255.255",
];

const PRIVATE_V6: [&str; 18] = [
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "2001::1",
    "100::1",
    "3fff::1",
    "5f00::1",
    "64:ff9b:1::a00:1",
];

/// What is refused for its form, in live mode with plain HTTP allowed.
const MISSHAPEN: [&str; 44] = [
    "",
    " ",
    "/",
    "hook",
    "//127.0.0.1/",
    "http",
    "http:",
    "http:/",
    "http://",
    "http:///",
    "http:////",
    "http://?x",
    "http://#x",
    "http://:80/",
    "http://@/",
    "http:127.0.0.1/",
    "http:/127.0.0.1/",
    "http:///127.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http://127.0.0.1\\@shop.example/",
    "http://shop.example\\@127.0.0.1/",
    " http://shop.example/",
    "http://shop.example/ ",
    "http://shop.\texample/",
    "http://shop.\nexample/",
    "ht\ttp://127.0.0.1/",
    "http://127.0.0.1\u{0}/",
    "ftp://shop.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "ws://shop.example/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "unix:/run/x.sock",
    "inbox:demo",
    "INBOX:demo",
    "http://user@shop.example/",
    "http://user:secret@shop.example/",
    "http://:secret@shop.example/",
    "http://shop.example@127.0.0.1/",
    "http://[fe80::1%25eth0]/",
    "http://[::1/",
    "http://shop.example:99999/",
    "http://shop.example:0/",
];

const NAMES: [&str; 16] = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
    "a.b.localhost.",
    "receiver",
    "receiver.",
    "printer.local",
    "db.internal",
    "metadata.google.internal",
    "wiki.intranet",
    "nas.lan",
    "box.home.arpa",
    "host.localdomain",
    "x.onion",
    "ｌｏｃａｌｈｏｓｔ",
];

/// Every way to write an IPv4 address that some client understands.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let number = u32::from(address);
    let (low24, low16) = (number & 0xff_ffff, number & 0xffff);
    let (high, low) = (number >> 16, low16);
    let dotted = address.to_string();
    let percent: String = dotted.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let wide: String =
        dotted.chars().map(|c| c.to_digit(10).and_then(|n| char::from_u32(0xff10 + n)).unwrap_or('。')).collect();
    vec![
        dotted.clone(),
        format!("{dotted}."),
        number.to_string(),
        format!("0x{number:x}"),
        format!("0X{number:08X}"),
        format!("0{number:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("00000{a:o}.{b}.{c:#x}.{d}"),
        format!("{a}.{low24}"),
        format!("{a}.{b}.{low16}"),
        percent,
        wide,
        format!("[::ffff:{dotted}]"),
        format!("[::ffff:{high:x}:{low:x}]"),
        format!("[0:0:0:0:0:ffff:{high:x}:{low:x}]"),
        format!("[::{dotted}]"),
        format!("[64:ff9b::{dotted}]"),
        format!("[64:ff9b::{high:x}:{low:x}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:{high:x}:{low:x}::1]"),
        format!("[2001:0:4136:e378:8000:63bf:{:x}:{:x}]", !high & 0xffff, !low & 0xffff),
    ]
}

fn table(port: u16) -> BTreeSet<String> {
    let mut urls = BTreeSet::new();
    for address in PRIVATE_V4 {
        for host in spellings(address.parse().unwrap()) {
            urls.insert(format!("http://{host}:{port}/hook"));
        }
        urls.insert(format!("https://{address}/hook"));
        urls.insert(format!("HTTP://{address}:{port}"));
    }
    for address in PRIVATE_V6 {
        urls.insert(format!("http://[{address}]:{port}/hook"));
        urls.insert(format!("https://[{}]/", address.to_uppercase()));
    }
    for name in NAMES {
        urls.insert(format!("http://{name}:{port}/hook"));
    }
    urls.extend(MISSHAPEN.map(str::to_owned));
    for port in [1, 7, 21, 22, 23, 25, 53, 110, 139, 143, 445, 465, 587, 993] {
        urls.insert(format!("https://shop.example:{port}/"));
    }
    urls.insert(format!("http://shop.example/{}", "x".repeat(2_048)));
    urls
}

#[tokio::test]
async fn no_spelling_of_a_private_place_leads_to_a_connection() {
    // It listens everywhere on the machine, so that a slip would be heard.
    let receiver = Receiver::listening("0.0.0.0:0", |_, _| Reply::Status(200)).await;
    let urls = table(receiver.address.port());
    assert!(urls.len() >= 200, "{} spellings", urls.len());
    let (resolver, asked) = Alternator::of(&[&["127.0.0.1"]]);
    let policy = Policy { allow_http: true, ports: Ports::Usual, ..Policy::default() };
    let egress = guard(policy, Some(resolver));
    for url in &urls {
        let outcome = post(&egress, url, 2_000).await;
        let Err(Failed::Refused(refusal)) = outcome else { panic!("{url:?} gave {outcome:?}") };
        assert_eq!(egress.check_url(url), Err(refusal), "{url:?} at registration");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "no lookup");
    assert_eq!(receiver.connections(), 0, "no connection");
    // The listener does hear what is allowed.
    let (resolver, _) = Alternator::of(&[&["127.0.0.1"]]);
    let open = guard(Policy::sandbox(), Some(resolver));
    let url = format!("http://shop.example:{}/", receiver.address.port());
    assert!(post(&open, &url, 5_000).await.is_ok());
    assert_eq!(receiver.connections(), 1);
}
