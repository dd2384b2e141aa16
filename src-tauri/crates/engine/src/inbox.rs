//! Inboxes: name rules and the in-memory registry.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use hookbench_capture::PreparedResponse;
use hookbench_model::{ForwardMode, InboxResponse, VerificationSettings};
use hookbench_store::{
    inbox::InboxRow,
    request::{InboxLabel, InboxNames},
};

use crate::{
    forward::{CompiledForward, bound},
    response::{self, CompiledRules, compile_rules},
};

/// Maximum length of an inbox name, in bytes.
const NAME_MAX: usize = 64;

/// Maximum number of inboxes up to which requests can create new ones, if the setting allows it.
pub(crate) const CREATED_BY_REQUESTS_MAX: usize = 200;

/// Validates the name of an inbox.
///
/// # Errors
/// Returns a message that describes the allowed names.
pub fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_MAX {
        Err(format!("The inbox name must have 1 to {NAME_MAX} characters."))
    } else if !name.chars().all(allowed) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Err("The inbox name can contain letters, digits, -, _ and ., and must begin with a letter or digit.".into())
    } else {
        Ok(())
    }
}

/// In-memory configuration of an inbox, for the listener and for lists.
#[derive(Debug, Clone)]
pub struct InboxConfig {
    /// Number of the inbox.
    pub number: i64,
    /// Name of the inbox.
    pub name: String,
    /// Default response, compiled.
    pub response: Arc<PreparedResponse>,
    /// Default response as configured.
    pub own: Arc<InboxResponse>,
    /// Response rules, compiled.
    pub compiled_rules: Arc<CompiledRules>,
    pub(crate) forwards: Arc<Vec<CompiledForward>>,
    /// Verification settings.
    pub verification: Arc<VerificationSettings>,
    pub(crate) read_cursor: i64,
    /// Secret of test events, for an inbox without a provider.
    pub(crate) test_secret: Arc<str>,
    /// True if the response may depend on the request, apart from provider handshakes.
    pub(crate) decides: bool,
}

impl InboxConfig {
    /// Returns the ids of the forwards. The destination of a forward has the same id.
    pub fn forward_ids(&self) -> impl Iterator<Item = &str> {
        self.forwards.iter().map(|bound| bound.forward.id.as_str())
    }

    /// Returns the number and the data that a list shows.
    pub(crate) fn label(&self) -> (i64, InboxLabel) {
        (self.number, InboxLabel { name: self.name.clone(), read_cursor: self.read_cursor })
    }

    /// Returns true if the response may depend on the request.
    pub(crate) fn depends(&self) -> bool {
        self.decides || self.verification.provider.is_some()
    }
}

/// Registry of all inboxes by name and by number. Updated only after a commit.
#[derive(Debug, Default)]
pub struct InboxRegistry(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    by_name: HashMap<String, InboxConfig>,
    names: HashMap<i64, String>,
    test_secret: Option<Arc<str>>,
}

impl InboxRegistry {
    /// Returns the inbox with a name.
    pub fn get(&self, name: &str) -> Option<InboxConfig> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.get(name).cloned()
    }

    /// Returns the data that the listener needs: number, default response, and true if the response may depend on the
    /// request. Avoids a copy of the name.
    pub(crate) fn find(&self, name: &str) -> Option<(i64, Arc<PreparedResponse>, bool)> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name.get(name).map(|address| (address.number, address.response.clone(), address.depends()))
    }

    /// Returns the inbox with a number.
    pub fn by_number(&self, number: i64) -> Option<InboxConfig> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name.get(maps.names.get(&number)?).cloned()
    }

    /// Returns all inboxes.
    pub fn all(&self) -> Vec<InboxConfig> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.values().cloned().collect()
    }

    /// Returns the data that a list shows of each inbox, with its number.
    pub(crate) fn labels(&self) -> Vec<(i64, InboxLabel)> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name.values().map(InboxConfig::label).collect()
    }

    /// Returns the name of the inbox with a number.
    pub fn name(&self, number: i64) -> Option<String> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).names.get(&number).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.len()
    }

    /// Sets the secret of test events, which every inbox gets.
    pub(crate) fn set_test_secret(&self, secret: &str) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).test_secret = Some(secret.into());
    }

    /// Adds an inbox, or replaces it.
    pub fn put(&self, mut address: InboxConfig) {
        let mut maps = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(secret) = &maps.test_secret {
            address.test_secret = secret.clone();
        }
        if let Some(was) = maps.names.insert(address.number, address.name.clone()) {
            maps.by_name.remove(&was);
        }
        maps.by_name.insert(address.name.clone(), address);
    }

    /// Removes an inbox.
    pub fn remove(&self, number: i64) {
        let mut maps = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(name) = maps.names.remove(&number) {
            maps.by_name.remove(&name);
        }
    }
}

impl InboxNames for InboxRegistry {
    fn inbox(&self, number: i64) -> Option<InboxLabel> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let address = maps.by_name.get(maps.names.get(&number)?)?;
        Some(InboxLabel { name: address.name.clone(), read_cursor: address.read_cursor })
    }
}

/// Builds the in-memory configuration of a stored inbox.
///
/// # Errors
/// Returns a message if the stored response is invalid.
pub fn address(row: &InboxRow) -> Result<InboxConfig, String> {
    let compiled_rules = compile_rules(&row.rules, row.status_by_path);
    let forwards = bound(&row.forwards);
    let asks = forwards.iter().any(|bound| bound.forward.mode == ForwardMode::Proxy);
    Ok(InboxConfig {
        number: row.number,
        name: row.name.clone(),
        response: Arc::new(response::compile(&row.response, row.response_number)?),
        own: Arc::new(row.response.clone()),
        decides: asks || row.status_by_path || !compiled_rules.rules.is_empty() || response::depends(&row.response),
        compiled_rules: Arc::new(compiled_rules),
        forwards: Arc::new(forwards),
        verification: Arc::new(row.verification.clone()),
        read_cursor: row.read_cursor,
        test_secret: Arc::from(""),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_names_that_are_not_a_path_segment() {
        for name in ["shop", "a", "Stripe-dev_2.test"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", "a/b", "..", ".hidden", "-x", "ä", "a b", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
