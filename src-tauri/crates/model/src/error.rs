//! Errors of the API.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Error response of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Error {
    /// What failed, for programs. A code keeps its meaning in later releases.
    pub code: ErrorCode,
    /// What failed and why, for people.
    pub message: String,
    /// What to do about it, for people.
    pub hint: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message, self.hint)
    }
}

impl std::error::Error for Error {}

/// Defines the error codes: the documentation, the name and the HTTP status of each.
macro_rules! error_codes {
    ($($(#[$doc:meta])+ $name:ident = $status:literal,)+) => {
        /// What failed. In JSON, each code is written in snake case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode {
            $($(#[$doc])+ $name,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the HTTP status of responses with this code.
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)+
                }
            }
        }
    };
}

error_codes! {
    /// The path contains a parameter that cannot be parsed.
    InvalidPath = 400,
    /// The query contains a parameter that is unknown or cannot be parsed.
    InvalidQuery = 400,
    /// The body is not JSON.
    MalformedJson = 400,
    /// The token is missing or wrong.
    TokenNeeded = 401,
    /// The one-time code was used or is too old.
    CodeUsed = 403,
    /// The `Origin` is not allowed.
    WrongOrigin = 403,
    /// A web page may not start commands on this machine.
    CommandsFromPage = 403,
    /// A web page may not name a file on this machine.
    FileFromPage = 403,
    /// There is no such route.
    RouteNotFound = 404,
    /// There is no such attempt, or it has no response.
    AttemptNotFound = 404,
    /// There is no such check run.
    CheckNotFound = 404,
    /// There is no such delivery.
    DeliveryNotFound = 404,
    /// There is no such deletion, or it can no longer be undone.
    DeletionNotFound = 404,
    /// There is no such endpoint.
    EndpointNotFound = 404,
    /// There is no such inbox.
    InboxNotFound = 404,
    /// There is no such job.
    JobNotFound = 404,
    /// The inbox is not exposed through this tunnel.
    NotExposed = 404,
    /// There is no such part of the body.
    PartNotFound = 404,
    /// There is no such provider.
    ProviderNotFound = 404,
    /// There is no such saved search.
    QueryNotFound = 404,
    /// There is no such refused request.
    RefusalNotFound = 404,
    /// There is no such replay.
    ReplayNotFound = 404,
    /// There is no such request.
    RequestNotFound = 404,
    /// There is no such response rule.
    RuleNotFound = 404,
    /// There is no such scenario.
    ScenarioNotFound = 404,
    /// The provider has no such signature scheme.
    SchemeNotFound = 404,
    /// No schema was inferred for this event type.
    ShapeNotFound = 404,
    /// There is no such tunnel.
    TunnelNotFound = 404,
    /// The file was not chosen in the window, or was read already.
    UnknownFile = 404,
    /// The route does not support the method.
    MethodNotAllowed = 405,
    /// The commands have to be confirmed.
    ConfirmCommands = 409,
    /// Requests to this host have to be confirmed.
    ConfirmHost = 409,
    /// The check run has ended.
    Ended = 409,
    /// The endpoint was deleted.
    EndpointGone = 409,
    /// The endpoint is disabled.
    EndpointOff = 409,
    /// A file of this name exists.
    FileExists = 409,
    /// Another inbox has this name.
    NameTaken = 409,
    /// The inbox has no provider to verify with.
    NoProvider = 409,
    /// The provider has no test event.
    NoTestEvent = 409,
    /// The listener is not running.
    NotListening = 409,
    /// The delivery is not waiting for an attempt.
    NotWaiting = 409,
    /// The SSH host has another key than before.
    OtherHostKey = 409,
    /// The port is used by another program.
    PortTaken = 409,
    /// The provider ships with the program and cannot be changed.
    ProviderShips = 409,
    /// The check run has not ended.
    Running = 409,
    /// An attempt of the delivery is in progress.
    UnderWay = 409,
    /// The changes after this one are no longer known.
    FeedGone = 410,
    /// The body of the call is too large.
    TooLarge = 413,
    /// The request is too large to be shown as code.
    TooLargeForCode = 413,
    /// The body is too large to be decoded.
    TooLargeToDecode = 413,
    /// The request is too large to be explained.
    TooLargeToExplain = 413,
    /// The body of the call is not declared as JSON.
    UnsupportedMediaType = 415,
    /// The range is outside the body.
    RangeNotSatisfiable = 416,
    /// The call reached a host name that is not loopback.
    WrongHost = 421,
    /// A search query cannot be parsed.
    BadQuery = 422,
    /// The file cannot be written.
    FileUnwritable = 422,
    /// A value is not allowed.
    Invalid = 422,
    /// The JSON has an unknown field, lacks a field, or a value of another type.
    InvalidJson = 422,
    /// There is no target to replay to.
    NoTarget = 422,
    /// The SSH host refused the port forwarding.
    NotForwarded = 422,
    /// The request cannot be written in this format.
    NotInThisForm = 422,
    /// The SSH host refused the login.
    NotLetIn = 422,
    /// The body is not multipart.
    NotMultipart = 422,
    /// The format of the file is unknown.
    UnknownFormat = 422,
    /// The file cannot be read.
    FileUnreadable = 422,
    /// The relay refused the call.
    RelayRefused = 422,
    /// The relay does not accept the pairing code.
    WrongCode = 422,
    /// A defect of the program.
    Internal = 500,
    /// The SSH host cannot be reached.
    HostUnreached = 502,
    /// The address is not that of a relay.
    NoRelay = 502,
    /// The relay cannot be reached.
    RelayUnreached = 502,
    /// The relay could not be told that the inbox is no longer exposed.
    StaysOpen = 502,
    /// The database cannot be read.
    DatabaseUnreadable = 503,
    /// The database cannot be written.
    DatabaseUnwritable = 503,
    /// The connection to the engine was lost.
    EngineLost = 503,
    /// The engine is not running.
    NoEngine = 503,
    /// The disk is full.
    DiskFull = 507,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_in_snake_case() {
        assert_eq!(ErrorCode::InboxNotFound.to_string(), "inbox_not_found");
        assert_eq!(serde_json::to_string(&ErrorCode::InboxNotFound).expect("JSON"), r#""inbox_not_found""#);
    }

    #[test]
    fn every_code_is_an_error() {
        assert!(ErrorCode::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }
}
