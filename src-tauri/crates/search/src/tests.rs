//! Property tests: a search, with or without the index, finds the same requests as matching every request in memory.

use std::{ops::ControlFlow, time::Duration};

use hookbench_capture::{IdTail, RowId};
use hookbench_query::{Query, Uses};
use hookbench_store::{migrate, request::InboxLabel};
use proptest::prelude::*;
use rusqlite::{Connection, params};
use tokio::time::Instant;

use super::{InboxSnapshot, Search, index::SearchIndex, rows, scan};

/// Current time in the tests.
const NOW_US: i64 = 1_790_000_000_000_000;

/// Signature status, provider, event type and event id.
type Verdict = (u8, Option<&'static str>, Option<&'static str>, Option<&'static str>);

#[derive(Debug, Clone)]
struct Stored {
    inbox: i64,
    method: &'static str,
    target: String,
    status: i64,
    minutes_ago: i64,
    headers: String,
    body: Option<Vec<u8>>,
    pinned: bool,
    note: &'static str,
    signature_status: Option<Verdict>,
}

fn words() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "alpha",
        "ALPHA",
        "beta",
        "chat.closed",
        "chat.rated",
        "Ünïcode",
        "ünïcode",
        "K",
        "k",
        "1",
        "1.0",
        "10",
        "100",
        "a b",
        "café",
        "evt_1",
        "EVT_1",
        "evt_2",
        "x",
        "",
        "visitor-789",
        "true",
        "null",
        "s\u{17f}",
    ])
}

/// Generates JSON bodies with unusual content that real senders send.
fn body() -> impl Strategy<Value = Option<Vec<u8>>> {
    let scalar = prop_oneof![
        words().prop_map(|word| serde_json::Value::from(word).to_string()),
        words()
            .prop_map(|word| word.chars().map(|c| format!("\\u{:04x}", c as u32)).collect::<String>())
            .prop_map(|text| format!("\"{text}\"")),
        prop::sample::select(vec![
            "1",
            "1.0",
            "10",
            "-0",
            "1e1",
            "true",
            "null",
            "12345678901234567890",
            "\"a\\/b\"",
            "\"\\ud83d\""
        ])
        .prop_map(String::from),
    ];
    let tree = scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((prop::sample::select(vec!["id", "data", "0", "two words", "ID"]), inner), 0..4)
                .prop_map(|entries| {
                    format!(
                        "{{{}}}",
                        entries.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect::<Vec<_>>().join(", ")
                    )
                }),
        ]
    });
    prop_oneof![
        6 => tree.clone().prop_map(|text| Some(text.into_bytes())),
        1 => tree.clone().prop_map(|text| Some(text.as_bytes()[..text.len() / 2].to_vec())),
        1 => (tree.clone(), words()).prop_map(|(text, word)| Some(format!("{text}{}{word}", " filler ".repeat(900)).into_bytes())),
        1 => (words(), words()).prop_map(|(a, b)| Some(form_urlencoded::Serializer::new(String::new()).append_pair("id", a).append_pair("data", b).finish().into_bytes())),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        1 => Just(None),
    ]
}

fn stored() -> impl Strategy<Value = Stored> {
    let head =
        (1..4_i64, prop::sample::select(vec!["POST", "GET", "post"]), words(), words(), 200..204_i64, 0..300_i64);
    let signature_status = prop::option::of((
        0..4_u8,
        prop::option::of(prop::sample::select(vec!["stripe", "github"])),
        prop::option::of(prop::sample::select(vec!["chat.closed", "Chat.Closed", "chat.rated", "\u{212a}"])),
        prop::option::of(prop::sample::select(vec!["evt_1", "EVT_1", "evt_2"])),
    ));
    let kind = prop::sample::select(vec!["application/json", "application/x-www-form-urlencoded", "text/plain"]);
    (head, body(), any::<bool>(), prop::sample::select(vec!["", "Ask Ann", "done"]), signature_status, kind, words())
        .prop_map(
            |(
                (inbox, method, path, value, status, minutes_ago),
                body,
                pinned,
                note,
                signature_status,
                kind,
                header,
            )| {
                let query = form_urlencoded::Serializer::new(String::new()).append_pair("id", value).finish();
                Stored {
                    inbox,
                    method,
                    target: format!("/{}?{query}", path.replace(' ', "%20")),
                    status,
                    minutes_ago,
                    headers: format!("Content-Type: {kind}\r\nX-Event: {header}\r\nX-Event: second\r\n"),
                    body,
                    pinned,
                    note,
                    signature_status,
                }
            },
        )
}

