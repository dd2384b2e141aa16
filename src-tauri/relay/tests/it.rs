//! Both ends over real sockets, with a laptop that keeps things in memory.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use hookline_capture::Clock;
use hookline_relay::{
    client::{Client, Content, Laptop, State, Turn, enrol, run},
    server::{Admin, Config, Quotas, Relay, Tls},
    wire::{Ack, AppAnswer, BodyPlace, Delivery, DeviceKey, Fallback, Signer, Wanted},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A laptop that keeps in memory what it is given.
#[derive(Default)]
struct Desk {
    got: Mutex<Vec<(Delivery, Vec<u8>)>>,
    state: Mutex<Option<State>>,
    had: Mutex<BTreeMap<String, i64>>,
    /// Whether it answers for its app.
    answers: AtomicBool,
    /// Whether it says nothing to deliveries.
    mute: AtomicBool,
}

impl Desk {
    fn got(&self) -> Vec<(Delivery, Vec<u8>)> {
        self.got.lock().unwrap().clone()
    }

    fn online(&self) -> bool {
        matches!(*self.state.lock().unwrap(), Some(State::Online { .. }))
    }
}

impl Laptop for Desk {
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
        let mut got = self.got.lock().unwrap();
        if got.iter().any(|(known, _)| known.id == delivery.id) {
            return Ack::Had;
        }
        got.push((delivery, body));
        let app = wait_s.filter(|_| self.answers.load(Ordering::Relaxed)).map(|_| AppAnswer {
            status: 418,
            headers: vec![("X-App".into(), "yes".into()), ("Content-Type".into(), "text/html".into())],
            body: "<b>tea</b>".into(),
        });
        Ack::Stored(app)
    }

    async fn had(&self) -> BTreeMap<String, i64> {
        self.had.lock().unwrap().clone()
    }

    fn stands(&self, state: State) {
        *self.state.lock().unwrap() = Some(state);
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn config(data: &Path, listen: &str) -> Config {
    Config {
        data: data.into(),
        listen: listen.parse().unwrap(),
        url: None,
        trusted: Vec::new(),
        tls: Tls::Off,
        quotas: Quotas::default(),
    }
}

async fn relay(data: &Path) -> Relay {
    Relay::start(config(data, "127.0.0.1:0"), Clock::system()).await.unwrap()
}

async fn enrolled(relay: &Relay, data: &Path) -> Arc<Client> {
    let (code, _) = Admin::new(data).add_device().await.unwrap();
    let key = DeviceKey::generate();
    let (_, id) = enrol(relay.url(), &key, "desk", &code).await.unwrap();
    Arc::new(Client::new(relay.url(), Signer { key, relay: id }).unwrap())
}

fn waits(ms: u32) -> Wanted {
    Wanted { wait_ms: ms, fallback: Fallback { status: 202, ..Fallback::default() }, ..Wanted::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_is_handed_on_in_order_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (desk, http) = (Arc::new(Desk::default()), reqwest::Client::new());
    // While the laptop is away it is kept, and the sender gets the fallback.
    for number in 0..5 {
        let sent = http.post(format!("{}/a%2Fb?n={number}", shop.url)).header("X-Odd", "1").body(vec![number; 3]);
        assert_eq!(sent.send().await.unwrap().status(), 202);
    }
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    until("five deliveries", || desk.got().len() == 5).await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at / 3) as u8).collect();
    http.post(format!("{}/large", shop.url)).body(large.clone()).send().await.unwrap();
    for number in 5..50 {
        http.put(&shop.url).body(vec![number; 200_000]).send().await.unwrap();
    }
    until("all of it", || desk.got().len() == 51).await;
    let got = desk.got();
    let small: Vec<_> = got.iter().filter(|(delivery, _)| delivery.body == BodyPlace::Here).collect();
    assert_eq!(small.len(), 50);
    for (number, (delivery, body)) in small.iter().enumerate() {
        assert_eq!(body[0], number as u8, "they are in order");
        assert_eq!(delivery.answered, Some(202));
        assert!(!String::from_utf8_lossy(&delivery.head).contains("/a%2Fb"));
    }
    assert_eq!(small[3].0.rest, "/a%2Fb?n=3");
    assert!(String::from_utf8_lossy(&small[0].0.head).contains("x-odd: 1\r\n"), "{:?}", small[0].0.head);
    let fetched = got.iter().find(|(delivery, _)| delivery.body == BodyPlace::Relay).unwrap();
    assert!(fetched.1 == large);
    until("nothing waits", || matches!(&*desk.state.lock().unwrap(), Some(State::Online { .. }))).await;
    let shown = client.inboxes().await.unwrap();
    assert_eq!((shown[0].seq, shown[0].refused), (51, 0));
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_app_answers_while_its_laptop_is_there_and_the_fallback_when_not() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(3_000)).await.unwrap();
    let (desk, http) = (Arc::new(Desk::default()), reqwest::Client::new());
    desk.answers.store(true, Ordering::Relaxed);
    let began = Instant::now();
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    assert!(began.elapsed() < Duration::from_secs(1), "nobody is waited for who is not there");
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    until("the laptop", || desk.online()).await;
    let answer = http.post(&shop.url).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.headers()["x-app"], "yes");
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(answer.headers()["content-security-policy"], "sandbox; default-src 'none'");
    assert_eq!(answer.text().await.unwrap(), "<b>tea</b>");
    assert_eq!(desk.got().len(), 2);
    assert_eq!(desk.got()[1].0.answered, None);
    // An app that says nothing: the fallback when the time is up.
    desk.mute.store(true, Ordering::Relaxed);
    let began = Instant::now();
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    assert!((Duration::from_millis(2_900)..Duration::from_secs(5)).contains(&began.elapsed()));
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_on_the_laptop_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (desk, http) = (Arc::new(Desk::default()), reqwest::Client::new());
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    for _ in 0..10 {
        http.post(&shop.url).body("{}").send().await.unwrap();
    }
    until("ten", || desk.got().len() == 10).await;
    running.abort();
    // Back from a backup that had the first four.
    desk.got.lock().unwrap().truncate(4);
    desk.had.lock().unwrap().insert("shop".into(), 4);
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    until("the six others", || desk.got().len() == 10).await;
    let places: Vec<i64> = desk.got().iter().map(|(delivery, _)| delivery.seq).collect();
    assert_eq!(places, (1..=10).collect::<Vec<_>>());
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_session_wins_and_a_revoked_device_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (old, new) = (Arc::new(Desk::default()), Arc::new(Desk::default()));
    let first = tokio::spawn(run(client.clone(), old.clone()));
    until("the first", || old.online()).await;
    let second = tokio::spawn(run(client.clone(), new.clone()));
    until("the second", || new.online()).await;
    until("the first is over", || matches!(*old.state.lock().unwrap(), Some(State::Over { .. }))).await;
    first.await.unwrap();
    reqwest::Client::new().post(&shop.url).body("{}").send().await.unwrap();
    until("the second gets it", || new.got().len() == 1).await;
    assert!(old.got().is_empty());
    let admin = Admin::new(dir.path());
    let devices = admin.devices().await.unwrap();
    assert!(devices[0].attached && devices[0].inboxes == [("shop".to_owned(), 0)]);
    admin.revoke(&devices[0].id).await.unwrap();
    until("it is over", || matches!(*new.state.lock().unwrap(), Some(State::Over { .. }))).await;
    second.await.unwrap();
    assert_eq!(reqwest::get(&shop.url).await.unwrap().status(), 404);
    assert!(client.inboxes().await.unwrap_err().to_string().contains("revoked"));
    let third = Arc::new(Desk::default());
    run(client, third.clone()).await;
    assert!(matches!(&*third.state.lock().unwrap(), Some(State::Over { why }) if why.contains("revoked")));
    relay.stop().await;
}
