//! Inboxes: capture addresses with an answer.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use hookbench_capture::Answer;
use hookbench_model::{ForwardMode, InboxResponse, VerificationSettings};
use hookbench_store::{
    inbox::InboxRow,
    request::{InboxLabel, InboxNames},
};

use crate::{
    forward::{Bound, bound},
    response::{self, Answering, compile_rules},
};

/// Longest inbox name: one path segment that is still easy to read.
const NAME_MAX: usize = 64;

/// Most inboxes a stranger's requests can make, where that is allowed at all.
pub(crate) const CREATED_BY_REQUESTS_MAX: usize = 200;

/// Whether a name can be an inbox, or the sentence that says why not.
pub fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_MAX {
        Err(format!("An inbox name has 1 to {NAME_MAX} characters."))
    } else if !name.chars().all(allowed) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Err("An inbox name has letters, digits, -, _ and . and begins with a letter or digit, for it is part of a URL."
            .into())
    } else {
        Ok(())
    }
}

/// What the receiver and the lists need of an inbox, without a look into the store.
#[derive(Debug, Clone)]
pub struct Address {
    /// Number of the inbox.
    pub number: i64,
    /// Name of the inbox.
    pub name: String,
    /// The default response, compiled.
    pub answer: Arc<Answer>,
    /// The same as it was set.
    pub own: Arc<InboxResponse>,
    /// The response rules, compiled.
    pub answering: Arc<Answering>,
    pub(crate) forwards: Arc<Vec<Bound>>,
    /// How its requests are verified.
    pub verification: Arc<VerificationSettings>,
    pub(crate) read_upto: i64,
    /// Whether its answer may depend on the request in more than what a vendor asks for.
    pub(crate) decides: bool,
}

impl Address {
    /// Ids of its forwards, which are those of their destinations too.
    pub fn forward_ids(&self) -> impl Iterator<Item = &str> {
        self.forwards.iter().map(|bound| bound.forward.id.as_str())
    }

    /// What a list shows of it, by its number.
    pub(crate) fn label(&self) -> (i64, InboxLabel) {
        (self.number, InboxLabel { name: self.name.clone(), read_upto: self.read_upto })
    }

    /// Whether its answer may depend on the request at all.
    pub(crate) fn depends(&self) -> bool {
        self.decides || self.verification.provider.is_some()
    }
}

/// All live inboxes by name and by number; changed only after a commit.
#[derive(Debug, Default)]
pub struct Addresses(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    by_name: HashMap<String, Address>,
    names: HashMap<i64, String>,
}

impl Addresses {
    /// Returns the inbox with a name.
    pub fn get(&self, name: &str) -> Option<Address> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.get(name).cloned()
    }

    /// The part the capture path needs, without a copy of the name: number, answer, and whether
    /// there may be another for a request.
    pub(crate) fn find(&self, name: &str) -> Option<(i64, Arc<Answer>, bool)> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name.get(name).map(|address| (address.number, address.answer.clone(), address.depends()))
    }

    /// Returns the inbox with a number.
    pub fn by_number(&self, number: i64) -> Option<Address> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name.get(maps.names.get(&number)?).cloned()
    }

    /// Returns all inboxes.
    pub fn all(&self) -> Vec<Address> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.values().cloned().collect()
    }

    /// What a list shows of each inbox, by number.
    pub(crate) fn labels(&self) -> Vec<(i64, InboxLabel)> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name.values().map(Address::label).collect()
    }

    /// Returns the name of the inbox with a number.
    pub fn name(&self, number: i64) -> Option<String> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).names.get(&number).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.len()
    }

    /// Adds an inbox, or replaces it.
    pub fn put(&self, address: Address) {
        let mut maps = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
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

impl InboxNames for Addresses {
    fn inbox(&self, number: i64) -> Option<InboxLabel> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let address = maps.by_name.get(maps.names.get(&number)?)?;
        Some(InboxLabel { name: address.name.clone(), read_upto: address.read_upto })
    }
}

/// What the listener and the lists need of a stored inbox.
///
/// # Errors
/// A sentence that says what of its response cannot be used.
pub fn address(row: &InboxRow) -> Result<Address, String> {
    let answering = compile_rules(&row.rules, row.status_by_path);
    let forwards = bound(&row.forwards);
    let asks = forwards.iter().any(|bound| bound.forward.mode == ForwardMode::Answer);
    Ok(Address {
        number: row.number,
        name: row.name.clone(),
        answer: Arc::new(response::compile(&row.answer, row.answer_number)?),
        own: Arc::new(row.answer.clone()),
        decides: asks || row.status_by_path || !answering.rules.is_empty() || response::depends(&row.answer),
        answering: Arc::new(answering),
        forwards: Arc::new(forwards),
        verification: Arc::new(row.verification.clone()),
        read_upto: row.read_upto,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_path_segment_are_refused() {
        for name in ["shop", "a", "Stripe-dev_2.test"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", "a/b", "..", ".hidden", "-x", "ä", "a b", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
