//! curl's options: what each does to the request it makes.

/// What an option does to the request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Does {
    Url,
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
    Cookie,
    Agent,
    Referer,
    Compressed,
    Target,
    Http10,
    Bearer,
    GlobOff,
    PathAsIs,
    /// Nothing to what is sent.
    Nothing,
    /// Nothing, and it has a value.
    NothingOf,
    /// It reads a file.
    File,
}

use Does::*;

/// Options by their names (curl 8 manual page).
const OPTIONS: &[(&str, &str, Does)] = &[
    ("", "--url", Url),
    ("-X", "--request", Method),
    ("-H", "--header", Header),
    ("-d", "--data", Data),
    ("", "--data-ascii", Data),
    ("", "--data-raw", Data),
    ("", "--data-binary", Data),
    ("", "--data-urlencode", UrlEncoded),
    ("", "--json", Json),
    ("-F", "--form", Form),
    ("", "--form-string", FormString),
    ("-G", "--get", Get),
    ("-I", "--head", Head),
    ("-u", "--user", User),
    ("", "--oauth2-bearer", Bearer),
    ("-b", "--cookie", Cookie),
    ("-A", "--user-agent", Agent),
    ("-e", "--referer", Referer),
    ("", "--compressed", Compressed),
    ("", "--request-target", Target),
    ("-0", "--http1.0", Http10),
    ("-T", "--upload-file", File),
    ("-K", "--config", File),
    ("", "--url-query", File),
    ("-k", "--insecure", Nothing),
    ("-s", "--silent", Nothing),
    ("-S", "--show-error", Nothing),
    ("-v", "--verbose", Nothing),
    ("-i", "--include", Nothing),
    ("", "--show-headers", Nothing),
    ("-L", "--location", Nothing),
    ("", "--location-trusted", Nothing),
    ("-f", "--fail", Nothing),
    ("", "--fail-with-body", Nothing),
    ("-g", "--globoff", GlobOff),
    ("", "--path-as-is", PathAsIs),
    ("-N", "--no-buffer", Nothing),
    ("-O", "--remote-name", Nothing),
    ("-J", "--remote-header-name", Nothing),
    ("-#", "--progress-bar", Nothing),
    ("", "--no-progress-meter", Nothing),
    ("", "--http1.1", Nothing),
    ("", "--http2", Nothing),
    ("", "--http2-prior-knowledge", Nothing),
    ("", "--http3", Nothing),
    ("", "--basic", Nothing),
    ("", "--anyauth", Nothing),
    ("-4", "--ipv4", Nothing),
    ("-6", "--ipv6", Nothing),
    ("", "--tlsv1.2", Nothing),
    ("", "--tlsv1.3", Nothing),
    ("", "--ssl-no-revoke", Nothing),
    ("-q", "--disable", Nothing),
    ("-o", "--output", NothingOf),
    ("-w", "--write-out", NothingOf),
    ("-m", "--max-time", NothingOf),
    ("", "--connect-timeout", NothingOf),
    ("", "--retry", NothingOf),
    ("", "--retry-delay", NothingOf),
    ("", "--max-redirs", NothingOf),
    ("-x", "--proxy", NothingOf),
    ("", "--noproxy", NothingOf),
    ("", "--resolve", NothingOf),
    ("", "--connect-to", NothingOf),
    ("", "--cacert", NothingOf),
    ("-E", "--cert", NothingOf),
    ("", "--key", NothingOf),
    ("-c", "--cookie-jar", NothingOf),
    ("-D", "--dump-header", NothingOf),
    ("", "--interface", NothingOf),
    ("", "--limit-rate", NothingOf),
    ("-y", "--speed-time", NothingOf),
    ("-Y", "--speed-limit", NothingOf),
];

/// What a long option does.
pub(super) fn long(name: &str) -> Result<Does, String> {
    OPTIONS
        .iter()
        .find(|(_, long, _)| *long == name)
        .map(|(_, _, does)| *does)
        .ok_or_else(|| format!("the option {name} is not known here; leave it out or write the request as raw HTTP"))
}

/// What a short option does.
pub(super) fn short(letter: char) -> Result<Does, String> {
    let name = format!("-{letter}");
    OPTIONS
        .iter()
        .find(|(short, _, _)| *short == name)
        .map(|(_, _, does)| *does)
        .ok_or_else(|| format!("the option {name} is not known here"))
}

/// Whether a value belongs to it.
pub(super) fn takes_value(does: Does) -> bool {
    !matches!(does, Get | GlobOff | PathAsIs | Head | Compressed | Http10 | Nothing)
}
