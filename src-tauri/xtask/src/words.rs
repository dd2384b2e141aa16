//! The vocabulary of texts: comments, docs, string literals and texts of the page must not contain words that the
//! glossary replaces. Names are not checked.

use std::fs;

use crate::shell;

/// Words and phrases that texts must not contain, with what to write instead. Case is ignored, and only whole words
/// match.
const BANNED: &[(&str, &str)] = &[
    ("anew", "again"),
    ("aforesaid", "name the thing"),
    ("by itself", "automatically"),
    ("goes on", "continues"),
    ("go on", "continue"),
    ("going on", "in progress"),
    ("stands for", "means"),
    ("stands in", "is in"),
    ("said", "printed, returned or named"),
    ("told", "informed, or name the event"),
    ("mend", "restore"),
    ("mended", "restored"),
    ("odd", "invalid or unusual"),
    ("ways in", "name them"),
    ("made up", "generated"),
    ("made-up", "generated"),
    ("no longer is", "is no longer"),
    ("is no number", "is not a number"),
    ("is no more", "was deleted"),
    ("does not read as", "cannot be parsed as"),
    ("of its own", "custom, or its"),
    ("of their own", "custom, or their"),
    ("of your own", "custom, or your"),
    ("forty-eight", "the number"),
    ("receiver", "listener, destination or app"),
    ("receivers", "handlers or destinations"),
    ("answer", "response, or respond"),
    ("answers", "responses, or responds"),
    ("answered", "responded"),
    ("answering", "responding"),
    ("unanswered", "without a response"),
    ("judge", "verify"),
    ("judged", "verified"),
    ("verdict", "signature status, or result"),
    ("verdicts", "signature statuses"),
    ("sieve", "search index"),
    ("sift", "filter"),
    ("onward", "outgoing"),
    ("peer address", "remote address"),
    ("ticked", "selected"),
    ("laptop", "agent, or your computer"),
    ("laptops", "agents"),
    ("roll over", "delete by retention"),
    ("rolled over", "deleted by retention"),
    ("resign", "re-sign"),
    ("resigned", "re-signed"),
    ("sign anew", "re-sign"),
    ("signature lab", "signature debugger"),
    ("nobody", "no one, or name the subject"),
    ("somebody", "a user, or name the subject"),
    ("whoever", "name the subject"),
    ("anybody", "anyone"),
    ("conceal", "unexpose"),
    ("poke", "wake"),
    ("while away", "while offline"),
    ("saved query", "saved search"),
    ("saved queries", "saved searches"),
    ("hookline", "Hookbench"),
];

/// Places that may contain a banned word, with the reason.
const ALLOWED: &[(&str, &str)] = &[
    // Defines the words.
    ("src-tauri/xtask/src/words.rs", ""),
    // Names the terms that changed.
    ("CHANGELOG.md", ""),
    // Frozen layouts of earlier releases.
    ("src-tauri/crates/store/src/migrations.rs", ""),
    ("src-tauri/crates/capture/src/store/schema.rs", "answer"),
    // Takes over the data of the release that had the other name.
    ("docs/troubleshooting.md", "hookline"),
    ("src-tauri/crates/store/src/takeover.rs", "hookline"),
    ("src-tauri/src/data_folder.rs", "hookline"),
    ("tests/it/takeover.rs", "hookline"),
    ("tests/it/takeover.rs", "verdict"),
    ("src-tauri/crates/formats/src/archive.rs", "hookline"),
    ("src-tauri/crates/formats/src/har.rs", "hookline"),
];

/// Kinds of files with texts. Generated files and vendor data are not texts of this project.
const ENDS: &[&str] = &[".rs", ".ts", ".tsx", ".md", ".html", ".xml"];
const GENERATED: &[&str] = &["ui/src/api/schema.gen.ts"];

