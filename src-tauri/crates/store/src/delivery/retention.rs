//! Retention of deliveries: the oldest deliveries that have ended are deleted.

use hookbench_model::RetentionPolicy;
use rusqlite::{Connection, OptionalExtension};

use crate::{deletion::BATCH_SIZE, scenario_run};

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// Converts a limit to an SQLite integer. A larger limit becomes the largest integer, which is never reached.
fn limit(most: u64) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// Adds to the totals of stored deliveries and of the bytes of payloads and responses. Negative values subtract.
pub fn count(connection: &Connection, deliveries: i64, bytes: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE outbox_total SET deliveries = deliveries + ?1, bytes = bytes + ?2")?
        .execute([deliveries, bytes])
        .map(drop)
}

/// Deletes deliveries that exceed the limits, in one slice of at most [`BATCH_SIZE`] deliveries after the number
/// `after`, oldest first. Returns the number of deleted deliveries, and the number after which the next slice starts,
/// if there may be more.
pub fn expire_deliveries(
    connection: &Connection,
    retention: &RetentionPolicy,
    after: i64,
    now_us: i64,
) -> rusqlite::Result<(u64, Option<i64>)> {
    let too_old = retention.days.map_or(i64::MIN, |days| now_us - i64::from(days) * DAY_US);
    let over = |ended_us: i64| -> rusqlite::Result<bool> {
        let (deliveries, bytes): (i64, i64) = connection
            .prepare_cached("SELECT deliveries, bytes FROM outbox_total")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let past = |now: i64, most: Option<u64>| most.is_some_and(|most| now > limit(most));
        Ok(ended_us < too_old || past(deliveries, retention.deliveries) || past(bytes, retention.delivery_bytes))
    };
    let oldest: Vec<(i64, i64, i64, i64, i64)> = connection
        .prepare_cached(
            "SELECT number, event, endpoint, ended_us, created_us FROM delivery
             WHERE ended_us IS NOT NULL AND number > ?1 ORDER BY number LIMIT ?2",
        )?
        .query_map([after, BATCH_SIZE as i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut expired = 0;
    for (delivery, event, endpoint, ended_us, created_us) in &oldest {
        if !over(*ended_us)? {
            // A delivery that ended late must not prevent the deletion of deliveries created after it.
            if *created_us < too_old {
                continue;
            }
            return Ok((expired, None));
        }
        expired += 1;
        let responses: i64 = connection
            .prepare_cached("SELECT coalesce(sum(length(response_body)), 0) FROM attempt WHERE delivery = ?1")?
            .query_row([delivery], |row| row.get(0))?;
        connection.prepare_cached("DELETE FROM attempt WHERE delivery = ?1")?.execute([delivery])?;
        connection.prepare_cached("DELETE FROM delivery WHERE number = ?1")?.execute([delivery])?;
        let (payload, run): (i64, Option<i64>) = connection
            .prepare_cached(
                "DELETE FROM event WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = ?1)
                 RETURNING length(payload), run",
            )?
            .query_row([event], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .unwrap_or_default();
        if let Some(run) = run {
            scenario_run::delete_empty(connection, run)?;
        }
        // The row of a deleted endpoint is kept only while it has deliveries.
        connection
            .prepare_cached(
                "DELETE FROM endpoint WHERE number = ?1 AND deleted AND NOT EXISTS (SELECT 1 FROM delivery WHERE endpoint = ?1)",
            )?
            .execute([endpoint])?;
        connection
            .prepare_cached(
                "DELETE FROM replay WHERE endpoint = ?1 AND NOT EXISTS (SELECT 1 FROM endpoint WHERE number = ?1)",
            )?
            .execute([endpoint])?;
        count(connection, -1, -responses - payload)?;
    }
    let last = oldest.last().map(|(number, ..)| *number);
    Ok((expired, last.filter(|_| oldest.len() == BATCH_SIZE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::migrate;

    const NONE: RetentionPolicy =
        RetentionPolicy { requests: None, bytes: None, days: None, deliveries: None, delivery_bytes: None };

    /// Ten events of 100 bytes, each with a delivery to two endpoints. The deliveries of the last two events to the
    /// second endpoint wait.
    fn filled() -> Connection {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        migrate(&mut connection).expect("migrations");
        for endpoint in 1..=2 {
            connection
                .execute("INSERT INTO endpoint (number, id, settings, enabled, reason, since_us, created_us) VALUES (?1, ?1, '{}', 1, '', 0, 0)", [endpoint])
                .expect("an endpoint");
        }
        for event in 1..=10_i64 {
            connection
                .execute(
                    "INSERT INTO event (number, id, provider, kind, created_us, payload)
                     VALUES (?1, ?1, 'p', 'k', 0, zeroblob(100))",
                    [event],
                )
                .expect("an event");
            count(&connection, 0, 100).expect("counted");
            for endpoint in 1..=2_i64 {
                let number = event * 2 + endpoint;
                let ended = (endpoint == 1 || event < 9).then_some(number * DAY_US);
                connection
                    .execute(
                        "INSERT INTO delivery (number, id, event, endpoint, origin, state, reason, url, due_us, created_us, ended_us)
                         VALUES (?1, ?1, ?2, ?3, 0, iif(?4 IS NULL, 0, 2), '', '', 0, 0, ?4)",
                        rusqlite::params![number, event, endpoint, ended],
                    )
                    .expect("a delivery");
                connection
                    .execute("INSERT INTO attempt (delivery, number, started_us) VALUES (?1, 1, 0)", [number])
                    .expect("an attempt");
                connection
                    .execute("UPDATE attempt SET response_body = zeroblob(50) WHERE delivery = ?1", [number])
                    .expect("a response");
                count(&connection, 1, 50).expect("counted");
            }
        }
        connection
    }

    fn rows(connection: &Connection, table: &str) -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
    }

    fn total(connection: &Connection) -> (i64, i64) {
        connection
            .query_row("SELECT deliveries, bytes FROM outbox_total", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("a total")
    }

    #[test]
    fn deletes_oldest_ended_deliveries_and_updates_totals() {
        let connection = filled();
        assert_eq!(total(&connection), (20, 2_000));
        assert_eq!(expire_deliveries(&connection, &NONE, 0, 0).expect("nothing"), (0, None));
        let count_limit = RetentionPolicy { deliveries: Some(15), ..NONE };
        assert_eq!(expire_deliveries(&connection, &count_limit, 0, 0).expect("five"), (5, None));
        // Two events were deleted with both of their deliveries; the third has one delivery left.
        assert_eq!((rows(&connection, "event"), rows(&connection, "attempt")), (8, 15));
        assert_eq!(total(&connection), (15, 8 * 100 + 15 * 50));
        let bytes_limit = RetentionPolicy { delivery_bytes: Some(1_000), ..NONE };
        expire_deliveries(&connection, &bytes_limit, 0, 0).expect("some");
        let (_, bytes) = total(&connection);
        assert!((850..=1_000).contains(&bytes), "{bytes}");
        let age_limit = RetentionPolicy { days: Some(1), ..NONE };
        // The oldest delivery was resent recently: it stays, and does not keep any other.
        let oldest: i64 = connection.query_row("SELECT min(number) FROM delivery", [], |row| row.get(0)).expect("one");
        connection
            .execute("UPDATE delivery SET ended_us = ?2 WHERE number = ?1", [oldest, 1_000 * DAY_US])
            .expect("resent");
        expire_deliveries(&connection, &age_limit, 0, 1_000 * DAY_US).expect("the rest");
        assert_eq!(rows(&connection, "delivery"), 3);
        connection.execute("UPDATE delivery SET ended_us = 1 WHERE number = ?1", [oldest]).expect("long ago");
        expire_deliveries(&connection, &age_limit, 0, 1_000 * DAY_US).expect("the rest");
        assert_eq!((rows(&connection, "delivery"), rows(&connection, "event")), (2, 2));
        assert_eq!(rows(&connection, "endpoint"), 2);
        connection.execute("UPDATE endpoint SET deleted = 1", []).expect("deleted");
        connection.execute("UPDATE delivery SET ended_us = 0", []).expect("ended");
        expire_deliveries(&connection, &age_limit, 0, 1_000 * DAY_US).expect("all");
        assert_eq!((total(&connection), rows(&connection, "endpoint")), ((0, 0), 1));
    }
}
