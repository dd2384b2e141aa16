//! Sending a captured request on: a forward or a replay of it, made from what is stored.

use std::pin::Pin;

use hookbench_capture::{RowId, header_list};
use hookbench_delivery::{Headers, Outgoing, Payload, RequestSource, UnsentRequest, append, target_of};
use hookbench_model::MASK;
use hookbench_provider::SchemeRecord;
use hookbench_signature::{Keys, Message, sign};
use hookbench_store::{delivery::InFlightAttempt, endpoint::EndpointRow, request::collect_body};
use http::HeaderName;

use crate::Engine;

/// Largest body that is signed anew, in bytes: it is in memory while that is done.
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

/// A stored request as it goes on to a destination.
pub(crate) async fn outgoing_request(
    engine: &Engine,
    claimed: &InFlightAttempt,
    endpoint: &EndpointRow,
    row: RowId,
) -> Result<Outgoing, UnsentRequest> {
    let unmade = |message: String| UnsentRequest { headers: Headers::new(), message };
    let unread = |e: &dyn std::fmt::Display| unmade(format!("The request cannot be read: {e}."));
    let found = engine
        .store
        .readers()
        .read(move |connection| hookbench_store::request::head(connection, row))
        .await
        .map_err(|e| unread(&e))?;
    let head = found.ok_or_else(|| unmade("The request is no longer stored.".into()))?;
    let onward = match claimed.replay {
        Some(replay) => {
            crate::replay::run::replay_onward(engine, replay, endpoint, head.inbox).await.map_err(unmade)?
        }
        None => crate::forward::forward_onward(engine, head.inbox, &claimed.shown.url, endpoint).map_err(unmade)?,
    };
    let mut headers = match &onward.headers {
        Some(edited) => {
            let edited = edited_headers(edited, &head.headers);
            let lines = edited.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
            hookbench_delivery::applied_headers(&onward.rules, lines, &head.peer)
        }
        None => hookbench_delivery::applied_headers(&onward.rules, header_list(&head.headers), &head.peer),
    };
    if let Some(via) = &onward.via {
        append(&mut headers, "Via", via.as_bytes());
    }
    let stored = async || {
        let body = engine.store.readers().body(row).await.map_err(|e| unread(&e))?;
        body.ok_or_else(|| unmade("The request is no longer stored.".into()))
    };
    let url = claimed.shown.url.clone();
    let Some((record, keys)) = &onward.resign else {
        let body = match onward.body {
            Some(body) => body.into(),
            None => Payload::stored(stored().await?).await.map_err(|e| unread(&e))?,
        };
        return Ok(Outgoing { method: claimed.shown.method.clone(), url, headers, body });
    };
    let body = match onward.body {
        Some(body) => body,
        None => collect_body(stored().await?, SIGNED_MAX)
            .await
            .map_err(|e| unread(&e))?
            .ok_or_else(|| unmade(format!("A body over {SIGNED_MAX} bytes is not signed anew.")))?
            .into(),
    };
    let id = head.event_id.unwrap_or_else(|| claimed.shown.id.clone());
    let now_ms = engine.clock.now_us() / 1_000;
    match resigned(record, keys, &claimed.shown.method, &url, &headers, &body, &id, now_ms) {
        Ok(headers) => Ok(Outgoing { method: claimed.shown.method.clone(), url, headers, body: body.into() }),
        Err(why) => Err(UnsentRequest { headers, message: format!("It cannot be signed: {why}") }),
    }
}

/// A request's headers with the signature made anew: what the scheme sets stands where it stood.
#[expect(clippy::too_many_arguments, reason = "a message and what signs it")]
fn resigned(
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
    if let Some((place, _)) = signed.elsewhere.first() {
        return Err(format!("its signature stands in {place}, which is not rewritten."));
    }
    let mut headers = headers.clone();
    for (name, value) in signed.headers {
        let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is no header name"))?;
        let mut value = Some(value.into_bytes());
        // A header that repeats is set once, where it stood first.
        headers.retain_mut(|(own, old)| match own.eq_ignore_ascii_case(name.as_str()) {
            true => value.take().map(|new| *old = new).is_some(),
            false => true,
        });
        headers.extend(value.map(|value| (name.to_string(), value)));
    }
    Ok(headers)
}

/// An edited list of headers; a mask stands for the value that is stored, in order where there are several.
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
