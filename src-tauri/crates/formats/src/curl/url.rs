//! Changes that curl makes to a URL before the request.

/// Returns true if a URL has a globbing pattern of curl, such as `{a,b}`, `[1-3]` or `[a-z]`.
pub(super) fn is_glob(url: &str) -> bool {
    let range = |inside: &str| {
        inside.split_once('-').is_some_and(|(first, last)| {
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            plain(first) && plain(last.split(':').next().unwrap_or(last))
        })
    };
    let braces =
        url.split('{').skip(1).any(|rest| rest.split_once('}').is_some_and(|(inside, _)| inside.contains(',')));
    braces || url.split('[').skip(1).any(|rest| rest.split_once(']').is_some_and(|(inside, _)| range(inside)))
}

/// Removes `.` and `..` from the path (RFC 3986 §5.2.4), and percent-encodes characters outside ASCII, like curl.
pub(super) fn without_dots(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let path = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let end = url[path..].find(['?', '#']).map_or(url.len(), |at| path + at);
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = url[path..end].split('/').skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        let last = at + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    let path_without_dots: String = kept.iter().map(|segment| format!("/{segment}")).collect();
    let whole = format!("{}{path_without_dots}{}", &url[..path], &url[end..]);
    whole.bytes().fold(String::new(), |mut encoded, byte| {
        match byte.is_ascii() {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02x}")),
        }
        encoded
    })
}

/// Returns the user and password of a URL.
pub(super) fn user_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())].rsplit_once('@').map(|(user, _)| user)
}
