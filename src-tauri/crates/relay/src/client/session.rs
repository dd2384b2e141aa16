//! A session with a relay, from connecting to its end.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    Agent, CallError, Client, State,
    backoff::woke,
    call::refusal,
    turn::{Turn, Turns},
};
use crate::wire::{
    ATTACH, BodyPlace, CREDIT, DELIVER, Delivery, INLINE_MAX, PROTOCOL, Resume, SILENCE_MAX, STATUS, SessionEnd,
    SessionStatus, Side, Socket, random, server_builder,
};

/// Maximum time for attaching, after the connection is open.
const WITHIN: Duration = Duration::from_secs(10);

/// Idle time while a large body is fetched, after which the rest of the body is requested again.
const STALLED: Duration = Duration::from_secs(20);

/// Maximum number of consecutive requests for the rest of a large body that return no bytes.
const TRIES: u32 = 8;

/// Protocol of the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Upgrade,
    WebSocket,
}

impl Form {
    pub(super) fn other(self) -> Self {
        if self == Self::Upgrade { Self::WebSocket } else { Self::Upgrade }
    }
}

/// Reason for the end of a session.
#[derive(Debug)]
pub(super) enum End {
    /// The relay ended the session.
    Told(SessionEnd),
    /// The relay does not accept this device.
    Refused(String),
    /// The connection was lost or could not be opened.
    Lost(String),
    /// A proxy between agent and relay does not support this protocol.
    NoUpgrade(String),
    /// The computer was asleep, so the connection is no longer usable.
    Woke,
}

/// Error codes after which a retry cannot succeed.
const FINAL: &[&str] = &["revoked", "unknown_device", "bad_signature"];

pub(super) async fn attach_and_serve<L: Agent>(client: &Arc<Client>, agent: &Arc<L>, form: Form) -> End {
    let ended = |error: CallError| match error {
        CallError::Refused(refused) if FINAL.contains(&refused.code.as_str()) => {
            End::Refused(format!("{} {}", refused.message, refused.hint).trim().to_owned())
        }
        CallError::Refused(refused) if refused.code == "no_upgrade" => End::NoUpgrade(refused.message),
        CallError::Unreached(why) => End::Lost(format!("Could not reach the relay: {}.", why.trim_end_matches('.'))),
        CallError::Refused(refused) => End::Lost(refused.message),
        CallError::Odd(why) => End::Lost(format!("The server is not a Hookbench relay: {why}.")),
    };
    let had = agent.had().await;
    if !had.is_empty()
        && let Err(error) = client.resume(&Resume { inboxes: had }).await
    {
        return ended(error);
    }
    let stream = match timeout(WITHIN, attach(client, form)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return ended(error),
        Err(_) => return End::Lost("The relay did not accept the connection in time.".into()),
    };
    match form {
        Form::Upgrade => serve(client, agent, stream).await,
        Form::WebSocket => serve(client, agent, Socket::new(stream, Side::Agent).await).await,
    }
}

/// Opens a connection and upgrades it. The relay is the HTTP/2 client on the returned connection.
async fn attach(client: &Client, form: Form) -> Result<TokioIo<hyper::upgrade::Upgraded>, CallError> {
    let stream = client.place.dial().await.map_err(CallError::Unreached)?;
    let mut headers = vec![("connection", "Upgrade".to_owned())];
    match form {
        Form::Upgrade => headers.push(("upgrade", PROTOCOL.into())),
        Form::WebSocket => headers.extend([
            ("upgrade", "websocket".into()),
            ("sec-websocket-version", "13".into()),
            ("sec-websocket-key", BASE64.encode(random::<16>())),
        ]),
    }
    let request = client.signed(Method::GET, &format!("{ATTACH}?credit={CREDIT}"), headers, Bytes::new())?;
    let broken = |e: hyper::Error| CallError::Unreached(e.to_string());
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(broken)?;
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(TokioIo::new(hyper::upgrade::on(response).await.map_err(broken)?));
    }
    match refusal(response).await {
        // The response comes from a proxy that removed the upgrade or does not support it.
        CallError::Odd(why) if status.is_client_error() || status.is_server_error() => {
            Err(CallError::Refused(crate::wire::ErrorResponse {
                code: "no_upgrade".into(),
                message: why,
                hint: String::new(),
            }))
        }
        other => Err(other),
    }
}

/// State that the requests of one session share.
struct Shared<L> {
    agent: Arc<L>,
    client: Arc<Client>,
    began: Instant,
    /// Time of the last request from the relay, in ms since `began`.
    heard_ms: AtomicU64,
    ended: watch::Sender<Option<SessionEnd>>,
    turns: Turns,
}

