//! Error responses of the API and their codes.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Error response of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Error {
    /// Machine-readable code. The meaning of a code does not change in later releases.
    pub code: ErrorCode,
    /// Human-readable description of the error.
    pub message: String,
    /// Human-readable suggestion for how to resolve the error.
    pub hint: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message, self.hint)
    }
}

impl std::error::Error for Error {}

/// Defines the error codes with their documentation and HTTP status.
macro_rules! error_codes {
    ($($(#[$doc:meta])+ $name:ident = $status:literal,)+) => {
        /// Code of an error, serialized in snake case, such as `inbox_not_found`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode {
            $($(#[$doc])+ $name,)+
        }

        impl ErrorCode {
            /// Every error code.
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
    /// The `Origin` header is not allowed.
    WrongOrigin = 403,
    /// Web pages must not run commands on this computer.
    CommandsFromPage = 403,
    /// Web pages must not access files on this computer.
    FileFromPage = 403,
    /// The route does not exist.
    RouteNotFound = 404,
    /// The attempt does not exist or has no response.
    AttemptNotFound = 404,
    /// The check run does not exist.
    CheckNotFound = 404,
    /// The delivery does not exist.
    DeliveryNotFound = 404,
    /// The deletion does not exist or can no longer be undone.
    DeletionNotFound = 404,
    /// The endpoint does not exist.
    EndpointNotFound = 404,
    /// The inbox does not exist.
    InboxNotFound = 404,
    /// The job does not exist.
    JobNotFound = 404,
    /// The inbox is not exposed through this tunnel.
    NotExposed = 404,
    /// The part of the body does not exist.
    PartNotFound = 404,
    /// The project does not exist.
    ProjectNotFound = 404,
    /// The provider does not exist.
    ProviderNotFound = 404,
    /// The saved search does not exist.
    SavedSearchNotFound = 404,
    /// The refused request does not exist.
    RefusalNotFound = 404,
    /// The replay does not exist.
    ReplayNotFound = 404,
    /// The request does not exist.
    RequestNotFound = 404,
    /// The response rule does not exist.
    RuleNotFound = 404,
    /// The scenario does not exist.
    ScenarioNotFound = 404,
    /// The scenario run does not exist.
    ScenarioRunNotFound = 404,
    /// The provider has no such signature scheme.
    SchemeNotFound = 404,
    /// No schema was inferred for this event type.
    SchemaNotFound = 404,
    /// The tunnel does not exist.
    TunnelNotFound = 404,
    /// The file was not selected in the window, or has already been read.
    UnknownFile = 404,
    /// The route does not support the method.
    MethodNotAllowed = 405,
    /// The commands must be confirmed.
    ConfirmCommands = 409,
    /// Requests to this host must be confirmed.
    ConfirmHost = 409,
    /// The check run has ended.
    Ended = 409,
    /// The endpoint was deleted.
    EndpointGone = 409,
    /// The endpoint is disabled.
    EndpointOff = 409,
    /// A file of this name exists.
    FileExists = 409,
    /// Another project manages the resource.
    ManagedElsewhere = 409,
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
    /// The SSH host presented a different key than before.
    OtherHostKey = 409,
    /// The port is used by another program.
    PortTaken = 409,
    /// The scenario is built in and cannot be changed.
    ScenarioShips = 409,
    /// The provider is built in and cannot be changed.
    ProviderShips = 409,
    /// The check run has not ended.
    Running = 409,
    /// An attempt of the delivery is in flight.
    UnderWay = 409,
    /// The changes after this number are no longer stored.
    FeedGone = 410,
    /// The body of the API request is too large.
    TooLarge = 413,
    /// The request is too large to generate code.
    TooLargeForCode = 413,
    /// The body is too large to be decoded.
    TooLargeToDecode = 413,
    /// The request is too large to be explained.
    TooLargeToExplain = 413,
    /// The body of the API request is not declared as JSON.
    UnsupportedMediaType = 415,
    /// The range is outside the body.
    RangeNotSatisfiable = 416,
    /// The API request was sent to a host name other than loopback.
    WrongHost = 421,
    /// A search query cannot be parsed.
    BadQuery = 422,
    /// The file cannot be written.
    FileUnwritable = 422,
    /// A value is not allowed.
    Invalid = 422,
    /// The JSON body has an unknown field, a missing field or a value of the wrong type.
    InvalidJson = 422,
    /// The replay has no target.
    NoTarget = 422,
    /// The SSH host refused the port forwarding.
    NotForwarded = 422,
    /// The request cannot be represented in this format.
    NotInThisForm = 422,
    /// The SSH host refused the login.
    NotLetIn = 422,
    /// The body is not multipart.
    NotMultipart = 422,
    /// The format of the file is unknown.
    UnknownFormat = 422,
    /// The file cannot be read.
    FileUnreadable = 422,
    /// The relay rejected the request.
    RelayRefused = 422,
    /// The relay does not accept the enrollment code.
    WrongCode = 422,
    /// Internal error.
    Internal = 500,
    /// The SSH host cannot be reached.
    HostUnreached = 502,
    /// The server at the address is not a Hookbench relay.
    NoRelay = 502,
    /// The relay cannot be reached.
    RelayUnreached = 502,
    /// The inbox cannot be unexposed, because the relay cannot be reached.
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
    fn serializes_codes_in_snake_case() {
        assert_eq!(ErrorCode::InboxNotFound.to_string(), "inbox_not_found");
        assert_eq!(serde_json::to_string(&ErrorCode::InboxNotFound).expect("JSON"), r#""inbox_not_found""#);
    }

    #[test]
    fn maps_every_code_to_an_error_status() {
        assert!(ErrorCode::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }
}
