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
    export::{self, Export, Which},
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

/// Largest file that is imported, in bytes. It lies beside the database while it is read.
const FILE_MAX: u64 = 20_000_000_000;

/// Most requests that one export names one by one; a query takes any number.
const IDS_MAX: usize = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// Name of the file; `source:` finds its requests by it.
    name: Option<String>,
    /// Its format; told from its content if absent.
    r#as: Option<FileFormat>,
    /// Inbox that everything goes to, made if need be; where the file says, else `imported`, if absent.
    inbox: Option<String>,
    /// Import nothing if one entry cannot be; else the rest is imported.
    whole: Option<bool>,
}

impl From<ImportStartError> for ApiError {
    fn from(error: ImportStartError) -> Self {
        let message = error.to_string();
        match error {
            ImportStartError::Unknown(_) | ImportStartError::Other(..) => {
                Self::new(ErrorCode::UnknownFormat, message, "Name its format with `as`, or turn it into one of these.")
            }
            ImportStartError::Empty(_) | ImportStartError::Inbox(_) => Self::invalid(message),
            ImportStartError::Io(_) => Self::new(
                ErrorCode::DiskFull,
                message,
                "Make room on the disk of the data folder, and import it again; nothing was stored.",
            ),
        }
    }
}

/// Import a file of requests, sent as the body. It is a job, and its report stands in it.
#[utoipa::path(post, path = "/import", tag = "carry", params(ImportQuery),
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
        let piece = piece.map_err(|e| ApiError::invalid(format!("The file broke off while it was sent: {e}.")))?;
        length += piece.len() as u64;
        if length > FILE_MAX {
            return Err(ApiError::new(
                ErrorCode::TooLarge,
                format!("The file has more than {FILE_MAX} bytes."),
                "Import it in parts; nothing was stored.",
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
        whole: query.whole.unwrap_or(false),
        sha256: digest.finalize().into(),
    };
    Ok((StatusCode::ACCEPTED, Json(import::start(&engine, import, file)?)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// The format.
    r#as: FileFormat,
    /// Only what matches this query.
    q: Option<String>,
    /// Only this inbox.
    inbox: Option<String>,
    /// Only these requests, by id with commas between, in this order; to 500.
    ids: Option<String>,
    /// Whether credentials go along; else they are masked.
    secrets: Option<bool>,
    /// Names of headers whose values are left out, with commas between.
    redact_headers: Option<String>,
    /// Places in JSON bodies whose values are left out, as a query has them behind `body.`, with commas between.
    redact_paths: Option<String>,
}

fn listed(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Export requests as a file, newest first. It is a stream, and a job that can be cancelled; one that
/// breaks off is not whole.
#[utoipa::path(get, path = "/export", tag = "carry", params(ExportQuery), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn export(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ExportQuery>,
) -> Result<Response, ApiError> {
    let inbox = number_of(&engine, query.inbox.as_deref())?;
    let which = match &query.ids {
        Some(_) if query.q.is_some() => return Err(ApiError::invalid("ids do not go with a query.")),
        Some(ids) => {
            let row = |id: &str| {
                engine.row_of(id).ok_or_else(|| ApiError::invalid(format!("{id:?} is not the id of a request.")))
            };
            let rows = listed(Some(ids)).map(row).collect::<Result<Vec<_>, _>>()?;
            if rows.len() > IDS_MAX {
                return Err(ApiError::invalid(format!(
                    "At most {IDS_MAX} requests are named one by one; use a query."
                )));
            }
            Which::These(rows)
        }
        None => Which::Query(Query::parse(query.q.as_deref().unwrap_or_default())?, inbox),
    };
    let redaction = Redaction {
        secrets: query.secrets.unwrap_or(false),
        headers: listed(query.redact_headers.as_deref()).map(str::to_owned).collect(),
        paths: listed(query.redact_paths.as_deref())
            .map(|path| JsonPath::parse(path).map_err(|why| ApiError::invalid(format!("The path {path:?}: {why}"))))
            .collect::<Result<_, _>>()?,
    };
    let Some(exporting) = export::export(&engine, Export { format: query.r#as, which, redaction }) else {
        return Err(ApiError::invalid("This format is read and not written; use har, jsonl, csv, raw or archive."));
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
