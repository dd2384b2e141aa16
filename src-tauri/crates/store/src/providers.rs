//! Provider catalog of a data directory: the built-in providers, overridden by the user's files.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    ffi::OsString,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::SystemTime,
};

use hookbench_provider::{BadFile, Catalog, EVENT_FILE_EXTENSION};

use crate::own_files::{OwnFiles, own_files, remove_own_file, save_own_file};

/// Loads the built-in providers, overridden by the user's files in the data directory. Returns the catalog and the
/// invalid files.
pub fn catalog(data: &Path) -> (Catalog, Vec<BadFile>) {
    with_own(own_files(&data.join("providers")))
}

fn with_own((files, unreadable): OwnFiles) -> (Catalog, Vec<BadFile>) {
    let (catalog, mut bad) = Catalog::load(files);
    bad.extend(unreadable);
    (catalog, bad)
}

fn provider_file(id: &str) -> String {
    format!("{id}.toml")
}

fn event_file(id: &str) -> String {
    format!("{id}{EVENT_FILE_EXTENSION}")
}

/// Current provider catalog. The user's files can change while the engine runs.
#[derive(Debug)]
pub struct Providers {
    data: PathBuf,
    now: RwLock<Loaded>,
}

#[derive(Debug, Clone)]
struct Loaded {
    catalog: Arc<Catalog>,
    bad: Arc<Vec<BadFile>>,
    /// Hashes of the user's files at the time of loading, by name.
    own: Arc<BTreeMap<String, u64>>,
    /// State of the files before they were read.
    stamps: Arc<Stamps>,
}

/// Name, size and modification time of each file in a folder.
type Stamps = BTreeSet<(OsString, u64, Option<SystemTime>)>;

fn stamps(folder: &Path) -> Stamps {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let about = std::fs::metadata(entry.path()).ok()?;
            Some((entry.file_name(), about.len(), about.modified().ok()))
        })
        .collect()
}

fn hashes((files, bad): &OwnFiles) -> BTreeMap<String, u64> {
    let hash = |text: &str| {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    };
    let bad = bad.iter().map(|bad| (bad.file.clone(), hash(&bad.reason)));
    files.iter().map(|(file, text)| (file.clone(), hash(text))).chain(bad).collect()
}

fn load(own: OwnFiles, stamps: Stamps) -> Loaded {
    let hashes = hashes(&own);
    let (catalog, bad) = with_own(own);
    for bad in &bad {
        tracing::warn!(file = %bad.file, reason = %bad.reason, "cannot load a provider file");
    }
    Loaded { catalog: Arc::new(catalog), bad: Arc::new(bad), own: Arc::new(hashes), stamps: Arc::new(stamps) }
}

impl Providers {
    /// Loads the catalog of a data directory. Invalid files are logged.
    pub fn open(data: &Path) -> Self {
        let folder = data.join("providers");
        let stamps = stamps(&folder);
        Self { data: data.into(), now: RwLock::new(load(own_files(&folder), stamps)) }
    }

    fn now(&self) -> Loaded {
        self.now.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Returns the current catalog.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.now().catalog
    }

    /// Returns the user's invalid files.
    pub fn bad_files(&self) -> Arc<Vec<BadFile>> {
        self.now().bad
    }

    /// Returns the IDs of the providers that are defined by the user's files.
    pub fn own_ids(&self) -> BTreeSet<String> {
        self.now().own.keys().filter_map(|file| Some(file.strip_suffix(".toml")?.to_owned())).collect()
    }

    /// Reloads the user's files if they changed since they were read.
    pub fn refresh(&self) {
        // The stamps are taken before the files are read, so a change during the read is noticed the next time.
        let stamps = stamps(&self.folder());
        if *self.now().stamps != stamps {
            self.reload(stamps);
        }
    }

    fn reload(&self, stamps: Stamps) {
        let (own, now) = (own_files(&self.folder()), self.now());
        let loaded = match *now.own == hashes(&own) {
            true => Loaded { stamps: Arc::new(stamps), ..now },
            false => load(own, stamps),
        };
        // The lock is held only briefly, because it delays the verification of requests.
        *self.now.write().unwrap_or_else(std::sync::PoisonError::into_inner) = loaded;
    }

    /// Writes the file of a provider and reloads the files.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written. An existing file then stays unchanged.
    pub fn save(&self, id: &str, text: &str) -> std::io::Result<()> {
        save_own_file(&self.folder(), &provider_file(id), text)?;
        self.reload(stamps(&self.folder()));
        Ok(())
    }

    /// Writes the event file of a provider and reloads the files.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written. An existing file then stays unchanged.
    pub fn save_events(&self, id: &str, text: &str) -> std::io::Result<()> {
        save_own_file(&self.folder(), &event_file(id), text)?;
        self.reload(stamps(&self.folder()));
        Ok(())
    }

    /// Deletes the files of a provider. Returns true if there was one.
    pub fn remove(&self, id: &str) -> std::io::Result<bool> {
        let events = remove_own_file(&self.folder(), &event_file(id))?;
        let removed = remove_own_file(&self.folder(), &provider_file(id))? || events;
        if removed {
            self.reload(stamps(&self.folder()));
        }
        Ok(removed)
    }

    fn folder(&self) -> PathBuf {
        self.data.join("providers")
    }
}
