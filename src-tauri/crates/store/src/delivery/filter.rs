//! Filters of deliveries, for lists and resends.

use crate::sql::{EXHAUSTED, FAILED, SKIPPED, TEST, USER};
use const_format::formatcp;
use hookbench_model::{DeliveryFilter, DeliveryState, SuccessStatuses, did_you_mean};
use hookbench_query::moment_us;
use rusqlite::{Connection, OptionalExtension as _, types::Value};

/// Maximum number of endpoints whose names are compared for a suggestion.
const NAMES_MAX: u32 = 500;

/// SQL conditions on `delivery d` and `event e`, and their values in order.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Excludes deliveries that a bulk resend must not resend: tests, deliveries created after `now_us`, and, with
    /// `any_state`, deliveries that did not fail.
    pub fn limit_to_resend(&mut self, any_state: bool, now_us: i64) {
        if any_state {
            self.add(formatcp!("d.state IN ({FAILED}, {EXHAUSTED}, {SKIPPED})"), []);
        }
        self.add(formatcp!("d.created_us <= ? AND d.origin != {TEST}"), [now_us.into()]);
    }

    /// Adds a condition with the values for its `?` placeholders.
    pub fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// Returns the text for `WHERE`: the conditions joined by `AND`, or `true` if there is none.
    pub fn sql(&self) -> &str {
        if self.sql.is_empty() { "true" } else { &self.sql }
    }

    /// Returns the values for the `?` placeholders, in order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

/// Error of a filter.
pub enum BadFilter {
    /// No endpoint has this name or ID. The second text suggests a similar name.
    NoEndpoint(String, String),
    /// Several endpoints have this name.
    Ambiguous(String),
    /// Invalid value, with an explanation.
    Invalid(String),
}

/// Returns a pattern for `LIKE … ESCAPE '\'` that matches values which contain `text`.
fn like(text: &str) -> Value {
    let escaped: String =
        text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect();
    Value::Text(format!("%{escaped}%"))
}

/// Finds the number of an endpoint by id, or by name among the saved endpoints.
fn endpoint_number(connection: &Connection, wanted: &str) -> rusqlite::Result<Result<i64, BadFilter>> {
    let by_id = connection
        .prepare_cached("SELECT number FROM endpoint WHERE id = ?1")?
        .query_row([wanted], |row| row.get(0))
        .optional()?;
    if let Some(number) = by_id {
        return Ok(Ok(number));
    }
    let named: Vec<i64> = connection
        .prepare_cached(formatcp!(
            "SELECT number FROM endpoint WHERE settings ->> '$.name' = ?1 AND NOT deleted AND purpose = {USER} LIMIT 2"
        ))?
        .query_map([wanted], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(match named[..] {
        [number] => Ok(number),
        [] => Err(BadFilter::NoEndpoint(
            wanted.to_owned(),
            did_you_mean(wanted, names(connection)?.iter().map(String::as_str)),
        )),
        _ => Err(BadFilter::Ambiguous(wanted.to_owned())),
    })
}

/// Returns the names of the saved endpoints.
fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(formatcp!(
            "SELECT settings ->> '$.name' FROM endpoint WHERE NOT deleted AND purpose = {USER} LIMIT {NAMES_MAX}"
        ))?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Converts a filter to SQL conditions.
///
/// # Errors
///
/// Returns a [`BadFilter`] if the endpoint is unknown or ambiguous, or if a time or status cannot be parsed.
pub fn conditions(
    filter: &DeliveryFilter,
    connection: &Connection,
    now_us: i64,
) -> rusqlite::Result<Result<Conditions, BadFilter>> {
    let mut all = Conditions::default();
    if let Some(endpoint) = &filter.endpoint {
        match endpoint_number(connection, endpoint)? {
            Ok(number) => all.add("d.endpoint = ?", [number.into()]),
            Err(bad) => return Ok(Err(bad)),
        }
    }
    Ok(rest(filter, &mut all, now_us).map(|()| all).map_err(BadFilter::Invalid))
}

fn rest(filter: &DeliveryFilter, all: &mut Conditions, now_us: i64) -> Result<(), String> {
    if let Some(state) = filter.state {
        // A partial index finds the deliveries that have not ended.
        let open = matches!(state, DeliveryState::Waiting | DeliveryState::Sending);
        let condition = if open { "d.state = ? AND d.ended_us IS NULL" } else { "d.state = ?" };
        all.add(condition, [i64::from(state as u8).into()]);
    }
    for (text, name, condition) in
        [(&filter.since, "since", "d.created_us >= ?"), (&filter.until, "until", "d.created_us < ?")]
    {
        let Some(text) = text else { continue };
        let at = moment_us(text, now_us).ok_or_else(|| {
            format!(
                "`{name}` is not a valid time: {text:?}. Use a time such as 2026-11-29T10:00:00Z or yesterday, or an age such as 2h."
            )
        })?;
        all.add(condition, [at.into()]);
    }
    if let Some(kind) = &filter.kind {
        match kind.strip_suffix('*') {
            Some(beginning) => {
                let length = Value::Integer(beginning.chars().count() as i64);
                all.add(&format!("substr({KIND}, 1, ?) = ?"), [length, Value::Text(beginning.into())]);
            }
            None => all.add(&format!("{KIND} = ?"), [Value::Text(kind.clone())]),
        }
    }
    if let Some(status) = &filter.status {
        if status == "none" {
            all.add("d.status IS NULL", []);
        } else {
            let set: SuccessStatuses = status.parse()?;
            let ranges: Vec<String> =
                set.ranges().map(|range| format!("d.status BETWEEN {} AND {}", range.start(), range.end())).collect();
            all.add(&format!("({})", ranges.join(" OR ")), []);
        }
    }
    if let Some(url) = &filter.url {
        all.add("d.url LIKE ? ESCAPE '\\'", [like(url)]);
    }
    if let Some(text) = &filter.text {
        let places = ["d.url", "d.reason", "coalesce(d.error, '')", KIND, "coalesce(CAST(e.payload AS TEXT), '')"];
        let condition = places.map(|place| format!("{place} LIKE ? ESCAPE '\\'")).join(" OR ");
        all.add(&format!("({condition})"), places.map(|_| like(text)));
    }
    Ok(())
}

/// SQL expression for the event type of a delivery.
const KIND: &str = "coalesce(e.kind, v.event_type, '')";
