//! Endpoints: URLs to which Hookbench sends events like a vendor.

use base64::Engine as _;
use hookbench_model::{AutoDisable, EndpointSettings, PolicyOverrides};
use hookbench_provider::{Catalog, SchemeRecord, SecretForm};
use hookbench_signature::Keys;
use hookbench_store::endpoint::provider_of;

use super::{trust::Trust, url::parse};

/// Returns the scheme that signs events, or `None` if events are not signed.
pub fn signing<'c>(settings: &EndpointSettings, catalog: &'c Catalog) -> Option<&'c SchemeRecord> {
    let provider = provider_of(settings, catalog)?;
    let vendors = provider.sending.as_ref().is_none_or(|sending| sending.signed);
    let record = provider.scheme(settings.scheme.as_deref())?;
    settings.signed.unwrap_or(vendors).then_some(record)
}

/// Returns the keys that are valid at a time in µs since the Unix epoch.
pub fn keys(settings: &EndpointSettings, now_us: i64) -> Keys {
    let valid =
        settings.secrets.iter().filter(|secret| secret.until.is_none_or(|until| until.as_microsecond() > now_us));
    Keys { secrets: valid.map(|secret| secret.value.clone()).collect(), params: settings.params.clone() }
}

/// Returns the display name of an endpoint: its name, or the host of its URL.
pub fn shown_name(settings: &EndpointSettings) -> String {
    if !settings.name.is_empty() {
        return settings.name.clone();
    }
    parse(&settings.url).ok().and_then(|url| url.host().map(str::to_owned)).unwrap_or_else(|| settings.url.clone())
}

/// Returns the TLS settings of an endpoint.
///
/// # Errors
///
/// Returns a sentence if a certificate is invalid. Stored settings are always valid.
pub fn trust(settings: &EndpointSettings) -> Result<Trust, String> {
    Trust::from_pem(settings.trusted_certificate.as_deref(), settings.client_certificate.as_deref())
}

/// Generates a secret in the vendor's form.
pub fn new_secret(form: SecretForm) -> Result<String, String> {
    let mut random = [0; 32];
    let source = rustls::crypto::ring::default_provider().secure_random;
    source.fill(&mut random).map_err(|_| "The system's random number generator failed.".to_owned())?;
    let hex = hex::encode(random);
    Ok(match form {
        SecretForm::Hex => hex,
        SecretForm::ShortHex => hex[..32].to_owned(),
        SecretForm::Whsec => format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(random)),
    })
}

/// Returns the overrides for a single attempt without retries.
pub fn once() -> PolicyOverrides {
    PolicyOverrides {
        schedule: Some(hookbench_model::RetrySchedule::Fixed(Vec::new())),
        disable: Some(AutoDisable::Never),
        ..PolicyOverrides::default()
    }
}
