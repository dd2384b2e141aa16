//! Tests of all formats: round trips, and samples of other tools.

use std::io::Write;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookbench_capture::header_list;
use hookbench_model::{BodyState, FileFormat, HeaderNames, HttpVersion, InboxResponse};
use proptest::prelude::*;
use serde::Deserialize;

use super::{bytes::Exact, record::is_absolute, *};

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("it is written");
    file
}

fn read_all(format: FileFormat, bytes: &[u8]) -> Vec<Result<Record, String>> {
    let mut all = Vec::new();
    let read = read(format, &mut file(bytes), &mut |_| (), &mut |_, entry| {
        all.push(entry);
        ControlFlow::Continue(())
    });
    all.extend(read.err().map(|bad| Err(format!("{}: {}", bad.place, bad.why))));
    all
}

fn write_all(format: FileFormat, records: &[Record]) -> Vec<u8> {
    let mut writer = Writer::new(format).expect("it is written");
    let mut bytes = writer.begin().expect("a beginning");
    for record in records {
        bytes.extend(writer.request(record).expect("a request"));
    }
    bytes.extend(writer.end().expect("an end"));
    bytes
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "(GET|POST) / HTTP/1\\.1\r\n\r\n.{0,20}".prop_map(String::into_bytes),
        "\\{\"a\":\".{0,20}\"\\}".prop_map(String::into_bytes),
        "[=+@,\"'\r\n;\\\\ -]{0,30}".prop_map(String::into_bytes),
        "\\PC{0,50}".prop_map(String::into_bytes),
    ]
}

fn header() -> impl Strategy<Value = (Exact, Exact)> {
    let name = prop_oneof![Just("Content-Type".to_owned()), Just("host".to_owned()), "[A-Za-z][A-Za-z0-9_.!-]{0,12}"];
    let value = prop::collection::vec(any::<u8>().prop_filter("no line break", |b| *b >= b' ' && *b != 0x7f), 0..30);
    (name, value)
        .prop_filter("framing is the format's own", |(name, _)| {
            !["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str())
        })
        .prop_map(|(name, value)| (Exact(name.into()), Exact(value.trim_ascii().to_vec())))
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        "/[!-~]{0,30}",
        "/[\"<>`{}|^\\\\é€ß]{0,9}\\?[ -~&&[^ #]]{0,9}",
        Just("*".to_owned()),
        "http://[a-z]{1,5}/[!-~&&[^#]]{0,9}",
    ]
}

