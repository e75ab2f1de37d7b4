//! How requests on a connection say where they end. One that says it twice,
//! by a length and by chunks, is refused: whoever stands before us may have
//! believed the other one, and what we take for a body it took for a request.
//!
//! The HTTP library drops the length silently, so it has to be seen before.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// As much of a line as is looked at: the longest is a length with its name.
const LINE_LENGTH_MAX: usize = 64;

/// A stream whose requests are watched.
#[derive(Debug)]
pub(crate) struct Watched {
    stream: TcpStream,
    scan: Scan,
    refused: bool,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, scan: Scan::default(), refused: false }
    }

    /// The stream, and whether a request on it was refused.
    pub(crate) fn into_parts(self) -> (TcpStream, bool) {
        (self.stream, self.refused)
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.refused {
            let before = to.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, to))?;
            let Some(kept) = this.scan.take(to.filled().get(before..).unwrap_or_default()) else {
                return Poll::Ready(Ok(()));
            };
            this.refused = true;
            to.set_filled(before + kept);
            if kept > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "a request has two lengths")))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Where in the stream of requests we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// Before or in the lines of a request's head.
    #[default]
    Head,
    /// So many bytes before the next head.
    Body(u64),
    /// In the line that tells a chunk's length.
    ChunkLength,
    /// So many bytes before the next chunk's length.
    Chunk(u64),
    /// After the last chunk.
    Trailers,
    /// The library will refuse this, too; nothing is looked at any more.
    Lost,
}

#[derive(Debug, Default)]
struct Scan {
    at: At,
    /// The line so far, cut off where it is too long to matter.
    line: Vec<u8>,
    /// The head has had a line.
    begun: bool,
    length: Option<u64>,
    chunked: bool,
}

impl Scan {
    /// Looks at what was read. Where a head names both lengths, gives how much
    /// of it may be passed on: what comes before that head, and its first
    /// byte, because a connection that ends between requests ends in silence.
    fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut place = 0;
        let in_head = self.at == At::Head && (self.begun || !self.line.is_empty());
        let mut passed = usize::from(!in_head);
        while let Some(rest) = bytes.get(place..).filter(|rest| !rest.is_empty()) {
            match self.at {
                At::Lost => return None,
                At::Body(left) | At::Chunk(left) => {
                    let skipped = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - u64::try_from(skipped).unwrap_or(left);
                    place += skipped;
                    passed = place + 1;
                    self.at = match (self.at, left) {
                        (At::Body(_), 0) => At::Head,
                        (At::Body(_), _) => At::Body(left),
                        (_, 0) => At::ChunkLength,
                        (_, _) => At::Chunk(left),
                    };
                }
                At::Head | At::ChunkLength | At::Trailers => {
                    let end = rest.iter().position(|byte| *byte == b'\n');
                    let piece = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
                    let room = LINE_LENGTH_MAX.saturating_sub(self.line.len());
                    self.line.extend_from_slice(piece.get(..room).unwrap_or(piece));
                    place += piece.len();
                    if end.is_some() {
                        place += 1;
                        self.end_of_line();
                        if self.length.is_some() && self.chunked {
                            return Some(passed.min(bytes.len()));
                        }
                        if self.at == At::Head && !self.begun {
                            passed = place + 1;
                        }
                    }
                }
            }
        }
        None
    }

    fn end_of_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        match self.at {
            At::Head if line.is_empty() => self.end_of_head(),
            At::Head => {
                self.begun = true;
                self.header(line);
            }
            At::ChunkLength => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                let length = std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
                self.at = match length {
                    Some(0) => At::Trailers,
                    // With the end of its last line.
                    Some(length) => At::Chunk(length.saturating_add(2)),
                    None => At::Lost,
                };
            }
            At::Trailers if line.is_empty() => self.at = At::Head,
            At::Trailers | At::Body(_) | At::Chunk(_) | At::Lost => {}
        }
    }

    fn header(&mut self, line: &[u8]) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = value.get(1..).unwrap_or_default().trim_ascii();
            // What is no number the library refuses.
            let length = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
            self.length = Some(length.unwrap_or(0));
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = true;
        }
    }

    fn end_of_head(&mut self) {
        // Empty lines before a request are allowed and say nothing.
        if !std::mem::take(&mut self.begun) {
            return;
        }
        let length = self.length.take();
        self.at = match (std::mem::take(&mut self.chunked), length) {
            (true, _) => At::ChunkLength,
            (false, Some(length)) if length > 0 => At::Body(length),
            (false, Some(_) | None) => At::Head,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nTransfer-Encoding: chunked\r\n\r\n";
    const CHUNKED: &str = "\r\nPOST / HTTP/1.1\nTransfer-Encoding: chunked\r\n\r\n1c;x=y\r\nContent-Length: 5\r\n\r\nGET / H\r\n0\r\nT: 1\r\n\r\n";
    const EMPTY: &str = "GET / HTTP/1.1\r\nhost: content-length: 5\r\n\r\n";

    /// What is kept of a text that comes in pieces of this size.
    fn kept(text: &str, piece: usize) -> Option<usize> {
        let mut scan = Scan::default();
        for (place, bytes) in text.as_bytes().chunks(piece).enumerate() {
            if let Some(kept) = scan.take(bytes) {
                return Some(place * piece + kept);
            }
        }
        None
    }

    // F-15
    #[test]
    fn two_lengths_of_one_request_are_found_and_nothing_else() {
        let before = [PLAIN, CHUNKED, EMPTY].concat().repeat(2);
        for piece in [1, 2, 3, 7, 64, 10_000] {
            assert_eq!(kept(&before, piece), None, "pieces of {piece}");
        }
        for both in [
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nhost: a\r\nCONTENT-LENGTH:5\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 0\r\nTransfer-Encoding:\tidentity\r\n\r\n",
            "POST / HTTP/1.1\ncontent-length: x\nTransfer-Encoding: chunked\n\n",
        ] {
            assert_eq!(kept(&format!("{before}{both}"), 10_000), Some(before.len() + 1), "{both}");
            for piece in [1, 2, 5, 33] {
                let kept = kept(&format!("{before}{both}"), piece).unwrap();
                assert!((before.len() + 1..before.len() + both.len()).contains(&kept), "{both} in pieces of {piece}");
            }
        }
    }
}
