//! Applying a plan: one change after the other. The record of what the project manages is stored with every change, so
//! that an interruption leaves nothing behind that a further run does not know.

use std::time::Duration;

use hookbench_model::{
    Deletion, Endpoint, ErrorCode, ExposureSettings, Inbox, Project, ProjectNew, ProjectResource, ProjectResourceType,
    Scenario, Settings, Tunnel,
};
use hookbench_project::{Action, Document, InboxTarget, Plan, PlannedChange, Target};
use http::Method;
use serde_json::json;

use super::{
    super::{Api, error::CliError},
    POLL_INTERVAL, fault,
};
use crate::transport::encoded;

/// Maximum time that the name of a deleted inbox is reserved: the 10 seconds of the undo, and time to delete.
const RESERVED_MAX: Duration = Duration::from_secs(20);

/// Applies a plan. `document` locates a change that the API rejects.
pub(super) async fn apply(api: &Api, plan: &Plan, file: &str, document: Option<&Document>) -> Result<(), CliError> {
    let mut records = Records { api, project: &plan.project, file, items: plan.records.clone() };
    for (number, change) in plan.changes.iter().enumerate() {
        one(api, change, &mut records).await.map_err(|error| match (error, document) {
            (CliError::Refused(error), Some(document)) => {
                // The hint is about one call. The changes before it are applied.
                let hint = error.hint.trim_end_matches("Nothing was changed.").trim_end();
                let applied = if number == 0 { "Nothing was changed." } else { "The changes before it were applied." };
                fault(document.fault_of(change.section(), &change.key, &format!("{} {hint} {applied}", error.message)))
            }
            (error, _) => error,
        })?;
    }
    Ok(())
}

/// What the project manages so far.
struct Records<'p> {
    api: &'p Api,
    project: &'p str,
    file: &'p str,
    items: Vec<ProjectResource>,
}

impl Records<'_> {
    /// Stores that the project manages a resource.
    async fn put(&mut self, record: ProjectResource) -> Result<(), CliError> {
        self.items.retain(|other| (other.resource_type, &other.key) != (record.resource_type, &record.key));
        self.items.push(record);
        self.store().await
    }

    /// Stores that the project no longer manages a resource.
    async fn remove(&mut self, record: &ProjectResource) -> Result<(), CliError> {
        self.items.retain(|other| (other.resource_type, &other.key) != (record.resource_type, &record.key));
        self.store().await
    }

    async fn store(&self) -> Result<(), CliError> {
        let path = format!("/projects/{}", encoded(self.project));
        if self.items.is_empty() {
            return self.api.bytes(Method::DELETE, &path).await.map(drop);
        }
        let new = ProjectNew { file: self.file.to_owned(), resources: self.items.clone() };
        self.api.send::<Project>(Method::PUT, &path, &new).await.map(drop)
    }
}

async fn one(api: &Api, change: &PlannedChange, records: &mut Records<'_>) -> Result<(), CliError> {
    match change.action {
        Action::Keep | Action::Conflict => Ok(()),
        Action::Release => records.remove(&change.record).await,
        Action::Delete => {
            delete(api, &change.record).await?;
            records.remove(&change.record).await
        }
        Action::Create | Action::Update | Action::Restore => {
            let record = change.record.clone();
            match &change.target {
                Target::Setting(patch) => {
                    api.send::<Settings>(Method::PATCH, "/settings", patch).await?;
                    match change.action {
                        Action::Restore => records.remove(&record).await,
                        _ => records.put(record).await,
                    }
                }
                Target::Inbox(target) => inbox(api, target, change.action, record, records).await,
                Target::Endpoint { settings, patch } => {
                    let endpoint: Endpoint = match change.action {
                        Action::Create => api.send(Method::POST, "/endpoints", settings).await?,
                        _ => {
                            let path = format!("/endpoints/{}", record.id);
                            api.send(Method::PATCH, &path, &json!({ "settings": patch })).await?
                        }
                    };
                    records.put(ProjectResource { id: endpoint.id, ..record }).await
                }
                Target::Scenario(file) => {
                    let path = format!("/scenarios/{}", encoded(&change.key));
                    let scenario: Scenario = api.send(Method::PUT, &path, &json!({ "file": file })).await?;
                    records.put(ProjectResource { id: scenario.id, ..record }).await
                }
                Target::Tunnel { new, start, expose, unexpose } => {
                    let id = match new {
                        Some(new) => api.send::<Tunnel>(Method::POST, "/tunnels", new).await?.id,
                        None => record.id.clone(),
                    };
                    records.put(ProjectResource { id: id.clone(), ..record }).await?;
                    exposures(api, &id, *start, expose, unexpose).await
                }
                Target::Nothing => Ok(()),
            }
        }
    }
}

