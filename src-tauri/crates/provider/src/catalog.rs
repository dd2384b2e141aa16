//! Catalog of built-in and custom providers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use hookbench_signature::{Message, Source};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::{EVENT_FILE_EXTENSION, EventFile, Provider};

#[derive(RustEmbed)]
#[folder = "providers"]
struct Files;

/// Providers by id.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    providers: BTreeMap<String, Provider>,
    /// Text of the provider files by id.
    files: BTreeMap<String, String>,
    /// Event files by the id of the provider.
    event_files: BTreeMap<String, Arc<EventFile>>,
    /// Ids of the providers that use a header, by header name in lower case.
    by_header: HashMap<String, Vec<String>>,
    /// Ids of providers that are recognized by the body only.
    by_body: Vec<String>,
}

/// Checks that a file name without extension is a valid id.
pub(crate) fn named(id: &str) -> Result<(), String> {
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match !id.is_empty() && id.chars().all(kebab) {
        true => Ok(()),
        false => Err("the file name must contain only lowercase letters, digits and hyphens".into()),
    }
}

/// Provider or scenario file that cannot be loaded. Other files are loaded nevertheless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct BadFile {
    /// Name of the file.
    pub file: String,
    /// Reason, with line and column if known.
    pub reason: String,
}

impl Catalog {
    /// Loads the built-in providers and `files` with custom providers, given as names and texts. A custom provider
    /// replaces the built-in provider with the same id, and an event file extends the provider with its id. Returns the
    /// files that cannot be loaded as well.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> (Self, Vec<BadFile>) {
        let shipped = Files::iter().filter_map(|file| {
            let text = String::from_utf8_lossy(&Files::get(&file)?.data).into_owned();
            Some((file.into_owned(), text))
        });
        let mut catalog = Self::default();
        let mut bad = Vec::new();
        let (event_files, files): (Vec<_>, Vec<_>) =
            shipped.chain(files).partition(|(file, _)| file.ends_with(EVENT_FILE_EXTENSION));
        for (file, text) in files {
            let id = file.strip_suffix(".toml").unwrap_or(&file);
            match named(id).and_then(|()| Provider::parse(id, &text)) {
                Ok(provider) => {
                    catalog.providers.insert(id.to_owned(), provider);
                    catalog.files.insert(id.to_owned(), text);
                }
                Err(reason) => bad.push(BadFile { file: file.clone(), reason }),
            }
        }
        for (file, text) in event_files {
            let id = file.strip_suffix(EVENT_FILE_EXTENSION).unwrap_or(&file);
            match catalog.extend(id, &text) {
                Ok(()) => {}
                Err(reason) => bad.push(BadFile { file: file.clone(), reason }),
            }
        }
        for (id, provider) in &catalog.providers {
            let names = provider.hint_headers();
            if names.is_empty() && !provider.recognize.is_empty() {
                catalog.by_body.push(id.clone());
            }
            for name in names {
                catalog.by_header.entry(name).or_default().push(id.clone());
            }
        }
        (catalog, bad)
    }

    /// Adds the events of an event file to a provider.
    fn extend(&mut self, id: &str, text: &str) -> Result<(), String> {
        let provider = self.providers.get_mut(id).ok_or_else(|| format!("there is no provider {id:?}"))?;
        let file = EventFile::parse(text)?;
        file.extend(provider);
        self.event_files.insert(id.to_owned(), Arc::new(file));
        Ok(())
    }

    /// Returns the event file of a provider.
    pub fn event_file(&self, id: &str) -> Option<&Arc<EventFile>> {
        self.event_files.get(id)
    }

    /// Returns the text of the file of a provider.
    pub fn file(&self, id: &str) -> Option<&str> {
        self.files.get(id).map(String::as_str)
    }

    /// Returns the providers that may have sent a message, selected by header names.
    pub(crate) fn candidates<'c>(&'c self, message: &Message<'_>) -> impl Iterator<Item = &'c Provider> {
        let mut ids: BTreeSet<&'c String> = self.by_body.iter().collect();
        for (name, _) in message.headers {
            ids.extend(self.by_header.get(&name.to_ascii_lowercase()).into_iter().flatten());
        }
        ids.into_iter().filter_map(|id| self.providers.get(id))
    }

    /// Returns all providers, sorted by id.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.providers.values()
    }

    /// Returns the locations in which any vendor sends the secret itself.
    pub fn secret_places(&self) -> impl Iterator<Item = &Source> {
        self.providers().flat_map(Provider::secret_places)
    }

    /// Returns a provider by id.
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.providers.get(id)
    }

    /// Describes an id that no provider has, with a similar one if there is any.
    pub fn missing(&self, id: &str) -> String {
        let suggestion = hookbench_model::did_you_mean(id, self.providers.keys().map(String::as_str));
        format!("No such provider: {id:?}.{suggestion} List the providers with `hookbench provider list`.")
    }
}

#[cfg(test)]
mod tests;
