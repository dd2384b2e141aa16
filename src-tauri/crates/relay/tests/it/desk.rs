//! A test agent that stores deliveries in memory, and helpers that start both ends.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use hookbench_capture::Clock;
use hookbench_relay::{
    client::{Agent, Client, Content, State, Turn, enrol},
    server::{Admin, Config, Quotas, Relay, Tls},
    wire::{Ack, AppResponse, BodyPlace, Delivery, DeviceKey, ExposedInbox, Fallback, Signer},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// An agent that stores deliveries in memory.
#[derive(Default)]
pub struct TestAgent {
    pub got: Mutex<Vec<(Delivery, Vec<u8>)>>,
    pub state: Mutex<Option<State>>,
    pub had: Mutex<BTreeMap<String, i64>>,
    /// True if deliveries get the response of an app.
    pub responses: AtomicBool,
    /// True if deliveries are never acknowledged.
    pub mute: AtomicBool,
    /// Name of the inbox whose app never responds.
    pub slow: Mutex<String>,
}

impl TestAgent {
    pub fn got(&self) -> Vec<(Delivery, Vec<u8>)> {
        self.got.lock().unwrap().clone()
    }

    pub fn online(&self) -> bool {
        matches!(*self.state.lock().unwrap(), Some(State::Online { .. }))
    }
}

impl Agent for TestAgent {
    async fn deliver(
        self: Arc<Self>,
        delivery: Delivery,
        wait_s: Option<u32>,
        content: Content,
        mut turn: Turn,
    ) -> Ack {
        let body = match delivery.body {
            BodyPlace::Here => match content.read(&delivery).await {
                Some(body) => body.to_vec(),
                None => return Ack::again(),
            },
            BodyPlace::Relay => {
                let fetched = Arc::new(Mutex::new(Vec::new()));
                let keep = |piece: bytes::Bytes| {
                    fetched.lock().unwrap().extend_from_slice(&piece);
                    async { true }
                };
                if !content.fetch(&delivery, keep).await {
                    return Ack::again();
                }
                fetched.lock().unwrap().clone()
            }
        };
        if self.mute.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        turn.come().await;
        if wait_s.is_some() && *self.slow.lock().unwrap() == delivery.inbox {
            drop(turn);
            self.got.lock().unwrap().push((delivery, body));
            return std::future::pending().await;
        }
        let mut got = self.got.lock().unwrap();
        if got.iter().any(|(known, _)| known.id == delivery.id) {
            return Ack::Had;
        }
        got.push((delivery, body));
        let app = wait_s.filter(|_| self.responses.load(Ordering::Relaxed)).map(|_| AppResponse {
            status: 418,
            headers: vec![("X-App".into(), "yes".into()), ("Content-Type".into(), "text/html".into())],
            body: "<b>tea</b>".into(),
        });
        Ack::Stored(app)
    }

    async fn had(&self) -> BTreeMap<String, i64> {
        self.had.lock().unwrap().clone()
    }

    fn set_state(&self, state: State) {
        *self.state.lock().unwrap() = Some(state);
    }
}

pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    until_some(what, async || holds().then_some(())).await;
}

/// Polls until `ask` returns a value. Panics after 20 seconds.
pub async fn until_some<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(response) = ask().await {
            return response;
        }
        assert!(began.elapsed() < PATIENCE, "timed out waiting for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn config(data: &Path, listen: &str) -> Config {
    Config {
        data: data.into(),
        listen: listen.parse().unwrap(),
        url: None,
        trusted: Vec::new(),
        metrics: None,
        tls: Tls::Off,
        quotas: Quotas::default(),
    }
}

pub async fn relay(data: &Path) -> Relay {
    Relay::start(config(data, "127.0.0.1:0"), Clock::system()).await.unwrap()
}

pub async fn enrolled(relay: &Relay, data: &Path) -> Arc<Client> {
    let (code, _) = Admin::new(data).add_device().await.unwrap();
    let key = DeviceKey::generate();
    let (_, id) = enrol(relay.url(), &key, "desk", &code).await.unwrap();
    Arc::new(Client::new(relay.url(), Signer { key, relay: id }).unwrap())
}

pub fn waits(ms: u32) -> ExposedInbox {
    ExposedInbox { wait_ms: ms, fallback: Fallback { status: 202, ..Fallback::default() }, ..ExposedInbox::default() }
}
