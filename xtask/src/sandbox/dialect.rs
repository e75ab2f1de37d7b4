//! How a refund is asked for in each dialect that the tools drive.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::{Value, json};

use super::Credentials;
use crate::load::connection::Request;

/// One way to ask.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub(crate) name: &'static str,
    pub(crate) authorization: String,
    refunds: &'static str,
    /// The paying account, where the dialect wants it named.
    account: Option<String>,
}

/// One refund to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefundCall {
    pub(crate) key: String,
    pub(crate) payment: String,
    pub(crate) amount: u64,
}

impl Dialect {
    pub(crate) fn native(credentials: &Credentials) -> Result<Self> {
        let authorization = credentials.native()?;
        Ok(Self { name: "native", authorization, refunds: "/v1/refunds", account: None })
    }

    pub(crate) fn banked(credentials: &Credentials) -> Result<Self> {
        let account = Some(credentials.member("/banked/bank_account_id")?.to_owned());
        Ok(Self { name: "banked_v3", authorization: credentials.basic()?, refunds: "/v3/refunds", account })
    }

    /// Both.
    pub(crate) fn all(credentials: &Credentials) -> Result<Vec<Self>> {
        Ok(vec![Self::native(credentials)?, Self::banked(credentials)?])
    }

    pub(crate) fn refund_path(&self, id: &str) -> String {
        format!("{}/{id}", self.refunds)
    }

    /// The bytes of a request for a refund.
    pub(crate) fn write(&self, call: &RefundCall, host: SocketAddr, to: &mut Vec<u8>) {
        let body = self.body(call);
        self.request(call, &body).write(host, to);
    }

    /// The request whose body was made by [`Self::body`].
    pub(crate) fn request<'a>(&'a self, call: &'a RefundCall, body: &'a str) -> Request<'a> {
        Request {
            method: "POST",
            path: self.refunds,
            authorization: Some(&self.authorization),
            idempotency_key: Some(&call.key),
            body: Some(body),
        }
    }

    pub(crate) fn body(&self, call: &RefundCall) -> String {
        let RefundCall { payment, amount, .. } = call;
        match &self.account {
            None => format!(r#"{{"payment_id":"{payment}","amount":{amount}}}"#),
            Some(account) => format!(
                r#"{{"amount":{amount},"original_payin_information":{{"id":"{payment}"}},"processing_method":{{"method_type":"ACCOUNT_TO_ACCOUNT","debtor_account":{{"account_type":"BANKED_BANK_ACCOUNT_ENTITY","bank_account_id":"{account}"}}}}}}"#
            ),
        }
    }

    /// What of a refund's body never changes: id, amount, currency, payment, creation.
    pub(crate) fn fixed(&self, body: &Value) -> Value {
        let payment = match self.account {
            None => body["payment_id"].clone(),
            Some(_) => body["original_payin_information"].clone(),
        };
        json!([body["id"], body["amount"], body["currency"], body["created_at"], payment])
    }

    /// The money is with the creditor.
    pub(crate) fn is_settled(&self, body: &Value) -> bool {
        match self.account {
            None => body["status"] == "settled",
            Some(_) => body["status_details"]["status"] == "SENT",
        }
    }
}
