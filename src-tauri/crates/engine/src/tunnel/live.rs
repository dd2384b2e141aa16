//! Live tunnels: what comes in by one is captured here, under addresses nobody guesses.

use std::sync::{Arc, Weak};

use hookbench_capture::{
    AnswerBody, Arrived, Asked, Asking, CommitError, Decision, Refusal, Refused, Responder, Route, Routes, Streams,
    Through,
};
use hookbench_model::{DatabaseFault, ExposureSettings};
use hookbench_relay::access::{new_token, target_of};
use http::{Response, StatusCode};

use super::{ExposureRow, registry::Exposed};
use crate::{Engine, inbox::Address};

/// Longest public URL, in bytes.
const URL_MAX: usize = 2_048;

/// The inboxes one live tunnel exposes, and nothing else.
pub(super) struct LiveRoutes {
    pub(super) engine: Weak<Engine>,
    pub(super) tunnel: i64,
}

fn unknown() -> Route {
    Route::Refuse(Refusal {
        status: StatusCode::NOT_FOUND,
        code: "inbox_not_found",
        message: "There is no inbox at this address.".into(),
        hint: "Use the URL Hookbench shows for the inbox; it ends when the inbox is no longer exposed.".into(),
        header: None,
    })
}

impl Routes for LiveRoutes {
    fn refused(&self, refused: Refused) {
        // The token of a public URL is in nothing that is kept, and these bytes may have it.
        if let Some(engine) = self.engine.upgrade() {
            engine
                .refusals
                .add(refused.inbox.unwrap_or_default(), Refused { bytes: Vec::new(), target: None, ..refused });
        }
    }

    async fn route(&self, asking: Asking<'_>) -> Route {
        let Some(engine) = self.engine.upgrade() else { return unknown() };
        let path = engine.tunnels.below_public(self.tunnel, asking.path);
        let token = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let Some((row, gate)) = engine.tunnels.exposed(self.tunnel, token) else { return unknown() };
        let Some(address) = engine.addresses.by_number(row.inbox) else { return unknown() };
        let refused = gate.refuses_sender(asking.peer.ip()).or_else(|| gate.refuses_credentials(asking.headers));
        if let Some(refusal) = refused {
            return Route::Refuse(refusal);
        }
        Route::Keep {
            inbox: address.number,
            depends: address.depends(),
            answer: address.answer,
            through: Some(Through { number: self.tunnel, target: target_of(&address.name, path, asking.query) }),
        }
    }

    async fn decide(&self, inbox: i64, request: Arrived<'_>) -> Decision {
        let Some(engine) = self.engine.upgrade() else { return Responder::Inbox.into() };
        let exposures = engine.tunnels.exposures_of(inbox);
        let proved_only = exposures.iter().any(|row| row.tunnel == self.tunnel && row.settings.verified_only);
        crate::response::decide::decide(&engine, inbox, request, proved_only).await
    }

    async fn ask(&self, asked: Asked) -> Result<Response<AnswerBody>, CommitError> {
        match self.engine.upgrade() {
            Some(engine) => crate::forward::ask::ask(&engine, asked).await,
            None => Err(CommitError { fault: DatabaseFault::Other, message: "Hookbench is closing".into() }),
        }
    }
}

/// Serves connections that come in by a live tunnel.
pub(super) fn live_streams(engine: &Arc<Engine>, tunnel: i64) -> Streams<LiveRoutes> {
    let routes = Arc::new(LiveRoutes { engine: Arc::downgrade(engine), tunnel });
    Streams::new(engine.store.clone(), routes, engine.settings().limits, engine.clock.clone())
}

/// Gives an inbox an address nobody guesses; it keeps the one it has.
pub(super) fn expose_live(engine: &Engine, tunnel: i64, address: &Address, settings: ExposureSettings) -> Exposed {
    let own = engine.tunnels.exposures_of(address.number).into_iter().find(|row| row.tunnel == tunnel);
    let label = own.map_or_else(new_token, |own| own.label);
    Exposed::new(ExposureRow { tunnel, inbox: address.number, label, url: String::new(), settings })
}

/// A public URL as it is kept: inboxes stand behind it.
pub(super) fn public_url(written: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("{written:?} is no public URL: {why}.");
    let url = url::Url::parse(written.trim()).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it begins with https:// or http://"));
    }
    if url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it names a host, and nobody's name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() || written.len() > URL_MAX {
        return Err(wrong("each inbox's own address stands behind it, so it has no query and no fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_room_for_an_address_behind_it() {
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