prop_compose! {
    fn record()(
        method in prop_oneof!["[A-Z]{1,8}", "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}"],
        target in target().prop_filter("a fragment is never sent", |target| !target.contains('#')),
        headers in prop::collection::vec(header(), 0..6),
        body in bytes(),
        ms in prop::option::of(0_i64..4_000_000_000_000),
        (version, names, state) in (
            prop::sample::select(vec![None, Some(HttpVersion::Http10), Some(HttpVersion::Http2)]),
            prop::sample::select(vec![None, Some(HeaderNames::Lowercase), Some(HeaderNames::Normalized)]),
            prop::sample::select(vec![None, Some(BodyState::BrokenOff), Some(BodyState::Stalled)]),
        ),
        trailers in prop::collection::vec(header(), 0..3),
        (pinned, note, inbox, status, responded) in (any::<bool>(), "\\PC{0,20}", prop::option::of("[a-z]{1,8}"), prop::option::of(200_u16..599), any::<bool>()),
    ) -> Record {
        Record {
            inbox,
            arrived_at: ms.map(|ms| Timestamp::from_millisecond(ms).expect("a time")),
            receiving_ms: 1.25,
            method,
            target,
            version,
            remote_address: Some("192.0.2.7:80".into()),
            headers,
            names,
            body: Exact(body),
            body_state: state,
            trailers,
            status,
            response: responded.then(|| InboxResponse { status: 201, headers: vec![("X".into(), "é".into())], body: note.clone(), ..InboxResponse::default() }),
            pinned,
            note,
            ..Record::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn round_trips_exports(records in prop::collection::vec(record(), 0..5)) {
        for format in [FileFormat::Jsonl, FileFormat::Archive, FileFormat::Har] {
            let written = write_all(format, &records);
            let mut read = read_all(format, &written).into_iter().collect::<Result<Vec<_>, _>>().expect("every entry reads");
            for (record, original) in read.iter_mut().zip(&records) {
                // HAR must have a time.
                if format == FileFormat::Har && original.arrived_at.is_none() {
                    record.arrived_at = None;
                }
            }
            prop_assert_eq!(&read, &records, "{:?}", format);
            if !records.is_empty() {
                prop_assert_eq!(sniff(&written), Some(format));
            }
        }
    }

    /// A table contains all fields except the response.
    #[test]
    fn round_trips_csv_rows(records in prop::collection::vec(record(), 0..5)) {
        let written = write_all(FileFormat::Csv, &records);
        let read = read_all(FileFormat::Csv, &written);
        prop_assert_eq!(read.len(), records.len());
        for (read, record) in read.into_iter().zip(&records) {
            let read = read.expect("a row");
            let mut expected = Record { response: None, ..record.clone() };
            expected.names = Some(expected.names.unwrap_or(HeaderNames::Exact));
            prop_assert_eq!(read, expected);
        }
    }

    /// A message contains method, target, version, headers, body and, if chunked, trailers.
    #[test]
    fn round_trips_raw_messages(records in prop::collection::vec((record(), 0..3), 1..6)) {
        let records: Vec<Record> = records.into_iter().map(|(mut record, framing)| {
            let framing = match framing {
                0 => Some(("Transfer-Encoding", "chunked".to_owned())),
                1 => Some(("Content-Length", record.body.0.len().to_string())),
                // A message without framing has no body.
                _ => {
                    record.body = Exact::default();
                    None
                }
            };
            if is_absolute(&record.target) {
                record.headers.push((Exact(b"Host".to_vec()), Exact(b"a".to_vec())));
            }
            record.headers.extend(framing.map(|(name, value)| (Exact(name.into()), Exact(value.into()))));
            record
        }).collect();
        let read = read_all(FileFormat::Raw, &write_all(FileFormat::Raw, &records));
        prop_assert_eq!(read.len(), records.len());
        for (read, record) in read.into_iter().zip(records) {
            let read = read.expect("a message");
            let chunked = record.header("transfer-encoding").is_some();
            prop_assert_eq!((read.method, read.target, read.version), (record.method, record.target, record.version));
            prop_assert_eq!(read.headers, record.headers);
            prop_assert_eq!(read.body, record.body);
            prop_assert_eq!(read.trailers, if chunked { record.trailers } else { Vec::new() });
        }
    }

    #[test]
    fn round_trips_generated_curl_commands(record in record()) {
        let mut block = Vec::new();
        for (Exact(name), Exact(value)) in &record.headers {
            if std::str::from_utf8(value).is_ok() {
                block.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
            }
        }
        let sent = (&*record.method, &*record.target);
        let message = hookbench_codegen::CodeRequest::new("http://127.0.0.1:1", sent, header_list(&block), &record.body.0, true, false);
        let command = hookbench_codegen::CodeFormat::Curl.write(&message).expect("curl sends anything");
        let read = read_all(FileFormat::Curl, command.as_bytes());
        prop_assert_eq!(read.len(), 1, "{}", command);
        let read = read[0].as_ref().expect("a request");
        prop_assert_eq!(&read.body, &record.body, "{}", command);
        prop_assert_eq!(&read.method, &record.method);
        if record.target.starts_with('/') {
            prop_assert_eq!(&read.target, &record.target);
        }
    }

    #[test]
    fn survives_arbitrary_bytes(bytes in bytes(), format in prop::sample::select(vec![
        FileFormat::Har, FileFormat::Jsonl, FileFormat::Csv, FileFormat::Raw, FileFormat::Curl, FileFormat::WebhookSite, FileFormat::Archive,
    ])) {
        for entry in read_all(format, &bytes) {
            let _ = entry.map(|record| record.captured(1, 1_000, 1));
        }
        let _ = sniff(&bytes);
    }
}

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/samples/");

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{SAMPLES}{name}")).expect("a sample")
}

/// Request as recorded by a server, or as sent by curl.
#[derive(Deserialize)]
struct Truth {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_base64: String,
    #[serde(default)]
    cmd_same_as_browser_body: bool,
}

fn truth<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    serde_json::from_slice(&sample(name)).expect("the truth")
}

fn lower(headers: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    headers.sort();
    headers
}

fn text_of(headers: &[(Exact, Exact)]) -> impl Iterator<Item = (String, String)> {
    headers.iter().map(|(name, value)| {
        (String::from_utf8_lossy(&name.0).into_owned(), String::from_utf8_lossy(&value.0).into_owned())
    })
}

#[test]
fn reads_har_files_of_browsers_and_proxies() {
    for (name, noted) in [("chromium", 7), ("mitmproxy", 2)] {
        let bytes = sample(&format!("{name}.har"));
        assert_eq!(sniff(&bytes[..bytes.len().min(SNIFFED as usize)]), Some(FileFormat::Har));
        let records = read_all(FileFormat::Har, &bytes);
        let truths: Vec<Option<Truth>> = truth(&format!("{name}.truth.json"));
        assert_eq!(records.len(), truths.len(), "{name}");
        let mut with_note = 0;
        for (number, (record, truth)) in records.into_iter().zip(truths).enumerate() {
            let record = record.unwrap_or_else(|why| panic!("{name} {number}: {why}"));
            let Some(truth) = truth else { continue };
            assert_eq!((&record.method, &record.target), (&truth.method, &truth.url), "{name} {number}");
            let sent = STANDARD.decode(&truth.body_base64).expect("base64");
            if record.note.is_empty() {
                assert_eq!(record.body.0, sent, "{name} {number}");
                let names =
                    |headers: Vec<(String, String)>| headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
                assert_eq!(
                    names(lower(text_of(&record.headers))),
                    names(lower(truth.headers.into_iter())),
                    "{name} {number}"
                );
            } else {
                with_note += 1;
                println!("{name} {number}: {}", record.note);
            }
            record.captured(1, 1 << 20, i64::MAX).unwrap_or_else(|why| panic!("{name} {number}: {why}"));
        }
        assert_eq!(with_note, noted, "{name}: bodies that differ from the sent ones");
    }
}

