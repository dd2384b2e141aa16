//! Changes to the headers of an outgoing request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What changes of a request's headers on its way on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderRules {
    /// Whether `Host` stays what the sender wrote; else it is the destination's.
    pub keep_host: bool,
    /// Whether `X-Forwarded-For`, `-Host` and `-Proto` say where it came from.
    pub forwarded: bool,
    /// Whether headers of the sender's own connection go on too, such as `Keep-Alive`; those that frame
    /// the body never do.
    pub keep_hop_by_hop: bool,
    /// Names that are left out.
    pub remove: Vec<String>,
    /// Headers that are set in the place of any of the same name, as `[name, value]`.
    #[schema(value_type = Vec<Vec<String>>)]
    pub set: Vec<(String, String)>,
}
