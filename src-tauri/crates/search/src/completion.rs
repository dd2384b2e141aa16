//! Completion of a query that is being typed: fields, and names and values from stored requests.

use std::{collections::BTreeSet, ops::ControlFlow};

use hookbench_capture::header_list;
use hookbench_model::QueryCompletion;
use hookbench_query::{FIELDS, QueryField, QueryFieldKind, Subject, Uses, Walk, key_in_path, looks_like_json, walk};
use rusqlite::Connection;

use super::{
    InboxSnapshot,
    scan::{self, rows},
};

/// Number of the newest requests that names and values are taken from.
const SEEN: u32 = 200;

/// Maximum length of a suggested value, in characters. Longer values are rarely chosen.
const VALUE_MAX: usize = 80;

/// Maximum number of completions.
const COMPLETIONS_MAX: usize = 50;

/// Maximum size of a JSON body that is read, in bytes.
const JSON_MAX: usize = 64 * 1024;

/// Part of the query at the caret.
enum CompletionTarget<'t> {
    /// A field name, as typed so far.
    Field(&'t str),
    /// The name of a header, query parameter, form field or body path.
    Name(&'static QueryField, &'t str),
    /// A value of a field, with the name if the field has one.
    Value(&'static QueryField, &'t str, &'t str),
}

/// Returns the word before the caret.
fn word(before: &str) -> &str {
    let mut quoted = false;
    let mut start = 0;
    for (at, c) in before.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if !quoted && (c.is_whitespace() || c == '(') => start = at + c.len_utf8(),
            _ => {}
        }
    }
    before[start..].trim_start_matches('-')
}

fn target_of(word: &str) -> CompletionTarget<'_> {
    let operator = word.find([':', '=', '>', '<']);
    let (head, value) = match operator {
        Some(at) => (&word[..at], Some(word[at..].trim_start_matches([':', '=', '>', '<']).trim_start_matches('"'))),
        None => (word, None),
    };
    let (name, rest) = head.split_once('.').unwrap_or((head, ""));
    let field = FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    match (field, value) {
        (Some(field), Some(value)) => CompletionTarget::Value(field, rest, value),
        (Some(field), None) if head.contains('.') && field.kind == QueryFieldKind::Named => {
            CompletionTarget::Name(field, rest)
        }
        _ => CompletionTarget::Field(head),
    }
}

/// Returns completions for the end of `before`, the query up to the caret. At most 50 completions are returned, those
/// that begin with the typed text first.
pub fn complete(
    connection: &Connection,
    known: &InboxSnapshot,
    providers: &[String],
    before: &str,
) -> rusqlite::Result<Vec<QueryCompletion>> {
    let word = word(before);
    let (typed, offered): (&str, Vec<(String, String)>) = match target_of(word) {
        CompletionTarget::Field(typed) => {
            (typed, FIELDS.iter().map(|field| (written(field), field.means.to_owned())).collect())
        }
        CompletionTarget::Name(field, typed) => (typed, named(seen(connection, known)?.names(field), ":")),
        CompletionTarget::Value(field, name, typed) => {
            let values = match field.name {
                _ if !field.values.is_empty() => field.values.iter().map(|value| (*value).to_owned()).collect(),
                "inbox" => known.names().into_iter().map(|(_, name)| name).collect(),
                "provider" => providers.to_vec(),
                "event" => distinct(connection, "event_type")?,
                "time" => ["today", "yesterday"].map(String::from).to_vec(),
                "app" => ["2xx", "4xx", ">=500", "0"].map(String::from).to_vec(),
                "age" | "after" | "before" => ["10m", "1h", "24h", "7d"].map(String::from).to_vec(),
                _ => seen(connection, known)?.values(field, name),
            };
            (typed, named(values.into_iter().map(|value| quoted(&value)).collect(), " "))
        }
    };
    let length = typed.chars().count();
    let at = before.chars().count() - length;
    let lower = typed.to_lowercase();
    let fits = |text: &str| text.trim_start_matches('"').to_lowercase().starts_with(&lower);
    let (mut first, rest): (Vec<_>, Vec<_>) = offered.into_iter().partition(|(text, _)| fits(text));
    // Completions that contain the typed text elsewhere come after those that begin with it.
    first.extend(rest.into_iter().filter(|(text, _)| !lower.is_empty() && text.to_lowercase().contains(&lower)));
    first.truncate(COMPLETIONS_MAX);
    // A typed quotation mark is replaced together with the value.
    let quote = usize::from(before[..before.len() - typed.len()].ends_with('"'));
    Ok(first
        .into_iter()
        .map(|(text, means)| QueryCompletion { text, means, at: at - quote, length: length + quote })
        .collect())
}