fn term() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        4 => words().prop_map(|word| format!("\"{word}\"")),
        2 => words().prop_filter("a word", |word| !word.is_empty() && !word.contains(' ')).prop_map(String::from),
        1 => prop::sample::select(vec!["*", "chat.*", "*1*", "evt_*", "/[0-9]+/", "/CHAT/i", "*pha"]).prop_map(String::from),
    ];
    let named = prop::sample::select(vec![
        "method",
        "path",
        "target",
        "provider",
        "event",
        "eventid",
        "reason",
        "header.x-event",
        "header.content-type",
        "query.id",
        "form.id",
        "form.data",
        "body.id",
        "body.data.id",
        "body.data[0].id",
        "body.data.0",
        "body[*].id",
        "body.data[*]",
        "body.\"two words\"",
        "body.*",
        "note",
        "ip",
        "inbox",
        "id",
    ]);
    prop_oneof![
        4 => value.clone().prop_filter("text", |text| text != "\"\""),
        8 => (named, prop::sample::select(vec![":", "=", ":"]), value).prop_map(|(field, operator, value)| format!("{field}{operator}{value}")),
        2 => (prop::sample::select(vec!["body.id", "body.data.id", "header.x-event", "query.id"]), prop::sample::select(vec![">", "<=", ":>=", "<"]), prop::sample::select(vec!["1", "10", "b"]))
            .prop_map(|(field, operator, value)| format!("{field}{operator}{value}")),
        3 => prop::sample::select(vec![
            "status:200", "status:>=202", "status:2xx", "status:200..201", "size:>20", "size:<=1kb", "age:<1h", "age:>2h", "after:100m", "before:30m",
            "signature:valid", "signature:*", "signature:un*", "schema:valid", "schema:invalid", "schema:*", "pinned:true", "pinned:false", "source:customer", "source:*", "unread:true", "duplicate:true", "duplicate:false", "inbox:s*",
        ]).prop_map(String::from),
    ]
}

fn query() -> impl Strategy<Value = String> {
    term().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|terms| terms.join(" ")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.prop_map(|a| format!("not {a}")),
        ]
    })
}

fn inboxes() -> [(i64, InboxLabel); 3] {
    [(1, "shop", 0), (2, "support", i64::MAX), (3, "alpha", 0)]
        .map(|(number, name, read_cursor)| (number, InboxLabel { name: name.into(), read_cursor }))
}

fn store(requests: &[Stored]) -> (Connection, Vec<RowId>) {
    let mut connection = Connection::open_in_memory().expect("a database in memory");
    migrate(&mut connection).expect("a schema");
    let mut last = RowId(0);
    let ids = requests.iter().map(|request| {
        let arrived_us = NOW_US - request.minutes_ago * 60_000_000;
        last = RowId::next(last, arrived_us / 1_000);
        connection.execute(
            "INSERT INTO request (id, inbox, arrived_us, receiving_us, method, version, names, body_state, status, body_bytes, remote_address, target, headers, body)
             VALUES (?1, ?2, ?3, 0, ?4, 11, 0, 0, ?5, ?6, '127.0.0.1:1', ?7, ?8, ?9)",
            params![last.0, request.inbox, arrived_us, request.method, request.status, request.body.as_ref().map_or(0, Vec::len) as i64, request.target, request.headers.as_bytes(), request.body],
        ).expect("a request");
        connection.execute("INSERT INTO request_mark (request, pinned, note, source) VALUES (?1, ?2, ?3, ?4)", params![last.0, request.pinned, request.note, if request.pinned { "Customer.har" } else { "" }]).expect("marks");
        if let Some((state, provider, event_type, event_id)) = request.signature_status {
            connection.execute("INSERT INTO request_verification (request, state, reason, provider, event_type, event_id, violations) VALUES (?1, ?2, 'stale', ?3, ?4, ?5, ?6)", params![last.0, state, provider, event_type, event_id, [None, Some("[]"), Some("[{}]")][usize::from(state % 3)]]).expect("a verification");
        }
        last
    }).collect();
    (connection, ids)
}

