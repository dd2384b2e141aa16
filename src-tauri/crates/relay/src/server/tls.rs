//! TLS of the relay's listener, with an automatic certificate (ACME) or a certificate from files.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::StreamExt as _;
use hookbench_capture::{Entrance, private};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::Acceptor,
};
use rustls_acme::{AcmeConfig, AcmeState, caches::DirCache, is_tls_alpn_challenge};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::RelayError;

/// Folder of the ACME account and certificates in the data folder.
const CACHE: &str = "acme";

/// TLS settings of a relay.
#[derive(Debug, Clone, Default)]
pub enum Tls {
    /// No TLS: the relay listens on loopback, or a proxy terminates TLS.
    #[default]
    Off,
    /// A certificate from PEM files, which are read at startup.
    Files {
        /// Certificate chain.
        cert: PathBuf,
        /// Private key.
        key: PathBuf,
    },
    /// An automatic certificate.
    Acme(Acme),
}

/// Settings of an automatic certificate (ACME) with the TLS-ALPN-01 challenge (RFC 8737) on the port of the relay.
#[derive(Debug, Clone, Default)]
pub struct Acme {
    /// Host name of the certificate.
    pub domain: String,
    /// Email address for the certificate authority.
    pub contact: Option<String>,
    /// Directory URL of the certificate authority; defaults to Let's Encrypt.
    pub directory: Option<String>,
    /// PEM file with the root certificates that are trusted for the directory; defaults to the roots of the system.
    pub root: Option<PathBuf>,
}

impl Tls {
    /// Returns the public URL that follows from the host name of the certificate.
    pub(super) fn url(&self) -> Option<String> {
        match self {
            Self::Acme(acme) => Some(format!("https://{}", acme.domain)),
            Self::Off | Self::Files { .. } => None,
        }
    }
}

/// TLS handshakes for a listener.
pub(super) struct Secured {
    config: Arc<ServerConfig>,
    /// Configuration for ACME challenges.
    challenge: Option<Arc<ServerConfig>>,
}

impl Entrance for Secured {
    type Stream = TlsStream<TcpStream>;

    async fn enter(&self, stream: TcpStream) -> io::Result<Option<Self::Stream>> {
        let started = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        match &self.challenge {
            Some(challenge) if is_tls_alpn_challenge(&started.client_hello()) => {
                let mut stream = started.into_stream(challenge.clone()).await?;
                tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
                Ok(None)
            }
            _ => started.into_stream(self.config.clone()).await.map(Some),
        }
    }
}

fn failed<E: std::fmt::Display>(what: impl std::fmt::Display) -> impl FnOnce(E) -> RelayError {
    move |error| RelayError::Tls(format!("{what}: {error}"))
}

fn builder() -> Result<rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>, RelayError> {
    ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(failed("TLS versions"))
}

/// Returns the TLS configuration, or `None` without TLS. Also starts the task that renews an automatic certificate.
pub(super) fn secured(tls: &Tls, data: &Path) -> Result<Option<Secured>, RelayError> {
    let (mut config, challenge) = match tls {
        Tls::Off => return Ok(None),
        Tls::Files { cert, key } => {
            let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let chain = chain.map_err(failed(cert.display()))?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(failed(key.display()))?;
            let config = builder()?.with_no_client_auth().with_single_cert(chain, key);
            (config.map_err(failed(cert.display()))?, None)
        }
        Tls::Acme(acme) => {
            let state = state(acme, data)?;
            let config = builder()?.with_no_client_auth().with_cert_resolver(state.resolver());
            let challenge = state.challenge_rustls_config();
            tokio::spawn(renew(state));
            (config, Some(challenge))
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Secured { config: Arc::new(config), challenge }))
}

fn state(acme: &Acme, data: &Path) -> Result<AcmeState<io::Error>, RelayError> {
    let host = acme.domain.as_str();
    if host.is_empty() || host.contains(['/', ':', '@', '*']) {
        return Err(RelayError::Setting(format!(
            "Invalid host name: {host:?} (expected a name such as relay.example)."
        )));
    }
    let cache = data.join(CACHE);
    private::make_dir(&cache).map_err(failed(cache.display()))?;
    let client = rustls::ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(failed("TLS versions"))?;
    let client = match &acme.root {
        None => {
            client.with_platform_verifier().map_err(failed("root certificates of the system"))?.with_no_client_auth()
        }
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in CertificateDer::pem_file_iter(path).map_err(failed(path.display()))? {
                roots.add(root.map_err(failed(path.display()))?).map_err(failed(path.display()))?;
            }
            client.with_root_certificates(roots).with_no_client_auth()
        }
    };
    let config = AcmeConfig::new_with_client_config([host], Arc::new(client))
        .contact(acme.contact.iter().map(|address| format!("mailto:{address}")))
        .cache(DirCache::new(cache));
    let config = match &acme.directory {
        Some(url) => config.directory(url),
        None => config.directory_lets_encrypt(true),
    };
    Ok(config.state())
}

async fn renew(mut state: AcmeState<io::Error>) {
    while let Some(event) = state.next().await {
        match event {
            Ok(done) => tracing::info!(?done, "certificate updated"),
            // The ACME client retries automatically, with pauses.
            Err(error) => tracing::warn!(%error, "the certificate could not be obtained"),
        }
    }
}
