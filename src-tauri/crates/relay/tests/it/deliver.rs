//! Tests of deliveries and of the responses to senders.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hookbench_relay::{
    client::{State, run},
    server::Admin,
    wire::BodyPlace,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::desk::{TestAgent, enrolled, relay, until, until_some, waits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivers_webhooks_in_order_and_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (agent, http) = (Arc::new(TestAgent::default()), reqwest::Client::new());
    // While the agent is offline, the relay stores the request and the sender gets the fallback response.
    for number in 0..5 {
        let sent = http.post(format!("{}/a%2Fb?n={number}", shop.url)).header("X-Test", "1").body(vec![number; 3]);
        assert_eq!(sent.send().await.unwrap().status(), 202);
    }
    let running = tokio::spawn(run(client.clone(), agent.clone()));
    until("five deliveries", || agent.got().len() == 5).await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at / 3) as u8).collect();
    http.post(format!("{}/large", shop.url)).body(large.clone()).send().await.unwrap();
    for number in 5..50 {
        http.put(&shop.url).body(vec![number; 200_000]).send().await.unwrap();
    }
    until("all deliveries", || agent.got().len() == 51).await;
    let got = agent.got();
    let small: Vec<_> = got.iter().filter(|(delivery, _)| delivery.body == BodyPlace::Here).collect();
    assert_eq!(small.len(), 50);
    for (number, (delivery, body)) in small.iter().enumerate() {
        assert_eq!(body[0], number as u8, "deliveries out of order");
        assert_eq!(delivery.responded, Some(202));
        assert!(!String::from_utf8_lossy(&delivery.head).contains("/a%2Fb"));
    }
    assert_eq!(small[3].0.rest, "/a%2Fb?n=3");
    assert!(String::from_utf8_lossy(&small[0].0.head).contains("x-test: 1\r\n"), "{:?}", small[0].0.head);
    let fetched = got.iter().find(|(delivery, _)| delivery.body == BodyPlace::Relay).unwrap();
    assert!(fetched.1 == large);
    until("nothing waits", || matches!(&*agent.state.lock().unwrap(), Some(State::Online { .. }))).await;
    let shown = client.inboxes().await.unwrap();
    assert_eq!((shown[0].seq, shown[0].refused), (51, 0));
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responds_with_the_app_response_or_the_fallback() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(3_000)).await.unwrap();
    let patient = client.put_inbox("patient", &waits(60_000)).await.unwrap();
    let (agent, http) = (Arc::new(TestAgent::default()), reqwest::Client::new());
    agent.responses.store(true, Ordering::Relaxed);
    // The relay does not wait for an agent that is offline. Waiting would take a minute.
    let began = Instant::now();
    assert_eq!(http.post(&patient.url).body("{}").send().await.unwrap().status(), 202);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    let running = tokio::spawn(run(client.clone(), agent.clone()));
    until("the agent to attach", || agent.online()).await;
    let response = http.post(&shop.url).body("{}").send().await.unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["x-app"], "yes");
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(response.headers()["content-security-policy"], "sandbox; default-src 'none'");
    assert_eq!(response.text().await.unwrap(), "<b>tea</b>");
    assert_eq!(agent.got().len(), 3);
    assert_eq!(agent.got()[2].0.responded, None);
    // If the app does not respond, the sender gets the fallback response after the wait time.
    agent.mute.store(true, Ordering::Relaxed);
    let began = Instant::now();
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    assert!(began.elapsed() >= Duration::from_millis(2_900));
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resends_deliveries_that_the_agent_lost() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (agent, http) = (Arc::new(TestAgent::default()), reqwest::Client::new());
    let running = tokio::spawn(run(client.clone(), agent.clone()));
    for _ in 0..10 {
        http.post(&shop.url).body("{}").send().await.unwrap();
    }
    until("ten deliveries", || agent.got().len() == 10).await;
    running.abort();
    // The agent is restored from a backup with the first four deliveries.
    agent.got.lock().unwrap().truncate(4);
    agent.had.lock().unwrap().insert("shop".into(), 4);
    let running = tokio::spawn(run(client.clone(), agent.clone()));
    until("six more deliveries", || agent.got().len() == 10).await;
    let places: Vec<i64> = agent.got().iter().map(|(delivery, _)| delivery.seq).collect();
    assert_eq!(places, (1..=10).collect::<Vec<_>>());
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_older_sessions_and_sessions_of_revoked_devices() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (old, new) = (Arc::new(TestAgent::default()), Arc::new(TestAgent::default()));
    let first = tokio::spawn(run(client.clone(), old.clone()));
    until("the first session", || old.online()).await;
    let second = tokio::spawn(run(client.clone(), new.clone()));
    until("the second session", || new.online()).await;
    until("the end of the first session", || matches!(*old.state.lock().unwrap(), Some(State::Failed { .. }))).await;
    first.await.unwrap();
    reqwest::Client::new().post(&shop.url).body("{}").send().await.unwrap();
    until("a delivery to the second session", || new.got().len() == 1).await;
    assert!(old.got().is_empty());
    let admin = Admin::new(dir.path());
    // The relay gets the acknowledgment after the test can see the delivery.
    let devices = until_some("the acknowledgment", async || {
        let devices = admin.devices().await.unwrap();
        (devices[0].inboxes == [("shop".to_owned(), 0)]).then_some(devices)
    })
    .await;
    assert!(devices[0].attached);
    admin.revoke(&devices[0].id).await.unwrap();
    until("the end of the second session", || matches!(*new.state.lock().unwrap(), Some(State::Failed { .. }))).await;
    second.await.unwrap();
    assert_eq!(reqwest::get(&shop.url).await.unwrap().status(), 404);
    assert!(client.inboxes().await.unwrap_err().to_string().contains("revoked"));
    let third = Arc::new(TestAgent::default());
    run(client, third.clone()).await;
    assert!(matches!(&*third.state.lock().unwrap(), Some(State::Failed { why }) if why.contains("revoked")));
    relay.stop().await;
}