fn known() -> InboxSnapshot {
    InboxSnapshot::new(IdTail::new(7), inboxes())
}

fn search(query: &str) -> Search {
    Search::new(Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}")), known(), String::new(), NOW_US)
}

/// Matches every request in memory, newest first.
fn oracle(connection: &Connection, query: &str) -> Vec<RowId> {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let everything = Uses { marks: true, signature_status: true, duplicate: true, app: true, content: true };
    let mut found = Vec::new();
    let _ = rows(connection, &scan::sql(everything, false, "1"), &[], &known(), &mut |subject| {
        if query.matches(subject, NOW_US) {
            found.push(subject.id);
        }
        ControlFlow::Continue(())
    })
    .expect("the store is readable");
    found
}

fn found(connection: &Connection, index: &SearchIndex, query: &str, limit: usize) -> Vec<RowId> {
    let search = search(query);
    let (mut all, mut after) = (Vec::new(), RowId(i64::MAX));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = search.page(connection, index, (after, RowId(-1)), limit, deadline).expect("a search");
        all.extend(found.ids);
        match found.cursor {
            Some(cursor) => after = cursor,
            None => return all,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn finds_the_same_with_and_without_the_index(mut requests in prop::collection::vec(stored(), 1..40), queries in prop::collection::vec(query(), 1..12), limit in 1..50_usize) {
        requests.sort_by_key(|request| -request.minutes_ago);
        let (connection, ids) = store(&requests);
        let folder = tempfile::tempdir().expect("a folder");
        let (none, index) = (SearchIndex::new(folder.path()), SearchIndex::new(folder.path()));
        // The newest quarter of the requests is not in blocks.
        index.make_for_test(&connection, &known(), ids[ids.len() * 3 / 4], ids.len() / 3 + 1);
        for query in queries {
            let oracle = oracle(&connection, &query);
            prop_assert_eq!(&found(&connection, &none, &query, limit), &oracle, "a scan for {}", query);
            prop_assert_eq!(&found(&connection, &index, &query, limit), &oracle, "the index for {}", query);
            let (count, cursor) = search(&query).count(&connection, &index, RowId(i64::MAX), u64::MAX, Instant::now() + Duration::from_secs(60)).expect("a count");
            prop_assert_eq!((count, cursor), (oracle.len() as u64, None), "the count of {}", query);
        }
    }
}

#[test]
fn returns_the_cursor_at_the_deadline() {
    let request = Stored {
        inbox: 1,
        method: "POST",
        target: "/".into(),
        status: 200,
        minutes_ago: 0,
        headers: String::new(),
        body: None,
        pinned: false,
        note: "",
        signature_status: None,
    };
    let (connection, ids) = store(&vec![request; 1_000]);
    let index = SearchIndex::new(std::path::Path::new("/nonexistent"));
    let mut after = RowId(i64::MAX);
    let mut looks = 0;
    while let Some(cursor) =
        search("absent").page(&connection, &index, (after, RowId(-1)), 10, Instant::now()).expect("a page").cursor
    {
        assert!(cursor < after);
        after = cursor;
        looks += 1;
    }
    assert!((2..2_000).contains(&looks), "{looks}");
    assert!(after >= ids[0]);
}
