//! Whether a host is the one that is meant.

use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};

use crate::{
    Destination, DialError,
    known_hosts::{Line, known},
};

/// What is known of a host's key.
#[derive(Debug)]
pub(crate) struct HostKey {
    /// The fingerprint that was trusted before, as `ssh-keygen -l` shows it; none on first use.
    trusted: Option<String>,
    /// What the files of known hosts say: which kinds to ask for, and on first use what to believe.
    lines: Vec<Line>,
}

impl HostKey {
    pub(crate) fn of(to: &Destination, trusted: Option<&str>) -> Self {
        Self { trusted: trusted.map(str::to_owned), lines: known(&to.host, to.port) }
    }

    /// The fingerprint of the key a host has shown, where it is the one that was trusted. On first use it is
    /// believed, unless a file of known hosts knows others, of whatever kind, and not this one.
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
            return refuse(format!("{} revokes it", line.place));
        }
        let mut believed = self.lines.iter().filter(|line| !line.revoked);
        match believed.clone().next() {
            Some(first) if !believed.any(|line| same(&line)) => refuse(format!("that in {}", first.place)),
            _ => Ok(offered),
        }
    }

    /// Kinds of keys that are known of this host: they are asked for first, so that the host shows one of
    /// those.
    pub(crate) fn known_kinds(&self) -> Vec<Algorithm> {
        self.lines.iter().filter(|line| !line.revoked).map(|line| line.key.algorithm()).collect()
    }
}
