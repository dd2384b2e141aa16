//! Reports of requests for a ticket: an HTML page or Markdown, with credentials masked.

use std::sync::Arc;

use hookbench_capture::{ReadError, RowId};
use hookbench_formats::{Record, Redaction};
use hookbench_model::{
    BodyState, Delivery, DeliveryOrigin, HeaderLine, MASK, ReportFormat, RequestReport, is_invisible, text,
};
use hookbench_query::looks_like_json;
use hookbench_store::{
    delivery,
    request::{StoredRequest, collect_body},
};
use minijinja::{AutoEscape, Environment, context};
use rusqlite::Connection;
use serde::Serialize;

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

/// A request as the templates show it.
#[derive(Serialize)]
struct Entry {
    title: String,
    line: String,
    facts: Vec<(&'static str, String)>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    response: Option<Response>,
    deliveries: Vec<App>,
}

/// Response that the sender got.
#[derive(Serialize)]
struct Response {
    headers: Vec<(String, String)>,
    body: Option<String>,
}

/// A forward or replay, with the response of the app.
#[derive(Serialize)]
struct App {
    title: String,
    outcome: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
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
    format: ReportFormat,
    options: &ReportOptions,
) -> Result<RequestReport, ReportError> {
    let every_secret = every_secret_path(&engine.providers.catalog());
    let (mut entries, mut left_out) = (Vec::new(), LeftOut::default());
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
    let content = render(format, &entries)?;
    let extension = match format {
        ReportFormat::Html => "html",
        ReportFormat::Markdown => "md",
    };
    Ok(RequestReport { file_name: format!("request-report.{extension}"), content, left_out: left_out.0 })
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

/// Data that a report does not contain, each kind once.
#[derive(Default)]
struct LeftOut(Vec<String>);

impl LeftOut {
    fn add(&mut self, what: &str) {
        if !self.0.iter().any(|own| own == what) {
            self.0.push(what.to_owned());
        }
    }

    fn headers(&mut self, headers: &[(String, String)]) {
        for (name, _) in headers.iter().filter(|(_, value)| value == MASK) {
            self.add(&format!("Value of the header {}", name.to_ascii_lowercase()));
        }
    }
}

fn entry(
    stored: &StoredRequest,
    record: &Record,
    exchanges: Vec<Exchange>,
    options: &ReportOptions,
    left_out: &mut LeftOut,
) -> Entry {
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
    if !record.note.is_empty() {
        facts.push(("Note", record.note.clone()));
    }
    if summary.body_state != BodyState::Complete {
        facts.push(("Body", "incomplete".into()));
    }
    let shown = |bytes: &[u8], most: usize, left_out: &mut LeftOut| match (bytes.is_empty(), options.bodies) {
        (true, _) => None,
        (_, false) => {
            left_out.add("Bodies of requests and responses");
            None
        }
        _ => Some(body_text(bytes, most)),
    };
    let body = shown(&record.body.0, BODY_MAX, left_out);
    let response = record.response.as_ref().map(|response| {
        left_out.headers(&response.headers);
        Response { headers: response.headers.clone(), body: shown(response.body.as_bytes(), BODY_MAX, left_out) }
    });
    let deliveries = exchanges
        .into_iter()
        .map(|(made, headers, body)| {
            let headers: Vec<_> = headers.into_iter().map(|line| (line.name, line.value)).collect();
            left_out.headers(&headers);
            let verb = if made.origin == DeliveryOrigin::Forward { "Forwarded" } else { "Replayed" };
            let url = hookbench_model::masked_url(&made.url).into_owned();
            App {
                title: format!("{verb} to {url}"),
                outcome: outcome(&made),
                headers,
                body: shown(&body, APP_BODY_MAX, left_out),
            }
        })
        .collect();
    let title = record.event_type.clone().unwrap_or_else(|| format!("{} {}", record.method, record.target));
    Entry {
        title: line(&title),
        line: line(&format!("{} {}", record.method, record.target)),
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

/// Returns a body as text: JSON is indented, and invisible characters are escaped.
fn body_text(bytes: &[u8], most: usize) -> String {
    let whole = text(bytes);
    let is_json = looks_like_json(bytes) && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    let shown = visible(&if is_json { indented(&whole) } else { whole });
    match shown.char_indices().find(|(at, _)| *at >= most) {
        Some((end, _)) => format!("{}\n… ({} bytes in total)", &shown[..end], bytes.len()),
        None => shown,
    }
}

/// Indents a valid JSON text. Numbers, escapes and the order of keys do not change.
fn indented(json: &str) -> String {
    let (mut out, mut depth, mut chars) = (String::with_capacity(json.len() * 2), 0_usize, json.chars().peekable());
    let end_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                let mut escaped = false;
                for c in chars.by_ref() {
                    out.push(c);
                    match c {
                        '"' if !escaped => break,
                        _ => escaped = c == '\\' && !escaped,
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    end_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                end_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                end_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Escapes characters that are invisible or change the direction of text.
fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        match is_invisible(c) && !matches!(c, '\n' | '\t') {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
        shown
    })
}

/// Returns a text on one line.
fn line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

fn render(format: ReportFormat, entries: &[Entry]) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    let template = match format {
        ReportFormat::Html => {
            environment.set_auto_escape_callback(|_| AutoEscape::Html);
            include_str!("report.html")
        }
        ReportFormat::Markdown => {
            environment.set_auto_escape_callback(|_| AutoEscape::None);
            environment.add_filter("fenced", fenced);
            environment.add_filter("inline", inline);
            include_str!("report.md")
        }
    };
    environment.render_str(template, context! { entries => entries })
}

/// Returns a text as a Markdown code block. The fence is longer than any in the text.
fn fenced(text: String) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Returns a text as Markdown code in a line. The delimiters are longer than any in the text.
fn inline(text: String) -> String {
    let text = line(&text);
    let mut tick = "`".to_owned();
    while text.contains(&tick) {
        tick.push('`');
    }
    match text.starts_with('`') || text.ends_with('`') {
        true => format!("{tick} {text} {tick}"),
        false => format!("{tick}{text}{tick}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            title: "</title><script>alert(1)</script> `x`".into(),
            line: "POST /shop".into(),
            facts: vec![("Inbox", "shop".into())],
            headers: vec![("X".into(), "<b>".into())],
            body: Some("```\n# no heading\n<img src=x onerror=alert(1)>".into()),
            response: None,
            deliveries: Vec::new(),
        }
    }

    #[test]
    fn escapes_hostile_content() {
        let html = render(ReportFormat::Html, &[entry()]).expect("a page");
        assert!(!html.contains("<script") && !html.contains("<img") && html.contains("&lt;script&gt;"), "{html}");
        let markdown = render(ReportFormat::Markdown, &[entry()]).expect("a text");
        assert!(markdown.contains("````\n```\n# no heading"), "{markdown}");
        assert!(markdown.contains("## `` </title><script>alert(1)</script> `x` ``"), "{markdown}");
    }

    #[test]
    fn indents_json_and_keeps_its_numbers() {
        assert_eq!(body_text(br#"{"b":1.50,"a":[]}"#, 100), "{\n  \"b\": 1.50,\n  \"a\": []\n}");
        assert_eq!(body_text("a\u{202e}b".as_bytes(), 100), "a\\u{202e}b");
        assert_eq!(body_text(&b"x".repeat(9), 4), "xxxx\n… (9 bytes in total)");
    }
}
