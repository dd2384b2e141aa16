//! The table of fields: what can be asked of a request. A part of the product that adds something
//! to ask for adds a row.

use serde::Serialize;
use utoipa::ToSchema;

/// How a field's values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryFieldKind {
    /// One word of a vendor or of HTTP: `:` is equality without regard to ASCII case.
    Word,
    /// Text: `:` is "contains".
    Text,
    /// Named values (`header.NAME`): `:` is equality, `>` and `<` compare numbers and dates.
    Named,
    /// A whole number.
    Number,
    /// Bytes, with units (`10kb`, `1MiB`).
    Size,
    /// How long ago (`2h`, `3d`).
    Age,
    /// A moment: a date, a time, or how long ago.
    Moment,
    /// `true` or `false`.
    Flag,
}

/// One thing that can be asked of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueryField {
    /// Its name, as written in front of the operator.
    pub name: &'static str,
    /// How its values are compared.
    pub kind: QueryFieldKind,
    /// What it is, in a line.
    pub means: &'static str,
    /// A term that uses it.
    pub example: &'static str,
    /// Every value it can have, if they are few.
    pub values: &'static [&'static str],
}

const fn field(name: &'static str, kind: QueryFieldKind, means: &'static str, example: &'static str) -> QueryField {
    QueryField { name, kind, means, example, values: &[] }
}

const FLAG: &[&str] = &["true", "false"];

/// Every field.
pub const FIELDS: &[QueryField] = &[
    field("inbox", QueryFieldKind::Word, "name of its inbox", "inbox:shop"),
    field("id", QueryFieldKind::Word, "the request's own id", "id:019a…"),
    field("method", QueryFieldKind::Word, "HTTP method", "method:POST"),
    field("path", QueryFieldKind::Text, "target up to the question mark", "path:/orders"),
    field("target", QueryFieldKind::Text, "path and query as sent", "target:page=2"),
    field("status", QueryFieldKind::Number, "status the sender was answered; 5xx is 500 to 599", "status:>=400"),
    field("provider", QueryFieldKind::Word, "vendor that sent it", "provider:stripe"),
    field("event", QueryFieldKind::Word, "event type as the vendor names it", "event:chat.*"),
    field("eventid", QueryFieldKind::Word, "the event's own id", "eventid:evt_1"),
    QueryField {
        values: &["valid", "invalid", "unsigned", "unchecked"],
        ..field("verdict", QueryFieldKind::Word, "whether the signature holds", "verdict:invalid")
    },
    field("reason", QueryFieldKind::Word, "why the signature does not hold", "reason:stale"),
    field("header", QueryFieldKind::Named, "a header's value", "header.user-agent:curl*"),
    field("query", QueryFieldKind::Named, "a value in the target's query", "query.page:2"),
    field("body", QueryFieldKind::Named, "a value in a JSON body", "body.data.items[*].price:>10"),
    field("form", QueryFieldKind::Named, "a field of a form", "form.email:*@example.com"),
    field("size", QueryFieldKind::Size, "size of the body", "size:>1mb"),
    field("age", QueryFieldKind::Age, "how long ago it arrived", "age:<2h"),
    field("after", QueryFieldKind::Moment, "arrived at or after", "after:2026-11-01"),
    field("before", QueryFieldKind::Moment, "arrived before", "before:yesterday"),
    field("peer", QueryFieldKind::Text, "the sender's address", "peer:127.0.0.1"),
    field("note", QueryFieldKind::Text, "a person's note", "note:\"ask Ann\""),
    field("source", QueryFieldKind::Text, "name of the file it was imported from", "source:customer.har"),
    QueryField { values: FLAG, ..field("pinned", QueryFieldKind::Flag, "whether it is pinned", "pinned:true") },
    QueryField { values: FLAG, ..field("unread", QueryFieldKind::Flag, "whether nobody has opened it", "unread:true") },
    QueryField {
        values: FLAG,
        ..field(
            "duplicate",
            QueryFieldKind::Flag,
            "whether its event had arrived in this inbox before",
            "duplicate:true",
        )
    },
];

/// The field of a name, in any case.
pub(crate) fn named(name: &str) -> Option<&'static QueryField> {
    FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name))
}

/// The field whose name is most like a wrong one.
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
    fn the_page_for_people_has_every_field() {
        let page = include_str!("../../../../docs/query.md");
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
