//! Configuration: defaults, then the file, then the environment, then flags.
//! Unknown keys are refused.

use anyhow::{Context, bail};
use ipnet::IpNet;
use refundry_domain::rules::{Environment, KeylessRepeat, Rules};
use refundry_domain::time::Span;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Prefix of the environment's settings: `REFUNDRY_WEBHOOKS__ALLOW_HTTP=true`.
const PREFIX: &str = "REFUNDRY_";
/// Variables with this prefix that are no settings.
const OTHER_VARIABLES: [&str; 4] = ["REFUNDRY_CONFIG", "REFUNDRY_LOG", "REFUNDRY_TEST_NO_SYNC", "REFUNDRY_BIN"];

/// Bytes that a body may be limited to: every request of ours fits the least
/// one, and the most is a quarter of what the server holds of all bodies at once.
const BODY_LIMITS: std::ops::RangeInclusive<usize> = 4 * 1024..=64 * 1024 * 1024;

/// Longest span of a rule, seconds: 400 days.
const SPAN_SECONDS_MAX: u64 = 400 * 86_400;

/// Where `/metrics` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricsAt {
    /// Beside the API.
    BesideApi,
    /// On a listener of its own.
    Own(SocketAddr),
    /// Nowhere.
    Nowhere,
}

/// What the command line gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    pub(crate) file: Option<PathBuf>,
    pub(crate) sandbox: bool,
    pub(crate) data: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    pub(crate) seed: Option<PathBuf>,
}

/// Every setting.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Play money.
    pub(crate) sandbox: bool,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// Address and port of the API.
    pub(crate) listen: String,
    /// Address and port of `/metrics`; without it they stand beside the API in
    /// a sandbox that only this machine reaches, and nowhere else.
    pub(crate) metrics_listen: Option<String>,
    /// Where the world reaches this server; by default the listener's address.
    pub(crate) public_origin: Option<String>,
    /// Given sandbox values.
    pub(crate) seed: Option<PathBuf>,
    /// File with the key that seals account numbers and names (live).
    pub(crate) field_key_file: Option<PathBuf>,
    /// Requests that come in.
    pub(crate) http: Http,
    /// Outgoing webhooks.
    pub(crate) webhooks: Webhooks,
    /// What decides beside the merchants' own rules.
    pub(crate) rules: RulesGiven,
    /// The mock bank.
    pub(crate) mock_bank: MockBank,
    /// Letters to customers.
    pub(crate) mail: Mail,
    /// The pages of people.
    pub(crate) console: Console,
    /// One subtree per dialect, read by the dialect.
    pub(crate) dialects: toml::Table,
}

/// Settings of requests that come in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// Bytes of a request's body, at most.
    pub(crate) body_limit: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self { body_limit: 1024 * 1024 }
    }
}

/// Settings of outgoing webhooks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Webhooks {
    /// Allow plain HTTP (always allowed in the sandbox).
    pub(crate) allow_http: bool,
    /// Address ranges that are allowed although they are not public.
    pub(crate) allow_ranges: Vec<String>,
}

/// What becomes of a second equal refund without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Repeat {
    /// Both go out.
    Allow,
    /// It waits for a person.
    Block,
    /// It is refused.
    Refuse,
}

/// The settings of decisions; what is not given is as the mode has it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RulesGiven {
    /// What becomes of a second equal refund without a key.
    pub(crate) keyless_repeat: Option<Repeat>,
    /// Seconds after which an equal refund without a key is no repetition.
    pub(crate) keyless_window: Option<u64>,
    /// Seconds that the signatories of a mandate have.
    pub(crate) mandate_window: Option<u64>,
}

/// Settings of the mock bank.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MockBank {
    /// Thousandths by which its documented delays are multiplied; 0 is at once.
    pub(crate) time_scale_permille: u32,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailTls {
    /// `STARTTLS`, and nothing without it.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// None.
    None,
}

/// Settings of letters to customers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mail {
    /// The mail server; without one no letter goes out, and the sandbox only
    /// shows them.
    pub(crate) smtp_host: Option<String>,
    /// Its port, where it is not the usual one.
    pub(crate) smtp_port: Option<u16>,
    /// How the connection is protected.
    pub(crate) tls: MailTls,
    /// Who we are to it.
    pub(crate) username: Option<String>,
    /// File with the password.
    pub(crate) password_file: Option<PathBuf>,
    /// The address that letters come from.
    pub(crate) from: String,
    /// Seconds to wait for it.
    pub(crate) timeout: u64,
}

/// Settings of the console.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Console {
    /// Addresses and ranges of proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<String>,
}