/// A proxy rejects all upgrades except WebSocket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn falls_back_to_websocket() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let shop = client.put_inbox("shop", &waits(0)).await.unwrap();
    let (listener, target) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), relay.address());
    let boxed = format!("http://{}", listener.local_addr().unwrap());
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = refused.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                let length = near.read(&mut head).await.unwrap();
                if String::from_utf8_lossy(&head[..length]).contains("hookbench-h2/1") {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let _ = near.write_all(b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 2\r\n\r\nno").await;
                    return;
                }
                let mut far = TcpStream::connect(target).await.unwrap();
                far.write_all(&head[..length]).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let through = Arc::new(client.at(&boxed).unwrap());
    let agent = Arc::new(TestAgent::default());
    let running = tokio::spawn(run(through, agent.clone()));
    until("the agent to attach", || agent.online()).await;
    assert_eq!(refused.load(Ordering::SeqCst), 1);
    let large: Vec<u8> = (0..900_000_u32).map(|at| (at / 3) as u8).collect();
    for _ in 0..5 {
        reqwest::Client::new().post(&shop.url).body(large.clone()).send().await.unwrap();
    }
    until("all deliveries", || agent.got().len() == 5).await;
    assert!(agent.got().iter().all(|(_, body)| *body == large));
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_app_does_not_delay_other_inboxes() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let slow = client.put_inbox("slow", &waits(15_000)).await.unwrap();
    let fast = client.put_inbox("fast", &waits(15_000)).await.unwrap();
    let (agent, http) = (Arc::new(TestAgent::default()), reqwest::Client::new());
    agent.responses.store(true, Ordering::Relaxed);
    *agent.slow.lock().unwrap() = "slow".into();
    let running = tokio::spawn(run(client.clone(), agent.clone()));
    until("the agent to attach", || agent.online()).await;
    let waiting: Vec<_> = (0..60).map(|_| tokio::spawn(http.post(&slow.url).body("{}").send())).collect();
    // Requests beyond the limit of waiting senders are stored too, and get the fallback response at once.
    until("60 deliveries", || agent.got().len() == 60).await;
    until("the fallback responses", || waiting.iter().filter(|one| one.is_finished()).count() >= 40).await;
    let began = Instant::now();
    assert_eq!(http.post(&fast.url).body("{}").send().await.unwrap().status(), 418);
    // Waiting for the slow app would take 15 seconds.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    running.abort();
    relay.stop().await;
}
