//! Deciding how one request is answered: what its vendor asks for, a status in its path, the first rule
//! that matches, the app that is asked, and else its inbox's own answer.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use hookbench_capture::{Answer, Arrived, ArrivedBody, Decision, Findings, Responder, RowId, header_list, read_chunks};
use hookbench_model::{
    ForwardMode, InboxResponse, ResponseCandidate, ResponseRule, SequenceEnd, SequencePer, SignatureStatus, masked_url,
};
use hookbench_query::{Node, Query, SEARCHED_MAX, Subject};
use hookbench_store::verification::Verification;
use http::StatusCode;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::{
    steps::Key,
    template::{self, Seen},
};
use crate::{
    Engine,
    inbox::Address,
    verification::{RequestView, verify_request},
};

/// Maximum size of a body that is verified before its response is decided, in bytes: the sender waits.
const VERIFIED_MAX: u64 = 8 * 1024 * 1024;

/// A request as it arrived, stored or not.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Method.
    pub method: &'a str,
    /// Target as sent.
    pub target: &'a str,
    /// Header block.
    pub headers: &'a [u8],
    /// Its first 16 MiB.
    pub body: &'a [u8],
    /// Size of the body, in bytes.
    pub body_bytes: u64,
    /// Remote address.
    pub peer: &'a str,
    /// When its head was complete, in µs since the Unix epoch.
    pub arrived_us: i64,
}

impl Arrival<'_> {
    /// The parts that are verified, without a body that is too large.
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

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// As its inbox answers.
    Own,
    /// By the status in its path.
    Path(u16),
    /// By a rule: which of its answers, and the sequence's place.
    Rule {
        /// Position of the rule.
        rule: usize,
        /// Position of the response in the rule's sequence.
        answer: usize,
        /// What the sequence is counted by, where there is more than one response.
        key: Option<Key>,
    },
    /// By the app a forward leads to: which of the inbox's.
    Forward(usize),
}

/// A request with what is known of it, looked at once.
pub struct Looking<'a> {
    arrival: Arrival<'a>,
    address: &'a Address,
    verification: Verification,
    now_us: i64,
}

impl<'a> Looking<'a> {
    /// Verifies a request that arrived, and reads what rules ask about it.
    pub fn new(engine: &Engine, address: &'a Address, arrival: Arrival<'a>) -> Self {
        let verification = verify_request(&engine.providers.catalogue(), &arrival.view(), address);
        Self::verified(engine, address, arrival, verification)
    }

    /// The same for a request whose verification is known.
    fn verified(engine: &Engine, address: &'a Address, arrival: Arrival<'a>, verification: Verification) -> Self {
        Self { arrival, address, verification, now_us: engine.clock.now_us() }
    }

