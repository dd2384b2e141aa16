//! Vendor, as described by a provider file.

use hookbench_signature::{Algorithm, Code, Digest, Jws, Jwt, Place, Scheme, Source, Vendor};
use serde::{Deserialize, Serialize};

use crate::{
    event::Places,
    handshake::Handshake,
    sending::{self, EventType, IdOf, Sending},
};

/// Vendor that sends webhooks.
#[derive(Debug, Clone, Serialize)]
pub struct Provider {
    /// Provider id: name of the file without extension, in kebab case.
    pub id: String,
    /// Name of the vendor, in the vendor's own spelling.
    pub name: String,
    /// Conditions that a request of this vendor meets. All must be met. A match is a hint and overrides no setting.
    pub recognize: Vec<Places>,
    /// Locations of the event type. The first location with a value is used.
    pub event_type: Vec<Places>,
    /// Locations of the event id. The first location with a value is used.
    pub event_id: Vec<Places>,
    /// Locations of the values that tell a person what an event is about. The first entry whose locations all have a
    /// value is used.
    pub subject: Vec<Places>,
    /// Signature schemes. The first one is the default.
    pub schemes: Vec<SchemeRecord>,
    /// Handshakes. The first one whose conditions are met is used.
    pub handshakes: Vec<Handshake>,
    /// Location of the signing secret, and credentials that are often confused with it.
    pub secret: SecretHints,
    /// Handler checks that the vendor's own current library does not pass.
    pub tolerances: Vec<Tolerance>,
    /// Events and deliveries of the vendor. `None` if Hookbench cannot send as this vendor.
    pub sending: Option<Sending>,
}

/// Handler check that the vendor's own current library does not pass. Users of the library cannot fix the failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// Id of the check.
    pub check: String,
    /// Name and behavior of the library, as a sentence.
    pub why: String,
}

impl Provider {
    /// Returns the headers of a request of this vendor, except the signature: the headers of the provider file, and the
    /// headers that contain the event type and id.
    pub fn headers(&self, event_type: &str, id: &str) -> Vec<(String, String)> {
        let own = self.sending.iter().flat_map(|sending| &sending.headers);
        let mut all: Vec<(String, String)> = own
            .map(|(name, value)| (name.clone(), value.replace("{event}", event_type).replace("{delivery}", id)))
            .collect();
        for (places, value) in [(&self.event_type, event_type), (&self.event_id, id)] {
            let sources = places.iter().filter(|places| places.sources().len() == 1).flat_map(Places::sources);
            if let Some(name) = sources.filter_map(Source::header_name).next()
                && !value.is_empty()
                && !all.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name))
            {
                all.push((name, value.to_owned()));
            }
        }
        all
    }

    /// Returns whether the id that handlers use to detect duplicates identifies the event or the delivery. In Standard
    /// Webhooks, the id is that of the message and is the same for all endpoints (standardwebhooks.com, "webhook-id").
    pub fn id_of(&self) -> IdOf {
        let of_message = |source: &Source| {
            source.place == Place::Header
                && source
                    .name
                    .split('|')
                    .any(|name| ["webhook-id", "svix-id"].iter().any(|id| name.eq_ignore_ascii_case(id)))
        };
        match self.sending.as_ref().map(|sending| sending.id_of) {
            Some(IdOf::Event) => IdOf::Event,
            _ if self.event_id.iter().flat_map(Places::sources).any(of_message) => IdOf::Event,
            _ => IdOf::Delivery,
        }
    }
}

/// Page where a vendor shows the signing secret, and prefixes of the vendor's other credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretHints {
    /// Page or setting that shows the secret, such as `Developers › Webhooks › the endpoint › Signing secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Prefixes of other credentials, each with a description, such as `sk_` and `an API key`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistaken: Vec<(String, String)>,
}

/// Signature scheme of a vendor.
#[derive(Debug, Clone, Serialize)]
pub struct SchemeRecord {
    /// Id of the scheme, unique within the vendor.
    pub id: String,
    /// Evidence for the scheme.
    pub based_on: Basis,
    /// Id of the stronger scheme that this scheme is a fallback for. This scheme is used only for messages without a
    /// signature by the stronger scheme.
    pub fallback_for: Option<String>,
    /// Condition by which a message announces this scheme, as `header:Name=value`. Used if several schemes share a
    /// location.
    pub announced_by: Option<String>,
    /// Way in which the scheme is more lenient than some verifiers, with the reason, as a sentence.
    pub leniency: Option<String>,
    /// Scheme that signs and verifies.
    pub scheme: Scheme,
}

/// Evidence for a signature scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The vendor's own SDK gives the same results.
    Sdk,
    /// An example published by the vendor verifies.
    Example,
    /// The vendor's documentation describes the scheme.
    Document,
    /// The vendor does not specify the scheme, and this is the common one.
    Assumed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    #[serde(alias = "recognise")]
    recognize: Vec<Places>,
    #[serde(default)]
    event_type: Vec<Places>,
    #[serde(default)]
    event_id: Vec<Places>,
    #[serde(default)]
    subject: Vec<Places>,
    #[serde(default)]
    schemes: Vec<FileScheme>,
    #[serde(default)]
    handshakes: Vec<Handshake>,
    #[serde(default)]
    secret: SecretHints,
    #[serde(default)]
    tolerances: Vec<Tolerance>,
    sending: Option<sending::File>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileScheme {
    id: String,
    #[serde(alias = "rests_on")]
    based_on: Basis,
    fallback_for: Option<String>,
    announced_by: Option<String>,
    leniency: Option<String>,
    digest: Option<Digest>,
    jwt: Option<Jwt>,
    jws: Option<Jws>,
    code: Option<Code>,
}

