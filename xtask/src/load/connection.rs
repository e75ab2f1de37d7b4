//! One kept-alive HTTP/1.1 connection with one request in flight.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What a request says; the body is JSON.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The whole value of `Authorization`.
    pub(crate) authorization: Option<&'a str>,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) body: Option<&'a str>,
}

impl Request<'_> {
    /// Appends the bytes that go over the wire.
    pub(crate) fn write(&self, host: SocketAddr, to: &mut Vec<u8>) {
        use std::io::Write as _;
        // Writing into a vector cannot fail.
        let _ = write!(to, "{} {} HTTP/1.1\r\nhost: {host}\r\n", self.method, self.path);
        if let Some(value) = self.authorization {
            let _ = write!(to, "authorization: {value}\r\n");
        }
        if let Some(value) = self.idempotency_key {
            let _ = write!(to, "idempotency-key: {value}\r\n");
        }
        if let Some(body) = self.body {
            let length = body.len();
            let _ = write!(to, "content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
        } else {
            let _ = write!(to, "\r\n");
        }
    }
}

/// An answer in the connection's buffer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

/// A connection and its read buffer.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    chunked: Vec<u8>,
    closing: bool,
}

/// What the head of an answer says about the rest.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Bytes up to and with the empty line.
    length: usize,
    body: BodyLength,
    closing: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum BodyLength {
    Known(usize),
    Chunked,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(16 * 1024), chunked: Vec::new(), closing: false })
    }

    /// The server said that it closes after the last answer.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Sends the bytes of one request and reads its answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        match tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => bail!("no answer in {} s", ANSWER_TIMEOUT.as_secs()),
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await.context("sending")?;
        self.read.clear();
        let head = loop {
            self.fill().await?;
            if let Some(head) = head(&self.read)? {
                break head;
            }
        };
        self.closing = head.closing;
        match head.body {
            BodyLength::Known(length) => {
                while self.read.len() < head.length + length {
                    self.fill().await?;
                }
                Ok(Answer { status: head.status, body: &self.read[head.length..head.length + length] })
            }
            BodyLength::Chunked => {
                while !unchunk(&self.read[head.length..], &mut self.chunked)? {
                    self.fill().await?;
                }
                Ok(Answer { status: head.status, body: &self.chunked })
            }
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let count = self.stream.read_buf(&mut self.read).await.context("reading the answer")?;
        ensure!(count > 0, "the connection ended before the answer did");
        Ok(())
    }
}

/// The head of an answer, once it is whole.
fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        ensure!(bytes.len() < HEAD_BYTES_MAX, "the head of the answer does not end");
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).context("the head of the answer")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).context("no status line")?;
    let mut head = Head { status, length: end + 4, body: BodyLength::Known(0), closing: false };
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.body = BodyLength::Known(value.parse().context("content-length")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            head.body = BodyLength::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            head.closing = value.eq_ignore_ascii_case("close");
        }
    }
    Ok(Some(head))
}

/// Decodes a chunked body into `to`; false while it is not whole.
fn unchunk(mut rest: &[u8], to: &mut Vec<u8>) -> Result<bool> {
    to.clear();
    loop {
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
            return Ok(false);
        };
        let line = std::str::from_utf8(&rest[..end]).context("chunk length")?;
        let length =
            usize::from_str_radix(line.split(';').next().unwrap_or(line).trim(), 16).context("chunk length")?;
        let Some(chunk) = rest.get(end + 2..end + 2 + length) else {
            return Ok(false);
        };
        let Some(after) = rest.get(end + 2 + length..).filter(|after| after.len() >= 2) else {
            return Ok(false);
        };
        if length == 0 {
            return Ok(true);
        }
        to.extend_from_slice(chunk);
        rest = &after[2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_out() {
        let mut bytes = Vec::new();
        let request = Request {
            method: "POST",
            path: "/v1/x",
            authorization: Some("Bearer k"),
            idempotency_key: Some("1"),
            body: Some("{}"),
        };
        request.write("127.0.0.1:80".parse().unwrap(), &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1:80\r\nauthorization: Bearer k\r\n"), "{text}");
        assert!(text.ends_with("idempotency-key: 1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"));
    }

    #[test]
    fn heads_are_read_when_whole() {
        let bytes = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
        assert_eq!(head(&bytes[..20]).unwrap(), None);
        let whole = head(bytes).unwrap().unwrap();
        assert_eq!(whole, Head { status: 201, length: bytes.len() - 3, body: BodyLength::Known(3), closing: true });
        assert!(head(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_joined_when_whole() {
        let bytes = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        let mut body = Vec::new();
        for cut in 0..bytes.len() {
            assert!(!unchunk(&bytes[..cut], &mut body).unwrap(), "{cut}");
        }
        assert!(unchunk(bytes, &mut body).unwrap());
        assert_eq!(body, b"abcde");
    }
}
