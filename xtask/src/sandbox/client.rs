//! A connection that parses what it gets.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Credentials, Dialect};
use crate::load::connection::{Connection, Request};

/// An answer of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {self}"))
    }

    /// The body, when the status is the wanted one.
    pub(crate) fn expect(&self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "want {status}, got {self}");
        if self.body.is_empty() { Ok(Value::Null) } else { self.json() }
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// One connection to a server; it opens a new one where the server closes.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    connection: Connection,
    bytes: Vec<u8>,
}

impl Client {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self { address, connection: Connection::open(address).await?, bytes: Vec::new() })
    }

    /// Sends one request.
    pub(crate) async fn send(&mut self, request: Request<'_>) -> Result<Reply> {
        if self.connection.is_closing() {
            self.connection = Connection::open(self.address).await?;
        }
        self.bytes.clear();
        request.write(self.address, &mut self.bytes);
        let answer = self.connection.call(&self.bytes).await?;
        Ok(Reply { status: answer.status, body: answer.body.to_vec() })
    }

    pub(crate) async fn get(&mut self, path: &str, authorization: Option<&str>) -> Result<Reply> {
        self.send(Request { method: "GET", path, authorization, ..Request::default() }).await
    }

    /// A call of the sandbox's own API.
    pub(crate) async fn sandbox(&mut self, credentials: &Credentials, path: &str, body: &Value) -> Result<Reply> {
        let (authorization, body) = (credentials.sandbox()?, body.to_string());
        let path = format!("/sandbox/v1{path}");
        let authorization = Some(authorization.as_str());
        let body = Some(body.as_str());
        self.send(Request { method: "POST", path: &path, authorization, body, ..Request::default() }).await
    }

    /// Makes a settled pay-in and tells its id.
    pub(crate) async fn pay_in(&mut self, credentials: &Credentials, amount: u64) -> Result<String> {
        let body = json!({
            "amount": amount,
            "currency": "AUD",
            "debtor": { "name": "Robin Citizen", "account_number": "12345678", "bsb": "111114" },
            "status": "settled",
        });
        let made = self.sandbox(credentials, "/payments", &body).await?.expect(201)?;
        Ok(made["id"].as_str().context("a pay-in without an id")?.to_owned())
    }

    /// Moves the sandbox's clock.
    pub(crate) async fn advance(&mut self, credentials: &Credentials, seconds: u64) -> Result<()> {
        let reply = self.sandbox(credentials, "/clock/advance", &json!({ "seconds": seconds })).await?;
        ensure!((200..300).contains(&reply.status), "clock/advance: {reply}");
        Ok(())
    }

    /// Stops (`pause`) or restarts (`resume`) workers: `rails` or `webhooks`.
    pub(crate) async fn switch(&mut self, credentials: &Credentials, workers: &str, action: &str) -> Result<()> {
        let reply = self.sandbox(credentials, &format!("/{workers}/{action}"), &json!({})).await?;
        ensure!((200..300).contains(&reply.status), "{workers}/{action}: {reply}");
        Ok(())
    }

    /// Nothing but creates from now on: no rail worker, no webhooks.
    pub(crate) async fn pause_workers(&mut self, credentials: &Credentials) -> Result<()> {
        for workers in ["rails", "webhooks"] {
            self.switch(credentials, workers, "pause").await?;
        }
        Ok(())
    }

    /// One number of the metrics page; a label is part of its name.
    pub(crate) async fn metric(&mut self, name: &str) -> Result<u64> {
        let reply = self.get("/metrics", None).await?;
        ensure!(reply.status == 200, "/metrics: {}", reply.status);
        metric(&String::from_utf8_lossy(&reply.body), name).with_context(|| format!("no metric {name}"))
    }

    /// One refund as a dialect shows it.
    pub(crate) async fn refund(&mut self, dialect: &Dialect, id: &str) -> Result<Reply> {
        self.get(&dialect.refund_path(id), Some(&dialect.authorization)).await
    }
}

/// The value on the line of the text format that begins with this name.
fn metric(page: &str, name: &str) -> Option<u64> {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_by_their_whole_name() {
        let page = "# TYPE a counter\na_total{r=\"x\"} 12\na_total{r=\"xy\"} 7 1.5\nb 3\n";
        for (name, value) in [("a_total{r=\"x\"}", Some(12)), ("a_total{r=\"xy\"}", Some(7)), ("a_total", None)] {
            assert_eq!(metric(page, name), value, "{name}");
        }
    }
}
