//! What arrives, how it is handed on, and what its sender is answered.

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

use crate::desk::{Desk, enrolled, relay, until, until_some, waits};

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
    let patient = client.put_inbox("patient", &waits(60_000)).await.unwrap();
    let (desk, http) = (Arc::new(Desk::default()), reqwest::Client::new());
    desk.answers.store(true, Ordering::Relaxed);
    // A laptop that is not there is not waited for, which would take the whole minute.
    let began = Instant::now();
    assert_eq!(http.post(&patient.url).body("{}").send().await.unwrap().status(), 202);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    until("the laptop", || desk.online()).await;
    let answer = http.post(&shop.url).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.headers()["x-app"], "yes");
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(answer.headers()["content-security-policy"], "sandbox; default-src 'none'");
    assert_eq!(answer.text().await.unwrap(), "<b>tea</b>");
    assert_eq!(desk.got().len(), 3);
    assert_eq!(desk.got()[2].0.answered, None);
    // An app that says nothing: the fallback when the time is up.
    desk.mute.store(true, Ordering::Relaxed);
    let began = Instant::now();
    assert_eq!(http.post(&shop.url).body("{}").send().await.unwrap().status(), 202);
    assert!(began.elapsed() >= Duration::from_millis(2_900));
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
    until("the first is over", || matches!(*old.state.lock().unwrap(), Some(State::Failed { .. }))).await;
    first.await.unwrap();
    reqwest::Client::new().post(&shop.url).body("{}").send().await.unwrap();
    until("the second gets it", || new.got().len() == 1).await;
    assert!(old.got().is_empty());
    let admin = Admin::new(dir.path());
    // What the second stored is acknowledged after the test can see it.
    let devices = until_some("the relay has the acknowledgement", async || {
        let devices = admin.devices().await.unwrap();
        (devices[0].inboxes == [("shop".to_owned(), 0)]).then_some(devices)
    })
    .await;
    assert!(devices[0].attached);
    admin.revoke(&devices[0].id).await.unwrap();
    until("it is over", || matches!(*new.state.lock().unwrap(), Some(State::Failed { .. }))).await;
    second.await.unwrap();
    assert_eq!(reqwest::get(&shop.url).await.unwrap().status(), 404);
    assert!(client.inboxes().await.unwrap_err().to_string().contains("revoked"));
    let third = Arc::new(Desk::default());
    run(client, third.clone()).await;
    assert!(matches!(&*third.state.lock().unwrap(), Some(State::Failed { why }) if why.contains("revoked")));
    relay.stop().await;
}

/// A box on the way that knows no upgrade but that of WebSocket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_lets_only_websockets_through_is_enough() {
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
    let desk = Arc::new(Desk::default());
    let running = tokio::spawn(run(through, desk.clone()));
    until("the laptop", || desk.online()).await;
    assert_eq!(refused.load(Ordering::SeqCst), 1);
    let large: Vec<u8> = (0..900_000_u32).map(|at| (at / 3) as u8).collect();
    for _ in 0..5 {
        reqwest::Client::new().post(&shop.url).body(large.clone()).send().await.unwrap();
    }
    until("all of it", || desk.got().len() == 5).await;
    assert!(desk.got().iter().all(|(_, body)| *body == large));
    running.abort();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_app_of_one_inbox_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let relay = relay(dir.path()).await;
    let client = enrolled(&relay, dir.path()).await;
    let slow = client.put_inbox("slow", &waits(15_000)).await.unwrap();
    let fast = client.put_inbox("fast", &waits(15_000)).await.unwrap();
    let (desk, http) = (Arc::new(Desk::default()), reqwest::Client::new());
    desk.answers.store(true, Ordering::Relaxed);
    *desk.slow.lock().unwrap() = "slow".into();
    let running = tokio::spawn(run(client.clone(), desk.clone()));
    until("the laptop", || desk.online()).await;
    let waiting: Vec<_> = (0..60).map(|_| tokio::spawn(http.post(&slow.url).body("{}").send())).collect();
    // Those for whom nobody is left to wait are kept all the same, and answered at once.
    until("all of them", || desk.got().len() == 60).await;
    until("those that need not wait", || waiting.iter().filter(|one| one.is_finished()).count() >= 40).await;
    let began = Instant::now();
    assert_eq!(http.post(&fast.url).body("{}").send().await.unwrap().status(), 418);
    // Waiting for the slow app would take 15 s.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    running.abort();
    relay.stop().await;
}
