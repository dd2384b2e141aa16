//! Values that a project file takes from elsewhere: `{ env = "NAME" }`, `{ command = […] }` and `{ file = "PATH" }`.

use std::{borrow::Cow, fmt, ops::Range};

use hookbench_model::masked_url;
use hookbench_provider::is_secret_header;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Origin of a value that is not in the project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An environment variable.
    Env(String),
    /// The output of a command, without the line break at its end: the program and its arguments.
    Command(Vec<String>),
    /// The content of a file in the folder of the project.
    File(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Command(args) => write!(f, "command {}", args.join(" ")),
            Self::File(path) => write!(f, "file {path}"),
        }
    }
}

/// A value that is not in the project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Origin of the value.
    pub origin: Origin,
    /// True if the value may be missing. The code of a relay is needed only to create the tunnel.
    pub optional: bool,
    /// Position in the texts of the document.
    pub(crate) span: Range<usize>,
}

/// Returns the origin that a value names. `None` if the value is not a reference.
pub(crate) fn origin(value: &DeValue<'_>) -> Option<Origin> {
    let table = value.as_table().filter(|table| table.len() == 1)?;
    let (key, value) = table.iter().next()?;
    let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
    match key.get_ref().as_ref() {
        "env" => text(value.get_ref()).map(Origin::Env),
        "file" => text(value.get_ref()).map(Origin::File),
        "command" => {
            let args = value.get_ref().as_array()?;
            let args: Option<Vec<String>> = args.iter().map(|arg| text(arg.get_ref())).collect();
            args.filter(|args| !args.is_empty()).map(Origin::Command)
        }
        _ => None,
    }
}

/// Lists the references of a table, in order.
pub(crate) fn references(table: &DeTable<'_>) -> Vec<Reference> {
    fn visit<'t>(value: &'t Spanned<DeValue<'t>>, path: &mut Vec<&'t str>, found: &mut Vec<Reference>) {
        match (origin(value.get_ref()), value.get_ref()) {
            (Some(origin), _) => {
                let optional = matches!(path[..], ["tunnel", _, "code"]);
                found.push(Reference { origin, optional, span: value.span() });
            }
            (None, DeValue::Table(table)) => tables(table, path, found),
            (None, DeValue::Array(items)) => items.iter().for_each(|item| visit(item, path, found)),
            _ => {}
        }
    }
    fn tables<'t>(table: &'t DeTable<'t>, path: &mut Vec<&'t str>, found: &mut Vec<Reference>) {
        for (key, value) in table.iter() {
            path.push(key.get_ref());
            visit(value, path, found);
            path.pop();
        }
    }
    let mut found = Vec::new();
    tables(table, &mut Vec::new(), &mut found);
    found
}

/// Replaces each reference of a table by the next value.
pub(crate) fn resolve<'v>(table: &mut DeTable<'_>, values: &mut impl Iterator<Item = &'v String>) {
    fn visit(value: &mut DeValue<'_>, values: &mut dyn Iterator<Item = &String>) {
        if origin(value).is_some() {
            *value = DeValue::String(Cow::Owned(values.next().cloned().unwrap_or_default()));
            return;
        }
        match value {
            DeValue::Table(table) => table.iter_mut().for_each(|(_, value)| visit(value.get_mut(), values)),
            DeValue::Array(items) => items.iter_mut().for_each(|item| visit(item.get_mut(), values)),
            _ => {}
        }
    }
    table.iter_mut().for_each(|(_, value)| visit(value.get_mut(), values));
}

/// Keys whose values are always secrets.
const SECRET_KEYS: &[&str] = &["secret", "secrets", "client_certificate", "code", "password"];

/// Finds a secret that is written into a project file. Returns its position and an error.
pub(crate) fn literal_secret(table: &DeTable<'_>) -> Option<(Range<usize>, String)> {
    let wrong = |span: Range<usize>, what: &str| {
        let message = format!(
            "{what} must not be in the file. Use {{ env = \"NAME\" }} or {{ command = [\"program\", \"argument\"] }} instead"
        );
        Some((span, message))
    };
    // Texts that are not secrets may have any key: the name of an inbox can be `code`.
    fn visit<'t>(
        value: &'t Spanned<DeValue<'t>>,
        secret: bool,
        depth: usize,
        found: &mut dyn FnMut(Range<usize>, bool) -> bool,
    ) -> bool {
        match value.get_ref() {
            inner if origin(inner).is_some() => false,
            DeValue::String(text) if secret && !text.is_empty() => found(value.span(), true),
            DeValue::String(text) if masked_url(text) != *text => found(value.span(), false),
            DeValue::Table(table) => {
                let header = table.get("name").and_then(|name| name.get_ref().as_str());
                let header = header.is_some_and(|name| is_secret_header(name.as_bytes()));
                let marked = table.get("secret").and_then(|mark| mark.get_ref().as_bool()) == Some(true);
                table.iter().any(|(key, inner)| {
                    let key = key.get_ref().as_ref();
                    let secret =
                        depth >= 2 && SECRET_KEYS.contains(&key) || key == "value" && (header || marked || secret);
                    visit(inner, secret, depth + 1, found)
                })
            }
            DeValue::Array(items) => {
                let name = items.first().and_then(|name| name.get_ref().as_str()).filter(|_| items.len() == 2);
                let header = name.is_some_and(|name| is_secret_header(name.as_bytes()));
                items.iter().enumerate().any(|(at, item)| visit(item, secret || header && at == 1, depth + 1, found))
            }
            _ => false,
        }
    }
    let mut place = None;
    table.iter().any(|(_, value)| {
        visit(value, false, 1, &mut |span, secret| {
            place = Some((span, secret));
            true
        })
    });
    let (span, secret) = place?;
    wrong(span, if secret { "A secret" } else { "A password" })
}
