//! A naive model of one payment and its refunds: plain numbers and words, no
//! line shared with the core. The property tests let both hear the same
//! commands and compare what they say.

mod ask;
mod attempts;

pub use ask::{Answer, Ask, Choice, Lack, News, Try, Wish};

/// How far a command of the tests moves the clock, seconds.
pub const STEP_SECONDS: u64 = 10;
/// Overall time of a refund, seconds.
const REFUND_SECONDS: u64 = 30 * 86_400;
/// How long an approval is good, seconds.
pub const APPROVAL_SECONDS: u64 = 7 * 86_400;

/// A refund, as somebody with a pencil would keep it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "see the core's refund")]
pub struct Line {
    pub wish: Wish,
    /// The word of the native API.
    pub word: &'static str,
    pub tries: Vec<Try>,
    /// What is set aside in the wallet now.
    pub reserved: u64,
    created: u64,
    details: bool,
    approved_until: Option<u64>,
    approved: bool,
    consented: bool,
    lacks: bool,
    was_reserved: bool,
    withdrawal: Option<bool>,
    heard: Vec<u8>,
    blocked: bool,
}

impl Line {
    fn total(&self) -> u64 {
        if self.wish.consent { 0 } else { self.wish.amount + self.wish.fee }
    }

    fn is_waiting(&self) -> bool {
        self.word.starts_with("awaiting") || self.word == "ready"
    }

    /// It takes or may yet take money from its payment.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_waiting() || self.word == "submitted" || self.word == "settled"
    }
}

/// The payment and its wallet.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "see the core's payment")]
pub struct Model {
    pub now: u64,
    pub payment: &'static str,
    pub claimable: u64,
    pub reversed: u64,
    /// What may still be spent from the wallet.
    pub available: u64,
    pub lines: Vec<Line>,
    /// The payer's account is known.
    pub debtor_known: bool,
}

impl Model {
    /// An authorised payment of this amount and an empty wallet.
    #[must_use]
    pub fn new(amount: u64, debtor_known: bool) -> Self {
        Self {
            now: 0,
            payment: "authorised",
            claimable: amount,
            reversed: 0,
            available: 0,
            lines: Vec::new(),
            debtor_known,
        }
    }

    /// The sum of the live refunds.
    #[must_use]
    pub fn claimed(&self) -> u64 {
        self.lines.iter().filter(|line| line.is_live()).map(|line| line.wish.amount).sum()
    }

    /// What a command may still claim.
    #[must_use]
    pub fn refundable(&self) -> u64 {
        self.claimable.saturating_sub(self.reversed).saturating_sub(self.claimed())
    }

    fn credited(&self) -> bool {
        matches!(self.payment, "settled" | "reversed")
    }

    /// Hears a command; true when it is not refused.
    pub fn hear(&mut self, ask: Ask) -> bool {
        self.now += STEP_SECONDS;
        match ask {
            Ask::Request(wish) => self.request(wish),
            Ask::GiveDetails { refund } => self.give_details(refund),
            Ask::Approve { refund } => self.decide(refund, true),
            Ask::Reject { refund } => self.decide(refund, false),
            Ask::Authorise { refund } => self.consent(refund, true),
            Ask::Decline { refund } => self.consent(refund, false),
            Ask::Cancel { refund } => self.cancel(refund),
            Ask::External { refund } => {
                let waiting = self.lines[refund].is_waiting();
                if waiting {
                    self.end(refund, "settled");
                }
                waiting
            }
            Ask::Begin { refund } => self.begin(refund),
            Ask::Answer { refund, answer } => self.answer(refund, answer),
            Ask::Report { refund, attempt, evidence, news } => self.report(refund, attempt, evidence, news),
            Ask::Inquiry { refund: _ } => true,
            Ask::Absent { refund } => self.absent(refund),
            Ask::DecideAbsent { refund, choice } => self.decide_absent(refund, choice),
            Ask::Tick { refund } => self.tick(refund),
            Ask::Wait { days } => {
                self.now += days * 86_400;
                true
            }
            Ask::Execute => self.execute(),
            Ask::Settle { credited } => self.settle(credited),
            Ask::Fail => self.fail(),
            Ask::Reverse { amount } => self.reverse(amount),
            Ask::Balance { available } => {
                self.available = available;
                true
            }
        }
    }

    fn request(&mut self, wish: Wish) -> bool {
        let arrives = matches!(self.payment, "authorised" | "executed") && wish.wait_for_settlement;
        let recalled = self.payment == "reversed";
        if recalled || !(self.payment == "settled" || arrives) {
            return false;
        }
        if wish.amount == 0 || wish.amount > self.refundable() {
            return false;
        }
        let line = Line {
            wish,
            word: "ready",
            tries: Vec::new(),
            reserved: 0,
            created: self.now,
            details: self.debtor_known,
            approved_until: wish.approval.then_some(self.now + APPROVAL_SECONDS),
            approved: !wish.approval,
            consented: !wish.consent,
            lacks: false,
            was_reserved: false,
            withdrawal: None,
            heard: Vec::new(),
            blocked: false,
        };
        let short = self.credited() && !wish.reserve_at_send && self.available < line.total();
        if short && wish.shortage == Lack::Refuse {
            return false;
        }
        self.lines.push(line);
        self.go_on(self.lines.len() - 1);
        true
    }

