//! Verification of host keys.

use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};

use crate::{
    Destination, DialError,
    known_hosts::{Line, known},
};

/// Trusted and known keys of a host.
#[derive(Debug)]
pub(crate) struct HostKey {
    /// Fingerprint that was trusted before, in the format of `ssh-keygen -l`; `None` on first use.
    trusted: Option<String>,
    /// Matching lines of the known_hosts files. They determine the preferred key types and, on first use, the trusted
    /// keys.
    lines: Vec<Line>,
}

impl HostKey {
    pub(crate) fn of(to: &Destination, trusted: Option<&str>) -> Self {
        Self { trusted: trusted.map(str::to_owned), lines: known(&to.host, to.port) }
    }

    /// Checks the key of a host, and returns its fingerprint if the key is trusted. On first use, the key is trusted
    /// unless a known_hosts file revokes this key or contains only other keys of the host.
    pub(crate) fn check(&self, shown: &PublicKeyOrCertificate) -> Result<String, DialError> {
        let key = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            PublicKeyOrCertificate::Certificate(certificate) => PublicKey::from(certificate.public_key().clone()),
        };
        let offered = key.fingerprint(HashAlg::Sha256).to_string();
        let refuse = |known: String| Err(DialError::OtherKey { known, offered: offered.clone() });
        if let Some(trusted) = &self.trusted {
            return if *trusted == offered { Ok(offered) } else { refuse(trusted.clone()) };
        }
        let same = |line: &&Line| line.key.key_data() == key.key_data();
        if let Some(line) = self.lines.iter().find(|line| line.revoked && same(line)) {
            return refuse(format!("a key that {} does not revoke", line.place));
        }
        let mut believed = self.lines.iter().filter(|line| !line.revoked);
        match believed.clone().next() {
            Some(first) if !believed.any(|line| same(&line)) => refuse(format!("the key in {}", first.place)),
            _ => Ok(offered),
        }
    }

    /// Returns the types of the known keys of the host. They are requested first, so that the host sends a known key.
    pub(crate) fn known_kinds(&self) -> Vec<Algorithm> {
        self.lines.iter().filter(|line| !line.revoked).map(|line| line.key.algorithm()).collect()
    }
}
