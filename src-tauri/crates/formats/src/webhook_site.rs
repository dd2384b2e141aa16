//! Requests of webhook.site's API (<https://docs.webhook.site/api/requests.html>): `{"data": […]}`, a bare array, or a
//! single request.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
};

use hookbench_model::HeaderNames;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{BOM, ENTRY_MAX, ImportError, Record, SNIFFED, Take, bytes::Exact, json_array::each, object};

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Captured {
    r#type: Option<String>,
    ip: Option<String>,
    method: String,
    url: String,
    content: Option<String>,
    headers: Option<Value>,
    created_at: Option<String>,
    note: Option<String>,
    /// Form fields, decoded.
    request: Option<Value>,
    size: Option<i64>,
}

/// Returns true if a file is a list, or false if the file is a single request.
pub(super) fn is_list(file: &mut File) -> Result<bool, ImportError> {
    let unreadable = |e: std::io::Error| ImportError::new("the file", e.to_string());
    let mut first = Vec::new();
    file.take(SNIFFED).read_to_end(&mut first).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let has = |key: &[u8]| memchr::memmem::find(&first, key).is_some();
    Ok(first.strip_prefix(BOM).unwrap_or(&first).trim_ascii_start().starts_with(b"[")
        || has(b"\"data\"")
        || !has(b"\"uuid\""))
}

/// Reads a single request.
pub(super) fn read_one(file: &mut File, take: Take<'_>) -> Result<(), ImportError> {
    let mut file = BufReader::new(file.take(ENTRY_MAX));
    if file.fill_buf().is_ok_and(|first| first.starts_with(BOM)) {
        file.consume(BOM.len());
    }
    let one = serde_json::from_reader::<_, Box<RawValue>>(file).map_err(|e| e.to_string());
    let _ = take(1, one.and_then(|raw| object::record(raw.get())));
    Ok(())
}

/// Reads a list of requests, and skips emails and DNS lookups.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), ImportError> {
    let mut number = 0;
    let done = each(file, &["data"], &mut |raw| {
        number += 1;
        let read = serde_json::from_str::<Captured>(raw);
        if read.is_ok_and(|captured| captured.r#type.as_deref().is_some_and(|kind| kind != "web")) {
            return std::ops::ControlFlow::Continue(());
        }
        take(number, object::record(raw))
    });
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(ImportError::new("the file", "no list of requests (data)")),
        Err(why) => Err(ImportError::new(format!("after request {number}"), why)),
    }
}

/// Parses one request of the API.
pub(super) fn one(raw: &str) -> Result<Record, String> {
    serde_json::from_str::<Captured>(raw).map_err(|e| e.to_string()).and_then(record)
}

fn record(captured: Captured) -> Result<Record, String> {
    let headers: Map<String, Value> = match captured.headers {
        Some(Value::Object(headers)) => headers,
        _ => Map::new(),
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut record = Record {
        method: captured.method,
        headers: headers
            .iter()
            .flat_map(|(name, values)| match values {
                Value::Array(values) => values.iter().map(|value| (name, text(value))).collect::<Vec<_>>(),
                value => vec![(name, text(value))],
            })
            .map(|(name, value)| (Exact(name.as_str().into()), Exact(value.into())))
            .collect(),
        // webhook.site returns header names in lower case and without the sender's order.
        names: Some(HeaderNames::Normalized),
        remote_address: captured.ip,
        arrived_at: captured.created_at.as_deref().and_then(|text| super::moment(text).ok()),
        note: captured.note.unwrap_or_default(),
        ..Record::default()
    };
    if !captured.url.is_empty() {
        record.set_url(&captured.url);
    }
    record.body = Exact(captured.content.unwrap_or_default().into());
    if record.body.is_empty()
        && let Some(Value::Object(fields)) = captured.request.filter(|_| captured.size != Some(0))
        && record.header("content-type").is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded"))
    {
        let mut form = form_urlencoded::Serializer::new(String::new());
        fields.iter().for_each(|(name, value)| {
            form.append_pair(name, &text(value));
        });
        record.body = Exact(form.finish().into());
    }
    if record.body.is_empty() && captured.size.is_some_and(|size| size > 0) && record.note.is_empty() {
        record.note = "The file does not contain this body: webhook.site does not export forms with files.".into();
    }
    record.named()
}
