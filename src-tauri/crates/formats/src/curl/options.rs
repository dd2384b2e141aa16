//! Options of curl, and their effects on the request.

/// Effect of an option on the request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Does {
    Url,
    UrlQuery,
    Method,
    Header,
    Data,
    UrlEncoded,
    Json,
    Form,
    FormString,
    Get,
    Head,
    User,
    /// Credentials are sent only after a challenge of the server.
    OtherAuth,
    Cookie,
    Agent,
    Referer,
    Range,
    Compressed,
    Target,
    Http10,
    Http2,
    Bearer,
    GlobOff,
    PathAsIs,
    /// No effect.
    Nothing,
    /// No effect, with a value.
    NothingOf,
    /// Reads a file.
    File,
    /// Sends another request, or a request with unknown content.
    Refused,
    /// Like `Refused`, with a value.
    RefusedOf,
}

use Does::*;

/// Options with a short name or an effect (curl 8 manual page): short name, long name, effect.
const OPTIONS: &[(&str, &str, Does)] = &[
    ("", "url", Url),
    ("", "url-query", UrlQuery),
    ("X", "request", Method),
    ("H", "header", Header),
    ("d", "data", Data),
    ("", "data-ascii", Data),
    ("", "data-raw", Data),
    ("", "data-binary", Data),
    ("", "data-urlencode", UrlEncoded),
    ("", "json", Json),
    ("F", "form", Form),
    ("", "form-string", FormString),
    ("G", "get", Get),
    ("I", "head", Head),
    ("u", "user", User),
    ("", "digest", OtherAuth),
    ("", "ntlm", OtherAuth),
    ("", "ntlm-wb", OtherAuth),
    ("", "negotiate", OtherAuth),
    ("", "anyauth", OtherAuth),
    ("", "oauth2-bearer", Bearer),
    ("b", "cookie", Cookie),
    ("A", "user-agent", Agent),
    ("e", "referer", Referer),
    ("r", "range", Range),
    ("", "compressed", Compressed),
    ("", "request-target", Target),
    ("0", "http1.0", Http10),
    ("", "http2", Http2),
    ("", "http2-prior-knowledge", Http2),
    ("", "http3", Http2),
    ("", "http3-only", Http2),
    ("g", "globoff", GlobOff),
    ("", "path-as-is", PathAsIs),
    ("T", "upload-file", File),
    ("K", "config", File),
    ("", "etag-compare", File),
    (":", "next", Refused),
    ("", "aws-sigv4", RefusedOf),
    ("", "variable", RefusedOf),
    ("z", "time-cond", RefusedOf),
    ("C", "continue-at", RefusedOf),
    ("Q", "quote", RefusedOf),
    ("o", "output", NothingOf),
    ("w", "write-out", NothingOf),
    ("m", "max-time", NothingOf),
    ("x", "proxy", NothingOf),
    ("U", "proxy-user", NothingOf),
    ("E", "cert", NothingOf),
    ("c", "cookie-jar", NothingOf),
    ("D", "dump-header", NothingOf),
    ("y", "speed-time", NothingOf),
    ("Y", "speed-limit", NothingOf),
    ("t", "telnet-option", NothingOf),
    ("P", "ftp-port", NothingOf),
    ("k", "insecure", Nothing),
    ("s", "silent", Nothing),
    ("S", "show-error", Nothing),
    ("v", "verbose", Nothing),
    ("i", "include", Nothing),
    ("i", "show-headers", Nothing),
    ("L", "location", Nothing),
    ("f", "fail", Nothing),
    ("N", "no-buffer", Nothing),
    ("O", "remote-name", Nothing),
    ("J", "remote-header-name", Nothing),
    ("#", "progress-bar", Nothing),
    ("4", "ipv4", Nothing),
    ("6", "ipv6", Nothing),
    ("q", "disable", Nothing),
    ("a", "append", Nothing),
    ("B", "use-ascii", Nothing),
    ("j", "junk-session-cookies", Nothing),
    ("l", "list-only", Nothing),
    ("M", "manual", Nothing),
    ("n", "netrc", Nothing),
    ("p", "proxytunnel", Nothing),
    ("R", "remote-time", Nothing),
    ("Z", "parallel", Nothing),
    ("1", "tlsv1", Nothing),
    ("2", "sslv2", Nothing),
    ("3", "sslv3", Nothing),
];

