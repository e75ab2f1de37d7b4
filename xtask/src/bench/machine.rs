//! What was measured on: processor, memory, kernel, commit, disk.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::load::samples::Samples;
use crate::tidy::workspace_root;

/// Syncs of one probe.
const PROBE_COUNT: usize = 400;

/// One line about the machine and the commit.
pub(crate) fn line() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kib| (kib + 512 * 1024) / (1024 * 1024));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores ({cpu}), {memory} GiB, Linux {}; commit {}; {}", kernel.trim(), commit(), today())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(workspace_root()).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let short = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_default();
    let dirty = git(&["status", "--porcelain", "--untracked-files=no", "--", "crates", "Cargo.lock"]);
    format!("{short}{}", if dirty.is_some_and(|list| !list.is_empty()) { " with changes" } else { "" })
}

/// The date of today in UTC, by the civil-from-days algorithm.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let shifted = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// How long a 1 KB append and its fdatasync take in a folder.
pub(crate) fn sync_probe(folder: &Path) -> Result<Samples> {
    let path = folder.join("probe");
    let mut file = File::options().create(true).append(true).open(&path)?;
    let mut samples = Samples::default();
    for _ in 0..PROBE_COUNT {
        let begin = Instant::now();
        file.write_all(&[0x5a; 1024])?;
        file.sync_data()?;
        samples.push(begin.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(samples)
}
