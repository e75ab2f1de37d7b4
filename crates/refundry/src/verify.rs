//! `verify`: reads a snapshot of a store, stopped or beside a running server.

use crate::secrets::key_file;
use anyhow::Context;
use refundry_engine::verify::verify;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(data: &Path, field_key_file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let made = data.join("field.key");
    let key = key_file(field_key_file.unwrap_or(&made), false)?;
    let reader = crate::compose::open_read_only(data, key).context("the store does not open")?;
    let report = verify(&*reader).context("the store does not read")?;
    println!(
        "read {} accounts, {} transfers, {} payments, {} refunds, {} payouts, {} events, {} changes",
        report.accounts, report.transfers, report.payments, report.refunds, report.payouts, report.events, report.audit
    );
    match report.fault {
        None => {
            println!("everything adds up");
            Ok(ExitCode::SUCCESS)
        }
        Some(fault) => {
            println!("OFF: {fault}");
            Ok(ExitCode::FAILURE)
        }
    }
}
