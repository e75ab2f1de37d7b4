//! Pay-ins to refund from, and the requests that do it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::load::MakeRequest;
use crate::sandbox::{Dialect, RefundCall, Sandbox};

/// Connections that make pay-ins.
const MAKERS: usize = 16;

/// Makes settled pay-ins of one amount and tells their ids.
pub(crate) async fn pay_ins(sandbox: &Sandbox, count: usize, amount: u64) -> Result<Arc<[String]>> {
    let mut tasks = Vec::new();
    for maker in 0..MAKERS {
        let credentials = sandbox.credentials().clone();
        let mut client = sandbox.client().await?;
        let share = (count + MAKERS - 1 - maker) / MAKERS;
        tasks.push(tokio::spawn(async move {
            let mut ids = Vec::with_capacity(share);
            for _ in 0..share {
                ids.push(client.pay_in(&credentials, amount).await?);
            }
            anyhow::Ok(ids)
        }));
    }
    let mut all = Vec::with_capacity(count);
    for task in tasks {
        all.extend(task.await.context("making pay-ins")??);
    }
    Ok(all.into())
}

/// Refunds of 1, each with a key of its own, spread over the pay-ins.
pub(crate) fn creates(run: String, dialect: Dialect, payments: Arc<[String]>, host: SocketAddr) -> MakeRequest {
    Arc::new(move |connection, number, to| {
        let spread = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33).wrapping_add(connection as u64 * 7919);
        let payment = payments[usize::try_from(spread).unwrap_or(0) % payments.len()].clone();
        let call = RefundCall { key: format!("{run}-{connection}-{number}"), payment, amount: 1 };
        dialect.write(&call, host, to);
    })
}
