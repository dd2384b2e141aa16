//! Verifying a message by all schemes of its vendor.

use hookbench_signature::{Keys, Message, State, Verdict, meets, verify};

use crate::{Provider, SchemeRecord};

/// What verifying a message by a vendor's schemes found.
#[derive(Debug, Clone)]
pub struct Verified<'p> {
    /// The scheme that decided: the one whose signature is valid, else the one that the message announces.
    pub record: &'p SchemeRecord,
    /// What it says.
    pub verdict: Verdict,
}

impl Provider {
    /// Verifies a message by the scheme of that name, or by all of the vendor's if none is named. None where the vendor
    /// has no such scheme.
    ///
    /// A scheme that is a fallback for a stronger one counts only where the message has no signature by the stronger
    /// one, so that a valid weak signature cannot stand in for an invalid strong one.
    pub fn verify<'p>(
        &'p self,
        named: Option<&str>,
        message: &Message<'_>,
        keys: &Keys,
        now_ms: i64,
    ) -> Option<Verified<'p>> {
        if named.is_some() || self.schemes.len() < 2 {
            let record = self.scheme(named)?;
            return Some(Verified { record, verdict: verify(&record.scheme, message, keys, now_ms) });
        }
        let mut best: Option<(Verified<'p>, (u8, bool))> = None;
        let mut signed: Vec<&str> = Vec::new();
        for record in &self.schemes {
            if record.fallback_for.as_deref().is_some_and(|stronger| signed.contains(&stronger)) {
                continue;
            }
            let verdict = verify(&record.scheme, message, keys, now_ms);
            if verdict.state == State::Valid {
                return Some(Verified { record, verdict });
            }
            if verdict.state != State::Unsigned {
                signed.push(&record.id);
            }
            let announced = record.announced_by.as_ref().is_some_and(|by| meets(by, message).unwrap_or(false));
            let telling = (verdict.fault.as_ref().map_or(0, hookbench_signature::Fault::rank), announced);
            if best.as_ref().is_none_or(|(_, known)| telling > *known) {
                best = Some((Verified { record, verdict }, telling));
            }
        }
        best.map(|(verified, _)| verified)
    }
}

impl Verified<'_> {
    /// What is to be said beside a valid signature: by which of a vendor's schemes it is, and that it is a weaker one.
    pub fn note(&self, provider: &Provider) -> Option<String> {
        if provider.schemes.len() < 2 || self.verdict.state != State::Valid {
            return None;
        }
        let named = |record: &SchemeRecord| match record.scheme.places().first() {
            Some(place) => format!("{} ({})", record.id, place.shown()),
            None => record.id.clone(),
        };
        let stronger = self.record.fallback_for.as_deref().and_then(|id| provider.scheme(Some(id)));
        Some(match stronger {
            Some(stronger) => format!(
                "Its scheme is {}, which is weaker than {}: the message has no signature by that scheme.",
                named(self.record),
                named(stronger)
            ),
            None => format!("Its scheme is {}.", named(self.record)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    fn catalogue() -> Catalogue {
        Catalogue::load([]).0
    }

    fn verdict(provider: &str, headers: &[(&str, &str)], target: &str, body: &str, secret: &str) -> (String, State) {
        let catalogue = catalogue();
        let provider = catalogue.get(provider).expect("a vendor");
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let url = format!("https://example.com{target}");
        let message = Message { method: "POST", target, url: Some(&url), headers: &headers, body: body.as_bytes() };
        let verified = provider.verify(None, &message, &Keys::of(secret), 1_800_000_000_000).expect("a scheme");
        (verified.record.id.clone(), verified.verdict.state)
    }

    #[test]
    fn a_token_is_as_good_as_a_signature() {
        let event = ("X-Gitlab-Event", "Push Hook");
        assert_eq!(
            verdict("gitlab", &[event, ("X-Gitlab-Token", "tok123")], "/", "{}", "tok123"),
            ("token".into(), State::Valid)
        );
        assert_eq!(verdict("gitlab", &[event, ("X-Gitlab-Token", "other")], "/", "{}", "tok123").1, State::Invalid);
        assert_eq!(verdict("gitlab", &[event], "/", "{}", "tok123").1, State::Unsigned);
        assert_eq!(verdict("buildkite", &[("X-Buildkite-Token", "t")], "/", "{}", "t"), ("token".into(), State::Valid));
    }

    #[test]
    fn a_weak_signature_counts_only_alone() {
        // HMAC of "Hello, World!" with GitHub's example secret.
        let secret = "It's a Secret to Everybody";
        let strong = ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
        let weak = ("X-Hub-Signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59");
        let wrong = ("X-Hub-Signature-256", "sha256=0000000000000000000000000000000000000000000000000000000000000000");
        let catalogue = catalogue();
        let github = catalogue.get("github").expect("GitHub");
        let weaker =
            github.schemes.iter().find(|record| record.fallback_for.is_some()).expect("a weaker scheme").id.clone();
        assert_eq!(verdict("github", &[strong, weak], "/", "Hello, World!", secret).1, State::Valid);
        assert_eq!(verdict("github", &[weak], "/", "Hello, World!", secret), (weaker, State::Valid));
        assert_eq!(verdict("github", &[wrong, weak], "/", "Hello, World!", secret).1, State::Invalid);
    }
}
