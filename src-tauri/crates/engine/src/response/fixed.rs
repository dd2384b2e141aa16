//! Responses that are the same for every request. Each is stored once and found by origin and content.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Origin of a response, and the response as JSON.
pub(crate) type Key = (String, String);

/// Numbers of the stored responses.
#[derive(Debug, Default)]
pub(crate) struct FixedResponses(Mutex<HashMap<Key, i64>>);

impl FixedResponses {
    pub(super) fn get(&self, key: &Key) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    pub(super) fn put(&self, key: Key, number: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, number);
    }
}
