//! Differences between a project file and what is there.

use std::collections::BTreeMap;

use hookbench_model::{
    Endpoint, EndpointSecret, EndpointSettings, ExposureSettings, Forward, Inbox, InboxResponse, MASK, Project,
    ProjectResource, ProjectResourceType, ResponseRule, Scenario, Settings, Tunnel, TunnelKind, TunnelNew,
    VerificationSettings, masked_url,
};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{ProjectFile, ProjectTunnel};

/// What is there before a project file is applied.
#[derive(Debug, Clone)]
pub struct Existing {
    /// Settings of the data folder.
    pub settings: Settings,
    /// Inboxes, each with its unmasked signing secrets.
    pub inboxes: Vec<(Inbox, Vec<String>)>,
    /// Endpoints, each with its unmasked signing secrets.
    pub endpoints: Vec<(Endpoint, Vec<EndpointSecret>)>,
    /// Custom scenarios.
    pub scenarios: Vec<Scenario>,
    /// Tunnels.
    pub tunnels: Vec<Tunnel>,
    /// Projects.
    pub projects: Vec<Project>,
}

/// Options of a plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanOptions {
    /// Lets the project manage resources that a person created.
    pub adopt: bool,
    /// Deletes inboxes although requests are stored in them.
    pub delete_requests: bool,
}

/// Settings of an inbox, in the form in which the API changes them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InboxTarget {
    /// Name of the inbox.
    pub name: String,
    /// Default response.
    pub response: InboxResponse,
    /// Verification of signatures.
    pub verification: VerificationSettings,
    /// Response rules.
    pub rules: Vec<ResponseRule>,
    /// True if requests to `/<inbox>/status/<code>` get a response with that status.
    pub status_by_path: bool,
    /// Forwards.
    pub forwards: Vec<Forward>,
}

/// The values that a change applies.
#[derive(Debug)]
pub enum Target {
    /// A change of the settings.
    Setting(Value),
    /// An inbox.
    Inbox(Box<InboxTarget>),
    /// An endpoint.
    Endpoint {
        /// Settings of the endpoint.
        settings: Box<EndpointSettings>,
        /// The settings as a change of the endpoint that is there.
        patch: Value,
    },
    /// The text of a scenario file.
    Scenario(String),
    /// A tunnel to create, unless it exists, and the inboxes that the tunnel exposes.
    Tunnel {
        /// The tunnel. `None` if the tunnel exists.
        new: Option<TunnelNew>,
        /// True if the tunnel exists and is stopped.
        start: bool,
        /// Inboxes to expose, with their settings.
        expose: Vec<(String, ExposureSettings)>,
        /// Inboxes that are no longer exposed.
        unexpose: Vec<String>,
    },
    /// Nothing, because the resource is deleted or left alone.
    Nothing,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The resource is created.
    Create,
    /// The resource is changed.
    Update,
    /// The resource is deleted.
    Delete,
    /// The resource is kept and no longer managed.
    Release,
    /// The setting gets the value from before the project, and is no longer managed.
    Restore,
    /// The resource is kept and stays managed, because deleting it would lose requests.
    Keep,
    /// The file cannot be applied, because the resource was created by hand or belongs to another project.
    Conflict,
}

/// A difference between a value and the project file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Path of the value, such as `response.status`.
    pub name: String,
    /// Current value, as JSON. Secrets are masked.
    pub before: String,
    /// Value in the file, as JSON. Secrets are masked.
    pub after: String,
}

/// A change of a resource.
#[derive(Debug, Serialize)]
pub struct PlannedChange {
    /// What happens.
    pub action: Action,
    /// Type of the resource.
    #[serde(rename = "type")]
    pub resource_type: ProjectResourceType,
    /// Name of the resource in the project file.
    pub key: String,
    /// Values that change.
    pub fields: Vec<FieldChange>,
    /// Reason, in one sentence.
    pub reason: Option<String>,
    /// Record of the resource after the change. The ID is empty until the resource is created.
    #[serde(skip)]
    pub record: ProjectResource,
    /// Values to apply.
    #[serde(skip)]
    pub target: Target,
}

