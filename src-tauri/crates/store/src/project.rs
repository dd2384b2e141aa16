//! Projects: rows of `project` and `project_resource`.

use hookbench_model::{Project, ProjectResource, ProjectResourceType, timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Lists every project, sorted by name.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Project>> {
    connection
        .prepare_cached("SELECT name, file, applied_us FROM project ORDER BY name")?
        .query_map([], |row| {
            let name: String = row.get(0)?;
            let resources = resources_of(connection, &name)?;
            Ok(Project { name, file: row.get(1)?, resources, applied_at: timestamp(row.get(2)?) })
        })?
        .collect()
}

fn resources_of(connection: &Connection, project: &str) -> rusqlite::Result<Vec<ProjectResource>> {
    connection
        .prepare_cached(
            "SELECT type, id, key, digest, adopted, before FROM project_resource WHERE project = ?1 ORDER BY rowid",
        )?
        .query_map([project], resource_from_row)?
        .collect()
}

fn resource_from_row(row: &Row<'_>) -> rusqlite::Result<ProjectResource> {
    let name: String = row.get(0)?;
    let resource_type = ProjectResourceType::ALL.into_iter().find(|known| known.as_str() == name);
    Ok(ProjectResource {
        resource_type: resource_type.unwrap_or(ProjectResourceType::Inbox),
        id: row.get(1)?,
        key: row.get(2)?,
        digest: row.get(3)?,
        adopted: row.get(4)?,
        before: row.get(5)?,
    })
}

/// Returns the name of the other project that manages a resource, if there is one.
pub fn other_manager(
    connection: &Connection,
    project: &str,
    resource: &ProjectResource,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT project FROM project_resource WHERE type = ?1 AND id = ?2 AND project != ?3")?
        .query_row(params![resource.resource_type.as_str(), resource.id, project], |row| row.get(0))
        .optional()
}

/// Stores a project with its resources. A project of the same name is replaced.
pub fn save(connection: &Connection, project: &Project) -> rusqlite::Result<()> {
    remove(connection, &project.name)?;
    connection.execute(
        "INSERT INTO project (name, file, applied_us) VALUES (?1, ?2, ?3)",
        params![project.name, project.file, project.applied_at.as_microsecond()],
    )?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO project_resource (project, type, id, key, digest, adopted, before)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for resource in &project.resources {
        insert.execute(params![
            project.name,
            resource.resource_type.as_str(),
            resource.id,
            resource.key,
            resource.digest,
            resource.adopted,
            resource.before,
        ])?;
    }
    Ok(())
}

/// Deletes a project by name. The resources that it managed are kept. Returns true if there was one.
pub fn remove(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection.execute("DELETE FROM project_resource WHERE project = ?1", [name])?;
    Ok(connection.execute("DELETE FROM project WHERE name = ?1", [name])? > 0)
}
