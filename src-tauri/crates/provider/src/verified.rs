//! Verification of a message by the schemes of its provider.

use hookbench_signature::{Keys, Message, State, Verification, meets, verify};

use crate::{Provider, SchemeRecord};

/// Result of verifying a message by the schemes of a provider.
#[derive(Debug, Clone)]
pub struct Verified<'p> {
    /// Scheme that determined the result: the scheme with a valid signature, else the scheme that got furthest or that
    /// the message announces.
    pub record: &'p SchemeRecord,
    /// Verification result of that scheme.
    pub verification: Verification,
}

impl Provider {
    /// Verifies a message by the scheme with the id `named`, or by all schemes if no id is given. Returns `None` if the
    /// provider has no such scheme.
    ///
    /// A fallback scheme is used only if the message has no signature by the stronger scheme. A valid weak signature
    /// therefore cannot replace an invalid strong signature.
    pub fn verify<'p>(
        &'p self,
        named: Option<&str>,
        message: &Message<'_>,
        keys: &Keys,
        now_ms: i64,
    ) -> Option<Verified<'p>> {
        if named.is_some() || self.schemes.len() < 2 {
            let record = self.scheme(named)?;
            return Some(Verified { record, verification: verify(&record.scheme, message, keys, now_ms) });
        }
        let mut best: Option<(Verified<'p>, (u8, bool))> = None;
        let mut signed: Vec<&str> = Vec::new();
        for record in &self.schemes {
            if record.fallback_for.as_deref().is_some_and(|stronger| signed.contains(&stronger)) {
                continue;
            }
            let verification = verify(&record.scheme, message, keys, now_ms);
            if verification.state == State::Valid {
                return Some(Verified { record, verification });
            }
            if verification.state != State::Unsigned {
                signed.push(&record.id);
            }
            let announced = record.announced_by.as_ref().is_some_and(|by| meets(by, message).unwrap_or(false));
            let telling = (verification.fault.as_ref().map_or(0, hookbench_signature::Fault::rank), announced);
            if best.as_ref().is_none_or(|(_, known)| telling > *known) {
                best = Some((Verified { record, verification }, telling));
            }
        }
        best.map(|(verified, _)| verified)
    }
}

impl Verified<'_> {
    /// Returns a note for a valid signature if the provider has several schemes: the scheme of the signature, and
    /// whether the scheme is a weaker fallback.
    pub fn note(&self, provider: &Provider) -> Option<String> {
        if provider.schemes.len() < 2 || self.verification.state != State::Valid {
            return None;
        }
        let named = |record: &SchemeRecord| match record.scheme.places().first() {
            Some(place) => format!("{} ({})", record.id, place.shown()),
            None => record.id.clone(),
        };
        let stronger = self.record.fallback_for.as_deref().and_then(|id| provider.scheme(Some(id)));
        Some(match stronger {
            Some(stronger) => format!(
                "The signature scheme is {}, which is weaker than {}. The message has no signature by the stronger scheme.",
                named(self.record),
                named(stronger)
            ),
            None => format!("The signature scheme is {}.", named(self.record)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;

    fn catalog() -> Catalog {
        Catalog::load([]).0
    }

    fn verification(
        provider: &str,
        headers: &[(&str, &str)],
        target: &str,
        body: &str,
        secret: &str,
    ) -> (String, State) {
        let catalog = catalog();
        let provider = catalog.get(provider).expect("known provider");
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let url = format!("https://example.com{target}");
        let message = Message { method: "POST", target, url: Some(&url), headers: &headers, body: body.as_bytes() };
        let verified = provider.verify(None, &message, &Keys::of(secret), 1_800_000_000_000).expect("valid scheme");
        (verified.record.id.clone(), verified.verification.state)
    }

    #[test]
    fn accepts_a_token_instead_of_a_signature() {
        let event = ("X-Gitlab-Event", "Push Hook");
        assert_eq!(
            verification("gitlab", &[event, ("X-Gitlab-Token", "tok123")], "/", "{}", "tok123"),
            ("token".into(), State::Valid)
        );
        assert_eq!(
            verification("gitlab", &[event, ("X-Gitlab-Token", "other")], "/", "{}", "tok123").1,
            State::Invalid
        );
        assert_eq!(verification("gitlab", &[event], "/", "{}", "tok123").1, State::Unsigned);
        assert_eq!(
            verification("buildkite", &[("X-Buildkite-Token", "t")], "/", "{}", "t"),
            ("token".into(), State::Valid)
        );
    }

    #[test]
    fn accepts_a_weak_signature_only_without_a_strong_one() {
        // HMAC of "Hello, World!" with the example secret of GitHub.
        let secret = "It's a Secret to Everybody";
        let strong = ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
        let weak = ("X-Hub-Signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59");
        let wrong = ("X-Hub-Signature-256", "sha256=0000000000000000000000000000000000000000000000000000000000000000");
        let catalog = catalog();
        let github = catalog.get("github").expect("built-in provider");
        let weaker =
            github.schemes.iter().find(|record| record.fallback_for.is_some()).expect("fallback scheme").id.clone();
        assert_eq!(verification("github", &[strong, weak], "/", "Hello, World!", secret).1, State::Valid);
        assert_eq!(verification("github", &[weak], "/", "Hello, World!", secret), (weaker, State::Valid));
        assert_eq!(verification("github", &[wrong, weak], "/", "Hello, World!", secret).1, State::Invalid);
    }
}
