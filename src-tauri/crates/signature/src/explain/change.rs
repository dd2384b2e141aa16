//! Common mistakes, modeled as changes to the verified message, scheme or secret.

use std::{borrow::Cow, collections::BTreeMap};

use super::{Finding, body::Rewrite, form::FormWas};
use crate::{
    digest,
    fault::{Fault, State, Verification},
    key::Keys,
    message::{Message, ParsedMessage},
    scheme::{Digest, Scheme},
    verify::{signed_content, verify},
};

/// Category of a mistake. Two mistakes of the same kind are never combined. The order of the variants is the order in
/// which changes are undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Secret,
    Key,
    Encoding,
    Algorithm,
    Content,
    Wrapping,
    Coding,
    Order,
    Numbers,
    Layout,
    Escapes,
    Slashes,
    Markup,
    Lines,
    End,
    Mark,
    Charset,
    Url,
    Header,
    Scheme,
}

/// Common mistake to test.
pub(super) struct Change<'a> {
    pub(super) kind: Kind,
    /// Cost, from 1. A higher cost is less likely.
    pub(super) cost: u32,
    pub(super) finding: Finding,
    pub(super) apply: Apply<'a>,
}

pub(super) enum Apply<'a> {
    Secret(String),
    Rule(Box<Digest>),
    Scheme(&'a Scheme),
    Rewrite(Rewrite),
    Form(FormWas),
    Body(&'a [u8]),
    Url(String),
    /// Headers that replace the headers of the same names.
    Headers(Vec<(String, Vec<u8>)>),
}

/// Combination of message, scheme and secrets to test.
#[derive(Clone)]
pub(super) struct Trial<'a> {
    scheme: Cow<'a, Scheme>,
    message: Message<'a>,
    headers: Cow<'a, [(&'a str, &'a [u8])]>,
    changed: Vec<(String, Vec<u8>)>,
    body: Cow<'a, [u8]>,
    url: Option<Cow<'a, str>>,
    secrets: Cow<'a, [String]>,
    params: &'a BTreeMap<String, String>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(scheme: &'a Scheme, message: &Message<'a>, keys: &'a Keys) -> Self {
        Self {
            scheme: Cow::Borrowed(scheme),
            message: *message,
            headers: Cow::Borrowed(message.headers),
            changed: Vec::new(),
            body: Cow::Borrowed(message.body),
            url: message.url.map(Cow::Borrowed),
            secrets: Cow::Borrowed(&keys.secrets),
            params: &keys.params,
        }
    }

    /// Returns the trial with one more change applied, or `None` if the change has no effect.
    pub(super) fn with(&self, change: &Change<'a>) -> Option<Self> {
        let mut trial = self.clone();
        match &change.apply {
            Apply::Secret(secret) => trial.secrets = Cow::Owned(vec![secret.clone()]),
            Apply::Scheme(scheme) => trial.scheme = Cow::Borrowed(scheme),
            Apply::Rule(base) => {
                let Scheme::Digest(mut rule) = trial.scheme.into_owned() else { return None };
                // Each change copies only its own fields, so two changes of the rule, such as algorithm and encoding,
                // can be combined.
                match change.kind {
                    Kind::Key => rule.key = base.key,
                    Kind::Encoding => rule.encoding = base.encoding,
                    Kind::Algorithm => rule.algorithm = base.algorithm,
                    Kind::Content => (rule.content, rule.timestamp) = (base.content.clone(), base.timestamp.clone()),
                    _ => {
                        rule.signature.clone_from(&base.signature);
                        rule.prefix.clone_from(&base.prefix);
                    }
                }
                trial.scheme = Cow::Owned(Scheme::Digest(rule));
            }
            Apply::Rewrite(rewrite) => trial.body = Cow::Owned(rewrite(&trial.body)?),
            Apply::Form(was) => trial.body = Cow::Owned(was.signed(&trial.body)?),
            Apply::Body(body) => trial.body = Cow::Borrowed(body),
            Apply::Url(url) => trial.url = Some(Cow::Owned(url.clone())),
            Apply::Headers(headers) => trial.changed.extend_from_slice(headers),
        }
        Some(trial)
    }

    fn read<T>(&self, look: impl FnOnce(&ParsedMessage<'_>) -> T) -> T {
        let mut headers: Vec<(&str, &[u8])> = self.headers.to_vec();
        for (name, value) in &self.changed {
            headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
            headers.push((name, value));
        }
        let message = Message { headers: &headers, body: &self.body, url: self.url.as_deref(), ..self.message };
        look(&ParsedMessage::new(&message))
    }

    /// Returns true if the signature matches. Timestamps are not checked.
    pub(super) fn holds(&self) -> bool {
        let keys = self.keys();
        self.read(|reading| match self.scheme.as_ref() {
            Scheme::Digest(scheme) => keys.secrets.iter().any(|secret| digest::holds(scheme, reading, secret, &keys)),
            other => matches!(
                verify(other, &reading.message(), &keys, 0),
                Verification { state: State::Valid, .. }
                    | Verification { fault: Some(Fault::Expired { .. } | Fault::NotYetValid { .. }), .. }
            ),
        })
    }

    /// Returns the fault of the timestamp, if the timestamp is outside its tolerance.
    pub(super) fn late(&self, now_ms: i64) -> Option<Fault> {
        let verification = self.read(|reading| verify(&self.scheme, &reading.message(), &self.keys(), now_ms));
        verification.fault.filter(|fault| matches!(fault, Fault::Expired { .. } | Fault::NotYetValid { .. }))
    }

    /// Returns the expected and the received digest in the encoding of the scheme.
    pub(super) fn digests(&self) -> (Option<String>, Option<String>) {
        let Scheme::Digest(scheme) = self.scheme.as_ref() else { return (None, None) };
        let keys = self.keys();
        self.read(|reading| super::digests(scheme, &reading.message(), &keys))
    }

    /// Returns the signed bytes, with `mask` as the secret.
    pub(super) fn signed_content(&self, mask: &str) -> Option<Vec<u8>> {
        let keys = Keys { secrets: vec![mask.to_owned()], params: self.params.clone() };
        self.read(|reading| signed_content(&self.scheme, &reading.message(), &keys)).ok()
    }

    fn keys(&self) -> Keys {
        Keys { secrets: self.secrets.to_vec(), params: self.params.clone() }
    }
}

pub(super) fn finding(code: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { code, what: what.into(), advice: advice.into() }
}

pub(super) const BODY_ADVICE: &str =
    "Verify the raw request bytes, before a parser, middleware or proxy decodes and serializes them again.";