async fn serve<L: Agent>(
    client: &Arc<Client>,
    agent: &Arc<L>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> End {
    let shared = Arc::new(Shared {
        agent: agent.clone(),
        client: client.clone(),
        began: Instant::now(),
        heard_ms: AtomicU64::new(0),
        ended: watch::Sender::new(None),
        turns: Turns::default(),
    });
    let mut ended = shared.ended.subscribe();
    let service = {
        let shared = shared.clone();
        service_fn(move |request| shared.clone().response(request))
    };
    let connection = server_builder().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        done = connection => {
            if let Some(why) = *shared.ended.borrow() {
                return End::Told(why);
            }
            match done {
                Ok(()) => End::Lost("The relay closed the connection.".into()),
                Err(error) => End::Lost(format!("The connection failed: {error}.")),
            }
        }
        _ = ended.wait_for(Option::is_some) => {
            let why = shared.ended.borrow().unwrap_or(SessionEnd::Draining);
            End::Told(why)
        }
        () = shared.silence() => End::Lost(format!("The relay sent nothing for {} s.", SILENCE_MAX.as_secs())),
        () = woke() => End::Woke,
    }
}

impl<L: Agent> Shared<L> {
    fn hear(&self) {
        self.heard_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Returns after the relay has sent nothing for [`SILENCE_MAX`].
    async fn silence(&self) {
        loop {
            let heard = self.began + Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
            let quiet = heard.elapsed();
            if quiet >= SILENCE_MAX {
                return;
            }
            sleep(SILENCE_MAX - quiet).await;
        }
    }

    // This is not an async fn, because turns must be assigned in the order in which streams start.
    fn response(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + 'static {
        self.hear();
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let delivering = match (&parts.method, path.starts_with(DELIVER)) {
            (&Method::PUT, true) => Delivery::from_headers(&parts.headers).map(|(delivery, wait_s)| {
                let (content, turn) = match delivery.body {
                    BodyPlace::Here => (Content::Here(body), self.turns.next(&delivery.inbox)),
                    BodyPlace::Relay => {
                        (Content::Relay { client: self.client.clone(), id: delivery.id }, Turn::default())
                    }
                };
                self.agent.clone().deliver(delivery, wait_s, content, turn)
            }),
            (&Method::PUT, false) if path == STATUS => {
                tokio::spawn(self.clone().take_status(body));
                None
            }
            _ => None,
        };
        let known = path == STATUS;
        async move {
            Ok(match delivering {
                Some(delivering) => {
                    let ack = delivering.await;
                    self.hear();
                    ack.into_response().map(Full::new)
                }
                None => {
                    let mut response = Response::new(Full::default());
                    *response.status_mut() = if known { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST };
                    response
                }
            })
        }
    }

    async fn take_status(self: Arc<Self>, body: Incoming) {
        let Ok(body) = Limited::new(body, INLINE_MAX as usize).collect().await else { return };
        let Ok(status) = serde_json::from_slice::<SessionStatus>(&body.to_bytes()) else { return };
        let SessionStatus { round_trip_us, waiting, ended } = status;
        match ended {
            Some(why) => {
                self.ended.send_replace(Some(why));
            }
            None => self.agent.set_state(State::Online { round_trip_us, waiting }),
        }
    }
}

/// The body of a delivery, before it is read.
#[derive(Debug)]
pub enum Content {
    /// The body is part of the request.
    Here(Incoming),
    /// The body must be fetched from the relay.
    Relay {
        /// Client of the relay.
        client: Arc<Client>,
        /// Id of the delivery.
        id: uuid::Uuid,
    },
}

impl Content {
    /// Reads a body that is part of the request. Returns `None` if the body is incomplete or does not match its digest;
    /// the relay then resends the delivery.
    pub async fn read(self, delivery: &Delivery) -> Option<Bytes> {
        let Self::Here(body) = self else { return None };
        let body = Limited::new(body, INLINE_MAX as usize).collect().await.ok()?.to_bytes();
        // An incomplete body is not compared, because the relay may not have stored it.
        let whole = delivery.body_state != "complete"
            || (body.len() as u64 == delivery.body_bytes && hex::encode(Sha256::digest(&body)) == delivery.sha256);
        whole.then_some(body)
    }

    /// Fetches a large body piece by piece, and resumes after an interruption. Returns true if the body is complete and
    /// matches its digest. Stops if `keep` returns false.
    pub async fn fetch<F: Future<Output = bool>>(self, delivery: &Delivery, mut keep: impl FnMut(Bytes) -> F) -> bool {
        let Self::Relay { client, id } = self else { return false };
        let (mut digest, mut got, mut tries) = (Sha256::new(), 0_u64, 0);
        while got < delivery.body_bytes {
            let before = got;
            match client.body(id, got).await {
                Ok(mut body) => {
                    while let Ok(Some(Ok(frame))) = timeout(STALLED, body.frame()).await {
                        let Ok(data) = frame.into_data() else { continue };
                        got += data.len() as u64;
                        digest.update(&data);
                        if got > delivery.body_bytes || !keep(data).await {
                            return false;
                        }
                    }
                }
                Err(CallError::Refused(refused)) => {
                    tracing::warn!(%id, %refused, "the relay rejected a request for a body");
                    return false;
                }
                Err(error) => tracing::debug!(%id, %error, "a body could not be fetched"),
            }
            tries = if got > before { 0 } else { tries + 1 };
            if got < delivery.body_bytes {
                if tries >= TRIES {
                    return false;
                }
                sleep(Duration::from_millis(200 << tries.min(6))).await;
            }
        }
        delivery.sha256.is_empty() || hex::encode(digest.finalize()) == delivery.sha256
    }
}
