//! A server of its own for a story, and a client that knows its credentials.

#![expect(clippy::print_stderr, reason = "a failed story shows what its server complained about")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a story waits for what must come.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(25);
/// The setting of a bank that takes no time.
const QUICK: (&str, &str) = ("REFUNDRY_MOCK_BANK__TIME_SCALE_PERMILLE", "0");
/// The seconds of a day.
pub(crate) const DAY: u64 = 86_400;

/// The binary under test.
pub(crate) fn refundry() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refundry"));
    command.stdin(Stdio::null());
    command
}

/// A child that does not outlive its story.
struct Process {
    child: Child,
    /// What it says; held open, so that it can go on saying it.
    _said: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let loud = log.lines().filter(|line| line.contains("\"ERROR\"") || line.contains("panicked"));
            loud.take(20).for_each(|line| eprintln!("server: {line}"));
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Its media type.
    pub(crate) media: String,
    /// The body as it came.
    pub(crate) text: String,
    /// The body as JSON; null where it is none.
    pub(crate) json: Value,
}

impl Answer {
    /// A text somewhere inside.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let found = self.json.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer}: {} {}", self.status, self.text)).to_owned()
    }

    /// The answer, if its status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

/// A webhook that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// Its headers.
    pub(crate) headers: Value,
    /// Its body as it came.
    pub(crate) text: String,
    /// Its body as JSON.
    pub(crate) json: Value,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// A merchant's server that speaks Banked.
    Banked,
    /// A merchant's server that speaks native.
    Native,
    /// The sandbox API.
    Sandbox,
}

/// A running sandbox and its client.
pub(crate) struct Server {
    process: Option<Process>,
    /// The data folder's parent; gone with the last story that holds it.
    folder: TempDir,
    /// Settings by the names of their variables.
    settings: Vec<(&'static str, &'static str)>,
    /// `http://127.0.0.1:port`.
    pub(crate) base: String,
    /// `sandbox.json`.
    pub(crate) sandbox: Value,
    /// Without a proxy and without redirects.
    pub(crate) http: reqwest::Client,
}

impl Server {
    /// A new sandbox, ready; its bank is as quick as it can be.
    pub(crate) async fn start() -> Self {
        Self::with(&[QUICK]).await
    }

    /// A new sandbox with these settings, ready.
    pub(crate) async fn with(settings: &[(&'static str, &'static str)]) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = settings.to_vec();
        let mut server = Self { process: None, folder, settings, base: String::new(), sandbox: Value::Null, http };
        server.start_again().await;
        server
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it complained about.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts on the folder as it was left.
    pub(crate) async fn start_again(&mut self) {
        let data = self.data();
        let log = self.folder.path().join("log");
        let complaints = std::fs::File::create(&log).unwrap();
        let mut command = serve_with(&data, &self.settings);
        let mut child = command.stdout(Stdio::piped()).stderr(complaints).spawn().unwrap();
        let mut voice = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        voice.read_line(&mut said).unwrap();
        self.process = Some(Process { child, _said: voice, log });
        self.base =
            said.trim_end().strip_prefix("listening at ").unwrap_or_else(|| panic!("it says {said:?}")).to_owned();
        self.sandbox = serde_json::from_slice(&std::fs::read(data.join("sandbox.json")).unwrap()).unwrap();
        assert_eq!(self.sandbox["base_url"], self.base);
        self.until("ready", async || {
            let ready = self.http.get(format!("{}/readyz", self.base)).send().await;
            ready.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
    }

    /// As a power cut of the process: no signal that it could hear.
    pub(crate) fn kill(&mut self) {
        let process = self.process.as_mut().unwrap();
        process.child.kill().unwrap();
        process.child.wait().unwrap();
    }

    /// Asks it to end, and waits for it.
    pub(crate) fn end(&mut self) {
        let process = self.process.as_mut().unwrap();
        let told = Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(process.child.wait().unwrap().success());
    }

    /// Looks until there is something to see.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let seen = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(seen) = look().await {
                    return seen;
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        seen.await.unwrap_or_else(|_| panic!("never came: {what}"))
    }

    /// A credential by its path in `sandbox.json`.
    pub(crate) fn credential(&self, pointer: &str) -> &str {
        self.sandbox.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// The value of `Authorization`.
    pub(crate) fn authorization(&self, who: Who) -> String {
        match who {
            Who::Banked => {
                let pair = [self.credential("/banked/api_key"), self.credential("/banked/api_secret")].join(":");
                format!("Basic {}", STANDARD.encode(pair))
            }
            Who::Native => format!("Bearer {}", self.credential("/native/api_key")),
            Who::Sandbox => format!("Bearer {}", self.credential("/sandbox/api_key")),
        }
    }

    /// A request with its credential, to be completed.
    pub(crate) fn request(&self, who: Who, method: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.base));
        request.header("authorization", self.authorization(who))
    }

    /// A POST with a key.
    pub(crate) async fn post(&self, who: Who, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(who, "POST", path).header("idempotency-key", key).json(body);
        answer(request).await
    }

    /// A GET.
    pub(crate) async fn get(&self, who: Who, path: &str) -> Answer {
        answer(self.request(who, "GET", path)).await
    }

