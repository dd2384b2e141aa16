//! Settings for the verification of signatures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::MASK;

/// Settings for the verification of signatures in an inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VerificationSettings {
    /// ID of the provider. If null, Hookbench detects the provider and verifies no signatures.
    pub provider: Option<String>,
    /// ID of the signature scheme. If null, a signature of any scheme of the provider is valid.
    pub scheme: Option<String>,
    /// Signing secrets, as the vendor displays them. During a rotation, several secrets are valid. Masked when read.
    pub secrets: Vec<String>,
    /// Parameters of the signature scheme, such as a webhook ID.
    pub params: BTreeMap<String, String>,
    /// URL of the inbox as registered with the vendor, for schemes that sign the URL.
    pub url: Option<String>,
}

impl VerificationSettings {
    /// Returns these settings with each secret masked.
    pub fn masked(&self) -> Self {
        Self { secrets: vec![MASK.to_owned(); self.secrets.len()], ..self.clone() }
    }

    /// Returns `new` with each masked secret replaced by the current secret at the same position.
    pub fn changed_to(&self, new: Self) -> Self {
        let kept = |(position, secret): (usize, String)| match secret == MASK {
            true => self.secrets.get(position).cloned(),
            false => Some(secret),
        };
        Self { secrets: new.secrets.into_iter().enumerate().filter_map(kept).collect(), ..new }
    }

    /// Returns true if at least one secret is set.
    pub fn has_secrets(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Returns the URL that a sender signs for a request to `target`: the registered URL, followed by the part of the
    /// path after the path of the inbox.
    pub fn signed_url(&self, inbox: &str, target: &str) -> Option<String> {
        let url = self.url.as_deref().filter(|url| !url.is_empty())?;
        let rest = target.strip_prefix('/').and_then(|rest| rest.strip_prefix(inbox)).unwrap_or_default();
        Some(if rest.is_empty() || url.ends_with(rest) || url.contains('?') {
            url.to_owned()
        } else {
            format!("{}{rest}", if rest.starts_with('/') { url.trim_end_matches('/') } else { url })
        })
    }
}
