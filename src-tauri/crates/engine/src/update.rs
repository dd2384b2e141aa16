//! Check for a newer release, once a day, only if the setting `check_for_updates` is on.
//!
//! The check is one GET without data about this computer. It reads the version of the newest release, and nothing is
//! downloaded or installed.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use hookbench_delivery::download;
use hookbench_model::{Change, StatusRelease};
use semver::Version;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::Engine;

/// Newest release (GitHub REST API, "Get the latest release").
const LATEST: &str = "https://api.github.com/repos/hookbench/hookbench/releases/latest";

/// Page of a release, followed by its version.
const RELEASE: &str = "https://github.com/hookbench/hookbench/releases/tag/v";

/// Variable with another address of the newest release, for mirrors and tests.
const VARIABLE: &str = "HOOKBENCH_UPDATE_URL";

/// File in the data folder with the last check.
const FILE: &str = "update.json";

/// Time between two checks, and until the next one if a check failed.
const INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
const AFTER_FAILURE: Duration = Duration::from_secs(60 * 60);

/// Maximum size of the description of a release, in bytes.
const RELEASE_MAX: usize = 1024 * 1024;

/// What the last check found.
#[derive(Debug, Default)]
pub struct Updates {
    found: Mutex<Option<StatusRelease>>,
    changed: Notify,
}

impl Updates {
    /// Returns the newer release, if a check found one.
    pub fn found(&self) -> Option<StatusRelease> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stores what a check found. Returns true if it differs.
    fn put(&self, update: Option<StatusRelease>) -> bool {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let differs = *found != update;
        *found = update;
        differs
    }

    /// Starts or ends the checks after a change of the setting.
    pub(crate) fn setting_changed(&self) {
        self.changed.notify_one();
    }
}

/// Starts the checks, which end when the engine is dropped.
pub(crate) fn spawn(engine: &Arc<Engine>) {
    tokio::spawn(run(Arc::downgrade(engine)));
}

async fn run(engine: Weak<Engine>) {
    loop {
        let Some(opened) = engine.upgrade() else { return };
        let updates = opened.updates.clone();
        let (found, pause) = match opened.settings().check_for_updates {
            false => (None, INTERVAL),
            true => look(&opened.dir().path().join(FILE), opened.clock.now_us() / 1_000_000).await,
        };
        if updates.put(found) {
            opened.feed().publish([Change::StatusChanged]);
        }
        drop(opened);
        let _ = tokio::time::timeout(pause, updates.changed.notified()).await;
    }
}

/// Last check, which is stored so that a restart does not check again.
#[derive(Debug, Default, Serialize, Deserialize)]
struct LastCheck {
    /// Time in seconds since the Unix epoch.
    at_s: i64,
    /// Tag of the newest release.
    tag: String,
}

/// Checks if the last check is a day ago. Returns the newer release, and the time until the next check.
async fn look(file: &Path, now_s: i64) -> (Option<StatusRelease>, Duration) {
    let stored = fs::read(file).ok().and_then(|text| serde_json::from_slice::<LastCheck>(&text).ok());
    let last = stored.unwrap_or_default();
    let known = newer(&last.tag, env!("CARGO_PKG_VERSION")).unwrap_or_default();
    let age_s = u64::try_from(now_s - last.at_s).unwrap_or(u64::MAX);
    if age_s < INTERVAL.as_secs() {
        return (known, INTERVAL - Duration::from_secs(age_s));
    }
    let checked = check(now_s).await.and_then(|tag| Ok((newer(&tag, env!("CARGO_PKG_VERSION"))?, tag)));
    match checked {
        Ok((found, tag)) => {
            let text = serde_json::to_vec(&LastCheck { at_s: now_s, tag }).unwrap_or_default();
            if let Err(error) = fs::write(file, text) {
                tracing::info!(%error, "the time of the check for updates cannot be stored");
            }
            (found, INTERVAL)
        }
        Err(why) => {
            tracing::info!(why, "the check for updates failed");
            (known, AFTER_FAILURE)
        }
    }
}

/// Asks for the newest release. Returns its tag.
async fn check(now_s: i64) -> Result<String, String> {
    let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty()).unwrap_or_else(|| LATEST.to_owned());
    let document = download(&url, "application/vnd.github+json", RELEASE_MAX, now_s).await?;
    let release = serde_json::from_slice::<Release>(&document);
    release.map(|release| release.tag_name).map_err(|error| error.to_string())
}

/// Release, as GitHub describes it.
#[derive(Deserialize)]
struct Release {
    tag_name: String,
}

/// Returns the release with this tag if it is newer than `own`. Its page is known and not taken from the response.
fn newer(tag: &str, own: &str) -> Result<Option<StatusRelease>, String> {
    let parse = |text: &str| Version::parse(text).map_err(|error| format!("{text:?} is not a version: {error}"));
    let version = parse(tag.strip_prefix('v').unwrap_or(tag))?;
    let wanted = version.pre.is_empty() && version > parse(own)?;
    Ok(wanted.then(|| StatusRelease { url: format!("{RELEASE}{version}"), version: version.to_string() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tag: &str) -> Result<Option<String>, String> {
        newer(tag, "1.2.3").map(|update| {
            update.map(|update| {
                assert_eq!(
                    update.url,
                    format!("https://github.com/hookbench/hookbench/releases/tag/v{}", update.version)
                );
                update.version
            })
        })
    }

    #[test]
    fn only_a_newer_release_is_an_update() {
        assert_eq!(found("v1.2.4"), Ok(Some("1.2.4".into())));
        assert_eq!(found("1.10.0"), Ok(Some("1.10.0".into())));
        for old in ["v1.2.3", "v1.2.2", "v0.9.9", "v2.0.0-rc.1"] {
            assert_eq!(found(old), Ok(None), "{old}");
        }
        assert!(found("nightly").is_err_and(|why| why.contains("not a version")));
    }
}
