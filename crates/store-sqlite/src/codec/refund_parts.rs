//! The parts of a refund's record.

use super::parts::{
    put_hash, put_span_option, put_time, put_time_option, take_hash, take_span_option, take_time, take_time_option,
};
use refundry_domain::approval::{Approval, ApprovalPolicy, Decision, DecisionNote};
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::deadline::{Deadlines, Limits, Pace};
use refundry_domain::event::{decode_actor, decode_failure, encode_actor, encode_bank_code};
use refundry_domain::id::{AccountId, MandateId, PersonId};
use refundry_domain::party::CreditorSource;
use refundry_domain::reference::Tag;
use refundry_domain::refund::{Authorisation, Block, BlockCode, Funding, Reservation, ReserveAt, Shortage, Withdrawal};
use refundry_domain::time::Span;
use std::sync::Arc;

macro_rules! numbered {
    ($number:ident, $of:ident, $type:ident { $($variant:ident = $value:literal),+ $(,)? }) => {
        pub(crate) fn $number(value: $type) -> u8 {
            match value { $($type::$variant => $value),+ }
        }

        pub(crate) fn $of(number: u8) -> Result<$type, Malformed> {
            match number { $($value => Ok($type::$variant),)+ _ => Err(Malformed) }
        }
    };
}

numbered!(tag_number, tag_of, Tag { Ref = 0, Key = 1, Ui = 2, File = 3, Auto = 4 });
numbered!(shortage_number, shortage_of, Shortage { Refuse = 0, Fail = 1, Wait = 2 });
numbered!(reserve_number, reserve_of, ReserveAt { Creation = 0, Send = 1 });
numbered!(reservation_number, reservation_of, Reservation { None = 0, Pending = 1, Posted = 2, Voided = 3 });
numbered!(source_number, source_of, CreditorSource {
    PayerAccount = 0,
    MerchantSupplied = 1,
    CustomerSupplied = 2,
    OperatorOverride = 3,
});

pub(crate) fn put_funding(to: &mut Encoder, funding: &Funding) {
    match funding {
        Funding::Held { account } => to.byte(0).id(account.0),
        Funding::Mandate { mandate, debtor_account } => to.byte(1).id(mandate.0).option(*debtor_account, |to, id| {
            to.id(id.0);
        }),
        Funding::MerchantAuthorised => to.byte(2),
    };
}

pub(crate) fn take_funding(from: &mut Decoder<'_>) -> Result<Funding, Malformed> {
    Ok(match from.byte()? {
        0 => Funding::Held { account: AccountId(from.id()?) },
        1 => Funding::Mandate {
            mandate: MandateId(from.id()?),
            debtor_account: from.option(Decoder::id)?.map(AccountId),
        },
        2 => Funding::MerchantAuthorised,
        _ => return Err(Malformed),
    })
}

pub(crate) fn put_approval(to: &mut Encoder, approval: &Approval) {
    to.byte(approval.policy.required).number(approval.policy.valid_for.0);
    to.number(u64::from(approval.policy.version));
    to.option(approval.maker, |to, id| {
        to.id(id.0);
    });
    to.list(&approval.decisions, |to, decision| {
        to.id(decision.by.0);
        put_time(to, decision.at);
    });
    put_hash(to, &approval.content);
    put_time(to, approval.valid_until);
}

pub(crate) fn take_approval(from: &mut Decoder<'_>) -> Result<Approval, Malformed> {
    Ok(Approval {
        policy: ApprovalPolicy {
            required: from.byte()?,
            valid_for: Span(from.number()?),
            version: u32::try_from(from.number()?).map_err(|_| Malformed)?,
        },
        maker: from.option(Decoder::id)?.map(PersonId),
        decisions: from.list(|from| Ok(Decision { by: PersonId(from.id()?), at: take_time(from)? }))?,
        notes: Vec::new(),
        content: take_hash(from)?,
        valid_until: take_time(from)?,
    })
}

/// A note is sealed: it stands in the record's other part.
pub(crate) fn put_note(to: &mut Encoder, note: &DecisionNote) {
    to.id(note.by.0).text(&note.text);
}

pub(crate) fn take_note(from: &mut Decoder<'_>) -> Result<DecisionNote, Malformed> {
    Ok(DecisionNote { by: PersonId(from.id()?), text: Arc::from(from.text()?) })
}

pub(crate) fn put_authorisation(to: &mut Encoder, authorisation: Authorisation) {
    match authorisation {
        Authorisation::NotNeeded => {
            to.byte(0);
        }
        Authorisation::Needed => {
            to.byte(1);
        }
        Authorisation::Given { at } => {
            to.byte(2);
            put_time(to, at);
        }
    }
}

