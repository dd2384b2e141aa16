//! Selection of the response to a request, in this order: provider handshake, status by path, first matching response
//! rule, first matching proxy forward, default response of the inbox.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use hookbench_capture::{
    ArrivedBody, Decision, Findings, PreparedResponse, ReceivedRequest, Responder, RowId, header_list, read_chunks,
};
use hookbench_model::{
    ForwardMode, InboxResponse, ResponseCandidate, ResponseRule, SequenceEnd, SequencePer, SignatureStatus, masked_url,
};
use hookbench_query::{Node, Query, SEARCHED_MAX, Subject};
use hookbench_store::verification::Verification;
use hookbench_template::TemplateContext;
use http::StatusCode;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::steps::Key;
use crate::{
    Engine,
    inbox::InboxConfig,
    verification::{RequestView, verify_request},
};

/// Maximum size of a body that is verified before the response is decided, in bytes. The sender waits meanwhile.
const VERIFIED_MAX: u64 = 8 * 1024 * 1024;

/// A request as it arrived, stored or not.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Request target as sent.
    pub target: &'a str,
    /// Header block as sent.
    pub headers: &'a [u8],
    /// First 16 MiB of the body.
    pub body: &'a [u8],
    /// Size of the body, in bytes.
    pub body_bytes: u64,
    /// Remote address.
    pub remote_address: &'a str,
    /// Time at which the request head was complete, in µs since the Unix epoch.
    pub arrived_us: i64,
}

impl Arrival<'_> {
    /// Returns the parts to verify, without a body that is too large.
    fn view(&self) -> RequestView<'_> {
        let whole = self.body_bytes <= VERIFIED_MAX && self.body.len() as u64 == self.body_bytes;
        RequestView {
            method: self.method,
            target: self.target,
            headers: self.headers,
            arrived_us: self.arrived_us,
            body: whole.then_some(self.body),
        }
    }
}

/// Selected response to a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Default response of the inbox.
    Own,
    /// Status in the path of the request.
    Path(u16),
    /// Response of a rule.
    Rule {
        /// Index of the rule, from 0.
        rule: usize,
        /// Index of the response in the sequence of the rule, from 0.
        response: usize,
        /// Key of the sequence, if the rule has more than one response.
        key: Option<Key>,
    },
    /// Response of an app: the index of the inbox's forward, from 0.
    Forward(usize),
}

/// A request with the data that rules and forwards match against, collected once.
pub struct ArrivedRequest<'a> {
    arrival: Arrival<'a>,
    address: &'a InboxConfig,
    verification: Verification,
    now_us: i64,
}

impl<'a> ArrivedRequest<'a> {
    /// Verifies a request and collects the data that rules match against.
    pub fn new(engine: &Engine, address: &'a InboxConfig, arrival: Arrival<'a>) -> Self {
        let verification = verify_request(&engine.providers.catalog(), &arrival.view(), address);
        Self::verified(engine, address, arrival, verification)
    }

    /// Same as `new`, for a request that was verified already.
    fn verified(engine: &Engine, address: &'a InboxConfig, arrival: Arrival<'a>, verification: Verification) -> Self {
        Self { arrival, address, verification, now_us: engine.clock.now_us() }
    }

