//! Error responses of the API. The codes are defined in [`ErrorCode`].

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    response::{IntoResponse, Response},
};
use hookbench_capture::{ReadError, WriteError};
use hookbench_model::{DatabaseFault, Error, ErrorCode, did_you_mean};
use hookbench_provider::Catalog;
use http::StatusCode;

use super::json_fault::in_words;

/// An error response. The status is derived from the code.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    hint: &'static str,
}

impl ApiError {
    /// Creates an error. `hint` tells the user how to resolve the error.
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: &'static str) -> Self {
        Self { code, message: message.into(), hint }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message, "Correct the value and try again. Nothing was changed.")
    }

    /// Creates a 404 error. The code identifies the missing resource, such as `replay_not_found`.
    pub(crate) fn not_found(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(code, message, "The resource may have been deleted. Reload the list.")
    }

    pub(crate) fn no_request() -> Self {
        Self::not_found(ErrorCode::RequestNotFound, "There is no request with this ID.")
    }

    /// Adds a suggestion for a wrong name to the message. See [`did_you_mean`].
    pub(crate) fn suggesting<'a>(mut self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        self.message += &did_you_mean(name, candidates);
        self
    }

    pub(crate) fn no_inbox(name: &str) -> Self {
        Self::not_found(ErrorCode::InboxNotFound, format!("There is no inbox {name:?}."))
    }

    pub(crate) fn no_endpoint(id: &str) -> Self {
        Self::not_found(ErrorCode::EndpointNotFound, format!("There is no endpoint {id:?}."))
    }

    pub(crate) fn no_provider(id: &str, catalog: &Catalog) -> Self {
        Self::not_found(ErrorCode::ProviderNotFound, catalog.missing(id))
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(ErrorCode::MethodNotAllowed, "The route does not support the method.", "See /api/v1/openapi.json.")
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message, "Try again. If the error persists, report it with the log.")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Error { code: self.code, message: self.message, hint: self.hint.into() };
        (status, Json(body)).into_response()
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        tracing::error!(%error, "cannot read from the database");
        Self::new(
            ErrorCode::DatabaseUnreadable,
            format!("The database could not be read: {error}."),
            "Try again. If the error persists, the database file or the disk is damaged.",
        )
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self::from(ReadError::Sqlite(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))
    }
}

impl From<WriteError<rusqlite::Error>> for ApiError {
    fn from(error: WriteError<rusqlite::Error>) -> Self {
        match error {
            WriteError::Refused(error) => Self::internal(format!("The database rejected the change: {error}.")),
            WriteError::Commit(error) => {
                let (code, hint) = match error.fault {
                    DatabaseFault::DiskFull => (ErrorCode::DiskFull, "Free space on the disk of the data folder."),
                    _ => (ErrorCode::DatabaseUnwritable, "Check the disk and the permissions of the data folder."),
                };
                Self::new(code, format!("The change could not be stored: {error}."), hint)
            }
        }
    }
}

impl From<WriteError<ApiError>> for ApiError {
    fn from(error: WriteError<ApiError>) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal,
            WriteError::Commit(error) => WriteError::<rusqlite::Error>::Commit(error).into(),
        }
    }
}

impl From<rusqlite::Error> for ApiError {
    fn from(error: rusqlite::Error) -> Self {
        WriteError::Refused(error).into()
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let hint = "Send a smaller body. `hookbench verify` reads large messages from a file.";
                return Self::new(ErrorCode::TooLarge, "The request body is too large.", hint);
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => ErrorCode::InvalidJson,
            _ => ErrorCode::MalformedJson,
        };
        let hint = "Send JSON as /api/v1/openapi.json describes it.";
        Self::new(code, in_words(&rejection.body_text()), hint)
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        let hint = "See /api/v1/openapi.json for the parameters.";
        Self::new(ErrorCode::InvalidQuery, in_words(&rejection.body_text()), hint)
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::new(ErrorCode::InvalidPath, rejection.body_text(), "See /api/v1/openapi.json for the path.")
    }
}