impl Console {
    /// The proxies as ranges; an address is a range of one.
    pub(crate) fn trusted(&self) -> anyhow::Result<Vec<IpNet>> {
        let range = |text: &String| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let read =
            |text| range(text).with_context(|| format!("console.trusted_proxies: {text:?} is no address or range"));
        self.trusted_proxies.iter().map(read).collect()
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            smtp_host: None,
            smtp_port: None,
            tls: MailTls::Starttls,
            username: None,
            password_file: None,
            from: "refunds@localhost".to_owned(),
            timeout: 20,
        }
    }
}

impl Default for MockBank {
    fn default() -> Self {
        Self { time_scale_permille: 1000 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sandbox: false,
            data: PathBuf::from("data"),
            listen: "127.0.0.1:8080".to_owned(),
            metrics_listen: None,
            public_origin: None,
            seed: None,
            field_key_file: None,
            http: Http::default(),
            webhooks: Webhooks::default(),
            rules: RulesGiven::default(),
            mock_bank: MockBank::default(),
            mail: Mail::default(),
            console: Console::default(),
            dialects: toml::Table::new(),
        }
    }
}

impl Config {
    /// Reads file, environment and flags.
    pub(crate) fn load(flags: &Flags) -> anyhow::Result<Self> {
        let mut table = match &flags.file {
            Some(file) => read_file(file)?,
            None => toml::Table::new(),
        };
        overlay(&mut table, std::env::vars())?;
        let mut config: Self = table.try_into().context("the configuration is not understood")?;
        config.sandbox |= flags.sandbox;
        if let Some(data) = &flags.data {
            config.data.clone_from(data);
        }
        if let Some(listen) = &flags.listen {
            config.listen.clone_from(listen);
        }
        if flags.seed.is_some() {
            config.seed.clone_from(&flags.seed);
        }
        Ok(config)
    }

    /// Where the metrics are read. They tell what nobody outside should know,
    /// so they never stand beside an API that others reach.
    pub(crate) fn metrics_at(&self) -> anyhow::Result<MetricsAt> {
        if let Some(address) = &self.metrics_listen {
            return Ok(MetricsAt::Own(parsed("metrics_listen", address)?));
        }
        let own_machine = parsed("listen", &self.listen)?.ip().is_loopback();
        Ok(if self.sandbox && own_machine { MetricsAt::BesideApi } else { MetricsAt::Nowhere })
    }

    /// The rules of every decision.
    pub(crate) fn rules(&self) -> anyhow::Result<Rules> {
        let environment = if self.sandbox { Environment::Sandbox } else { Environment::Live };
        let mut rules = Rules::of(environment);
        if let Some(repeat) = self.rules.keyless_repeat {
            rules.keyless_repeat = match repeat {
                Repeat::Allow => KeylessRepeat::Allow,
                Repeat::Block => KeylessRepeat::Block,
                Repeat::Refuse => KeylessRepeat::Refuse,
            };
        }
        let spans = [
            ("keyless_window", self.rules.keyless_window, &mut rules.keyless_window),
            ("mandate_window", self.rules.mandate_window, &mut rules.mandate_window),
        ];
        for (name, given, span) in spans {
            let Some(seconds) = given else { continue };
            if !(1..=SPAN_SECONDS_MAX).contains(&seconds) {
                bail!("rules.{name} is 1 to {SPAN_SECONDS_MAX} seconds");
            }
            *span = Span::seconds(seconds);
        }
        Ok(rules)
    }

    /// Live mode needs what moves real money and what protects it.
    pub(crate) fn refuse_if_incomplete(&self) -> anyhow::Result<()> {
        self.metrics_at()?;
        parsed("listen", &self.listen)?;
        self.rules()?;
        if !BODY_LIMITS.contains(&self.http.body_limit) {
            let (least, most) = BODY_LIMITS.into_inner();
            bail!("http.body_limit: is {least} to {most} bytes");
        }
        if self.sandbox {
            return Ok(());
        }
        if self.field_key_file.is_none() {
            bail!("live mode needs field_key_file: the key that seals account numbers and names");
        }
        bail!(
            "live mode needs a live rail, and none is configured; the mock bank moves no money (use --sandbox to try)"
        )
    }

    /// The settings in force, as a file.
    pub(crate) fn print(&self) -> anyhow::Result<String> {
        toml::to_string_pretty(self).context("the configuration does not print")
    }
}

fn parsed(name: &str, address: &str) -> anyhow::Result<SocketAddr> {
    address.parse().with_context(|| format!("{name}: {address:?} is no address"))
}

fn read_file(file: &Path) -> anyhow::Result<toml::Table> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} does not read", file.display()))?;
    text.parse().with_context(|| format!("{} is no TOML", file.display()))
}

