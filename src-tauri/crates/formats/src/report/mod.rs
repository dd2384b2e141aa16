//! Reports of requests for a ticket: an HTML page or Markdown.

use hookbench_model::{MASK, RequestReportFormat, is_invisible, text};
use hookbench_query::looks_like_json;
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

/// A request as a report shows it.
#[derive(Debug, Serialize)]
pub struct ReportEntry {
    /// Event type, or method and target.
    pub title: String,
    /// Method and target.
    pub line: String,
    /// Names and values of facts, in the order shown.
    pub facts: Vec<(&'static str, String)>,
    /// Headers of the request.
    pub headers: Vec<(String, String)>,
    /// Body as text. None if it is empty or left out.
    pub body: Option<String>,
    /// Response that the sender got.
    pub response: Option<ReportResponse>,
    /// Forwards and replays.
    pub deliveries: Vec<ReportDelivery>,
}

/// Response that the sender got.
#[derive(Debug, Serialize)]
pub struct ReportResponse {
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body as text. None if it is empty or left out.
    pub body: Option<String>,
}

/// A forward or replay, with the response of the app.
#[derive(Debug, Serialize)]
pub struct ReportDelivery {
    /// What was done, with the URL.
    pub title: String,
    /// Result in words.
    pub outcome: String,
    /// Headers of the response.
    pub headers: Vec<(String, String)>,
    /// Body of the response as text. None if it is empty or left out.
    pub body: Option<String>,
}

/// Data that a report does not contain, each kind once.
#[derive(Debug, Default)]
pub struct ReportLeftOut(Vec<String>);

impl ReportLeftOut {
    /// Adds a kind of data.
    pub fn add(&mut self, what: &str) {
        if !self.0.iter().any(|known| known == what) {
            self.0.push(what.to_owned());
        }
    }

    /// Adds the headers whose values are masked.
    pub fn headers(&mut self, headers: &[(String, String)]) {
        for (name, _) in headers.iter().filter(|(_, value)| value == MASK) {
            self.add(&format!("Value of the header {}", name.to_ascii_lowercase()));
        }
    }

    /// Returns the kinds of data in the order in which they were added.
    #[must_use]
    pub fn into_list(self) -> Vec<String> {
        self.0
    }
}

/// Returns at most `most` bytes of a body as text: JSON is indented, and invisible characters are escaped.
pub fn report_body(bytes: &[u8], most: usize) -> String {
    let whole = text(bytes);
    let is_json = looks_like_json(bytes) && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    let shown = visible(&if is_json { indented(&whole) } else { whole });
    match shown.char_indices().find(|(at, _)| *at >= most) {
        Some((end, _)) => format!("{}\n… ({} bytes in total)", &shown[..end], bytes.len()),
        None => shown,
    }
}

/// Indents a valid JSON text. Numbers, escapes and the order of keys do not change.
fn indented(json: &str) -> String {
    let (mut out, mut depth, mut chars) = (String::with_capacity(json.len() * 2), 0_usize, json.chars().peekable());
    let end_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                let mut escaped = false;
                for c in chars.by_ref() {
                    out.push(c);
                    match c {
                        '"' if !escaped => break,
                        _ => escaped = c == '\\' && !escaped,
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    end_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                end_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                end_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Escapes characters that are invisible or change the direction of text.
fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        match is_invisible(c) && !matches!(c, '\n' | '\t') {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
        shown
    })
}

/// Returns a text on one line.
pub fn report_line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

/// Writes the entries of a report.
///
/// # Errors
/// Returns an error if the template cannot be rendered.
pub fn render_report(format: RequestReportFormat, entries: &[ReportEntry]) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    let template = match format {
        RequestReportFormat::Html => {
            environment.set_auto_escape_callback(|_| AutoEscape::Html);
            include_str!("report.html")
        }
        RequestReportFormat::Markdown => {
            environment.set_auto_escape_callback(|_| AutoEscape::None);
            environment.add_filter("fenced", fenced);
            environment.add_filter("inline", inline);
            include_str!("report.md")
        }
    };
    environment.render_str(template, context! { entries => entries })
}

/// Returns a text as a Markdown code block. The fence is longer than any in the text.
fn fenced(text: String) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Returns a text as Markdown code in a line. The delimiters are longer than any in the text.
fn inline(text: String) -> String {
    let text = report_line(&text);
    let mut tick = "`".to_owned();
    while text.contains(&tick) {
        tick.push('`');
    }
    match text.starts_with('`') || text.ends_with('`') {
        true => format!("{tick} {text} {tick}"),
        false => format!("{tick}{text}{tick}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> ReportEntry {
        ReportEntry {
            title: "</title><script>alert(1)</script> `x`".into(),
            line: "POST /shop".into(),
            facts: vec![("Inbox", "shop".into())],
            headers: vec![("X".into(), "<b>".into())],
            body: Some("```\n# no heading\n<img src=x onerror=alert(1)>".into()),
            response: None,
            deliveries: Vec::new(),
        }
    }

    #[test]
    fn escapes_hostile_content() {
        let html = render_report(RequestReportFormat::Html, &[entry()]).expect("a page");
        assert!(!html.contains("<script") && !html.contains("<img") && html.contains("&lt;script&gt;"), "{html}");
        let markdown = render_report(RequestReportFormat::Markdown, &[entry()]).expect("a text");
        assert!(markdown.contains("````\n```\n# no heading"), "{markdown}");
        assert!(markdown.contains("## `` </title><script>alert(1)</script> `x` ``"), "{markdown}");
    }

    #[test]
    fn indents_json_and_keeps_its_numbers() {
        assert_eq!(report_body(br#"{"b":1.50,"a":[]}"#, 100), "{\n  \"b\": 1.50,\n  \"a\": []\n}");
        assert_eq!(report_body("a\u{202e}b".as_bytes(), 100), "a\\u{202e}b");
        assert_eq!(report_body(&b"x".repeat(9), 4), "xxxx\n… (9 bytes in total)");
    }
}
