//! Conversion of a query to an SQL condition that every match satisfies, to reduce the number of requests that are
//! matched in memory.

use std::sync::LazyLock;

use hookbench_capture::RowId;
use hookbench_model::SignatureStatus;
use hookbench_query::{Node, Pattern, Place, QueryFieldKind, Term, Test};
use hookbench_store::{request::APP_STATUS, timeline::BEFORE, verification::SCHEMA_STATUS};
use rusqlite::Connection;

/// Resolves names in a query.
pub(crate) struct Names<'n> {
    pub(crate) now_us: i64,
    /// Number and name of every inbox.
    pub(crate) inboxes: &'n [(i64, String)],
    /// Returns the row of an id.
    pub(crate) row_of: &'n dyn Fn(&str) -> Option<RowId>,
}

/// SQL condition for a duplicate: an earlier request of the same event in the same inbox exists.
pub(crate) static DUPLICATE: LazyLock<String> =
    LazyLock::new(|| format!("(v.event_id IS NOT NULL AND EXISTS (SELECT 1 {BEFORE}))"));

/// Lists the duplicates after a row, up to and including the row `last`, oldest first.
pub fn duplicates(connection: &Connection, after: RowId, last: RowId) -> rusqlite::Result<Vec<RowId>> {
    connection
        .prepare_cached(&format!(
            "SELECT r.id FROM request_verification v CROSS JOIN request r ON r.id = v.request
             WHERE v.request > ?1 AND v.request <= ?2 AND {} ORDER BY v.request",
            *DUPLICATE
        ))?
        .query_map([after.0, last.0], |row| row.get(0).map(RowId))?
        .collect()
}

/// A condition on `r`, `m` and `v` (the request, its marks, its verification).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Narrow {
    pub(crate) sql: String,
    /// Values of the `?` placeholders, in order.
    pub(crate) params: Vec<String>,
    /// True if every request that satisfies the condition matches.
    pub(crate) exact: bool,
    /// True if the condition names an event or an event type, so that an index finds the few requests.
    pub(crate) driven: bool,
}

impl Narrow {
    pub(crate) fn of(node: &Node, names: &Names<'_>) -> Self {
        let driven = match node {
            Node::All(nodes) => nodes.iter().any(leads),
            node => leads(node),
        };
        match lower(node, names) {
            Some(Condition { sql, params, exact }) => Self { sql, params, exact, driven },
            None => Self { sql: "1".into(), params: Vec::new(), exact: false, driven: false },
        }
    }
}

fn leads(node: &Node) -> bool {
    matches!(node, Node::Term(term) if matches!(&term.place, Place::Field(field) if matches!(field.name, "event" | "eventid"))
        && matches!(&term.test, Test::Text(Pattern::Is(bytes)) if !bytes.contains(&0)))
}

struct Condition {
    sql: String,
    params: Vec<String>,
    exact: bool,
}

fn exactly(sql: impl Into<String>) -> Option<Condition> {
    Some(Condition { sql: sql.into(), params: Vec::new(), exact: true })
}

fn lower(node: &Node, names: &Names<'_>) -> Option<Condition> {
    match node {
        Node::All(nodes) if nodes.is_empty() => exactly("1"),
        Node::All(nodes) => {
            let lowered: Vec<_> = nodes.iter().map(|node| lower(node, names)).collect();
            let exact = lowered.iter().all(|condition| condition.as_ref().is_some_and(|condition| condition.exact));
            let lowered: Vec<_> = lowered.into_iter().flatten().collect();
            (!lowered.is_empty()).then(|| joined(lowered, " AND ", exact))
        }
        Node::Any(nodes) => {
            let lowered = nodes.iter().map(|node| lower(node, names)).collect::<Option<Vec<_>>>()?;
            let exact = lowered.iter().all(|condition| condition.exact);
            Some(joined(lowered, " OR ", exact))
        }
        Node::Not(node) => {
            let inner = lower(node, names).filter(|condition| condition.exact)?;
            // A missing value is NULL in SQL, which must count as no match.
            Some(Condition { sql: format!("NOT coalesce({}, 0)", inner.sql), ..inner })
        }
        Node::Term(term) => lower_term(term, names),
    }
}