#[test]
fn skips_only_broken_har_entries() {
    let edge = read_all(FileFormat::Har, &sample("mitmproxy-edge.har"));
    assert!(edge.iter().all(Result::is_ok), "{edge:?}");
    assert!(
        edge.iter().flatten().any(|record| std::str::from_utf8(&record.body.0).is_err()),
        "bytes that are not UTF-8"
    );
    let second = read_all(FileFormat::Har, &sample("chromium-h2.har"));
    for record in second.iter().flatten() {
        assert!(record.header("host").is_some() && record.version == Some(HttpVersion::Http2));
        assert!(record.headers.iter().all(|(name, _)| !name.0.starts_with(b":")));
    }
    let broken = br#"{"log":{"version":"1.2","creator":{},"entries":[{"request":{"method":"GET","url":"http://a/"}},{"request":{"url":7}},{"request":{"method":"PUT","url":"http://a/b"}}"#;
    let read = read_all(FileFormat::Har, broken);
    assert_eq!(read.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false]);
    assert!(read[3].as_ref().expect_err("it breaks off").starts_with("after entry 3"));
}

#[test]
fn reads_curl_commands_of_chromium() {
    let truths: Vec<Truth> = truth("chromium-curl-expected.json");
    for name in ["chromium-curl-bash.txt", "chromium-curl-bash-2022.txt", "chromium-curl-cmd.txt"] {
        let bytes = sample(name);
        assert_eq!(sniff(&bytes), Some(FileFormat::Curl), "{name}");
        let records = read_all(FileFormat::Curl, &bytes);
        assert_eq!(records.len(), truths.len(), "{name}");
        for (number, (record, truth)) in records.into_iter().zip(&truths).enumerate() {
            let record = record.unwrap_or_else(|why| panic!("{name} {number}: {why}"));
            let place = format!("{name} {number}");
            assert_eq!(record.method, truth.method, "{place}");
            let sent = STANDARD.decode(&truth.body_base64).expect("base64");
            if name.contains("bash") {
                assert_eq!(
                    format!(
                        "https://{}{}",
                        String::from_utf8_lossy(record.header("host").expect("a host")),
                        record.target
                    ),
                    truth.url,
                    "{place}"
                );
            }
            if name.contains("bash") || truth.cmd_same_as_browser_body {
                assert_eq!(String::from_utf8_lossy(&record.body.0), String::from_utf8_lossy(&sent), "{place}");
            }
            if name == "chromium-curl-bash.txt" {
                let added = ["Host", "Content-Length", "Content-Type"];
                let given = text_of(&record.headers).filter(|(name, _)| {
                    !added.contains(&name.as_str()) || truth.headers.iter().any(|(own, _)| own == name)
                });
                assert_eq!(lower(given), lower(truth.headers.iter().cloned()), "{place}");
            }
        }
    }
}

#[test]
fn reads_lists_of_webhook_site() {
    let bytes = sample("webhook-site.json");
    assert_eq!(sniff(&bytes), Some(FileFormat::WebhookSite));
    let records: Vec<Record> =
        read_all(FileFormat::WebhookSite, &bytes).into_iter().map(|r| r.expect("a request")).collect();
    assert_eq!(records.len(), 3);
    assert_eq!(records[0].target, "/3f6d2c1e-8b7a-4c5d-9e0f-1a2b3c4d5e6f/orders");
    assert_eq!(records[0].arrived_at.expect("a time").to_string(), "2026-11-20T14:27:26Z");
    assert!(records[0].body.0.starts_with(br#"{"event":"order.created""#));
    assert_eq!(records[1].headers.iter().filter(|(name, _)| name.0 == b"x-multi").count(), 2);
    let alone = read_all(FileFormat::WebhookSite, &sample("webhook-site-multipart.json"));
    assert!(matches!(&alone[..], [Ok(record)] if record.method == "POST"), "{alone:?}");
    assert_eq!(records[2].target, "/3f6d2c1e-8b7a-4c5d-9e0f-1a2b3c4d5e6f/verify?q=a%20b%26c&lang=%C3%BC");
}

#[test]
fn detects_formats() {
    for (text, format) in [
        ("POST /x HTTP/1.1\r\nHost: a\r\n\r\n", Some(FileFormat::Raw)),
        ("\n\nGET http://a/ HTTP/1.1\n\n", Some(FileFormat::Raw)),
        ("$ curl http://a", Some(FileFormat::Curl)),
        ("\u{feff}{\"method\":\"GET\"}\n{}", Some(FileFormat::Jsonl)),
        ("id,Method,URL,content\n", Some(FileFormat::Csv)),
        ("[{\"uuid\":1}]", Some(FileFormat::WebhookSite)),
        ("hello", None),
        ("", None),
    ] {
        assert_eq!(sniff(text.as_bytes()), format, "{text:?}");
    }
}
