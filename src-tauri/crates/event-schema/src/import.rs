//! Import of the events of a vendor.

use std::collections::{BTreeMap, BTreeSet};

use hookbench_provider::{EventFile, Sample, SchemaEvent};
use serde_json::{Value, json, value::RawValue};

use crate::{
    definitions::Definitions,
    document::{self, Document, DocumentError},
    generate,
};

/// Maximum length of a description, in characters.
const ABOUT_MAX: usize = 160;

/// Maximum number of warnings.
const WARNINGS_MAX: usize = 50;

/// Fields that contain the event type in the payloads of most vendors, in the order in which they are tried.
const TYPE_FIELDS: &[&str] =
    &["type", "event", "event_type", "eventType", "event.type", "eventName", "event_name", "topic", "trigger", "kind"];

/// Fields that contain the event ID.
const ID_FIELDS: &[&str] = &["event_id", "eventId", "webhook_id", "id"];

/// Headers that contain the event ID: Standard Webhooks, and Svix, which it is derived from.
const ID_HEADERS: &[&str] = &["webhook-id", "svix-id"];

/// Event as a document describes it.
#[derive(Debug, Clone)]
pub(crate) struct DescribedEvent {
    /// Name in the document.
    pub(crate) name: String,
    /// Description.
    pub(crate) about: String,
    /// Schema of the payload, as copied to the definitions.
    pub(crate) schema: Option<Value>,
    /// Example payload of the document.
    pub(crate) example: Option<Value>,
    /// Headers of the request, each with its value if there is only one.
    pub(crate) headers: Vec<(String, Option<String>)>,
}

/// Imported events, and what the documents say about the requests of the vendor.
#[derive(Debug)]
pub struct Import {
    /// Title of the API.
    pub title: Option<String>,
    /// The events.
    pub file: EventFile,
    /// Location of the event type, in the form of a provider file, such as `json:type`. `None` if the documents do not
    /// say it.
    pub event_type: Option<String>,
    /// Location of the event ID, in the same form.
    pub event_id: Option<String>,
    /// What could not be imported as described, as sentences.
    pub warnings: Vec<String>,
}

/// Imports the events of documents, with generated samples.
///
/// # Errors
///
/// Returns an error if the documents describe no events, or too many.
pub fn import(documents: &[Document]) -> Result<Import, DocumentError> {
    let mut definitions = Definitions::new(documents);
    let described = document::events(documents, &mut definitions)?;
    let missing = definitions.missing.iter();
    let missing =
        missing.map(|reference| format!("The reference {reference:?} leads nowhere. Its values are not validated."));
    let patterns = definitions.unsupported();
    let patterns = patterns.map(|pattern| format!("The pattern {pattern:?} cannot be evaluated and is not validated."));
    let mut warnings: Vec<String> = missing.chain(patterns).collect();
    let definitions = definitions.copied;
    // Descriptions are split only if the events then differ by a field.
    let split = expanded(described.clone(), &definitions);
    let (described, place) = match TypePlace::of(&split, &definitions) {
        place @ TypePlace::Field { .. } => (split, place),
        _ => {
            let place = TypePlace::of(&described, &definitions);
            (described, place)
        }
    };
    let slugs = are_slugs(&described, &definitions);
    let mut all: Vec<SchemaEvent> = described.iter().map(|one| named(one, &place, slugs, &definitions)).collect();
    group(&mut all, &described, &definitions);
    let (mut events, mut names) = (Vec::new(), BTreeSet::new());
    for (mut event, one) in all.into_iter().zip(&described) {
        if !names.insert(event.name.clone()) {
            warnings.push(format!(
                "The event {:?} is described more than once. The first description is used.",
                event.name
            ));
            continue;
        }
        let (sample, mismatch) = generate::sample(one, &definitions);
        warnings.extend(mismatch.map(|violation| {
            format!("The generated sample of {:?} does not match its schema: {violation}", event.name)
        }));
        event.sample = Sample::new(&sample);
        events.push(event);
    }
    let more = warnings.len().saturating_sub(WARNINGS_MAX);
    warnings.truncate(WARNINGS_MAX);
    warnings.extend((more > 0).then(|| format!("There are {more} further warnings.")));
    let id_field = field(&described, &definitions, ID_FIELDS);
    let headers = || described.iter().flat_map(|event| &event.headers).map(|(name, _)| name.as_str());
    let id_header = ID_HEADERS.iter().find(|id| headers().any(|name| name.eq_ignore_ascii_case(id)));
    Ok(Import {
        title: document::title(documents),
        event_type: place.place(),
        event_id: id_header.map(|name| format!("header:{name}")).or(id_field.map(|name| format!("json:{name}"))),
        file: EventFile {
            source: documents.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", "),
            events,
            definitions: definitions.iter().filter_map(|(name, schema)| Some((name.clone(), raw(schema)?))).collect(),
        },
        warnings,
    })
}

