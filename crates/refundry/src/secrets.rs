//! Secrets of an installation that live in files of their own, mode 0600.

use anyhow::Context;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Reads 32 bytes, hex in a file; makes them on the first start when `make`.
pub(crate) fn key_file(path: &Path, make: bool) -> anyhow::Result<[u8; 32]> {
    if !path.exists() && make {
        let mut key = [0; 32];
        refundry_engine::mint::fill_random(&mut key);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(hex::encode(key).as_bytes())?;
        file.sync_all()?;
        return Ok(key);
    }
    let text = fs::read_to_string(path).with_context(|| format!("{} does not read", path.display()))?;
    let bytes = hex::decode(text.trim()).with_context(|| format!("{} holds no hex key", path.display()))?;
    bytes.try_into().map_err(|_| anyhow::anyhow!("{} holds no key of 32 bytes", path.display()))
}
