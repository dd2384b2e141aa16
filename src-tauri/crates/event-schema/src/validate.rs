//! Validation of payloads against the schemas of their events.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use hookbench_model::RequestViolation;
use hookbench_provider::{EventFile, SchemaEvent};
use jsonschema::{
    Draft, PatternOptions, ValidationError, Validator, error::ValidationErrorKind, paths::LocationSegment,
};
use serde_json::{Map, Value, json};

/// Maximum number of violations that are reported for a payload.
const VIOLATIONS_MAX: usize = 20;

/// Maximum length of the description of a violation, in characters.
const MESSAGE_MAX: usize = 300;

/// Maximum number of steps of a pattern on one text.
const PATTERN_STEPS_MAX: usize = 50_000;

/// Maximum number of compiled schemas that are kept.
const KEPT_MAX: usize = 64;

/// Compiled schemas. A schema is compiled when the first payload of its event is validated.
#[derive(Debug, Default)]
pub struct Validators(Mutex<Compiled>);

/// Compiled schema by event name. `None` if the schema is invalid.
type ByEvent = HashMap<String, Option<Arc<Validator>>>;

#[derive(Debug, Default)]
struct Compiled {
    /// Compiled schemas by the address of the event file, which they keep alive.
    files: HashMap<usize, (Arc<EventFile>, ByEvent)>,
    kept: usize,
}

impl Validators {
    /// Validates a payload. Returns `None` if the file contains no valid schema for the event type.
    pub fn violations(
        &self,
        file: &Arc<EventFile>,
        event_type: &str,
        payload: &Value,
    ) -> Option<Vec<RequestViolation>> {
        match select(file, event_type, payload)? {
            Ok(event) => Some(violations(&*self.validator(file, event)?, payload)),
            Err(unknown) => Some(vec![unknown]),
        }
    }

    fn validator(&self, file: &Arc<EventFile>, event: &SchemaEvent) -> Option<Arc<Validator>> {
        let address = Arc::as_ptr(file) as usize;
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().files.get(&address).and_then(|(_, events)| events.get(&event.name)) {
            return found.clone();
        }
        // Compiled without the lock, because a large schema takes milliseconds.
        let schema = event.schema.as_deref().and_then(|schema| serde_json::from_str(schema.get()).ok());
        let validator = schema.and_then(|schema| compile(schema, |name| definition(file, name))).map(Arc::new);
        let mut compiled = lock();
        if compiled.kept >= KEPT_MAX {
            *compiled = Compiled::default();
        }
        compiled.kept += 1;
        let (_, events) = compiled.files.entry(address).or_insert_with(|| (file.clone(), ByEvent::new()));
        events.insert(event.name.clone(), validator.clone());
        validator
    }
}

fn definition(file: &EventFile, name: &str) -> Option<Value> {
    file.definitions.get(name).and_then(|schema| serde_json::from_str(schema.get()).ok())
}

/// Returns the event that a payload must match, by its action if several events have the type. `None` if no event with
/// a schema has the type.
fn select<'f>(
    file: &'f EventFile,
    event_type: &str,
    payload: &Value,
) -> Option<Result<&'f SchemaEvent, RequestViolation>> {
    let events = || file.events.iter().filter(|event| event.schema.is_some() && event.sent_as() == event_type);
    let action = payload.get("action").and_then(Value::as_str);
    let by_action = events().find(|event| event.action.is_some() && event.action.as_deref() == action);
    if let Some(event) = by_action.or_else(|| events().find(|event| event.action.is_none())) {
        return Some(Ok(event));
    }
    let actions: Vec<&str> = events().filter_map(|event| event.action.as_deref()).collect();
    let message = match action {
        _ if actions.is_empty() => return None,
        Some(action) => format!("{action:?} is not an action of {event_type}. Known actions: {}.", actions.join(", ")),
        None => format!("The action is missing. Known actions of {event_type}: {}.", actions.join(", ")),
    };
    Some(Err(RequestViolation { path: "action".into(), message: shortened(&message) }))
}

