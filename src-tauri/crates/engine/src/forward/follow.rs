//! Copies: following the store, and sending on what matches. What is to go on is written down with the
//! place that was reached, so nothing goes twice and nothing is left out, whenever the program ends.

use std::{
    ops::ControlFlow,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use hookline_capture::{IdTail, RowId};
use hookline_delivery::{Outbox, joined, rest_of};
use hookline_model::{Change, Delivery, DeliveryOrigin, DeliveryState, ForwardMode, RequestSummary, SignatureStatus};
use hookline_query::{Subject, Uses};
use hookline_search::{InboxSnapshot, oldest_first, rows};
use hookline_store::{
    delivery::{DeliverySource, NewDelivery, SourceRequest},
    endpoint::EndpointRow,
};
use rusqlite::Connection;

use super::Bound;
use crate::{Engine, inbox::Address};

/// Requests looked at in one go.
const SLICE: usize = 200;

/// Slices without a match before the place is written down all the same.
const UNKEPT_MAX: u32 = 20;

/// Pause after a database that could not be read or written.
const AGAIN: Duration = Duration::from_secs(1);

/// A request that goes on, and to whom.
struct Copy {
    endpoint: Arc<EndpointRow>,
    request: SourceRequest,
    /// Why it does not, if so.
    refused: Option<(DeliveryState, String)>,
}

/// Follows the judged requests as long as the engine lives.
pub fn spawn(engine: &Arc<Engine>) {
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let Some(mut judged) = engine.upgrade().map(|engine| engine.judged.subscribe()) else { return };
        let mut unkept = 0;
        loop {
            let known = *judged.borrow_and_update();
            let more = {
                let Some(engine) = engine.upgrade() else { return };
                match copy_slice(&engine, known, &mut unkept).await {
                    Ok(more) => more,
                    Err(error) => {
                        tracing::warn!(error, "requests could not be forwarded; it is tried again");
                        tokio::time::sleep(AGAIN).await;
                        true
                    }
                }
            };
            if !more && judged.changed().await.is_err() {
                return;
            }
        }
    });
}

/// Sends on the next requests up to `known`; whether there are more.
async fn copy_slice(engine: &Arc<Engine>, known: i64, unkept: &mut u32) -> Result<bool, String> {
    let after = engine.forwarded_upto.load(Ordering::Relaxed);
    if after >= known {
        return Ok(false);
    }
    let copying: Vec<Address> = engine
        .addresses
        .all()
        .into_iter()
        .filter(|address| address.forwards.iter().any(|bound| bound.forward.mode == ForwardMode::Copy))
        .collect();
    if copying.is_empty() {
        engine.forwarded_upto.store(known, Ordering::Relaxed);
        return Ok(false);
    }
    let (last, more, copies) = copies(engine, after, known, copying).await?;
    if copies.is_empty() {
        *unkept += 1;
        if *unkept >= UNKEPT_MAX {
            *unkept = 0;
            let keep = move |connection: &Connection| hookline_store::forward_cursor::save(connection, last);
            engine.store.write(keep, |()| ()).await.map_err(|e| e.to_string())?;
        }
    } else {
        *unkept = 0;
        send_copies(engine, last, copies).await?;
    }
    engine.forwarded_upto.store(last, Ordering::Relaxed);
    Ok(more)
}

/// What decides whether a request is mirrored.
struct Look<'a> {
    outbox: &'a Outbox,
    tail: IdTail,
    now_us: i64,
    /// Names of the inboxes of which only verified requests are mirrored, where they came from outside.
    wary: &'a [String],
    /// Rows of the requests that came from outside, in order.
    outside: &'a [i64],
}

impl Look<'_> {
    /// The copy that a forward makes of a request. `None` where it makes none.
    fn copy(&self, bound: &Bound, subject: &Subject<'_>) -> Option<Copy> {
        let forward = &bound.forward;
        if !forward.enabled || subject.id.0 <= forward.since || !bound.query.matches(subject, self.now_us) {
            return None;
        }
        let endpoint = self.outbox.schedule().with_id(&forward.id)?;
        let (url, refused) = match joined(&forward.to, &forward.path, rest_of(subject.target, subject.inbox)) {
            Ok(url) => (url, None),
            Err(why) => (forward.to.clone(), Some((DeliveryState::Failed, why))),
        };
        let unproved = subject.verdict != SignatureStatus::Valid
            && self.wary.iter().any(|name| name == subject.inbox)
            && self.outside.binary_search(&subject.id.0).is_ok();
        let refused = if unproved {
            let why = "It came from outside, and its signature does not hold.";
            Some((DeliveryState::Skipped, why.to_owned()))
        } else if crate::forward::loops(forward, subject.headers) {
            Some((DeliveryState::Skipped, "It has come through this forward already.".to_owned()))
        } else {
            refused
        };
        let request = SourceRequest {
            row: subject.id.0,
            id: self.tail.text(subject.id),
            event_type: subject.event_type.unwrap_or_default().to_owned(),
            provider: subject.provider.unwrap_or_default().to_owned(),
            method: subject.method.to_owned(),
            url,
            resigned: forward.resign,
            replay: None,
        };
        Some(Copy { endpoint, request, refused })
    }
}

