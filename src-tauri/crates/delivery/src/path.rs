//! URLs of forwarded and replayed requests: the request target is appended to the destination's URL and cannot leave
//! it.

use hookbench_model::{PathRule, masked_url};

/// Maximum number of times that a path is percent-decoded.
const DECODED_MAX: usize = 4;

/// Returns the part of a target after the name of the inbox. Returns the whole target if it is not below the inbox, as
/// in an imported request.
pub fn rest_of<'t>(target: &'t str, inbox: &str) -> &'t str {
    let origin = target.find("://").filter(|_| !target.starts_with('/')).map_or(target, |at| {
        let behind = &target[at + 3..];
        behind.find(['/', '?']).map_or("", |slash| &behind[slash..])
    });
    let below = origin.strip_prefix('/').and_then(|rest| rest.strip_prefix(inbox));
    below.filter(|rest| !inbox.is_empty() && (rest.is_empty() || rest.starts_with(['/', '?']))).unwrap_or(origin)
}

/// Returns the URL for a request with this `rest`. The URL always has the host and the beginning of the path of the
/// destination.
///
/// # Errors
///
/// Returns the reason if the target must not be sent to the destination.
pub fn joined(to: &str, rule: &PathRule, rest: &str) -> Result<String, String> {
    let to = to.split('#').next().unwrap_or(to);
    // A fragment is not part of a request (RFC 9110 section 4.2.5). A client ends the path at the fragment, so `..#`
    // would leave the path.
    let rest = rest.split('#').next().unwrap_or(rest);
    let rest = match rule {
        PathRule::Exact => return Ok(to.to_owned()),
        PathRule::Append => rest,
        PathRule::Strip(beginning) => {
            let beginning = beginning.trim_end_matches('/');
            let left = rest.strip_prefix(beginning).filter(|left| left.is_empty() || left.starts_with(['/', '?']));
            left.ok_or_else(|| format!("The path of the request does not begin with {beginning}."))?
        }
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    if climbs(path) {
        return Err(format!("The path {path:?} of the request leads outside of {}. Nothing was sent.", masked_url(to)));
    }
    let (base, own_query) = match to.split_once('?') {
        Some((base, query)) => (base, Some(query)),
        None => (to, None),
    };
    // The path is joined by one slash, because a path that begins with two could be parsed as another host.
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

/// Returns true if a joined URL belongs to this destination.
pub fn leads_to(to: &str, url: &str) -> bool {
    let base = to.split(['?', '#']).next().unwrap_or(to);
    let base = base.trim_end_matches('/');
    url.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Returns true if a path has a `..` segment in any encoding.
fn climbs(path: &str) -> bool {
    let mut text = path.as_bytes().to_vec();
    for _ in 0..DECODED_MAX {
        let up = |segment: &[u8]| {
            // `..;x` is `..` with a parameter (RFC 3986 section 3.3). Some servers drop the parameter, the text after
            // an encoded `?` or `#`, and white space and control characters anywhere.
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
    // A path that is encoded more often is rejected as an attempt to hide a segment.
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn appends_targets_to_the_destination() {
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
    fn removes_the_inbox_from_targets() {
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
        fn keeps_the_destination_for_any_target(rest in "[/\\\\?@:.%a-z0-9;#]{0,40}", encoded in "(/|%2f|%5c|\\\\|%2e|%252e|\\.|x|@|//){0,12}") {
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