fn written(field: &QueryField) -> String {
    format!("{}{}", field.name, if field.kind == QueryFieldKind::Named { "." } else { ":" })
}

fn named(texts: Vec<String>, end: &str) -> Vec<(String, String)> {
    texts.into_iter().map(|text| (format!("{text}{end}"), String::new())).collect()
}

/// Formats a value for a query, in quotes if the parser would otherwise interpret it differently.
fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && !value.contains(|c: char| c.is_whitespace() || "\"()*".contains(c))
        && !value.starts_with('/');
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// Returns up to 500 distinct values of a column of `request_verification`, by jumping from one value to the next in
/// the index.
fn distinct(connection: &Connection, column: &str) -> rusqlite::Result<Vec<String>> {
    let sql = format!(
        "WITH RECURSIVE next (value) AS (
           SELECT min({column} COLLATE NOCASE) FROM request_verification WHERE {column} IS NOT NULL
           UNION ALL SELECT (SELECT min({column} COLLATE NOCASE) FROM request_verification WHERE {column} > value COLLATE NOCASE) FROM next WHERE value IS NOT NULL
         ) SELECT value FROM next WHERE value IS NOT NULL LIMIT 500"
    );
    connection.prepare_cached(&sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Names and values of the newest requests.
#[derive(Default)]
struct NewestValues {
    /// Field, name and value. Names of body values are paths.
    values: BTreeSet<(&'static str, String, String)>,
}

impl NewestValues {
    fn names(&self, field: &QueryField) -> Vec<String> {
        let named = self.values.iter().filter(|(of, name, _)| *of == field.name && !name.is_empty());
        let names: BTreeSet<&str> = named.map(|(_, name, _)| name.as_str()).collect();
        names.into_iter().map(String::from).collect()
    }

    fn values(&self, field: &QueryField, name: &str) -> Vec<String> {
        let wanted = |(of, own, _): &&(&str, String, String)| *of == field.name && own.eq_ignore_ascii_case(name);
        self.values.iter().filter(wanted).map(|(.., value)| value.clone()).collect()
    }

    fn add(&mut self, field: &'static str, name: &str, value: &str) {
        let value = if value.chars().count() <= VALUE_MAX { value } else { "" };
        self.values.insert((field, name.to_owned(), value.to_owned()));
    }

    fn look_at(&mut self, subject: &Subject<'_>) {
        self.add("method", "", subject.method);
        self.add("status", "", &subject.status.to_string());
        self.add("path", "", subject.target.split_once('?').map_or(subject.target, |(path, _)| path));
        if let Some((_, query)) = subject.target.split_once('?') {
            form_urlencoded::parse(query.as_bytes()).for_each(|(name, value)| self.add("query", &name, &value));
        }
        for (name, value) in header_list(subject.headers) {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            // Credentials are not suggested.
            let value = if hookbench_provider::is_secret_header(name.as_bytes()) {
                ""
            } else {
                &*String::from_utf8_lossy(value)
            };
            self.add("header", &name, value);
        }
        let body = subject.json();
        if looks_like_json(body) && body.len() <= JSON_MAX {
            let mut paths = Paths { seen: self, path: String::new(), lengths: Vec::new() };
            let _ = walk(body, &mut paths);
        } else {
            for (name, value) in subject.form() {
                self.add("form", name, &String::from_utf8_lossy(value));
            }
        }
    }
}

struct Paths<'s> {
    seen: &'s mut NewestValues,
    path: String,
    lengths: Vec<usize>,
}

impl Walk for Paths<'_> {
    fn enter(&mut self, key: Option<&str>) {
        self.lengths.push(self.path.len());
        match key {
            Some(key) if self.path.is_empty() => self.path.push_str(&key_in_path(key)),
            Some(key) => {
                self.path.push('.');
                self.path.push_str(&key_in_path(key));
            }
            None => self.path.push_str("[*]"),
        }
    }

    fn leave(&mut self) {
        self.path.truncate(self.lengths.pop().unwrap_or(0));
    }

    fn scalar(&mut self, text: &str) {
        let path = self.path.clone();
        self.seen.add("body", &path, text);
    }
}

fn seen(connection: &Connection, known: &InboxSnapshot) -> rusqlite::Result<NewestValues> {
    let mut seen = NewestValues::default();
    let sql =
        scan::sql(Uses::default(), false, &format!("r.id IN (SELECT id FROM request ORDER BY id DESC LIMIT {SEEN})"));
    let _ = rows(connection, &sql, &[], known, &mut |subject| {
        seen.look_at(subject);
        ControlFlow::Continue(())
    })?;
    Ok(seen)
}
