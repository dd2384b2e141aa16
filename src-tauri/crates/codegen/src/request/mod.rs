//! Requests as code that sends them again, byte for byte. Each module writes one format.

mod curl;
mod fetch;
mod go;
mod httpie;
mod powershell;
mod python;

use hookbench_model::{MASK, is_invisible, text};
use hookbench_provider::is_secret_header;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::template::Template;

/// Language or tool of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CodeFormat {
    /// curl command for a POSIX shell.
    #[default]
    Curl,
    /// HTTPie command for a POSIX shell.
    Httpie,
    /// JavaScript module with `fetch`.
    Fetch,
    /// Python with `requests`.
    Python,
    /// Go program.
    Go,
    /// PowerShell 7.
    Powershell,
}

/// Maximum body in a command, in bytes. A shell word is limited to 128 KiB on Linux, and a command to 1 MiB on macOS.
const COMMAND_BODY_MAX: u64 = 96 * 1024;
/// Maximum body in a source file, in bytes, so that an editor can open the file.
const FILE_BODY_MAX: u64 = 1024 * 1024;

impl CodeFormat {
    /// Returns the maximum body size of the format, in bytes.
    pub fn body_max(self) -> u64 {
        match self {
            CodeFormat::Curl | CodeFormat::Httpie => COMMAND_BODY_MAX,
            CodeFormat::Fetch | CodeFormat::Python | CodeFormat::Go | CodeFormat::Powershell => FILE_BODY_MAX,
        }
    }

    /// Returns the code of a request, with notes about differences as comments.
    ///
    /// # Errors
    /// Returns the reason if code in this format cannot send the request.
    pub fn write(self, message: &CodeRequest<'_>) -> Result<String, String> {
        let mut notes = Vec::new();
        if !message.masked.is_empty() {
            notes.push(format!("Masked, so the code differs from the original: {}.", message.masked.join(", ")));
        }
        if !message.dropped.is_empty() {
            notes.push(format!("Omitted, because the client sets the framing: {}.", message.dropped.join(", ")));
        }
        if message.path.contains('#') {
            notes.push("The target has a fragment, which clients do not send.".into());
        }
        let code = match self {
            CodeFormat::Curl => curl::write(message),
            CodeFormat::Httpie => httpie::write(message, &mut notes)?,
            CodeFormat::Fetch => fetch::write(message, &mut notes)?,
            CodeFormat::Python => python::write(message, &mut notes)?,
            CodeFormat::Go => go::write(message, &mut notes)?,
            CodeFormat::Powershell => powershell::write(message, &mut notes)?,
        };
        let mark = if matches!(self, CodeFormat::Fetch | CodeFormat::Go) { "//" } else { "#" };
        // A header name is chosen by the sender, and must not end the comment.
        let inert = |note: &String| note.replace(is_invisible, " ");
        let notes: String = notes.iter().map(|note| format!("{mark} {}\n", inert(note))).collect();
        Ok(format!("{notes}{code}"))
    }
}

/// Headers that every client adds automatically, or that belong to one connection only.
const LEFT_OUT: &[&str] =
    &["host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect", "te", "trailer", "upgrade"];

/// Headers of [`LEFT_OUT`] that every client sends in the same way.
const MADE_BY_ALL: &[&str] = &["host", "content-length", "connection", "expect"];

/// Request to write as code.
#[derive(Debug)]
pub struct CodeRequest<'a> {
    base: &'a str,
    method: &'a str,
    /// Path and query.
    path: &'a str,
    headers: Vec<Line<'a>>,
    body: &'a [u8],
    /// Names of masked values, for the notes.
    masked: Vec<String>,
    /// Names of omitted headers.
    dropped: Vec<String>,
}

#[derive(Debug)]
struct Line<'a> {
    name: String,
    /// Value without surrounding white space, as hyper returns it.
    value: Cow<'a, [u8]>,
}

impl<'a> CodeRequest<'a> {
    /// Creates a request to the base URL `base`. `headers` are in order, with repeats. Credentials among them are
    /// masked unless `reveal` is true. `masked_body` is true if a secret in the body is masked.
    pub fn new(
        base: &'a str,
        (method, target): (&'a str, &'a str),
        headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        body: &'a [u8],
        reveal: bool,
        masked_body: bool,
    ) -> Self {
        let (mut lines, mut masked, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in headers {
            let secret = is_secret_header(name) && !reveal;
            let name = text(name);
            let lower = name.to_ascii_lowercase();
            if LEFT_OUT.contains(&lower.as_str()) {
                if !MADE_BY_ALL.contains(&lower.as_str()) {
                    dropped.push(name);
                }
                continue;
            }
            if secret {
                masked.push(name.clone());
            }
            let value = if secret { Cow::Owned(MASK.as_bytes().to_vec()) } else { Cow::Borrowed(value) };
            lines.push(Line { name, value });
        }
        if masked_body {
            masked.push("a secret in the body".into());
        }
        CodeRequest { base, method, path: path_of(target), headers: lines, body, masked, dropped }
    }

    fn url(&self) -> String {
        format!("{}{}", self.base, self.path)
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|line| line.name.eq_ignore_ascii_case(name))
    }

    /// Returns the given header names that the request lacks.
    fn lacks<'n>(&self, names: &[&'n str]) -> Vec<&'n str> {
        names.iter().copied().filter(|name| !self.has(name)).collect()
    }

    /// Returns the body if it is text that a source file can contain.
    fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.body).ok().filter(|text| !text.contains('\0'))
    }

    /// Returns one header per name, for clients that store headers in a map. Joins the values of one name as RFC 9110
    /// §5.3 allows, and adds a note.
    fn joined(&self, notes: &mut Vec<String>) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> = Vec::new();
        for line in &self.headers {
            match lines.iter_mut().find(|other| other.name.eq_ignore_ascii_case(&line.name)) {
                Some(first) => {
                    let first = first.value.to_mut();
                    first.extend_from_slice(b", ");
                    first.extend_from_slice(&line.value);
                    notes
                        .push(format!("{} was sent more than once; the code sends all values in one line.", line.name));
                }
                None => lines.push(Line { name: line.name.clone(), value: Cow::Borrowed(&line.value) }),
            }
        }
        lines
    }
}

impl Line<'_> {
    /// Returns the value as text. Replaces bytes that are not UTF-8 with `\xNN`, and adds a note.
    fn text(&self, notes: &mut Vec<String>) -> String {
        if std::str::from_utf8(&self.value).is_err() {
            notes.push(format!("{} has bytes that are not UTF-8; the code writes them as \\xNN.", self.name));
        }
        text(&self.value)
    }
}

/// Returns the path and query of a target, which may be in absolute form.
fn path_of(target: &str) -> &str {
    let rest = match target.find("://") {
        Some(at) if !target.starts_with('/') => {
            target[at + 3..].find('/').map_or("/", |slash| &target[at + 3 + slash..])
        }
        _ => target,
    };
    if rest.starts_with('/') { rest } else { "/" }
}

/// Returns the note about headers that a client always adds.
fn adds(client: &str, names: &[&str]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{client} adds headers that the original request lacks: {}.", names.join(", ")))
}

/// Returns the note about a target that a client changes.
fn rewritten(client: &str) -> String {
    format!("{client} normalizes this URL, so the target differs from the original request.")
}

/// Renders a template, with a final line break.
fn render(template: &Template, context: minijinja::Value) -> Result<String, String> {
    template.render(context).map(|code| code + "\n").map_err(|error| format!("The code cannot be generated: {error}."))
}

/// Encodes bytes as in RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
