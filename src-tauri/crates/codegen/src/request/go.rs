//! A Go program with nothing but its standard library.

use std::fmt::Write;

use super::CodeRequest;
use crate::literal;

pub(super) fn write(message: &CodeRequest<'_>, notes: &mut Vec<String>) -> String {
    let (mut lines, mut imports) = (String::new(), vec!["fmt", "io", "log", "net/http"]);
    let body = match message.text() {
        _ if message.body.is_empty() => "nil".to_owned(),
        Some(text) => {
            imports.push("strings");
            format!("strings.NewReader({})", literal::go(text))
        }
        None => {
            imports.push("strings");
            format!("strings.NewReader({})", literal::bytes('\"', message.body))
        }
    };
    let opaque = !kept(message.path);
    let url = if opaque { message.base.to_owned() } else { message.url() };
    let _ = write!(
        lines,
        "\trequest, err := http.NewRequest({}, {}, {body})\n\tif err != nil {{\n\t\tlog.Fatal(err)\n\t}}\n",
        literal::go(message.method),
        literal::go(&url)
    );
    if opaque {
        let _ = writeln!(lines, "\trequest.URL.Opaque = {}", literal::go(message.path));
        if message.path.starts_with("//") {
            notes.push(super::rewritten("Go"));
        }
    }
    let mut written: Vec<&str> = Vec::new();
    for line in &message.headers {
        if written.contains(&line.name.as_str()) {
            continue;
        }
        written.push(&line.name);
        let values: Vec<_> = message
            .headers
            .iter()
            .filter(|other| other.name == line.name)
            .map(|other| match std::str::from_utf8(&other.value) {
                Ok(text) => literal::go(text),
                Err(_) => literal::bytes('\"', &other.value),
            })
            .collect();
        // Not `Add`, which would spell the name in its own way.
        let _ = writeln!(lines, "\trequest.Header[{}] = []string{{{}}}", literal::go(&line.name), values.join(", "));
    }
    // A name spelled otherwise is another key, beside which Go would add its own.
    if !written.contains(&"User-Agent") {
        lines.push_str("\trequest.Header[\"User-Agent\"] = nil\n");
    }
    let transport = match message.has("Accept-Encoding") {
        true => "",
        false => "\t\tTransport: &http.Transport{DisableCompression: true},\n",
    };
    imports.sort_unstable();
    let imports: String = imports.iter().map(|name| format!("\t\"{name}\"\n")).collect();
    format!(
        "package main\n\nimport (\n{imports})\n\nfunc main() {{\n{lines}\
         \tclient := http.Client{{\n{transport}\
         \t\tCheckRedirect: func(*http.Request, []*http.Request) error {{ return http.ErrUseLastResponse }},\n\t}}\n\
         \tresponse, err := client.Do(request)\n\tif err != nil {{\n\t\tlog.Fatal(err)\n\t}}\n\
         \tdefer response.Body.Close()\n\tanswer, err := io.ReadAll(response.Body)\n\
         \tfmt.Println(response.Status, string(answer), err)\n}}\n"
    )
}

/// Whether `net/url` leaves a target as it is: its path is one that `validEncoded` of that package takes.
fn kept(target: &str) -> bool {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,/:;=@[]".contains(&byte);
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let escape = byte == b'%'
            && rest.next().is_some_and(|high| high.is_ascii_hexdigit())
            && rest.next().is_some_and(|low| low.is_ascii_hexdigit());
        if !escape && !valid(byte) {
            return false;
        }
    }
    query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}
