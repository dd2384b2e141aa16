//! The faults that are tried, as changes to what is verified.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Finding, Known,
    body::{CHARSETS, ENDS, ESCAPES, LAYOUTS, LINES, MARKS, MARKUP, NUMBERS, ORDERS, Rewrite, SLASHES},
};
use crate::{
    algorithm::Algorithm,
    digest,
    encoding::Encoding,
    fault::{Fault, State, Verdict},
    key::{KeyForm, Keys},
    message::{Message, Reading},
    scheme::{Digest, Scheme},
    source::{Place, Source},
    timestamp::Unit,
    verify::verify,
};

/// What a fault is about; two of one kind cannot both be. What is undone first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Secret,
    Key,
    Encoding,
    Algorithm,
    Content,
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

/// One fault.
pub(super) struct Change<'a> {
    pub(super) kind: Kind,
    /// How unlikely it is, from 1.
    pub(super) cost: u32,
    pub(super) finding: Finding,
    apply: Apply<'a>,
}

enum Apply<'a> {
    Secret(String),
    Rule(Box<Digest>),
    Scheme(&'a Scheme),
    Rewrite(Rewrite),
    Body(&'a [u8]),
    Url(String),
    /// Headers that are put in place of those of their names.
    Headers(Vec<(String, Vec<u8>)>),
}

/// A message, a scheme and a secret that are tried together.
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

    /// The trial with one fault more; none where it changes nothing.
    pub(super) fn with(&self, change: &Change<'a>) -> Option<Self> {
        let mut trial = self.clone();
        match &change.apply {
            Apply::Secret(secret) => trial.secrets = Cow::Owned(vec![secret.clone()]),
            Apply::Scheme(scheme) => trial.scheme = Cow::Borrowed(scheme),
            Apply::Rule(base) => {
                let Scheme::Digest(mut rule) = trial.scheme.into_owned() else { return None };
                // Two changes of the rule, such as algorithm and encoding, lie in one record.
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
            Apply::Body(body) => trial.body = Cow::Borrowed(body),
            Apply::Url(url) => trial.url = Some(Cow::Owned(url.clone())),
            Apply::Headers(headers) => trial.changed.extend_from_slice(headers),
        }
        Some(trial)
    }

    fn read<T>(&self, look: impl FnOnce(&Reading<'_>) -> T) -> T {
        let mut headers: Vec<(&str, &[u8])> = self.headers.to_vec();
        for (name, value) in &self.changed {
            headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
            headers.push((name, value));
        }
        let message = Message { headers: &headers, body: &self.body, url: self.url.as_deref(), ..self.message };
        look(&Reading::new(&message))
    }

    /// Whether the signature holds, whatever its time says.
    pub(super) fn holds(&self) -> bool {
        let keys = self.keys();
        self.read(|reading| match self.scheme.as_ref() {
            Scheme::Digest(scheme) => keys.secrets.iter().any(|secret| digest::holds(scheme, reading, secret, &keys)),
            other => matches!(
                verify(other, &reading.message(), &keys, 0),
                Verdict { state: State::Valid, .. }
                    | Verdict { fault: Some(Fault::Stale { .. } | Fault::Future { .. }), .. }
            ),
        })
    }

    /// The fault of its timestamp, if it has one.
    pub(super) fn late(&self, now_ms: i64) -> Option<Fault> {
        let verdict = self.read(|reading| verify(&self.scheme, &reading.message(), &self.keys(), now_ms));
        verdict.fault.filter(|fault| matches!(fault, Fault::Stale { .. } | Fault::Future { .. }))
    }

    /// The digest expected and the one found, as the scheme writes them.
    pub(super) fn digests(&self) -> (Option<String>, Option<String>) {
        let Scheme::Digest(scheme) = self.scheme.as_ref() else { return (None, None) };
        let keys = self.keys();
        self.read(|reading| super::digests(scheme, &reading.message(), &keys))
    }

    fn keys(&self) -> Keys {
        Keys { secrets: self.secrets.to_vec(), params: self.params.clone() }
    }
}

fn finding(code: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { code, what: what.into(), advice: advice.into() }
}

const SECRET_ADVICE: &str = "Enter the secret without it.";
const BODY_ADVICE: &str =
    "Verify the bytes as they arrive, before any parser, middleware or proxy reads and writes them anew.";
const SCHEME_ADVICE: &str = "Compare the sender's rule with this one.";

/// Everything there is to try, likeliest first.
pub(super) fn changes<'a>(
    scheme: &'a Scheme,
    message: &Message<'a>,
    keys: &'a Keys,
    known: &Known<'a>,
) -> Vec<Change<'a>> {
    let mut all = Vec::new();
    secrets(scheme, keys, known, &mut all);
    if let Scheme::Digest(digest) = scheme {
        rules(digest, &mut all);
        signed_times(digest, message, &mut all);
        headers(digest, message, &mut all);
    }
    bodies(scheme, known, &mut all);
    urls(scheme, message, &mut all);
    schemes(scheme, known, &mut all);
    all.sort_by_key(|change| change.cost);
    all
}