    /// Matches a query. Returns the first part of the query text that does not match as the error.
    pub(crate) fn asked(&self, query: &Query, text: &str) -> Result<(), String> {
        let Arrival { method, target, headers, body, body_bytes, remote_address, arrived_us } = self.arrival;
        let read = || Cow::Borrowed(body);
        let subject = Subject {
            id: RowId(0),
            tail: hookbench_capture::IdTail::new(0),
            inbox: &self.address.name,
            method,
            target,
            remote_address,
            status: 0,
            body_bytes: body_bytes as i64,
            arrived_us,
            pinned: false,
            unread: true,
            note: "",
            source: "",
            provider: self.verification.recognized.provider.as_deref(),
            event_type: self.verification.recognized.event_type.as_deref(),
            event_id: self.verification.recognized.event_id.as_deref(),
            signature_status: self.verification.state,
            reason: self.verification.fault.as_ref().map(hookbench_signature::Fault::code),
            schema_status: None,
            duplicate: false,
            app: None,
            headers,
            body: &read,
            read: Default::default(),
        };
        if query.matches(&subject, self.now_us) {
            return Ok(());
        }
        let parts = match &query.root {
            Node::All(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let failing = parts.iter().find(|part| !subject.matches(part, self.now_us));
        let span = failing.and_then(Node::span).unwrap_or(0..text.len());
        Err(text.get(span).unwrap_or(text).to_owned())
    }

    /// Returns the key of the sequence of a rule.
    fn key(&self, rule: &ResponseRule) -> Key {
        let of = match (rule.per, &self.verification.recognized.event_id) {
            (SequencePer::Inbox, _) => String::new(),
            (SequencePer::Event, Some(id)) => id.clone(),
            (SequencePer::Event, None) => hex::encode(Sha256::digest(self.arrival.body)),
        };
        (self.address.number, rule.id.clone(), of)
    }

    fn seen(&self) -> TemplateContext<'_> {
        TemplateContext {
            inbox: &self.address.name,
            method: self.arrival.method,
            target: self.arrival.target,
            headers: self.arrival.headers,
            body: self.arrival.body,
            event_type: self.verification.recognized.event_type.as_deref(),
            event_id: self.verification.recognized.event_id.as_deref(),
            uuid: None,
            now_us: self.now_us,
        }
    }
}

/// Returns the status in a target such as `/<inbox>/status/503`. Returns `None` outside 200 to 599.
fn status_in(target: &str) -> Option<u16> {
    let path = target.split('?').next().unwrap_or_default();
    let mut parts = path.trim_start_matches('/').split('/').skip(1);
    (parts.next()? == "status").then_some(())?;
    let status = parts.next()?.parse().ok()?;
    (200..=599).contains(&status).then_some(status)
}

/// Maximum size of a body that is processed on a connection thread, in bytes, unless the body has a content coding. For
/// smaller bodies, matching and verification cost less than moving the work to another thread.
const SHORT: u64 = 16 * 1024;

/// Returns true if processing a request may take long: the body is large, or may become large when decoded.
fn takes_long(headers: &[u8], body_bytes: u64) -> bool {
    body_bytes > SHORT || header_list(headers).any(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"))
}

/// Runs work that may take long without blocking connections. The runtime moves the connections of this thread to
/// another thread meanwhile.
pub fn aside<T>(long: bool, look: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread if long => tokio::task::block_in_place(look),
        _ => look(),
    }
}

/// Selects the response to a request, without provider handshakes. `take` advances sequences. `report` receives each
/// candidate that was considered.
pub fn consider(
    engine: &Engine,
    request: &ArrivedRequest<'_>,
    take: bool,
    report: &mut dyn FnMut(ResponseCandidate),
) -> Outcome {
    let address = request.address;
    if address.compiled_rules.status_by_path
        && let Some(status) = status_in(request.arrival.target)
    {
        report(ResponseCandidate {
            name: "Status by path".into(),
            id: None,
            responses: true,
            why: format!("The path requests status {status}."),
        });
        return Outcome::Path(status);
    }
    for (place, (rule, query)) in address.compiled_rules.rules.iter().enumerate() {
        let name = format!("Rule {}: {}", place + 1, rule.shown_name());
        let mut tell = |responses, why| {
            report(ResponseCandidate { name: name.clone(), id: Some(rule.id.clone()), responses, why })
        };
        if !rule.enabled {
            tell(false, "Disabled.".to_owned());
            continue;
        }
        if let Err(part) = request.asked(query, &rule.when) {
            tell(false, format!("{part} does not match."));
            continue;
        }
        let matched = if rule.when.is_empty() { "Matches every request" } else { "All conditions match" };
        if rule.responses.len() == 1 && rule.at_end != SequenceEnd::NextRule {
            tell(true, format!("{matched}."));
            return Outcome::Rule { rule: place, response: 0, key: None };
        }
        let key = request.key(rule);
        let given = if take { engine.steps.take(&key, request.now_us) } else { engine.steps.given(&key) } as usize;
        let last = rule.responses.len() - 1;
        let response = match rule.at_end {
            SequenceEnd::Last => given.min(last),
            SequenceEnd::First => given % rule.responses.len(),
            SequenceEnd::NextRule if given > last => {
                tell(false, format!("All {} responses were used.", rule.responses.len()));
                continue;
            }
            SequenceEnd::NextRule => given,
        };
        tell(true, format!("{matched}. Response {} of {}.", response + 1, rule.responses.len()));
        return Outcome::Rule { rule: place, response, key: Some(key) };
    }
    if let Some(place) = responding_forward(request, report) {
        return Outcome::Forward(place);
    }
    report(ResponseCandidate {
        name: "Default response".into(),
        id: None,
        responses: true,
        why: "No other response matches.".into(),
    });
    Outcome::Own
}

/// Returns the index of the first proxy forward that matches a request.
fn responding_forward(request: &ArrivedRequest<'_>, report: &mut dyn FnMut(ResponseCandidate)) -> Option<usize> {
    for (place, bound) in request.address.forwards.iter().enumerate() {
        let forward = &bound.forward;
        if forward.mode != ForwardMode::Proxy {
            continue;
        }
        let name = format!("Forward: {}", forward.shown_name());
        let mut tell = |responses, why: String| {
            report(ResponseCandidate { name: name.clone(), id: Some(forward.id.clone()), responses, why });
        };
        if !forward.enabled {
            tell(false, "Disabled.".into());
            continue;
        }
        if crate::forward::loops(forward, request.arrival.headers) {
            tell(false, "The request already passed through this forward.".into());
            continue;
        }
        match request.asked(&bound.query, &forward.when) {
            Ok(()) => {
                tell(true, format!("{} responds.", masked_url(&forward.to)));
                return Some(place);
            }
            Err(part) => tell(false, format!("{part} does not match.")),
        }
    }
    None
}

/// Decides the response to a complete request. With `proved_only`, an app is called only if the signature is valid. The
/// request is verified at most once, and the result is returned with the decision.
pub(crate) async fn decide(
    engine: &Arc<Engine>,
    inbox: i64,
    request: ReceivedRequest<'_>,
    proved_only: bool,
) -> Decision {
    let Some(address) = engine.inboxes.by_number(inbox) else { return Responder::Inbox.into() };
    let bytes = match request.body {
        ArrivedBody::Memory(body) => body.len() as u64,
        ArrivedBody::Chunks { bytes, .. } => bytes,
    };
    let long = takes_long(request.headers, bytes);
    let (catalog, verified) = (engine.providers.catalog(), OnceLock::new());
    if let ArrivedBody::Memory(body) = request.body {
        let view = RequestView {
            method: request.method.as_str(),
            target: request.target,
            headers: request.headers,
            arrived_us: request.arrived_us,
            body: Some(body),
        };
        let verify = || verified.get_or_init(|| verify_request(&catalog, &view, &address)).state;
        if let Some(response) = crate::handshake::handshake(engine, &address, request, body, long, &verify).await {
            return Decision { responder: Responder::Response(response), findings: findings(verified.get()) };
        }
    }
    if !address.decides {
        return Decision { responder: Responder::Inbox, findings: findings(verified.get()) };
    }
    let body = match request.body {
        ArrivedBody::Memory(body) => Cow::Borrowed(body),
        ArrivedBody::Chunks { body, .. } => {
            let read = move |connection: &Connection| read_chunks(connection, body, SEARCHED_MAX);
            // A body that cannot be read is treated as empty, because storing the request will fail, too.
            Cow::Owned(engine.store.readers().read(read).await.unwrap_or_default())
        }
    };
    let remote_address = request.remote_address.to_string();
    let arrival = Arrival {
        method: request.method.as_str(),
        target: request.target,
        headers: request.headers,
        body: &body,
        body_bytes: bytes,
        remote_address: &remote_address,
        arrived_us: request.arrived_us,
    };
    let (request, outcome) = aside(long, || {
        let verification = verified.into_inner().unwrap_or_else(|| verify_request(&catalog, &arrival.view(), &address));
        let request = ArrivedRequest::verified(engine, &address, arrival, verification);
        let outcome = consider(engine, &request, true, &mut |_| ());
        (request, outcome)
    });
    let responder = responder(engine, &request, outcome, proved_only).await;
    // A larger body was not verified here, so the pipeline verifies the request after the commit.
    let known = arrival.view().body.is_some().then_some(&request.verification);
    Decision { responder, findings: findings(known) }
}

fn findings(verification: Option<&Verification>) -> Findings {
    verification.map_or_else(Findings::default, |verification| Findings::new(verification.clone()))
}

async fn responder(
    engine: &Arc<Engine>,
    request: &ArrivedRequest<'_>,
    outcome: Outcome,
    proved_only: bool,
) -> Responder {
    match made(engine, request, &outcome).await {
        DecidedResponse::Own => Responder::Inbox,
        DecidedResponse::Forward(_) if proved_only && request.verification.state != SignatureStatus::Valid => {
            let response = PreparedResponse { status: StatusCode::UNAUTHORIZED, ..(*request.address.response).clone() };
            Responder::Response(Arc::new(response))
        }
        DecidedResponse::Forward(endpoint) => Responder::App(endpoint),
        DecidedResponse::Response { response, origin, fixed } => {
            if let Outcome::Rule { key: Some(key), .. } = outcome {
                keep_step(engine, key, request.now_us);
            }
            match given(engine, response, origin, fixed).await {
                Some(response) => Responder::Response(response),
                None => Responder::Inbox,
            }
        }
    }
}

/// Queues a write of a sequence's position before the request that used it. Does not wait for the write.
fn keep_step(engine: &Engine, key: Key, now_us: i64) {
    use futures_util::FutureExt as _;
    let step = engine.steps.given(&key);
    let keep =
        engine.store.write(move |connection| hookbench_store::sequence::keep(connection, &key, step, now_us), |()| ());
    // The first poll queues the write.
    let _ = keep.now_or_never();
}

/// Returns the response for an outcome, with rendered templates.
pub async fn made(engine: &Engine, request: &ArrivedRequest<'_>, outcome: &Outcome) -> DecidedResponse {
    let address = request.address;
    let (response, origin) = match outcome {
        Outcome::Forward(place) => {
            let endpoint = engine.outbox.schedule().with_id(&address.forwards[*place].forward.id);
            return endpoint.map_or(DecidedResponse::Own, |endpoint| DecidedResponse::Forward(endpoint.number));
        }
        Outcome::Own if !super::depends(&address.own) => return DecidedResponse::Own,
        Outcome::Own => (&*address.own, String::new()),
        Outcome::Path(status) => {
            let response = InboxResponse { status: *status, ..InboxResponse::default() };
            return DecidedResponse::Response { response, origin: "Status by path".into(), fixed: true };
        }
        Outcome::Rule { rule, response, .. } => {
            let (rule, _) = &address.compiled_rules.rules[*rule];
            let several = rule.responses.len() > 1;
            let place = if several { format!(", {} of {}", response + 1, rule.responses.len()) } else { String::new() };
            (&rule.responses[*response], format!("Rule {}{place}", rule.shown_name()))
        }
    };
    if !response.template {
        return DecidedResponse::Response { response: response.clone(), origin, fixed: true };
    }
    let source = match &response.file {
        Some(file) => content(engine, &file.id).await.unwrap_or_default(),
        None => Bytes::from(response.body.clone()),
    };
    let filled = aside(true, || filled(response, &String::from_utf8_lossy(&source), &request.seen()));
    let response = match filled {
        Ok(response) => response,
        Err(why) => InboxResponse {
            status: 500,
            body: format!("Hookbench could not render the response template: {why}.\n"),
            ..InboxResponse::default()
        },
    };
    DecidedResponse::Response { response, origin, fixed: false }
}

/// Returns the content of a response file. Returns `None` if the file was deleted or cannot be read.
async fn content(engine: &Engine, id: &str) -> Option<Bytes> {
    if let Some(held) = engine.response_files.get(id) {
        return Some(held);
    }
    let wanted = id.to_owned();
    let content = engine
        .store
        .readers()
        .read(move |connection| hookbench_store::response_file::content_of_file(&wanted, connection))
        .await;
    let content = Bytes::from(content.ok().flatten()?);
    engine.response_files.put(id.to_owned(), content.clone());
    Some(content)
}

/// Stores a response and returns it in the form that the listener sends. The request refers to the stored response. A
/// `fixed` response is stored once and not for each request.
pub(crate) async fn given(
    engine: &Engine,
    response: InboxResponse,
    origin: String,
    fixed: bool,
) -> Option<Arc<PreparedResponse>> {
    let key = (origin.clone(), serde_json::to_string(&response).unwrap_or_default());
    let known = engine.fixed_responses.get(&key).filter(|_| fixed);
    let number = match known {
        Some(number) => number,
        None => {
            let stored = response.clone();
            let work = move |connection: &Connection| match fixed {
                true => hookbench_store::response::insert(&stored, connection, &origin),
                false => hookbench_store::response::insert_once(&stored, connection, &origin),
            };
            match engine.store.write(work, |_| ()).await {
                Ok(number) => number,
                Err(error) => {
                    // Storing the request will fail in the same way, and the sender then gets an error.
                    tracing::warn!(%error, "a response could not be stored");
                    return None;
                }
            }
        }
    };
    if fixed && known.is_none() {
        engine.fixed_responses.put(key, number);
    }
    let mut compiled = super::compile(&response, number).ok()?;
    if let Some(file) = &response.file {
        match content(engine, &file.id).await {
            Some(content) => compiled.body = content,
            None => compiled.status = StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    Some(Arc::new(compiled))
}

/// Response for an [`Outcome`].
pub enum DecidedResponse {
    /// Default response of the inbox, unchanged.
    Own,
    /// A response other than the default, or a rendered one.
    Response {
        /// Response to send.
        response: InboxResponse,
        /// Origin of the response, such as a rule. Empty for the default response of the inbox.
        origin: String,
        /// True if the response is the same for every request.
        fixed: bool,
    },
    /// Response of the app at the endpoint with this number.
    Forward(i64),
}

/// Renders the templates of a response.
fn filled(response: &InboxResponse, body: &str, seen: &TemplateContext<'_>) -> Result<InboxResponse, String> {
    let text = |template: &str| {
        hookbench_template::render(template, seen).map(|made| String::from_utf8_lossy(&made).into_owned())
    };
    let one_line = |value: String| value.replace(char::is_control, " ");
    let headers = response
        .headers
        .iter()
        .map(|(name, value)| text(value).map(|value| (name.clone(), one_line(value))))
        .collect::<Result<_, _>>()?;
    let body = text(body)?;
    Ok(InboxResponse { headers, body, template: false, file: None, ..response.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_status_only_below_the_inbox() {
        for (target, status) in [
            ("/shop/status/503", Some(503)),
            ("/shop/status/404?x=1", Some(404)),
            ("/shop/status/200/more", Some(200)),
            ("/status/503", None),
            ("/shop/status/100", None),
            ("/shop/status/700", None),
            ("/shop/status/5xx", None),
            ("/shop/x/status/503", None),
        ] {
            assert_eq!(status_in(target), status, "{target}");
        }
    }
}
