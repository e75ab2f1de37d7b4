//! A power loss, as the disk sees it: what no completed sync covered is gone.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::Result;

use super::trace::Trace;

/// Takes from a stopped server's folder what was never synced; tells how many
/// bytes. The bank's files are left: it is another house with its own power.
pub(crate) fn cut(data: &Path, trace: &Trace) -> Result<u64> {
    let mut lost = 0;
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with("-shm") && !name.starts_with("mock_bank") {
            std::fs::remove_file(entry.path())?;
            continue;
        }
        let path = entry.path().canonicalize()?;
        let Some(stretches) = trace.unsynced.get(&path.display().to_string()) else { continue };
        if name.starts_with("mock_bank") || stretches.is_empty() {
            continue;
        }
        let file = File::options().write(true).open(&path)?;
        let size = file.metadata()?.len();
        for stretch in stretches {
            let length = stretch.length.min(size.saturating_sub(stretch.offset));
            file.write_all_at(&vec![0; usize::try_from(length)?], stretch.offset)?;
            lost += length;
        }
    }
    Ok(lost)
}

#[cfg(test)]
mod tests {
    use super::super::trace::Stretch;
    use super::*;

    #[test]
    fn only_unsynced_bytes_go_and_the_bank_keeps_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut trace = Trace::default();
        for name in ["a.db-wal", "mock_bank.db"] {
            let path = folder.path().join(name);
            std::fs::write(&path, b"abcdef").unwrap();
            let path = path.canonicalize().unwrap().display().to_string();
            trace.unsynced.insert(path, vec![Stretch { offset: 2, length: 3 }, Stretch { offset: 9, length: 9 }]);
        }
        std::fs::write(folder.path().join("a.db-shm"), b"x").unwrap();
        assert_eq!(cut(folder.path(), &trace).unwrap(), 3);
        assert_eq!(std::fs::read(folder.path().join("a.db-wal")).unwrap(), b"ab\0\0\0f");
        assert_eq!(std::fs::read(folder.path().join("mock_bank.db")).unwrap(), b"abcdef");
        assert!(!folder.path().join("a.db-shm").exists());
    }
}
