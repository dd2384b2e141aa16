//! Parser for the output of a host, which finds the public URL.

/// Maximum number of bytes of a line that are parsed.
const LINE_MAX: usize = 4_096;

/// Maximum number of different public URLs that are accepted from a host.
const CHANGES_MAX: u32 = 50;

/// Words of which one precedes the URL in the line: `abc.lhr.life tunneled with tls termination,
/// https://abc.lhr.life` (localhost.run), `Forwarding HTTP traffic from https://abc.serveo.net` (Serveo),
/// `HTTPS: https://abc.tuns.sh` (sish). Pinggy prints only the URL in the line.
const BEFORE: [&str; 4] = ["tunnel", "forward", "http:", "https:"];

/// A line-by-line parser.
#[derive(Debug, Default)]
pub(crate) struct Banner {
    line: Vec<u8>,
    url: Option<String>,
    changes: u32,
}

impl Banner {
    /// Parses printed bytes. Returns the public URL if it has changed. An http:// URL does not replace an https:// URL.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Option<String> {
        let known = self.url.clone();
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    if let Some(url) = url_in(&String::from_utf8_lossy(&line)).filter(|url| self.is_better(url)) {
                        self.changes += u32::from(self.url.as_ref() != Some(&url));
                        self.url = Some(url);
                    }
                }
                byte if self.line.len() < LINE_MAX => self.line.push(*byte),
                _ => {}
            }
        }
        self.url.clone().filter(|url| known.as_ref() != Some(url))
    }

    /// Returns true if a public URL was found.
    pub(crate) fn has_url(&self) -> bool {
        self.url.is_some()
    }

    fn is_better(&self, url: &str) -> bool {
        let secure = |url: &str| url.starts_with("https:");
        self.changes < CHANGES_MAX && (secure(url) || self.url.as_deref().is_none_or(|known| !secure(known)))
    }
}

/// Returns the public URL in a line. The URL must end the line, must not have a path, and must be alone in the line or
/// follow a word of [`BEFORE`].
fn url_in(line: &str) -> Option<String> {
    let plain = without_escapes(line);
    let url = plain.split_whitespace().last()?;
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?.trim_end_matches('/');
    let named = host.contains('.') || host.starts_with("localhost") || host.starts_with('[');
    if !named || !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)) {
        return None;
    }
    let before = plain.trim_end().strip_suffix(url)?.to_lowercase();
    let before = before.trim();
    (before.is_empty() || BEFORE.iter().any(|word| before.contains(word))).then(|| url.trim_end_matches('/').to_owned())
}

/// Returns a line without control sequences (ECMA-48).
fn without_escapes(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.extend((!c.is_control() || c == '\t').then_some(c));
        } else if chars.next_if_eq(&'[').is_some() {
            // Skip up to the final byte of the sequence.
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Option<String> {
        Banner::default().take(text.as_bytes())
    }

    #[test]
    fn finds_the_url_in_the_output_of_known_services() {
        let localhost_run = "\r\n===\r\nWelcome to localhost.run!\r\n\r\nFollow your favourite reverse tunnel at [https://twitter.com/localhost_run].\r\n\r\nTo set up and manage custom domains go to https://admin.localhost.run/\r\n\r\nMore details at:\r\nhttps://localhost.run/docs/\r\n\r\nabc123.lhr.life tunneled with tls termination, https://abc123.lhr.life\r\n";
        assert_eq!(printed(localhost_run).as_deref(), Some("https://abc123.lhr.life"));
        let serveo = "\u{1b}[32mForwarding HTTP traffic from https://abc.serveo.net\n\u{1b}[0m";
        assert_eq!(printed(serveo).as_deref(), Some("https://abc.serveo.net"));
        let sish = "Press Ctrl-C to close the session.\r\n\r\nStarting SSH Forwarding service for http:80. Forwarded connections can be accessed via the following methods:\r\nHTTP: http://abc.tuns.sh\r\nHTTPS: https://abc.tuns.sh\r\n";
        assert_eq!(printed(sish).as_deref(), Some("https://abc.tuns.sh"));
        let pinggy = "You are not authenticated.\nYour tunnel will expire in 60 minutes.\nhttps://x-1.a.free.pinggy.link\nhttp://x-1.a.free.pinggy.link\n";
        assert_eq!(printed(pinggy).as_deref(), Some("https://x-1.a.free.pinggy.link"));
    }

    #[test]
    fn ignores_urls_in_login_messages() {
        let ubuntu = "Welcome to Ubuntu 24.04\n\n * Documentation:  https://help.ubuntu.com\n * Support: https://ubuntu.com/pro\n\nsee https://www.debian.org/ for more\n";
        assert_eq!(printed(ubuntu), None);
        for odd in [
            "tunnel https://\n",
            "tunnel https://a b\n",
            "tunnel https://x.y/path\n",
            "tunnel https://x.y?q\n",
            "tunnel javascript://x.y\n",
            "https://user@x.y\n",
        ] {
            assert_eq!(printed(odd), None, "{odd}");
        }
    }

    #[test]
    fn parses_split_output_and_changed_urls() {
        let mut output = Banner::default();
        assert_eq!(output.take(b"abc tunneled, https://one.lhr"), None);
        assert_eq!(output.take(b".life\r\nabc").as_deref(), Some("https://one.lhr.life"));
        assert_eq!(output.take(b"\r\nabc tunneled, https://one.lhr.life\r\n"), None);
        assert_eq!(output.take(b"abc tunneled, https://two.lhr.life\r\n").as_deref(), Some("https://two.lhr.life"));
        assert_eq!(output.take(&[b'x'; 100_000]), None);
        assert!(output.line.len() <= LINE_MAX);
    }
}
