//! Changes to the headers of an outgoing request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Changes to the headers of a request that is forwarded or replayed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderRules {
    /// Whether the original `Host` header is kept. Default: false, which sends the host of the destination.
    pub keep_host: bool,
    /// Whether `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto` are added. Default: false, but true for
    /// forwards.
    pub forwarded: bool,
    /// Whether hop-by-hop headers such as `Keep-Alive` are kept. Headers that frame the body are never copied. Default:
    /// false.
    pub keep_hop_by_hop: bool,
    /// Names of headers to remove. At most 64.
    pub remove: Vec<String>,
    /// Headers to set, as `[name, value]`, which replace headers of the same name. At most 64. Credentials are masked
    /// when read.
    #[schema(value_type = Vec<Vec<String>>)]
    pub set: Vec<(String, String)>,
}
