//! Sockets of the local HTTP API: TCP with or without TLS, and Unix sockets.

use std::{io, net::SocketAddr, path::Path, pin::Pin, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::api_address::ApiAddress;

/// Response to a connection over the limit.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Connection that HTTP is spoken on.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Connection for T {}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener, #[allow(dead_code, reason = "deletes the socket when dropped")] SocketFile),
}

/// Bound socket.
pub(super) struct Listener {
    /// Address, with the port that was picked for port 0.
    pub(super) address: ApiAddress,
    socket: Socket,
    tls: Option<TlsAcceptor>,
}

/// Accepted connection, before its TLS handshake.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(TcpStream, TlsAcceptor),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Listener {
    /// Binds a TCP address.
    pub(super) async fn tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = ApiAddress::Tcp(socket.local_addr()?);
        Ok(Self { address, socket: Socket::Tcp(socket), tls: None })
    }

    /// Binds a Unix socket that only its owner can open. Replaces a socket that no program listens on.
    #[cfg(unix)]
    pub(super) async fn unix(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        if is_socket {
            if tokio::net::UnixStream::connect(path).await.is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another program listens on this socket"));
            }
            std::fs::remove_file(path)?;
        }
        let socket = tokio::net::UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let address = ApiAddress::Unix(path.to_owned());
        Ok(Self { address, socket: Socket::Unix(socket, SocketFile(path.to_owned())), tls: None })
    }

    /// Adds TLS with a certificate chain and a private key, both PEM files.
    pub(super) fn with_tls(self, certificate: &Path, key: &Path) -> io::Result<Self> {
        let unusable =
            |file: &Path, why: &dyn std::fmt::Display| io::Error::other(format!("{}: {why}", file.display()));
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|why| unusable(certificate, &why))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|why| unusable(key, &why))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|why| unusable(certificate, &why))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Some(TlsAcceptor::from(Arc::new(config))), ..self })
    }

    /// Returns the TCP port; 0 for a Unix socket.
    pub(super) fn port(&self) -> u16 {
        match &self.address {
            ApiAddress::Tcp(address) => address.port(),
            #[cfg(unix)]
            ApiAddress::Unix(_) => 0,
        }
    }

    /// Accepts the next connection.
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok(match &self.tls {
                    Some(tls) => Stream::Tls(stream, tls.clone()),
                    None => Stream::Plain(stream),
                })
            }
            #[cfg(unix)]
            Socket::Unix(socket, _) => Ok(Stream::Unix(socket.accept().await?.0)),
        }
    }
}

impl Stream {
    /// Finishes the TLS handshake, if there is one.
    pub(super) async fn ready(self) -> io::Result<Pin<Box<dyn Connection>>> {
        Ok(match self {
            Self::Plain(stream) => Box::pin(stream),
            Self::Tls(stream, tls) => Box::pin(tls.accept(stream).await?),
            #[cfg(unix)]
            Self::Unix(stream) => Box::pin(stream),
        })
    }

    /// Closes a connection over the limit. The response is best effort: a write that would block is dropped.
    pub(super) fn refuse(self) {
        match self {
            Self::Plain(stream) => drop(stream.try_write(FULL)),
            Self::Tls(..) => {}
            #[cfg(unix)]
            Self::Unix(stream) => drop(stream.try_write(FULL)),
        }
    }
}

/// Unix socket that is deleted when the listener closes.
#[cfg(unix)]
struct SocketFile(std::path::PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