fn secrets<'a>(scheme: &Scheme, keys: &Keys, known: &Known<'_>, all: &mut Vec<Change<'a>>) {
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

fn rules(scheme: &Digest, all: &mut Vec<Change<'_>>) {
    let mut add = |kind, cost, rule: Digest, finding| {
        if rule != *scheme {
            all.push(Change { kind, cost, finding, apply: Apply::Rule(Box::new(rule)) });
        }
    };
    let keys = [
        (KeyForm::Text, 1, "the sender took the secret as text"),
        (KeyForm::Base64, 2, "the sender decoded the secret as base64 first"),
        (KeyForm::Prefixed, 2, "the sender took whsec_ off the secret and decoded the rest as base64"),
        (KeyForm::Hex, 2, "the sender decoded the secret as hexadecimal first"),
    ];
    let hmac = matches!(
        scheme.algorithm,
        Algorithm::HmacMd5
            | Algorithm::HmacSha1
            | Algorithm::HmacSha256
            | Algorithm::HmacSha384
            | Algorithm::HmacSha512
    );
    if hmac {
        for (key, cost, what) in keys {
            add(Kind::Key, cost, Digest { key, ..scheme.clone() }, finding("key_form", what, SCHEME_ADVICE));
        }
        for (algorithm, cost, name) in [
            (Algorithm::HmacSha1, 2, "SHA-1"),
            (Algorithm::HmacSha256, 1, "SHA-256"),
            (Algorithm::HmacSha512, 2, "SHA-512"),
            (Algorithm::HmacSha384, 4, "SHA-384"),
            (Algorithm::HmacMd5, 5, "MD5"),
        ] {
            let rule = Digest { algorithm, ..scheme.clone() };
            add(
                Kind::Algorithm,
                cost,
                rule,
                finding("algorithm", format!("the sender used HMAC with {name}"), SCHEME_ADVICE),
            );
        }
    }
    if scheme.algorithm != Algorithm::Token {
        for (encoding, cost, name) in [
            (Encoding::Hex, 1, "hexadecimal"),
            (Encoding::Base64, 1, "base64"),
            (Encoding::Base64url, 3, "base64url"),
            (Encoding::Base64OfHex, 4, "base64 of the hexadecimal text"),
        ] {
            let rule = Digest { encoding, ..scheme.clone() };
            add(
                Kind::Encoding,
                cost,
                rule,
                finding("encoding", format!("the sender wrote the signature in {name}"), SCHEME_ADVICE),
            );
        }
    }
    if scheme.split.is_empty() && !scheme.prefix.is_empty() {
        for prefix in ["", "sha256=", "sha1=", "v0=", "v1="] {
            let what = match prefix {
                "" => format!("the signature arrived without {:?} before it", scheme.prefix),
                other => format!("the signature arrived with {other:?} before it, not with {:?}", scheme.prefix),
            };
            let rule = Digest { prefix: prefix.into(), ..scheme.clone() };
            add(
                Kind::Header,
                1 + u32::from(!prefix.is_empty()),
                rule,
                finding("signature_prefix", what, SCHEME_ADVICE),
            );
        }
    }
    contents(scheme, &mut add);
}

