//! TLS of a destination: trusted certificates, client certificate and error messages.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use hookbench_model::{AttemptError, AttemptErrorKind, AttemptPhase};
use jiff::Timestamp;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// Maximum number of cached TLS configurations.
const KEPT_MAX: usize = 64;

/// TLS settings of a destination in addition to the system's trusted certificates. Nearly all destinations have none.
/// Equal values share connections. Each attempt has a copy, so a copy is cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Trust(Option<Arc<Needs>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Needs {
    /// DER certificates of the destination or of authorities that signed its certificate. If empty, the certificates
    /// trusted by the system apply.
    certificates: Vec<Vec<u8>>,
    client: Option<Client>,
}

/// Client certificate for destinations that require one, with its chain and private key, all in DER.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Client {
    chain: Vec<Vec<u8>>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Trust {
    fn of(certificates: Vec<Vec<u8>>, client: Option<Client>) -> Self {
        let any = !certificates.is_empty() || client.is_some();
        Self(any.then(|| Arc::new(Needs { certificates, client })))
    }

    fn certificates(&self) -> &[Vec<u8>] {
        self.0.as_ref().map_or(&[], |needs| &needs.certificates)
    }

    fn client(&self) -> Option<&Client> {
        self.0.as_ref()?.client.as_ref()
    }

    /// Parses both from PEM text. Empty text counts as `None`.
    ///
    /// # Errors
    ///
    /// Returns a sentence with the missing or invalid part.
    pub(crate) fn from_pem(trusted: Option<&str>, client: Option<&str>) -> Result<Self, String> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let certificates = match given(trusted) {
            Some(pem) => chain(&pem).map_err(|why| format!("The trusted certificate cannot be parsed: {why}."))?,
            None => Vec::new(),
        };
        let client = match given(client) {
            Some(pem) => {
                let wrong = |why: String| format!("The client certificate cannot be parsed: {why}.");
                let chain = chain(&pem).map_err(wrong)?;
                let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
                    wrong(
                        "no private key found. Append the key (-----BEGIN PRIVATE KEY-----) to the certificate".into(),
                    )
                })?;
                let pair = Client { chain, key: key.secret_der().to_vec() };
                // A key that does not match the certificate is reported now, not at the first delivery.
                let own = Self::of(Vec::new(), Some(pair.clone()));
                own.check_pair().map_err(|why| wrong(why.to_string()))?;
                Some(pair)
            }
            None => None,
        };
        Ok(Self::of(certificates, client))
    }

    fn check_pair(&self) -> Result<(), rustls::Error> {
        let Some((chain, key)) = self.pair()? else { return Ok(()) };
        let provider = rustls::crypto::ring::default_provider();
        rustls::sign::CertifiedKey::from_der(chain, key, &provider).map(drop)
    }

    fn pair(&self) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, rustls::Error> {
        let Some(client) = self.client() else { return Ok(None) };
        let key = PrivateKeyDer::try_from(client.key.clone())
            .map_err(|why| rustls::Error::General(format!("invalid private key: {why}")))?;
        Ok(Some((client.chain.iter().cloned().map(CertificateDer::from).collect(), key)))
    }

    fn config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let builder = match self.certificates().is_empty() {
            true => builder.with_platform_verifier()?,
            false => {
                let verifier = Arc::new(Pinned::new(self.certificates(), provider));
                builder.dangerous().with_custom_certificate_verifier(verifier)
            }
        };
        let mut config = match self.pair()? {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        // Hookbench sends HTTP/1.1, so a server that supports only HTTP/2 fails the TLS handshake with an alert.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Parses the certificates in a PEM text.
fn chain(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    let all: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|certificate| certificate.map(|der| der.to_vec()).map_err(|why| why.to_string()))
        .collect::<Result<_, _>>()?;
    match all.is_empty() {
        true => Err("no PEM certificate found (-----BEGIN CERTIFICATE-----)".into()),
        false => Ok(all),
    }
}

/// Cached TLS configurations. Loading the system's certificates takes time and memory, so they are loaded when first
/// needed.
#[derive(Debug, Default)]
pub(crate) struct Configs {
    system: OnceLock<Arc<ClientConfig>>,
    own: Mutex<HashMap<Trust, Arc<ClientConfig>>>,
}

impl Configs {
    pub(crate) fn of(&self, trust: &Trust) -> Result<Arc<ClientConfig>, rustls::Error> {
        if *trust == Trust::default() {
            if let Some(known) = self.system.get() {
                return Ok(known.clone());
            }
            let config = Arc::new(trust.config()?);
            return Ok(self.system.get_or_init(|| config).clone());
        }
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = own.get(trust) {
            return Ok(known.clone());
        }
        let config = Arc::new(trust.config()?);
        if own.len() >= KEPT_MAX {
            own.clear();
        }
        own.insert(trust.clone(), config.clone());
        Ok(config)
    }
}

