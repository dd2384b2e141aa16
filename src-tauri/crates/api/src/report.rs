//! Route for reports of requests.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookbench_engine::{
    Engine,
    report::{self, REQUESTS_MAX, ReportError, ReportOptions},
};
use hookbench_formats::Redaction;
use hookbench_model::{RequestReport, RequestReportFormat};
use hookbench_query::JsonPath;
use http::header;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{error::ApiError, extract, import_export::listed};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// IDs of the requests, separated by commas, in this order. At most 50.
    ids: String,
    /// Format of the report: `html` or `markdown`.
    r#as: RequestReportFormat,
    /// Names of headers whose values are redacted, separated by commas.
    redact_headers: Option<String>,
    /// Paths in JSON bodies whose values are redacted, as used after `body.` in a query, separated by commas.
    redact_paths: Option<String>,
    /// True to include bodies. Default: true.
    bodies: Option<bool>,
    /// True to include the remote addresses of senders. Default: false.
    addresses: Option<bool>,
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Read(error) => error.into(),
            ReportError::Body(error) => error.into(),
            ReportError::Render(error) => Self::internal(error.to_string()),
        }
    }
}

/// Write a report of requests
///
/// Returns requests with their signature status, their responses and the responses of apps, as an HTML page without
/// scripts or as Markdown. Credentials are masked.
#[utoipa::path(get, path = "/requests/report", tag = "requests", params(ReportQuery), responses(
    (status = 200, body = RequestReport), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn write_report(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ReportQuery>,
) -> Result<Json<RequestReport>, ApiError> {
    written(&engine, query).await.map(Json)
}

/// Download a report of requests
///
/// Returns the same report as a file.
#[utoipa::path(get, path = "/requests/report/file", tag = "requests", params(ReportQuery), responses(
    (status = 200, body = String, content_type = "text/html"), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn download_report(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ReportQuery>,
) -> Result<Response, ApiError> {
    let media_type = match query.r#as {
        RequestReportFormat::Html => "text/html; charset=utf-8",
        RequestReportFormat::Markdown => "text/markdown; charset=utf-8",
    };
    let report = written(&engine, query).await?;
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", report.file_name)),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'; style-src 'unsafe-inline'".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, report.content).into_response())
}

async fn written(engine: &Arc<Engine>, query: ReportQuery) -> Result<RequestReport, ApiError> {
    let rows = listed(Some(&query.ids))
        .map(|id| engine.row_of(id).ok_or_else(ApiError::no_request))
        .collect::<Result<Vec<_>, _>>()?;
    if rows.is_empty() || rows.len() > REQUESTS_MAX {
        return Err(ApiError::invalid(format!("`ids` must contain 1 to {REQUESTS_MAX} IDs. Export more requests.")));
    }
    let paths = listed(query.redact_paths.as_deref())
        .map(|path| JsonPath::parse(path).map_err(|why| ApiError::invalid(format!("`redact_paths`: {why}."))))
        .collect::<Result<Vec<_>, _>>()?;
    let headers = listed(query.redact_headers.as_deref()).map(str::to_owned).collect();
    let options = ReportOptions {
        redaction: Redaction { secrets: false, headers, paths },
        redacted_paths: listed(query.redact_paths.as_deref()).map(str::to_owned).collect(),
        bodies: query.bodies.unwrap_or(true),
        addresses: query.addresses.unwrap_or(false),
    };
    Ok(report::report(engine, rows, query.r#as, &options).await?)
}
