//! Nothing acknowledged is lost: crashes at any instant, full disks, damaged files, backups.

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

/// Sends until it is told to stop; the numbers that were answered 200.
async fn load(url: &str, from: usize, stop: Arc<AtomicBool>, answered: Arc<Mutex<Vec<usize>>>) {
    let client = reqwest::Client::new();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..32 {
        let (client, url, stop, answered) = (client.clone(), url.to_owned(), stop.clone(), answered.clone());
        senders.spawn(async move {
            let mut n = from + sender;
            while !stop.load(Ordering::Relaxed) {
                // Every tenth is kept in chunks.
                let body = vec![b'x'; if n.is_multiple_of(10) { 400_000 } else { 900 }];
                match client.post(format!("{url}/inbox/{n}")).body(body).send().await {
                    Ok(answer) if answer.status() == 200 => answered.lock().unwrap().push(n),
                    Ok(answer) => panic!("{}", answer.status()),
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
async fn what_got_its_200_is_there_after_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let answered = Arc::new(Mutex::new(Vec::new()));
    for round in 0..6 {
        let serve = Serve::start_in(dir.path());
        let stop = Arc::new(AtomicBool::new(false));
        let sending = tokio::spawn({
            let (url, stop, answered) = (serve.receiver.clone(), stop.clone(), answered.clone());
            async move { load(&url, round * 1_000_000, stop, answered).await }
        });
        // The crash comes after so many answers, at whatever instant of a commit that is.
        let before = answered.lock().unwrap().len();
        until("some answers", async || (answered.lock().unwrap().len() >= before + 50 + 97 * round).then_some(()))
            .await;
        serve.kill_9();
        stop.store(true, Ordering::Relaxed);
        sending.await.unwrap();
    }
    let answered = Arc::into_inner(answered).unwrap().into_inner().unwrap();
    let serve = Serve::start_in(dir.path());
    let all = serve.all("inbox").await;
    let stored: std::collections::HashMap<usize, &Json> =
        all.iter().map(|r| (r["target"].as_str().unwrap().trim_start_matches("/inbox/").parse().unwrap(), r)).collect();
    assert_eq!(stored.len(), all.len(), "one of them is there twice");
    for n in &answered {
        let request = stored.get(n).unwrap_or_else(|| panic!("{n} was answered and is lost"));
        assert_eq!(request["body_state"], "complete");
        let wanted = if n.is_multiple_of(10) { 400_000 } else { 900 };
        assert_eq!(request["body_bytes"], wanted);
        if wanted > 900 {
            assert_eq!(serve.body(request["id"].as_str().unwrap()).await.len(), wanted);
        }
    }
    // Every chunk belongs to a request: what a crash left over was swept at the start.
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
async fn a_full_disk_is_503_and_an_alarm_and_recovers_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    Serve::start_in(dir.path()).terminate();
    // No file may grow past 3 MB: to the database this is a disk that takes no more.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -S -f 6000; exec \"$0\" serve --listen 127.0.0.1:0 --api 127.0.0.1:0 --json --data \"$1\""])
        .args([Path::new(env!("CARGO_BIN_EXE_hookbench")), dir.path()])
        .env("HOOKBENCH_LOG", "off");
    let serve = Serve::spawn(command, dir.path());
    let client = reqwest::Client::new();
    let send =
        async || client.post(format!("{}/inbox", serve.receiver)).body(vec![b'x'; 100_000]).send().await.unwrap();
    let mut stored = 0;
    let refused = loop {
        let answer = send().await;
        if answer.status() != 200 {
            break answer;
        }
        stored += 1;
        assert!(stored < 200, "the limit does not bite");
    };
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_eq!(refused.json::<Json>().await.unwrap()["code"], "not_stored");
    let status = serve.get("/status").await;
    assert_eq!(status["database"]["state"], "failing", "{status}");
    assert!(status["database"]["message"].as_str().is_some_and(|m| !m.is_empty()));
    assert_eq!(serve.all("inbox").await.len(), stored, "reading goes on");
    // What was refused is counted and listed while the disk is full, and kept once it takes more.
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
    until("the alarm to end by itself", async || {
        (serve.get("/status").await["database"]["state"] == "ok").then_some(())
    })
    .await;
    assert_eq!(send().await.status(), 200);
    assert_eq!(serve.all("inbox").await.len(), stored + 1);
    serve.terminate();
    let kept = Serve::start_in(dir.path()).get("/refusals").await;
    assert_eq!(kept["items"][0]["text"], listed["text"]);
}

#[tokio::test]
async fn a_backup_holds_every_byte() {
    let serve = Serve::start();
    let client = reqwest::Client::new();
    for n in 0..50usize {
        let body: Vec<u8> = (0..n * n * 200).map(|i| (i * (n + 7)) as u8).collect();
        client.post(format!("{}/inbox/{n}", serve.receiver)).body(body).send().await.unwrap();
    }
    let file = serve.data.with_file_name("backup.db");
    let done = serve.cli(&["backup", file.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = serve.cli(&["backup", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "a file that is there is not written over");
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

/// Starts `serve` where it cannot, and gives its words.
async fn refused(data: &Path) -> String {
    let mut command = tokio::process::Command::from(hookbench());
    command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--data"]).arg(data).kill_on_drop(true);
    let done = tokio::time::timeout(PATIENCE, command.output()).await.expect("it refuses to start").unwrap();
    assert_eq!(done.status.code(), Some(2));
    String::from_utf8_lossy(&done.stderr).into_owned()
}

#[tokio::test]
async fn a_second_engine_is_told_who_holds_the_folder() {
    let serve = Serve::start();
    let words = refused(&serve.data).await;
    assert!(words.contains(&format!("in use by hookbench serve (process {})", serve.pid())), "{words}");
}

#[tokio::test]
async fn a_damaged_foreign_or_newer_database_is_said_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let serve = Serve::start_in(dir.path());
    for _ in 0..200 {
        reqwest::Client::new().post(format!("{}/inbox", serve.receiver)).body(vec![b'x'; 3000]).send().await.unwrap();
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
        (b"this is no database, whatever its name says".to_vec(), "damaged"),
        (good[..good.len() / 2].to_vec(), "damaged"),
        (scrambled, "damaged"),
        (foreign, "another program"),
        (newer, "newer Hookbench"),
    ] {
        fs::write(&file, &content).unwrap();
        let words = refused(dir.path()).await;
        assert!(words.contains(word), "{word}: {words}");
        assert!(fs::read(&file).unwrap() == content, "{word}: the file was touched");
    }
    fs::write(&file, good).unwrap();
    assert_eq!(Serve::start_in(dir.path()).all("inbox").await.len(), 200);
}

#[tokio::test]
async fn a_first_start_that_ended_too_soon_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hookbench.db");
    fs::write(&file, b"").unwrap();
    assert_eq!(Serve::start_in(dir.path()).all("inbox").await.len(), 0);
    // Named as ours, and not one table made yet.
    fs::remove_file(&file).unwrap();
    let begun = rusqlite::Connection::open(&file).unwrap();
    begun.execute_batch("PRAGMA application_id = 0x484f4f4b; PRAGMA journal_mode = WAL;").unwrap();
    begun.close().unwrap();
    let serve = Serve::start_in(dir.path());
    assert_eq!(
        reqwest::Client::new().post(format!("{}/inbox", serve.receiver)).body("x").send().await.unwrap().status(),
        200
    );
    serve.newest(1).await;
}

#[tokio::test]
async fn only_the_owner_can_read_the_data() {
    let serve = Serve::start();
    reqwest::Client::new().post(format!("{}/inbox", serve.receiver)).body("x").send().await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&serve.data), 0o700);
    for entry in fs::read_dir(&serve.data).unwrap().flatten() {
        let expected = if entry.file_type().unwrap().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), expected, "{}", entry.path().display());
    }
}
