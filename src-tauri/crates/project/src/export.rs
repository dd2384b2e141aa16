//! A project file written from what is there.

use std::collections::BTreeMap;

use hookbench_model::{EndpointSettings, Forward, InboxResponse, MASK, ResponseRule, Settings, Tunnel, TunnelKind};
use hookbench_provider::is_secret_header;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Existing, ProjectInbox, ProjectTunnel};

/// Marks a text that is written as a reference to an environment variable.
const ENV: &str = "\u{0}env:";

/// Writes a project file from what is there. A secret becomes a reference to an environment variable. Returns the text
/// and the names of these variables.
///
/// # Errors
///
/// Returns a message if a value cannot be written as TOML.
pub fn export(name: &str, existing: &Existing) -> Result<(String, Vec<String>), String> {
    let mut variables = Vec::new();
    let mut whole = Map::new();
    whole.insert("name".into(), name.into());
    let settings = without_defaults(&existing.settings, &Settings::default());
    insert(&mut whole, "settings", settings);
    let mut inboxes = Map::new();
    for (inbox, _) in &existing.inboxes {
        let verification = inbox.verification.clone();
        let mut written = ProjectInbox {
            response: InboxResponse { file: None, ..inbox.response.clone() },
            status_by_path: inbox.status_by_path,
            rules: inbox.rules.iter().map(|rule| ResponseRule { id: String::new(), ..rule.clone() }).collect(),
            forwards: inbox.forwards.iter().filter(|forward| !forward.ephemeral).map(own_forward).collect(),
            provider: verification.provider,
            scheme: verification.scheme,
            params: verification.params,
            url: verification.url,
            ..ProjectInbox::default()
        };
        let secrets = inbox.verification.secrets.len();
        let mut secrets = (1..=secrets).map(|number| reference(&[&inbox.name, "secret"], number, &mut variables));
        written.secret = secrets.next();
        written.secrets = secrets.collect();
        for forward in &mut written.forwards {
            for (header, value) in &mut forward.headers.set {
                if value == MASK {
                    *value = reference(&[&inbox.name, header], 1, &mut variables);
                }
            }
            if forward.to.contains(MASK) {
                forward.to = reference(&[&inbox.name, "forward", "url"], 1, &mut variables);
            }
        }
        inboxes.insert(inbox.name.clone(), inbox_value(&written));
    }
    insert(&mut whole, "inbox", Value::Object(inboxes));
    let mut endpoints = Map::new();
    for (endpoint, _) in &existing.endpoints {
        let key = unused(&endpoint.settings.name, &endpoint.id, &endpoints);
        endpoints.insert(key.clone(), endpoint_value(&key, &endpoint.settings, &mut variables));
    }
    insert(&mut whole, "endpoint", Value::Object(endpoints));
    let scenarios = existing.scenarios.iter().filter(|scenario| scenario.own);
    let scenarios: BTreeMap<&str, &str> = scenarios.map(|one| (one.id.as_str(), one.file.as_str())).collect();
    insert(&mut whole, "scenario", serde_json::to_value(scenarios).unwrap_or_default());
    let tunnels = tunnels(&existing.tunnels, &mut variables);
    insert(&mut whole, "tunnel", Value::Object(tunnels));
    let text = toml::to_string(&to_toml(Value::Object(whole))).map_err(|error| error.to_string())?;
    variables.sort();
    variables.dedup();
    Ok((text, variables))
}

/// Returns the section of the tunnels.
fn tunnels(existing: &[Tunnel], variables: &mut Vec<String>) -> Map<String, Value> {
    let mut tunnels = Map::new();
    for tunnel in existing {
        let mut written = ProjectTunnel {
            expose: tunnel.exposures.iter().map(|one| (one.inbox.clone(), one.settings.clone())).collect(),
            ..ProjectTunnel::default()
        };
        match &tunnel.kind {
            TunnelKind::Relay { device } => {
                (written.relay, written.device) = (Some(tunnel.name.clone()), Some(device.clone()));
                written.code = Some(reference(&["relay", "code"], 1, variables));
            }
            TunnelKind::Ssh { remote, .. } => {
                (written.ssh, written.remote) = (Some(tunnel.name.clone()), Some(remote.clone()));
            }
            TunnelKind::Other { url, .. } => written.url = Some(url.clone()),
        }
        for (inbox, settings) in &mut written.expose {
            if let Some(basic) = &mut settings.basic {
                basic.password = reference(&[inbox, "password"], 1, variables);
            }
        }
        let key = unused("", &format!("tunnel-{}", tunnels.len() + 1), &tunnels);
        tunnels.insert(key, tunnel_value(&written));
    }
    tunnels
}

fn own_forward(forward: &Forward) -> Forward {
    Forward { id: String::new(), since: 0, ..forward.clone() }
}

