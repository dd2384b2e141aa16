//! One vendor, as its file has it.

use hookbench_signature::{Algorithm, Code, Digest, Jws, Jwt, Place, Scheme, Source, Vendor};
use serde::{Deserialize, Serialize};

use crate::{
    event::Places,
    handshake::Handshake,
    sending::{self, IdOf, Sending},
};

/// One vendor.
#[derive(Debug, Clone, Serialize)]
pub struct Provider {
    /// Its id: the vendor's name in kebab case, and the file's name.
    pub id: String,
    /// The vendor's name as it writes it.
    pub name: String,
    /// What a request of this vendor has, all of it; a hint, never trusted over a setting.
    pub recognise: Vec<Places>,
    /// Where the event type stands; the first place that has one counts.
    pub event_type: Vec<Places>,
    /// Where the event id stands.
    pub event_id: Vec<Places>,
    /// How it signs; the first is the usual one.
    pub schemes: Vec<SchemeRecord>,
    /// What it has to be answered; the first that applies counts.
    pub handshakes: Vec<Handshake>,
    /// What it calls the secret, and what is entered in its place by mistake.
    pub secret: SecretHints,
    /// Checks of a handler that the vendor's own current library does not pass.
    pub tolerances: Vec<Tolerance>,
    /// What it sends, and how; none where Hookbench cannot be it.
    pub sending: Option<Sending>,
}

/// A check of a handler that the vendor's own current library does not pass, so that its users cannot mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// The check's id.
    pub check: String,
    /// Which library does what, in a sentence.
    pub why: String,
}

impl Provider {
    /// The headers that a request of this vendor has beside its signature, with an event's type and id in
    /// them. Those of its file, and where the file names the place of type and id, those too.
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

    /// What the id belongs to by which a receiver recognises repeats. That of Standard Webhooks is the id of
    /// the message, the same for every endpoint (standardwebhooks.com, "webhook-id").
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

/// Where a vendor shows the secret that signs its webhooks, and how its other credentials begin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretHints {
    /// The page or setting that shows it, such as `Developers › Webhooks › the endpoint › Signing secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Prefixes of other values, each with what it is, such as `sk_` and `an API key`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistaken: Vec<(String, String)>,
}

/// One way a vendor signs.
#[derive(Debug, Clone, Serialize)]
pub struct SchemeRecord {
    /// Its name among the vendor's.
    pub id: String,
    /// What its rule rests on.
    pub rests_on: RestsOn,
    /// The scheme it stands in for: it counts only in a message that has no signature by that one, which is stronger.
    pub fallback_for: Option<String>,
    /// What a message has that announces this scheme among others in the same place, as `header:Name=value`.
    pub announced_by: Option<String>,
    /// In what it accepts more than some verifiers do, and why, in a sentence.
    pub leniency: Option<String>,
    /// The rule.
    pub scheme: Scheme,
}

/// What a rule rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestsOn {
    /// Verdicts of the vendor's own SDK agree with it.
    Sdk,
    /// An example the vendor prints agrees with it.
    Example,
    /// A document says so.
    Document,
    /// The vendor leaves it open, and this is the usual way.
    Assumed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    recognise: Vec<Places>,
    #[serde(default)]
    event_type: Vec<Places>,
    #[serde(default)]
    event_id: Vec<Places>,
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
    rests_on: RestsOn,
    fallback_for: Option<String>,
    announced_by: Option<String>,
    leniency: Option<String>,
    digest: Option<Digest>,
    jwt: Option<Jwt>,
    jws: Option<Jws>,
    code: Option<Code>,
}

/// Longest reason of a file that does not read, in characters: a file quoted whole is none.
const REASON_MAX: usize = 1_000;

pub(crate) fn short(reason: &str) -> String {
    let reason = reason.trim_end();
    match reason.char_indices().nth(REASON_MAX) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

/// Characters that show nothing, or show the rest in another order.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A vendor of a user's own, as its file is written.
#[derive(Debug, Clone, Serialize)]
pub struct Own {
    /// Its name.
    pub name: String,
    /// What its requests have.
    pub recognise: Vec<Places>,
    /// Where the event type stands.
    pub event_type: Vec<Places>,
    /// Where the event id stands.
    pub event_id: Vec<Places>,
    /// How it signs.
    #[serde(skip)]
    pub scheme: Digest,
}

impl Own {
    /// The file, which [`Provider::parse`] reads.
    pub fn to_toml(&self) -> Result<String, String> {
        #[derive(Serialize)]
        struct Scheme<'a> {
            id: &'static str,
            rests_on: RestsOn,
            digest: &'a Digest,
        }
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            own: &'a Own,
            schemes: [Scheme<'a>; 1],
        }
        let scheme = Scheme { id: "own", rests_on: RestsOn::Assumed, digest: &self.scheme };
        toml::to_string_pretty(&Whole { own: self, schemes: [scheme] }).map_err(|e| e.to_string())
    }
}

impl Provider {
    /// Reads a file. The error names line, column and what was expected.
    pub fn parse(id: &str, text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| short(&e.to_string()))?;
        if file.name.trim().is_empty() || file.name.chars().any(is_invisible) {
            return Err(format!("the name {:?} is none a person can read", file.name));
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
                            rests_on: record.rests_on,
                            fallback_for: record.fallback_for,
                            announced_by: record.announced_by,
                            leniency: record.leniency,
                            scheme,
                        })
                    }
                    _ => Err(format!("the scheme {:?} needs one of digest, jwt, jws and code", record.id)),
                }
            })
            .collect::<Result<Vec<_>, String>>()?;
        for record in &schemes {
            let stronger = record.fallback_for.as_ref();
            if let Some(named) = stronger.filter(|named| !schemes.iter().any(|other| other.id == **named)) {
                return Err(format!(
                    "the scheme {:?} is a fallback for {named:?}, which is not a scheme here",
                    record.id
                ));
            }
        }
        Ok(Self {
            id: id.to_owned(),
            name: file.name,
            recognise: file.recognise,
            event_type: file.event_type,
            event_id: file.event_id,
            schemes,
            handshakes: file.handshakes,
            secret: file.secret,
            tolerances: file.tolerances,
            sending: file.sending.map(sending::File::read).transpose()?,
        })
    }

    /// What an explanation says of its secrets.
    pub fn vendor(&self) -> Vendor<'_> {
        Vendor { name: &self.name, secret_at: self.secret.at.as_deref(), mistaken: &self.secret.mistaken }
    }

    /// Places in which it sends the secret itself.
    pub fn secret_places(&self) -> impl Iterator<Item = &Source> {
        let tokens = self.schemes.iter().filter_map(|record| match &record.scheme {
            Scheme::Digest(digest) if digest.algorithm == Algorithm::Token => Some(&digest.signature),
            _ => None,
        });
        tokens.flatten().chain(self.handshakes.iter().filter_map(|handshake| handshake.secret.as_ref()))
    }

    /// A scheme by its name, the usual one if none is given.
    pub fn scheme(&self, id: Option<&str>) -> Option<&SchemeRecord> {
        match id {
            None => self.schemes.first(),
            Some(id) => self.schemes.iter().find(|record| record.id == id),
        }
    }
}
