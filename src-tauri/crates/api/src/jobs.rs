//! Routes for jobs and backups.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::{
    Engine,
    backup::{self, BackupError},
};
use hookbench_model::{Change, ErrorCode, Job, JobList};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{error::ApiError, extract};

/// A backup to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupNew {
    /// Absolute path of a new file on the machine of the engine.
    path: String,
}

impl From<BackupError> for ApiError {
    fn from(error: BackupError) -> Self {
        let message = error.to_string();
        match error {
            BackupError::Relative(_) => Self::invalid(message),
            BackupError::Exists(_) => Self::new(ErrorCode::FileExists, message, "Choose another file name."),
            BackupError::Unwritable(..) => {
                Self::new(ErrorCode::FileUnwritable, message, "Choose a folder with write permission.")
            }
            BackupError::Unreadable(_) => Self::internal(message),
        }
    }
}

/// List jobs
///
/// Returns the jobs since Hookbench started, newest first.
#[utoipa::path(get, path = "/jobs", tag = "jobs", responses((status = 200, body = JobList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Json<JobList> {
    Json(JobList { items: engine.jobs.all() })
}

fn no_job() -> ApiError {
    ApiError::not_found(ErrorCode::JobNotFound, "There is no job with this ID. Jobs are deleted at each restart.")
}

/// Retrieve a job
///
/// Returns the state and the progress of a job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, body = Job), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Job>, ApiError> {
    engine.jobs.get(&id).map(Json).ok_or_else(no_job)
}

/// Cancel a job
///
/// Stops a running job. Returns the job.
#[utoipa::path(post, path = "/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, body = Job), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn cancel(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Job>, ApiError> {
    let job = engine.jobs.cancel(&id).ok_or_else(no_job)?;
    engine.feed.publish([Change::JobChanged { job: job.clone() }]);
    Ok(Json(job))
}

/// Back up the database
///
/// Starts a job that copies the database to a new file. The file contains all secrets, so only its owner can read it.
#[utoipa::path(post, path = "/backup", tag = "jobs", request_body = BackupNew, responses(
    (status = 202, body = Job), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn backup(
    State(engine): State<Arc<Engine>>,
    extract::Json(new): extract::Json<BackupNew>,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(backup::start(&engine, &new.path).await?)))
}