pub(crate) fn take_authorisation(from: &mut Decoder<'_>) -> Result<Authorisation, Malformed> {
    Ok(match from.byte()? {
        0 => Authorisation::NotNeeded,
        1 => Authorisation::Needed,
        2 => Authorisation::Given { at: take_time(from)? },
        _ => return Err(Malformed),
    })
}

pub(crate) fn put_block(to: &mut Encoder, block: &Block) {
    to.byte(block.code.number());
    encode_actor(to, &block.by);
    put_time(to, block.at);
    put_time_option(to, block.lifted_at);
}

pub(crate) fn take_block(from: &mut Decoder<'_>) -> Result<Block, Malformed> {
    Ok(Block {
        code: BlockCode::from_number(from.byte()?).ok_or(Malformed)?,
        by: decode_actor(from)?,
        at: take_time(from)?,
        lifted_at: take_time_option(from)?,
    })
}

pub(crate) fn put_attempt(to: &mut Encoder, attempt: &Attempt) {
    to.byte(attempt.number);
    match attempt.state {
        AttemptState::Due => to.byte(0),
        AttemptState::Sending { epoch, lease_until } => to.byte(1).number(epoch).signed(lease_until.0),
        AttemptState::Unknown { since, inquire_at, inquiries } => {
            to.byte(2).signed(since.0).signed(inquire_at.0).number(u64::from(inquiries))
        }
        AttemptState::Accepted { since } => to.byte(3).signed(since.0),
        AttemptState::Executed => to.byte(4),
        AttemptState::Rejected { failure } => {
            to.byte(5).byte(failure.kind.number());
            encode_bank_code(to, failure.bank_code)
        }
        AttemptState::Absent => to.byte(6),
        AttemptState::Withdrawn => to.byte(7),
        AttemptState::Returned => to.byte(8),
    };
    put_time_option(to, attempt.sent_at);
}

pub(crate) fn take_attempt(from: &mut Decoder<'_>) -> Result<Attempt, Malformed> {
    let number = from.byte()?;
    let state = match from.byte()? {
        0 => AttemptState::Due,
        1 => AttemptState::Sending { epoch: from.number()?, lease_until: take_time(from)? },
        2 => AttemptState::Unknown {
            since: take_time(from)?,
            inquire_at: take_time(from)?,
            inquiries: u16::try_from(from.number()?).map_err(|_| Malformed)?,
        },
        3 => AttemptState::Accepted { since: take_time(from)? },
        4 => AttemptState::Executed,
        5 => AttemptState::Rejected { failure: decode_failure(from)? },
        6 => AttemptState::Absent,
        7 => AttemptState::Withdrawn,
        8 => AttemptState::Returned,
        _ => return Err(Malformed),
    };
    Ok(Attempt { number, state, sent_at: take_time_option(from)? })
}

pub(crate) fn put_withdrawal(to: &mut Encoder, withdrawal: Withdrawal) {
    put_time(to, withdrawal.asked_at);
    to.byte(u8::from(withdrawal.because_expired)).byte(u8::from(withdrawal.passed_on));
}

pub(crate) fn take_withdrawal(from: &mut Decoder<'_>) -> Result<Withdrawal, Malformed> {
    Ok(Withdrawal { asked_at: take_time(from)?, because_expired: from.flag()?, passed_on: from.flag()? })
}

/// Written at the end of records of [`super::FORM_PACED`] alone.
pub(crate) fn put_pace(to: &mut Encoder, pace: Pace) {
    to.number(pace.rest.0).number(pace.overdue_after.0);
}

pub(crate) fn take_pace(from: &mut Decoder<'_>) -> Result<Pace, Malformed> {
    Ok(Pace { rest: Span(from.number()?), overdue_after: Span(from.number()?) })
}

pub(crate) fn put_deadlines(to: &mut Encoder, deadlines: &Deadlines) {
    let Limits { overall, details, approval, funds, authorisation, pace: _ } = deadlines.limits;
    to.number(overall.0);
    for span in [details, approval, funds, authorisation] {
        put_span_option(to, span);
    }
    put_time(to, deadlines.overall_at);
    put_time_option(to, deadlines.gate_at);
}

pub(crate) fn take_deadlines(from: &mut Decoder<'_>) -> Result<Deadlines, Malformed> {
    Ok(Deadlines {
        limits: Limits {
            overall: Span(from.number()?),
            details: take_span_option(from)?,
            approval: take_span_option(from)?,
            funds: take_span_option(from)?,
            authorisation: take_span_option(from)?,
            pace: Pace::default(),
        },
        overall_at: take_time(from)?,
        gate_at: take_time_option(from)?,
    })
}
