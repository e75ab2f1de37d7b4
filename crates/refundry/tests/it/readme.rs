//! The commands of the README, as they stand there.

use crate::server::Server;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a person does in the browser between two of the README's blocks.
const CUSTOMER: &str = r#"curl -s "$(pick url < data/refund.json)" -d form=sort-code -d 'holder_name=Ada Kettle' \
  -d bank_code=04-00-99 -d number=55120934 -d step=give | grep -q 'we have your bank details'
"#;

/// The shell blocks of a part of the page, but those that start a server.
fn blocks(page: &str) -> Vec<String> {
    let (_, page) = page.split_once("## Five minutes").unwrap();
    let (page, _) = page.split_once("## Commands").unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|block| block.split_once("```").unwrap().0.to_owned());
    let blocks = blocks.filter(|block| !block.contains("-- serve"));
    blocks.map(|block| block.replace("cargo run --release --", env!("CARGO_BIN_EXE_refundry"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_readme_do_what_it_says() {
    let server = Server::start().await;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let mut blocks = blocks(&std::fs::read_to_string(page).unwrap());
    assert!(blocks.len() > 8, "{blocks:?}");
    blocks.insert(blocks.len() - 1, CUSTOMER.to_owned());
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &blocks.join("\n")]).current_dir(server.data().parent().unwrap());
    let ran = bash.stdin(Stdio::null()).env("no_proxy", "*").output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && wrong.is_empty(), "{said}\n{wrong}");
    for part in ["payment_sent verified", "mandate_active verified", "everything adds up", "\"awaiting_details\""] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("NOT VERIFIED"), "{said}");
    let checkout = said.trim_end().lines().last().unwrap();
    assert!(checkout.starts_with(&format!("{}/checkout/", server.base)), "{said}");
}
