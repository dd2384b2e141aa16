//! Outgoing requests of forwards and replays, built from stored requests.

use std::pin::Pin;

use hookbench_capture::{RowId, header_list};
use hookbench_delivery::{Headers, Outgoing, Payload, RequestSource, UnsentRequest, append, target_of};
use hookbench_model::MASK;
use hookbench_provider::SchemeRecord;
use hookbench_signature::{Keys, Message, sign};
use hookbench_store::{
    delivery::InFlightAttempt,
    endpoint::EndpointRow,
    request::{Head, collect_body},
};
use http::HeaderName;
use rusqlite::Connection;

use crate::{Engine, forward::transform::transformed, replay::run::BLANK};

/// Maximum size of a body that is re-signed, in bytes. The body is in memory meanwhile.
const SIGNED_MAX: u64 = 64 * 1024 * 1024;

impl RequestSource for Engine {
    fn outgoing<'a>(
        &'a self,
        attempt: &'a InFlightAttempt,
        endpoint: &'a EndpointRow,
        row: RowId,
    ) -> Pin<Box<dyn Future<Output = Result<Outgoing, UnsentRequest>> + Send + 'a>> {
        Box::pin(outgoing_request(self, attempt, endpoint, row))
    }
}

/// Builds the outgoing request of a delivery from the stored request.
pub(crate) async fn outgoing_request(
    engine: &Engine,
    in_flight: &InFlightAttempt,
    endpoint: &EndpointRow,
    row: RowId,
) -> Result<Outgoing, UnsentRequest> {
    let unsent = |message: String| UnsentRequest { headers: Headers::new(), message };
    let unread = |e: &dyn std::fmt::Display| unsent(format!("The request cannot be read: {e}."));
    let read = move |connection: &Connection| match row.0 {
        BLANK => Ok(Some(Head { whole: true, ..Head::default() })),
        _ => hookbench_store::request::head(connection, row),
    };
    let found = engine.store.readers().read(read).await.map_err(|e| unread(&e))?;
    let head = found.ok_or_else(|| unsent("The request is no longer stored.".into()))?;
    let (url, mut outgoing) = match in_flight.replay {
        Some(replay) => {
            let outgoing = crate::replay::run::replay_outgoing(engine, replay, endpoint, head.inbox).await;
            (in_flight.shown.url.clone(), outgoing.map_err(unsent)?)
        }
        None => crate::forward::forward_outgoing(engine, head.inbox, in_flight, endpoint).await.map_err(unsent)?,
    };
    let mut headers = match &outgoing.headers {
        Some(edited) => {
            let edited = edited_headers(edited, &head.headers);
            let lines = edited.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
            hookbench_delivery::applied_headers(&outgoing.rules, lines, &head.remote_address)
        }
        None => hookbench_delivery::applied_headers(&outgoing.rules, header_list(&head.headers), &head.remote_address),
    };
    if let Some(transform) = &outgoing.transform {
        let changed = transformed(engine, transform, &head, row, &in_flight.shown).await.map_err(unsent)?;
        if let Some(body) = changed.body {
            // The template reads and writes the decoded body.
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
            outgoing.body = Some(body.into());
        }
        set_headers(&mut headers, changed.headers);
    }
    if let Some(via) = &outgoing.via {
        append(&mut headers, "Via", via.as_bytes());
    }
    let stored = async || {
        let body = engine.store.readers().body(row).await.map_err(|e| unread(&e))?;
        body.ok_or_else(|| unsent("The request is no longer stored.".into()))
    };
    let Some((record, keys)) = &outgoing.re_sign else {
        let body = match outgoing.body {
            Some(body) => body.into(),
            None => Payload::stored(stored().await?).await.map_err(|e| unread(&e))?,
        };
        return Ok(Outgoing { method: in_flight.shown.method.clone(), url, headers, body });
    };
    let body = match outgoing.body {
        Some(body) => body,
        None => collect_body(stored().await?, SIGNED_MAX)
            .await
            .map_err(|e| unread(&e))?
            .ok_or_else(|| {
                unsent(format!("The request cannot be re-signed: the body has more than {SIGNED_MAX} bytes."))
            })?
            .into(),
    };
    let id = head.event_id.unwrap_or_else(|| in_flight.shown.id.clone());
    let now_ms = engine.clock.now_us() / 1_000;
    match re_signed(record, keys, &in_flight.shown.method, &url, &headers, &body, &id, now_ms) {
        Ok(headers) => Ok(Outgoing { method: in_flight.shown.method.clone(), url, headers, body: body.into() }),
        Err(why) => Err(UnsentRequest { headers, message: format!("The request cannot be signed: {why}") }),
    }
}

/// Returns the headers of a request with a new signature. Signature headers keep their positions.
#[expect(clippy::too_many_arguments, reason = "a message and what signs it")]
fn re_signed(
    record: &SchemeRecord,
    keys: &Keys,
    method: &str,
    url: &str,
    headers: &Headers,
    body: &[u8],
    id: &str,
    now_ms: i64,
) -> Result<Headers, String> {
    let pairs: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let target = target_of(url);
    let message = Message { method, target: &target, url: Some(url), headers: &pairs, body };
    let signed = sign(&record.scheme, &message, keys, id, now_ms).map_err(|error| error.to_string())?;
    if let Some((place, _)) = signed.outside_headers.first() {
        return Err(format!("the signature is in {place}, which is not rewritten."));
    }
    if let Some((name, _)) = signed.headers.iter().find(|(name, _)| name.parse::<HeaderName>().is_err()) {
        return Err(format!("{name:?} is not a valid header name"));
    }
    let mut headers = headers.clone();
    set_headers(&mut headers, signed.headers);
    Ok(headers)
}

/// Sets headers. A repeated header is set once, at its first position.
fn set_headers(headers: &mut Headers, set: Vec<(String, String)>) {
    for (name, value) in set {
        let mut value = Some(value.into_bytes());
        headers.retain_mut(|(own, old)| match own.eq_ignore_ascii_case(&name) {
            true => value.take().map(|new| *old = new).is_some(),
            false => true,
        });
        headers.extend(value.map(|value| (name, value)));
    }
}

/// Returns an edited list of headers. Replaces each mask by the stored value of the same name, in order.
fn edited_headers(edited: &[(String, String)], stored: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut left: Vec<(&[u8], &[u8])> = header_list(stored).collect();
    edited
        .iter()
        .map(|(name, value)| {
            let kept = left.iter().position(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()));
            let kept = kept.map(|at| left.remove(at).1.to_vec());
            let value = if value == MASK { kept.unwrap_or_default() } else { value.clone().into_bytes() };
            (name.clone().into_bytes(), value)
        })
        .collect()
}