    /// A lever of the sandbox that must move.
    #[track_caller]
    pub(crate) fn lever(&self, path: &str, body: Value) -> impl Future<Output = Answer> {
        let request = self.request(Who::Sandbox, "POST", &format!("/sandbox/v1/{path}")).json(&body);
        let path = path.to_owned();
        async move {
            let answer = answer(request).await;
            assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.text);
            answer
        }
    }

    /// Moves the clock.
    pub(crate) async fn advance(&self, seconds: u64) {
        self.lever("clock/advance", json!({ "seconds": seconds })).await;
    }

    /// A settled Australian pay-in from this account number.
    pub(crate) async fn payin(&self, amount: u64, account_number: &str) -> String {
        self.payin_from(amount, json!({ "name": "Ada Kettle", "bsb": "111114", "account_number": account_number }))
            .await
    }

    /// A settled Australian pay-in from this debtor.
    pub(crate) async fn payin_from(&self, amount: u64, debtor: Value) -> String {
        let body = json!({ "amount": amount, "currency": "AUD", "status": "settled", "debtor": debtor });
        self.lever("payments", body).await.text("/id")
    }

    /// A Banked refund by mandate.
    pub(crate) async fn refund(&self, payin: &str, amount: u64, key: &str) -> Answer {
        self.post(Who::Banked, "/v3/refunds", key, &self.by_mandate(payin, amount)).await
    }

    /// The body of a refund by mandate.
    pub(crate) fn by_mandate(&self, payin: &str, amount: u64) -> Value {
        json!({
            "amount": amount,
            "original_payin_information": { "id": payin },
            "processing_method": {
                "method_type": "MANDATE",
                "mandate": { "token": self.credential("/banked/mandate_token") },
            },
        })
    }

    /// The body of a refund from the float.
    pub(crate) fn by_float(&self, payin: &str, amount: u64) -> Value {
        json!({
            "amount": amount,
            "original_payin_information": { "id": payin },
            "processing_method": {
                "method_type": "ACCOUNT_TO_ACCOUNT",
                "debtor_account": {
                    "account_type": "BANKED_BANK_ACCOUNT_ENTITY",
                    "bank_account_id": self.credential("/banked/bank_account_id"),
                },
            },
        })
    }

    /// The refund as Banked shows it.
    pub(crate) async fn shown(&self, refund: &str) -> Value {
        self.get(Who::Banked, &format!("/v3/refunds/{refund}")).await.expect(200).json
    }

    /// The refund's status once it is this one.
    pub(crate) async fn reaches(&self, refund: &str, status: &str) -> Value {
        self.until(&format!("{refund} {status}"), async || {
            let shown = self.shown(refund).await;
            (shown["status_details"]["status"] == status).then_some(shown)
        })
        .await
    }

    /// The native word for where the refund stands, once it is this one.
    pub(crate) async fn stands(&self, refund: &str, status: &str) -> Value {
        self.until(&format!("{refund} {status}"), async || {
            let shown = self.get(Who::Native, &format!("/v1/refunds/{refund}")).await.expect(200).json;
            (shown["status"] == status).then_some(shown)
        })
        .await
    }

    /// What arrived in Banked's inbox about this refund, oldest first.
    pub(crate) async fn letters(&self, refund: &str) -> Vec<Letter> {
        let seen = self.get(Who::Sandbox, "/sandbox/v1/inbox/banked").await.expect(200);
        let letters = seen.json["data"].as_array().unwrap().iter().rev().map(|item| {
            let text = item["body"].as_str().unwrap().to_owned();
            let json = serde_json::from_str(&text).unwrap();
            Letter { headers: item["headers"].clone(), text, json }
        });
        letters.filter(|letter| letter.json["data"]["id"] == refund).collect()
    }

    /// The webhook of this type about this refund.
    pub(crate) async fn hears(&self, refund: &str, event: &str) -> Letter {
        self.until(&format!("{refund} {event}"), async || {
            self.letters(refund).await.into_iter().find(|letter| letter.json["type"] == event)
        })
        .await
    }

    /// The bank's own books about a payment.
    pub(crate) async fn books(&self, payment: &str) -> Value {
        let path = format!("/sandbox/v1/bank/instructions?limit=1000&payment_id={payment}");
        self.get(Who::Sandbox, &path).await.expect(200).json
    }

    /// What is available on the float.
    pub(crate) async fn available(&self) -> u64 {
        let path = format!("/v1/accounts/{}", self.credential("/banked/bank_account_id"));
        let account = self.get(Who::Native, &path).await.expect(200);
        let balance = &account.json["balance"]["available"];
        balance.as_u64().unwrap_or_else(|| panic!("no balance: {}", account.text))
    }

    /// `verify` on a folder: its exit status and what it prints.
    pub(crate) fn verify(data: &Path) -> (Option<i32>, String) {
        let done = refundry().arg("verify").arg("--data").arg(data).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.code(), String::from_utf8_lossy(&said).into_owned())
    }
}

/// The command that serves a sandbox on this folder; its bank is as quick as it can be.
pub(crate) fn serve(data: &Path) -> Command {
    serve_with(data, &[QUICK])
}

fn serve_with(data: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = refundry();
    command.envs(settings.iter().copied());
    command.args(["serve", "--sandbox", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command
}

/// Sends a request and reads its answer.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let media =
        answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let text = String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, media, text, json }
}
