//! Definitions: the schemas that events refer to, copied from the documents and translated to JSON Schema 2020-12.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::{Map, Value, json};

use crate::Document;

/// Maximum number of references that lead from one to the next.
const CHAIN_MAX: usize = 32;

/// Schemas that are copied from documents.
pub(crate) struct Definitions<'d> {
    documents: &'d [Document],
    /// Documents by path, by `$id`, and by file name if no other file has it.
    by_path: HashMap<String, usize>,
    by_id: HashMap<&'d str, usize>,
    by_name: HashMap<&'d str, Option<usize>>,
    /// Names of the definitions by document and JSON pointer.
    names: HashMap<(usize, String), String>,
    taken: BTreeSet<String>,
    /// Definitions that are not copied yet.
    open: VecDeque<(String, usize, &'d Value)>,
    /// Copied definitions by name.
    pub(crate) copied: BTreeMap<String, Value>,
    /// References that lead nowhere.
    pub(crate) missing: BTreeSet<String>,
    /// Patterns, each with whether it can be evaluated.
    patterns: BTreeMap<String, bool>,
}

/// Keywords whose value is one schema.
const ONE: &[&str] = &[
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is a list of schemas.
const LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value contains schemas by name.
const NAMED: &[&str] = &["dependentSchemas", "patternProperties", "properties"];
/// Keywords that are copied as they are.
const PLAIN: &[&str] = &[
    "const",
    "default",
    "dependentRequired",
    "deprecated",
    "description",
    "enum",
    "examples",
    "format",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "title",
    "uniqueItems",
];

impl<'d> Definitions<'d> {
    pub(crate) fn new(documents: &'d [Document]) -> Self {
        let mut by_name = HashMap::new();
        for (number, document) in documents.iter().enumerate() {
            by_name.entry(last(&document.name)).and_modify(|known| *known = None).or_insert(Some(number));
        }
        let id = |document: &'d Document| document.value.get("$id")?.as_str();
        Self {
            by_path: documents.iter().enumerate().map(|(number, one)| (normal(&one.name), number)).collect(),
            by_id: documents.iter().enumerate().filter_map(|(number, one)| Some((id(one)?, number))).collect(),
            by_name,
            documents,
            names: HashMap::new(),
            taken: BTreeSet::new(),
            open: VecDeque::new(),
            copied: BTreeMap::new(),
            missing: BTreeSet::new(),
            patterns: BTreeMap::new(),
        }
    }

    /// Follows references. Returns the value that is not a reference, with the number of its document.
    pub(crate) fn resolved<'v>(&self, mut number: usize, mut value: &'v Value) -> (usize, &'v Value)
    where
        'd: 'v,
    {
        for _ in 0..CHAIN_MAX {
            let reference = value.get("$ref").and_then(Value::as_str);
            let Some((at, _, target)) = reference.and_then(|text| self.target(number, text)) else { break };
            (number, value) = (at, target);
        }
        (number, value)
    }

    /// Returns the documents that other documents refer to.
    pub(crate) fn referenced(&self) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (number, document) in self.documents.iter().enumerate() {
            let mut open = vec![&document.value];
            while let Some(value) = open.pop() {
                match value {
                    Value::Array(items) => open.extend(items),
                    Value::Object(fields) => open.extend(fields.values()),
                    _ => {}
                }
                let reference = value.get("$ref").and_then(Value::as_str);
                found.extend(
                    reference.and_then(|text| self.target(number, text)).map(|(at, ..)| at).filter(|at| *at != number),
                );
            }
        }
        found
    }

    /// Returns a copy of a schema. The schemas that it refers to become definitions.
    pub(crate) fn copied(&mut self, number: usize, schema: &Value) -> Value {
        let copy = self.copy(number, schema);
        while let Some((name, number, schema)) = self.open.pop_front() {
            let copy = self.copy(number, schema);
            self.copied.insert(name, copy);
        }
        copy
    }

    /// Returns the document, the JSON pointer and the value of a reference.
    fn target(&self, number: usize, reference: &str) -> Option<(usize, String, &'d Value)> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let number = match file {
            "" => number,
            file => self.document(number, &decoded(file))?,
        };
        let pointer = decoded(fragment);
        let value = self.documents[number].value.pointer(&pointer)?;
        Some((number, pointer, value))
    }

    /// Returns the document that a reference in another document names: by its path, by `$id`, or by its file name if no
    /// other file has it.
    fn document(&self, from: usize, file: &str) -> Option<usize> {
        let folder = self.documents[from].name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let by_path = self.by_path.get(&normal(&format!("{folder}/{file}")));
        by_path.or_else(|| self.by_id.get(file)).copied().or_else(|| *self.by_name.get(last(file))?)
    }

    /// Returns the name of the definition that a reference leads to.
    fn name(&mut self, number: usize, reference: &str) -> Option<String> {
        let (number, pointer, value) = self.target(number, reference)?;
        if let Some(name) = self.names.get(&(number, pointer.clone())) {
            return Some(name.clone());
        }
        let last = pointer.rsplit('/').next().filter(|last| !last.is_empty());
        let plain: String = last
            .unwrap_or(&self.documents[number].name)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "_-.$".contains(c) { c } else { '-' })
            .collect();
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let name = std::iter::once(plain.clone()).chain(numbered).find(|name| !self.taken.contains(name))?;
        self.taken.insert(name.clone());
        self.names.insert((number, pointer), name.clone());
        self.open.push_back((name.clone(), number, value));
        Some(name)
    }

    fn copy(&mut self, number: usize, schema: &Value) -> Value {
        let Some(fields) = schema.as_object() else { return Value::Bool(schema != &Value::Bool(false)) };
        let mut copy = Map::new();
        for (key, value) in fields {
            match key.as_str() {
                "$ref" => self.reference(number, value, &mut copy),
                // A tuple, in the form before 2020-12.
                "items" if value.is_array() => drop(copy.insert("prefixItems".into(), self.copies(number, value))),
                "additionalItems" if fields.get("items").is_some_and(Value::is_array) => {
                    copy.insert("items".into(), self.copy(number, value));
                }
                known if ONE.contains(&known) => drop(copy.insert(key.clone(), self.copy(number, value))),
                // Alternatives with a discriminator are chosen by its value, and often match each other's schemas.
                "oneOf" if fields.contains_key("discriminator") && value.is_array() => {
                    copy.insert("anyOf".into(), self.copies(number, value));
                }
                known if LIST.contains(&known) && value.is_array() => {
                    copy.insert(key.clone(), self.copies(number, value));
                }
                "dependencies" => self.dependencies(number, value, &mut copy),
                "$recursiveRef" => self.reference(number, value, &mut copy),
                "$dynamicRef" => self.reference(number, value, &mut copy),
                "pattern" if !self.is_supported(value) => {}
                "type" => drop(types(value).map(|types| copy.insert(key.clone(), types))),
                known if NAMED.contains(&known) => {
                    let named = value.as_object().into_iter().flatten();
                    let named = named.map(|(name, one)| (name.clone(), self.copy(number, one))).collect();
                    copy.insert(key.clone(), Value::Object(named));
                }
                known if PLAIN.contains(&known) => drop(copy.insert(key.clone(), value.clone())),
                _ => {}
            }
        }
        translate(fields, &mut copy);
        Value::Object(copy)
    }

    fn reference(&mut self, number: usize, value: &Value, copy: &mut Map<String, Value>) {
        let reference = value.as_str().unwrap_or_default();
        match self.name(number, reference) {
            Some(name) => drop(copy.insert("$ref".into(), format!("#/$defs/{name}").into())),
            None => drop(self.missing.insert(reference.to_owned())),
        }
    }

    /// Translates `dependencies`, which 2019-09 split into two keywords.
    fn dependencies(&mut self, number: usize, value: &Value, copy: &mut Map<String, Value>) {
        let (mut required, mut schemas) = (Map::new(), Map::new());
        for (name, one) in value.as_object().into_iter().flatten() {
            match one {
                Value::Array(_) => drop(required.insert(name.clone(), one.clone())),
                Value::String(_) => drop(required.insert(name.clone(), json!([one]))),
                _ => drop(schemas.insert(name.clone(), self.copy(number, one))),
            }
        }
        let both = [("dependentRequired", required), ("dependentSchemas", schemas)];
        copy.extend(both.into_iter().filter(|(_, map)| !map.is_empty()).map(|(key, map)| (key.to_owned(), map.into())));
    }

    /// Returns true if a pattern can be evaluated. A pattern that cannot is not validated.
    fn is_supported(&mut self, pattern: &Value) -> bool {
        let Some(text) = pattern.as_str() else { return false };
        if let Some(known) = self.patterns.get(text) {
            return *known;
        }
        let is_supported = crate::validate::compile(json!({ "pattern": text }), |_| None).is_some();
        self.patterns.insert(text.to_owned(), is_supported);
        is_supported
    }

    /// Returns the patterns that cannot be evaluated.
    pub(crate) fn unsupported(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().filter(|(_, is_supported)| !**is_supported).map(|(pattern, _)| pattern.as_str())
    }

    fn copies(&mut self, number: usize, schemas: &Value) -> Value {
        schemas.as_array().into_iter().flatten().map(|one| self.copy(number, one)).collect()
    }
}

