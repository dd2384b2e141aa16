//! All vendors: those that ship, and a user's own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hookbench_signature::{Message, Source};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::Provider;

#[derive(RustEmbed)]
#[folder = "providers"]
struct Files;

/// All vendors by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    providers: BTreeMap<String, Provider>,
    /// The files they were read from, by the same ids.
    files: BTreeMap<String, String>,
    /// Ids of the vendors that a header may be from, by its name in lower case.
    by_header: HashMap<String, Vec<String>>,
    /// Ids of those whom only a body tells.
    by_body: Vec<String>,
}

/// Whether a file's name can be an id.
pub(crate) fn named(id: &str) -> Result<(), String> {
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match !id.is_empty() && id.chars().all(kebab) {
        true => Ok(()),
        false => Err("a file's name is an id: lower-case letters, digits and hyphens".into()),
    }
}

/// A file that is no vendor; the others are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct BadFile {
    /// Its name.
    pub file: String,
    /// Line, column and what was expected.
    pub reason: String,
}

impl Catalogue {
    /// The vendors that ship, with a user's own over them: `files` are names and texts.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> (Self, Vec<BadFile>) {
        let shipped = Files::iter().filter_map(|file| {
            let text = String::from_utf8_lossy(&Files::get(&file)?.data).into_owned();
            Some((file.into_owned(), text))
        });
        let mut catalogue = Self::default();
        let mut bad = Vec::new();
        for (file, text) in shipped.chain(files) {
            let id = file.strip_suffix(".toml").unwrap_or(&file);
            match named(id).and_then(|()| Provider::parse(id, &text)) {
                Ok(provider) => {
                    catalogue.providers.insert(id.to_owned(), provider);
                    catalogue.files.insert(id.to_owned(), text);
                }
                Err(reason) => bad.push(BadFile { file: file.clone(), reason }),
            }
        }
        for (id, provider) in &catalogue.providers {
            let names = provider.hint_headers();
            if names.is_empty() && !provider.recognise.is_empty() {
                catalogue.by_body.push(id.clone());
            }
            for name in names {
                catalogue.by_header.entry(name).or_default().push(id.clone());
            }
        }
        (catalogue, bad)
    }

    /// The file a vendor was read from.
    pub fn file(&self, id: &str) -> Option<&str> {
        self.files.get(id).map(String::as_str)
    }

    /// The vendors a message may be from, judged by the names of its headers.
    pub(crate) fn candidates<'c>(&'c self, message: &Message<'_>) -> impl Iterator<Item = &'c Provider> {
        let mut ids: BTreeSet<&'c String> = self.by_body.iter().collect();
        for (name, _) in message.headers {
            ids.extend(self.by_header.get(&name.to_ascii_lowercase()).into_iter().flatten());
        }
        ids.into_iter().filter_map(|id| self.providers.get(id))
    }

    /// All of them, by id.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.providers.values()
    }

    /// Places in which some vendor sends the secret itself.
    pub fn secret_places(&self) -> impl Iterator<Item = &Source> {
        self.providers().flat_map(Provider::secret_places)
    }

    /// One by its id.
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.providers.get(id)
    }
}

#[cfg(test)]
mod tests;