/// Maximum length of a parse error, in characters. Longer errors are truncated, because they can quote the whole file.
const REASON_MAX: usize = 1_000;

pub(crate) fn short(reason: &str) -> String {
    let reason = reason.trim_end();
    match reason.char_indices().nth(REASON_MAX) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

/// Returns true for invisible characters and for characters that change the text direction.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Custom provider to write as a file.
#[derive(Debug, Clone, Serialize)]
pub struct CustomProvider {
    /// Name of the provider.
    pub name: String,
    /// Conditions that a request of this provider meets.
    pub recognize: Vec<Places>,
    /// Locations of the event type.
    pub event_type: Vec<Places>,
    /// Locations of the event id.
    pub event_id: Vec<Places>,
    /// Signature scheme, if the provider signs.
    #[serde(skip)]
    pub scheme: Option<Digest>,
}

impl CustomProvider {
    /// Returns the text of a provider file that [`Provider::parse`] accepts.
    ///
    /// # Errors
    ///
    /// Returns an error if a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, String> {
        #[derive(Serialize)]
        struct Scheme<'a> {
            id: &'static str,
            based_on: Basis,
            digest: &'a Digest,
        }
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            own: &'a CustomProvider,
            schemes: Vec<Scheme<'a>>,
        }
        let scheme = |digest| Scheme { id: "own", based_on: Basis::Assumed, digest };
        let schemes = self.scheme.iter().map(scheme).collect();
        toml::to_string_pretty(&Whole { own: self, schemes }).map_err(|e| e.to_string())
    }
}

impl Provider {
    /// Parses a provider file.
    ///
    /// # Errors
    ///
    /// Returns an error with line and column if the text is not valid TOML, or with the name of the invalid part.
    pub fn parse(id: &str, text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| short(&e.to_string()))?;
        if file.name.trim().is_empty() || file.name.chars().any(is_invisible) {
            return Err(format!("the name {:?} is invalid: it is empty or contains invisible characters", file.name));
        }
        let schemes = file
            .schemes
            .into_iter()
            .map(|record| {
                let kinds = [
                    record.digest.map(Scheme::Digest),
                    record.jwt.map(Scheme::Jwt),
                    record.jws.map(Scheme::Jws),
                    record.code.map(Scheme::Code),
                ];
                let mut kinds = kinds.into_iter().flatten();
                match (kinds.next(), kinds.next()) {
                    (Some(scheme), None) => {
                        scheme.check()?;
                        Ok(SchemeRecord {
                            id: record.id,
                            based_on: record.based_on,
                            fallback_for: record.fallback_for,
                            announced_by: record.announced_by,
                            leniency: record.leniency,
                            scheme,
                        })
                    }
                    _ => Err(format!("the scheme {:?} must have exactly one of digest, jwt, jws and code", record.id)),
                }
            })
            .collect::<Result<Vec<_>, String>>()?;
        for record in &schemes {
            let stronger = record.fallback_for.as_ref();
            if let Some(named) = stronger.filter(|named| !schemes.iter().any(|other| other.id == **named)) {
                return Err(format!("fallback_for of the scheme {:?} names an unknown scheme: {named:?}", record.id));
            }
        }
        Ok(Self {
            id: id.to_owned(),
            name: file.name,
            recognize: file.recognize,
            event_type: file.event_type,
            event_id: file.event_id,
            subject: file.subject,
            schemes,
            handshakes: file.handshakes,
            secret: file.secret,
            tolerances: file.tolerances,
            sending: file.sending.map(sending::File::read).transpose()?,
        })
    }

    /// Returns the secret hints for an explanation.
    pub fn vendor(&self) -> Vendor<'_> {
        Vendor { name: &self.name, secret_at: self.secret.at.as_deref(), mistaken: &self.secret.mistaken }
    }

    /// Returns the locations in which the vendor sends the secret itself.
    pub fn secret_places(&self) -> impl Iterator<Item = &Source> {
        let tokens = self.schemes.iter().filter_map(|record| match &record.scheme {
            Scheme::Digest(digest) if digest.algorithm == Algorithm::Token => Some(&digest.signature),
            _ => None,
        });
        tokens.flatten().chain(self.handshakes.iter().filter_map(|handshake| handshake.secret.as_ref()))
    }

    /// Returns the event type that the vendor sends an event as. A name that is not known is the type itself.
    pub fn sent_as<'n>(&'n self, name: &'n str) -> &'n str {
        self.sending.as_ref().and_then(|sending| sending.event(name)).map_or(name, EventType::sent_as)
    }

    /// Returns a scheme by id, or the default scheme if no id is given.
    pub fn scheme(&self, id: Option<&str>) -> Option<&SchemeRecord> {
        match id {
            None => self.schemes.first(),
            Some(id) => self.schemes.iter().find(|record| record.id == id),
        }
    }
}
