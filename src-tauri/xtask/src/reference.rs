//! API reference of the site: one Markdown page per tag of the OpenAPI document, and one of all objects.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Examples with more lines are left out, because the table of the object says the same in less space.
const EXAMPLE_LINES: usize = 40;

/// Errors of every operation, which the first page explains.
const USUAL: [&str; 4] = ["400", "401", "500", "503"];

/// Methods of a path, in the order of the page.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Begin of the first page.
const INTRODUCTION: &str = "# API reference\n\n[Local HTTP API](../api.md) says how to find the address and the token, \
and what errors and pages look like.\n\nEvery operation can return 400 (the request could not be parsed), 401 (the token is \
missing or wrong), 500 (internal error) and 503 (the database cannot be read or written). The pages list the other \
errors.\n\n";

/// A page of the reference.
pub(crate) struct Page {
    /// Title.
    pub(crate) title: String,
    /// File name.
    pub(crate) file: String,
    /// Markdown.
    pub(crate) text: String,
}

/// Returns the pages of an OpenAPI document.
pub(crate) fn pages(document: &Value) -> Vec<Page> {
    let mut pages: Vec<Page> = list(&document["tags"]).iter().map(|tag| tag_page(document, tag)).collect();
    pages.push(objects(document));
    let mut contents = INTRODUCTION.to_owned();
    for page in &pages {
        let _ = writeln!(contents, "- [{}]({})", page.title, page.file);
    }
    pages.insert(0, Page { title: "API reference".into(), file: "README.md".into(), text: contents });
    pages
}

fn tag_page(document: &Value, tag: &Value) -> Page {
    let name = text(&tag["name"]);
    let mut title = name.replace('-', " ");
    title[..1].make_ascii_uppercase();
    let mut page = format!("# {title}\n\n{}\n", text(&tag["description"]));
    let mut paths: Vec<_> = object(&document["paths"]).collect();
    // The resource that the page is named after comes first.
    paths.sort_by_key(|(path, _)| !path.contains(&format!("/{name}")));
    for (path, methods) in paths {
        for method in METHODS {
            let operation = &methods[method];
            if list(&operation["tags"]).iter().any(|tag| tag == name) {
                write_operation(&mut page, method, path, operation);
            }
        }
    }
    Page { title, file: format!("{name}.md"), text: page }
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    let _ = write!(page, "\n## {}\n\n", text(&operation["summary"]));
    let _ = write!(page, "```text\n{} {path}\n```\n\n{}\n", method.to_uppercase(), text(&operation["description"]));
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        page.push_str("\n| Parameter | In | Type | Meaning |\n| --- | --- | --- | --- |\n");
        for parameter in parameters {
            let name = text(&parameter["name"]);
            let required = if parameter["required"] == true { " (required)" } else { "" };
            let (place, kind) = (text(&parameter["in"]), kind(&parameter["schema"]));
            let _ = writeln!(page, "| `{name}`{required} | {place} | {kind} | {} |", cell(&parameter["description"]));
        }
    }
    for (media, content) in object(&operation["requestBody"]["content"]) {
        let _ = write!(page, "\nRequest body: {}, `{media}`.\n", kind(&content["schema"]));
        write_example(page, content);
    }
    page.push_str("\n| Status | Response | Meaning |\n| --- | --- | --- |\n");
    let mut example = String::new();
    for (status, response) in
        sorted(&operation["responses"]).into_iter().filter(|(status, _)| !USUAL.contains(&status.as_str()))
    {
        let contents = object(&response["content"]);
        let kinds: Vec<String> = contents
            .map(|(media, content)| match kind(&content["schema"]) {
                kind if media == "application/json" => kind,
                kind => format!("{kind}, `{media}`"),
            })
            .collect();
        let _ = writeln!(page, "| {status} | {} | {} |", kinds.join(" or "), cell(&response["description"]));
        if status.starts_with('2') {
            for (_, content) in object(&response["content"]) {
                write_example(&mut example, content);
            }
        }
    }
    page.push_str(&example);
}

fn write_example(page: &mut String, content: &Value) {
    let example = &content["example"];
    let shown = serde_json::to_string_pretty(example).unwrap_or_default();
    if !example.is_null() && shown.lines().count() <= EXAMPLE_LINES {
        let _ = write!(page, "\n```json\n{shown}\n```\n");
    }
}

fn objects(document: &Value) -> Page {
    let mut page = "# Objects\n\nThe objects of requests and responses, by name.\n".to_owned();
    for (name, schema) in sorted(&document["components"]["schemas"]) {
        let _ = write!(page, "\n## {name}\n\n{}\n", text(&schema["description"]));
        write_schema(&mut page, schema);
    }
    Page { title: "Objects".into(), file: "objects.md".into(), text: page }
}

/// Writes the fields, the values or the variants of a schema.
fn write_schema(page: &mut String, schema: &Value) {
    for part in list(&schema["allOf"]) {
        if part["$ref"].is_string() {
            let _ = write!(page, "\nAll fields of {}, and:\n", kind(part));
        } else {
            write_schema(page, part);
        }
    }
    for variant in list(&schema["oneOf"]) {
        let tag = object(&variant["properties"]).find_map(|(_, property)| property["enum"][0].as_str());
        let name = tag.map_or_else(|| kind(variant), |tag| format!("`{tag}`"));
        let _ = write!(page, "\n**{name}**\n\n{}\n", text(&variant["description"]));
        write_schema(page, variant);
    }
    let values: Vec<String> = list(&schema["enum"]).iter().map(|value| format!("`{}`", text(value))).collect();
    if !values.is_empty() {
        let _ = write!(page, "\nOne of {}.\n", values.join(", "));
    }
    let fields = &schema["properties"];
    if object(fields).next().is_some() {
        page.push_str("\n| Field | Type | Meaning |\n| --- | --- | --- |\n");
    }
    for (name, property) in object(fields) {
        let required = list(&schema["required"]).iter().any(|required| required == name);
        let optional = if required { "" } else { " (optional)" };
        let meaning = described(property);
        let _ = writeln!(page, "| `{name}` | {}{optional} | {meaning} |", kind(property));
    }
}

/// Returns the description of a property, also if the property can be null.
fn described(property: &Value) -> String {
    let variants = list(&property["oneOf"]).iter();
    std::iter::once(property)
        .chain(variants)
        .map(|schema| cell(&schema["description"]))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// Returns the type of a schema in Markdown, with a link to an object.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("[{name}](objects.md#{})", name.to_lowercase());
    }
    let variants = [list(&schema["oneOf"]), list(&schema["anyOf"]), list(&schema["allOf"])].concat();
    if !variants.is_empty() {
        return variants.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let named = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
        name => text(name).to_owned(),
    };
    match named.as_str() {
        "" => "any value".into(),
        "array" => format!("array of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        _ => match text(&schema["format"]) {
            "" => named,
            format => format!("{named} ({format})"),
        },
    }
}

/// Returns a description as the cell of a table.
fn cell(description: &Value) -> String {
    text(description).replace('\n', " ").replace('|', "\\|")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn sorted(value: &Value) -> Vec<(&String, &Value)> {
    let mut all: Vec<_> = object(value).collect();
    all.sort_by_key(|(name, _)| *name);
    all
}
