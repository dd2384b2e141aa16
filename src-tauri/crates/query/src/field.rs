//! Table of the query fields. To add a field, add a row.

use serde::Serialize;
use utoipa::ToSchema;

/// Comparison of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryFieldKind {
    /// A word of a vendor or of HTTP. `:` compares for equality, ignoring ASCII case.
    Word,
    /// Text. `:` means "contains".
    Text,
    /// Named values (`header.NAME`). `:` compares for equality, `>` and `<` compare numbers and dates.
    Named,
    /// An integer.
    Number,
    /// A number of bytes with a unit (`10kb`, `1MiB`).
    Size,
    /// A duration before now (`2h`, `3d`).
    Age,
    /// A date, a time, or a duration before now.
    Moment,
    /// A day, a minute, or a range of two times (`15:24..15:39`).
    Period,
    /// `true` or `false`.
    Flag,
}

/// Query field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueryField {
    /// Name, as written before the operator.
    pub name: &'static str,
    /// Comparison of the values.
    pub kind: QueryFieldKind,
    /// Description in one line.
    pub means: &'static str,
    /// Example of a term with the field.
    pub example: &'static str,
    /// All possible values, if there are only a few.
    pub values: &'static [&'static str],
}

const fn field(name: &'static str, kind: QueryFieldKind, means: &'static str, example: &'static str) -> QueryField {
    QueryField { name, kind, means, example, values: &[] }
}

/// Former field names with their current names. Saved searches and rules may contain the former names.
const RENAMED: &[(&str, &str)] = &[("verdict", "signature"), ("peer", "ip")];

const FLAG: &[&str] = &["true", "false"];

/// All query fields.
pub const FIELDS: &[QueryField] = &[
    field("inbox", QueryFieldKind::Word, "name of the inbox", "inbox:shop"),
    field("id", QueryFieldKind::Word, "ID of the request", "id:019a…"),
    field("method", QueryFieldKind::Word, "HTTP method", "method:POST"),
    field("path", QueryFieldKind::Text, "request target up to the question mark", "path:/orders"),
    field("target", QueryFieldKind::Text, "request target as sent, with the query string", "target:page=2"),
    field("status", QueryFieldKind::Number, "status of the response; 5xx is 500 to 599", "status:>=400"),
    field(
        "app",
        QueryFieldKind::Number,
        "worst status that your app responded with; 0 if it did not respond",
        "app:>=500",
    ),
    field("provider", QueryFieldKind::Word, "provider that sent the request", "provider:stripe"),
    field("event", QueryFieldKind::Word, "event type of the provider", "event:chat.*"),
    field("eventid", QueryFieldKind::Word, "event ID of the provider", "eventid:evt_1"),
    QueryField {
        values: &["valid", "invalid", "expired", "unsigned", "unverified"],
        ..field("signature", QueryFieldKind::Word, "signature status", "signature:invalid")
    },
    QueryField {
        values: &["valid", "invalid"],
        ..field(
            "schema",
            QueryFieldKind::Word,
            "result of the validation against the schema of the event",
            "schema:invalid",
        )
    },
    field("reason", QueryFieldKind::Word, "reason for an invalid signature", "reason:expired"),
    field("header", QueryFieldKind::Named, "value of a header", "header.user-agent:curl*"),
    field("query", QueryFieldKind::Named, "value of a query parameter", "query.page:2"),
    field("body", QueryFieldKind::Named, "value in a JSON body", "body.data.items[*].price:>10"),
    field("form", QueryFieldKind::Named, "value of a form field", "form.email:*@example.com"),
    field("size", QueryFieldKind::Size, "size of the body", "size:>1mb"),
    field("time", QueryFieldKind::Period, "arrived on a day or in a time range", "time:15:24..15:39"),
    field("age", QueryFieldKind::Age, "time since arrival", "age:<2h"),
    field("after", QueryFieldKind::Moment, "arrived at or after", "after:2026-11-01"),
    field("before", QueryFieldKind::Moment, "arrived before", "before:yesterday"),
    field("ip", QueryFieldKind::Text, "remote address", "ip:127.0.0.1"),
    field("note", QueryFieldKind::Text, "note of a user", "note:\"ask Ann\""),
    field("source", QueryFieldKind::Text, "name of the imported file", "source:customer.har"),
    QueryField { values: FLAG, ..field("pinned", QueryFieldKind::Flag, "true if pinned", "pinned:true") },
    QueryField { values: FLAG, ..field("unread", QueryFieldKind::Flag, "true if not opened yet", "unread:true") },
    QueryField {
        values: FLAG,
        ..field(
            "duplicate",
            QueryFieldKind::Flag,
            "true if the same event arrived in this inbox before",
            "duplicate:true",
        )
    },
];

/// Returns the field with this name, ignoring case.
pub(crate) fn named(name: &str) -> Option<&'static QueryField> {
    let renamed = RENAMED.iter().find(|(old, _)| old.eq_ignore_ascii_case(name));
    let name = renamed.map_or(name, |(_, name)| name);
    FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name))
}

/// Returns the field whose name is most similar to an unknown one.
pub(crate) fn like(name: &str) -> Option<&'static QueryField> {
    let name = name.to_ascii_lowercase();
    FIELDS
        .iter()
        .map(|field| (strsim::damerau_levenshtein(field.name, &name), field))
        .filter(|(distance, field)| *distance <= 2 && *distance < field.name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, field)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_field_by_an_earlier_name() {
        assert_eq!(named("Verdict").map(|field| field.name), Some("signature"));
        assert_eq!(named("peer").map(|field| field.name), Some("ip"));
    }

    #[test]
    fn documents_every_field() {
        let page = include_str!("../../../../docs/search.md");
        for field in FIELDS {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", field.name))).unwrap_or_default();
            assert!(
                row.contains(field.means) && row.ends_with(&format!("`{}` |", field.example)),
                "{}: {row}",
                field.name
            );
        }
    }
}
