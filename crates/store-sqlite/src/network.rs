//! Where a folder lies. The write-ahead log needs memory that all processes
//! share and locks that hold, and a file system of another machine promises
//! neither; there a store is refused (F-78).

use std::io;
use std::path::{Path, PathBuf};

/// What Linux says of every mount that a process sees.
const MOUNTS: &str = "/proc/self/mountinfo";

/// File systems of other machines, as the kernel or a user-space driver names them.
const REMOTE: [&str; 16] = [
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
];

/// Shared with the machine around a virtual one; some of them are good enough.
const DOUBTFUL: [&str; 2] = ["9p", "virtiofs"];

/// The kind of the file system that a folder lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this machine, or nobody knows.
    Here,
    /// Perhaps not.
    Doubtful(String),
    /// On another machine.
    Remote(String),
}

/// Where an existing folder lies. Systems that do not tell have it here.
pub(crate) fn place_of(folder: &Path) -> io::Result<Place> {
    let folder = folder.canonicalize()?;
    Ok(std::fs::read_to_string(MOUNTS).map_or(Place::Here, |mounts| place_among(&mounts, &folder)))
}

fn place_among(mounts: &str, folder: &Path) -> Place {
    // A later mount covers an earlier one at the same point.
    let around = mounts.lines().filter_map(mount).filter(|(point, _)| folder.starts_with(point));
    let nearest = around.max_by_key(|(point, _)| point.components().count());
    match nearest {
        Some((_, kind)) if REMOTE.contains(&kind) => Place::Remote(kind.to_owned()),
        Some((_, kind)) if DOUBTFUL.contains(&kind) => Place::Doubtful(kind.to_owned()),
        Some(_) | None => Place::Here,
    }
}

/// The mount point and kind of one line.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let point = before.split(' ').nth(4)?;
    Some((PathBuf::from(unescaped(point)), after.split(' ').next()?))
}

/// Blanks in a path are written as `\040`.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('\\');
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let code = piece.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(piece.get(3..).unwrap_or_default());
            }
            None => plain.push_str(piece),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTED: &str = "\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /srv rw - nfs4 server:/export rw,vers=4.2
31 30 8:2 / /srv/local rw master:3 propagate_from:2 - xfs /dev/sdb1 rw
32 21 0:41 / /mnt/win\\040share rw - cifs //server/share rw
33 21 0:42 / /pool rw - nfs server:/pool rw
34 21 8:3 / /pool rw - ext4 /dev/sdc1 rw
35 21 0:43 / /guest rw - 9p share rw
no mount at all
";

    #[test]
    fn the_nearest_mount_tells() {
        let remote = |kind: &str| Place::Remote(kind.to_owned());
        for (folder, place) in [
            ("/var/lib/refundry", Place::Here),
            ("/srv/refundry", remote("nfs4")),
            ("/srv", remote("nfs4")),
            ("/srvx", Place::Here),
            ("/srv/local/data", Place::Here),
            ("/mnt/win share/data", remote("cifs")),
            ("/pool/data", Place::Here),
            ("/guest/data", Place::Doubtful("9p".to_owned())),
        ] {
            assert_eq!(place_among(MOUNTED, Path::new(folder)), place, "{folder}");
        }
        assert_eq!(place_among("", Path::new("/data")), Place::Here);
    }

    #[test]
    fn a_folder_of_a_test_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!matches!(place_of(folder.path()).unwrap(), Place::Remote(_)));
        assert!(place_of(&folder.path().join("nothing")).is_err());
    }
}