/// Options without a value and without an effect on the request.
const FLAGS: &str = "buffer location-trusted fail-with-body fail-early progress-meter no-progress-meter http0.9 http1.1 basic \
    tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 ssl ssl-reqd ssl-no-revoke ssl-revoke-best-effort ssl-allow-beast ssl-auto-client-cert \
    alpn npn cert-status ca-native proxy-ca-native compressed-ssh create-dirs crlf disable-eprt disable-epsv \
    disallow-username-in-url doh-cert-status doh-insecure false-start form-escape ftp-create-dirs ftp-pasv ftp-pret \
    ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-control haproxy-protocol ignore-content-length keepalive mail-rcpt-allowfails \
    metalink netrc-optional parallel-immediate path post301 post302 post303 proxy-anyauth proxy-basic proxy-digest \
    proxy-http2 proxy-insecure proxy-negotiate proxy-ntlm proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tlsv1 raw \
    remote-name-all remove-on-error retry-all-errors retry-connrefused sasl-ir sessionid skip-existing \
    socks5-basic socks5-gssapi socks5-gssapi-nec styled-output suppress-connect-headers tcp-fastopen tcp-nodelay \
    tftp-no-options tr-encoding trace-ids trace-time xattr mptcp test-event ech";

/// Options with a value and without an effect on the request.
const VALUES: &str = "connect-timeout retry retry-delay retry-max-time max-redirs noproxy resolve connect-to cacert capath \
    cert-type key key-type pass interface limit-rate abstract-unix-socket unix-socket alt-svc ciphers crlfile curves \
    delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url egd-file engine etag-save \
    expect100-timeout ftp-account ftp-alternative-to-user ftp-method ftp-ssl-ccc-mode happy-eyeballs-timeout-ms \
    haproxy-clientip hostpubmd5 hostpubsha256 hsts ip-tos ipfs-gateway keepalive-cnt keepalive-time krb libcurl \
    local-port login-options mail-auth mail-from mail-rcpt max-filesize netrc-file output-dir parallel-max pinnedpubkey \
    preproxy proto proto-default proto-redir proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers \
    proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name \
    proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy1.0 pubkey random-file rate \
    sasl-authzid service-name socks4 socks4a socks5 socks5-hostname stderr tftp-blksize tls-max tls13-ciphers \
    tlsauthtype tlspassword tlsuser trace trace-ascii trace-config vlan-priority create-file-mode";

/// Returns the effect of a long option. `name` includes the hyphens. Like curl, accepts an unambiguous prefix.
pub(super) fn long(name: &str) -> Result<Does, String> {
    let bare = name.strip_prefix("--").unwrap_or(name);
    if bare.starts_with("expand-") {
        return Ok(RefusedOf);
    }
    let named = |bare: &str| -> Option<Does> {
        let known = OPTIONS.iter().find(|(_, long, _)| *long == bare).map(|(_, _, does)| *does);
        let listed = |names: &str| names.split_whitespace().any(|name| name == bare);
        known.or_else(|| listed(FLAGS).then_some(Nothing)).or_else(|| listed(VALUES).then_some(NothingOf))
    };
    if let Some(does) = named(bare) {
        return Ok(does);
    }
    // `--no-location` reverts `--location`.
    if let Some(positive) = bare.strip_prefix("no-")
        && named(positive).is_some_and(|does| !takes_value(does))
    {
        return Ok(Nothing);
    }
    let all = OPTIONS.iter().map(|(_, long, _)| *long).chain(FLAGS.split_whitespace()).chain(VALUES.split_whitespace());
    let mut beginning: Vec<Does> =
        all.filter(|long| bare.len() > 1 && long.starts_with(bare)).filter_map(named).collect();
    beginning.dedup();
    match beginning[..] {
        [does] => Ok(does),
        _ => Err(format!("unsupported curl option {name}. Remove it, or write the request as raw HTTP")),
    }
}

/// Returns the effect of a short option.
pub(super) fn short(letter: char) -> Result<Does, String> {
    OPTIONS
        .iter()
        .find(|(short, _, _)| short.chars().eq([letter]))
        .map(|(_, _, does)| *does)
        .ok_or_else(|| format!("unsupported curl option -{letter}. Remove it, or write the request as raw HTTP"))
}

/// Returns true if the option has a value.
pub(super) fn takes_value(does: Does) -> bool {
    !matches!(does, Get | GlobOff | PathAsIs | Head | Compressed | Http10 | Http2 | OtherAuth | Nothing | Refused)
}