fn contents(scheme: &Digest, add: &mut impl FnMut(Kind, u32, Digest, Finding)) {
    let text = scheme.content.to_string();
    let mut content = |cost, text: String, finding| {
        if let Ok(content) = text.parse() {
            add(Kind::Content, cost, Digest { content, ..scheme.clone() }, finding);
        }
    };
    if text != "{body}" && text.contains("{body}") {
        content(
            1,
            "{body}".into(),
            finding(
                "content_body_only",
                "the sender signed the body alone, without what this scheme puts beside it",
                SCHEME_ADVICE,
            ),
        );
        for (one, other) in [(".", ":"), (":", "."), (".", ""), (":", ""), (".", "\n")] {
            if text.contains(&format!("}}{one}{{")) {
                let joined = text.replace(&format!("}}{one}{{"), &format!("}}{other}{{"));
                let shown = if other.is_empty() { "nothing".to_owned() } else { format!("{other:?}") };
                content(
                    4,
                    joined,
                    finding(
                        "content_separator",
                        format!("the sender put {shown} between the parts it signs, not {one:?}"),
                        SCHEME_ADVICE,
                    ),
                );
            }
        }
    } else if text == "{body}" {
        for header in ["webhook-timestamp", "x-timestamp", "x-signature-timestamp", "x-webhook-timestamp"] {
            content(
                4,
                format!("{{header:{header}}}.{{body}}"),
                finding("content_timestamp", "the sender signed its timestamp along with the body", SCHEME_ADVICE),
            );
        }
    }
    if let Some(rule) = &scheme.timestamp {
        // A timestamp that is signed as text holds in any unit; it only does not read.
        for unit in [Unit::S, Unit::Ms, Unit::Iso] {
            let mut rule = rule.clone();
            rule.unit = unit;
            let words = digest::unit_words(unit);
            let changed = Digest { timestamp: Some(rule), ..scheme.clone() };
            add(
                Kind::Content,
                3,
                changed,
                finding("timestamp_unit", format!("the sender wrote its timestamp as {words}"), SCHEME_ADVICE),
            );
        }
    }
}

/// The sender signed its time in one unit and wrote it in another.
fn signed_times(scheme: &Digest, message: &Message<'_>, all: &mut Vec<Change<'_>>) {
    let Some(rule) = &scheme.timestamp else { return };
    let reading = Reading::new(message);
    let candidates = digest::candidates(scheme, &reading).unwrap_or_default();
    let Some(written) = candidates.first().and_then(|candidate| candidate.timestamp(rule, &reading)) else { return };
    let Ok(number) = written.parse::<i64>() else { return };
    let content = scheme.content.to_string();
    let units = [(number.checked_mul(1_000), "a thousandfold of"), (number.checked_div(1_000), "a thousandth of")];
    for (signed, what) in units {
        let literal = signed.map(|signed| content.replace(&format!("{{{}}}", rule.from), &signed.to_string()));
        let Some(Ok(content)) = literal.filter(|literal| *literal != content).map(|literal| literal.parse()) else {
            continue;
        };
        let what = format!("the sender signed {what} the timestamp it wrote, so one is in seconds and one in ms");
        all.push(Change {
            kind: Kind::Content,
            cost: 3,
            finding: finding("timestamp_unit", what, "Write and sign one and the same text at the sender."),
            apply: Apply::Rule(Box::new(Digest { content, ..scheme.clone() })),
        });
    }
}

fn bodies<'a>(scheme: &Scheme, known: &Known<'a>, all: &mut Vec<Change<'a>>) {
    if !scheme.signs_body() {
        return;
    }
    for (kind, table) in [
        (Kind::End, ENDS),
        (Kind::Numbers, NUMBERS),
        (Kind::Order, ORDERS),
        (Kind::Layout, LAYOUTS),
        (Kind::Escapes, ESCAPES),
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
        let what = "the sender signed the body before it was compressed";
        all.push(Change {
            kind: Kind::Coding,
            cost: 1,
            finding: finding("body_compressed", what, "Verify the body after undoing its Content-Encoding."),
            apply: Apply::Body(body),
        });
    }
}