/// What goes on of the requests behind `after`; the last one looked at, and whether there may be more.
async fn copies(
    engine: &Engine,
    after: i64,
    known: i64,
    copying: Vec<Address>,
) -> Result<(i64, bool, Vec<Copy>), String> {
    // Names as of one moment: an inbox may be renamed meanwhile.
    let search = InboxSnapshot::new(engine.store.id_tail(), copying.iter().map(Address::label));
    let numbers = copying.iter().map(|address| address.number.to_string()).collect::<Vec<_>>().join(",");
    let (outbox, tail, now_us) = (engine.outbox.clone(), engine.store.id_tail(), engine.clock.now_us());
    // Inboxes of which only what is proved to be the vendor's goes on, where it came from outside.
    let wary: Vec<String> = (copying.iter())
        .filter(|address| engine.tunnels.exposures_of(address.number).iter().any(|row| row.settings.verified_only))
        .map(|address| address.name.clone())
        .collect();
    let read = move |connection: &Connection| {
        let held = hookline_store::tunnel::held(connection, after, known)?;
        let outside =
            if wary.is_empty() { Vec::new() } else { hookline_store::tunnel::outside(connection, after, known)? };
        let look = Look { outbox: &outbox, tail, now_us, wary: &wary, outside: &outside };
        let uses = Uses { marks: true, verdict: true, duplicate: false, content: true };
        // Also what was deleted meanwhile: it arrived, and may come back.
        let condition = format!("r.id > {after} AND r.id <= {known} AND r.inbox IN ({numbers})");
        let sql = oldest_first(uses, &condition);
        let (mut last, mut seen, mut copies) = (known, 0, Vec::new());
        let ended = rows(connection, &sql, &[], &search, &mut |subject| {
            (last, seen) = (subject.id.0, seen + 1);
            let address = copying.iter().find(|address| address.name == subject.inbox);
            // What was imported did not arrive.
            // What came while nobody was here waits for a person's word.
            let goes = subject.source.is_empty() && held.binary_search(&subject.id.0).is_err();
            if let Some(address) = address.filter(|_| goes) {
                for bound in address.forwards.iter().filter(|bound| bound.forward.mode == ForwardMode::Copy) {
                    copies.extend(look.copy(bound, subject));
                }
            }
            if seen >= SLICE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let more = ended.is_break();
        for copy in &mut copies {
            if !hookline_store::request::is_whole(connection, RowId(copy.request.row))? {
                copy.refused = Some((DeliveryState::Failed, "The request did not arrive whole.".into()));
            }
        }
        Ok((if more { last } else { known }, more, copies))
    };
    engine.store.readers().read(read).await.map_err(|e| e.to_string())
}

async fn send_copies(engine: &Engine, upto: i64, copies: Vec<Copy>) -> Result<(), String> {
    let now_us = engine.clock.now_us();
    let requests = engine.requests();
    let work = move |connection: &Connection| {
        hookline_store::forward_cursor::save(connection, upto)?;
        let made = copies
            .iter()
            .map(|Copy { endpoint, request, refused }| {
                let (state, reason) = refused.clone().unwrap_or((DeliveryState::Waiting, String::new()));
                let (of, due_us) = (DeliverySource::Request(request), now_us);
                let new = NewDelivery { of, endpoint, origin: DeliveryOrigin::Forward, state, reason, now_us, due_us };
                new.insert(connection).map(|(number, delivery)| (number, endpoint.number, delivery))
            })
            .collect::<rusqlite::Result<Vec<_>>>()?;
        // Of what does not go nobody hears again, so its rows change now.
        let mut changed = Vec::new();
        for copy in copies.iter().filter(|copy| copy.refused.is_some()) {
            changed.extend(requests.one(connection, RowId(copy.request.row))?);
        }
        Ok::<_, rusqlite::Error>((made, changed))
    };
    let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
    let after = move |(made, changed): &(Vec<(i64, i64, Delivery)>, Vec<RequestSummary>)| {
        let mut schedule = outbox.schedule();
        for (number, endpoint, delivery) in made {
            if delivery.state == DeliveryState::Waiting {
                schedule.wait(*number, *endpoint, now_us);
            }
        }
        drop(schedule);
        outbox.wake();
        feed.publish(made.iter().map(|(.., delivery)| Change::DeliveryChanged { delivery: delivery.clone() }));
        feed.publish(changed.iter().map(|request| Change::RequestChanged { request: request.clone() }));
    };
    engine.store.write(work, after).await.map(drop).map_err(|e| e.to_string())
}
