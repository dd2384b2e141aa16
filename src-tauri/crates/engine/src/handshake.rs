//! Handshakes: responses that a provider requires at registration or for each delivery.

use std::sync::Arc;

use hookbench_capture::{PreparedResponse, ReceivedRequest};
use hookbench_model::{Change, Inbox, InboxResponse, SignatureStatus};
use hookbench_provider::Filled;
use hookbench_signature::{Message, State};
use hookbench_store::inbox::InboxRow;
use rusqlite::Connection;

use crate::{Engine, inbox::InboxConfig, response::aside, verification::header_pairs};

/// Returns the response that the provider requires for a request. Returns `None` if the request is not a handshake.
/// `long` is true if processing the request may take long. `signature` verifies the request.
pub(crate) async fn handshake(
    engine: &Arc<Engine>,
    address: &InboxConfig,
    request: ReceivedRequest<'_>,
    body: &[u8],
    long: bool,
    signature: &(dyn Fn() -> SignatureStatus + Sync),
) -> Option<Arc<PreparedResponse>> {
    let catalog = engine.providers.catalog();
    let verification = &address.verification;
    let provider = catalog.get(verification.provider.as_deref()?)?;
    if provider.handshakes.is_empty() {
        return None;
    }
    let headers = header_pairs(request.headers);
    let message =
        Message { method: request.method.as_str(), target: request.target, url: None, headers: &headers, body };
    let own = !address.response.body.is_empty() || !address.response.status.is_success();
    let registered = verification.url.clone().filter(|url| !url.is_empty()).unwrap_or_else(|| {
        let url = message.signed_url();
        url.split('?').next().unwrap_or(&url).to_owned()
    });
    let keys = crate::verification::keys(verification);
    let holds = || match signature() {
        SignatureStatus::Valid => State::Valid,
        SignatureStatus::Invalid | SignatureStatus::Expired => State::Invalid,
        SignatureStatus::Unsigned | SignatureStatus::Unverified => State::Unsigned,
    };
    let question = Message { url: Some(&registered), ..message };
    let responded = aside(long, || provider.response(&question, &keys, own, holds))?;
    if let Some(secret) = responded.secret
        && verification.secrets.iter().all(String::is_empty)
    {
        store_handshake_secret(engine, address.name.clone(), secret).await;
    }
    let origin = format!("{}: {}", provider.name, responded.name);
    let Filled { status, headers, body, .. } = responded.response?;
    let response = InboxResponse { status, headers, body, ..InboxResponse::default() };
    crate::response::decide::given(engine, response, origin, responded.fixed).await
}

/// Stores a secret that a provider sent to an inbox without secrets. Only the first secret is accepted.
async fn store_handshake_secret(engine: &Engine, name: String, secret: String) {
    let (feed, inboxes, was) = (engine.feed.clone(), engine.inboxes.clone(), name.clone());
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
                inboxes.put(address);
            }
            feed.publish([Change::InboxChanged { was, inbox: inbox.clone() }]);
        }
    };
    if let Err(error) = engine.store.write(work, after).await {
        tracing::warn!(%error, "a secret sent by a provider could not be stored");
    }
}
