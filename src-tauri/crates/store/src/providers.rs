//! Provider catalog of a data directory: the built-in providers, overridden by the user's files.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};

use hookbench_provider::{BadFile, Catalog};

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
    /// User's files at the time of loading.
    own: Arc<OwnFiles>,
}

fn load(own: OwnFiles) -> Loaded {
    let (catalog, bad) = with_own(own.clone());
    for bad in &bad {
        tracing::warn!(file = %bad.file, reason = %bad.reason, "cannot load a provider file");
    }
    Loaded { catalog: Arc::new(catalog), bad: Arc::new(bad), own: Arc::new(own) }
}

impl Providers {
    /// Loads the catalog of a data directory. Invalid files are logged.
    pub fn open(data: &Path) -> Self {
        Self { data: data.into(), now: RwLock::new(load(own_files(&data.join("providers")))) }
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
        let own = self.now().own;
        own.0.iter().filter_map(|(file, _)| Some(file.strip_suffix(".toml")?.to_owned())).collect()
    }

    /// Reloads the user's files if they changed since they were read.
    pub fn refresh(&self) {
        let own = own_files(&self.data.join("providers"));
        if *self.now().own != own {
            *self.now.write().unwrap_or_else(std::sync::PoisonError::into_inner) = load(own);
        }
    }

    /// Writes the file of a provider and reloads the files.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written. An existing file then stays unchanged.
    pub fn save(&self, id: &str, text: &str) -> std::io::Result<()> {
        save_own_file(&self.data.join("providers"), id, text)?;
        self.refresh();
        Ok(())
    }

    /// Deletes the file of a provider. Returns true if there was one.
    pub fn remove(&self, id: &str) -> std::io::Result<bool> {
        let removed = remove_own_file(&self.data.join("providers"), id)?;
        if removed {
            self.refresh();
        }
        Ok(removed)
    }
}
