//! What this dialect keeps with a payment.
