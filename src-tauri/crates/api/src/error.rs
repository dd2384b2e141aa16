//! Errors: what, why, and what to do, with a code that stays.

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    response::{IntoResponse, Response},
};
use hookline_capture::{ReadError, WriteError};
use hookline_model::DatabaseFault;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json_fault::in_words;

/// An error as it is sent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    /// Stable, for programs.
    pub code: String,
    /// What went wrong and why, for people.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// An error with its status.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: &'static str,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>, hint: &'static str) -> Self {
        Self { status, code, message: message.into(), hint }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            message,
            "Correct it and send it again; nothing was changed.",
        )
    }

    /// Something that is not there. Its code says what, such as `replay_not_found`.
    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message, "It may have been removed; read the list again.")
    }

    pub(crate) fn no_request() -> Self {
        Self::not_found("request_not_found", "There is no request with this id.")
    }

    pub(crate) fn no_inbox(name: &str) -> Self {
        Self::not_found("inbox_not_found", format!("There is no inbox {name:?}."))
    }

    pub(crate) fn no_endpoint(id: &str) -> Self {
        Self::not_found("endpoint_not_found", format!("There is no endpoint {id:?}."))
    }

    pub(crate) fn no_provider(id: &str) -> Self {
        Self::not_found("provider_not_found", format!("There is no provider {id:?}."))
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This route does not take this method.",
            "See /api/v1/openapi.json.",
        )
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            message,
            "Try again; if it stays, report it with the log.",
        )
    }

    /// A refusal made by a door before the call reaches the engine.
    pub fn refused(status: StatusCode, code: &'static str, message: &'static str, hint: &'static str) -> Self {
        Self::new(status, code, message, hint)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { code: self.code.into(), message: self.message, hint: self.hint.into() };
        (self.status, Json(body)).into_response()
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        tracing::error!(%error, "a read failed");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "database_unreadable",
            format!("The database could not be read: {error}."),
            "Try again; if it stays, the database file or its disk is damaged.",
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
            WriteError::Refused(error) => Self::internal(format!("The change was refused by the database: {error}.")),
            WriteError::Commit(error) => {
                let (status, hint) = match error.fault {
                    DatabaseFault::DiskFull => {
                        (StatusCode::INSUFFICIENT_STORAGE, "Free some space on the disk of the data folder.")
                    }
                    _ => (StatusCode::SERVICE_UNAVAILABLE, "Check the disk and the rights of the data folder."),
                };
                Self::new(status, "database_unwritable", format!("The change could not be stored: {error}."), hint)
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
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let hint = "Send less; a large message belongs into a file for `hookline verify`.";
            return Self::new(rejection.status(), "too_large", "This call takes no body as large as this.", hint);
        }
        let hint = "Send JSON as /api/v1/openapi.json describes it.";
        Self::new(rejection.status(), "invalid_json", in_words(&rejection.body_text()), hint)
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(
            rejection.status(),
            "invalid_query",
            in_words(&rejection.body_text()),
            "See /api/v1/openapi.json for the parameters.",
        )
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "invalid_path", rejection.body_text(), "See /api/v1/openapi.json for the path.")
    }
}
