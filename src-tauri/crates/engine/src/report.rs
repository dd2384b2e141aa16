//! Reports of requests for a ticket: an HTML page or Markdown, with credentials masked.

use std::sync::Arc;

use hookbench_capture::{ReadError, RowId};
use hookbench_formats::{
    Record, Redaction, ReportDelivery, ReportEntry, ReportLeftOut, ReportResponse, render_report, report_body,
    report_line,
};
use hookbench_model::{BodyState, Delivery, DeliveryOrigin, HeaderLine, RequestReport, RequestReportFormat, text};
use hookbench_store::{
    delivery,
    request::{StoredRequest, collect_body},
};
use rusqlite::Connection;

use crate::{
    Engine,
    export::{decode, redacted_record},
    request::every_secret_path,
};

/// Maximum number of requests in a report.
pub const REQUESTS_MAX: usize = 50;

/// Maximum size of a body in a report, in bytes.
const BODY_MAX: usize = 64 * 1024;

/// Maximum size of a body that is read for a report, in bytes.
const READ_MAX: u64 = 16 * 1024 * 1024;

/// Maximum size of an app's response body in a report, in bytes.
const APP_BODY_MAX: usize = 4 * 1024;

/// Options of a report.
#[derive(Debug, Default)]
pub struct ReportOptions {
    /// Headers and JSON paths to redact. Credentials are always masked.
    pub redaction: Redaction,
    /// The JSON paths of `redaction` as written by the user.
    pub redacted_paths: Vec<String>,
    /// True to include the bodies of requests and responses.
    pub bodies: bool,
    /// True to include the remote addresses.
    pub addresses: bool,
}

