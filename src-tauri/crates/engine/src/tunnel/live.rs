//! Live tunnels, which pass connections to this computer. Each exposed inbox has an address with an unguessable token.

use std::sync::{Arc, Weak};

use hookbench_capture::{
    CommitError, Decision, ProxiedRequest, ReceivedRequest, Refusal, RejectedRequest, RequestHead, Responder,
    ResponseBody, Route, Routes, Streams, TunnelOrigin,
};
use hookbench_model::{DatabaseFault, ExposureSettings};
use hookbench_relay::access::{new_token, target_of};
use http::{Response, StatusCode};

use super::{ExposureRow, registry::ExposureEntry};
use crate::{Engine, inbox::InboxConfig};

/// Maximum length of a public URL, in bytes.
const URL_MAX: usize = 2_048;

/// Routes to the inboxes that a live tunnel exposes.
pub(super) struct LiveRoutes {
    pub(super) engine: Weak<Engine>,
    pub(super) tunnel: i64,
}

fn unknown() -> Route {
    Route::Refuse(Refusal {
        status: StatusCode::NOT_FOUND,
        code: "inbox_not_found",
        message: "There is no inbox at this address.".into(),
        hint: "Use the URL that Hookbench shows for the inbox. The URL is valid while the inbox is exposed.".into(),
        header: None,
    })
}

impl Routes for LiveRoutes {
    fn refused(&self, refused: RejectedRequest) {
        // These bytes may contain the token of a public URL, which is never stored.
        if let Some(engine) = self.engine.upgrade() {
            engine
                .refusals
                .add(refused.inbox.unwrap_or_default(), RejectedRequest { bytes: Vec::new(), target: None, ..refused });
        }
    }

    async fn route(&self, head: RequestHead<'_>) -> Route {
        let Some(engine) = self.engine.upgrade() else { return unknown() };
        let path = engine.tunnels.below_public(self.tunnel, head.path);
        let token = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let Some((row, access)) = engine.tunnels.exposed(self.tunnel, token) else { return unknown() };
        let Some(address) = engine.inboxes.by_number(row.inbox) else { return unknown() };
        let refused =
            access.refuses_sender(head.remote_address.ip()).or_else(|| access.refuses_credentials(head.headers));
        if let Some(refusal) = refused {
            return Route::Refuse(refusal);
        }
        Route::Keep {
            inbox: address.number,
            depends: address.depends(),
            response: address.response,
            through: Some(TunnelOrigin { number: self.tunnel, target: target_of(&address.name, path, head.query) }),
        }
    }

    async fn decide(&self, inbox: i64, request: ReceivedRequest<'_>) -> Decision {
        let Some(engine) = self.engine.upgrade() else { return Responder::Inbox.into() };
        let exposures = engine.tunnels.exposures_of(inbox);
        let proved_only = exposures.iter().any(|row| row.tunnel == self.tunnel && row.settings.verified_only);
        crate::response::decide::decide(&engine, inbox, request, proved_only).await
    }

    async fn ask(&self, proxied: ProxiedRequest) -> Result<Response<ResponseBody>, CommitError> {
        match self.engine.upgrade() {
            Some(engine) => crate::forward::ask::ask(&engine, proxied).await,
            None => Err(CommitError { fault: DatabaseFault::Other, message: "Hookbench is shutting down".into() }),
        }
    }
}

/// Returns a server for the connections of a live tunnel.
pub(super) fn live_streams(engine: &Arc<Engine>, tunnel: i64) -> Streams<LiveRoutes> {
    let routes = Arc::new(LiveRoutes { engine: Arc::downgrade(engine), tunnel });
    Streams::new(engine.store.clone(), routes, engine.settings().limits, engine.clock.clone())
}

/// Returns the exposure of an inbox under an unguessable token. Keeps an existing token.
pub(super) fn expose_live(
    engine: &Engine,
    tunnel: i64,
    address: &InboxConfig,
    settings: ExposureSettings,
) -> ExposureEntry {
    let own = engine.tunnels.exposures_of(address.number).into_iter().find(|row| row.tunnel == tunnel);
    let label = own.map_or_else(new_token, |own| own.label);
    ExposureEntry::new(ExposureRow { tunnel, inbox: address.number, label, url: String::new(), settings })
}

/// Validates the public URL of a live tunnel, and returns it without a trailing slash.
pub(super) fn public_url(written: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("Invalid public URL {written:?}: {why}.");
    let url = url::Url::parse(written.trim()).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it must begin with https:// or http://"));
    }
    if url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it must have a host, and no user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() || written.len() > URL_MAX {
        return Err(wrong("it must have no query and no fragment, because the address of each inbox is appended"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_public_urls_that_can_be_extended() {
        for (written, kept) in [
            (" https://abc.ngrok.app ", "https://abc.ngrok.app"),
            ("https://abc.ngrok.app/", "https://abc.ngrok.app"),
            ("http://example.com:8080/hooks/", "http://example.com:8080/hooks"),
        ] {
            assert_eq!(public_url(written).as_deref(), Ok(kept));
        }
        for odd in ["", "abc.ngrok.app", "ftp://a.b", "https://", "https://u:p@a.b", "https://a.b/?q", "https://a.b/#x"]
        {
            assert!(public_url(odd).is_err(), "{odd}");
        }
    }
}
