//! Calls signed with `hawk`, sent as they are: no client in between changes
//! path or query.

use crate::text;
use hawk::{Credentials, Key, PayloadHasher, RequestBuilder, SHA256};
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An address taken apart, its path as it is written.
struct Place<'a> {
    host: &'a str,
    port: u16,
    path: &'a str,
}

fn place(url: &str) -> Result<Place<'_>, String> {
    let bad = || format!("{url:?} is no address");
    let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let usual = if scheme == "https" { 443 } else { 80 };
    match authority.split_once(':') {
        Some((host, port)) => Ok(Place { host, port: port.parse().map_err(|_| bad())?, path }),
        None => Ok(Place { host: authority, port: usual, path }),
    }
}

/// The header of a call: `id`, `key`, `url`, `method`; `hash` for one with the
/// hash of `body`, `ext`, `nonce`, and `clock`, by how many seconds it is off.
pub(crate) fn header(ask: &Value) -> Result<String, String> {
    let key = Key::new(text(ask, "key"), SHA256).map_err(|error| error.to_string())?;
    let credentials = Credentials { id: text(ask, "id").to_owned(), key };
    let place = place(text(ask, "url"))?;
    let mut builder = RequestBuilder::new(text(ask, "method"), place.host, place.port, place.path);
    // The crate takes the media type as it should be hashed.
    let media_type = ask["headers"]["content-type"].as_str().unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let hash = PayloadHasher::hash(&media_type, SHA256, text(ask, "body")).map_err(|error| error.to_string())?;
    if ask["hash"] == true {
        builder = builder.hash(&hash[..]);
    }
    if let Some(ext) = ask["ext"].as_str() {
        builder = builder.ext(ext);
    }
    let off = ask["clock"].as_i64().unwrap_or_default();
    let off_by = Duration::from_secs(off.unsigned_abs());
    let now = SystemTime::now();
    let now = if off < 0 { now - off_by } else { now + off_by };
    let request = builder.request();
    let header = match ask["nonce"].as_str() {
        Some(nonce) => request.make_header_full(&credentials, now, nonce),
        None => request.make_header_full(&credentials, now, fresh_nonce(now)),
    };
    header.map(|header| format!("Hawk {header}")).map_err(|error| error.to_string())
}

fn fresh_nonce(now: SystemTime) -> String {
    now.duration_since(SystemTime::UNIX_EPOCH).map(|age| format!("{:x}", age.as_nanos())).unwrap_or_default()
}

/// Signs and sends a call; `sent` says what is sent otherwise than it was
/// signed, `authorization` sends that header instead of a new one.
pub(crate) fn call(ask: &Value) -> Result<Value, String> {
    let header = match ask["authorization"].as_str() {
        Some(header) => header.to_owned(),
        None => header(ask)?,
    };
    let sent = |name: &str| ask["sent"][name].as_str().or(ask[name].as_str()).unwrap_or_default();
    let place = place(sent("url"))?;
    let host = ask["sent"]["host"].as_str().map_or_else(|| format!("{}:{}", place.host, place.port), str::to_owned);
    let body = sent("body");
    let mut request = format!("{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", sent("method"), place.path);
    for (name, value) in ask["headers"].as_object().into_iter().flatten() {
        request += &format!("{name}: {}\r\n", value.as_str().unwrap_or_default());
    }
    request += &format!("authorization: {header}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answer = exchange(&place, &request).map_err(|error| error.to_string())?;
    Ok(printed(&answer, &header))
}

fn exchange(place: &Place<'_>, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((place.host, place.port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn printed(answer: &str, authorization: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse::<u16>().ok());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers: Map<String, Value> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), json!(value.trim()))).collect();
    json!({ "status": status, "headers": headers, "body": body, "authorization": authorization })
}