fn raw(value: &Value) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(value).ok()
}

/// Location of the event type in the requests.
#[derive(Debug)]
enum TypePlace {
    /// Field. If `with_action` is true, events with the same value differ by their action.
    Field { name: &'static str, with_action: bool },
    /// Header with one value for each event.
    Header(String),
    /// The documents do not say it.
    Unknown,
}

impl TypePlace {
    fn of(events: &[DescribedEvent], definitions: &BTreeMap<String, Value>) -> Self {
        let described: Vec<_> =
            events.iter().filter(|event| event.schema.is_some() || event.example.is_some()).collect();
        // A few events can be described worse than the others.
        let usual = |number: usize| number > 0 && number * 5 >= described.len() * 4;
        let is_own = |name: &str, with_action: bool| {
            let values = described.iter().filter_map(|event| {
                let action = action(event, definitions).filter(|_| with_action);
                Some((type_at(event, name, definitions)?, action))
            });
            let values: Vec<_> = values.collect();
            usual(values.len()) && values.iter().collect::<BTreeSet<_>>().len() == values.len()
        };
        for with_action in [false, true] {
            if let Some(name) = TYPE_FIELDS.iter().find(|name| is_own(name, with_action)) {
                return Self::Field { name, with_action };
            }
        }
        let names = events.first().into_iter().flat_map(|event| &event.headers).map(|(name, _)| name);
        let in_all = |name: &&String| {
            let values: BTreeSet<_> = events.iter().map(|event| header(event, name)).collect();
            values.len() == events.len() && !values.contains(&None)
        };
        names.into_iter().find(in_all).map_or(Self::Unknown, |name| Self::Header(name.clone()))
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Field { name, .. } => Some(format!("json:{name}")),
            Self::Header(name) => Some(format!("header:{name}")),
            Self::Unknown => None,
        }
    }
}

/// Returns the value of a header of an event, if there is only one.
fn header<'e>(event: &'e DescribedEvent, name: &str) -> Option<&'e str> {
    let mut headers = event.headers.iter();
    headers.find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_deref())
}

/// Returns the value of a field of an event, if there is only one.
fn type_at<'e>(event: &'e DescribedEvent, name: &str, definitions: &'e BTreeMap<String, Value>) -> Option<&'e str> {
    match (&event.schema, &event.example) {
        (Some(schema), _) => only_value(at_path(schema, name, definitions)?)?.as_str(),
        (None, Some(example)) => example.pointer(&format!("/{}", name.replace('.', "/")))?.as_str(),
        (None, None) => None,
    }
}

/// Returns the first of `names` that is a field of every event.
fn field(
    events: &[DescribedEvent],
    definitions: &BTreeMap<String, Value>,
    names: &[&'static str],
) -> Option<&'static str> {
    let has = |event: &&DescribedEvent, name: &str| match (&event.schema, &event.example) {
        (Some(schema), _) => at_path(schema, name, definitions).is_some(),
        (None, example) => example.as_ref().is_some_and(|example| example.get(name).is_some_and(Value::is_string)),
    };
    let described: Vec<_> = events.iter().filter(|event| event.schema.is_some() || event.example.is_some()).collect();
    names.iter().copied().find(|name| !described.is_empty() && described.iter().all(|event| has(event, name)))
}

