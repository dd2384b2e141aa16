use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookbench_capture::RowId;
use hookbench_engine::Engine;
use hookbench_model::{Change, ErrorCode, timestamp};
use hookbench_schema::{Brief, ChangeKind, Code, InferredSchema, Node, Seen, TextFormat, Type};
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
    /// Event type; empty for requests of which none is known.
    pub event_type: String,
    /// JSON bodies it was learned from.
    pub requests: u64,
    /// Places it has.
    pub fields: u64,
    /// Changes since it was first seen; a hundred are kept.
    pub drift: u64,
    /// Arrival of the first request.
    #[schema(value_type = String, format = DateTime)]
    pub first_at: Timestamp,
    /// Arrival of the last request.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub drift_at: Option<Timestamp>,
}

/// Inferred schemas, by inbox and event type.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaList {
    /// The schemas.
    pub items: Vec<SchemaSummary>,
}

/// Field of an inferred schema.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaField {
    /// Where it stands, as a query has it behind `body.`; empty for the body itself.
    pub path: String,
    /// Its key, `[*]` for the elements of a list, `*` where keys are data.
    pub name: String,
    /// How deep it stands.
    pub depth: usize,
    /// Types of the values.
    pub types: Vec<Type>,
    /// Whether some objects are without it.
    pub optional: bool,
    /// Format of the texts, if all have one.
    pub format: Option<TextFormat>,
    /// All values it has, where they are few.
    pub values: Option<Vec<String>>,
    /// How often it was there.
    pub seen: u64,
    /// Request in which it was first seen.
    pub request: String,
    /// Arrival of the first request with this field.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// Change of an inferred schema.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaChange {
    /// Path of the field.
    pub path: String,
    /// What changed.
    pub what: ChangeKind,
    /// Request that brought it.
    pub request: String,
    /// Arrival of the request.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Inferred schema.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SchemaDetail {
    /// Summary.
    #[serde(flatten)]
    pub summary: SchemaSummary,
    /// From the outside in.
    pub tree: Vec<SchemaField>,
    /// The newest first.
    pub changes: Vec<SchemaChange>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Event type; requests of which none is known if absent.
    event: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CodeQuery {
    /// Event type; requests of which none is known if absent.
    event: Option<String>,
    /// The code.
    #[param(inline)]
    r#as: Code,
}

fn at(seen: Seen) -> Timestamp {
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

fn no_shape() -> ApiError {
    ApiError::not_found(ErrorCode::ShapeNotFound, "No JSON body of this event type has been seen in this inbox.")
}

async fn shape_of(engine: &Engine, inbox: &str, event: Option<&str>) -> Result<(String, InferredSchema), ApiError> {
    let number = number_of(engine, Some(inbox))?.unwrap_or_default();
    let event = event.unwrap_or_default().to_owned();
    let asked = event.clone();
    let shape = engine
        .store
        .readers()
        .read(move |connection| hookbench_store::inferred_schema::load(connection, number, &asked))
        .await?;
    shape.map(|shape| (event, shape)).ok_or_else(no_shape)
}

/// What JSON bodies are like, by inbox and event type.
#[utoipa::path(get, path = "/shapes", tag = "shapes", responses((status = 200, body = SchemaList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<SchemaList>, ApiError> {
    let all = engine.store.readers().read(hookbench_store::inferred_schema::all).await?;
    let items = all
        .into_iter()
        .filter_map(|(inbox, event_type, brief)| Some(summary(engine.addresses.name(inbox)?, event_type, brief)))
        .collect();
    Ok(Json(SchemaList { items }))
}

/// A shape in full: its fields, and what changed since when.
#[utoipa::path(get, path = "/shapes/{inbox}", tag = "shapes", params(("inbox" = String, Path), EventQuery), responses(
    (status = 200, body = SchemaDetail), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(inbox): extract::Path<String>,
    extract::Query(query): extract::Query<EventQuery>,
) -> Result<Json<SchemaDetail>, ApiError> {
    let (event, shape) = shape_of(&engine, &inbox, query.event.as_deref()).await?;
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

/// A shape as JSON Schema, TypeScript or Rust.
#[utoipa::path(get, path = "/shapes/{inbox}/code", tag = "shapes", params(("inbox" = String, Path), CodeQuery), responses(
    (status = 200, body = String, content_type = "text/plain"), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn code(
    State(engine): State<Arc<Engine>>,
    extract::Path(inbox): extract::Path<String>,
    extract::Query(query): extract::Query<CodeQuery>,
) -> Result<Response, ApiError> {
    let (event, shape) = shape_of(&engine, &inbox, query.event.as_deref()).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, shape.code(query.r#as, &event)).into_response())
}

/// Forget a shape; it is learned anew from what arrives then.
#[utoipa::path(delete, path = "/shapes/{inbox}", tag = "shapes", params(("inbox" = String, Path), EventQuery), responses(
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
        return Err(no_shape());
    }
    engine.feed.publish([Change::ShapesChanged]);
    Ok(StatusCode::NO_CONTENT)
}
