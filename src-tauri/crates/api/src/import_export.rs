//! Routes for importing and exporting requests.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use hookbench_engine::{
    Engine,
    export::{self, Export, ExportSelection},
    import::{self, Import, ImportStartError},
};
use hookbench_formats::Redaction;
use hookbench_model::{ErrorCode, FileFormat, Job};
use hookbench_query::{JsonPath, Query};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use utoipa::IntoParams;

use super::{error::ApiError, extract, requests::number_of};

/// Maximum size of an imported file, in bytes. The file is stored next to the database during the import.
const FILE_MAX: u64 = 20_000_000_000;

/// Maximum number of IDs in one export. A query selects any number of requests.
const IDS_MAX: usize = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// Name of the file. The query field `source:` finds requests by this name. Default: `import`.
    name: Option<String>,
    /// Format of the file. Default: detected from the content.
    r#as: Option<FileFormat>,
    /// Name of the inbox to import all requests into. The inbox is created if it does not exist. Default: the inbox
    /// given in the file, or `imported`.
    inbox: Option<String>,
    /// True to import nothing if an entry is invalid. If false, the valid entries are imported. Default: false.
    atomic: Option<bool>,
}

impl From<ImportStartError> for ApiError {
    fn from(error: ImportStartError) -> Self {
        let message = error.to_string();
        match error {
            ImportStartError::Unknown(_) | ImportStartError::Other(..) => Self::new(
                ErrorCode::UnknownFormat,
                message,
                "Pass the format with `as` (`--as` on the command line), or convert the file.",
            ),
            ImportStartError::Empty(_) | ImportStartError::Inbox(_) => Self::invalid(message),
            ImportStartError::Io(_) => Self::new(
                ErrorCode::DiskFull,
                message,
                "Free space on the disk of the data folder, then import the file again. Nothing was stored.",
            ),
        }
    }
}

/// Import requests
///
/// Starts a job that imports a file of requests, sent as the request body. The job contains the result.
#[utoipa::path(post, path = "/import", tag = "import-export", params(ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 202, body = Job), (status = 413, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error), (status = 507, body = hookbench_model::Error)
))]
pub(crate) async fn import(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ImportQuery>,
    body: Body,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    let file = import::spool(engine.dir().path()).map_err(ImportStartError::Io)?;
    let mut into = tokio::fs::File::from_std(file.reopen().map_err(ImportStartError::Io)?);
    let mut pieces = body.into_data_stream();
    let (mut length, mut digest) = (0, Sha256::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|e| ApiError::invalid(format!("The upload of the file was interrupted: {e}.")))?;
        length += piece.len() as u64;
        if length > FILE_MAX {
            return Err(ApiError::new(
                ErrorCode::TooLarge,
                format!("The file is too large: more than {FILE_MAX} bytes."),
                "Import the file in parts. Nothing was stored.",
            ));
        }
        digest.update(&piece);
        into.write_all(&piece).await.map_err(ImportStartError::Io)?;
    }
    into.flush().await.map_err(ImportStartError::Io)?;
    let import = Import {
        name: query.name.unwrap_or_else(|| "import".into()),
        format: query.r#as,
        inbox: query.inbox,
        atomic: query.atomic.unwrap_or(false),
        sha256: digest.finalize().into(),
    };
    Ok((StatusCode::ACCEPTED, Json(import::start(&engine, import, file)?)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Format of the file: `har`, `jsonl`, `csv`, `raw` or `archive`.
    r#as: FileFormat,
    /// Only requests that match this query.
    q: Option<String>,
    /// Only requests of this inbox, by name.
    inbox: Option<String>,
    /// IDs of the requests to export, separated by commas, in this order. At most 500. Cannot be combined with `q`.
    ids: Option<String>,
    /// True to include credentials. If false, credentials are masked. Default: false.
    secrets: Option<bool>,
    /// Names of headers whose values are redacted, separated by commas.
    redact_headers: Option<String>,
    /// Paths in JSON bodies whose values are redacted, as used after `body.` in a query, separated by commas.
    redact_paths: Option<String>,
}

pub(crate) fn listed(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Export requests
///
/// Streams requests as a file, newest first. The export is also a job, which can be canceled. The file is incomplete
/// if the stream is interrupted.
#[utoipa::path(get, path = "/export", tag = "import-export", params(ExportQuery), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn export(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ExportQuery>,
) -> Result<Response, ApiError> {
    let inbox = number_of(&engine, query.inbox.as_deref())?;
    let which = match &query.ids {
        Some(_) if query.q.is_some() => return Err(ApiError::invalid("`ids` cannot be combined with `q`.")),
        Some(ids) => {
            let row =
                |id: &str| engine.row_of(id).ok_or_else(|| ApiError::invalid(format!("There is no request {id:?}.")));
            let rows = listed(Some(ids)).map(row).collect::<Result<Vec<_>, _>>()?;
            if rows.len() > IDS_MAX {
                return Err(ApiError::invalid(format!(
                    "`ids` must contain at most {IDS_MAX} IDs. Use a query for more."
                )));
            }
            ExportSelection::These(rows)
        }
        None => ExportSelection::Query(Query::parse(query.q.as_deref().unwrap_or_default())?, inbox),
    };
    let redaction = Redaction {
        secrets: query.secrets.unwrap_or(false),
        headers: listed(query.redact_headers.as_deref()).map(str::to_owned).collect(),
        paths: listed(query.redact_paths.as_deref())
            .map(|path| JsonPath::parse(path).map_err(|why| ApiError::invalid(format!("Invalid path {path:?}: {why}"))))
            .collect::<Result<_, _>>()?,
    };
    let Some(exporting) = export::export(&engine, Export { format: query.r#as, which, redaction }) else {
        return Err(ApiError::invalid(
            "Exports in this format are not supported. Use har, jsonl, csv, raw or archive.",
        ));
    };
    let pieces = stream::unfold(exporting.pieces, async |mut pieces| pieces.recv().await.map(|piece| (piece, pieces)));
    let mut headers = HeaderMap::new();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, http::HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    for (name, value) in [
        (header::CONTENT_TYPE, exporting.media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", exporting.file_name)),
    ] {
        headers.extend(value.parse().ok().map(|value| (name, value)));
    }
    Ok((headers, Body::from_stream(pieces)).into_response())
}
