//! Projects: what a project file (`hookbench.toml`) manages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project: the resources that a project file created or adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Name of the project.
    pub name: String,
    /// Path of the project file, for display.
    pub file: String,
    /// Resources that the project manages, in the order in which they were created.
    pub resources: Vec<ProjectResource>,
    /// Time at which the project file was last applied.
    #[schema(value_type = String, format = DateTime)]
    pub applied_at: Timestamp,
}

/// A project to save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectNew {
    /// Path of the project file, for display.
    pub file: String,
    /// Resources that the project manages. At most 1000.
    pub resources: Vec<ProjectResource>,
}

/// Type of a resource that a project manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectResourceType {
    /// A setting. The ID is the path of the setting, such as `retention.days`.
    Setting,
    /// An inbox. The ID is the name of the inbox.
    Inbox,
    /// An endpoint.
    Endpoint,
    /// A scenario.
    Scenario,
    /// A tunnel.
    Tunnel,
}

impl ProjectResourceType {
    /// All types, in the order in which a project file is applied.
    pub const ALL: [Self; 5] = [Self::Setting, Self::Inbox, Self::Endpoint, Self::Scenario, Self::Tunnel];

    /// Returns the name of the type, as in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Inbox => "inbox",
            Self::Endpoint => "endpoint",
            Self::Scenario => "scenario",
            Self::Tunnel => "tunnel",
        }
    }
}

/// A resource that a project manages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectResource {
    /// Type of the resource.
    #[serde(rename = "type")]
    pub resource_type: ProjectResourceType,
    /// ID of the resource. A resource belongs to at most one project.
    pub id: String,
    /// Name of the resource in the project file.
    pub key: String,
    /// Digest of the values that were applied, which shows a change of a secret without the secret.
    #[serde(default)]
    pub digest: String,
    /// True if the resource existed before the project managed it. Such a resource is not deleted with the project.
    #[serde(default)]
    pub adopted: bool,
    /// Value of a setting before the project changed it, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// List of projects, sorted by name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProjectList {
    /// The items.
    pub items: Vec<Project>,
}