/// Maximum number of events that one description is split into.
const SPLIT_MAX: usize = 100;

/// Splits descriptions of several events: alternatives that each have a type, and lists of types.
fn expanded(events: Vec<DescribedEvent>, definitions: &BTreeMap<String, Value>) -> Vec<DescribedEvent> {
    let alternatives = events.into_iter().flat_map(|event| by_alternative(event, definitions));
    alternatives.flat_map(|event| by_type(event, definitions)).collect()
}

fn by_alternative(event: DescribedEvent, definitions: &BTreeMap<String, Value>) -> Vec<DescribedEvent> {
    let schema = event.schema.as_ref().map(|schema| target(schema, definitions));
    let several = schema.filter(|schema| schema.get("properties").is_none()).and_then(|schema| {
        ["oneOf", "anyOf"].iter().find_map(|key| schema.get(key)?.as_array()).filter(|several| several.len() > 1)
    });
    let has_type =
        |one: &Value| TYPE_FIELDS.iter().any(|name| at_path(one, name, definitions).and_then(values).is_some());
    let Some(several) = several.filter(|several| several.len() <= SPLIT_MAX && several.iter().all(has_type)) else {
        return vec![event];
    };
    let split = several.iter().enumerate().map(|(place, one)| {
        let last = one.get("$ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next());
        let name = last.map_or_else(|| format!("{}-{}", event.name, place + 1), str::to_owned);
        DescribedEvent { name, schema: Some(one.clone()), example: None, ..event.clone() }
    });
    split.collect()
}

/// Returns the values of a schema that allows a list of texts.
fn values(schema: &Value) -> Option<Vec<&str>> {
    match only_value(schema) {
        Some(one) => Some(vec![one.as_str()?]),
        None => schema.get("enum")?.as_array()?.iter().map(Value::as_str).collect(),
    }
}

fn by_type(event: DescribedEvent, definitions: &BTreeMap<String, Value>) -> Vec<DescribedEvent> {
    let Some(schema) = &event.schema else { return vec![event] };
    let several = TYPE_FIELDS.iter().filter(|name| !name.contains('.')).find_map(|name| {
        let values = values(at_path(schema, name, definitions)?)?;
        (2..=SPLIT_MAX).contains(&values.len()).then_some((*name, values))
    });
    let Some((name, values)) = several else { return vec![event] };
    let split = values.iter().map(|value| {
        let schema = json!({ "allOf": [schema, { "properties": { name: { "const": value } } }] });
        DescribedEvent { name: (*value).to_owned(), schema: Some(schema), example: None, ..event.clone() }
    });
    split.collect()
}

/// Returns the schema of the field at a path such as `event.type`.
fn at_path<'s>(schema: &'s Value, path: &str, definitions: &'s BTreeMap<String, Value>) -> Option<&'s Value> {
    path.split('.').try_fold(schema, |schema, name| property(schema, name, definitions, 0))
}

/// Returns the schema of a property, also from `allOf` and references.
fn property<'s>(
    schema: &'s Value,
    name: &str,
    definitions: &'s BTreeMap<String, Value>,
    depth: usize,
) -> Option<&'s Value> {
    let schema = target(schema, definitions);
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    let own = own.map(|schema| target(schema, definitions));
    let parts = || schema.get("allOf").and_then(Value::as_array).into_iter().flatten().rev();
    // The most specific value is preferred: a base schema often describes the type as any text.
    let mut inherited = parts().filter(|_| depth < 8).filter_map(|part| property(part, name, definitions, depth + 1));
    match own {
        Some(own) if only_value(own).is_some() => Some(own),
        _ => inherited.next().or(own),
    }
}

/// Follows the references of a copied schema.
pub(crate) fn target<'s>(mut schema: &'s Value, definitions: &'s BTreeMap<String, Value>) -> &'s Value {
    for _ in 0..32 {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/$defs/"));
        let Some(found) = name.and_then(|name| definitions.get(name)) else { break };
        schema = found;
    }
    schema
}

