//! Filters of deliveries, for lists and resends.

use hookline_model::{DeliveryFilter, DeliveryState, SuccessStatuses};
use hookline_query::moment_us;
use rusqlite::{Connection, OptionalExtension as _, types::Value};

/// Conditions of SQL over `delivery d` and `event e`, and their values in order.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition, whose `?` stand for these values.
    pub fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// The text behind `WHERE`.
    pub fn sql(&self) -> &str {
        if self.sql.is_empty() { "true" } else { &self.sql }
    }

    /// The values for its `?`.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

/// Why a filter cannot be used.
pub enum BadFilter {
    /// There is no such endpoint; the name or id.
    NoEndpoint(String),
    /// Several endpoints have the name.
    Ambiguous(String),
    /// A value is not valid; a sentence.
    Invalid(String),
}

/// A text as part of a pattern of `LIKE … ESCAPE '\'`.
fn like(text: &str) -> Value {
    let escaped: String =
        text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect();
    Value::Text(format!("%{escaped}%"))
}

/// The number of an endpoint by its id, or of one that is listed by its name.
fn endpoint_number(connection: &Connection, wanted: &str) -> rusqlite::Result<Result<i64, BadFilter>> {
    let by_id = connection
        .prepare_cached("SELECT number FROM endpoint WHERE id = ?1")?
        .query_row([wanted], |row| row.get(0))
        .optional()?;
    if let Some(number) = by_id {
        return Ok(Ok(number));
    }
    let named: Vec<i64> = connection
        .prepare_cached(
            "SELECT number FROM endpoint WHERE settings ->> '$.name' = ?1 AND NOT removed AND purpose = 0 LIMIT 2",
        )?
        .query_map([wanted], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(match named[..] {
        [number] => Ok(number),
        [] => Err(BadFilter::NoEndpoint(wanted.to_owned())),
        _ => Err(BadFilter::Ambiguous(wanted.to_owned())),
    })
}

/// Returns the filter as conditions of SQL.
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
        // What is open is found by the index of what is.
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
                "{name} is {text:?}. Write a time such as 2026-11-29T10:00:00Z, yesterday, or how long ago, such as 2h."
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

/// The event type of a delivery.
const KIND: &str = "coalesce(e.kind, v.event_type, '')";
