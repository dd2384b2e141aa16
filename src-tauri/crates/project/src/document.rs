//! A project file before its values are read: one file, or several of which each overlays those before.

use std::{fmt, ops::Range};

use hookbench_model::did_you_mean;
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue, Deserializer},
};

use crate::{
    ProjectFile,
    reference::{Reference, literal_secret, origin, references, resolve},
};

/// A file with its text.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path for display.
    pub name: String,
    /// Text of the file.
    pub text: String,
}

/// An error in a project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Path of the file, for display.
    pub file: String,
    /// Line and column, from 1. `None` if the error concerns the whole file.
    pub position: Option<(usize, usize)>,
    /// Reason, and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// The content of the files of a project. Each file overlays those before: tables are merged, every other value is
/// replaced.
#[derive(Debug, Clone)]
pub struct Document {
    sources: Vec<Source>,
    /// The text of each file, behind as many empty lines as the earlier files have bytes. A position in one of these
    /// texts therefore tells the file.
    texts: Vec<String>,
}

impl Document {
    /// Parses files.
    ///
    /// # Errors
    ///
    /// Returns the position of a syntax error, or of a secret that is written into a file.
    pub fn parse(sources: Vec<Source>) -> Result<Self, Fault> {
        let mut texts: Vec<String> = Vec::new();
        for source in &sources {
            let before = texts.last().map_or(0, |text| text.len() + 1);
            texts.push("\n".repeat(before) + &source.text);
        }
        let document = Self { sources, texts };
        match literal_secret(&document.merged()?) {
            Some((span, message)) => Err(document.fault(Some(span), &message)),
            None => Ok(document),
        }
    }

    /// Returns the merged content.
    fn merged(&self) -> Result<DeTable<'_>, Fault> {
        let mut merged = DeTable::new();
        for text in &self.texts {
            let table = DeTable::parse(text).map_err(|error| self.fault(error.span(), error.message()))?;
            overlay(&mut merged, table.into_inner());
        }
        Ok(merged)
    }

    /// Lists the values that the files take from elsewhere, in order.
    pub fn references(&self) -> Vec<Reference> {
        self.merged().map(|table| references(&table)).unwrap_or_default()
    }

    /// Returns an error at a reference.
    pub fn fault_at(&self, reference: &Reference, message: &str) -> Fault {
        self.fault(Some(reference.span.clone()), message)
    }

    /// Returns an error at a table such as `inbox.shop`, or at the whole file if there is no such table.
    pub fn fault_of(&self, section: &str, key: &str, message: &str) -> Fault {
        let merged = self.merged().unwrap_or_default();
        let span_of = |table: &DeTable<'_>, name: &str| table.get_key_value(name).map(|(key, _)| key.span());
        let inner = merged.get(section).and_then(|value| value.get_ref().as_table());
        let span = inner.and_then(|table| span_of(table, key)).or_else(|| span_of(&merged, section));
        self.fault(span, message)
    }

    /// Reads the files. `values` contains the value of each reference, in the order of [`Document::references`].
    ///
    /// # Errors
    ///
    /// Returns the position of a value that is not allowed, with a suggestion if a key is unknown.
    pub fn read(&self, values: &[String]) -> Result<ProjectFile, Fault> {
        let mut table = self.merged()?;
        resolve(&mut table, &mut values.iter());
        expand_secrets(&mut table).map_err(|(span, message)| self.fault(Some(span), &message))?;
        let file = ProjectFile::deserialize(Deserializer::from(Spanned::new(0..0, table)))
            .map_err(|error| self.fault(error.span().filter(|span| !span.is_empty()), &in_words(error.message())))?;
        match file.fault() {
            Some((section, key, message)) => Err(self.fault_of(section, &key, &message)),
            None => Ok(file),
        }
    }

    /// Locates an error in the files.
    fn fault(&self, span: Option<Range<usize>>, message: &str) -> Fault {
        let at = span.as_ref().map_or(0, |span| span.start);
        let starts = |number: usize| self.texts[number].len() - self.sources[number].text.len();
        let number = (0..self.sources.len()).rev().find(|number| starts(*number) <= at).unwrap_or_default();
        let Some(source) = self.sources.get(number) else {
            return Fault { file: String::new(), position: None, message: message.to_owned() };
        };
        let position = span.map(|_| {
            let before = source.text.get(..at - starts(number)).unwrap_or(&source.text);
            let line = before.rsplit('\n').next().unwrap_or_default();
            (before.matches('\n').count() + 1, line.chars().count() + 1)
        });
        Fault { file: source.name.clone(), position, message: message.trim_end_matches('.').to_owned() + "." }
    }
}

/// Merges `over` into `base`: tables are merged, every other value is replaced.
fn overlay<'t>(base: &mut DeTable<'t>, over: DeTable<'t>) {
    for (key, value) in over {
        let merges = |value: &DeValue<'_>| value.is_table() && origin(value).is_none();
        match base.get_mut(&key) {
            Some(was) if merges(was.get_ref()) && merges(value.get_ref()) => {
                if let (DeValue::Table(was), DeValue::Table(inner)) = (was.get_mut(), value.into_inner()) {
                    overlay(was, inner);
                }
            }
            _ => {
                base.remove(&key);
                base.insert(key, value);
            }
        }
    }
}

