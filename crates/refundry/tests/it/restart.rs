//! What was acknowledged is there after the process was killed.

use super::server::{DAY, Server, Who, serve};
use serde_json::json;
use std::path::Path;

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let mut server = Server::start().await;
    server.lever("rails/pause", json!({})).await;
    let payin = server.payin(1000, "0505101").await;
    let mut made = Vec::new();
    for part in 0..9 {
        let key = format!("key-{part}");
        made.push((key.clone(), server.refund(&payin, 100, &key).await.expect(201)));
    }
    server.kill();
    server.start_again().await;
    for (key, first) in &made {
        assert_eq!(server.refund(&payin, 100, key).await, *first);
    }
    server.refund(&payin, 101, "too-much").await.expect(400);
    assert_eq!(server.books(&payin).await["data"], json!([]));
    server.lever("rails/resume", json!({})).await;
    for (_, first) in &made {
        server.reaches(&first.text("/id"), "SENT").await;
        server.hears(&first.text("/id"), "refund_sent").await;
    }
    let books = server.books(&payin).await;
    assert_eq!((&books["totals"]["paid"], &books["violations"]), (&json!(900), &json!(0)));
    assert!(books["data"].as_array().unwrap().iter().all(|line| line["paid_count"] == 1), "{books}");
    let other = server.refund(&payin, 99, "key-0").await.expect(409);
    assert_eq!(other.json["errors"][0]["code"], "idempotency_conflict");
    let (code, said) = Server::verify(&server.data());
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn the_moved_clock_stays_where_it_was() {
    let mut server = Server::start().await;
    server.advance(31 * DAY).await;
    let before = server.get(Who::Sandbox, "/sandbox/v1/clock").await.expect(200);
    server.kill();
    server.start_again().await;
    let after = server.get(Who::Sandbox, "/sandbox/v1/clock").await.expect(200);
    assert_eq!(after.json["advanced_seconds"], before.json["advanced_seconds"]);
    assert!(after.text("/now") > before.text("/now"));
}

#[tokio::test]
async fn a_second_process_on_the_folder_is_refused() {
    let server = Server::start().await;
    let payin = server.payin(1000, "0505101").await;
    let second = serve(&server.data()).output().unwrap();
    assert!(!second.status.success());
    assert_eq!(second.stdout, b"");
    // The first one is none the worse for it.
    let refund = server.refund(&payin, 1000, "key").await.expect(201).text("/id");
    server.reaches(&refund, "SENT").await;
}

/// An amount whose bytes stand nowhere else in the file.
const MARKED: u64 = 0x075B_CD15;

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn verify_passes_beside_the_server_and_finds_an_edited_amount() {
    let mut server = Server::start().await;
    let payin = server.payin(MARKED, "0505101").await;
    let made = server.post(Who::Banked, "/v3/refunds", "key", &server.by_float(&payin, MARKED)).await.expect(201);
    server.reaches(&made.text("/id"), "SENT").await;
    let (code, said) = Server::verify(&server.data());
    assert_eq!(code, Some(0), "{said}");
    server.end();
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("data");
    copied(&server.data(), &copy);
    let (code, said) = Server::verify(&copy);
    assert_eq!(code, Some(0), "{said}");
    let file = copy.join("refundry.db");
    let honest = std::fs::read(&file).unwrap();
    let marked = MARKED.to_be_bytes();
    let windows = honest.windows(4).enumerate();
    let places: Vec<usize> = windows.filter(|(_, window)| *window == &marked[4..]).map(|(at, _)| at).collect();
    let mut found = 0;
    for place in &places {
        let mut edited = honest.clone();
        edited[place + 3] ^= 1;
        std::fs::write(&file, &edited).unwrap();
        found += usize::from(Server::verify(&copy).0 == Some(1));
    }
    // Three transfers, and the sums of the accounts that they touch.
    assert!(found >= 6, "{found} of {} edits were found", places.len());
}