/// Creates or changes an inbox.
async fn inbox(
    api: &Api,
    target: &InboxTarget,
    action: Action,
    record: ProjectResource,
    records: &mut Records<'_>,
) -> Result<(), CliError> {
    let name = match action {
        Action::Create => {
            // The inbox is recorded first. If the command is interrupted, the next one continues.
            let unfinished = ProjectResource { id: target.name.clone(), digest: String::new(), ..record.clone() };
            records.put(unfinished).await?;
            let InboxTarget { name, response, verification, .. } = target;
            let new = json!({ "name": name, "response": response, "verification": verification });
            if let Err(error) = create_inbox(api, &new).await {
                records.remove(&record).await?;
                return Err(error);
            }
            &target.name
        }
        _ => &record.id,
    };
    let changed: Inbox = api.send(Method::PATCH, &format!("/inboxes/{}", encoded(name)), target).await?;
    records.put(ProjectResource { id: changed.name, ..record }).await
}

/// Starts a tunnel, and exposes and unexposes its inboxes.
async fn exposures(
    api: &Api,
    id: &str,
    start: bool,
    expose: &[(String, ExposureSettings)],
    unexpose: &[String],
) -> Result<(), CliError> {
    let path = |inbox: &str| format!("/tunnels/{id}/inboxes/{}", encoded(inbox));
    if start {
        api.send::<Tunnel>(Method::PATCH, &format!("/tunnels/{id}"), &json!({ "on": true })).await?;
    }
    for inbox in unexpose {
        api.act::<Tunnel>(Method::DELETE, &path(inbox)).await?;
    }
    for (inbox, settings) in expose {
        api.send::<Tunnel>(Method::PUT, &path(inbox), settings).await?;
    }
    Ok(())
}

/// Creates an inbox. If an inbox of this name was deleted a moment ago, waits until the deletion can no longer be undone.
async fn create_inbox(api: &Api, new: &impl serde::Serialize) -> Result<(), CliError> {
    let deadline = tokio::time::Instant::now() + RESERVED_MAX;
    loop {
        match api.send::<Inbox>(Method::POST, "/inboxes", new).await {
            Err(CliError::Refused(error))
                if error.code == ErrorCode::NameTaken && tokio::time::Instant::now() < deadline =>
            {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            done => return done.map(drop),
        }
    }
}

async fn delete(api: &Api, record: &ProjectResource) -> Result<(), CliError> {
    let id = encoded(&record.id);
    match record.resource_type {
        ProjectResourceType::Setting => Ok(()),
        ProjectResourceType::Inbox => api.act::<Deletion>(Method::DELETE, &format!("/inboxes/{id}")).await.map(drop),
        ProjectResourceType::Endpoint => api.bytes(Method::DELETE, &format!("/endpoints/{id}")).await.map(drop),
        ProjectResourceType::Scenario => api.bytes(Method::DELETE, &format!("/scenarios/{id}")).await.map(drop),
        ProjectResourceType::Tunnel => api.bytes(Method::DELETE, &format!("/tunnels/{id}")).await.map(drop),
    }
}
