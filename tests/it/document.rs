//! Validates API responses against the OpenAPI document.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

/// Prefix of every path in the document.
const PREFIX: &str = "/api/v1";

/// Validator of a response, `None` for a response without JSON.
type ResponseValidator = Option<Arc<Validator>>;

/// The OpenAPI document of this build.
pub struct Document {
    pub operations: Vec<Operation>,
    components: Value,
    /// Validators of the responses, by operation and status.
    validators: Mutex<HashMap<(usize, u16), ResponseValidator>>,
}

/// An operation of the document.
pub struct Operation {
    pub method: Method,
    /// Path with the names of its parameters, without the prefix.
    pub path: String,
    pub described: Value,
}

impl Operation {
    /// Returns true if a method and a path without a query belong to the operation.
    fn takes(&self, method: &Method, path: &str) -> bool {
        let (own, given): (Vec<&str>, Vec<&str>) = (self.path.split('/').collect(), path.split('/').collect());
        let fits = |(own, given): (&&str, &&str)| own == given || own.starts_with('{');
        self.method == *method && own.len() == given.len() && own.iter().zip(&given).all(fits)
    }
}

/// Returns the OpenAPI document, parsed once.
pub fn document() -> &'static Document {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    DOCUMENT.get_or_init(|| Document::new(hookbench_api::document()))
}

impl Document {
    fn new(mut document: Value) -> Self {
        let paths = document["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            let path = path.strip_prefix(PREFIX).unwrap();
            item.as_object().unwrap().iter().map(move |(method, described)| Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.to_owned(),
                described: described.clone(),
            })
        });
        let operations = operations.collect();
        Self { operations, components: document["components"].take(), validators: Mutex::default() }
    }

    /// Returns the operation of a method and a path, which may have a query.
    pub fn operation(&self, method: &Method, path: &str) -> Option<&Operation> {
        self.place(method, path).map(|place| &self.operations[place])
    }

    fn place(&self, method: &Method, path: &str) -> Option<usize> {
        let bare = path.split('?').next().unwrap_or(path);
        let places = 0..self.operations.len();
        // A path without parameters takes precedence.
        places
            .filter(|place| self.operations[*place].takes(method, bare))
            .min_by_key(|place| self.operations[*place].path.matches('{').count())
    }

    /// Checks a response against its description.
    pub fn check(&self, method: &Method, path: &str, status: u16, text: &str) -> Result<(), String> {
        let Some(place) = self.place(method, path) else { return Err(format!("{method} {path} is not documented")) };
        let wrong = |why: String| Err(format!("{method} {path}: {status}: {why}: {text}"));
        let described = &self.operations[place].described["responses"][status.to_string()];
        if described.is_null() {
            return wrong("the status is not documented".into());
        }
        let validator = self
            .validators
            .lock()
            .unwrap()
            .entry((place, status))
            .or_insert_with(|| {
                let schema = &described["content"]["application/json"]["schema"];
                let mut whole = json!({ "allOf": [schema], "components": self.components });
                // An undocumented member is an error, unless the schema documents no members.
                if *schema != json!({ "type": "object" }) {
                    whole["unevaluatedProperties"] = false.into();
                }
                (!schema.is_null())
                    .then(|| Arc::new(jsonschema::validator_for(&whole).expect("the schema must be valid")))
            })
            .clone();
        let Some(validator) = validator else { return Ok(()) };
        match serde_json::from_str(text) {
            Err(why) => wrong(format!("the response is not JSON: {why}")),
            Ok(value) => {
                let errors: Vec<String> =
                    validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
                if errors.is_empty() { Ok(()) } else { wrong(format!("the response does not match: {errors:?}")) }
            }
        }
    }
}

#[test]
fn rejects_responses_that_differ_from_the_document() {
    let check = |status, text: &str| document().check(&Method::GET, "/saved-searches?x=1", status, text);
    assert_eq!(check(200, r#"{"items":[]}"#), Ok(()));
    for (status, text) in [
        (200, "{}"),
        (200, "not JSON"),
        (200, r#"{"items":[{"name":1}]}"#),
        (200, r#"{"items":[],"x":1}"#),
        (299, "{}"),
    ] {
        assert!(check(status, text).is_err(), "{status} {text}");
    }
}
