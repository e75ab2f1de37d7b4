//! Text that wants to be more than text stays text, in every field of every page.

use crate::world::{World, code, made_person};
use refundry_domain::command::Command;
use refundry_domain::party::{AccountIdentifier, CreditorSource, Party};
use refundry_engine::registry::Role;
use std::sync::Arc;

/// Beginnings and ends around which each hostile core is put.
const AROUND: [(&str, &str); 8] = [
    ("", ""),
    ("\">", "<\""),
    ("'>", ""),
    ("</textarea>", ""),
    ("</title></script>", "<!--"),
    ("--><bdi>", ""),
    ("{{", "}}"),
    ("\u{202e}", "\u{2066}"),
];
pub(crate) const CORES: [&str; 25] = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert&#40;1)</script>",
    "<iframe src=javascript:alert(1)>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<math><mtext><script>alert(1)</script>",
    "<form action=//evil.example><button>",
    "<input autofocus onfocus=alert(1)>",
    "<link rel=stylesheet href=//evil.example>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<object data=//evil.example>",
    "<embed src=//evil.example>",
    "<style>*{x:expression(alert(1))}</style>",
    "<template><script>alert(1)</script></template>",
    "<!--<script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<video><source onerror=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<x contenteditable onblur=alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
];

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let world = World::new().await;
    let payloads: Vec<String> =
        CORES.iter().flat_map(|core| AROUND.iter().map(move |(begin, end)| format!("{begin}{core}{end}"))).collect();
    assert_eq!(payloads.len(), 200);
    let mut browser = world.signed_in(&world.ada).await;
    let mut confirmed = false;
    for (place, payload) in payloads.iter().enumerate() {
        let name = format!("h{place}");
        let mut maker = made_person(&mut world.ids.lock().unwrap(), world.merchant, &name, &[Role::Maker]);
        maker.name.clone_from(payload);
        world.put(maker.clone()).await;
        let refund = world
            .asked(100, 1, |request| {
                request.maker = Some(maker.id);
                request.remittance = Some(Arc::from(payload.as_str()));
                request.merchant_reference = Some(Arc::from(payload.as_str()));
            })
            .await;
        let account = AccountIdentifier::PayId(payload.to_lowercase());
        let creditor = Party { name: Some(payload.clone()), account };
        let people = vec![world.ada.id, world.grace.id];
        world
            .command(Command::GiveDetails { refund, creditor, source: CreditorSource::OperatorOverride, people })
            .await;
        let path = format!("/console/approvals/{refund}");
        let mut pages = vec![browser.get(&path).await, browser.get(&format!("{path}/reject")).await];
        let code = code(&world.ada, 0);
        let fields: &[(&str, &str)] = if confirmed { &[] } else { &[("code", &code)] };
        let note = [("note", payload.as_str())];
        let fields: Vec<(&str, &str)> = fields.iter().chain(&note).copied().collect();
        assert_eq!(browser.submit(&format!("{path}/reject"), &fields).await.status, 303, "{payload}");
        confirmed = true;
        pages.extend([browser.get("/console/approvals").await, browser.get(&path).await]);
        pages.push(
            browser
                .get(
                    &format!("/console/sign-in?next={payload}")
                        .replace(' ', "+")
                        .replace(['<', '>', '"', '\u{202e}', '\u{2066}', '`', '{', '}', '\\', '^', '|', '#'], "%3C"),
                )
                .await,
        );
        for page in pages {
            assert!(page.status < 400, "{payload}: {}", page.text);
            page.does_not_say(payload).does_not_say(CORES[place / AROUND.len()]);
        }
    }
}
