//! Media types (RFC 9110 section 8.3.1), parsed leniently.

/// Media type, such as `multipart/form-data; boundary=x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// Type and subtype in lower case, such as `text/plain`.
    pub essence: String,
    /// Parameters in order, names in lower case.
    params: Vec<(String, String)>,
}

impl MediaType {
    /// Parses the value of a `Content-Type` header. `None` if the value does not begin with `type/subtype`.
    ///
    /// Parameters without a value are skipped. If the header is repeated (`a/b, a/b`), the first value counts. An
    /// unquoted value may contain characters that RFC 9110 allows only in quotes, such as `=` and `:` in some
    /// boundaries.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.trim_start();
        let end = rest.find([';', ',', ' ', '\t']).unwrap_or(rest.len());
        let essence = rest[..end].trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        let token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        if !token(kind) || !token(subtype) || subtype.contains('/') {
            return None;
        }
        let params = params(&rest[end..]);
        Some(Self { essence, params })
    }

    /// Returns the first value of a parameter. `name` must be in lower case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Returns the part before the slash.
    pub fn kind(&self) -> &str {
        self.essence.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// Returns the part after the slash.
    pub fn subtype(&self) -> &str {
        self.essence.split_once('/').map_or("", |(_, subtype)| subtype)
    }

    /// Returns the text after the last plus of the subtype, such as `json` in `application/vnd.api+json` (RFC 6838
    /// section 4.2.8).
    pub fn suffix(&self) -> Option<&str> {
        self.subtype().rsplit_once('+').map(|(_, suffix)| suffix)
    }
}

/// Parses the parameters after a value up to a comma. Names are converted to lower case.
pub(crate) fn params(mut rest: &str) -> Vec<(String, String)> {
    let mut params = Vec::new();
    while let Some(at) = rest.find([';', ',']) {
        // A comma starts a repetition of the header.
        if rest[at..].starts_with(',') {
            break;
        }
        rest = rest[at + 1..].trim_start();
        let name_end = rest.find(['=', ';', ',']).unwrap_or(rest.len());
        if !rest[name_end..].starts_with('=') {
            rest = &rest[name_end..];
            continue;
        }
        let name = rest[..name_end].trim().to_ascii_lowercase();
        let (value, after) = value(rest[name_end + 1..].trim_start());
        params.push((name, value));
        rest = after;
    }
    params
}

/// Parses the value of a parameter, quoted or not. Returns the value and the remaining text.
fn value(text: &str) -> (String, &str) {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return (text[..end].trim_end().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &inside[at + 1..]),
            // Browsers and curl do not escape backslashes in a file name, so only `\"` and `\\` are escapes.
            '\\' if inside[at + 1..].starts_with(['"', '\\']) => {
                value.extend(chars.next().map(|(_, c)| c));
            }
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_media_types_of_real_senders() {
        for (text, essence, params) in [
            ("application/json", "application/json", &[][..]),
            ("Application/JSON;Charset=UTF-8", "application/json", &[("charset", "UTF-8")]),
            ("application/x-www-form-urlencoded; utf-8", "application/x-www-form-urlencoded", &[]),
            ("text/plain;", "text/plain", &[]),
            ("text/xml; foo ; charset = iso-8859-1 ; x", "text/xml", &[("charset", "iso-8859-1")]),
            ("application/json, application/json; charset=x", "application/json", &[]),
            ("application/json application/json", "application/json", &[]),
            (
                "multipart/form-data; boundary=----=_Part_1_2.3",
                "multipart/form-data",
                &[("boundary", "----=_Part_1_2.3")],
            ),
            ("multipart/mixed; boundary=\"a;b:\\\"c\"; x=1", "multipart/mixed", &[("boundary", "a;b:\"c"), ("x", "1")]),
        ] {
            let read = MediaType::parse(text).unwrap_or_else(|| panic!("{text}"));
            let params: Vec<_> = params.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!((read.essence.as_str(), read.params), (essence, params), "{text}");
        }
        for text in ["", "json", "/", "a/", "/b", "no type at all", "a/b/c"] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn splits_type_subtype_and_suffix() {
        let read = MediaType::parse("application/vnd.api+json").expect("a media type");
        assert_eq!((read.kind(), read.subtype(), read.suffix()), ("application", "vnd.api+json", Some("json")));
    }
}
