//! Answering what a vendor asks: its question at registration, or each of its deliveries.

use std::sync::Arc;

use hookbench_capture::{Answer, Arrived};
use hookbench_model::{Change, Inbox, InboxResponse, SignatureStatus};
use hookbench_provider::Filled;
use hookbench_signature::{Message, State};
use hookbench_store::inbox::InboxRow;
use rusqlite::Connection;

use crate::{Engine, inbox::Address, response::aside, verification::header_pairs};

/// The answer a request asks for by its vendor's rules; none where it asks for nothing. `long` where looking at it
/// may take long. `signature` verifies the request.
pub(crate) async fn handshake(
    engine: &Arc<Engine>,
    address: &Address,
    request: Arrived<'_>,
    body: &[u8],
    long: bool,
    signature: &(dyn Fn() -> SignatureStatus + Sync),
) -> Option<Arc<Answer>> {
    let catalogue = engine.providers.catalogue();
    let verification = &address.verification;
    let provider = catalogue.get(verification.provider.as_deref()?)?;
    if provider.handshakes.is_empty() {
        return None;
    }
    let headers = header_pairs(request.headers);
    let message =
        Message { method: request.method.as_str(), target: request.target, url: None, headers: &headers, body };
    let own = !address.answer.body.is_empty() || !address.answer.status.is_success();
    let registered = verification.url.clone().filter(|url| !url.is_empty()).unwrap_or_else(|| {
        let url = message.signed_url();
        url.split('?').next().unwrap_or(&url).to_owned()
    });
    let keys = crate::verification::keys(verification);
    let holds = || match signature() {
        SignatureStatus::Valid => State::Valid,
        SignatureStatus::Invalid => State::Invalid,
        SignatureStatus::Unsigned | SignatureStatus::Unchecked => State::Unsigned,
    };
    let question = Message { url: Some(&registered), ..message };
    let answered = aside(long, || provider.answer(&question, &keys, own, holds))?;
    if let Some(secret) = answered.secret
        && verification.secrets.iter().all(String::is_empty)
    {
        keep_told_secret(engine, address.name.clone(), secret).await;
    }
    let origin = format!("{}: {}", provider.name, answered.name);
    let Filled { status, headers, body, .. } = answered.answer?;
    let answer = InboxResponse { status, headers, body, ..InboxResponse::default() };
    crate::response::decide::given(engine, answer, origin, answered.fixed).await
}

/// Keeps a secret a vendor told an inbox that has none: the first to tell one is believed, and
/// nobody after.
async fn keep_told_secret(engine: &Engine, name: String, secret: String) {
    let (feed, addresses, was) = (engine.feed.clone(), engine.addresses.clone(), name.clone());
    let work = move |connection: &Connection| {
        let Some(mut row) = InboxRow::named(connection, &name)? else { return Ok(None) };
        if !row.verification.secrets.iter().all(String::is_empty) {
            return Ok(None);
        }
        row.verification.secrets = vec![secret];
        row.update(connection)?;
        Ok::<_, rusqlite::Error>(Some((row.clone(), row.counted(connection)?)))
    };
    let after = move |changed: &Option<(InboxRow, Inbox)>| {
        if let Some((row, inbox)) = changed {
            if let Ok(address) = crate::inbox::address(row) {
                addresses.put(address);
            }
            feed.publish([Change::InboxChanged { was, inbox: inbox.clone() }]);
        }
    };
    if let Err(error) = engine.store.write(work, after).await {
        tracing::warn!(%error, "a secret told by a vendor could not be kept");
    }
}