/// The changes that apply a project file, in order.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Name of the project.
    pub project: String,
    /// Changes, in the order in which they are applied.
    pub changes: Vec<PlannedChange>,
    /// Records of the resources that the project manages before the changes.
    #[serde(skip)]
    pub records: Vec<ProjectResource>,
}

impl PlannedChange {
    /// Returns the name of the section of the project file that contains the resource.
    pub fn section(&self) -> &'static str {
        match self.resource_type {
            ProjectResourceType::Setting => "settings",
            other => other.as_str(),
        }
    }
}

impl Plan {
    /// Returns true if applying the plan would change something.
    pub fn is_pending(&self) -> bool {
        self.changes.iter().any(|change| change.action != Action::Keep)
    }
}

/// Compares a project file with what is there.
pub fn plan(project: &str, file: &ProjectFile, existing: &Existing, options: PlanOptions) -> Plan {
    let known = existing.projects.iter().find(|known| known.name == project);
    let records = known.map(|known| known.resources.clone()).unwrap_or_default();
    let mut planner = Planner { project, existing, options, records: &records, changes: Vec::new() };
    planner.settings(&file.settings);
    file.inbox.iter().for_each(|(key, inbox)| planner.inbox(key, inbox));
    file.endpoint.iter().for_each(|(key, endpoint)| planner.endpoint(key, endpoint));
    file.scenario.iter().for_each(|(key, text)| planner.scenario(key, text));
    file.tunnel.iter().for_each(|(key, tunnel)| planner.tunnel(key, tunnel));
    let gone = records.iter().filter(|record| match record.resource_type {
        ProjectResourceType::Setting => !leaves(&Value::Object(file.settings.clone())).contains_key(&record.key),
        ProjectResourceType::Inbox => !file.inbox.contains_key(&record.key),
        ProjectResourceType::Endpoint => !file.endpoint.contains_key(&record.key),
        ProjectResourceType::Scenario => !file.scenario.contains_key(&record.key),
        ProjectResourceType::Tunnel => !file.tunnel.contains_key(&record.key),
    });
    // Tunnels are deleted before the inboxes that they expose.
    let mut gone: Vec<&ProjectResource> = gone.collect();
    gone.sort_by_key(|record| std::cmp::Reverse(record.resource_type));
    gone.into_iter().for_each(|record| planner.remove(record));
    Plan { project: project.to_owned(), changes: planner.changes, records }
}

struct Planner<'p> {
    project: &'p str,
    existing: &'p Existing,
    options: PlanOptions,
    records: &'p [ProjectResource],
    changes: Vec<PlannedChange>,
}

