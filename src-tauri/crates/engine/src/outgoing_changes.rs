//! Changes to a captured request that is sent.

use bytes::Bytes;
use hookbench_model::HeaderRules;
use hookbench_provider::SchemeRecord;
use hookbench_signature::Keys;

/// What a forward or a replay changes of the request that it sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutgoingChanges {
    pub(crate) rules: HeaderRules,
    /// Another list of headers, to which the rules apply.
    pub(crate) headers: Option<Vec<(String, String)>>,
    /// Another body.
    pub(crate) body: Option<Bytes>,
    /// The scheme and the keys that re-sign it.
    pub(crate) resign: Option<(SchemeRecord, Keys)>,
    /// What is added to `Via`, by which a forward recognises its own requests.
    pub(crate) via: Option<String>,
}
