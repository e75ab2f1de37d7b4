//! A real Chromium, driven over the WebDriver protocol, for stories about
//! pages. A machine without it fails the story and says what is missing.

use reqwest::Client;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at where the window is.
const LOOK: Duration = Duration::from_millis(25);
/// The member that names an element (WebDriver, section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// What is missing where Chromium is.
const MISSING: &str =
    "chromedriver does not start: `cargo xtask clients` installs it, or apt-get install chromium chromium-driver";
/// What is missing where axe-core is.
const AXE_MISSING: &str = "axe-core is missing: `cargo xtask clients` installs it";

/// The width of a phone and of a desk.
pub(crate) const WIDTHS: [u64; 2] = [390, 1280];

/// The driver's process.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// A browser with one window; gone with its story.
pub(crate) struct Browser {
    _driver: Driver,
    http: Client,
    session: String,
    screenshots: PathBuf,
    /// All that driver and browser write down; the last to go.
    _folder: TempDir,
}

impl Drop for Browser {
    /// Ends the window's processes: the driver's own end does not.
    fn drop(&mut self) {
        let Some((address, path)) = self.session.trim_start_matches("http://").split_once('/') else { return };
        let Ok(mut driver) = TcpStream::connect(address) else { return };
        let asked = write!(driver, "DELETE /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        if asked.is_ok() && driver.set_read_timeout(Some(PATIENCE)).is_ok() {
            let _ = driver.read(&mut [0; 512]);
        }
    }
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

impl Browser {
    /// A new browser whose pictures stand in `target/screenshots/<story>`.
    pub(crate) async fn start(story: &str) -> Self {
        // Profiles and sockets stand where the temporary folder is, and not
        // all of them are taken away by who made them.
        let folder = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .envs(["TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"].map(|name| (name, folder.path())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map(Driver)
            .expect(MISSING);
        let mut said = BufReader::new(driver.0.stdout.take().unwrap()).lines();
        let port = said.find_map(|line| {
            let line = line.unwrap();
            let port = line
                .rsplit_once("started successfully on port ")
                .map(|(_, port)| port.trim_end_matches('.').to_owned());
            port.filter(|port| port.bytes().all(|digit| digit.is_ascii_digit()))
        });
        std::thread::spawn(move || said.for_each(drop));
        let base = format!("http://127.0.0.1:{}/session", port.expect(MISSING));
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                "--disable-extensions", "--lang=en-GB", "--no-first-run", "--disable-background-networking",
            ],
        });
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let made = http.post(&base).json(&capabilities).send().await.unwrap().json::<Value>().await.unwrap();
        let id = made["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{MISSING}: {made}"));
        let screenshots = target().join("screenshots").join(story);
        std::fs::create_dir_all(&screenshots).unwrap();
        let browser = Self { _driver: driver, http, session: format!("{base}/{id}"), screenshots, _folder: folder };
        browser.resize(WIDTHS[1]).await;
        browser
    }

    async fn call(&self, path: &str, body: Value) -> Result<Value, Value> {
        let url = format!("{}/{path}", self.session);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        let good = answer.status().is_success();
        let value = answer.json::<Value>().await.unwrap()["value"].take();
        if good { Ok(value) } else { Err(value) }
    }

    async fn ask(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}/{path}", self.session)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["value"].take()
    }

    async fn cdp(&self, command: &str, parameters: Value) {
        self.call("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await.unwrap();
    }

    /// Opens a page.
    pub(crate) async fn open(&self, url: &str) {
        self.call("url", json!({ "url": url })).await.unwrap();
    }

    /// Where the window is.
    pub(crate) async fn url(&self) -> String {
        self.ask("url").await.as_str().unwrap().to_owned()
    }

    /// Waits until the window is there, as after a key that leads on.
    pub(crate) async fn at(&self, url: &str) {
        let there = tokio::time::timeout(PATIENCE, async {
            while self.url().await != url || self.run("return document.readyState", &[]).await != "complete" {
                tokio::time::sleep(LOOK).await;
            }
        });
        if there.await.is_err() {
            panic!("never came to {url}, but to {}", self.url().await);
        }
    }

    /// Waits until the page has such an element.
    pub(crate) async fn until(&self, css: &str) {
        let there = tokio::time::timeout(PATIENCE, async {
            while self.count(css).await == 0 {
                tokio::time::sleep(LOOK).await;
            }
        });
        if there.await.is_err() {
            panic!("never came: {css}, but {}", self.text("body").await);
        }
    }

    /// Runs a script on the page; `arguments` holds these.
    pub(crate) async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.call("execute/sync", json!({ "script": script, "args": arguments })).await.unwrap()
    }

    async fn find(&self, css: &str) -> String {
        let found = self.call("element", json!({ "using": "css selector", "value": css })).await;
        let found = found.unwrap_or_else(|error| panic!("no {css}: {}", error["message"]));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// How many elements there are.
    pub(crate) async fn count(&self, css: &str) -> usize {
        let found = self.call("elements", json!({ "using": "css selector", "value": css })).await.unwrap();
        found.as_array().unwrap().len()
    }

    /// The text of an element as one reads it.
    pub(crate) async fn text(&self, css: &str) -> String {
        // Between the two questions the page may give way to the next one.
        let said = tokio::time::timeout(PATIENCE, async {
            loop {
                let element = self.find(css).await;
                if let Some(text) = self.ask(&format!("element/{element}/text")).await.as_str() {
                    break text.to_owned();
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        said.await.unwrap_or_else(|_| panic!("{css} never said anything"))
    }

    /// Clicks an element; a page that follows is there afterwards.
    pub(crate) async fn click(&self, css: &str) {
        let element = self.find(css).await;
        self.call(&format!("element/{element}/click"), json!({})).await.unwrap();
    }

    /// Taps with a finger where an element is now.
    pub(crate) async fn tap(&self, css: &str) {
        let place = "const box = document.querySelector(arguments[0]).getBoundingClientRect(); \
                     return { x: box.left + box.width / 2, y: box.top + box.height / 2 };";
        self.run("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", &[json!(css)]).await;
        let at = self.run(place, &[json!(css)]).await;
        let finger = json!([
            { "type": "pointerMove", "x": at["x"].as_f64().map(f64::round), "y": at["y"].as_f64().map(f64::round) },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        let kind = json!({ "pointerType": "touch" });
        let body = json!({ "actions": [{ "type": "pointer", "id": "finger", "parameters": kind, "actions": finger }] });
        self.call("actions", body).await.unwrap();
    }

    /// Types into a field what was not in it before.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.call(&format!("element/{element}/clear"), json!({})).await.unwrap();
        self.call(&format!("element/{element}/value"), json!({ "text": text })).await.unwrap();
    }

    /// Presses keys wherever the cursor is.
    pub(crate) async fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })])
            .collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.call("actions", body).await.unwrap();
    }

    /// The name of the tab that is looked at.
    pub(crate) async fn here(&self) -> String {
        self.ask("window").await.as_str().unwrap().to_owned()
    }

    /// Opens a further tab and looks at it; its name.
    pub(crate) async fn tab(&self) -> String {
        let made = self.call("window/new", json!({ "type": "tab" })).await.unwrap();
        let name = made["handle"].as_str().unwrap().to_owned();
        self.switch(&name).await;
        self.resize(WIDTHS[1]).await;
        name
    }

    /// Looks at another tab.
    pub(crate) async fn switch(&self, tab: &str) {
        self.call("window", json!({ "handle": tab })).await.unwrap();
    }

    /// Presses the button that leads back.
    pub(crate) async fn back(&self) {
        self.call("back", json!({})).await.unwrap();
    }

    /// Makes the window so wide, as a phone or a desk has it.
    pub(crate) async fn resize(&self, width: u64) {
        let size = json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Light or dark, as the system says; and nothing fades, so that what is
    /// looked at is there.
    pub(crate) async fn scheme(&self, scheme: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Switches scripts off or on for the pages that follow.
    pub(crate) async fn scripts(&self, on: bool) {
        self.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// What the page told the console since the last look.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.call("se/log", json!({ "type": "browser" })).await.unwrap();
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// What axe-core finds wrong with the page, one line each.
    pub(crate) async fn violations(&self) -> Vec<String> {
        let source = std::fs::read_to_string(target().join("clients/node/node_modules/axe-core/axe.min.js"));
        self.run(&source.expect(AXE_MISSING), &[]).await;
        let script = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then(done);";
        let found = self.call("execute/async", json!({ "script": script, "args": [] })).await.unwrap();
        let line = |violation: &Value| {
            let nodes = violation["nodes"].as_array().unwrap().iter().map(|node| node["html"].to_string());
            format!("{}: {}", violation["id"], nodes.collect::<Vec<_>>().join(" "))
        };
        found["violations"].as_array().unwrap().iter().map(line).collect()
    }

    /// Looks at the page at both widths, light and dark: pictures for people,
    /// and everything that a program can find wrong, in two of the four: each
    /// width and each scheme is in one of them.
    pub(crate) async fn look(&self, name: &str) {
        for width in WIDTHS {
            self.resize(width).await;
            for scheme in ["light", "dark"] {
                self.scheme(scheme).await;
                if (width < 600) == (scheme == "light") {
                    assert_eq!(self.violations().await, Vec::<String>::new(), "{name} at {width}, {scheme}");
                }
                self.picture(&format!("{name}-{width}-{scheme}")).await;
            }
            let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(self.run(wide, &[]).await, 0, "{name} at {width} is wider than its window");
        }
        self.scheme("light").await;
        assert_eq!(self.complaints().await, Vec::<String>::new(), "{name}");
    }

    async fn picture(&self, name: &str) {
        let height = self.run("return Math.ceil(document.documentElement.getBoundingClientRect().height)", &[]).await;
        let width = self.run("return document.documentElement.clientWidth", &[]).await;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let body = json!({ "cmd": "Page.captureScreenshot", "params": parameters });
        let shot = self.call("goog/cdp/execute", body).await.unwrap();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, shot["data"].as_str().unwrap());
        std::fs::write(self.screenshots.join(format!("{name}.png")), bytes.unwrap()).unwrap();
    }
}