/// Compiles a schema with the definitions that it needs. Returns `None` if the schema is invalid.
pub(crate) fn compile(schema: Value, definition: impl Fn(&str) -> Option<Value>) -> Option<Validator> {
    let mut needed = BTreeSet::new();
    references(&schema, &mut needed);
    let (mut open, mut definitions) = (needed.clone(), BTreeMap::new());
    while let Some(name) = open.pop_first() {
        let Some(found) = definition(&name) else { continue };
        let mut further = BTreeSet::new();
        references(&found, &mut further);
        open.extend(further.into_iter().filter(|name| needed.insert(name.clone())));
        definitions.insert(name, found);
    }
    let mut whole = match schema {
        Value::Object(fields) => fields,
        other => Map::from_iter([("allOf".to_owned(), json!([other]))]),
    };
    whole.insert("$defs".into(), Value::Object(definitions.into_iter().collect()));
    // Formats are annotations, as in JSON Schema by default: senders rarely keep to them.
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(false);
    let options = options.with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(PATTERN_STEPS_MAX));
    options.build(&Value::Object(whole)).ok()
}

/// Collects the names of the definitions that a schema refers to.
fn references(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
                    Some(name) if key == "$ref" => drop(into.insert(name.to_owned())),
                    _ => references(value, into),
                }
            }
        }
        _ => {}
    }
}

/// Returns the first differences between a payload and a schema.
pub(crate) fn violations(validator: &Validator, payload: &Value) -> Vec<RequestViolation> {
    let mut found: Vec<RequestViolation> = Vec::new();
    for error in validator.iter_errors(payload) {
        closest(&error, &mut found, 0);
        if found.len() >= VIOLATIONS_MAX {
            break;
        }
    }
    found.truncate(VIOLATIONS_MAX);
    found
}

/// Adds an error. Of alternatives, the differences to the closest one are added.
fn closest(error: &ValidationError<'_>, into: &mut Vec<RequestViolation>, depth: usize) {
    let alternatives = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => context.as_slice(),
        // The pattern could not be evaluated, which says nothing about the value.
        ValidationErrorKind::BacktrackLimitExceeded { .. } | ValidationErrorKind::RegexEngineFailure { .. } => return,
        _ => &[],
    };
    // An alternative of another type, such as null, is not what the sender meant.
    let other_type = |errors: &[ValidationError<'_>]| {
        errors.iter().any(|inner| {
            matches!(inner.kind(), ValidationErrorKind::Type { .. }) && inner.instance_path() == error.instance_path()
        })
    };
    let nearest = alternatives.iter().min_by_key(|errors| (other_type(errors), errors.len()));
    match nearest.filter(|errors| depth < 8 && !errors.is_empty() && !other_type(errors)) {
        Some(errors) => errors.iter().for_each(|inner| closest(inner, into, depth + 1)),
        None => {
            let violation = RequestViolation { path: path(error), message: message(error) };
            if !into.contains(&violation) {
                into.push(violation);
            }
        }
    }
}

fn path(error: &ValidationError<'_>) -> String {
    let mut path = String::new();
    for segment in error.instance_path() {
        match segment {
            LocationSegment::Property(name) => {
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(&hookbench_query::key_in_path(&name));
            }
            LocationSegment::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

fn message(error: &ValidationError<'_>) -> String {
    let text = match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("The field {:?} is missing.", property.as_str().unwrap_or_default())
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            format!("The schema does not allow the fields {}.", unexpected.join(", "))
        }
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            "The value matches none of the alternatives.".into()
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => "The value matches more than one of the alternatives.".into(),
        _ => {
            let text = error.to_string();
            let text = text.trim_end_matches('.');
            return format!("{}.", shortened(text).trim_end_matches('.'));
        }
    };
    shortened(&text)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
