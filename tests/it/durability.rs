//! End-to-end tests of durability: crashes, full disks, backups, damaged databases and file permissions.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    hookbench::{PATIENCE, Serve, hookbench, until},
    json::Json,
};

/// Sends requests until `stop` is set and records the numbers that got status 200.
async fn load(url: &str, from: usize, stop: Arc<AtomicBool>, responded: Arc<Mutex<Vec<usize>>>) {
    let client = reqwest::Client::new();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..32 {
        let (client, url, stop, responded) = (client.clone(), url.to_owned(), stop.clone(), responded.clone());
        senders.spawn(async move {
            let mut n = from + sender;
            while !stop.load(Ordering::Relaxed) {
                // Every tenth body is large enough to be stored in chunks.
                let body = vec![b'x'; if n.is_multiple_of(10) { 400_000 } else { 900 }];
                match client.post(format!("{url}/inbox/{n}")).body(body).send().await {
                    Ok(response) if response.status() == 200 => responded.lock().unwrap().push(n),
                    Ok(response) => panic!("{}", response.status()),
                    Err(_) => return,
                }
                n += 32;
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_acknowledged_requests_after_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let responded = Arc::new(Mutex::new(Vec::new()));
    for round in 0..6 {
        let serve = Serve::start_in(dir.path());
        let stop = Arc::new(AtomicBool::new(false));
        let sending = tokio::spawn({
            let (url, stop, responded) = (serve.listener.clone(), stop.clone(), responded.clone());
            async move { load(&url, round * 1_000_000, stop, responded).await }
        });
        // The crash comes after a different number of responses in each round, to hit different moments of a commit.
        let before = responded.lock().unwrap().len();
        until("more responses", async || (responded.lock().unwrap().len() >= before + 50 + 97 * round).then_some(()))
            .await;
        serve.kill_9();
        stop.store(true, Ordering::Relaxed);
        sending.await.unwrap();
    }
    let responded = Arc::into_inner(responded).unwrap().into_inner().unwrap();
    let serve = Serve::start_in(dir.path());
    let all = serve.all("inbox").await;
    let stored: std::collections::HashMap<usize, &Json> =
        all.iter().map(|r| (r["target"].as_str().unwrap().trim_start_matches("/inbox/").parse().unwrap(), r)).collect();
    assert_eq!(stored.len(), all.len(), "a request is stored twice");
    for n in &responded {
        let request = stored.get(n).unwrap_or_else(|| panic!("{n} got status 200 but is not stored"));
        assert_eq!(request["body_state"], "complete");
        let wanted = if n.is_multiple_of(10) { 400_000 } else { 900 };
        assert_eq!(request["body_bytes"], wanted);
        if wanted > 900 {
            assert_eq!(serve.body(request["id"].as_str().unwrap()).await.len(), wanted);
        }
    }
    // Every chunk belongs to a request, because chunks left by a crash are deleted at the start.
    serve.terminate();
    let database = rusqlite::Connection::open(dir.path().join("hookbench.db")).unwrap();
    let orphans: i64 = database
        .query_row(
            "SELECT count(*) FROM chunk WHERE id >> 20 NOT IN (SELECT chunks FROM request WHERE chunks IS NOT NULL)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(orphans, 0);
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn full_disk_returns_503_and_recovers_automatically() {
    let dir = tempfile::tempdir().unwrap();
    Serve::start_in(dir.path()).terminate();
    // A limit of 3 MB on the file size simulates a full disk.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -S -f 6000; exec \"$0\" serve --listen 127.0.0.1:0 --api 127.0.0.1:0 --json --data \"$1\""])
        .args([Path::new(env!("CARGO_BIN_EXE_hookbench")), dir.path()])
        .env("HOOKBENCH_LOG", "off");
    let serve = Serve::spawn(command, dir.path());
    let client = reqwest::Client::new();
    let send =
        async || client.post(format!("{}/inbox", serve.listener)).body(vec![b'x'; 100_000]).send().await.unwrap();
    let mut stored = 0;
    let refused = loop {
        let response = send().await;
        if response.status() != 200 {
            break response;
        }
        stored += 1;
        assert!(stored < 200, "the file size limit has no effect");
    };
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_eq!(refused.json::<Json>().await.unwrap()["code"], "not_stored");
    let status = serve.get("/status").await;
    assert_eq!(status["database"]["state"], "failing", "{status}");
    let ready = client.get(format!("{}/readyz", serve.api)).send().await.unwrap();
    assert_eq!((ready.status().as_u16(), ready.text().await.unwrap()), (503, "not ready\n".to_owned()));
    assert!(status["database"]["message"].as_str().is_some_and(|m| !m.is_empty()));
    assert_eq!(serve.all("inbox").await.len(), stored, "stored requests must stay readable");
    // Rejected requests are counted and listed while the disk is full, and stored when there is space again.
    let refused = &status["refusals"][0];
    assert_eq!(
        (&refused["inbox"], &refused["reason"], &refused["open"]),
        (&"inbox".into(), &"unwritable".into(), &1.into())
    );
    let listed = serve.get("/refusals").await["items"][0].clone();
    assert!(listed["status"] == 503 && listed["text"].as_str().unwrap().starts_with("POST /inbox"), "{listed}");
    let lifted =
        Command::new("prlimit").args(["--fsize=unlimited:", "--pid", &serve.pid().to_string()]).status().unwrap();
    assert!(lifted.success());
    until("the database to recover", async || (serve.get("/status").await["database"]["state"] == "ok").then_some(()))
        .await;
    assert_eq!(send().await.status(), 200);
    assert_eq!(serve.all("inbox").await.len(), stored + 1);
    serve.terminate();
    let kept = Serve::start_in(dir.path()).get("/refusals").await;
    assert_eq!(kept["items"][0]["text"], listed["text"]);
}

#[tokio::test]
async fn backup_contains_every_byte() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    for n in 0..50usize {
        let body: Vec<u8> = (0..n * n * 200).map(|i| (i * (n + 7)) as u8).collect();
        client.post(format!("{}/inbox/{n}", serve.listener)).body(body).send().await.unwrap();
    }
    let file = serve.data.with_file_name("backup.db");
    let done = serve.cli(&["backup", file.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = serve.cli(&["backup", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "backup must not overwrite an existing file");
    let restored = serve.data.with_file_name("restored");
    fs::create_dir(&restored).unwrap();
    fs::copy(&file, restored.join("hookbench.db")).unwrap();
    let second = Serve::start_in(&restored);
    let (originals, copies) = (serve.all("inbox").await, second.all("inbox").await);
    assert_eq!(originals, copies);
    assert_eq!(originals.len(), 50);
    for request in &originals {
        let id = request["id"].as_str().unwrap();
        assert!(serve.body(id).await == second.body(id).await, "{id}");
    }
}

/// Runs `serve`, requires exit status 2, and returns stderr.
async fn refused(data: &Path) -> String {
    let mut command = tokio::process::Command::from(hookbench());
    command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--data"]).arg(data).kill_on_drop(true);
    let done = tokio::time::timeout(PATIENCE, command.output()).await.expect("serve must exit").unwrap();
    assert_eq!(done.status.code(), Some(2));
    String::from_utf8_lossy(&done.stderr).into_owned()
}

#[tokio::test]
async fn second_server_reports_process_that_uses_the_folder() {
    let serve = Serve::start();
    let words = refused(&serve.data).await;
    assert!(words.contains(&format!("in use by hookbench serve (process {})", serve.pid())), "{words}");
}

#[tokio::test]
async fn rejects_damaged_foreign_or_newer_database_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    for _ in 0..200 {
        reqwest::Client::new().post(format!("{}/inbox", serve.listener)).body(vec![b'x'; 3000]).send().await.unwrap();
    }
    serve.terminate();
    let file = dir.path().join("hookbench.db");
    let good = fs::read(&file).unwrap();
    let newer = {
        let copy = dir.path().join("newer.db");
        fs::write(&copy, &good).unwrap();
        let database = rusqlite::Connection::open(&copy).unwrap();
        database.pragma_update(None, "user_version", 99).unwrap();
        database.close().unwrap();
        fs::read(&copy).unwrap()
    };
    let foreign = {
        let copy = dir.path().join("foreign.db");
        let database = rusqlite::Connection::open(&copy).unwrap();
        database.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        database.close().unwrap();
        fs::read(&copy).unwrap()
    };
    let mut scrambled = good.clone();
    scrambled[100..4000].fill(0x55);
    for (content, word) in [
        (b"this is not a database, despite its file name".to_vec(), "damaged"),
        (good[..good.len() / 2].to_vec(), "damaged"),
        (scrambled, "damaged"),
        (foreign, "not a Hookbench database"),
        (newer, "newer version of Hookbench"),
    ] {
        fs::write(&file, &content).unwrap();
        let words = refused(dir.path()).await;
        assert!(words.contains(word), "{word}: {words}");
        assert!(fs::read(&file).unwrap() == content, "{word}: the file was changed");
    }
    fs::write(&file, good).unwrap();
    assert_eq!(Serve::start_in(dir.path()).all("inbox").await.len(), 200);
}

#[tokio::test]
async fn completes_interrupted_first_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hookbench.db");
    fs::write(&file, b"").unwrap();
    assert_eq!(Serve::start_in(dir.path()).all("inbox").await.len(), 0);
    // The file has the application id of Hookbench but no tables.
    fs::remove_file(&file).unwrap();
    let begun = rusqlite::Connection::open(&file).unwrap();
    begun.execute_batch("PRAGMA application_id = 0x484f4f4b; PRAGMA journal_mode = WAL;").unwrap();
    begun.close().unwrap();
    let serve = Serve::start_in(dir.path());
    assert_eq!(
        reqwest::Client::new().post(format!("{}/inbox", serve.listener)).body("x").send().await.unwrap().status(),
        200
    );
    serve.newest(1).await;
}

#[tokio::test]
async fn data_is_readable_only_by_owner() {
    let serve = Serve::start();
    reqwest::Client::new().post(format!("{}/inbox", serve.listener)).body("x").send().await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&serve.data), 0o700);
    for entry in fs::read_dir(&serve.data).unwrap().flatten() {
        let expected = if entry.file_type().unwrap().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), expected, "{}", entry.path().display());
    }
}
