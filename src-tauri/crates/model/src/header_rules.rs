//! Changes to the headers of an outgoing request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Changes to the headers of a request that is forwarded or replayed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderRules {
    /// True to keep the original `Host` header. If false, the host of the destination is sent. Default: false.
    pub keep_host: bool,
    /// True to add `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto`. Default: true for forwards, false for
    /// replays.
    pub forwarded: bool,
    /// True to keep hop-by-hop headers such as `Keep-Alive`. Headers that frame the body are never kept. Default:
    /// false.
    pub keep_hop_by_hop: bool,
    /// Names of headers to remove. At most 64.
    pub remove: Vec<String>,
    /// Headers to set, as `[name, value]`. Headers of the same name are replaced. At most 64. Credentials are masked
    /// when read.
    #[schema(value_type = Vec<Vec<String>>)]
    pub set: Vec<(String, String)>,
}
