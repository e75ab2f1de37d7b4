//! What strace saw of a server's files: writes, and the syncs that made them
//! last.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Words before the server that make strace write what [`Trace::read`] reads.
pub(crate) fn wrapper(to: &Path) -> Vec<String> {
    let calls = "trace=fdatasync,fsync,write,pwrite64,lseek,ftruncate";
    let words = ["strace", "-f", "-y", "-ttt", "-T", "-s", "0", "-e", calls, "-o"];
    words.into_iter().map(str::to_owned).chain([to.display().to_string()]).collect()
}

/// One completed sync: when it began and ended, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sync {
    pub(crate) begin: f64,
    pub(crate) end: f64,
}

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) syncs: Vec<Sync>,
    /// By path: what was written after the last completed sync had begun.
    pub(crate) unsynced: BTreeMap<String, Vec<Stretch>>,
    positions: BTreeMap<String, u64>,
    /// By thread: a sync under way and how many stretches it covers.
    running: BTreeMap<String, (f64, String, usize)>,
}

/// One line taken apart.
struct Line<'a> {
    thread: &'a str,
    at: f64,
    call: &'a str,
    rest: &'a str,
}

impl Trace {
    /// Reads a whole output of strace.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(text: &str) -> Self {
        let mut trace = Self::default();
        for line in text.lines().filter_map(Line::parse) {
            match line.call {
                "fdatasync" | "fsync" => trace.sync(&line),
                "write" | "pwrite64" => trace.write(&line),
                "lseek" => trace.seek(&line),
                _ => {}
            }
        }
        trace
    }

    fn sync(&mut self, line: &Line<'_>) {
        if line.rest.starts_with("resumed") {
            if let Some((begin, path, covered)) = self.running.remove(line.thread)
                && line.result() == Some(0)
            {
                self.synced(begin, line.at, &path, covered);
            }
            return;
        }
        let Some(path) = line.path() else { return };
        let covered = self.unsynced.get(path).map_or(0, Vec::len);
        if line.rest.contains("<unfinished") {
            self.running.insert(line.thread.to_owned(), (line.at, path.to_owned(), covered));
        } else if line.result() == Some(0) {
            let path = path.to_owned();
            self.synced(line.at, line.at + line.took().unwrap_or(0.0), &path, covered);
        }
    }

    fn synced(&mut self, begin: f64, end: f64, path: &str, covered: usize) {
        self.syncs.push(Sync { begin, end });
        if let Some(stretches) = self.unsynced.get_mut(path) {
            stretches.drain(..covered.min(stretches.len()));
        }
    }

    /// A write counts from its first line: it may have reached the file.
    fn write(&mut self, line: &Line<'_>) {
        let Some(path) = line.path() else { return };
        let Some(numbers) = line.numbers() else { return };
        let stretch = match (line.call, &numbers[..]) {
            ("pwrite64", [length, offset, ..]) => Stretch { offset: *offset, length: *length },
            ("write", [length, ..]) => {
                let position = self.positions.entry(path.to_owned()).or_default();
                let stretch = Stretch { offset: *position, length: *length };
                *position += length;
                stretch
            }
            _ => return,
        };
        self.unsynced.entry(path.to_owned()).or_default().push(stretch);
    }

    fn seek(&mut self, line: &Line<'_>) {
        if let (Some(path), Some(position)) = (line.path(), line.result()) {
            self.positions.insert(path.to_owned(), position.unsigned_abs());
        }
    }
}

impl<'a> Line<'a> {
    /// `PID SECONDS call(…` or `PID SECONDS <... call resumed>…`.
    fn parse(line: &'a str) -> Option<Self> {
        let (thread, rest) = line.split_once(' ')?;
        let (at, rest) = rest.trim_start().split_once(' ')?;
        let at = at.parse().ok()?;
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let (call, rest) = resumed.split_once(' ')?;
            return Some(Self { thread, at, call, rest });
        }
        let (call, rest) = rest.split_once('(')?;
        Some(Self { thread, at, call, rest })
    }

    /// The path that `-y` prints behind the descriptor.
    fn path(&self) -> Option<&'a str> {
        let (descriptor, rest) = self.rest.split_once('<')?;
        if descriptor.is_empty() || !descriptor.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        rest.split_once('>').map(|(path, _)| path).filter(|path| path.starts_with('/'))
    }

    /// The numbers behind the data: length, and offset where there is one.
    fn numbers(&self) -> Option<Vec<u64>> {
        let (_, rest) = self.rest.split_once("\", ").or_else(|| self.rest.split_once("\"..., "))?;
        let arguments = rest.split([')', '<']).next()?;
        arguments.split(',').map(|number| number.trim().parse().ok()).collect()
    }

    /// The result behind the last `= `.
    fn result(&self) -> Option<i64> {
        self.rest.rsplit_once("= ")?.1.split_whitespace().next()?.parse().ok()
    }

    /// The time that `-T` prints at the end.
    fn took(&self) -> Option<f64> {
        self.rest.rsplit_once('<')?.1.strip_suffix('>')?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAL: &str = "/d/x.db-wal";

    #[test]
    fn syncs_cover_what_was_written_before_them() {
        let trace = Trace::parse(
            "10 1.0 pwrite64(7</d/x.db-wal>, \"\"..., 24, 32) = 24 <0.000010>\n\
             10 1.1 pwrite64(7</d/x.db-wal>, \"\"..., 4096, 56) = 4096 <0.000010>\n\
             10 1.2 fdatasync(7</d/x.db-wal>) = 0 <0.500000>\n\
             10 1.8 pwrite64(7</d/x.db-wal>, \"\"..., 24, 4152) = 24 <0.000010>\n\
             10 1.9 write(3</d/y>, \"\"..., 5) = 5 <0.000010>\n",
        );
        assert_eq!(trace.syncs, vec![Sync { begin: 1.2, end: 1.7 }]);
        assert_eq!(trace.unsynced[WAL], vec![Stretch { offset: 4152, length: 24 }]);
        assert_eq!(trace.unsynced["/d/y"], vec![Stretch { offset: 0, length: 5 }]);
    }

    #[test]
    fn a_sync_cut_in_two_lines_covers_what_came_before_its_beginning() {
        let trace = Trace::parse(
            "10 1.0 pwrite64(7</d/x.db-wal>, \"\"..., 8, 0) = 8 <0.000010>\n\
             10 1.1 fdatasync(7</d/x.db-wal> <unfinished ...>\n\
             11 1.2 pwrite64(7</d/x.db-wal>, \"\"..., 8, 8) = 8 <0.000010>\n\
             10 1.3 <... fdatasync resumed>) = 0 <0.200000>\n\
             10 1.4 fdatasync(7</d/x.db-wal> <unfinished ...>\n",
        );
        assert_eq!(trace.syncs.len(), 1);
        assert_eq!(trace.unsynced[WAL], vec![Stretch { offset: 8, length: 8 }]);
    }

    #[test]
    fn seeks_and_failed_syncs() {
        let trace = Trace::parse(
            "10 1.0 lseek(7</d/x.db-wal>, 100, SEEK_SET) = 100 <0.000010>\n\
             10 1.1 write(7</d/x.db-wal>, \"\"..., 8 <unfinished ...>\n\
             10 1.2 fdatasync(7</d/x.db-wal>) = -1 EIO (Input/output error) <0.000010>\n",
        );
        assert_eq!(trace.syncs, vec![]);
        assert_eq!(trace.unsynced[WAL], vec![Stretch { offset: 100, length: 8 }]);
    }
}
