//! Routes for inferred schemas.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookbench_capture::RowId;
use hookbench_engine::Engine;
use hookbench_model::{Change, ErrorCode, timestamp};
use hookbench_schema::{Brief, ChangeKind, Code, InferredSchema, Node, Sighting, TextFormat, Type};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract, requests::number_of};

/// Summary of an inferred schema.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaSummary {
    /// Name of the inbox.
    pub inbox: String,
    /// Event type. Empty for requests without a known event type.
    pub event_type: String,
    /// Number of JSON bodies that the schema was inferred from.
    pub requests: u64,
    /// Number of fields.
    pub fields: u64,
    /// Number of changes since the schema was first inferred. The last 100 changes are stored.
    pub drift: u64,
    /// Time at which the first request arrived.
    #[schema(value_type = String, format = DateTime)]
    pub first_at: Timestamp,
    /// Time at which the last request arrived.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// Time of the last change. Null if the schema has not changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub drift_at: Option<Timestamp>,
}

/// List of inferred schemas, by inbox and event type.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaList {
    /// The items.
    pub items: Vec<SchemaSummary>,
}

/// A field of an inferred schema.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaField {
    /// Path of the field, as used after `body.` in a query. Empty for the body itself.
    pub path: String,
    /// Key of the field, `[*]` for the elements of an array, `*` for the values of an object whose keys are data.
    pub name: String,
    /// Nesting depth, 0 for the body itself.
    pub depth: usize,
    /// Types of the values.
    pub types: Vec<Type>,
    /// True if some objects do not have the field.
    pub optional: bool,
    /// Format of the strings, if all of them have the same one.
    pub format: Option<TextFormat>,
    /// All values of the field. Null if there are many.
    pub values: Option<Vec<String>>,
    /// Number of occurrences of the field.
    pub seen: u64,
    /// ID of the first request with this field.
    pub request: String,
    /// Time at which the first request with this field arrived.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// A change of an inferred schema.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaChange {
    /// Path of the field.
    pub path: String,
    /// The change.
    pub what: ChangeKind,
    /// ID of the request that caused the change.
    pub request: String,
    /// Time at which the request arrived.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// An inferred schema with its fields and changes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaDetail {
    /// Summary of the schema.
    #[serde(flatten)]
    pub summary: SchemaSummary,
    /// Fields, each before its nested fields.
    pub tree: Vec<SchemaField>,
    /// Changes, newest first.
    pub changes: Vec<SchemaChange>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Event type. Default: requests without a known event type.
    event: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CodeQuery {
    /// Event type. Default: requests without a known event type.
    event: Option<String>,
    /// Format of the code.
    #[param(inline)]
    r#as: Code,
}

fn at(seen: Sighting) -> Timestamp {
    timestamp(seen.us)
}

fn summary(inbox: String, event_type: String, brief: Brief) -> SchemaSummary {
    SchemaSummary {
        inbox,
        event_type,
        requests: brief.requests,
        fields: brief.fields,
        drift: brief.drift,
        first_at: timestamp(brief.first_us),
        last_at: timestamp(brief.last_us),
        drift_at: brief.drift_us.map(timestamp),
    }
}

fn no_schema() -> ApiError {
    ApiError::not_found(ErrorCode::SchemaNotFound, "The inbox has received no JSON body of this event type.")
}

async fn schema_of(engine: &Engine, inbox: &str, event: Option<&str>) -> Result<(String, InferredSchema), ApiError> {
    let number = number_of(engine, Some(inbox))?.unwrap_or_default();
    let event = event.unwrap_or_default().to_owned();
    let event_type = event.clone();
    let shape = engine
        .store
        .readers()
        .read(move |connection| hookbench_store::inferred_schema::load(connection, number, &event_type))
        .await?;
    shape.map(|shape| (event, shape)).ok_or_else(no_schema)
}

/// List schemas
///
/// Returns the schemas inferred from JSON bodies, by inbox and event type.
#[utoipa::path(get, path = "/schemas", tag = "schemas", responses((status = 200, body = SchemaList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<SchemaList>, ApiError> {
    let all = engine.store.readers().read(hookbench_store::inferred_schema::all).await?;
    let items = all
        .into_iter()
        .filter_map(|(inbox, event_type, brief)| Some(summary(engine.inboxes.name(inbox)?, event_type, brief)))
        .collect();
    Ok(Json(SchemaList { items }))
}

