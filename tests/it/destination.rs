//! A configurable HTTP test server and calls that send events to it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    hookbench::{Serve, until},
    json::Json,
};

/// A received request.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Bytes,
    pub at: Instant,
}

/// An HTTP server that records requests and returns configured responses.
#[derive(Clone)]
pub struct TargetServer {
    pub url: String,
    pub got: Arc<Mutex<Vec<Got>>>,
    pub status: Arc<AtomicU16>,
    /// Number of requests that never get a response.
    pub hangs: Arc<AtomicUsize>,
    /// Function that chooses each response, if set.
    moods: Arc<Mutex<Option<Mood>>>,
    /// Whether responses wait until [`TargetServer::release`].
    held: Arc<tokio::sync::watch::Sender<bool>>,
}

/// Chooses the response to a request.
pub type Mood = Box<dyn FnMut(&Got) -> TargetResponse + Send>;

/// The response to a request.
pub enum TargetResponse {
    Status(u16),
    /// A response that is truncated in the body.
    Broken,
    /// No response.
    Silent,
}

impl TargetServer {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let destination = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            got: Arc::default(),
            status: Arc::new(AtomicU16::new(200)),
            hangs: Arc::default(),
            moods: Arc::default(),
            held: Arc::default(),
        };
        let app = Router::new().fallback(take).with_state(destination.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        destination
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Sets the function that chooses each response.
    pub fn responds_by(&self, mood: impl FnMut(&Got) -> TargetResponse + Send + 'static) {
        *self.moods.lock().unwrap() = Some(Box::new(mood));
    }

    pub fn responses(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Holds every response back until [`release`](Self::release), so that a test can act during an attempt.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Sends the responses that [`hold`](Self::hold) held back.
    pub fn release(&self) {
        self.held.send_replace(false);
    }
}

async fn take(State(destination): State<TargetServer>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let path = head.uri.to_string();
    let got = Got { path, headers, body, at: Instant::now() };
    let response = match destination.moods.lock().unwrap().as_mut() {
        Some(mood) => mood(&got),
        None if got.path.contains("hang") => TargetResponse::Silent,
        None => TargetResponse::Status(destination.status.load(Ordering::SeqCst)),
    };
    destination.got.lock().unwrap().push(got);
    destination.held.subscribe().wait_for(|held| !held).await.unwrap();
    match response {
        TargetResponse::Status(status) => {
            (StatusCode::from_u16(status).unwrap(), "response of the server").into_response()
        }
        TargetResponse::Broken => {
            let broken = futures_util::stream::unfold(false, async |begun| {
                if !begun {
                    return Some((Ok("half a"), true));
                }
                // Yielding flushes the first part of the body before the error.
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::other("truncated")), true))
            });
            Response::new(Body::from_stream(broken))
        }
        TargetResponse::Silent => {
            destination.hangs.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
    }
}

pub async fn endpoint(serve: &Serve, settings: Json) -> Json {
    let (status, made) = serve.call(reqwest::Method::POST, "/endpoints", settings).await;
    assert_eq!(status, 201, "{made}");
    made
}

pub async fn send(serve: &Serve, event: Json) -> Json {
    let (status, sent) = serve.call(reqwest::Method::POST, "/events", event).await;
    assert_eq!(status, 202, "{sent}");
    sent
}

pub async fn in_state(serve: &Serve, id: &str, states: &[&str]) -> Json {
    until(&format!("{states:?}"), async || {
        let delivery = serve.get(&format!("/deliveries/{id}")).await;
        states.contains(&delivery["state"].as_str().unwrap()).then_some(delivery)
    })
    .await
}

pub fn id(value: &Json) -> String {
    value["id"].as_str().unwrap().to_owned()
}
