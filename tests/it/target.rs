//! A receiver that answers as it is told, and the calls that send to it.

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

/// What a receiver got.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Bytes,
    pub at: Instant,
}

/// A receiver that answers as it is told.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    pub got: Arc<Mutex<Vec<Got>>>,
    pub status: Arc<AtomicU16>,
    /// Requests that are held until the end.
    pub hangs: Arc<AtomicUsize>,
    /// How it answers a request of its own accord, where it does.
    moods: Arc<Mutex<Option<Mood>>>,
}

/// What a receiver does with a request, by what it got.
pub type Mood = Box<dyn FnMut(&Got) -> Answer + Send>;

/// What a receiver does.
pub enum Answer {
    Status(u16),
    /// It begins to answer and breaks off.
    Broken,
    /// It never answers.
    Silent,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            got: Arc::default(),
            status: Arc::new(AtomicU16::new(200)),
            hangs: Arc::default(),
            moods: Arc::default(),
        };
        let app = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        receiver
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// From now on each answer is this function's.
    pub fn answers_by(&self, mood: impl FnMut(&Got) -> Answer + Send + 'static) {
        *self.moods.lock().unwrap() = Some(Box::new(mood));
    }

    pub fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

async fn take(State(receiver): State<Receiver>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let path = head.uri.to_string();
    let got = Got { path, headers, body, at: Instant::now() };
    let answer = match receiver.moods.lock().unwrap().as_mut() {
        Some(mood) => mood(&got),
        None if got.path.contains("hang") => Answer::Silent,
        None => Answer::Status(receiver.status.load(Ordering::SeqCst)),
    };
    receiver.got.lock().unwrap().push(got);
    match answer {
        Answer::Status(status) => (StatusCode::from_u16(status).unwrap(), "the receiver's own words").into_response(),
        Answer::Broken => {
            let broken = futures_util::stream::unfold(false, async |begun| {
                if !begun {
                    return Some((Ok("half a"), true));
                }
                // A body that is not ready lets what was begun leave first.
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::other("broken off")), true))
            });
            Response::new(Body::from_stream(broken))
        }
        Answer::Silent => {
            receiver.hangs.fetch_add(1, Ordering::SeqCst);
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