impl Planner<'_> {
    fn recorded(&self, resource_type: ProjectResourceType, key: &str) -> Option<&ProjectResource> {
        self.records.iter().find(|record| record.resource_type == resource_type && record.key == key)
    }

    /// Returns the other project that manages a resource.
    fn other_project(&self, resource_type: ProjectResourceType, id: &str) -> Option<&Project> {
        self.existing.projects.iter().find(|other| {
            let manages = |one: &ProjectResource| one.resource_type == resource_type && one.id == id;
            other.name != self.project && other.resources.iter().any(manages)
        })
    }

    /// Adds the change that makes a resource what the file says. `found` is the ID of the resource that is there.
    fn resource(
        &mut self,
        (resource_type, key): (ProjectResourceType, &str),
        found: Option<&str>,
        digest: String,
        mut fields: Vec<FieldChange>,
        target: Target,
    ) {
        let was = self.recorded(resource_type, key).filter(|record| found == Some(&record.id)).cloned();
        let adopted = was.as_ref().map_or(found.is_some(), |was| was.adopted);
        let record = ProjectResource {
            resource_type,
            id: found.map_or_else(String::new, str::to_owned),
            key: key.to_owned(),
            digest,
            adopted,
            before: None,
        };
        let mut reason = None;
        let action = match (found, &was) {
            (None, _) => Action::Create,
            (Some(_), Some(was)) => {
                if fields.is_empty() && was.digest == record.digest {
                    return;
                }
                if fields.is_empty() {
                    fields.push(FieldChange { name: "secrets".into(), before: MASK.into(), after: MASK.into() });
                }
                Action::Update
            }
            (Some(id), None) => match self.other_project(resource_type, id) {
                Some(other) => {
                    reason = Some(managed_by(other));
                    Action::Conflict
                }
                None if self.options.adopt => {
                    reason = Some(format!("{} The file manages it from now on.", by_hand(resource_type)));
                    Action::Update
                }
                None => {
                    let how = "Rename one of the two, or pass --adopt to let the file manage it.";
                    reason = Some(format!("{} {how}", by_hand(resource_type)));
                    Action::Conflict
                }
            },
        };
        if action == Action::Create {
            fields.clear();
        }
        self.changes.push(PlannedChange { action, resource_type, key: key.to_owned(), fields, reason, record, target });
    }

    fn settings(&mut self, wanted: &Map<String, Value>) {
        let current = leaves(&serde_json::to_value(&self.existing.settings).unwrap_or_default());
        for (name, value) in leaves(&Value::Object(wanted.clone())) {
            let was = self.recorded(ProjectResourceType::Setting, &name).cloned();
            let before = current.get(&name).cloned().unwrap_or_default();
            if before == value {
                continue;
            }
            let record = ProjectResource {
                resource_type: ProjectResourceType::Setting,
                id: name.clone(),
                key: name.clone(),
                digest: digest(&value),
                adopted: false,
                before: Some(was.and_then(|was| was.before).unwrap_or_else(|| before.to_string())),
            };
            let other = self.other_project(ProjectResourceType::Setting, &name);
            let (action, reason) = match other {
                Some(other) => (Action::Conflict, Some(managed_by(other))),
                None => (Action::Update, None),
            };
            let field = FieldChange { name: name.clone(), before: before.to_string(), after: value.to_string() };
            let target = Target::Setting(nested(&name, value));
            self.changes.push(PlannedChange {
                action,
                resource_type: ProjectResourceType::Setting,
                key: name,
                fields: vec![field],
                reason,
                record,
                target,
            });
        }
    }

    fn inbox(&mut self, key: &str, wanted: &crate::ProjectInbox) {
        let name = self.recorded(ProjectResourceType::Inbox, key).map_or(key, |record| &record.id);
        let by_name = |name: &str| self.existing.inboxes.iter().find(|(inbox, _)| inbox.name == name);
        let found = by_name(name).or_else(|| by_name(key));
        let mut target = InboxTarget {
            name: key.to_owned(),
            response: wanted.response.clone(),
            verification: wanted.verification(),
            rules: wanted.rules.clone(),
            status_by_path: wanted.status_by_path,
            forwards: wanted.forwards.clone(),
        };
        let digest = digest(&target);
        let fields = found.map_or_else(Vec::new, |(inbox, secrets)| {
            let current = InboxTarget {
                name: inbox.name.clone(),
                response: inbox.response.clone(),
                verification: VerificationSettings { secrets: secrets.clone(), ..inbox.verification.clone() },
                rules: inbox.rules.clone(),
                status_by_path: inbox.status_by_path,
                // The forward of a running command is left alone.
                forwards: inbox.forwards.iter().filter(|forward| !forward.ephemeral).cloned().collect(),
            };
            keep_ids(&mut target, &current);
            differences(&current, &target)
        });
        let running = found.iter().flat_map(|(inbox, _)| &inbox.forwards).filter(|forward| forward.ephemeral);
        target.forwards = running.cloned().chain(target.forwards).collect();
        let found = found.map(|(inbox, _)| inbox.name.clone());
        let of = (ProjectResourceType::Inbox, key);
        self.resource(of, found.as_deref(), digest, fields, Target::Inbox(Box::new(target)));
    }

    fn endpoint(&mut self, key: &str, wanted: &EndpointSettings) {
        let id = self.recorded(ProjectResourceType::Endpoint, key).map(|record| record.id.as_str());
        let endpoints = || self.existing.endpoints.iter();
        let found = endpoints()
            .find(|(endpoint, _)| Some(endpoint.id.as_str()) == id)
            .or_else(|| endpoints().find(|(endpoint, _)| endpoint.settings.name == key));
        let mut target = EndpointSettings { name: key.to_owned(), ..wanted.clone() };
        let digest = digest(&target);
        let fields = found.map_or_else(Vec::new, |(endpoint, secrets)| {
            let current = EndpointSettings { secrets: secrets.clone(), ..endpoint.settings.clone() };
            if target.secrets.is_empty() {
                // A secret that Hookbench generated is kept.
                target.secrets.clone_from(&current.secrets);
            }
            differences(&current, &target)
        });
        let mut patch = serde_json::to_value(&target).unwrap_or_default();
        // A policy is changed value by value. Null removes an override.
        let overrides = found.map(|(endpoint, _)| serde_json::to_value(&endpoint.settings.policy).unwrap_or_default());
        for name in overrides.iter().filter_map(Value::as_object).flat_map(Map::keys) {
            if patch["policy"].get(name).is_none() {
                patch["policy"][name] = Value::Null;
            }
        }
        let found = found.map(|(endpoint, _)| endpoint.id.clone());
        let of = (ProjectResourceType::Endpoint, key);
        let target = Target::Endpoint { settings: Box::new(target), patch };
        self.resource(of, found.as_deref(), digest, fields, target);
    }

    fn scenario(&mut self, key: &str, text: &String) {
        let found = self.existing.scenarios.iter().find(|scenario| scenario.own && scenario.id == key);
        let change = FieldChange { name: "file".into(), before: "…".into(), after: "…".into() };
        let fields = found.filter(|scenario| scenario.file != *text).map(|_| change).into_iter().collect();
        let found = found.map(|scenario| scenario.id.as_str());
        let of = (ProjectResourceType::Scenario, key);
        self.resource(of, found, digest(text), fields, Target::Scenario(text.clone()));
    }

    fn tunnel(&mut self, key: &str, wanted: &ProjectTunnel) {
        let recorded = self.recorded(ProjectResourceType::Tunnel, key);
        let tunnels = || self.existing.tunnels.iter();
        let found = tunnels()
            .find(|tunnel| recorded.is_some_and(|record| record.id == tunnel.id))
            .filter(|tunnel| leads_alike(wanted, tunnel))
            .or_else(|| tunnels().find(|tunnel| leads_alike(wanted, tunnel)));
        let current: BTreeMap<&str, &ExposureSettings> = found
            .iter()
            .flat_map(|tunnel| &tunnel.exposures)
            .map(|exposure| (exposure.inbox.as_str(), &exposure.settings))
            .collect();
        let unexpose: Vec<String> = current
            .keys()
            .filter(|inbox| !wanted.expose.contains_key(**inbox))
            .map(|inbox| (*inbox).to_owned())
            .collect();
        let mut fields = match found {
            None => Vec::new(),
            Some(_) => differences(&current, &wanted.expose),
        };
        let start = found.is_some_and(|tunnel| !tunnel.on);
        if start {
            fields.push(FieldChange { name: "on".into(), before: "false".into(), after: "true".into() });
        }
        let replaced = recorded.filter(|record| found.is_none_or(|tunnel| tunnel.id != record.id)).cloned();
        let expose = wanted.expose.iter().map(|(inbox, settings)| (inbox.clone(), settings.clone())).collect();
        // The code of a relay can be used once. A new code does not change a tunnel that exists.
        let digest = digest(&ProjectTunnel { code: None, ..wanted.clone() });
        let new = if found.is_none() { wanted.new_tunnel() } else { None };
        let found = found.map(|tunnel| tunnel.id.as_str());
        let target = Target::Tunnel { new, start, expose, unexpose };
        // A tunnel to the earlier destination is deleted first.
        replaced.iter().for_each(|record| self.remove(record));
        self.resource((ProjectResourceType::Tunnel, key), found, digest, fields, target);
    }

    /// Adds the change that takes away a resource that is no longer in the file.
    fn remove(&mut self, record: &ProjectResource) {
        let existing = self.existing;
        let inbox = existing.inboxes.iter().map(|(inbox, _)| inbox).find(|inbox| inbox.name == record.id);
        let is_there = match record.resource_type {
            ProjectResourceType::Setting => true,
            ProjectResourceType::Inbox => inbox.is_some(),
            ProjectResourceType::Endpoint => existing.endpoints.iter().any(|(endpoint, _)| endpoint.id == record.id),
            ProjectResourceType::Scenario => existing.scenarios.iter().any(|one| one.own && one.id == record.id),
            ProjectResourceType::Tunnel => existing.tunnels.iter().any(|tunnel| tunnel.id == record.id),
        };
        let (mut fields, mut target) = (Vec::new(), Target::Nothing);
        let noun = record.resource_type.as_str();
        let current = leaves(&serde_json::to_value(&existing.settings).unwrap_or_default());
        let (action, reason) = match (record.resource_type, inbox.map_or(0, |inbox| inbox.requests)) {
            _ if !is_there => (Action::Release, Some(format!("The {noun} was deleted by hand."))),
            _ if record.adopted => (Action::Release, Some(by_hand(record.resource_type))),
            (ProjectResourceType::Setting, _)
                if current.get(&record.id).map(digest).as_ref() != Some(&record.digest) =>
            {
                (Action::Release, Some("The setting was changed by hand.".to_owned()))
            }
            (ProjectResourceType::Setting, _) => {
                let before: Value =
                    record.before.as_deref().and_then(|before| serde_json::from_str(before).ok()).unwrap_or_default();
                let now = current.get(&record.id).map(Value::to_string).unwrap_or_default();
                fields.push(FieldChange { name: record.id.clone(), before: now, after: before.to_string() });
                target = Target::Setting(nested(&record.id, before));
                (Action::Restore, None)
            }
            (ProjectResourceType::Inbox, requests) if requests > 0 && !self.options.delete_requests => {
                let stored = if requests == 1 { "1 request".into() } else { format!("{requests} requests") };
                (Action::Keep, Some(format!("The inbox contains {stored}. Pass --delete-requests to delete both.")))
            }
            _ => (Action::Delete, None),
        };
        self.changes.push(PlannedChange {
            action,
            resource_type: record.resource_type,
            key: record.key.clone(),
            fields,
            reason,
            record: record.clone(),
            target,
        });
    }
}

