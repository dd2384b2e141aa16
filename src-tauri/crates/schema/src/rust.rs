//! Output of a schema as Rust types for serde.

use std::collections::BTreeSet;

use super::{
    node::{Node, Type},
    type_name, words,
};

/// Keywords that cannot be field names (The Rust Reference, "Keywords"). Most are valid as raw identifiers with `r#`.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe",
    "unsized", "use", "virtual", "where", "while", "yield", "abstract", "self", "super", "crate",
];

/// Returns the structs, outermost first.
pub(super) fn write(root: &Node, title: &str) -> String {
    let mut writer = Writer::default();
    let name = type_name(title);
    let whole = writer.of(root, &name);
    let mut text = String::from("use serde::{Deserialize, Serialize};\n");
    if whole != name {
        text.push_str(&format!("\npub type {name} = {whole};\n"));
    }
    for code in writer.structs.iter().rev() {
        text.push('\n');
        text.push_str(code);
    }
    text
}

#[derive(Default)]
struct Writer {
    structs: Vec<String>,
    names: BTreeSet<String>,
}

impl Writer {
    /// Returns the type of a node. Structs for nested objects are added to `structs`.
    fn of(&mut self, node: &Node, name: &str) -> String {
        let types: Vec<Type> = node.types.keys().copied().filter(|one| *one != Type::Null).collect();
        let one = match types[..] {
            [Type::Boolean] => "bool".to_owned(),
            [Type::Integer] => "i64".into(),
            [Type::Number] | [Type::Integer, Type::Number] => "f64".into(),
            [Type::String] => "String".into(),
            [Type::Array] => {
                let items = node
                    .items
                    .as_deref()
                    .map_or("serde_json::Value".into(), |items| self.of(items, &format!("{name}Item")));
                format!("Vec<{items}>")
            }
            [Type::Object] => self.object(node, name),
            // The values are only null or have several types.
            _ => return "serde_json::Value".into(),
        };
        if node.of(Type::Null) > 0 { format!("Option<{one}>") } else { one }
    }

    fn object(&mut self, node: &Node, name: &str) -> String {
        if let Some(any) = &node.any {
            let values = self.of(any, &format!("{name}Value"));
            return format!("std::collections::BTreeMap<String, {values}>");
        }
        if node.properties.is_empty() {
            return "serde_json::Map<String, serde_json::Value>".into();
        }
        let name = self.free(name);
        let mut fields = BTreeSet::new();
        let mut text = format!("#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]\npub struct {name} {{\n");
        for (key, property) in &node.properties {
            let mut field = field_name(key);
            while !fields.insert(field.clone()) {
                field.push('_');
            }
            let one = self.of(property, &format!("{name}{}", type_name(key)));
            if field.trim_start_matches("r#") != key {
                text.push_str(&format!("    #[serde(rename = {key:?})]\n"));
            }
            match node.always(property) {
                true => text.push_str(&format!("    pub {field}: {one},\n")),
                false => {
                    text.push_str("    #[serde(default, skip_serializing_if = \"Option::is_none\")]\n");
                    let one = if one.starts_with("Option<") { one } else { format!("Option<{one}>") };
                    text.push_str(&format!("    pub {field}: {one},\n"));
                }
            }
        }
        text.push_str("}\n");
        self.structs.push(text);
        name
    }

    fn free(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 2;
        while !self.names.insert(free.clone()) {
            free = format!("{name}{number}");
            number += 1;
        }
        free
    }
}

fn field_name(key: &str) -> String {
    let name: String = words(key).join("_").chars().filter(char::is_ascii).collect();
    match name.as_str() {
        "" => "field".into(),
        "self" | "super" | "crate" => format!("{name}_"),
        name if KEYWORDS.contains(&name) => format!("r#{name}"),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => format!("n{name}"),
        name => name.to_owned(),
    }
}
