//! Data of the release that had the name Hookline. `fixtures/hookline-0.1.0.db.gz` is a database that this release made: an
//! inbox with a rule, two forwards and two requests, an inbox with an expired request, a saved search, an endpoint and a
//! delivery.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;

use crate::{
    hookbench::{Serve, hookbench, until},
    json::json,
};

const DATABASE: &[u8] = include_bytes!("fixtures/hookline-0.1.0.db.gz");

fn write_database(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(DATABASE).read_to_end(&mut bytes).unwrap();
    fs::write(folder.join("hookline.db"), bytes).unwrap();
}

/// Returns the default data folder of a program in a home folder.
fn default_folder(home: &Path, name: &str) -> PathBuf {
    home.join(".local/share").join(name)
}

/// Starts Hookbench with its default data folder. Returns what it printed on standard error until it was ready, too.
fn serve_at_home(home: &Path) -> (Serve, String) {
    let errors = home.join("errors");
    let mut command = hookbench();
    command.env("HOME", home).env_remove("XDG_DATA_HOME").stderr(Stdio::from(fs::File::create(&errors).unwrap()));
    command.args(["serve", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json"]);
    let serve = Serve::spawn(command, &default_folder(home, "hookbench"));
    (serve, fs::read_to_string(errors).unwrap())
}

#[tokio::test]
async fn takes_over_the_data_of_the_earlier_release() {
    let home = TempDir::new().unwrap();
    let (old, new) = (default_folder(home.path(), "hookline"), default_folder(home.path(), "hookbench"));
    write_database(&old);
    fs::create_dir(old.join("providers")).unwrap();
    let (serve, errors) = serve_at_home(home.path());
    let line = format!("Took over the data of Hookline: {} is now {}.", old.display(), new.display());
    assert!(errors.contains(&line), "{errors}");
    assert!(!old.exists() && new.join("hookbench.db").exists() && new.join("providers").exists());

    let requests = serve.get("/requests").await;
    let statuses: Vec<_> = requests["items"].items().map(|request| request["signature_status"].clone()).collect();
    assert_eq!(json!(statuses), json!(["expired", "invalid", "valid"]));
    let inbox = serve.get("/inboxes/inbox").await;
    assert_eq!(inbox["rules"][0]["responses"][0]["fault"], json!({ "type": "slow", "over_ms": 60 }));
    assert_eq!(inbox["rules"][0]["responses"][1]["body"], "{\"a\":1.10}");
    assert_eq!((&inbox["forwards"][0]["mode"], &inbox["forwards"][1]["mode"]), (&json!("mirror"), &json!("proxy")));
    let endpoint = &serve.get("/endpoints").await["items"][0];
    assert_eq!((&endpoint["account"], &endpoint["time_scale"]), (&json!("acme"), &json!(60.0)));
    assert_eq!(serve.get("/deliveries").await["items"].items().count(), 1);
    let settings = serve.get("/settings").await;
    assert_eq!(settings["local_api"], true);

    // A saved search keeps its text. The old names of fields are valid.
    let search = &serve.get("/saved-searches").await["items"][0];
    assert_eq!((&search["query"], &search["alert"]), (&json!("verdict:invalid peer:127.0.0.1"), &json!(true)));
    let found = serve.get("/requests?q=verdict:invalid%20peer:127.0.0.1").await;
    assert_eq!(found["items"].items().count(), 1);
    assert_eq!(serve.get("/requests?q=signature:expired").await["items"].items().count(), 1);

    // The next start has nothing to do.
    serve.terminate();
    let (serve, errors) = serve_at_home(home.path());
    assert!(!errors.contains("Took over"), "{errors}");
    assert_eq!(serve.get("/requests").await["items"].items().count(), 3);
}

#[tokio::test]
async fn takes_over_a_folder_that_the_user_names() {
    let dir = TempDir::new().unwrap();
    write_database(dir.path());
    let listed = hookbench().args(["requests", "--json", "--data"]).arg(dir.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&listed.stderr);
    assert!(errors.contains(&format!("Took over the data of Hookline in {}.", dir.path().display())), "{errors}");
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 3);
    assert!(dir.path().join("hookbench.db").exists() && !dir.path().join("hookline.db").exists());
}

#[tokio::test]
async fn leaves_a_folder_of_another_program_alone() {
    let home = TempDir::new().unwrap();
    let foreign = default_folder(home.path(), "hookline");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(foreign.join("config.json"), "{}").unwrap();
    rusqlite::Connection::open(foreign.join("hookline.db")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let (serve, errors) = serve_at_home(home.path());
    assert!(!errors.contains("Took over"), "{errors}");
    assert_eq!(serve.get("/requests").await["items"].items().count(), 0);
    assert!(foreign.join("config.json").exists() && foreign.join("hookline.db").exists());
    until("the new folder", async || {
        default_folder(home.path(), "hookbench").join("hookbench.db").exists().then_some(())
    })
    .await;
}
