//! Letters with details links. What went out is written down with the refund,
//! so that a restart sends nothing twice that it knows of.

use crate::banked::App;
use crate::banked::checkout::{ATTEMPT_COUNT_MAX, execute, merchant_name, merchants};
use crate::banked_v2::extension::{Payer, RefundExtension, SessionExtension};
use crate::banked_v2::sessions::links;
use crate::banked_v2::wire;
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::refund::Refund;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::envelope::{Envelope, Unavailable};
use refundry_engine::hosted::{Letter, LetterRefused, LettersSent, NotRenewed};
use refundry_engine::store::{PageRequest, RefundFilter};
use std::sync::Arc;

/// The native word of what waits.
const WAITING: &str = "awaiting_details";
/// In which so many letters may go.
const DAY: Span = Span::days(1);
/// Rows of a page.
const PAGE_LENGTH: usize = 500;

pub(super) async fn waiting(app: &App) -> Result<Vec<(MerchantId, RefundId)>, Unavailable> {
    let whose = merchants(app);
    let found = app.host.engine.read(move |reader| {
        let filter = RefundFilter { states: vec![WAITING.to_owned()], ..RefundFilter::default() };
        let mut waiting = Vec::new();
        for merchant in whose {
            let mut before = None;
            loop {
                let page = reader.refunds(merchant, &filter, PageRequest { limit: PAGE_LENGTH, before })?;
                before = page.last().map(|refund| refund.id);
                let full = page.len() == PAGE_LENGTH;
                waiting.extend(page.into_iter().map(|refund| (merchant, refund.id)));
                if !full {
                    break;
                }
            }
        }
        Ok(waiting)
    });
    found.await
}

/// A refund that waits for details, with what we keep of it.
async fn find(app: &App, merchant: MerchantId, id: RefundId) -> Result<Option<(Refund, RefundExtension)>, Unavailable> {
    let found = app.host.engine.read(move |reader| reader.refund(merchant, id)).await?;
    let now = app.host.engine.now();
    Ok(found.and_then(|refund| {
        let extension = RefundExtension::own(&refund)?;
        wire::good_link(&refund, extension.renewals, now)?;
        Some((refund, extension))
    }))
}

/// Who paid what a refund gives back, in the merchant's words.
async fn payer_of(app: &App, refund: &Refund) -> Result<Option<Payer>, Unavailable> {
    let (merchant, payment) = (refund.merchant, refund.payment);
    let payment = app.host.engine.read(move |reader| reader.payment(merchant, payment)).await?;
    Ok(payment.and_then(|payment| SessionExtension::of(&payment)?.payer))
}

pub(super) async fn log(app: &App, merchant: MerchantId, id: RefundId) -> Result<Option<LettersSent>, Unavailable> {
    let Some((refund, extension)) = find(app, merchant, id).await? else { return Ok(None) };
    let has_address = payer_of(app, &refund).await?.is_some_and(|payer| payer.email.is_some());
    Ok(Some(LettersSent { has_address, sent: extension.letters, refused: extension.refused }))
}

pub(super) async fn next(app: &App, merchant: MerchantId, id: RefundId) -> Result<Option<Letter>, Unavailable> {
    let Some((refund, extension)) = find(app, merchant, id).await? else { return Ok(None) };
    // A reminder would go the way of the letter that was refused for good.
    if extension.refused.is_some() {
        return Ok(None);
    }
    let payer = payer_of(app, &refund).await?;
    let until = refund.deadlines.earliest();
    let due_at = due_at(app, &refund, &extension).filter(|due_at| *due_at < until);
    let (Some(payer), Some(due_at)) = (payer, due_at) else { return Ok(None) };
    let Some(to) = payer.email else { return Ok(None) };
    Ok(Some(Letter {
        merchant,
        merchant_name: merchant_name(app, merchant),
        refund: id,
        to,
        to_name: payer.name,
        amount: refund.amount,
        remittance: refund.remittance.as_deref().map(str::to_owned),
        url: links(app).details_url(id, Some(extension.renewals)),
        until,
        due_at,
    }))
}

/// When the next letter should go: the first of a link at once, then those of
/// the days that the settings name; never more in a day than may.
fn due_at(app: &App, refund: &Refund, extension: &RefundExtension) -> Option<Timestamp> {
    let wanted = match extension.letters.last() {
        _ if extension.letters_of_link == 0 => Some(refund.created_at),
        None => None,
        Some(latest) => {
            app.config.details_reminders.iter().map(|after| refund.created_at.plus(*after)).find(|at| at > latest)
        }
    };
    // As many letters back as may go in a day; after that one's day the next may.
    let back = extension.letters.len().checked_sub(per_day(app));
    let free_at = back.and_then(|place| extension.letters.get(place)).map(|at| at.plus(DAY));
    wanted.map(|wanted| free_at.map_or(wanted, |free_at| wanted.max(free_at)))
}

/// How many letters about one refund may go in a day.
fn per_day(app: &App) -> usize {
    usize::try_from(app.config.details_mails_per_day).unwrap_or(usize::MAX)
}

/// Writes something down with a refund that waits; false when it does not.
async fn write(
    app: &App,
    merchant: MerchantId,
    id: RefundId,
    change: impl Fn(RefundExtension, Timestamp) -> Result<RefundExtension, NotRenewed>,
) -> Result<Result<(), NotRenewed>, Unavailable> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let Some((refund, extension)) = find(app, merchant, id).await? else {
            return Ok(Err(NotRenewed::NotWaiting));
        };
        let after = match change(extension, app.host.engine.now()) {
            Ok(after) => after,
            Err(refused) => return Ok(Err(refused)),
        };
        let before = Arc::clone(&refund.extension);
        let command = Command::AnnotateRefund { refund: id, before, extension: after.encode() };
        if execute(app, Envelope::command(merchant, Actor::Engine, command)).await?.is_ok() {
            return Ok(Ok(()));
        }
    }
    Err(Unavailable::Overloaded)
}

pub(super) async fn sent(app: &App, merchant: MerchantId, id: RefundId) -> Result<(), Unavailable> {
    let note = |mut extension: RefundExtension, now| {
        extension.letters.push(now);
        extension.letters_of_link += 1;
        Ok(extension)
    };
    // A refund that waits no more needs no note.
    write(app, merchant, id, note).await.map(drop)
}

/// Writes down that the letter with the link that is good now never arrives.
pub(super) async fn refused(app: &App, merchant: MerchantId, id: RefundId, code: u16) -> Result<(), Unavailable> {
    let note = |mut extension: RefundExtension, at| {
        extension.refused = Some(LetterRefused { code, at });
        Ok(extension)
    };
    write(app, merchant, id, note).await.map(drop)
}

pub(super) async fn renew(
    app: &App,
    merchant: MerchantId,
    id: RefundId,
) -> Result<Result<(), NotRenewed>, Unavailable> {
    let most = per_day(app);
    let renewed = move |mut extension: RefundExtension, now: Timestamp| {
        let day_ago = now.minus(DAY);
        if extension.letters.iter().filter(|at| **at > day_ago).count() >= most {
            return Err(NotRenewed::TooManyLetters);
        }
        extension.renewals += 1;
        extension.letters_of_link = 0;
        extension.refused = None;
        Ok(extension)
    };
    write(app, merchant, id, renewed).await
}

pub(super) async fn url(app: &App, merchant: MerchantId, id: RefundId) -> Result<Option<String>, Unavailable> {
    let found = find(app, merchant, id).await?;
    Ok(found.map(|(refund, extension)| links(app).details_url(refund.id, Some(extension.renewals))))
}
