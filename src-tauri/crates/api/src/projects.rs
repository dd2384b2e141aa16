//! Routes for projects.

use std::{collections::HashSet, sync::Arc};

use axum::{Json, extract::State};
use hookbench_engine::Engine;
use hookbench_model::{Change, ErrorCode, Project, ProjectList, ProjectNew, timestamp};
use http::StatusCode;
use rusqlite::Connection;

use super::{error::ApiError, extract};

/// Maximum length of a project name, in characters.
const NAME_MAX: usize = 60;

/// Maximum number of resources of a project.
const RESOURCES_MAX: usize = 1_000;

/// Maximum length of a text of a project, in bytes.
const TEXT_MAX: usize = 8 * 1024;

/// List projects
///
/// Returns all projects with the resources that they manage, sorted by name.
#[utoipa::path(get, path = "/projects", tag = "projects", responses((status = 200, body = ProjectList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<ProjectList>, ApiError> {
    Ok(Json(ProjectList { items: engine.store.readers().read(hookbench_store::project::all).await? }))
}

/// Save a project
///
/// Stores which resources a project file manages. Replaces the project of the same name, if there is one. The resources
/// are not changed: `hookbench up` creates them first.
#[utoipa::path(put, path = "/projects/{name}", tag = "projects", params(("name" = String, Path)), request_body = ProjectNew, responses(
    (status = 200, body = Project), (status = 409, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn save(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
    extract::Json(new): extract::Json<ProjectNew>,
) -> Result<Json<Project>, ApiError> {
    if name.trim().is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "The name of a project must have 1 to {NAME_MAX} characters and no control characters."
        )));
    }
    let texts = new.resources.iter().flat_map(|resource| {
        [&resource.id, &resource.key, &resource.digest].into_iter().chain(resource.before.as_ref())
    });
    if new.resources.len() > RESOURCES_MAX || texts.chain([&new.file]).any(|text| text.len() > TEXT_MAX) {
        return Err(ApiError::invalid(format!(
            "A project has at most {RESOURCES_MAX} resources, and each text at most {TEXT_MAX} bytes."
        )));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = new.resources.iter().find(|one| !seen.insert((one.resource_type, &one.id))) {
        let name = twice.resource_type.as_str();
        return Err(ApiError::invalid(format!("The {name} {:?} occurs twice in `resources`.", twice.id)));
    }
    let project =
        Project { name, file: new.file, resources: new.resources, applied_at: timestamp(engine.clock.now_us()) };
    let saved = project.clone();
    let work = move |connection: &Connection| {
        for resource in &saved.resources {
            if let Some(other) = hookbench_store::project::other_manager(connection, &saved.name, resource)? {
                return Err(ApiError::new(
                    ErrorCode::ManagedElsewhere,
                    format!(
                        "The {} {:?} is managed by the project {other:?}.",
                        resource.resource_type.as_str(),
                        resource.id
                    ),
                    "Rename one of the two, or take the other project down: `hookbench down`.",
                ));
            }
        }
        Ok(hookbench_store::project::save(connection, &saved)?)
    };
    let feed = engine.feed.clone();
    engine.store.write(work, move |()| feed.publish([Change::ProjectsChanged])).await?;
    Ok(Json(project))
}

/// Delete a project
///
/// Deletes a project. The resources that the project managed are kept.
#[utoipa::path(delete, path = "/projects/{name}", tag = "projects", params(("name" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    let missing = ApiError::not_found(ErrorCode::ProjectNotFound, format!("There is no project {name:?}."));
    let work = move |connection: &Connection| match hookbench_store::project::remove(connection, &name)? {
        true => Ok(()),
        false => Err(missing),
    };
    let feed = engine.feed.clone();
    engine.store.write(work, move |()| feed.publish([Change::ProjectsChanged])).await?;
    Ok(StatusCode::NO_CONTENT)
}