/// Returns the types of a schema that JSON Schema knows. `any` of draft 3 and unknown types allow every value.
fn types(value: &Value) -> Option<Value> {
    const KNOWN: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
    let known = |one: &Value| one.as_str().is_some_and(|one| KNOWN.contains(&one));
    match value {
        Value::Array(several) if several.iter().all(known) && !several.is_empty() => Some(value.clone()),
        one if known(one) => Some(one.clone()),
        _ => None,
    }
}

/// Translates keywords of OpenAPI 3.0 and of JSON Schema before 2019-09.
fn translate(fields: &Map<String, Value>, copy: &mut Map<String, Value>) {
    // Converters from OpenAPI 3.0 write `nullable` beside a reference as the type null, which no value could match.
    let combined = copy.contains_key("$ref") || copy.contains_key("allOf");
    let only_null = combined && copy.get("type").is_some_and(|types| *types == "null" || *types == json!(["null"]));
    if only_null {
        copy.remove("type");
    }
    if only_null || fields.get("nullable") == Some(&Value::Bool(true)) {
        allow_null(copy);
    }
    for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match fields.get(exclusive) {
            Some(Value::Bool(true)) => {
                if let Some(value) = copy.remove(limit) {
                    copy.insert(exclusive.into(), value);
                }
            }
            Some(value @ Value::Number(_)) => drop(copy.insert(exclusive.into(), value.clone())),
            _ => {}
        }
    }
    if let Some(example) = fields.get("example")
        && !copy.contains_key("examples")
    {
        copy.insert("examples".into(), json!([example]));
    }
    // Media types of OpenAPI have examples by name. A schema has a list.
    if copy.get("examples").is_some_and(|examples| !examples.is_array()) {
        copy.remove("examples");
    }
    // In draft 3, `required` is a flag of a property.
    if copy
        .get("required")
        .is_some_and(|required| !required.as_array().is_some_and(|all| all.iter().all(Value::is_string)))
    {
        copy.remove("required");
    }
    if copy.get("enum").is_some_and(|values| !values.is_array()) {
        copy.remove("enum");
    }
}

/// Allows null in addition to the values of a schema (OpenAPI 3.0, "nullable").
fn allow_null(copy: &mut Map<String, Value>) {
    match copy.get_mut("type") {
        Some(Value::Array(types)) if !types.contains(&json!("null")) => types.push("null".into()),
        Some(one @ Value::String(_)) => *one = json!([one.clone(), "null"]),
        _ => {}
    }
    if let Some(Value::Array(values)) = copy.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    // OpenAPI 3.0.3 allows null beside a reference only by a wrapper, but documents write it directly.
    if ["$ref", "allOf", "oneOf", "anyOf"].iter().any(|key| copy.contains_key(*key)) {
        let inner = std::mem::take(copy);
        copy.insert("anyOf".into(), json!([inner, { "type": "null" }]));
    }
}

/// Returns the last part of a path.
fn last(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// Returns a path without `.` and `..`.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Decodes the percent encoding of a fragment (RFC 6901, section 6).
fn decoded(fragment: &str) -> String {
    percent_encoding::percent_decode_str(fragment).decode_utf8_lossy().into_owned()
}
