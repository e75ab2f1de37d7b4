//! Refusals: why a command was declined. One closed, numbered list; numbers
//! are never reused. A refusal changes nothing.

/// What a refusal depends on; decides whether a repeated key may run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependsOn {
    /// The request alone: the same request is always refused.
    Input,
    /// The state of the world: the same request may pass later.
    World,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$fdoc:meta])* $field:ident),+ })? = $number:literal, $code:literal, $depends:ident;)+) => {
        /// Why a command was declined.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal { $($(#[$doc])* $name $({ $($(#[$fdoc])* $field: u64),+ })?),+ }

        impl Refusal {
            /// The stable number in stored records.
            #[must_use]
            pub fn number(self) -> u16 {
                match self { $(Self::$name $({ $($field: _),+ })? => $number),+ }
            }

            /// The stable code of the native API.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name $({ $($field: _),+ })? => $code),+ }
            }

            /// Whether the same request may pass later.
            #[must_use]
            pub fn depends_on(self) -> DependsOn {
                match self { $(Self::$name $({ $($field: _),+ })? => DependsOn::$depends),+ }
            }

            /// The numbers inside, for stored records.
            #[must_use]
            pub fn details(self) -> Vec<u64> {
                match self { $(Self::$name $({ $($field),+ })? => vec![$($($field),+)?]),+ }
            }

            /// Reads a stored refusal back.
            #[must_use]
            pub fn from_parts(number: u16, details: &[u64]) -> Option<Self> {
                let mut details = details.iter().copied();
                match number {
                    $($number => Some(Self::$name $({ $($field: details.next()?),+ })?),)+
                    _ => { details.next(); None }
                }
            }

            /// One of each, for tables that must be complete.
            #[must_use]
            pub fn one_of_each() -> Vec<Self> {
                vec![$(Self::$name $({ $($field: 1),+ })?),+]
            }
        }
    };
}

refusals! {
    /// No such payment for this merchant.
    PaymentUnknown = 1, "payment_not_found", World;
    /// No such refund for this merchant.
    RefundUnknown = 2, "refund_not_found", World;
    /// No such account for this merchant.
    AccountUnknown = 3, "account_not_found", World;
    /// No such mandate for this merchant.
    MandateUnknown = 4, "mandate_not_found", World;
    /// The amount is zero.
    AmountNotPositive = 5, "amount_not_positive", Input;
    /// More than is left of the payment.
    AmountExceedsRefundable {
        /// What could be refunded, minor units.
        remaining
    } = 6, "amount_exceeds_refundable", World;
    /// Nothing is left of the payment.
    AlreadyRefunded = 7, "already_refunded", World;
    /// The refund is in another currency than its payment.
    CurrencyMismatch = 8, "currency_mismatch", Input;
    /// The payment has not settled and the command does not wait.
    PaymentNotSettled = 9, "payment_not_settled", World;
    /// The payment failed.
    PaymentFailed = 10, "payment_failed", World;
    /// The payment is recalled, disputed, unverified or reversed.
    PaymentBlocked = 11, "payment_blocked", World;
    /// The held account lacks the money.
    InsufficientFunds {
        /// What is available, minor units.
        available
    } = 12, "insufficient_funds", World;
    /// The account cannot pay refunds.
    AccountNotEligible = 13, "account_not_eligible", World;
    /// The mandate is not active.
    MandateNotActive = 14, "mandate_not_active", World;
    /// The refund is past the point where this can be done.
    AlreadySubmitted = 15, "already_submitted", World;
    /// The refund has ended.
    AlreadyEnded = 16, "already_ended", World;
    /// The refund does not wait for this.
    NotAwaited = 17, "not_awaited", World;
    /// The maker may not approve.
    SelfApproval = 18, "self_approval", World;
    /// This person decided already.
    AlreadyDecided = 19, "already_decided", World;
    /// This person may not decide.
    NotEligible = 20, "not_eligible", World;
    /// The approval ran out of time.
    ApprovalExpired = 21, "approval_expired", World;
    /// A known payer account may not be replaced.
    PayeeMismatch = 22, "payee_mismatch", World;
    /// An exception path needs more people.
    MorePeopleNeeded = 23, "more_people_needed", World;
    /// A new attempt needs proof for every earlier one.
    ProofMissing = 24, "proof_missing", World;
    /// All attempts are used up.
    TooManyAttempts = 25, "too_many_attempts", World;
    /// An equal keyless refund was made just before.
    DuplicateSuspect = 26, "duplicate_suspect", World;
    /// The reference names another refund.
    DuplicateReference = 27, "duplicate_reference", World;
    /// The idempotency key came with another request.
    KeyReused = 28, "idempotency_key_reused", World;
    /// The object cannot go to that state from where it is.
    TransitionImpossible = 29, "transition_impossible", World;
    /// The object exists already.
    AlreadyExists = 30, "already_exists", World;
    /// Amounts beyond the greatest exact integer.
    AmountTooLarge = 31, "amount_too_large", Input;
    // 32 was a creditor that is its own debtor: nobody knows the number of a
    // merchant's account here.
    /// The currency of account, mandate and payment differ.
    FundingCurrency = 33, "funding_currency", World;
    /// The refund is blocked and stays where it is.
    RefundBlocked = 34, "refund_blocked", World;
    /// No such endpoint for this merchant.
    EndpointUnknown = 35, "webhook_endpoint_not_found", World;
    /// Too many endpoints for one event.
    TooManyEndpoints = 36, "too_many_endpoints", World;
    /// The fee is more than the account may be charged.
    FeeTooLarge = 37, "fee_exceeds_amount", World;
    /// The case is not open.
    CaseUnknown = 38, "case_not_found", World;
    /// The payer is unknown and the command gives no account, nor may it ask.
    CreditorMissing = 39, "creditor_missing", World;
    /// Somebody else changed it since it was read.
    Changed = 40, "changed", World;
    /// No such payout for this merchant.
    PayoutUnknown = 41, "payout_not_found", World;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_codes_are_unique_and_read_back() {
        let all = Refusal::one_of_each();
        let numbers: BTreeSet<_> = all.iter().map(|refusal| refusal.number()).collect();
        let codes: BTreeSet<_> = all.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(numbers.len(), all.len());
        assert_eq!(codes.len(), all.len());
        for refusal in all {
            assert_eq!(Refusal::from_parts(refusal.number(), &refusal.details()), Some(refusal));
        }
    }
}
