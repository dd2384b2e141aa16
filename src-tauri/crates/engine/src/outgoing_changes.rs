//! Changes to a captured request before it is sent.

use bytes::Bytes;
use hookbench_model::{ForwardTransform, HeaderRules};
use hookbench_provider::SchemeRecord;
use hookbench_signature::Keys;

/// Changes that a forward or a replay makes to the request that it sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutgoingChanges {
    pub(crate) rules: HeaderRules,
    /// Headers that replace those of the request. The rules apply to them.
    pub(crate) headers: Option<Vec<(String, String)>>,
    /// Body that replaces the body of the request.
    pub(crate) body: Option<Bytes>,
    /// Templates that replace the body and set headers.
    pub(crate) transform: Option<ForwardTransform>,
    /// Scheme and keys to re-sign the request with.
    pub(crate) re_sign: Option<(SchemeRecord, Keys)>,
    /// Value that is added to `Via`. A forward recognizes its own requests by this value.
    pub(crate) via: Option<String>,
}