/// Returns a key that is not in use: the name, or else the alternative.
fn unused(name: &str, otherwise: &str, taken: &Map<String, Value>) -> String {
    if name.is_empty() || taken.contains_key(name) { otherwise.to_owned() } else { name.to_owned() }
}

fn insert(whole: &mut Map<String, Value>, key: &str, value: Value) {
    if value.as_object().is_some_and(|members| !members.is_empty()) {
        whole.insert(key.to_owned(), value);
    }
}

/// Returns a marked text that refers to an environment variable named after these parts.
fn reference(parts: &[&str], number: usize, variables: &mut Vec<String>) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    let mut name: String = parts.join("_").chars().map(letter).collect();
    if number > 1 {
        name = format!("{name}_{number}");
    }
    variables.push(name.clone());
    format!("{ENV}{name}")
}

fn inbox_value(inbox: &ProjectInbox) -> Value {
    let mut value = without_defaults(inbox, &ProjectInbox::default());
    let forward = serde_json::to_value(own_forward(&Forward::to(String::new()))).unwrap_or_default();
    let rule = ResponseRule {
        id: String::new(),
        name: String::new(),
        enabled: true,
        when: String::new(),
        responses: Vec::new(),
        per: hookbench_model::SequencePer::default(),
        at_end: hookbench_model::SequenceEnd::default(),
    };
    let (rule, response) = (
        serde_json::to_value(rule).unwrap_or_default(),
        serde_json::to_value(InboxResponse::default()).unwrap_or_default(),
    );
    for item in value["forwards"].as_array_mut().into_iter().flatten() {
        remove_defaults(item, &forward);
    }
    for item in value["rules"].as_array_mut().into_iter().flatten() {
        remove_defaults(item, &rule);
        item["responses"].as_array_mut().into_iter().flatten().for_each(|one| remove_defaults(one, &response));
    }
    remove_empty(&mut value);
    value
}

fn endpoint_value(key: &str, settings: &EndpointSettings, variables: &mut Vec<String>) -> Value {
    let mut written = EndpointSettings { name: String::new(), secrets: Vec::new(), ..settings.clone() };
    for header in &mut written.headers {
        if header.secret || is_secret_header(header.name.as_bytes()) {
            header.value = reference(&[key, &header.name], 1, variables);
        }
    }
    if written.client_certificate.is_some() {
        written.client_certificate = Some(reference(&[key, "client", "certificate"], 1, variables));
    }
    if written.url.contains(MASK) {
        written.url = reference(&[key, "url"], 1, variables);
    }
    let defaults = EndpointSettings { local_test: false, ..EndpointSettings::to(String::new()) };
    let mut value = without_defaults(&written, &defaults);
    value["url"] = written.url.into();
    value["provider"] = written.provider.into();
    if !settings.secrets.is_empty() {
        value["secret"] = reference(&[key, "secret"], 1, variables).into();
    }
    remove_empty(&mut value);
    value
}

fn tunnel_value(tunnel: &ProjectTunnel) -> Value {
    let mut value = without_defaults(tunnel, &ProjectTunnel::default());
    let exposure = serde_json::to_value(hookbench_model::ExposureSettings::default()).unwrap_or_default();
    for settings in value["expose"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        remove_defaults(settings, &exposure);
    }
    value
}

/// Returns values without those that are the default.
fn without_defaults<T: Serialize>(values: &T, defaults: &T) -> Value {
    let mut values = serde_json::to_value(values).unwrap_or_default();
    remove_defaults(&mut values, &serde_json::to_value(defaults).unwrap_or_default());
    remove_empty(&mut values);
    values
}

fn remove_defaults(value: &mut Value, default: &Value) {
    let Value::Object(members) = value else { return };
    members.retain(|name, value| !value.is_null() && default.get(name) != Some(value));
    for (name, value) in members.iter_mut() {
        if let Some(default @ Value::Object(_)) = default.get(name) {
            remove_defaults(value, default);
        }
    }
}

/// Removes null and empty objects, which a missing key means as well.
fn remove_empty(value: &mut Value) {
    if let Value::Object(members) = value {
        members.values_mut().for_each(remove_empty);
        members.retain(|_, value| !value.is_null() && value.as_object().is_none_or(|inner| !inner.is_empty()));
    }
}

/// Converts to TOML. Marked texts become references.
fn to_toml(value: Value) -> toml::Value {
    match value {
        Value::Null => toml::Value::String(String::new()),
        Value::Bool(value) => value.into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => match text.strip_prefix(ENV) {
            Some(name) => toml::Table::from_iter([("env".to_owned(), name.to_owned().into())]).into(),
            None => text.into(),
        },
        Value::Array(items) => toml::Value::Array(items.into_iter().map(to_toml).collect()),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, to_toml(value))).collect::<toml::Table>().into()
        }
    }
}