/// Replaces `secret` of each endpoint by a list of one secret, as in the API.
fn expand_secrets(table: &mut DeTable<'_>) -> Result<(), (Range<usize>, String)> {
    let endpoints = table.get_mut("endpoint").map(Spanned::get_mut);
    let Some(DeValue::Table(endpoints)) = endpoints else { return Ok(()) };
    for (_, endpoint) in endpoints.iter_mut() {
        let DeValue::Table(endpoint) = endpoint.get_mut() else { continue };
        let Some((key, value)) = endpoint.remove_entry("secret") else { continue };
        if endpoint.contains_key("secrets") {
            return Err((key.span(), "Use either `secret` or `secrets`".to_owned()));
        }
        let span = value.span();
        let mut secret = DeTable::new();
        secret.insert(Spanned::new(span.clone(), "value".into()), value);
        let mut secrets = DeArray::new();
        secrets.push(Spanned::new(span.clone(), DeValue::Table(secret)));
        endpoint.insert(Spanned::new(key.span(), "secrets".into()), Spanned::new(span, DeValue::Array(secrets)));
    }
    Ok(())
}

/// Rewrites an error about a key, with a suggestion if the key is unknown.
fn in_words(message: &str) -> String {
    if let Some(missing) = message.strip_prefix("missing field ") {
        return format!("The key {missing} is missing");
    }
    let Some(rest) = message.strip_prefix("unknown field `") else { return message.to_owned() };
    let Some((wrong, known)) = rest.split_once('`') else { return message.to_owned() };
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let suggestion = did_you_mean(wrong, known.iter().copied());
    format!("Unknown key {wrong:?}.{suggestion} Allowed here: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<ProjectFile, String> {
        let name = |number: usize| if number == 0 { "hookbench.toml".into() } else { format!("overlay-{number}.toml") };
        let source = |(number, text): (usize, &&str)| Source { name: name(number), text: (*text).to_owned() };
        let document = Document::parse(texts.iter().enumerate().map(source).collect()).map_err(|e| e.to_string())?;
        let values: Vec<String> = document.references().iter().map(|reference| reference.origin.to_string()).collect();
        document.read(&values).map_err(|e| e.to_string())
    }

    #[test]
    fn reads_every_section() {
        let file = parse(&[r#"
name = "shop"
settings.retention.days = 30
scenario.renewal = { file = "renewal.toml" }
[inbox.shop]
provider = "stripe"
secret = { env = "STRIPE_SECRET" }
[[inbox.shop.rules]]
when = "event:charge.*"
responses = [{ status = 500, body = { file = "error.json" } }, {}]
[[inbox.shop.forwards]]
to = "http://localhost:3000"
headers.set = [["Authorization", { command = ["op", "read", "op://dev/token"] }]]
[endpoint.staging]
url = "https://staging.example/webhooks"
provider = "github"
secret = { command = ["c"] }
[tunnel.public]
ssh = "nokey@localhost.run"
expose.shop = { verified_only = true }
"#])
        .expect("a valid file");
        assert_eq!(file.scenario["renewal"], "file renewal.toml");
        let inbox = &file.inbox["shop"];
        assert_eq!(inbox.secret.as_deref(), Some("environment variable STRIPE_SECRET"));
        assert_eq!(inbox.rules[0].responses[0].body, "file error.json");
        assert_eq!(inbox.forwards[0].headers.set[0].1, "command op read op://dev/token");
        assert_eq!(file.endpoint["staging"].secrets[0].value, "command c");
        assert!(file.tunnel["public"].expose["shop"].verified_only);
    }

    #[test]
    fn says_where_an_error_is() {
        for (texts, expected) in [
            (
                &["[inbox.shop]\n  provder = \"stripe\""][..],
                "hookbench.toml:2:3: Unknown key \"provder\". Did you mean \"provider\"?",
            ),
            (&["[inbox.shop]\nrules = 5"], "hookbench.toml:2:9: invalid type: integer `5`"),
            (&["[inbox.shop"], "hookbench.toml:1:12: "),
            (
                &["[inbox.shop]", "\n\n[inbox.shop]\nsecret = \"whsec_1\""],
                "overlay-1.toml:4:10: A secret must not be in the file.",
            ),
            (&["[inbox.shop]", "[inbox.shop]\nurls = 1"], "overlay-1.toml:2:1: Unknown key"),
            (&["[endpoint.a]\nurl = \"https://u:p@h/\""], "hookbench.toml:2:7: A password must not be in the file."),
            (
                &["[[inbox.a.forwards]]\nto = \"http://h/\"\nheaders.set = [[\"Authorization\", \"x\"]]"],
                "hookbench.toml:3:34: A secret",
            ),
            (
                &["[endpoint.a]\nsecrets = [{ value = \"s\" }]"],
                "hookbench.toml:2:22: A secret must not be in the file.",
            ),
            (&["[tunnel.public]\nexpose.shop = {}"], "hookbench.toml:1:9: A tunnel needs one of"),
            (&["[inbox.\"a/b\"]\nsecret = \"x\""], "hookbench.toml:2:10: A secret"),
            (&["[[inbox.a.forwards]]\nid = \"1\"\nto = \"http://h/\""], "hookbench.toml:1:9: A forward must not have"),
        ] {
            let error = parse(texts).expect_err("an invalid file");
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn overlays_tables_and_replaces_other_values() {
        let base = "[inbox.a]\nprovider = \"stripe\"\nsecrets = [{ env = \"A\" }]\n[inbox.b]\nsecret = { env = \"B\" }";
        let file = parse(&[base, "[inbox.a]\nsecrets = []\n[inbox.b]\nsecret = { command = [\"c\"] }\n[inbox.c]"])
            .expect("valid");
        assert_eq!((file.inbox["a"].provider.as_deref(), file.inbox["a"].secrets.len()), (Some("stripe"), 0));
        assert_eq!(file.inbox["b"].secret.as_deref(), Some("command c"));
        assert!(file.inbox.contains_key("c"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(first in ".{0,80}", second in "[\\[\\]a-z.={}\" \n]{0,80}") {
            let _ = parse(&[&first, &second]);
            let _ = parse(&[&second]);
        }
    }
}