/// Says that a resource was created by hand.
fn by_hand(resource_type: ProjectResourceType) -> String {
    format!("The {} was created by hand.", resource_type.as_str())
}

/// Says which other project manages a resource.
fn managed_by(project: &Project) -> String {
    format!("The project {} ({}) manages it.", project.name, project.file)
}

/// Returns true if a tunnel of the file leads to the same place as a tunnel that is there.
fn leads_alike(wanted: &ProjectTunnel, tunnel: &Tunnel) -> bool {
    let same = |a: &str, b: &str| a.trim_end_matches('/') == b.trim_end_matches('/');
    match &tunnel.kind {
        TunnelKind::Relay { .. } => wanted.relay.as_ref().is_some_and(|relay| same(relay, &tunnel.name)),
        TunnelKind::Ssh { .. } => wanted.ssh.as_ref().is_some_and(|ssh| same(ssh, &tunnel.name)),
        TunnelKind::Other { url, .. } => {
            wanted.ssh.is_none() && wanted.url.as_ref().is_some_and(|wanted| same(wanted, url))
        }
    }
}

/// Gives rules and forwards the IDs of those that they replace, so that their counts and deliveries continue.
fn keep_ids(target: &mut InboxTarget, current: &InboxTarget) {
    let mut rules: Vec<&ResponseRule> = current.rules.iter().collect();
    for rule in &mut target.rules {
        let alike = |old: &&ResponseRule| (&old.name, &old.when) == (&rule.name, &rule.when);
        if let Some(at) = rules.iter().position(alike) {
            rule.id.clone_from(&rules.remove(at).id);
        }
    }
    let mut forwards: Vec<&Forward> = current.forwards.iter().collect();
    for forward in &mut target.forwards {
        let alike = |old: &&Forward| match forward.name.is_empty() {
            true => old.name.is_empty() && old.to == masked_url(&forward.to) && old.when == forward.when,
            false => old.name == forward.name,
        };
        if let Some(at) = forwards.iter().position(alike) {
            forward.id.clone_from(&forwards.remove(at).id);
        }
    }
}