/// Lays the environment over the file: `__` separates levels; values are
/// TOML where they parse as such, else text.
fn overlay(table: &mut toml::Table, variables: impl Iterator<Item = (String, String)>) -> anyhow::Result<()> {
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        if OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let parsed = format!("value = {text}").parse::<toml::Table>().ok().and_then(|mut one| one.remove("value"));
        let value = parsed.unwrap_or(toml::Value::String(text));
        let path = path.to_lowercase();
        let mut levels: Vec<&str> = path.split("__").collect();
        let Some(last) = levels.pop() else { continue };
        let mut here = &mut *table;
        for level in levels {
            let next = here.entry(level).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            here = next.as_table_mut().with_context(|| format!("{name}: {level} is no table"))?;
        }
        here.insert(last.to_owned(), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(file: &str, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let mut table: toml::Table = file.parse()?;
        overlay(&mut table, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))?;
        Ok(table.try_into()?)
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = "listen = \"127.0.0.1:1\"\n[webhooks]\nallow_http = false\n";
        let variables = [("REFUNDRY_LISTEN", "127.0.0.1:2"), ("REFUNDRY_WEBHOOKS__ALLOW_HTTP", "true")];
        let config = parse(file, &variables).unwrap();
        assert_eq!(config.listen, "127.0.0.1:2");
        assert!(config.webhooks.allow_http);
    }

    #[test]
    fn unknown_keys_are_refused_wherever_they_stand() {
        for (file, variables) in [
            ("colour = 1", vec![]),
            ("[webhooks]\nallow = true", vec![]),
            ("", vec![("REFUNDRY_COLOUR", "1")]),
            ("", vec![("REFUNDRY_MOCK_BANK__SPEED", "1")]),
        ] {
            assert!(parse(file, &variables).is_err(), "{file} {variables:?}");
        }
    }

    #[test]
    fn rules_are_those_of_the_mode_unless_given() {
        let rules = |file: &str| parse(file, &[]).and_then(|config| config.rules());
        let live = rules("").unwrap();
        assert_eq!((live.keyless_repeat, live.mandate_window), (KeylessRepeat::Block, Span::days(5)));
        assert_eq!(rules("sandbox = true").unwrap().keyless_repeat, KeylessRepeat::Allow);
        let given = "[rules]\nkeyless_repeat = \"refuse\"\nkeyless_window = 60\nmandate_window = 3600";
        let given = rules(given).unwrap();
        let spans = (given.keyless_window, given.mandate_window);
        assert_eq!((given.keyless_repeat, spans), (KeylessRepeat::Refuse, (Span::seconds(60), Span::seconds(3600))));
        for wrong in ["keyless_repeat = \"maybe\"", "keyless_window = 0", "mandate_window = 99999999", "other = 1"] {
            assert!(rules(&format!("[rules]\n{wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metrics_stand_beside_no_api_that_others_reach() {
        let own: SocketAddr = "10.0.0.1:9".parse().unwrap();
        for (sandbox, listen, metrics, at) in [
            (true, "127.0.0.1:1", None, Some(MetricsAt::BesideApi)),
            (true, "[::1]:1", None, Some(MetricsAt::BesideApi)),
            (true, "0.0.0.0:1", None, Some(MetricsAt::Nowhere)),
            (false, "127.0.0.1:1", None, Some(MetricsAt::Nowhere)),
            (false, "0.0.0.0:1", None, Some(MetricsAt::Nowhere)),
            (false, "0.0.0.0:1", Some("10.0.0.1:9"), Some(MetricsAt::Own(own))),
            (true, "127.0.0.1:1", Some("10.0.0.1:9"), Some(MetricsAt::Own(own))),
            (true, "127.0.0.1:1", Some("everywhere"), None),
        ] {
            let (listen, metrics_listen) = (listen.to_owned(), metrics.map(str::to_owned));
            let config = Config { sandbox, listen, metrics_listen, ..Config::default() };
            assert_eq!(config.metrics_at().ok(), at, "{config:?}");
            assert!(at.is_some() || config.refuse_if_incomplete().is_err());
        }
    }

    #[test]
    fn proxies_are_addresses_and_ranges() {
        let said = r#"[console]
trusted_proxies = ["10.0.0.0/8", "::1", "192.0.2.7"]"#;
        let trusted: Vec<String> =
            parse(said, &[]).unwrap().console.trusted().unwrap().iter().map(IpNet::to_string).collect();
        assert_eq!(trusted, ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]);
        let wrong = parse("[console]\ntrusted_proxies = [\"everybody\"]", &[]).unwrap();
        assert!(wrong.console.trusted().unwrap_err().to_string().contains("everybody"));
    }

    #[test]
    fn live_without_a_live_rail_is_refused() {
        let live = Config { field_key_file: Some("key".into()), ..Config::default() };
        assert!(live.refuse_if_incomplete().unwrap_err().to_string().contains("live rail"));
        assert!(Config::default().refuse_if_incomplete().is_err());
        assert!(Config { sandbox: true, ..Config::default() }.refuse_if_incomplete().is_ok());
    }
}
