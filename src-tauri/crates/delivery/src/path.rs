//! Where a request goes on to: its target behind a destination's URL, and never beside it.

use hookbench_model::{PathRule, masked_url};

/// Percent-decoding as often as somebody may have encoded.
const DECODED_MAX: usize = 4;

/// What stands behind the inbox's name in a target; all of it where the target is not below the inbox,
/// as in an imported request.
pub fn rest_of<'t>(target: &'t str, inbox: &str) -> &'t str {
    let origin = target.find("://").filter(|_| !target.starts_with('/')).map_or(target, |at| {
        let behind = &target[at + 3..];
        behind.find(['/', '?']).map_or("", |slash| &behind[slash..])
    });
    let below = origin.strip_prefix('/').and_then(|rest| rest.strip_prefix(inbox));
    below.filter(|rest| !inbox.is_empty() && (rest.is_empty() || rest.starts_with(['/', '?']))).unwrap_or(origin)
}

/// The URL a request with this `rest` goes to, or why it goes nowhere: whatever a sender writes, the URL
/// has the destination's host and begins with its path.
pub fn joined(to: &str, rule: &PathRule, rest: &str) -> Result<String, String> {
    let to = to.split('#').next().unwrap_or(to);
    // A fragment is not part of a request (RFC 9110 §4.2.5), and a client ends the path at it: `..#` leads up.
    let rest = rest.split('#').next().unwrap_or(rest);
    let rest = match rule {
        PathRule::Exact => return Ok(to.to_owned()),
        PathRule::Append => rest,
        PathRule::Strip(beginning) => {
            let beginning = beginning.trim_end_matches('/');
            let left = rest.strip_prefix(beginning).filter(|left| left.is_empty() || left.starts_with(['/', '?']));
            left.ok_or_else(|| format!("Its path does not begin with {beginning}."))?
        }
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    if climbs(path) {
        return Err(format!("Its path {path:?} leads out of {}, and nothing was sent.", masked_url(to)));
    }
    let (base, own_query) = match to.split_once('?') {
        Some((base, query)) => (base, Some(query)),
        None => (to, None),
    };
    // A path is joined by one slash: what begins with two could be read as another host.
    let path = path.trim_start_matches(['/', '\\']);
    let mut url = match (path.is_empty(), base.ends_with('/')) {
        (true, _) => base.to_owned(),
        (false, true) => format!("{base}{path}"),
        (false, false) => format!("{base}/{path}"),
    };
    let query = [own_query, query].into_iter().flatten().filter(|query| !query.is_empty()).collect::<Vec<_>>();
    if !query.is_empty() {
        url = format!("{url}?{}", query.join("&"));
    }
    Ok(url)
}

/// Whether a URL that was joined is one of this destination.
pub fn leads_to(to: &str, url: &str) -> bool {
    let base = to.split(['?', '#']).next().unwrap_or(to);
    let base = base.trim_end_matches('/');
    url.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Whether a path has a segment that leads up, however it is written.
fn climbs(path: &str) -> bool {
    let mut text = path.as_bytes().to_vec();
    for _ in 0..DECODED_MAX {
        let up = |segment: &[u8]| {
            // `..;x` is `..` with a parameter (RFC 3986 §3.3), which some servers drop, as they drop what stands
            // behind a `?` or `#` that was encoded, and white space and control characters anywhere.
            let name = segment.split(|byte| matches!(byte, b';' | b'?' | b'#')).next().unwrap_or_default();
            name.iter().filter(|byte| !matches!(byte, 0..=0x20 | 0x7f | 0x85 | 0xa0 | 0xc2)).eq(b"..")
        };
        if text.split(|byte| matches!(byte, b'/' | b'\\')).any(up) {
            return true;
        }
        match hookbench_query::percent_decoded(&text) {
            Some(decoded) if decoded != text => text = decoded,
            _ => return false,
        }
    }
    // Nobody encodes so often but to hide something.
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_target_goes_on_behind_the_destination() {
        for (to, rest, url) in [
            ("http://a:3000", "", "http://a:3000"),
            ("http://a:3000/", "/x?y=1", "http://a:3000/x?y=1"),
            ("http://a/hooks", "/x/../", "no"),
            ("http://a/hooks", "/x", "http://a/hooks/x"),
            ("http://a/hooks", "?y=1", "http://a/hooks?y=1"),
            ("http://a/hooks?k=v", "/x?y=1", "http://a/hooks/x?k=v&y=1"),
            ("http://a/x?k=1#frag", "/p?y=2", "http://a/x/p?k=1&y=2"),
            ("http://a", "//evil.example/x", "http://a/evil.example/x"),
            ("http://a", "/@evil.example/x", "http://a/@evil.example/x"),
            ("http://a/hooks", "/%2e%2e/admin", "no"),
            ("http://a/hooks", "/%252e%252e/admin", "no"),
            ("http://a/hooks", "/..%2fadmin", "no"),
            ("http://a/hooks", "/..\\admin", "no"),
            ("http://a/hooks", "/..%5cadmin", "no"),
            ("http://a/hooks", "/..;a=b/admin", "no"),
            ("http://a/hooks", "/..#x", "no"),
            ("http://a/hooks", "/..#", "no"),
            ("http://a/hooks", "/a/..#", "no"),
            ("http://a/hooks", "/.%2e#x", "no"),
            ("http://a/hooks", "/..%23/x", "no"),
            ("http://a/hooks", "/..%3fx", "no"),
            ("http://a/hooks", "/..%0b/x", "no"),
            ("http://a/hooks", "/.%00./x", "no"),
            ("http://a/hooks", "/..\u{85}/x", "no"),
            ("http://a/hooks", "/%c2%a0../x", "no"),
            ("http://a/hooks", "/x?y#z", "http://a/hooks/x?y"),
            ("http://a/hooks", "/...", "http://a/hooks/..."),
            ("http://a/hooks", "/a..b", "http://a/hooks/a..b"),
        ] {
            let joined = joined(to, &PathRule::Append, rest).unwrap_or_else(|_| "no".into());
            assert_eq!(joined, url, "{to} {rest}");
        }
        let strip = PathRule::Strip("/api".into());
        assert_eq!(joined("http://a", &strip, "/api/x").as_deref(), Ok("http://a/x"));
        assert!(joined("http://a", &strip, "/apix").is_err());
        assert_eq!(joined("http://a/b", &PathRule::Exact, "/../x").as_deref(), Ok("http://a/b"));
    }

    #[test]
    fn what_stands_behind_the_inbox() {
        for (target, rest) in [
            ("/shop/a/b?x", "/a/b?x"),
            ("/shop", ""),
            ("/shop?x", "?x"),
            ("/shopping/a", "/shopping/a"),
            ("/other/a", "/other/a"),
            ("http://h/shop/a", "/a"),
            ("*", "*"),
        ] {
            assert_eq!(rest_of(target, "shop"), rest, "{target}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_the_destination_stays(rest in "[/\\\\?@:.%a-z0-9;#]{0,40}", encoded in "(/|%2f|%5c|\\\\|%2e|%252e|\\.|x|@|//){0,12}") {
            for rest in [format!("/{rest}"), format!("/{encoded}"), rest, encoded] {
                let Ok(url) = joined("http://app.example:3000/hooks", &PathRule::Append, &rest) else { continue };
                prop_assert!(leads_to("http://app.example:3000/hooks", &url), "{}", url);
                prop_assert!(!leads_to("http://app.example:3000/hook", &url), "{}", url);
                prop_assert!(
                    url == "http://app.example:3000/hooks"
                        || url.starts_with("http://app.example:3000/hooks/")
                        || url.starts_with("http://app.example:3000/hooks?"),
                    "{}", url
                );
                if let Ok(parsed) = url.parse::<http::Uri>() {
                    prop_assert_eq!(parsed.authority().map(http::uri::Authority::as_str), Some("app.example:3000"));
                    prop_assert!(!climbs(parsed.path()), "{}", url);
                }
            }
        }
    }
}
