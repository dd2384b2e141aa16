//! SSH destinations and remote ports, as users write them.

use std::{fmt, str::FromStr};

/// Default port of SSH (RFC 4253 §4.1).
const SSH_PORT: u16 = 22;

/// User, host and port of an SSH server: `user@host` or `user@host:port`, optionally with the prefix `ssh://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// User name. Services such as pinggy.io accept settings in the user name.
    pub user: String,
    /// Name or IP address of the host.
    pub host: String,
    /// Port; 22 by default.
    pub port: u16,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
        // A user name can contain an @, a host name cannot.
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (user.to_owned(), place),
            None => (own_name().ok_or("The SSH destination has no user. Use user@host.")?, text),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or_default())),
            // A text with more than one colon is an IPv6 address.
            None if place.matches(':').count() == 1 => {
                place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)))
            }
            None => (place, None),
        };
        if place.contains(['/', '?', '#']) {
            return Err(format!("Invalid SSH destination: {text:?} (a path is not allowed). Use user@host:port."));
        }
        let odd = |part: &str| part.is_empty() || part.contains(|c: char| c.is_whitespace() || c.is_control());
        if odd(&user) || odd(host) || host.contains(['/', '[', ']', '@']) {
            return Err(format!("Invalid SSH destination: {text:?}. Use user@host or user@host:port."));
        }
        let port = match port.map(str::parse) {
            None => SSH_PORT,
            Some(Ok(port)) if port > 0 => port,
            Some(_) => return Err(format!("Invalid port in {text:?} (must be between 1 and 65535).")),
        };
        Ok(Self { user, host: host.to_owned(), port })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, port } = self;
        match (host.contains(':'), *port) {
            (false, SSH_PORT) => write!(f, "ssh://{user}@{host}"),
            (false, port) => write!(f, "ssh://{user}@{host}:{port}"),
            (true, SSH_PORT) => write!(f, "ssh://{user}@[{host}]"),
            (true, port) => write!(f, "ssh://{user}@[{host}]:{port}"),
        }
    }
}

/// Returns the name of the current user.
fn own_name() -> Option<String> {
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty())
}

/// Remote address and port on which the host listens: the first part of `ssh -R [address:]port:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Remote listening address: `localhost` by default as in OpenSSH, empty for all addresses. Services accept a host
    /// name here.
    pub address: String,
    /// Remote port; 0 lets the host choose a port.
    pub port: u16,
}

impl FromStr for Remote {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, port) = text.trim().rsplit_once(':').unwrap_or(("localhost", text.trim()));
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let address = if address == "*" { "" } else { address };
        match port.parse() {
            Ok(port) if !address.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                Ok(Self { address: address.to_owned(), port })
            }
            _ => Err(format!("Invalid remote port: {text:?}. Use a port such as 80, 0 for any port, or address:port.")),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.as_str() {
            "localhost" => write!(f, "{}", self.port),
            "" => write!(f, "*:{}", self.port),
            address if address.contains(':') => write!(f, "[{address}]:{}", self.port),
            address => write!(f, "{address}:{}", self.port),
        }
    }
}

/// Remote ports that services require according to their documentation, by the end of the host name.
const SERVICES: [(&str, &str); 4] =
    [("localhost.run", "80"), ("serveo.net", "80"), ("tuns.sh", "80"), ("pinggy.io", "0")];

/// Returns the default remote port of a host: the port that the service requires, or 0 for any port.
pub fn usual_remote(host: &str) -> &'static str {
    let is = |name: &str| host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    SERVICES.iter().find(|(name, _)| is(name)).map_or("0", |(_, remote)| remote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_destinations_like_ssh() {
        for (written, shown) in [
            ("me@example.com", "ssh://me@example.com"),
            ("ssh://me@example.com:22/", "ssh://me@example.com"),
            (" me@example.com:2222 ", "ssh://me@example.com:2222"),
            ("b:u:p+free@a.pinggy.io:443", "ssh://b:u:p+free@a.pinggy.io:443"),
            ("me@corp@10.0.0.1", "ssh://me@corp@10.0.0.1"),
            ("me@2001:db8::1", "ssh://me@[2001:db8::1]"),
            ("me@[2001:db8::1]:23", "ssh://me@[2001:db8::1]:23"),
        ] {
            let read: Destination = written.parse().expect(written);
            assert_eq!(read.to_string(), shown);
            assert_eq!(shown.parse(), Ok(read), "{shown} parses to the same destination");
        }
        for odd in ["", "me@", "@host", "me@host:0", "me@host:70000", "me@ho st", "me@host/path", "me@[::1", "me@host:"]
        {
            assert!(odd.parse::<Destination>().is_err(), "{odd}");
        }
    }

    #[test]
    fn parses_remote_ports_like_ssh() {
        for (written, address, port) in [
            ("80", "localhost", 80),
            ("0", "localhost", 0),
            ("*:8080", "", 8080),
            (":8080", "", 8080),
            ("0.0.0.0:1", "0.0.0.0", 1),
            ("myshop:80", "myshop", 80),
            ("[::]:81", "::", 81),
        ] {
            let read: Remote = written.parse().expect(written);
            assert_eq!((read.address.as_str(), read.port), (address, port), "{written}");
            assert_eq!(read.to_string().parse(), Ok(read), "{written}");
        }
        for odd in ["", "a", "host:", "70000", "-1", "a b:80"] {
            assert!(odd.parse::<Remote>().is_err(), "{odd}");
        }
    }
}