fn joined(conditions: Vec<Condition>, with: &str, exact: bool) -> Condition {
    let sql = conditions.iter().map(|condition| condition.sql.as_str()).collect::<Vec<_>>().join(with);
    Condition { sql: format!("({sql})"), params: conditions.into_iter().flat_map(|c| c.params).collect(), exact }
}

fn lower_term(term: &Term, names: &Names<'_>) -> Option<Condition> {
    let Place::Field(field) = &term.place else { return None };
    let column = match field.name {
        "status" => "r.status",
        "size" => "r.body_bytes",
        "age" | "after" | "before" | "time" => "r.arrived_us",
        "app" => APP_STATUS,
        "method" => "r.method",
        "provider" => "v.provider",
        "event" => "v.event_type",
        "eventid" => "v.event_id",
        "reason" => "v.reason",
        "schema" => SCHEMA_STATUS,
        _ => "",
    };
    match (&term.test, field.name) {
        (Test::Between(first, last), _) => exactly(format!("({column} BETWEEN {first} AND {last})")),
        (Test::Order(order, than), _) => exactly(format!("({column} {} {than})", order.sql())),
        (Test::Arrived(order, moment), _) => {
            let us = moment.us(names.now_us);
            // The time in a row number is never earlier than the millisecond of the arrival, so the list can end
            // there.
            let from = match order.sql().starts_with('>') {
                true => format!(" AND r.id >= {}", RowId::at(us.div_euclid(1_000)).0),
                false => String::new(),
            };
            exactly(format!("({column} {} {us}{from})", order.sql()))
        }
        (Test::ArrivedWithin(from, until), _) => {
            let (from, until) = (from.us(names.now_us), until.us(names.now_us));
            // A request that arrived in the period is not stored before the period begins.
            let first = RowId::at(from.max(0).div_euclid(1_000)).0;
            exactly(format!("({column} >= {from} AND {column} < {until} AND r.id >= {first})"))
        }
        (Test::Flag(wanted), "pinned") => exactly(format!("(coalesce(m.pinned, 0) = {})", i64::from(*wanted))),
        (Test::Flag(wanted), "duplicate") => exactly(format!("({} = {})", *DUPLICATE, i64::from(*wanted))),
        (Test::Text(pattern), "inbox") => {
            let numbers: Vec<String> = names
                .inboxes
                .iter()
                .filter(|(_, name)| pattern.matches_word(name))
                .map(|(number, _)| number.to_string())
                .collect();
            exactly(format!("(r.inbox IN ({}))", numbers.join(", ")))
        }
        (Test::Text(pattern), "signature") => {
            let states: Vec<String> = SignatureStatus::ALL
                .iter()
                .filter(|state| pattern.matches_word(state.as_str()))
                .map(|state| (*state as u8).to_string())
                .collect();
            exactly(format!("(coalesce(v.state, 0) IN ({}))", states.join(", ")))
        }
        (Test::Text(Pattern::Is(bytes)), "id") => {
            let row = (names.row_of)(std::str::from_utf8(bytes).ok()?);
            row.map(|row| Condition { sql: format!("(r.id = {})", row.0), params: Vec::new(), exact: false })
        }
        (Test::Text(Pattern::Any), name @ ("note" | "source")) => exactly(format!("(coalesce(m.{name}, '') != '')")),
        (Test::Text(Pattern::Contains(_)), name @ ("note" | "source")) => {
            Some(Condition { sql: format!("(m.{name} != '')"), params: Vec::new(), exact: false })
        }
        (Test::Text(Pattern::Any), _) if field.kind == QueryFieldKind::Word && !column.is_empty() => {
            exactly(format!("(coalesce({column}, '') != '')"))
        }
        (Test::Text(Pattern::Is(bytes)), _) if field.kind == QueryFieldKind::Word && !column.is_empty() => {
            let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
            Some(Condition { sql: format!("({column} = ? COLLATE NOCASE)"), params: vec![text.into()], exact: true })
        }
        _ => None,
    }
}
