//! The send and what the rail says of it.

use super::ask::{Answer, Choice, Lack, News, Try};
use super::{APPROVAL_SECONDS, Model};

impl Model {
    pub(super) fn begin(&mut self, refund: usize) -> bool {
        let (overdue, available) = (self.overdue(refund), self.available);
        let line = &mut self.lines[refund];
        if line.word == "submitted" && line.tries.last() == Some(&Try::Due) {
            // What was sent before does not fail by itself: a person looks.
            line.blocked |= self.payment == "reversed";
            if !line.blocked {
                *line.tries.last_mut().expect("there is one") = Try::Sending;
            }
            return true;
        }
        if line.word != "ready" {
            return true;
        }
        if overdue {
            self.end(refund, "expired");
            return true;
        }
        if line.approved_until.is_some_and(|until| until <= self.now) {
            line.approved = false;
            line.approved_until = Some(self.now + APPROVAL_SECONDS);
            line.word = "awaiting_approval";
            return true;
        }
        if !line.was_reserved {
            if line.total() > available {
                if line.wish.shortage == Lack::Wait {
                    line.lacks = true;
                    line.word = "awaiting_funds";
                } else {
                    self.end(refund, "failed");
                }
                return true;
            }
            self.set_aside(refund);
        }
        let line = &mut self.lines[refund];
        line.word = "submitted";
        line.tries.push(Try::Sending);
        true
    }

    pub(super) fn answer(&mut self, refund: usize, answer: Answer) -> bool {
        let Some(newest) = self.lines[refund].tries.last().copied() else { return false };
        if matches!(newest, Try::Sending | Try::Unknown) {
            let attempt = self.lines[refund].tries.len() - 1;
            match answer {
                Answer::Accepted => self.lines[refund].tries[attempt] = Try::Accepted,
                Answer::Rejected => self.tried(refund, attempt, Try::Rejected),
                Answer::Unknown => self.lines[refund].tries[attempt] = Try::Unknown,
            }
        }
        true
    }

    pub(super) fn report(&mut self, refund: usize, attempt: usize, evidence: u8, news: News) -> bool {
        let line = &mut self.lines[refund];
        // What was never sent has no name that a report could give.
        let Some(stands) = line.tries.get(attempt).copied().filter(|stands| *stands != Try::Due) else { return false };
        if line.heard.contains(&evidence) {
            return true;
        }
        line.heard.push(evidence);
        match news {
            News::Accepted if stands.is_under_way() => line.tries[attempt] = Try::Accepted,
            News::Executed if stands.is_under_way() => self.executed(refund, attempt),
            News::Rejected | News::Lapsed if stands.is_under_way() => self.tried(refund, attempt, Try::Rejected),
            News::Withdrawn if stands.is_under_way() => self.tried(refund, attempt, Try::Withdrawn),
            News::Returned { back: _ } if stands.is_under_way() || stands == Try::Executed => {
                if stands.is_under_way() {
                    self.executed(refund, attempt);
                }
                let line = &mut self.lines[refund];
                line.tries[attempt] = Try::Returned;
                line.word = "returned";
                // The banks' charges are the operator's: the whole amount is back.
                self.available += if line.wish.consent { 0 } else { line.wish.amount };
            }
            // Anything else contradicts what is known: a case, and no change.
            News::Accepted
            | News::Executed
            | News::Rejected
            | News::Returned { .. }
            | News::Withdrawn
            | News::Lapsed => {}
        }
        true
    }

    fn executed(&mut self, refund: usize, attempt: usize) {
        let line = &mut self.lines[refund];
        line.tries[attempt] = Try::Executed;
        line.word = "settled";
        line.reserved = 0;
    }

    /// An attempt ended without money. All attempts before it did, too.
    fn tried(&mut self, refund: usize, attempt: usize, end: Try) {
        self.lines[refund].tries[attempt] = end;
        let expired = self.lines[refund].withdrawal == Some(true);
        let word = if end == Try::Withdrawn && !expired { "cancelled" } else { "failed" };
        self.end(refund, word);
    }

    pub(super) fn absent(&mut self, refund: usize) -> bool {
        let line = &mut self.lines[refund];
        let provable = line.word == "submitted" && line.tries.last() == Some(&Try::Unknown);
        if provable {
            *line.tries.last_mut().expect("there is one") = Try::Absent;
        }
        provable
    }

    pub(super) fn decide_absent(&mut self, refund: usize, choice: Choice) -> bool {
        let line = &mut self.lines[refund];
        if line.word != "submitted" || line.tries.last() != Some(&Try::Absent) {
            return false;
        }
        match choice {
            Choice::Again => line.tries.push(Try::Due),
            Choice::Fail => self.end(refund, "failed"),
            Choice::Cancel => self.end(refund, "cancelled"),
        }
        true
    }
}
