//! Connections to a relay.

use std::{io, sync::Arc, time::Duration};

use http::Uri;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Maximum time for opening a connection.
const WITHIN: Duration = Duration::from_secs(10);

/// A connection with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Address of a relay.
#[derive(Clone)]
pub(super) struct Place {
    host: String,
    port: u16,
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Place {
    /// Parses a URL such as `https://relay.example`.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let bad = || format!("invalid relay URL: {url:?} (expected a URL such as https://relay.example)");
        let uri: Uri = url.parse().map_err(|_| bad())?;
        if uri.path() != "/" && !uri.path().is_empty() || uri.query().is_some() {
            return Err(bad());
        }
        let host = uri.host().ok_or_else(bad)?.trim_matches(['[', ']']).to_owned();
        let (tls, usual) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(bad()),
        };
        let tls = match tls {
            false => None,
            true => {
                let provider = rustls::crypto::ring::default_provider();
                let config = rustls::ClientConfig::builder_with_provider(provider.into())
                    .with_safe_default_protocol_versions()
                    .and_then(|config| config.with_platform_verifier());
                let mut config = config.map_err(|e| e.to_string())?.with_no_client_auth();
                // Only HTTP/1.1 supports the upgrade.
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                Some(Arc::new(config))
            }
        };
        Ok(Self { host, port: uri.port_u16().unwrap_or(usual), tls })
    }

    /// Returns the value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.tls.is_some() { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// Opens a connection.
    pub(super) async fn dial(&self) -> Result<Box<dyn Stream>, String> {
        match timeout(WITHIN, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(format!("{} did not respond within {} s", self.authority(), WITHIN.as_secs())),
        }
    }

    async fn open(&self) -> Result<Box<dyn Stream>, String> {
        let failed = |what: &str, error: &io::Error| format!("{what} {} failed: {error}", self.authority());
        let stream =
            TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|e| failed("connecting to", &e))?;
        // The relay waits for acknowledgments, which are small and must not be delayed.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = rustls::pki_types::ServerName::try_from(self.host.clone()).map_err(|e| e.to_string())?;
        let stream = TlsConnector::from(tls.clone()).connect(name, stream).await;
        Ok(Box::new(stream.map_err(|e| failed("TLS with", &e))?))
    }
}
