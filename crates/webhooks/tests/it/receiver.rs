//! Receivers on port 0 that write their answers by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a story may wait for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// First byte of a TLS greeting.
const TLS_RECORD: u8 = 0x16;

/// How a receiver answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// With this status and nothing more.
    Status(u16),
    /// With a redirect to this place.
    Redirect(String),
    /// With 200 and a body that never ends, as fast as it can.
    Endless,
    /// With 200 and a byte of body now and then.
    Dribble,
    /// Not at all, but keeps the line open.
    Silent,
    /// By hanging up.
    HangUp,
    /// With something that is no HTTP.
    Nonsense,
    /// With 200 and less body than announced.
    CutShort,
    /// With 200, as soon as it heard this many requests.
    OnceHeard(usize),
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// First line and headers, as sent.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl Heard {
    /// The value of a header; empty without it.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

#[derive(Debug, Default, Clone)]
struct Log {
    connections: usize,
    heard: Vec<Heard>,
    /// Requests without an answer, now and at most.
    open: usize,
    open_max: usize,
}

/// A receiver; ends when dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    log: Arc<watch::Sender<Log>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// A receiver that always answers alike.
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::scripted(move |_, _| reply.clone()).await
    }

    /// A receiver that thinks about each request; the number counts from 0.
    pub(crate) async fn scripted(script: impl Fn(usize, &Heard) -> Reply + Send + Sync + 'static) -> Self {
        Self::listening("127.0.0.1:0", script).await
    }

    pub(crate) async fn listening(at: &str, script: impl Fn(usize, &Heard) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(watch::Sender::new(Log::default()));
        let script = Arc::new(script);
        let written = Arc::clone(&log);
        let task = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            while let Ok((line, _)) = listener.accept().await {
                written.send_modify(|log| log.connections += 1);
                lines.spawn(serve(line, Arc::clone(&written), Arc::clone(&script)));
            }
        });
        Self { address, log, task }
    }

    /// Where it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.log.borrow().connections
    }

    /// What it heard so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.log.borrow().heard.clone()
    }

    /// How many requests waited for an answer at the same time, at most.
    pub(crate) fn open_max(&self) -> usize {
        self.log.borrow().open_max
    }

    /// Waits until it heard this many requests.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Heard> {
        let mut log = self.log.subscribe();
        let waiting = log.wait_for(|log| log.heard.len() >= count);
        let heard = tokio::time::timeout(PATIENCE, waiting).await.map(|log| log.unwrap().heard.clone());
        heard.unwrap_or_else(|_| panic!("{} of {count} requests came", self.heard().len()))
    }
}

async fn serve(mut line: TcpStream, log: Arc<watch::Sender<Log>>, script: Arc<impl Fn(usize, &Heard) -> Reply>) {
    let Some(heard) = read_request(&mut line).await else {
        return;
    };
    let mut number = 0;
    let reply = {
        let kept = heard.clone();
        log.send_modify(|log| {
            number = log.heard.len();
            log.open += 1;
            log.open_max = log.open_max.max(log.open);
            log.heard.push(kept);
        });
        script(number, &heard)
    };
    if let Reply::OnceHeard(count) = reply {
        let _ = log.subscribe().wait_for(|log| log.heard.len() >= count).await;
    }
    // Counted before the answer leaves: the next request may follow at once.
    log.send_modify(|log| log.open -= 1);
    let _ = answer(&mut line, reply).await;
}

async fn read_request(line: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
            let mut heard = Heard { head, body: String::new() };
            let length: usize = heard.header("content-length").parse().unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                heard.body = String::from_utf8(bytes[end + 4..end + 4 + length].to_vec()).ok()?;
                return Some(heard);
            }
        }
        if line.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if bytes.first() == Some(&TLS_RECORD) {
            // What plain HTTP servers say to a TLS greeting.
            line.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await.ok()?;
            return None;
        }
    }
}

fn plain(status: u16) -> String {
    format!("HTTP/1.1 {status} Word\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
}

async fn answer(line: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Status(status) => line.write_all(plain(status).as_bytes()).await,
        Reply::OnceHeard(_) => line.write_all(plain(200).as_bytes()).await,
        Reply::Redirect(to) => {
            let head =
                format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            line.write_all(head.as_bytes()).await
        }
        Reply::Endless => {
            line.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                line.write_all(&[b'x'; 16 * 1_024]).await?;
            }
        }
        Reply::Dribble => {
            line.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                line.write_all(b"x").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Reply::Silent => {
            let mut rest = Vec::new();
            line.read_to_end(&mut rest).await.map(|_| ())
        }
        Reply::HangUp => Ok(()),
        Reply::Nonsense => line.write_all(b"good day to you\r\n\r\n").await,
        Reply::CutShort => line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort").await,
    }
}
