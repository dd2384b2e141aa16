//! Whether a host is the one that is meant.

use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate, known_hosts};

use crate::{Destination, DialError};

/// What is known of a host's key.
#[derive(Debug, Clone)]
pub(crate) struct HostKey {
    /// The fingerprint that was trusted before, as `ssh-keygen -l` shows it; none on first use.
    pub(crate) trusted: Option<String>,
    host: String,
    port: u16,
}

impl HostKey {
    pub(crate) fn of(to: &Destination, trusted: Option<&str>) -> Self {
        Self { trusted: trusted.map(str::to_owned), host: to.host.clone(), port: to.port }
    }

    /// The fingerprint of the key a host has shown, where it is the one that was trusted. On first use it is
    /// believed, unless the user's `known_hosts` knows another one.
    pub(crate) fn check(&self, shown: &PublicKeyOrCertificate) -> Result<String, DialError> {
        let key = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            PublicKeyOrCertificate::Certificate(certificate) => PublicKey::from(certificate.public_key().clone()),
        };
        let offered = key.fingerprint(HashAlg::Sha256).to_string();
        match &self.trusted {
            Some(trusted) if *trusted == offered => Ok(offered),
            Some(trusted) => Err(DialError::OtherKey { known: trusted.clone(), offered }),
            None => match known_hosts::check_known_hosts(&self.host, self.port, &key) {
                Err(russh::keys::Error::KeyChanged { line }) => {
                    Err(DialError::OtherKey { known: format!("that in line {line} of ~/.ssh/known_hosts"), offered })
                }
                Ok(_) => Ok(offered),
                Err(error) => {
                    tracing::warn!(%error, "known_hosts could not be read; the host is believed on first use");
                    Ok(offered)
                }
            },
        }
    }

    /// Kinds of keys the user's `known_hosts` has of this host: they are asked for first, so that the host
    /// shows one of those.
    pub(crate) fn known_kinds(&self) -> Vec<Algorithm> {
        let known = known_hosts::known_host_keys(&self.host, self.port).unwrap_or_default();
        known.into_iter().map(|(_, key)| key.algorithm()).collect()
    }
}