/// Verifier that accepts the trusted certificates, regardless of host and expiry, and certificates signed by them.
#[derive(Debug)]
struct Pinned {
    certificates: Vec<CertificateDer<'static>>,
    /// Verifier of certificates signed by a trusted certificate. `None` if no trusted certificate can sign.
    signed: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl Pinned {
    fn new(certificates: &[Vec<u8>], provider: Arc<rustls::crypto::CryptoProvider>) -> Self {
        let certificates: Vec<_> = certificates.iter().cloned().map(CertificateDer::from).collect();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let signed = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build().ok();
        Self { certificates, signed, provider }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certificates.iter().any(|trusted| trusted == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.signed {
            Some(signed) => signed.verify_server_cert(end_entity, intermediates, name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns an attempt error if a socket error contains a TLS error, else `None`.
pub(crate) fn by_tls(error: &io::Error, phase: AttemptPhase, server: &str, trust: &Trust) -> Option<AttemptError> {
    let reason = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let message = match reason {
        rustls::Error::InvalidCertificate(why) => {
            let advice = match trust.certificates().is_empty() {
                true => "To trust it, add the certificate or its issuer to the trusted certificates.",
                false => "Neither the certificate nor its issuer is a trusted certificate.",
            };
            let advice = match why {
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    "Use a host from the certificate, or trust this certificate."
                }
                _ => advice,
            };
            format!("The certificate of {server} is not accepted: {}. {advice}", certificate_fault(why))
        }
        rustls::Error::AlertReceived(alert) => alert_fault(*alert, server, trust),
        rustls::Error::InvalidMessage(_) => {
            format!("{server} does not respond with TLS. If the server uses plain HTTP, change the URL to http://.")
        }
        rustls::Error::PeerIncompatible(_) => {
            format!("{server} has no TLS version or cipher in common with Hookbench (TLS 1.2 and 1.3).")
        }
        rustls::Error::NoCertificatesPresented => format!("{server} sends no certificate."),
        other => format!("TLS with {server} failed: {other}."),
    };
    Some(AttemptError { kind: AttemptErrorKind::Tls, phase, message })
}

fn certificate_fault(why: &CertificateError) -> String {
    let day = |time: &UnixTime| {
        let at = Timestamp::from_second(time.as_secs() as i64).unwrap_or(Timestamp::UNIX_EPOCH);
        at.strftime("%-d %B %Y").to_string()
    };
    match why {
        CertificateError::Expired => "it has expired".into(),
        CertificateError::ExpiredContext { not_after, .. } => format!("it expired on {}", day(not_after)),
        CertificateError::NotValidYet => "it is not valid yet".into(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("it is not valid before {}", day(not_before))
        }
        CertificateError::UnknownIssuer => "it is self-signed or signed by an untrusted authority".into(),
        CertificateError::NotValidForName => "it is for another host".into(),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "it contains no host".into()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| host_of(name)).collect();
            format!("it is for {}", names.join(", "))
        }
        CertificateError::Revoked => "it was revoked".into(),
        CertificateError::BadSignature => "its signature does not match its issuer".into(),
        CertificateError::BadEncoding => "it cannot be parsed".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not a server certificate".into()
        }
        // The verifier reports this for a CA certificate used as a server certificate, such as the self-signed
        // certificate of `openssl req -x509`.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => "it is self-signed".into(),
        other => {
            let text = other.to_string();
            text.strip_prefix("invalid peer certificate: ").unwrap_or(&text).to_owned()
        }
    }
}

/// Returns the host in the verifier's notation `DnsName("a.example")`.
fn host_of(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

fn alert_fault(alert: AlertDescription, server: &str, trust: &Trust) -> String {
    let shown = trust.client().is_some();
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            format!("{server} requires a client certificate. Add one with its private key.")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => match shown {
            true => format!("{server} does not accept the client certificate: {alert:?}."),
            false => format!("{server} may require a client certificate: the TLS handshake failed with {alert:?}."),
        },
        AlertDescription::HandshakeFailure if !shown => {
            format!("{server} has no TLS cipher in common with Hookbench, or requires a client certificate.")
        }
        AlertDescription::NoApplicationProtocol => {
            format!("{server} supports HTTP/2 only, but webhooks use HTTP/1.1. Enable HTTP/1.1 there.")
        }
        AlertDescription::UnrecognisedName => {
            format!("{server} does not serve this host name.")
        }
        AlertDescription::ProtocolVersion => {
            format!("{server} has no TLS version in common with Hookbench (TLS 1.2 and 1.3).")
        }
        other => format!("{server} ended the TLS handshake with the alert {other:?}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_text_without_certificates() {
        assert_eq!(Trust::from_pem(Some(" \n"), None), Ok(Trust::default()));
        for (trusted, client, why) in [
            (Some("no PEM"), None, "no PEM certificate"),
            (None, Some("no PEM"), "no PEM certificate"),
            (Some("-----BEGIN CERTIFICATE-----\nAA==\n"), None, "cannot be parsed"),
        ] {
            let error = Trust::from_pem(trusted, client).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn describes_every_certificate_fault() {
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_609_459_200));
        for (fault, words) in [
            (CertificateError::ExpiredContext { time, not_after: time }, "it expired on 1 January 2021"),
            (CertificateError::UnknownIssuer, "it is self-signed or signed by an untrusted authority"),
            (
                CertificateError::NotValidForNameContext {
                    expected: ServerName::try_from("a.example").expect("a name"),
                    presented: vec!["DnsName(\"b.example\")".into()],
                },
                "it is for b.example",
            ),
        ] {
            assert_eq!(certificate_fault(&fault), words);
        }
        let server = "a:1";
        assert!(
            alert_fault(AlertDescription::CertificateRequired, server, &Trust::default())
                .contains("client certificate")
        );
        assert!(
            alert_fault(AlertDescription::NoApplicationProtocol, server, &Trust::default()).contains("HTTP/2 only")
        );
    }
}