/// Retrieve a schema
///
/// Returns the fields of a schema and the changes over time.
#[utoipa::path(get, path = "/schemas/{inbox}", tag = "schemas", params(("inbox" = String, Path), EventQuery), responses(
    (status = 200, body = SchemaDetail), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(inbox): extract::Path<String>,
    extract::Query(query): extract::Query<EventQuery>,
) -> Result<Json<SchemaDetail>, ApiError> {
    let (event, shape) = schema_of(&engine, &inbox, query.event.as_deref()).await?;
    let mut tree = Vec::new();
    fields(&engine, &shape.root, Place { path: String::new(), name: String::new(), depth: 0 }, false, &mut tree);
    let changes = shape
        .drift
        .iter()
        .rev()
        .map(|drift| SchemaChange {
            path: drift.path.clone(),
            what: drift.what.clone(),
            request: engine.id_of(RowId(drift.seen.row)),
            at: at(drift.seen),
        })
        .collect();
    Ok(Json(SchemaDetail { summary: summary(inbox, event, shape.brief()), tree, changes }))
}

struct Place {
    path: String,
    name: String,
    depth: usize,
}

impl Place {
    fn below(&self, name: &str, step: &str) -> Self {
        let path = format!("{}{step}", self.path);
        Self { path: path.trim_start_matches('.').to_owned(), name: name.to_owned(), depth: self.depth + 1 }
    }
}

fn fields(engine: &Engine, node: &Node, place: Place, optional: bool, into: &mut Vec<SchemaField>) {
    into.push(SchemaField {
        path: place.path.clone(),
        name: place.name.clone(),
        depth: place.depth,
        types: node.types.keys().copied().collect(),
        optional,
        format: node.format,
        values: node.enumerated(&place.name).map(|values| values.into_iter().map(str::to_owned).collect()),
        seen: node.count,
        request: engine.id_of(RowId(node.first.row)),
        since: at(node.first),
    });
    for (key, property) in &node.properties {
        let step = format!(".{}", hookbench_query::key_in_path(key));
        fields(engine, property, place.below(key, &step), !node.always(property), into);
    }
    if let Some(any) = &node.any {
        fields(engine, any, place.below("*", ".*"), false, into);
    }
    if let Some(items) = &node.items {
        fields(engine, items, place.below("[*]", "[*]"), false, into);
    }
}

/// Generate code from a schema
///
/// Returns a schema as JSON Schema, TypeScript types or Rust types.
#[utoipa::path(get, path = "/schemas/{inbox}/code", tag = "schemas", params(("inbox" = String, Path), CodeQuery), responses(
    (status = 200, body = String, content_type = "text/plain"), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn code(
    State(engine): State<Arc<Engine>>,
    extract::Path(inbox): extract::Path<String>,
    extract::Query(query): extract::Query<CodeQuery>,
) -> Result<Response, ApiError> {
    let (event, shape) = schema_of(&engine, &inbox, query.event.as_deref()).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, shape.code(query.r#as, &event)).into_response())
}

/// Delete a schema
///
/// Deletes a schema. Requests that arrive later create a new schema.
#[utoipa::path(delete, path = "/schemas/{inbox}", tag = "schemas", params(("inbox" = String, Path), EventQuery), responses(
    (status = 204), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(inbox): extract::Path<String>,
    extract::Query(query): extract::Query<EventQuery>,
) -> Result<StatusCode, ApiError> {
    let number = number_of(&engine, Some(&inbox))?.unwrap_or_default();
    let event = query.event.unwrap_or_default();
    let forgotten = engine
        .store
        .write(move |connection| hookbench_store::inferred_schema::forget(connection, number, &event), |_| ())
        .await?;
    if !forgotten {
        return Err(no_schema());
    }
    engine.feed.publish([Change::SchemasChanged]);
    Ok(StatusCode::NO_CONTENT)
}
