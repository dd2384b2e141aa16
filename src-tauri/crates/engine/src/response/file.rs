//! Files that answers are made of: read once, when they are saved, and kept by what is in them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use hookbench_model::ResponseFile;
use sha2::{Digest as _, Sha256};

/// Largest file of an answer, in bytes: it is held in memory while it is used.
pub const ANSWER_FILE_MAX: usize = 8 * 1024 * 1024;

/// Files held in memory at a time, in bytes.
const HELD_MAX: usize = 64 * 1024 * 1024;

/// A file with this content.
pub fn file_of(name: String, content: &[u8]) -> ResponseFile {
    let id = hex::encode(Sha256::digest(content));
    ResponseFile { id, name, bytes: content.len() as u64 }
}

/// Contents that are in use.
#[derive(Debug, Default)]
pub struct Files(Mutex<HashMap<String, Bytes>>);

impl Files {
    /// Returns a content that is in memory.
    pub fn get(&self, id: &str) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Keeps a content in memory; where there is no room, all others are dropped.
    pub fn put(&self, id: String, content: Bytes) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.values().map(Bytes::len).sum::<usize>() + content.len() > HELD_MAX {
            held.clear();
        }
        held.insert(id, content);
    }
}