/// Reason why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A body cannot be read.
    #[error(transparent)]
    Body(#[from] std::io::Error),
    /// The template cannot be rendered.
    #[error("{0}")]
    Render(#[from] minijinja::Error),
}

/// A delivery with the headers and the body of its last response.
type Exchange = (Delivery, Vec<HeaderLine>, Vec<u8>);

/// Writes a report of stored requests. Requests that were deleted are left out.
///
/// # Errors
/// Returns an error if the database cannot be read, or if the template cannot be rendered.
pub async fn report(
    engine: &Arc<Engine>,
    rows: Vec<RowId>,
    format: RequestReportFormat,
    options: &ReportOptions,
) -> Result<RequestReport, ReportError> {
    let every_secret = every_secret_path(&engine.providers.catalog());
    let (mut entries, mut left_out) = (Vec::new(), ReportLeftOut::default());
    for row in rows {
        let requests = engine.requests();
        let read = move |connection: &Connection| {
            let Some(stored) = requests.stored(connection, row)? else { return Ok(None) };
            Ok(Some((stored, exchanges(connection, row)?)))
        };
        let Some((stored, exchanges)) = engine.store.readers().read(read).await? else { continue };
        let body = match engine.store.readers().body(row).await? {
            Some(body) => collect_body(body, READ_MAX).await?,
            None => None,
        };
        if body.is_none() {
            left_out.add("Bodies larger than 16 MiB");
        }
        let mut record = redacted_record(engine, &every_secret, &stored, body.unwrap_or_default(), &options.redaction);
        decode(&mut record, &stored);
        entries.push(entry(&stored, &record, exchanges, options, &mut left_out));
    }
    for path in &options.redacted_paths {
        left_out.add(&format!("Body values at {path}"));
    }
    let content = render_report(format, &entries)?;
    let extension = if format == RequestReportFormat::Html { "html" } else { "md" };
    Ok(RequestReport { file_name: format!("request-report.{extension}"), content, left_out: left_out.into_list() })
}

/// Returns the forwards and replays of a request, each with its last response.
fn exchanges(connection: &Connection, row: RowId) -> rusqlite::Result<Vec<Exchange>> {
    delivery::deliveries_of_request(connection, row.0)?
        .into_iter()
        .map(|made| {
            let detail = match delivery::number_of(connection, &made.id)? {
                Some(number) => delivery::detail(connection, number)?,
                None => None,
            };
            let last = detail.and_then(|detail| detail.attempts_made.into_iter().last());
            let Some(attempt) = last else { return Ok((made, Vec::new(), Vec::new())) };
            let body = delivery::attempt_body(connection, &made.id, attempt.number)?.flatten().unwrap_or_default();
            Ok((made, attempt.response_headers, body))
        })
        .collect()
}

fn entry(
    stored: &StoredRequest,
    record: &Record,
    exchanges: Vec<Exchange>,
    options: &ReportOptions,
    left_out: &mut ReportLeftOut,
) -> ReportEntry {
    let summary = &stored.summary;
    let headers: Vec<(String, String)> =
        record.headers.iter().map(|(name, value)| (text(&name.0), text(&value.0))).collect();
    left_out.headers(&headers);
    let mut facts = vec![("Received", summary.arrived_at.to_string()), ("Inbox", summary.inbox.clone())];
    facts.extend(record.provider.clone().map(|provider| ("Provider", provider)));
    facts.extend(record.event_id.clone().map(|id| ("Event ID", id)));
    let signature = summary.signature_status.as_str();
    let sentence = stored.sentence.as_ref().map_or(String::new(), |sentence| format!(". {sentence}"));
    facts.push(("Signature", format!("{signature}{sentence}")));
    if summary.status != 0 {
        let origin = stored.response.as_ref().and_then(|(_, origin)| origin.as_ref());
        let by = origin.map_or(String::new(), |origin| format!(", by {origin}"));
        facts.push(("Response to the sender", format!("{}{by}", summary.status)));
    }
    if !summary.remote_address.is_empty() {
        match options.addresses {
            true => facts.push(("Remote address", summary.remote_address.clone())),
            false => left_out.add("Remote address of the sender"),
        }
    }
    facts.extend((!record.note.is_empty()).then(|| ("Note", record.note.clone())));
    if summary.body_state != BodyState::Complete {
        facts.push(("Body", "incomplete".into()));
    }
    let shown = |bytes: &[u8], most: usize, left_out: &mut ReportLeftOut| match (bytes.is_empty(), options.bodies) {
        (true, _) => None,
        (_, false) => {
            left_out.add("Bodies of requests and responses");
            None
        }
        _ => Some(report_body(bytes, most)),
    };
    let body = shown(&record.body.0, BODY_MAX, left_out);
    let response = record.response.as_ref().map(|response| {
        left_out.headers(&response.headers);
        ReportResponse { headers: response.headers.clone(), body: shown(response.body.as_bytes(), BODY_MAX, left_out) }
    });
    let deliveries = exchanges
        .into_iter()
        .map(|(made, headers, body)| {
            let headers: Vec<_> = headers.into_iter().map(|line| (line.name, line.value)).collect();
            left_out.headers(&headers);
            let verb = if made.origin == DeliveryOrigin::Forward { "Forwarded" } else { "Replayed" };
            let url = hookbench_model::masked_url(&made.url).into_owned();
            ReportDelivery {
                title: format!("{verb} to {url}"),
                outcome: outcome(&made),
                headers,
                body: shown(&body, APP_BODY_MAX, left_out),
            }
        })
        .collect();
    let title = record.event_type.clone().unwrap_or_else(|| format!("{} {}", record.method, record.target));
    ReportEntry {
        title: report_line(&title),
        line: report_line(&format!("{} {}", record.method, record.target)),
        facts,
        headers,
        body,
        response,
        deliveries,
    }
}

/// Returns the result of a delivery in words.
fn outcome(made: &Delivery) -> String {
    let result = match (made.status, made.reason.as_ref().or(made.error.as_ref())) {
        (Some(status), _) => format!("The app responded {status}"),
        (None, Some(reason)) => reason.trim_end_matches('.').to_owned(),
        (None, None) => "No response yet".into(),
    };
    let duration = made.duration_ms.map_or(String::new(), |ms| format!(" in {ms:.1} ms"));
    let attempts = if made.attempts > 1 { format!(", {} attempts", made.attempts) } else { String::new() };
    format!("{result}{duration}{attempts}.")
}
