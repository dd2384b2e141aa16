//! Output of a schema as TypeScript types.

use super::{
    node::{Node, Type},
    type_name,
};

/// Returns the type with nested types inline.
pub(super) fn write(root: &Node, title: &str) -> String {
    format!("export type {} = {};\n", type_name(title), of(root, "", 0))
}

fn of(node: &Node, key: &str, depth: usize) -> String {
    let mut alternatives = Vec::new();
    for one in node.types.keys() {
        match one {
            Type::Null => alternatives.push("null".to_owned()),
            Type::Boolean => alternatives.push("boolean".into()),
            Type::Integer | Type::Number => {
                if alternatives.last().is_none_or(|last| last != "number") {
                    alternatives.push("number".into());
                }
            }
            Type::String => match node.enumerated(key) {
                Some(values) => alternatives.extend(values.into_iter().map(literal)),
                None => alternatives.push("string".into()),
            },
            Type::Array => {
                let items = node.items.as_deref().map_or("unknown".into(), |items| of(items, key, depth));
                alternatives.push(if items.contains(" | ") && !items.starts_with('{') {
                    format!("({items})[]")
                } else {
                    format!("{items}[]")
                });
            }
            Type::Object => alternatives.push(object(node, depth)),
        }
    }
    if alternatives.is_empty() { "unknown".into() } else { alternatives.join(" | ") }
}

fn object(node: &Node, depth: usize) -> String {
    if let Some(any) = &node.any {
        return format!("Record<string, {}>", of(any, "", depth));
    }
    if node.properties.is_empty() {
        return "Record<string, unknown>".into();
    }
    let indent = "  ".repeat(depth + 1);
    let mut text = String::from("{\n");
    for (key, property) in &node.properties {
        let optional = if node.always(property) { "" } else { "?" };
        text.push_str(&format!("{indent}{}{optional}: {};\n", name(key), of(property, key, depth + 1)));
    }
    text.push_str(&"  ".repeat(depth));
    text.push('}');
    text
}

fn name(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if plain { key.to_owned() } else { literal(key) }
}

/// Returns a JSON string literal. U+2028 and U+2029 are escaped, because older scripts do not allow them in strings.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
