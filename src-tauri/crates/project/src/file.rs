//! The content of a project file, with every reference replaced by its value.

use std::collections::{BTreeMap, HashSet};

use hookbench_model::{
    EndpointSettings, ExposureSettings, Forward, InboxResponse, ResponseRule, TunnelNew, VerificationSettings,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project file: what Hookbench receives, forwards and sends for a project.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectFile {
    /// Name of the project. Default: the name of the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Settings to change, with the names that `hookbench config get` lists.
    #[schema(value_type = Object)]
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Inboxes, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inbox: BTreeMap<String, ProjectInbox>,
    /// Endpoints, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoint: BTreeMap<String, EndpointSettings>,
    /// Scenarios, by ID: the text of a scenario file, such as `{ file = "scenarios/renewal.toml" }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scenario: BTreeMap<String, String>,
    /// Tunnels, by a name of your choice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tunnel: BTreeMap<String, ProjectTunnel>,
}

/// An inbox of a project file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectInbox {
    /// ID of the provider. Default: Hookbench detects the provider and verifies no signatures.
    pub provider: Option<String>,
    /// ID of the signature scheme. Default: any scheme of the provider.
    pub scheme: Option<String>,
    /// Signing secret, such as `{ env = "STRIPE_WEBHOOK_SECRET" }`.
    pub secret: Option<String>,
    /// Further signing secrets, which are also valid during a rotation.
    pub secrets: Vec<String>,
    /// Parameters of the signature scheme.
    pub params: BTreeMap<String, String>,
    /// URL of the inbox as registered with the vendor, for schemes that sign the URL.
    pub url: Option<String>,
    /// Default response. Default: status 200 without a body.
    pub response: InboxResponse,
    /// True to respond to `/<inbox>/status/<code>` with that status. Default: false.
    pub status_by_path: bool,
    /// Response rules in order. The first one that matches a request provides the response.
    pub rules: Vec<ResponseRule>,
    /// Forwards in order.
    pub forwards: Vec<Forward>,
}

/// A tunnel of a project file. Exactly one of `relay`, `ssh` and `url` is required.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectTunnel {
    /// Address of a relay, such as `https://relay.example`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// One-time code from the operator of the relay. Needed once, when the tunnel is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Name of this computer at the relay. Default: the host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// User and host of an SSH server, such as `nokey@localhost.run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    /// Port to request from the SSH server, such as `80` or `*:8080`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Public URL of a tunnel of another program, or of the SSH server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Local port that the other program must forward to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Inboxes that the tunnel exposes, by name, each with its settings.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub expose: BTreeMap<String, ExposureSettings>,
}

impl ProjectTunnel {
    /// Returns the tunnel to create. `None` unless exactly one kind of tunnel is named.
    pub fn new_tunnel(&self) -> Option<TunnelNew> {
        match (&self.relay, &self.ssh, &self.url) {
            (Some(relay), None, None) => Some(TunnelNew::Relay {
                relay: relay.clone(),
                code: self.code.clone().unwrap_or_default(),
                device: self.device.clone(),
            }),
            (None, Some(destination), url) => Some(TunnelNew::Ssh {
                destination: destination.clone(),
                remote: self.remote.clone(),
                url: url.clone(),
                key_file: None,
                host_key: None,
            }),
            (None, None, Some(url)) => Some(TunnelNew::Other { url: url.clone(), port: self.port }),
            _ => None,
        }
    }
}

impl ProjectInbox {
    /// Returns the settings of the verification.
    pub fn verification(&self) -> VerificationSettings {
        VerificationSettings {
            provider: self.provider.clone(),
            scheme: self.scheme.clone(),
            secrets: self.secret.iter().chain(&self.secrets).cloned().collect(),
            params: self.params.clone(),
            url: self.url.clone(),
        }
    }
}

impl ProjectFile {
    /// Returns the first rule that the file violates: the section, the key in it, and an error.
    pub(crate) fn fault(&self) -> Option<(&'static str, String, String)> {
        for (key, inbox) in &self.inbox {
            let wrong = |message: &str| Some(("inbox", key.clone(), message.to_owned()));
            if inbox.forwards.iter().any(|forward| !forward.id.is_empty() || forward.ephemeral || forward.since != 0) {
                return wrong("A forward must not have `id`, `ephemeral` or `since`. Hookbench sets them");
            }
            if inbox.rules.iter().any(|rule| !rule.id.is_empty()) {
                return wrong("A response rule must not have an `id`. Hookbench sets it");
            }
            let responses = inbox.rules.iter().flat_map(|rule| &rule.responses).chain([&inbox.response]);
            if responses.chain(inbox.forwards.iter().map(|forward| &forward.fallback)).any(|one| one.file.is_some()) {
                return wrong("`file` of a response is not allowed. Use body = { file = \"PATH\" }");
            }
        }
        for (key, endpoint) in &self.endpoint {
            let wrong = |message: &str| Some(("endpoint", key.clone(), message.to_owned()));
            if !endpoint.name.is_empty() {
                return wrong("`name` is not allowed. The name of the table is the name of the endpoint");
            }
        }
        let mut destinations = HashSet::new();
        for (key, tunnel) in &self.tunnel {
            let wrong = |message: String| Some(("tunnel", key.clone(), message));
            if tunnel.new_tunnel().is_none() {
                return wrong("A tunnel needs one of `relay`, `ssh` and `url`".into());
            }
            if !destinations.insert((&tunnel.relay, &tunnel.ssh, &tunnel.url)) {
                return wrong("Another tunnel has the same destination".into());
            }
        }
        None
    }
}
