//! List of common mistakes to test.

use super::{
    SearchContext,
    body::{CHARSETS, ENDS, ESCAPES, LAYOUTS, LINES, MARKS, MARKUP, NUMBERS, ORDERS, SLASHES},
    change::{Apply, BODY_ADVICE, Change, Kind, finding},
    escapes::LIBRARIES,
    form::forms,
    header::headers,
    rule::{rules, signed_times},
    secret::secrets,
    url::urls,
    wrapping::{self, WRAPPINGS},
};
use crate::{key::Keys, message::Message, scheme::Scheme};

/// Returns all changes to test, most likely first.
pub(super) fn changes<'a>(
    scheme: &'a Scheme,
    message: &Message<'a>,
    keys: &'a Keys,
    known: &SearchContext<'a>,
) -> Vec<Change<'a>> {
    let mut all = Vec::new();
    secrets(scheme, keys, known, &mut all);
    if let Scheme::Digest(digest) = scheme {
        rules(digest, &mut all);
        signed_times(digest, message, &mut all);
        headers(digest, message, &mut all);
    }
    if scheme.signs_body() {
        bodies(known, &mut all);
        forms(message, &mut all);
    }
    urls(scheme, message, &mut all);
    schemes(scheme, known, &mut all);
    all.sort_by_key(|change| change.cost);
    all
}

fn bodies<'a>(known: &SearchContext<'a>, all: &mut Vec<Change<'a>>) {
    for (code, what, cost, rewrite) in WRAPPINGS {
        all.push(Change {
            kind: Kind::Wrapping,
            cost: *cost,
            finding: finding(code, *what, wrapping::advice(code)),
            apply: Apply::Rewrite(*rewrite),
        });
    }
    for (kind, table) in [
        (Kind::End, ENDS),
        (Kind::Numbers, NUMBERS),
        (Kind::Order, ORDERS),
        (Kind::Layout, LAYOUTS),
        (Kind::Escapes, ESCAPES),
        (Kind::Escapes, LIBRARIES),
        (Kind::Slashes, SLASHES),
        (Kind::Markup, MARKUP),
        (Kind::Lines, LINES),
        (Kind::Mark, MARKS),
        (Kind::Charset, CHARSETS),
    ] {
        for (code, what, cost, rewrite) in table {
            all.push(Change {
                kind,
                cost: *cost,
                finding: finding(code, *what, BODY_ADVICE),
                apply: Apply::Rewrite(*rewrite),
            });
        }
    }
    if let Some(body) = known.decoded_body {
        let what = "the sender signed the body before compression";
        all.push(Change {
            kind: Kind::Coding,
            cost: 1,
            finding: finding("body_compressed", what, "Verify the body after decoding its Content-Encoding."),
            apply: Apply::Body(body),
        });
    }
}

fn schemes<'a>(scheme: &Scheme, known: &SearchContext<'a>, all: &mut Vec<Change<'a>>) {
    // Several vendors use the same scheme, so the finding names the first of them together.
    let mut alike: Vec<(&Scheme, Vec<&str>)> = Vec::new();
    for (provider, other) in known.other_schemes.iter().filter(|(_, other)| *other != scheme) {
        match alike.iter_mut().find(|(scheme, _)| scheme == other) {
            Some((_, names)) => names.push(provider),
            None => alike.push((other, vec![provider])),
        }
    }
    for (other, names) in alike {
        let first = names[0];
        // A recognized sender is first in the list, so the finding names only that sender.
        let vendors = match names.len() {
            _ if known.recognized.is_some_and(|name| first.starts_with(name)) => first.to_owned(),
            1 => first.to_owned(),
            2 => format!("{first} and {}", names[1]),
            _ => format!("{first}, {} and others", names[1]),
        };
        let finding = finding(
            "another_scheme",
            format!("the message is signed with the scheme of {vendors}"),
            format!("Set the provider of the inbox to the sender: {}.", names[..names.len().min(5)].join(", ")),
        );
        all.push(Change { kind: Kind::Scheme, cost: 3, finding, apply: Apply::Scheme(other) });
    }
}