    /// To the first gate that is not met, setting money aside on the way.
    fn go_on(&mut self, refund: usize) {
        let (credited, available) = (self.credited(), self.available);
        let line = &mut self.lines[refund];
        if credited && !line.wish.reserve_at_send && !line.was_reserved {
            if line.total() <= available {
                line.lacks = false;
                self.set_aside(refund);
            } else if line.wish.shortage == Lack::Wait {
                line.lacks = true;
            } else {
                return self.end(refund, "failed");
            }
        }
        let now = self.now;
        let line = &mut self.lines[refund];
        let before = line.word;
        line.word = if !line.details {
            "awaiting_details"
        } else if !credited {
            "awaiting_settlement"
        } else if !line.approved {
            "awaiting_approval"
        } else if line.lacks {
            "awaiting_funds"
        } else if !line.consented {
            "awaiting_authorisation"
        } else {
            "ready"
        };
        if line.word == "awaiting_approval" && before != line.word {
            // People get their full time from when they are asked.
            line.approved_until = Some(now + APPROVAL_SECONDS);
        }
    }

    fn set_aside(&mut self, refund: usize) {
        let line = &mut self.lines[refund];
        line.was_reserved = true;
        line.reserved = line.total();
        self.available -= line.reserved;
    }

    /// An end; money that was set aside is free again.
    fn end(&mut self, refund: usize, word: &'static str) {
        let line = &mut self.lines[refund];
        self.available += line.reserved;
        line.reserved = 0;
        line.word = word;
        for attempt in &mut line.tries {
            if *attempt == Try::Due {
                *attempt = Try::Withdrawn;
            }
        }
    }

    fn overdue(&self, refund: usize) -> bool {
        self.lines[refund].created + REFUND_SECONDS <= self.now
    }

    fn give_details(&mut self, refund: usize) -> bool {
        let now = self.now;
        let line = &mut self.lines[refund];
        if !line.is_waiting() || line.details {
            return false;
        }
        line.details = true;
        if line.wish.approval {
            line.approved = false;
            line.approved_until = Some(now + APPROVAL_SECONDS);
        }
        self.go_on(refund);
        true
    }

    fn decide(&mut self, refund: usize, yes: bool) -> bool {
        let now = self.now;
        let line = &mut self.lines[refund];
        let open = line.is_waiting() && !line.approved && line.approved_until.is_some_and(|until| now < until);
        if !open || (yes && !line.details) {
            return false;
        }
        if yes {
            line.approved = true;
            self.go_on(refund);
        } else {
            self.end(refund, "rejected");
        }
        true
    }

    fn consent(&mut self, refund: usize, yes: bool) -> bool {
        if self.lines[refund].word != "awaiting_authorisation" {
            return false;
        }
        if yes {
            self.lines[refund].consented = true;
            self.go_on(refund);
        } else {
            self.end(refund, "failed");
        }
        true
    }

    fn cancel(&mut self, refund: usize) -> bool {
        let line = &mut self.lines[refund];
        if line.is_waiting() || (line.word == "submitted" && line.tries.last() == Some(&Try::Due)) {
            self.end(refund, "cancelled");
            return true;
        }
        if line.word == "submitted" {
            line.withdrawal = line.withdrawal.or(Some(false));
            return true;
        }
        false
    }

    fn tick(&mut self, refund: usize) -> bool {
        let (overdue, available) = (self.overdue(refund), self.available);
        let now = self.now;
        let line = &mut self.lines[refund];
        if line.is_waiting() {
            let undecided = line.word == "awaiting_approval" && line.approved_until.is_some_and(|until| until <= now);
            if overdue || undecided {
                self.end(refund, "expired");
            } else if line.lacks && line.total() <= available {
                line.lacks = false;
                self.go_on(refund);
            }
        } else if line.word == "submitted" {
            if line.tries.last() == Some(&Try::Sending) {
                *line.tries.last_mut().expect("there is one") = Try::Unknown;
            }
            if overdue {
                line.withdrawal = line.withdrawal.or(Some(true));
            }
        }
        true
    }

    fn execute(&mut self) -> bool {
        let early = matches!(self.payment, "authorised" | "executed");
        if early {
            self.payment = "executed";
        }
        early
    }

    fn settle(&mut self, credited: u64) -> bool {
        if self.payment == "settled" {
            return true;
        }
        if !matches!(self.payment, "authorised" | "executed") {
            return false;
        }
        self.payment = "settled";
        self.available += credited;
        // What was paid outside is gone; what is missing counts as taken back.
        let gone = self.gone();
        self.claimable = credited.max(gone);
        self.reversed += gone.saturating_sub(credited);
        let mut room = credited.saturating_sub(gone);
        for refund in 0..self.lines.len() {
            if !self.lines[refund].is_waiting() {
                continue;
            }
            if self.lines[refund].wish.amount > room {
                self.end(refund, "failed");
            } else {
                room -= self.lines[refund].wish.amount;
                self.go_on(refund);
            }
        }
        true
    }

    /// The sum of what was paid although the pay-in is not here.
    fn gone(&self) -> u64 {
        self.lines.iter().filter(|line| line.word == "settled").map(|line| line.wish.amount).sum()
    }

    fn fail(&mut self) -> bool {
        match self.payment {
            "failed" => true,
            "authorised" | "executed" => {
                self.payment = "failed";
                for refund in 0..self.lines.len() {
                    if self.lines[refund].is_waiting() {
                        self.end(refund, "failed");
                    }
                }
                self.reversed = if self.gone() > 0 { self.claimable } else { 0 };
                true
            }
            _ => false,
        }
    }

    fn reverse(&mut self, amount: u64) -> bool {
        if !self.credited() {
            return false;
        }
        self.payment = "reversed";
        self.reversed += amount;
        for refund in 0..self.lines.len() {
            if self.lines[refund].is_waiting() {
                self.end(refund, "failed");
            }
        }
        let exposure = (self.claimed() + self.reversed).saturating_sub(self.claimable);
        self.available -= amount.saturating_sub(exposure).min(self.available);
        true
    }
}
