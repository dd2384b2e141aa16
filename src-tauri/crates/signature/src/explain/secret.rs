//! Variants of the secret that the user may have meant.

use base64::Engine as _;

use super::{
    Finding, SearchContext,
    change::{Apply, Change, Kind, finding},
};
use crate::{
    encoding::BASE64,
    key::{KeyForm, Keys},
    scheme::Scheme,
};

/// Parses `NAME=value`, as in a file of environment variables.
fn assignment(text: &str) -> Option<(&str, String)> {
    let text = text.strip_prefix("export ").unwrap_or(text);
    let (name, value) = text.split_once('=').or_else(|| text.split_once(": "))?;
    let name = name.trim();
    let named =
        name.len() >= 3 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-' || b == b'.');
    let value = value.trim().trim_matches(['"', '\'']);
    (named && !value.is_empty() && name.bytes().any(|b| b.is_ascii_alphabetic())).then(|| (name, value.to_owned()))
}

/// Decodes a base64 text, if the result is printable text.
fn decoded_text(text: &str) -> Option<String> {
    let decoded = BASE64.decode(text).ok().filter(|bytes| bytes.len() >= 6)?;
    String::from_utf8(decoded).ok().filter(|text| !text.chars().any(|c| c.is_control() && c != '\n'))
}

const SECRET_ADVICE: &str = "Enter only the secret.";

/// Callback that receives a cost, a secret, and the finding if this secret matches.
type Add<'a> = &'a mut dyn FnMut(u32, String, Finding);

/// Adds variants of the secret without text that was entered around it.
fn entered(secret: &str, add: Add<'_>) {
    let trimmed = secret.trim();
    if trimmed != secret {
        add(
            1,
            trimmed.into(),
            finding("secret_whitespace", "the secret was entered with white space around it", SECRET_ADVICE),
        );
    }
    for (open, close) in [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')] {
        if let Some(bare) = trimmed.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            let quotes = match open {
                '\'' => "single quotes",
                '`' => "backticks",
                _ => "quotes",
            };
            let what = format!("the secret was entered with {quotes} around it");
            add(2, bare.into(), finding("secret_quotes", what, SECRET_ADVICE));
        }
    }
    if let Some((name, value)) = assignment(trimmed) {
        let what = format!("the secret was entered with {name}= before it, like a line of an .env file");
        add(2, value, finding("secret_assignment", what, "Enter only the text after the equals sign."));
    }
    for mark in ["v1,", "v1=", "v1:", "Bearer ", "Basic "] {
        if let Some(bare) = trimmed.strip_prefix(mark) {
            let what =
                format!("the secret was entered with {:?} before it, which is not part of the secret", mark.trim_end());
            add(1, bare.into(), finding("secret_version", what, SECRET_ADVICE));
        }
    }
}

/// Adds variants of the secret with HTML escapes encoded or decoded.
fn as_html(secret: &str, add: Add<'_>) {
    for (written, meant, what) in [
        ("&amp;", "&", "&"),
        ("&lt;", "<", "<"),
        ("&gt;", ">", ">"),
        ("&quot;", "\"", "\""),
        ("&#39;", "'", "'"),
        ("&#039;", "'", "'"),
    ] {
        if secret.contains(written) {
            let mistake = format!("the secret was entered with the HTML escape {written} instead of {what}");
            add(2, secret.replace(written, meant), finding("secret_html", mistake, "Enter the unescaped characters."));
        } else if secret.contains(meant) {
            let mistake =
                format!("the sender signed with the HTML escape {written} instead of the {what} in the secret");
            let advice = format!("Enter the secret with {written}, or create a secret without {what}.");
            add(3, secret.replace(meant, written), finding("secret_html", mistake, advice));
        }
    }
}

/// Adds variants of the secret: encoded, decoded, without invisible characters, and with a trailing newline or space.
fn encoded(secret: &str, add: Add<'_>) {
    let trimmed = secret.trim();
    for (text, mark) in [(BASE64.encode(secret), ""), (BASE64.encode(format!("{secret}\n")), " and a line break")] {
        let what = format!("the sender signed with the base64 text of the secret{mark}");
        let advice = "Enter the base64 text here, or decode the secret at the sender before signing (Kubernetes stores secrets as base64).";
        add(if mark.is_empty() { 2 } else { 4 }, text, finding("secret_base64_text", what, advice));
    }
    if let Some(text) = decoded_text(trimmed) {
        let what = "the secret was entered as base64, and the sender signed with the decoded secret";
        add(2, text, finding("secret_base64", what, "Enter the decoded secret."));
    }
    let seen: String =
        secret.chars().filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}')).collect();
    if seen != secret {
        add(1, seen, finding("secret_invisible", "the secret was entered with an invisible character", SECRET_ADVICE));
    }
    for end in ["\n", "\r\n", " "] {
        let what = if end == " " { "a space" } else { "a line break" };
        add(
            2,
            format!("{secret}{end}"),
            finding(
                "secret_newline",
                format!("the sender signed with {what} at the end of the secret"),
                "Remove the trailing character at the sender, or enter the secret here with it.",
            ),
        );
    }
}

/// Adds variants of the secret with and without a prefix, and in upper and lower case.
fn prefixed(secret: &str, scheme: &Scheme, add: Add<'_>) {
    for prefix in ["whsec_", "whsk_", "sk_", "secret_", "wsk_", "pdl_ntfset_"] {
        if let Some(bare) = secret.strip_prefix(prefix) {
            add(
                1,
                bare.into(),
                finding(
                    "secret_prefix_kept",
                    format!("the sender signed without the prefix {prefix} of the secret"),
                    "Enter the secret without its prefix, or fix the sender.",
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
                "Enter the complete secret, including whsec_.",
            ),
        );
    }
    for (other, what) in [(secret.to_lowercase(), "lower"), (secret.to_uppercase(), "upper")] {
        if other != secret {
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

pub(super) fn secrets<'a>(scheme: &Scheme, keys: &Keys, known: &SearchContext<'_>, all: &mut Vec<Change<'a>>) {
    let mut add = |cost, secret: String, finding| {
        all.push(Change { kind: Kind::Secret, cost, finding, apply: Apply::Secret(secret) });
    };
    for secret in keys.secrets.iter().filter(|secret| !secret.is_empty()) {
        entered(secret, &mut add);
        as_html(secret, &mut add);
        encoded(secret, &mut add);
        prefixed(secret, scheme, &mut add);
    }
    for (whose, secret) in &known.other_secrets {
        if !secret.is_empty() && !keys.secrets.contains(secret) {
            add(
                2,
                secret.clone(),
                finding(
                    "secret_of_another",
                    format!("the message was signed with the secret of {whose}"),
                    "Enter that secret here, or change the sender's URL to that destination.",
                ),
            );
        }
    }
}