/// Returns the SHA-256 of values, in hexadecimal.
fn digest(values: &impl Serialize) -> String {
    hex::encode(Sha256::digest(serde_json::to_vec(values).unwrap_or_default()))
}

/// Lists the values that differ. A masked value equals every value.
fn differences(before: &impl Serialize, after: &impl Serialize) -> Vec<FieldChange> {
    let of = |values: Value| leaves(&values);
    let before = of(serde_json::to_value(before).unwrap_or_default());
    let after = of(serde_json::to_value(after).unwrap_or_default());
    let names: BTreeMap<&String, ()> = before.keys().chain(after.keys()).map(|name| (name, ())).collect();
    let same = |before: &Value, after: &Value| match (before.as_str(), after.as_str()) {
        (Some(before), Some(after)) => before == after || before == MASK || before == masked_url(after),
        _ => before == after,
    };
    names
        .into_keys()
        .filter(|name| !name.ends_with(".id"))
        .filter_map(|name| {
            let (old, new) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
            (!same(old, new)).then(|| FieldChange {
                name: name.clone(),
                before: shown(name, old, &before),
                after: shown(name, new, &after),
            })
        })
        .collect()
}

/// Returns a value as JSON for display. Secrets are masked.
fn shown(name: &str, value: &Value, all: &BTreeMap<String, Value>) -> String {
    let secret = ["secrets", "password", "client_certificate"].iter().any(|part| name.contains(part));
    // The value of a header that names a credential: `headers.set[0][1]` and `headers[0].value`.
    let header = name
        .strip_suffix("[1]")
        .map(|list| format!("{list}[0]"))
        .or_else(|| name.strip_suffix(".value").map(|header| format!("{header}.name")))
        .and_then(|name| all.get(&name).and_then(Value::as_str))
        .is_some_and(|name| hookbench_provider::is_secret_header(name.as_bytes()));
    match value {
        Value::Null => "null".into(),
        _ if secret || header => MASK.to_owned(),
        Value::String(text) => Value::from(masked_url(text)).to_string(),
        _ => value.to_string(),
    }
}

/// Returns each value that is neither an object nor a list, by its path. Empty objects and lists are omitted.
fn leaves(value: &Value) -> BTreeMap<String, Value> {
    fn visit(path: String, value: &Value, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                visit(if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, value, found);
            }),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, value)| visit(format!("{path}[{at}]"), value, found));
            }
            _ => drop(found.insert(path, value.clone())),
        }
    }
    let mut found = BTreeMap::new();
    visit(String::new(), value, &mut found);
    found
}

/// Returns an object in which a value has this path.
fn nested(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, name| Value::Object(Map::from_iter([(name.to_owned(), inner)])))
}
