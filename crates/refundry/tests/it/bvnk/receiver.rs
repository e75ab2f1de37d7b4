//! A receiver of webhooks in a program of its own, which verifies them as
//! clients do: with the words of the page and Python's own library.

use super::super::library::Library;
use super::super::server::Answer;
use super::shop::Shop;
use serde_json::{Value, json};

/// The program and where it listens.
pub(crate) struct Receiver {
    library: Library,
    base: String,
}

/// A webhook as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    /// What the receiver says of it.
    pub(crate) said: Value,
    /// Its body as it came.
    pub(crate) text: String,
    /// The same as JSON.
    pub(crate) json: Value,
}

impl Arrived {
    /// A header; empty where it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.said["headers"][name].as_str().unwrap_or_default()
    }

    /// The word that it tells.
    pub(crate) fn word(&self) -> &str {
        self.json["data"]["status"].as_str().unwrap_or_default()
    }

    /// Whether it is about this.
    fn is_about(&self, id: &str) -> bool {
        self.json["data"]["transactionReference"] == id
    }
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let mut library = Library::python("receiver.py");
        let base = format!("http://127.0.0.1:{}", library.hear()["port"]);
        Self { library, base }
    }

    /// An address of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What a path knows and answers: `url`, `scheme`, `secret`, `answers`
    /// (the last one again and again).
    pub(crate) async fn set(&self, shop: &Shop, path: &str, mut how: Value) {
        how["url"] = json!(self.url(path));
        let set = shop.server.http.put(self.url(path)).json(&how).send().await.unwrap();
        assert_eq!(set.status().as_u16(), 204);
    }

    /// The next webhook about this, and which path took it.
    pub(crate) fn hear(&mut self, id: &str) -> Arrived {
        loop {
            let said = self.library.hear();
            let text = said["body"].as_str().unwrap().to_owned();
            let json = serde_json::from_str(&text).unwrap();
            let arrived = Arrived { said, text, json };
            if arrived.is_about(id) {
                return arrived;
            }
        }
    }

    /// Where the sandbox's webhooks go from now on.
    pub(crate) async fn takes_them(&self, shop: &Shop, path: &str, secret: &str, scheme: &str) -> Answer {
        self.set(shop, path, json!({ "secret": secret, "scheme": scheme })).await;
        let body = json!({ "url": self.url(path), "secret": secret, "signature_scheme": scheme });
        let request = shop.server.request(super::super::server::Who::Sandbox, "PUT", "/sandbox/v1/webhooks/bvnk");
        super::super::server::answer(request.json(&body)).await.expect(200)
    }
}
