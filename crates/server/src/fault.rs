//! Faults of a request that the server finds before or outside a dialect's
//! own code. The owner of the path says how each of them looks on the wire
//! ([`crate::mount::Shape`]).

use http::StatusCode;

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No route has this path.
    PathUnknown,
    /// The path has other methods.
    MethodUnknown,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The body did not end in time.
    BodyTooSlow,
    /// The body broke off or was framed wrongly.
    BodyBroken,
    /// The body is compressed; we take plain bodies only.
    BodyEncoded,
    /// Too much is going on already.
    Overloaded,
    /// The server is stopping or not ready.
    Unavailable,
    /// A bug of ours stopped the request.
    Broken,
}

impl Fault {
    /// Every fault, for tables that must be complete.
    pub const ALL: [Self; 9] = [
        Self::PathUnknown,
        Self::MethodUnknown,
        Self::BodyTooLarge,
        Self::BodyTooSlow,
        Self::BodyBroken,
        Self::BodyEncoded,
        Self::Overloaded,
        Self::Unavailable,
        Self::Broken,
    ];

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::PathUnknown => StatusCode::NOT_FOUND,
            Self::MethodUnknown => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::BodyEncoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Overloaded | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code of the native API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::PathUnknown => "not_found",
            Self::MethodUnknown => "method_not_allowed",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyBroken => "body_broken",
            Self::BodyEncoded => "content_encoding_unsupported",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Broken => "internal",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::PathUnknown => "There is nothing at this path.",
            Self::MethodUnknown => "This path does not take this method; the Allow header names those it takes.",
            Self::BodyTooLarge => "The body is larger than this server takes.",
            Self::BodyTooSlow => "The body did not arrive in time.",
            Self::BodyBroken => "The body broke off before its end.",
            Self::BodyEncoded => "Bodies must be sent without Content-Encoding.",
            Self::Overloaded => "The server has too much to do; nothing was begun.",
            Self::Unavailable => "The server does not take requests now; nothing was begun.",
            Self::Broken => "The server made a mistake; look for the request id in its log.",
        }
    }

    /// Whether the same request may pass later.
    #[must_use]
    pub fn retryable(self) -> bool {
        match self {
            Self::BodyTooSlow | Self::BodyBroken | Self::Overloaded | Self::Unavailable | Self::Broken => true,
            Self::PathUnknown | Self::MethodUnknown | Self::BodyTooLarge | Self::BodyEncoded => false,
        }
    }
}