    /// Whether a query matches; else the part of it that does not.
    pub(crate) fn asked(&self, query: &Query, text: &str) -> Result<(), String> {
        let Arrival { method, target, headers, body, body_bytes, peer, arrived_us } = self.arrival;
        let read = || Cow::Borrowed(body);
        let subject = Subject {
            id: RowId(0),
            tail: hookbench_capture::IdTail::new(0),
            inbox: &self.address.name,
            method,
            target,
            peer,
            status: 0,
            body_bytes: body_bytes as i64,
            arrived_us,
            pinned: false,
            unread: true,
            note: "",
            source: "",
            provider: self.verification.recognised.provider.as_deref(),
            event_type: self.verification.recognised.event_type.as_deref(),
            event_id: self.verification.recognised.event_id.as_deref(),
            verdict: self.verification.state,
            reason: self.verification.fault.as_ref().map(hookbench_signature::Fault::code),
            duplicate: false,
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

    /// What a sequence is counted by.
    fn key(&self, rule: &ResponseRule) -> Key {
        let of = match (rule.per, &self.verification.recognised.event_id) {
            (SequencePer::Inbox, _) => String::new(),
            (SequencePer::Event, Some(id)) => id.clone(),
            (SequencePer::Event, None) => hex::encode(Sha256::digest(self.arrival.body)),
        };
        (self.address.number, rule.id.clone(), of)
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            inbox: &self.address.name,
            method: self.arrival.method,
            target: self.arrival.target,
            headers: self.arrival.headers,
            body: self.arrival.body,
            event_type: self.verification.recognised.event_type.as_deref(),
            event_id: self.verification.recognised.event_id.as_deref(),
            now_us: self.now_us,
        }
    }
}

/// The status a target asks for: `/<inbox>/status/503`.
fn status_in(target: &str) -> Option<u16> {
    let path = target.split('?').next().unwrap_or_default();
    let mut parts = path.trim_start_matches('/').split('/').skip(1);
    (parts.next()? == "status").then_some(())?;
    let status = parts.next()?.parse().ok()?;
    (200..=599).contains(&status).then_some(status)
}

/// Largest body that is looked at between two connections of a listener's thread, in bytes, where it is not
/// coded: what a query, a signature or a vendor's question costs of it is less than handing it over.
const SHORT: u64 = 16 * 1024;

/// Whether looking at a request may take long: its body is large, or becomes large when it is decoded.
fn takes_long(headers: &[u8], body_bytes: u64) -> bool {
    body_bytes > SHORT || header_list(headers).any(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"))
}

/// Does what takes long away from the threads that carry connections: the runtime gives this thread's
/// connections to another one meanwhile.
pub fn aside<T>(long: bool, look: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread if long => tokio::task::block_in_place(look),
        _ => look(),
    }
}

/// How a request is answered, without what a vendor asks for. `take` counts sequences on; `told`
/// gets each thing that was looked at.
pub fn consider(
    engine: &Engine,
    looking: &Looking<'_>,
    take: bool,
    told: &mut dyn FnMut(ResponseCandidate),
) -> Outcome {
    let address = looking.address;
    if address.answering.status_by_path
        && let Some(status) = status_in(looking.arrival.target)
    {
        told(ResponseCandidate {
            name: "Status by path".into(),
            id: None,
            answers: true,
            why: format!("The path asks for {status}."),
        });
        return Outcome::Path(status);
    }
    for (place, (rule, query)) in address.answering.rules.iter().enumerate() {
        let name = format!("Rule {}: {}", place + 1, rule.shown_name());
        let mut tell =
            |answers, why| told(ResponseCandidate { name: name.clone(), id: Some(rule.id.clone()), answers, why });
        if !rule.enabled {
            tell(false, "It is switched off.".to_owned());
            continue;
        }
        if let Err(part) = looking.asked(query, &rule.when) {
            tell(false, format!("{part} does not match."));
            continue;
        }
        let matched = if rule.when.is_empty() { "It takes every request" } else { "All of it matches" };
        if rule.answers.len() == 1 && rule.at_end != SequenceEnd::NextRule {
            tell(true, format!("{matched}."));
            return Outcome::Rule { rule: place, answer: 0, key: None };
        }
        let key = looking.key(rule);
        let given = if take { engine.steps.take(&key, looking.now_us) } else { engine.steps.given(&key) } as usize;
        let last = rule.answers.len() - 1;
        let answer = match rule.at_end {
            SequenceEnd::Last => given.min(last),
            SequenceEnd::First => given % rule.answers.len(),
            SequenceEnd::NextRule if given > last => {
                tell(false, format!("All of its {} answers were given.", rule.answers.len()));
                continue;
            }
            SequenceEnd::NextRule => given,
        };
        tell(true, format!("{matched}; it is answer {} of {}.", answer + 1, rule.answers.len()));
        return Outcome::Rule { rule: place, answer, key: Some(key) };
    }
    if let Some(place) = responding_forward(looking, told) {
        return Outcome::Forward(place);
    }
    told(ResponseCandidate {
        name: "The inbox's own answer".into(),
        id: None,
        answers: true,
        why: "Nothing before it matches.".into(),
    });
    Outcome::Own
}

/// The first forward that asks its app for the response to a request.
fn responding_forward(looking: &Looking<'_>, told: &mut dyn FnMut(ResponseCandidate)) -> Option<usize> {
    for (place, bound) in looking.address.forwards.iter().enumerate() {
        let forward = &bound.forward;
        if forward.mode != ForwardMode::Answer {
            continue;
        }
        let name = format!("Forward: {}", forward.shown_name());
        let mut tell = |answers, why: String| {
            told(ResponseCandidate { name: name.clone(), id: Some(forward.id.clone()), answers, why });
        };
        if !forward.enabled {
            tell(false, "It is switched off.".into());
            continue;
        }
        if crate::forward::loops(forward, looking.arrival.headers) {
            tell(false, "The request has come through this forward already.".into());
            continue;
        }
        match looking.asked(&bound.query, &forward.when) {
            Ok(()) => {
                tell(true, format!("{} answers.", masked_url(&forward.to)));
                return Some(place);
            }
            Err(part) => tell(false, format!("{part} does not match.")),
        }
    }
    None
}

/// Decides how a request that arrived whole is responded to. With `proved_only`, no app is asked unless the signature is valid.
/// The request is verified at most once, and its verification is handed on.
pub(crate) async fn decide(engine: &Arc<Engine>, inbox: i64, request: Arrived<'_>, proved_only: bool) -> Decision {
    let Some(address) = engine.addresses.by_number(inbox) else { return Responder::Inbox.into() };
    let bytes = match request.body {
        ArrivedBody::Memory(body) => body.len() as u64,
        ArrivedBody::Chunks { bytes, .. } => bytes,
    };
    let long = takes_long(request.headers, bytes);
    let (catalogue, verified) = (engine.providers.catalogue(), OnceLock::new());
    if let ArrivedBody::Memory(body) = request.body {
        let view = RequestView {
            method: request.method.as_str(),
            target: request.target,
            headers: request.headers,
            arrived_us: request.arrived_us,
            body: Some(body),
        };
        let verify = || verified.get_or_init(|| verify_request(&catalogue, &view, &address)).state;
        if let Some(answer) = crate::handshake::handshake(engine, &address, request, body, long, &verify).await {
            return Decision { responder: Responder::Response(answer), findings: findings(verified.get()) };
        }
    }
    if !address.decides {
        return Decision { responder: Responder::Inbox, findings: findings(verified.get()) };
    }
    let body = match request.body {
        ArrivedBody::Memory(body) => Cow::Borrowed(body),
        ArrivedBody::Chunks { body, .. } => {
            let read = move |connection: &Connection| read_chunks(connection, body, SEARCHED_MAX);
            // A body that cannot be read is taken as empty. Storing the request then fails, too.
            Cow::Owned(engine.store.readers().read(read).await.unwrap_or_default())
        }
    };
    let peer = request.peer.to_string();
    let arrival = Arrival {
        method: request.method.as_str(),
        target: request.target,
        headers: request.headers,
        body: &body,
        body_bytes: bytes,
        peer: &peer,
        arrived_us: request.arrived_us,
    };
    let (looking, outcome) = aside(long, || {
        let verification =
            verified.into_inner().unwrap_or_else(|| verify_request(&catalogue, &arrival.view(), &address));
        let looking = Looking::verified(engine, &address, arrival, verification);
        let outcome = consider(engine, &looking, true, &mut |_| ());
        (looking, outcome)
    });
    let responder = responder(engine, &looking, outcome, proved_only).await;
    // The event of a larger body is read after the commit.
    let known = arrival.view().body.is_some().then_some(&looking.verification);
    Decision { responder, findings: findings(known) }
}

fn findings(verification: Option<&Verification>) -> Findings {
    verification.map_or_else(Findings::default, |verification| Findings::new(verification.clone()))
}

async fn responder(engine: &Arc<Engine>, looking: &Looking<'_>, outcome: Outcome, proved_only: bool) -> Responder {
    match made(engine, looking, &outcome).await {
        Made::Own => Responder::Inbox,
        Made::Forward(_) if proved_only && looking.verification.state != SignatureStatus::Valid => {
            let answer = Answer { status: StatusCode::UNAUTHORIZED, ..(*looking.address.answer).clone() };
            Responder::Response(Arc::new(answer))
        }
        Made::Forward(endpoint) => Responder::App(endpoint),
        Made::Answer { answer, origin, fixed } => {
            if let Outcome::Rule { key: Some(key), .. } = outcome {
                keep_step(engine, key, looking.now_us);
            }
            match given(engine, answer, origin, fixed).await {
                Some(answer) => Responder::Response(answer),
                None => Responder::Inbox,
            }
        }
    }
}

/// Writes a sequence's place down ahead of the request it answers; nobody waits for it.
fn keep_step(engine: &Engine, key: Key, now_us: i64) {
    use futures_util::FutureExt as _;
    let step = engine.steps.given(&key);
    let keep =
        engine.store.write(move |connection| hookbench_store::sequence::keep(connection, &key, step, now_us), |()| ());
    // It is queued by being looked at once.
    let _ = keep.now_or_never();
}

/// The answer that follows from an outcome, with its templates filled in.
pub async fn made(engine: &Engine, looking: &Looking<'_>, outcome: &Outcome) -> Made {
    let address = looking.address;
    let (answer, origin) = match outcome {
        Outcome::Forward(place) => {
            let endpoint = engine.outbox.schedule().with_id(&address.forwards[*place].forward.id);
            return endpoint.map_or(Made::Own, |endpoint| Made::Forward(endpoint.number));
        }
        Outcome::Own if !super::depends(&address.own) => return Made::Own,
        Outcome::Own => (&*address.own, String::new()),
        Outcome::Path(status) => {
            let answer = InboxResponse { status: *status, ..InboxResponse::default() };
            return Made::Answer { answer, origin: "Status by path".into(), fixed: true };
        }
        Outcome::Rule { rule, answer, .. } => {
            let (rule, _) = &address.answering.rules[*rule];
            let several = rule.answers.len() > 1;
            let place = if several { format!(", {} of {}", answer + 1, rule.answers.len()) } else { String::new() };
            (&rule.answers[*answer], format!("Rule {}{place}", rule.shown_name()))
        }
    };
    if !answer.template {
        return Made::Answer { answer: answer.clone(), origin, fixed: true };
    }
    let source = match &answer.file {
        Some(file) => content(engine, &file.id).await.unwrap_or_default(),
        None => Bytes::from(answer.body.clone()),
    };
    let filled = aside(true, || filled(answer, &String::from_utf8_lossy(&source), &looking.seen()));
    let answer = match filled {
        Ok(answer) => answer,
        Err(why) => InboxResponse {
            status: 500,
            body: format!("Hookbench could not fill in its answer's template: {why}.\n"),
            ..InboxResponse::default()
        },
    };
    Made::Answer { answer, origin, fixed: false }
}

/// A file's content; none if it is gone.
async fn content(engine: &Engine, id: &str) -> Option<Bytes> {
    if let Some(held) = engine.answer_files.get(id) {
        return Some(held);
    }
    let wanted = id.to_owned();
    let content = engine
        .store
        .readers()
        .read(move |connection| hookbench_store::response_file::content_of_file(&wanted, connection))
        .await;
    let content = Bytes::from(content.ok().flatten()?);
    engine.answer_files.put(id.to_owned(), content.clone());
    Some(content)
}

/// An answer in the form the receiver gives, once it is in the store: a request refers to what it
/// was answered. A `fixed` one is stored once and not for each request.
pub(crate) async fn given(engine: &Engine, answer: InboxResponse, origin: String, fixed: bool) -> Option<Arc<Answer>> {
    let key = (origin.clone(), serde_json::to_string(&answer).unwrap_or_default());
    let known = engine.fixed_answers.get(&key).filter(|_| fixed);
    let number = match known {
        Some(number) => number,
        None => {
            let stored = answer.clone();
            let work = move |connection: &Connection| match fixed {
                true => hookbench_store::response::insert(&stored, connection, &origin),
                false => hookbench_store::response::insert_once(&stored, connection, &origin),
            };
            match engine.store.write(work, |_| ()).await {
                Ok(number) => number,
                Err(error) => {
                    // The request itself is about to fail the same way, and says so to its sender.
                    tracing::warn!(%error, "an answer could not be stored");
                    return None;
                }
            }
        }
    };
    if fixed && known.is_none() {
        engine.fixed_answers.put(key, number);
    }
    let mut compiled = super::compile(&answer, number).ok()?;
    if let Some(file) = &answer.file {
        match content(engine, &file.id).await {
            Some(content) => compiled.body = content,
            None => compiled.status = StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    Some(Arc::new(compiled))
}

/// What follows from an outcome.
pub enum Made {
    /// The inbox's own answer as it stands.
    Own,
    /// This answer; `fixed` if every request gets the same.
    Answer {
        /// The response.
        answer: InboxResponse,
        /// Where it comes from, where it is not the inbox's default.
        origin: String,
        /// Whether it is the same for every request.
        fixed: bool,
    },
    /// What the app at this destination says.
    Forward(i64),
}

/// An answer with its templates filled in.
fn filled(answer: &InboxResponse, body: &str, seen: &Seen<'_>) -> Result<InboxResponse, String> {
    let text =
        |template: &str| template::render(template, seen).map(|made| String::from_utf8_lossy(&made).into_owned());
    let one_line = |value: String| value.replace(char::is_control, " ");
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| text(value).map(|value| (name.clone(), one_line(value))))
        .collect::<Result<_, _>>()?;
    let body = text(body)?;
    Ok(InboxResponse { headers, body, template: false, file: None, ..answer.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_below_the_inbox_only() {
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
