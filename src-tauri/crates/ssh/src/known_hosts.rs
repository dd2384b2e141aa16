//! Parser for known_hosts files (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

use std::{fs, path::PathBuf};
use wildmatch::WildMatch;

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::{
    PublicKey,
    ssh_key::known_hosts::{Entry, HostPatterns, Marker},
};
use sha1::Sha1;

/// A line that matches a host.
#[derive(Debug)]
pub(crate) struct Line {
    /// Line number and file, for error messages.
    pub(crate) place: String,
    pub(crate) key: PublicKey,
    /// True if the key is revoked.
    pub(crate) revoked: bool,
}

/// Returns the lines that match a host, from the files of the user and of the system. Lines of certificate authorities
/// are skipped, because certificates are not supported.
pub(crate) fn known(host: &str, port: u16) -> Vec<Line> {
    let own = std::env::home_dir().map(|home| home.join(".ssh").join("known_hosts"));
    let all: Option<PathBuf> = cfg!(unix).then(|| "/etc/ssh/ssh_known_hosts".into());
    let files = own.into_iter().chain(all);
    files.flat_map(|file| lines(&fs::read_to_string(&file).unwrap_or_default(), host, port, &file.display())).collect()
}

fn lines(text: &str, host: &str, port: u16, file: &dyn std::fmt::Display) -> Vec<Line> {
    let host = host.to_lowercase();
    let name = if port == 22 { host } else { format!("[{host}]:{port}") };
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        // Tabs separate fields like spaces. Lines that cannot be parsed have an unsupported key type.
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let Ok(entry) = line.parse::<Entry>() else { continue };
        let revoked = match entry.marker() {
            Some(Marker::CertAuthority) => continue,
            Some(Marker::Revoked) => true,
            None => false,
        };
        if is_meant(entry.host_patterns(), &name) {
            let place = format!("line {} of {file}", at + 1);
            found.push(Line { place, key: entry.public_key().clone(), revoked });
        }
    }
    found
}

fn is_meant(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => {
            let matches = |pattern: &str| WildMatch::new(&pattern.to_lowercase()).matches(name);
            let not = patterns.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(matches);
            !not && patterns.iter().any(|pattern| matches(pattern))
        }
        HostPatterns::HashedName { salt, hash } => {
            Hmac::<Sha1>::new_from_slice(salt).is_ok_and(|digest| digest.chain_update(name).verify_slice(hash).is_ok())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn count(line: &str, host: &str, port: u16) -> usize {
        lines(line, host, port, &"file").len()
    }

    #[test]
    fn matches_host_patterns() {
        for (hosts, host, port, meant) in [
            ("example.com", "Example.com", 22, true),
            ("example.com", "example.com", 23, false),
            ("[example.com]:23", "example.com", 23, true),
            ("[example.com]:*", "example.com", 23, true),
            ("a,example.com,b", "example.com", 22, true),
            ("*.example.com", "www.example.com", 22, true),
            ("*.example.com", "example.com", 22, false),
            ("*,!example.com", "example.com", 22, false),
            ("*,!example.com", "other.com", 22, true),
            ("10.0.0.?", "10.0.0.7", 22, true),
            // Output of `ssh-keygen -H`: HMAC-SHA1 of the host name.
            ("|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=", "192.168.1.61", 22, true),
            ("|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=", "192.168.1.62", 22, false),
        ] {
            assert_eq!(count(&format!("{hosts} {KEY}"), host, port) == 1, meant, "{hosts} of {host}:{port}");
            assert_eq!(count(&format!("  {hosts}\t{KEY}\tcomment"), host, port) == 1, meant, "{hosts}, with tabs");
        }
    }

    #[test]
    fn skips_lines_that_cannot_be_parsed() {
        let text = format!("\n# a\nh ssh-nonsense AAAA\nh\n@cert-authority h {KEY}\n@revoked * {KEY}\nh {KEY}\n");
        let found = lines(&text, "h", 22, &"file");
        let lines: Vec<_> = found.iter().map(|line| (line.place.as_str(), line.revoked)).collect();
        assert_eq!(lines, [("line 6 of file", true), ("line 7 of file", false)]);
    }
}
