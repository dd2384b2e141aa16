//! Files with response bodies. A file is read once, when the response is saved, and identified by the hash of its
//! content.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use hookbench_model::ResponseFile;
use sha2::{Digest as _, Sha256};

/// Maximum size of a response file, in bytes. Files in use are cached in memory.
pub const RESPONSE_FILE_MAX: usize = 8 * 1024 * 1024;

/// Maximum total size of the cached files, in bytes.
const HELD_MAX: usize = 64 * 1024 * 1024;

/// Returns a description of a file. The id is the SHA-256 hash of the content, in hexadecimal digits.
pub fn file_of(name: String, content: &[u8]) -> ResponseFile {
    let id = hex::encode(Sha256::digest(content));
    ResponseFile { id, name, bytes: content.len() as u64 }
}

/// Cache of file contents by id.
#[derive(Debug, Default)]
pub struct Files(Mutex<HashMap<String, Bytes>>);

impl Files {
    /// Returns a cached content.
    pub fn get(&self, id: &str) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Adds a content to the cache. Drops all others if the size limit would be exceeded.
    pub fn put(&self, id: String, content: Bytes) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.values().map(Bytes::len).sum::<usize>() + content.len() > HELD_MAX {
            held.clear();
        }
        held.insert(id, content);
    }
}
