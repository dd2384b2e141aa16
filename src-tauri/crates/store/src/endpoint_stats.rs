//! Statistics of an endpoint for the last 24 hours.

use const_format::formatcp;
use hookbench_model::{DeliveryState, EndpointStats, EndpointStatsSlice};
use rusqlite::{Connection, params};

use crate::sql::TEST;

use hookbench_model::timestamp;

/// Number of time slices: half an hour each.
const SLICES: i64 = 48;

/// Time span of the statistics, in µs: 24 hours, as on the vendors' own pages.
const SPAN_US: i64 = 24 * 3_600 * 1_000_000;

/// Maximum number of deliveries that are read, newest first. If there are more, `cut` is set in the statistics.
const MOST: usize = 200_000;

/// Result of a delivery that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Failed,
    Skipped,
}

/// Returns the value at a percentile of sorted values (nearest rank), converted from µs to ms. `part` is from 0 to 1.
fn at(sorted: &[i64], part: f64) -> Option<f64> {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.max(1) - 1).map(|us| *us as f64 / 1_000.0)
}

/// Computes the statistics of an endpoint for the 24 hours before `now_us`. Tests are not counted.
pub fn stats(connection: &Connection, endpoint: i64, now_us: i64) -> rusqlite::Result<EndpointStats> {
    let from_us = now_us - SPAN_US;
    let mut rows = connection.prepare_cached(
        // Numbers grow with the creation time, so the loop ends at the first older delivery. A resent delivery counts
        // with its first result, because a manual resend must not change the statistics.
        formatcp!(
            "SELECT coalesce(first_ended_us, ended_us), coalesce(first_state, state), coalesce(first_duration_us, duration_us),
               created_us, attempts
             FROM delivery WHERE endpoint = ?1 AND origin != {TEST} ORDER BY number DESC LIMIT ?2"
        ),
    )?;
    let mut rows = rows.query(params![endpoint, MOST as i64])?;
    let (mut all, mut looked_at, mut retries) = (Vec::new(), 0, 0);
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(3)? <= from_us {
            break;
        }
        looked_at += 1;
        retries += u64::from(row.get::<_, u32>(4)?.saturating_sub(1));
        let state: u8 = row.get(1)?;
        let outcome = match DeliveryState::of(state) {
            DeliveryState::Delivered => Outcome::Delivered,
            DeliveryState::Failed | DeliveryState::Exhausted => Outcome::Failed,
            DeliveryState::Skipped => Outcome::Skipped,
            _ => continue,
        };
        if let Some(ended_us) = row.get::<_, Option<i64>>(0)? {
            all.push((ended_us, outcome, row.get::<_, Option<i64>>(2)?));
        }
    }
    let cut = looked_at == MOST;
    let slice_us = SPAN_US / SLICES;
    let mut times: Vec<Vec<i64>> = vec![Vec::new(); SLICES as usize];
    let mut slices: Vec<EndpointStatsSlice> = (0..SLICES)
        .map(|n| EndpointStatsSlice {
            from: timestamp(from_us + n * slice_us),
            delivered: 0,
            failed: 0,
            skipped: 0,
            p50_ms: None,
            p95_ms: None,
        })
        .collect();
    for (ended_us, outcome, duration_us) in &all {
        let place = (((ended_us - from_us - 1) / slice_us).clamp(0, SLICES - 1)) as usize;
        match outcome {
            Outcome::Delivered => slices[place].delivered += 1,
            Outcome::Failed => slices[place].failed += 1,
            Outcome::Skipped => slices[place].skipped += 1,
        }
        times[place].extend(duration_us.filter(|_| *outcome == Outcome::Delivered));
    }
    for (slice, times) in slices.iter_mut().zip(&mut times) {
        times.sort_unstable();
        (slice.p50_ms, slice.p95_ms) = (at(times, 0.5), at(times, 0.95));
    }
    let mut sorted: Vec<i64> = times.concat();
    sorted.sort_unstable();
    let skipped = slices.iter().map(|slice| slice.skipped).sum();
    let delivered: u64 = slices.iter().map(|slice| slice.delivered).sum();
    let failed: u64 = slices.iter().map(|slice| slice.failed).sum();
    Ok(EndpointStats {
        delivered,
        failed,
        success_rate: (delivered + failed > 0).then(|| delivered as f64 / (delivered + failed) as f64),
        p50_ms: at(&sorted, 0.5),
        p95_ms: at(&sorted, 0.95),
        p99_ms: at(&sorted, 0.99),
        skipped,
        retries,
        cut,
        slices,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::migrate;

    #[test]
    fn counts_only_deliveries_that_ended_within_a_day() {
        let mut connection = Connection::open_in_memory().expect("a database in memory");
        migrate(&mut connection).expect("migrations");
        let now_us = 10 * SPAN_US;
        let mut number = 0;
        let mut add = |endpoint: i64, state: DeliveryState, ended_us: Option<i64>, duration_ms: i64| {
            number += 1;
            connection
                .execute(
                    "INSERT INTO delivery (number, id, event, endpoint, origin, state, reason, url, due_us, created_us, ended_us, duration_us)
                     VALUES (?1, ?1, 1, ?2, 0, ?3, '', '', 0, ?6, ?4, ?5)",
                    params![number, endpoint, state as u8, ended_us, duration_ms * 1_000, ended_us.unwrap_or(now_us)],
                )
                .expect("a delivery");
        };
        add(1, DeliveryState::Delivered, Some(now_us - SPAN_US), 1);
        add(1, DeliveryState::Exhausted, Some(now_us - SPAN_US + 1), 9_000);
        for duration_ms in 1..=100 {
            add(1, DeliveryState::Delivered, Some(now_us - 1), duration_ms);
        }
        add(1, DeliveryState::Failed, Some(now_us), 9_000);
        add(1, DeliveryState::Canceled, Some(now_us), 1);
        add(9, DeliveryState::Delivered, Some(now_us), 1);
        add(1, DeliveryState::Waiting, None, 1);
        add(2, DeliveryState::Delivered, Some(now_us - 1), 1);
        // A resend that succeeds does not change the failure.
        let resent =
            "UPDATE delivery SET state = 2, first_state = 4, first_ended_us = ended_us, ended_us = ?1 WHERE state = 4";
        connection.execute(resent, [now_us]).expect("a resend");
        // A test is not counted.
        connection.execute("UPDATE delivery SET endpoint = 1, origin = 1 WHERE endpoint = 9", []).expect("a test");
        let found = stats(&connection, 1, now_us).expect("stats");
        assert_eq!((found.delivered, found.failed, found.cut), (100, 2, false));
        assert_eq!((found.p50_ms, found.p99_ms), (Some(50.0), Some(99.0)));
        assert!((found.success_rate.expect("a rate") - 100.0 / 102.0).abs() < 1e-9);
        assert_eq!((found.slices.len(), found.slices[0].failed, found.slices[47].delivered), (48, 1, 100));
        let none = stats(&connection, 3, now_us).expect("stats");
        assert_eq!((none.success_rate, none.p50_ms), (None, None));
    }
}
