//! All vendors: those that ship, and a user's own.

use std::collections::BTreeMap;

use rust_embed::RustEmbed;
use serde::Serialize;

use crate::Provider;

#[derive(RustEmbed)]
#[folder = "providers"]
struct Files;

/// All vendors by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(BTreeMap<String, Provider>);

/// A file that is no vendor; the others are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct BadFile {
    /// Its name.
    pub file: String,
    /// Line, column and what was expected.
    pub reason: String,
}

impl Catalogue {
    /// The vendors that ship, with a user's own over them: `files` are names and texts.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> (Self, Vec<BadFile>) {
        let shipped = Files::iter().filter_map(|file| {
            let text = String::from_utf8_lossy(&Files::get(&file)?.data).into_owned();
            Some((file.into_owned(), text))
        });
        let mut catalogue = Self::default();
        let mut bad = Vec::new();
        for (file, text) in shipped.chain(files) {
            let id = file.strip_suffix(".toml").unwrap_or(&file);
            match Provider::parse(id, &text) {
                Ok(provider) => {
                    catalogue.0.insert(id.to_owned(), provider);
                }
                Err(reason) => bad.push(BadFile { file: file.clone(), reason }),
            }
        }
        (catalogue, bad)
    }

    /// All of them, by id.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.0.values()
    }

    /// One by its id.
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.0.get(id)
    }
}

#[cfg(test)]
mod tests {
    use hookline_signature::{Keys, Message, Reading, Scheme, State, sign, verify};

    use super::*;

    fn all() -> Catalogue {
        let (catalogue, bad) = Catalogue::load([]);
        assert_eq!(bad, []);
        catalogue
    }

    #[test]
    fn every_file_reads_and_there_are_enough() {
        let catalogue = all();
        assert!(catalogue.providers().count() >= 150, "{}", catalogue.providers().count());
        for provider in catalogue.providers() {
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(provider.id.chars().all(kebab), "{}", provider.id);
        }
    }

    #[test]
    fn what_a_symmetric_scheme_signs_it_verifies_and_nothing_else() {
        for provider in all().providers() {
            for record in &provider.schemes {
                let Scheme::Digest(digest) = &record.scheme else { continue };
                let in_headers = digest.signature.iter().all(|source| source.header_name().is_some());
                if !digest.algorithm.is_symmetric() || !in_headers {
                    continue;
                }
                let mut keys = Keys::of("5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7abcdef0123");
                for name in record.scheme.params() {
                    keys.params.insert(name, "setting".into());
                }
                let now = 1_800_000_000_000;
                let body = br#"{"type":"a","payloadId":"p","webhookTimestamp":1800000000000}"#;
                let url = Some("https://example.com/hook?a=1");
                let message = Message { method: "POST", target: "/hook?a=1", url, headers: &[], body };
                let signed = sign(&record.scheme, &message, &keys, "id_1", now)
                    .unwrap_or_else(|e| panic!("{} {}: {e}", provider.id, record.id));
                let headers: Vec<(&str, &[u8])> =
                    signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
                let message = Message { headers: &headers, ..message };
                let verdict = verify(&record.scheme, &message, &keys, now);
                assert_eq!(verdict.state, State::Valid, "{} {}: {verdict:?} {signed:?}", provider.id, record.id);
                let mut other = keys.clone();
                other.secrets = vec!["0123abcdef5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7".into()];
                assert_eq!(verify(&record.scheme, &message, &other, now).state, State::Invalid, "{}", provider.id);
                if record.scheme.signs_body() {
                    let changed = Message {
                        body: br#"{"type":"b","payloadId":"p","webhookTimestamp":1800000000000}"#,
                        ..message
                    };
                    assert_eq!(verify(&record.scheme, &changed, &keys, now).state, State::Invalid, "{}", provider.id);
                }
                let bare = Message { headers: &[], ..message };
                assert_eq!(verify(&record.scheme, &bare, &keys, now).state, State::Unsigned, "{}", provider.id);
            }
        }
    }

    #[test]
    fn a_bad_file_says_where_and_the_rest_load() {
        let file = "name = \"Mine\"\n\n[[schemes]]\nid = \"mine\"\nrests_on = \"sdk\"\n[schemes.digest]\nsignature = [\"header:X\"]\ncontent = \"{boddy}\"\nalgorithm = \"hmac-sha256\"\n";
        let (catalogue, bad) =
            Catalogue::load([("mine.toml".into(), file.into()), ("ours.toml".into(), "name = \"Ours\"\n".into())]);
        assert_eq!(bad.len(), 1);
        assert!(bad[0].reason.contains("line 8") && bad[0].reason.contains("no part of a message"), "{}", bad[0]);
        assert!(catalogue.get("ours").is_some() && catalogue.get("github").is_some());
    }

    #[test]
    fn senders_are_recognised_with_what_happened() {
        let catalogue = all();
        /// Headers and body, and the provider, event type and event id they say.
        type Case = (&'static [(&'static str, &'static str)], &'static str, [Option<&'static str>; 3]);
        let cases: &[Case] = &[
            (
                &[("X-GitHub-Event", "push"), ("X-GitHub-Delivery", "d-1")],
                "{}",
                [Some("github"), Some("push"), Some("d-1")],
            ),
            (
                &[("Stripe-Signature", "t=1,v1=a")],
                r#"{"type":"invoice.paid","id":"evt_1"}"#,
                [Some("stripe"), Some("invoice.paid"), Some("evt_1")],
            ),
            (
                &[("X-OWC-Event", "chat.closed"), ("X-OWC-Delivery", "7"), ("X-OWC-Signature", "a")],
                "{}",
                [Some("onwebchat"), Some("chat.closed"), Some("7")],
            ),
            (
                &[("webhook-id", "m"), ("webhook-signature", "v1,a")],
                r#"{"type":"a.b"}"#,
                [Some("standard-webhooks"), Some("a.b"), Some("m")],
            ),
            (
                &[("Linear-Delivery", "x"), ("Linear-Event", "Issue"), ("Linear-Signature", "a")],
                r#"{"type":"Issue","action":"create"}"#,
                [Some("linear"), Some("Issue.create"), Some("x")],
            ),
            (
                &[("X-Hub-Signature-256", "sha256=a")],
                r#"{"object":"page","entry":[{"id":"1","changes":[{"field":"feed"}]}]}"#,
                [Some("meta"), Some("feed"), None],
            ),
        ];
        for (headers, body, said) in cases {
            let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
            let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: body.as_bytes() };
            let reading = Reading::new(&message);
            let read = catalogue.recognise(&reading).map(|provider| provider.read(&reading)).unwrap_or_default();
            let found = [read.provider.as_deref(), read.event_type.as_deref(), read.event_id.as_deref()];
            assert_eq!(found, *said);
        }
    }
}
