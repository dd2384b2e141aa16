//! Changes to headers in transit: renamed, folded, joined, quoted.

use super::change::{Apply, Change, Kind, finding};
use crate::{
    message::Message,
    scheme::Digest,
    source::{Place, Source},
};

pub(super) fn headers<'a>(scheme: &Digest, message: &Message<'a>, all: &mut Vec<Change<'a>>) {
    let mut add = |cost, headers: Vec<(String, Vec<u8>)>, code, what: String| {
        let finding = finding(code, what, HEADER_ADVICE);
        all.push(Change { kind: Kind::Header, cost, finding, apply: Apply::Headers(headers) });
    };
    let sources: Vec<&Source> = scheme.signature.iter().filter(|source| source.place == Place::Header).collect();
    for (name, value) in message.headers {
        let text = String::from_utf8_lossy(value);
        if !sources.iter().any(|source| source.name.split('|').any(|own| own.eq_ignore_ascii_case(name))) {
            continue;
        }
        let mut is = |cost, value: &str, code, what: &str| {
            add(cost, vec![((*name).to_owned(), value.into())], code, format!("{what} the header {name}"));
        };
        if text.contains(char::is_whitespace) {
            let whole: String = text.split_whitespace().collect();
            let cost = if scheme.split.contains(' ') { 3 } else { 2 };
            is(cost, &whole, "header_folded", "white space was inserted into");
        }
        if let Some(bare) = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            is(2, bare, "header_quoted", "quotes were added around the value of");
        }
        if !scheme.split.contains(',') && text.contains(',') {
            for part in text.split(',').take(JOINED_MAX) {
                is(3, part.trim(), "header_joined", "several values were joined into");
            }
        }
    }
    let as_signature = message
        .headers
        .iter()
        .filter(|(name, value)| value.len() >= SIGNATURE_MIN && !NO_SIGNATURE.contains(&&*name.to_ascii_lowercase()));
    for source in sources {
        for (name, value) in as_signature.clone() {
            if source.name.split('|').any(|own| own.eq_ignore_ascii_case(name)) {
                continue;
            }
            let text = String::from_utf8_lossy(value);
            let kept = !scheme.split.is_empty() || text.starts_with(&scheme.prefix);
            let prefix = if kept { scheme.prefix.clone() } else { String::new() };
            let signature = vec![Source { place: Place::Header, name: (*name).to_owned(), secret: None }];
            all.push(Change {
                kind: Kind::Header,
                cost: 4,
                finding: finding(
                    "header_renamed",
                    format!("the signature is in the header {name}, not in {}", source.name),
                    HEADER_ADVICE,
                ),
                apply: Apply::Rule(Box::new(Digest { signature, prefix, ..scheme.clone() })),
            });
            renamed_alike(source.name.split('|').next().unwrap_or_default(), name, message, all);
        }
    }
    for wanted in signed_headers(scheme) {
        if wanted.split('|').any(|name| message.header(name).is_some()) {
            continue;
        }
        let wanted = wanted.split('|').next().unwrap_or_default();
        for (name, value) in message.headers {
            if last_word(name).eq_ignore_ascii_case(last_word(wanted)) {
                all.push(Change {
                    kind: Kind::Header,
                    cost: 3,
                    finding: finding(
                        "header_renamed",
                        format!("the value of the header {wanted} arrived in {name}"),
                        HEADER_ADVICE,
                    ),
                    apply: Apply::Headers(vec![(wanted.to_owned(), value.to_vec())]),
                });
            }
        }
    }
}

const HEADER_ADVICE: &str = "Check the proxies between the sender and this server: one of them changes headers.";

/// Minimum length of a signature, in bytes.
const SIGNATURE_MIN: usize = 16;

/// Maximum number of joined values of one header that are tested separately.
const JOINED_MAX: usize = 16;

/// Headers that never contain a signature.
const NO_SIGNATURE: &[&str] = &["user-agent", "authorization", "cookie", "content-type", "accept", "host"];

/// Adds a change for headers renamed by the same rule as the signature header, such as `webhook-id` to `x-webhook-id`.
fn renamed_alike(own: &str, name: &str, message: &Message<'_>, all: &mut Vec<Change<'_>>) {
    let same = own.bytes().rev().zip(name.bytes().rev()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    let (before, now) = (&own[..own.len() - same], &name[..name.len() - same]);
    let headers: Vec<(String, Vec<u8>)> = message
        .headers
        .iter()
        .filter(|(header, _)| header.get(..now.len()).is_some_and(|start| start.eq_ignore_ascii_case(now)))
        .map(|(header, value)| (format!("{before}{}", &header[now.len()..]), value.to_vec()))
        .collect();
    if same == 0 || headers.len() < 2 {
        return;
    }
    all.push(Change {
        kind: Kind::Header,
        cost: 3,
        finding: finding(
            "header_renamed",
            format!(
                "headers were renamed in transit: {own} arrived as {name}, and others were renamed in the same way"
            ),
            HEADER_ADVICE,
        ),
        apply: Apply::Headers(headers),
    });
}

/// Returns the names of the headers that are signed or contain the timestamp.
fn signed_headers(scheme: &Digest) -> Vec<String> {
    let content = scheme.content.to_string();
    let mut names: Vec<String> = content
        .split("{header:")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name.to_owned())
        .collect();
    let time = scheme.timestamp.as_ref().map(|rule| &rule.from).filter(|from| from.place == Place::Header);
    names.extend(time.map(|from| from.name.clone()));
    names
}

fn last_word(name: &str) -> &str {
    name.rsplit('-').next().unwrap_or(name)
}