/// Returns the value of a schema that allows only one.
pub(crate) fn only_value(schema: &Value) -> Option<&Value> {
    schema.get("const").or_else(|| match schema.get("enum")?.as_array()?.as_slice() {
        [one] => Some(one),
        _ => None,
    })
}

fn action<'s>(event: &'s DescribedEvent, definitions: &'s BTreeMap<String, Value>) -> Option<&'s str> {
    only_value(property(event.schema.as_ref()?, "action", definitions, 0)?)?.as_str()
}

fn slug(text: &str) -> String {
    text.replace('_', "-")
}

/// Returns true if the names are in kebab case although the vendor's own names contain underscores. The actions tell,
/// because they are part of both: `code-scanning-alert-closed-by-user` with the action `closed_by_user`.
fn are_slugs(events: &[DescribedEvent], definitions: &BTreeMap<String, Value>) -> bool {
    let mut actions = events.iter().filter_map(|event| Some((event, action(event, definitions)?)));
    actions.any(|(event, action)| action.contains('_') && event.name.ends_with(&slug(action)))
        && !events.iter().any(|event| event.name.contains('_'))
}

/// Returns the event with its name and type, without a sample.
fn named(event: &DescribedEvent, place: &TypePlace, slugs: bool, definitions: &BTreeMap<String, Value>) -> SchemaEvent {
    let own = |name: &str| if slugs { name.replace('-', "_") } else { name.to_owned() };
    let sent = match place {
        TypePlace::Field { name, .. } => type_at(event, name, definitions),
        TypePlace::Header(name) => header(event, name),
        TypePlace::Unknown => None,
    };
    let with_action = matches!(place, TypePlace::Field { with_action: true, .. });
    let (name, kind, action) = match (sent, action(event, definitions)) {
        (Some(sent), Some(action)) if with_action => {
            (format!("{sent}.{action}"), Some(sent.to_owned()), Some(action.to_owned()))
        }
        (Some(sent), _) => (sent.to_owned(), None, None),
        // The name of an event that is one of several of its type ends with the action.
        (None, Some(action)) => {
            let ends = [action.to_owned(), slug(action)];
            let start = ends.iter().find_map(|end| event.name.strip_suffix(end.as_str()));
            let kind = start.map(|start| own(start.trim_end_matches(['-', '_', '.', '/', ' ', '$'])));
            match kind.filter(|kind| !kind.is_empty()) {
                Some(kind) => (format!("{kind}.{action}"), Some(kind), Some(action.to_owned())),
                None => (own(&event.name), None, None),
            }
        }
        (None, None) => (own(&event.name), None, None),
    };
    let schema = event.schema.as_ref().and_then(raw);
    SchemaEvent { name, kind, action, about: shortened(&event.about), sample: Sample::new(&Value::Null), schema }
}

/// Finds the type of events whose name does not end with their action, such as `user_was_renamed` with the action
/// `rename`: the longest type of another event that the name begins with.
fn group(events: &mut [SchemaEvent], described: &[DescribedEvent], definitions: &BTreeMap<String, Value>) {
    let kinds: BTreeSet<String> = events.iter().filter_map(|event| event.kind.clone()).collect();
    for (event, one) in events.iter_mut().zip(described) {
        let Some(action) = action(one, definitions).filter(|_| event.kind.is_none()) else { continue };
        let begins =
            |kind: &&String| event.name.strip_prefix(kind.as_str()).is_some_and(|rest| rest.starts_with(['_', '-']));
        if let Some(kind) = kinds.iter().filter(begins).max_by_key(|kind| kind.len()) {
            event.name = format!("{kind}.{action}");
            (event.kind, event.action) = (Some(kind.clone()), Some(action.to_owned()));
        }
    }
}

/// Returns the first sentence of a description.
fn shortened(about: &str) -> String {
    let line = about.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let sentence = line.split_once(". ").map_or(line, |(first, _)| first);
    match sentence.char_indices().nth(ABOUT_MAX) {
        Some((end, _)) => format!("{}…", &sentence[..end]),
        None => sentence.trim_end_matches('.').to_owned(),
    }
}
