//! Address of the local HTTP API, and who may reach it.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// Prefix of the path of a Unix socket.
const UNIX: &str = "unix:";

/// Address that the API listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiAddress {
    /// TCP address.
    Tcp(SocketAddr),
    /// Path of a Unix socket, written as `unix:/run/hookbench/api.sock`.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl FromStr for ApiAddress {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        match given.strip_prefix(UNIX) {
            #[cfg(unix)]
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            #[cfg(unix)]
            Some(_) => Err("the path of a Unix socket must be absolute, such as unix:/run/hookbench/api.sock".into()),
            #[cfg(not(unix))]
            Some(_) => Err("this system has no Unix sockets".into()),
            None => given
                .parse()
                .map(Self::Tcp)
                .map_err(|_| "an address has an IP address and a port, such as 127.0.0.1:4666 or [::1]:4666".into()),
        }
    }
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// Protection of an API that other machines can reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ApiProtection {
    /// None: only loopback addresses and Unix sockets are allowed.
    #[default]
    Local,
    /// TLS with this certificate chain and private key, both PEM files, which are read once.
    Tls {
        /// File with the certificate and its chain.
        certificate: PathBuf,
        /// File with the private key.
        key: PathBuf,
    },
    /// A proxy in front of the API, which terminates TLS.
    Proxy,
}

/// Where the API listens, and who may reach it.
#[derive(Debug, Clone, Default)]
pub struct ApiAccess {
    /// Address. The default is port 4666 on loopback, or any free port if 4666 is in use.
    pub address: Option<ApiAddress>,
    /// Protection off loopback.
    pub protection: ApiProtection,
    /// Host names by which other machines reach the API.
    pub hosts: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_addresses_and_sockets() {
        let shown = |given: &str| given.parse::<ApiAddress>().map(|address| address.to_string());
        assert_eq!(shown("0.0.0.0:4666"), Ok("0.0.0.0:4666".into()));
        assert_eq!(shown("[::1]:0"), Ok("[::1]:0".into()));
        #[cfg(unix)]
        assert_eq!(shown("unix:/run/a.sock"), Ok("unix:/run/a.sock".into()));
        for wrong in ["", "4666", "localhost:4666", "unix:", "unix:a.sock"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }
}