/// Checks every text.
pub(crate) fn check() -> Result<(), String> {
    let files = shell::output("git", &["ls-files"])?;
    let mut found = Vec::new();
    for file in files.lines().filter(|file| ENDS.iter().any(|end| file.ends_with(end)) && !GENERATED.contains(file)) {
        let text = fs::read_to_string(shell::root().join(file)).map_err(|e| format!("{file}: {e}"))?;
        for (line, text) in texts(file, &text) {
            let text = text.to_ascii_lowercase();
            for (word, instead) in BANNED.iter().filter(|(word, _)| contains(&text, word)) {
                let allowed = ALLOWED.iter().any(|(place, only)| *place == file && (only.is_empty() || only == word));
                if !allowed {
                    found.push(format!("{file}:{line}: {word:?} (write: {instead})"));
                }
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(format!("words:\n  {}", found.join("\n  "))) }
}

/// Returns true if `text` contains `phrase` as a word of its own. Both are in lower case.
fn contains(text: &str, phrase: &str) -> bool {
    let edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    text.match_indices(phrase)
        .any(|(at, _)| edge(text[..at].chars().next_back()) && edge(text[at + phrase.len()..].chars().next()))
}

/// Returns the texts of a file, each with its line.
fn texts(file: &str, source: &str) -> Vec<(usize, String)> {
    match file.rsplit('.').next() {
        Some("md") => markdown(source),
        Some("html" | "xml") => source.lines().enumerate().map(|(at, line)| (at + 1, line.to_owned())).collect(),
        _ => code(source, file.ends_with(".tsx")),
    }
}

/// Returns the lines of a document outside of code.
fn markdown(source: &str) -> Vec<(usize, String)> {
    let (mut lines, mut fenced) = (Vec::new(), false);
    for (at, line) in source.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((at + 1, without_quoted(line)));
        }
    }
    lines
}

/// Returns a text without what is between backticks, which names code.
fn without_quoted(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// Returns the comments and string literals of a file, and the texts between tags if the file is JSX. A literal without
/// a space is a name, not a text.
fn code(source: &str, jsx: bool) -> Vec<(usize, String)> {
    let (mut texts, mut line) = (Vec::new(), 1);
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let (taken, text) = if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            (end, Some(without_quoted(&rest[..end])))
        } else if rest.starts_with("/*") {
            let end = rest.find("*/").map_or(rest.len(), |at| at + 2);
            (end, Some(without_quoted(&rest[..end])))
        } else if let Some(end) = end_of_raw(rest).filter(|_| !jsx) {
            let literal = &rest[..end];
            (end, literal.contains(' ').then(|| without_quoted(&literal.replace('"', " "))))
        } else if next == '"' || (next == '`' && jsx) {
            let end = end_of_literal(rest, next);
            let literal = &rest[..end];
            let before = source[..source.len() - rest.len()].trim_end_matches('{');
            (
                end,
                (literal.contains(' ') && !before.ends_with("className="))
                    .then(|| without_quoted(&literal.replace('"', " "))),
            )
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\'") {
            (3, None)
        } else if jsx && matches!(next, '>' | '}') {
            let end = rest[1..].find(['<', '{', '\n', '=', ';', '(']).map_or(rest.len(), |at| at + 1);
            (end, Some(rest[1..end].to_owned()).filter(|text| text.contains(' ')))
        } else {
            (next.len_utf8(), None)
        };
        texts.extend(text.map(|text| (line, text)));
        line += rest[..taken].matches('\n').count();
        rest = &rest[taken..];
    }
    texts
}

/// Returns the length of a raw string literal of Rust, such as `r#"…"#`, or `None` if the text does not begin with one.
fn end_of_raw(text: &str) -> Option<usize> {
    let hashes = text.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let start = hashes + 2;
    text.get(1 + hashes..start).filter(|quote| *quote == "\"")?;
    let end = format!("\"{}", "#".repeat(hashes));
    text[start..].find(&end).map(|at| start + at + end.len())
}

/// Returns the length of a literal with its quotation marks.
fn end_of_literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, source: &str) -> Vec<(usize, &'static str)> {
        let mut found = Vec::new();
        for (line, text) in texts(file, source) {
            let text = text.to_ascii_lowercase();
            found.extend(BANNED.iter().filter(|(word, _)| contains(&text, word)).map(|(word, _)| (line, *word)));
        }
        found
    }

    #[test]
    fn finds_words_in_comments_and_texts() {
        assert_eq!(found("a.rs", "let a = 1;\n// Answers anew.\n"), [(2, "anew"), (2, "answers")]);
        assert_eq!(found("a.rs", "fail(\"The verdict is \\\"no\\\"\");"), [(1, "verdict")]);
        assert_eq!(found("a.tsx", "<p className=\"x\">\n<b>Sign it anew</b>"), [(2, "anew")]);
        assert_eq!(found("a.md", "A receiver.\n"), [(1, "receiver")]);
    }

    #[test]
    fn leaves_names_and_code_alone() {
        assert!(found("a.rs", "let answer = judge(\"verdict\"); // The name `answer` is old.").is_empty());
        assert!(found("a.md", "```sh\nanswer\n```\nUse `answer`.").is_empty());
        assert!(found("a.tsx", "<li className=\"px-1 odd:bg\" /><li className={`px-1 odd:${a}`} />").is_empty());
        assert!(found("a.rs", "let a = r#\"{\"told\":1}\"#; answer(\"a\")").is_empty());
        assert!(found("a.rs", "// Mendel, oddly re-signed, kneeled.").is_empty());
    }
}