/// A part of a URL as it may have been signed: how unlikely, a code and words where it differs.
type UrlPart = (u32, &'static str, String, String);

fn urls<'a>(scheme: &Scheme, message: &Message<'a>, all: &mut Vec<Change<'a>>) {
    if !scheme.signs_url() {
        return;
    }
    let advice = "Enter the URL in the inbox's settings exactly as it is registered with the sender.";
    let url = message.signed_url();
    let Some((protocol, rest)) = url.split_once("://") else { return };
    let (host, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let (bare, query) = path.split_once('?').map_or((path, ""), |(bare, query)| (bare, query));
    let (arrived, arrived_query) = message.target.split_once('?').unwrap_or((message.target, ""));

    let other = if protocol == "https" { "http" } else { "https" };
    let same = |text: &str| (0, "", String::new(), text.to_owned());
    let protocols: Vec<UrlPart> =
        vec![same(protocol), (1, "url_scheme", format!("begins with {other}://"), other.to_owned())];
    let hosts = hosts(host, message);
    let slash = bare.strip_suffix('/').map_or_else(|| format!("{bare}/"), str::to_owned);
    let mut paths: Vec<UrlPart> = vec![same(bare), (2, "url_slash", "differs by a slash at its end".into(), slash)];
    if message.url.is_some() && arrived != bare {
        paths.push((2, "url_path", "has the path that arrived, not the one registered".into(), arrived.to_owned()));
    }
    let mut queries: Vec<UrlPart> = vec![same(query)];
    if !query.is_empty() {
        queries.push((2, "url_query", "has no query".into(), String::new()));
    }
    if arrived_query != query {
        queries.push((2, "url_query", "has the query that arrived".into(), arrived_query.to_owned()));
    }
    let mut tried = vec![url.clone()];
    for protocol in &protocols {
        for host in &hosts {
            for path in &paths {
                for query in &queries {
                    let parts = [protocol, host, path, query];
                    let differing: Vec<&UrlPart> = parts.into_iter().filter(|part| part.0 > 0).collect();
                    let mark = if query.3.is_empty() { "" } else { "?" };
                    let whole = format!("{}://{}{}{mark}{}", protocol.3, host.3, path.3, query.3);
                    if differing.is_empty() || differing.len() > 2 || tried.contains(&whole) {
                        continue;
                    }
                    tried.push(whole.clone());
                    let words: Vec<&str> = differing.iter().map(|part| part.2.as_str()).collect();
                    let what = format!("the URL that was signed {}", words.join(" and "));
                    let cost = differing.iter().map(|part| part.0).sum::<u32>() + differing.len() as u32 - 1;
                    let finding = finding(differing[0].1, what, advice);
                    all.push(Change { kind: Kind::Url, cost, finding, apply: Apply::Url(whole) });
                }
            }
        }
    }
}

fn hosts(host: &str, message: &Message<'_>) -> Vec<UrlPart> {
    let mut hosts: Vec<UrlPart> = vec![(0, "", String::new(), host.to_owned())];
    let (name, port) = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).unwrap_or((host, ""));
    if !port.is_empty() {
        hosts.push((1, "url_port", "has no port".into(), name.to_owned()));
    }
    for wanted in ["443", "80", "8443", "8080", "3000", "4665"].into_iter().filter(|wanted| *wanted != port) {
        hosts.push((2, "url_port", format!("names the port {wanted}"), format!("{name}:{wanted}")));
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        hosts.push((2, "url_host", "has its host in lower case".into(), host.to_lowercase()));
    }
    for header in ["x-forwarded-host", "x-original-host", "host"] {
        if let Some(found) = message.header(header).and_then(|value| std::str::from_utf8(value).ok())
            && !hosts.iter().any(|(.., known)| known == found)
        {
            hosts.push((2, "url_host", format!("has the host {found}, as {header} says"), found.to_owned()));
        }
    }
    hosts
}

fn headers<'a>(scheme: &Digest, message: &Message<'a>, all: &mut Vec<Change<'a>>) {
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
            is(cost, &whole, "header_folded", "white space was put into");
        }
        if let Some(bare) = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            is(2, bare, "header_quoted", "quotes were put around");
        }
        if !scheme.split.contains(',') && text.contains(',') {
            for part in text.split(',').take(JOINED_MAX) {
                is(3, part.trim(), "header_joined", "several values were joined in");
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
                    format!("the signature stands in the header {name}, not in {}", source.name),
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
                        format!("what the header {wanted} holds arrived in {name}"),
                        HEADER_ADVICE,
                    ),
                    apply: Apply::Headers(vec![(wanted.to_owned(), value.to_vec())]),
                });
            }
        }
    }
}

const HEADER_ADVICE: &str = "Check what stands between the sender and here: it changes headers.";

/// Nothing shorter than a short digest can be a signature.
const SIGNATURE_MIN: usize = 16;

/// Most values of one header that are tried each by itself.
const JOINED_MAX: usize = 16;

/// Headers no signature stands in.
const NO_SIGNATURE: &[&str] = &["user-agent", "authorization", "cookie", "content-type", "accept", "host"];

/// Where the signature's header was renamed, others were by the same rule: `webhook-id` to
/// `x-webhook-id`, say.
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
            format!("headers were renamed on their way: {own} arrived as {name}, and those beside it likewise"),
            HEADER_ADVICE,
        ),
        apply: Apply::Headers(headers),
    });
}

/// Names of the headers that are signed, or hold the time.
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

fn schemes<'a>(scheme: &Scheme, known: &Known<'a>, all: &mut Vec<Change<'a>>) {
    // Several vendors sign alike: the one that is named first speaks for all.
    let mut tried: Vec<&Scheme> = Vec::new();
    for (provider, other) in &known.other_schemes {
        if *other == scheme || tried.contains(other) {
            continue;
        }
        tried.push(other);
        let finding = finding(
            "another_scheme",
            format!("it is signed as {provider} signs"),
            format!("Set the inbox to {provider}."),
        );
        all.push(Change { kind: Kind::Scheme, cost: 3, finding, apply: Apply::Scheme(other) });
    }
}
