//! The secret as it may have been meant.

use super::{
    Known,
    change::{Apply, Change, Kind, finding},
};
use crate::{
    key::{KeyForm, Keys},
    scheme::Scheme,
};

const SECRET_ADVICE: &str = "Enter the secret without it.";

pub(super) fn secrets<'a>(scheme: &Scheme, keys: &Keys, known: &Known<'_>, all: &mut Vec<Change<'a>>) {
    let mut add = |cost, secret: String, finding| {
        all.push(Change { kind: Kind::Secret, cost, finding, apply: Apply::Secret(secret) });
    };
    for secret in keys.secrets.iter().filter(|secret| !secret.is_empty()) {
        let trimmed = secret.trim();
        if trimmed != secret {
            add(
                1,
                trimmed.into(),
                finding("secret_whitespace", "the secret was entered with white space around it", SECRET_ADVICE),
            );
        }
        if let Some(bare) = secret.strip_prefix('"').and_then(|s| s.strip_suffix('"')) {
            add(
                2,
                bare.into(),
                finding("secret_quotes", "the secret was entered with quotes around it", SECRET_ADVICE),
            );
        }
        let seen: String =
            secret.chars().filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}')).collect();
        if seen != *secret {
            add(
                1,
                seen,
                finding(
                    "secret_invisible",
                    "the secret was entered with a character that does not show",
                    SECRET_ADVICE,
                ),
            );
        }
        for end in ["\n", "\r\n", " "] {
            let what = if end == " " { "a space" } else { "a line break" };
            add(
                2,
                format!("{secret}{end}"),
                finding(
                    "secret_newline",
                    format!("the sender signed with {what} at the end of its secret"),
                    "Store the secret at the sender without it, or enter it here as it is there.",
                ),
            );
        }
        for prefix in ["whsec_", "whsk_", "sk_", "secret_", "wsk_", "pdl_ntfset_"] {
            if let Some(bare) = secret.strip_prefix(prefix) {
                add(
                    1,
                    bare.into(),
                    finding(
                        "secret_prefix_kept",
                        format!("the sender signed without the secret's {prefix}"),
                        "Enter the secret without its prefix, or correct the sender.",
                    ),
                );
            }
        }
        let as_text = matches!(scheme, Scheme::Digest(digest) if digest.key == KeyForm::Text);
        if as_text && !secret.starts_with("whsec_") {
            add(
                2,
                format!("whsec_{secret}"),
                finding(
                    "secret_prefix_missing",
                    "the secret lacks its prefix whsec_, which is part of the key",
                    "Enter the secret whole, with whsec_.",
                ),
            );
        }
        for (other, what) in [(secret.to_lowercase(), "lower"), (secret.to_uppercase(), "upper")] {
            if other != *secret {
                add(
                    5,
                    other,
                    finding(
                        "secret_case",
                        format!("the secret matches in {what} case"),
                        "Enter the secret as the vendor shows it.",
                    ),
                );
            }
        }
    }
    for (whose, secret) in &known.other_secrets {
        if !secret.is_empty() && !keys.secrets.contains(secret) {
            add(
                2,
                secret.clone(),
                finding(
                    "secret_of_another",
                    format!("it was signed with the secret of {whose}"),
                    "Enter that secret here, or point the sender there.",
                ),
            );
        }
    }
}
