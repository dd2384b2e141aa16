//! Variants of the URL that the sender may have signed.

use super::change::{Apply, Change, Kind, finding};
use crate::{message::Message, scheme::Scheme};

/// Variant of a URL part: cost (0 if unchanged), finding code, description of the difference, and text.
type UrlPart = (u32, &'static str, String, String);

pub(super) fn urls<'a>(scheme: &Scheme, message: &Message<'a>, all: &mut Vec<Change<'a>>) {
    if !scheme.signs_url() {
        return;
    }
    let advice = "In the inbox settings, enter the URL exactly as registered with the sender.";
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
    let mut paths: Vec<UrlPart> = vec![same(bare), (2, "url_slash", "differs in the trailing slash".into(), slash)];
    if message.url.is_some() && arrived != bare {
        paths.push((2, "url_path", "has the received path, not the registered path".into(), arrived.to_owned()));
    }
    for header in ["x-forwarded-prefix", "x-forwarded-path", "x-original-uri", "x-original-url", "x-forwarded-uri"] {
        let Some(found) = message.header(header).and_then(|value| std::str::from_utf8(value).ok()) else { continue };
        let found = found.split('?').next().unwrap_or(found).trim_end_matches('/');
        let path = if header.ends_with("prefix") { format!("{found}{bare}") } else { found.to_owned() };
        if path.starts_with('/') && path != bare {
            paths.push((2, "url_path", format!("has the path {path}, as in the header {header}"), path));
        }
    }
    let mut queries: Vec<UrlPart> = vec![same(query)];
    if !query.is_empty() {
        queries.push((2, "url_query", "has no query".into(), String::new()));
    }
    if arrived_query != query {
        queries.push((2, "url_query", "has the received query".into(), arrived_query.to_owned()));
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
                    let what = format!("the signed URL {}", words.join(" and "));
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
        hosts.push((2, "url_port", format!("has the port {wanted}"), format!("{name}:{wanted}")));
    }
    let (with, other) = match name.strip_prefix("www.") {
        Some(bare) => ("without www.", bare.to_owned()),
        None => ("with www.", format!("www.{name}")),
    };
    if name.contains('.') {
        let port = if port.is_empty() { String::new() } else { format!(":{port}") };
        hosts.push((3, "url_host", format!("has the host {with}"), format!("{other}{port}")));
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        hosts.push((2, "url_host", "has the host in lowercase".into(), host.to_lowercase()));
    }
    for header in ["x-forwarded-host", "x-original-host", "host"] {
        if let Some(found) = message.header(header).and_then(|value| std::str::from_utf8(value).ok())
            && !hosts.iter().any(|(.., known)| known == found)
        {
            hosts.push((2, "url_host", format!("has the host {found}, as in the header {header}"), found.to_owned()));
        }
    }
    hosts
}
