//! One attachment, from the dial to its end.

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
    CallError, Client, Laptop, State,
    backoff::woke,
    call::refusal,
    turn::{Turn, Turns},
};
use crate::wire::{
    ATTACH, BodyPlace, CREDIT, DELIVER, Delivery, Ended, INLINE_MAX, PROTOCOL, Resume, SILENCE_MAX, STATUS, Side,
    Socket, Standing, random, server_builder,
};

/// How long attaching may take, once there is a connection.
const WITHIN: Duration = Duration::from_secs(10);

/// Silence of a relay in the middle of a large body after which it is asked for the rest anew.
const STALLED: Duration = Duration::from_secs(20);

/// How often in a row the rest of a large body is asked for in vain.
const TRIES: u32 = 8;

/// How the attachment is asked for.
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

/// How an attachment ended.
#[derive(Debug)]
pub(super) enum End {
    /// The relay said so.
    Told(Ended),
    /// The relay will not have this device.
    Refused(String),
    /// The connection broke, or was never there.
    Lost(String),
    /// Something on the way does not let this form through.
    NoUpgrade(String),
    /// The machine slept meanwhile: whatever the connection says, it is dead.
    Woke,
}

/// Codes of refusals that will be the same tomorrow.
const FINAL: &[&str] = &["revoked", "unknown_device", "bad_signature"];

pub(super) async fn attach_and_serve<L: Laptop>(client: &Arc<Client>, laptop: &Arc<L>, form: Form) -> End {
    let ended = |error: CallError| match error {
        CallError::Refused(refused) if FINAL.contains(&refused.code.as_str()) => {
            End::Refused(format!("{} {}", refused.message, refused.hint).trim().to_owned())
        }
        CallError::Refused(refused) if refused.code == "no_upgrade" => End::NoUpgrade(refused.message),
        CallError::Unreached(why) => End::Lost(format!("The relay was not reached: {}.", why.trim_end_matches('.'))),
        CallError::Refused(refused) => End::Lost(refused.message),
        CallError::Odd(why) => End::Lost(format!("This is no Hookbench relay: {why}.")),
    };
    let had = laptop.had().await;
    if !had.is_empty()
        && let Err(error) = client.resume(&Resume { inboxes: had }).await
    {
        return ended(error);
    }
    let stream = match timeout(WITHIN, attach(client, form)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return ended(error),
        Err(_) => return End::Lost("The relay did not attach us in time.".into()),
    };
    match form {
        Form::Upgrade => serve(client, laptop, stream).await,
        Form::WebSocket => serve(client, laptop, Socket::new(stream, Side::Laptop).await).await,
    }
}

/// A connection on which the relay is about to speak HTTP/2.
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
        // What stands between answers in its own way, and takes the upgrade out or does not know it.
        CallError::Odd(why) if status.is_client_error() || status.is_server_error() => {
            Err(CallError::Refused(crate::wire::Refused {
                code: "no_upgrade".into(),
                message: why,
                hint: String::new(),
            }))
        }
        other => Err(other),
    }
}

/// What one attachment's requests share.
struct Shared<L> {
    laptop: Arc<L>,
    client: Arc<Client>,
    began: Instant,
    /// When the relay was last heard of, in ms since `began`.
    heard_ms: AtomicU64,
    ended: watch::Sender<Option<Ended>>,
    turns: Turns,
}

async fn serve<L: Laptop>(
    client: &Arc<Client>,
    laptop: &Arc<L>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> End {
    let shared = Arc::new(Shared {
        laptop: laptop.clone(),
        client: client.clone(),
        began: Instant::now(),
        heard_ms: AtomicU64::new(0),
        ended: watch::Sender::new(None),
        turns: Turns::default(),
    });
    let mut ended = shared.ended.subscribe();
    let service = {
        let shared = shared.clone();
        service_fn(move |request| shared.clone().answer(request))
    };
    let connection = server_builder().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        done = connection => {
            if let Some(why) = *shared.ended.borrow() {
                return End::Told(why);
            }
            match done {
                Ok(()) => End::Lost("The relay closed the connection.".into()),
                Err(error) => End::Lost(format!("The connection broke: {error}.")),
            }
        }
        _ = ended.wait_for(Option::is_some) => {
            let why = shared.ended.borrow().unwrap_or(Ended::Draining);
            End::Told(why)
        }
        () = shared.silence() => End::Lost(format!("The relay was silent for {} s.", SILENCE_MAX.as_secs())),
        () = woke() => End::Woke,
    }
}

impl<L: Laptop> Shared<L> {
    fn hear(&self) {
        self.heard_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Returns when the relay has said nothing for too long.
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

    // No async fn: turns are taken in the order in which streams begin.
    fn answer(
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
                self.laptop.clone().deliver(delivery, wait_s, content, turn)
            }),
            (&Method::PUT, false) if path == STATUS => {
                tokio::spawn(self.clone().told(body));
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

    async fn told(self: Arc<Self>, body: Incoming) {
        let Ok(body) = Limited::new(body, INLINE_MAX as usize).collect().await else { return };
        let Ok(standing) = serde_json::from_slice::<Standing>(&body.to_bytes()) else { return };
        let Standing { round_trip_us, waiting, ended } = standing;
        match ended {
            Some(why) => {
                self.ended.send_replace(Some(why));
            }
            None => self.laptop.stands(State::Online { round_trip_us, waiting }),
        }
    }
}

/// A delivery's body, before it is read.
#[derive(Debug)]
pub enum Content {
    /// It comes with the delivery.
    Here(Incoming),
    /// It is to be fetched.
    Relay {
        /// From whom.
        client: Arc<Client>,
        /// Whose body.
        id: uuid::Uuid,
    },
}

impl Content {
    /// Reads a body that came along, whole. None where it does not arrive whole: the relay sends it again.
    pub async fn read(self, delivery: &Delivery) -> Option<Bytes> {
        let Self::Here(body) = self else { return None };
        let body = Limited::new(body, INLINE_MAX as usize).collect().await.ok()?.to_bytes();
        // Where the relay kept nothing of a body it refused, there is nothing to compare.
        let whole = delivery.body_state != "complete"
            || (body.len() as u64 == delivery.body_bytes && hex::encode(Sha256::digest(&body)) == delivery.sha256);
        whole.then_some(body)
    }

    /// Fetches a large body piece by piece, going on where it was cut; whether all of it came and is what
    /// the relay got. A piece that cannot be kept ends it.
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
                    tracing::warn!(%id, %refused, "a body is not to be had");
                    return false;
                }
                Err(error) => tracing::debug!(%id, %error, "a body was not reached"),
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
