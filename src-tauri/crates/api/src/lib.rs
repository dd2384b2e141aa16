//! Local HTTP API: one router, described by an OpenAPI document.
//!
//! Each file contains the routes of one resource. The caller of [`router`] and [`streams`] chooses the transport.
#![forbid(unsafe_code)]

mod checks;
mod deletions;
mod deliveries;
mod diff;
mod document;
mod endpoints;
mod error;
mod events;
mod extract;
mod feed;
mod file_id;
mod import_export;
mod inboxes;
mod jobs;
mod json_fault;
mod page;
mod projects;
mod provider_import;
mod providers;
mod refusals;
mod replays;
mod report;
mod request_body;
mod requests;
mod response_rules;
mod route;
mod saved_searches;
mod scenario_runs;
mod scenarios;
mod schemas;
mod settings;
mod signature;
mod status;
mod tunnels;
mod wait;

use hookbench_model::ErrorCode;
use std::{any::Any, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
};
use hookbench_engine::{Engine, response::RESPONSE_FILE_MAX};
use route::{Route, route};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use error::ApiError;
pub use events::PAYLOAD_MAX;
pub use hookbench_diff::{Diff, DiffRow, DiffRowKind};
pub use provider_import::ProviderImportResult;
pub use schemas::{SchemaChange, SchemaDetail, SchemaField, SchemaList, SchemaSummary};
pub use status::status;

/// Path prefix of the API.
pub const PREFIX: &str = "/api/v1";

/// Default maximum size of a request body, in bytes. The largest field is the response body of an inbox.
const JSON_MAX: usize = 256 * 1024;

/// Maximum size of a request that contains a message, in bytes: a message of 4 MB in base64, and its secrets.
const PASTED_MAX: usize = 6 * 1024 * 1024;

/// Maximum size of a request that sends an event, in bytes: a payload of [`PAYLOAD_MAX`] bytes with each byte escaped.
const EVENT_MAX: usize = 6 * PAYLOAD_MAX + JSON_MAX;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hookbench",
        description = "Local HTTP API of Hookbench: capture, inspect, verify, forward, replay and send webhooks.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(hookbench_model::Error, hookbench_model::FeedItem, hookbench_model::RequestReportFormat))
)]
struct Description;

/// Returns the routes with finite responses. A route whose body limit is not [`JSON_MAX`] sets its own limit.
fn routes() -> Vec<Route> {
    vec![
        route!(status::read),
        route!(status::listen),
        route!(settings::read, settings::change),
        route!(inboxes::list, inboxes::add),
        route!(inboxes::read, inboxes::change, inboxes::remove),
        route!(inboxes::mark_read),
        route!(inboxes::clear),
        route!(inboxes::test_event),
        route!(inboxes::secrets),
        route!(providers::list),
        route!(providers::read, providers::save, providers::remove),
        route!(provider_import::run).taking(DefaultBodyLimit::max(2 * provider_import::DOCUMENTS_MAX)),
        route!(providers::list_snippets),
        route!(providers::list_handlers),
        route!(endpoints::list, endpoints::add),
        route!(endpoints::read, endpoints::change, endpoints::remove),
        route!(endpoints::secrets),
        route!(endpoints::rotate),
        route!(endpoints::test),
        route!(endpoints::diagnose),
        route!(endpoints::read_stats),
        route!(events::list, events::send).taking(DefaultBodyLimit::max(EVENT_MAX)),
        route!(scenarios::list),
        route!(scenarios::run),
        route!(scenarios::read, scenarios::save, scenarios::remove),
        route!(scenario_runs::list),
        route!(scenario_runs::read),
        route!(scenario_runs::cancel),
        route!(deliveries::list),
        route!(deliveries::retry_many),
        route!(deliveries::read),
        route!(deliveries::body),
        route!(deliveries::attempt_body),
        route!(deliveries::retry),
        route!(deliveries::cancel),
        route!(signature::explain_request),
        route!(signature::try_request),
        route!(signature::find_for_request),
        route!(signature::verify).taking(DefaultBodyLimit::max(PASTED_MAX)),
        route!(signature::sign).taking(DefaultBodyLimit::max(PASTED_MAX)),
        route!(signature::explain).taking(DefaultBodyLimit::max(PASTED_MAX)),
        route!(signature::find).taking(DefaultBodyLimit::max(PASTED_MAX)),
        route!(response_rules::restart),
        route!(response_rules::stats),
        route!(report::write_report),
        route!(report::download_report),
        route!(response_rules::dry_run),
        route!(response_rules::add_file).taking(DefaultBodyLimit::max(RESPONSE_FILE_MAX + 1)),
        route!(checks::questions),
        route!(checks::plan),
        route!(checks::list, checks::begin),
        route!(checks::read, checks::remove),
        route!(checks::cancel),
        route!(checks::again),
        route!(checks::read_report),
        route!(checks::compare),
        route!(replays::read),
        route!(replays::cancel),
        route!(replays::read_report),
        route!(replays::list, replays::begin).taking(DefaultBodyLimit::max(PASTED_MAX)),
        route!(import_export::import).taking(DefaultBodyLimit::disable()),
        route!(diff::read),
        route!(schemas::list),
        route!(schemas::read, schemas::remove),
        route!(schemas::code),
        route!(projects::list),
        route!(projects::save, projects::remove),
        route!(saved_searches::read),
        route!(saved_searches::fields),
        route!(saved_searches::list),
        route!(saved_searches::save, saved_searches::remove),
        route!(requests::list),
        route!(wait::wait),
        route!(requests::count),
        route!(requests::read_traffic),
        route!(requests::read, requests::change, requests::remove),
        route!(requests::read_timeline),
        route!(requests::reveal),
        route!(requests::code),
        route!(request_body::body),
        route!(request_body::raw),
        route!(request_body::reading),
        route!(request_body::parts),
        route!(request_body::part),
        route!(tunnels::list, tunnels::add),
        route!(tunnels::read, tunnels::change, tunnels::remove),
        route!(tunnels::expose, tunnels::unexpose),
        route!(tunnels::decide),
        route!(deletions::undo),
        route!(refusals::list_refusals),
        route!(refusals::refusal_bytes),
        route!(refusals::dismiss_refusals),
        route!(jobs::list),
        route!(jobs::read),
        route!(jobs::cancel),
        route!(jobs::backup),
    ]
}

/// Returns the routes that stream until the client disconnects or the response is complete.
fn streaming() -> Vec<Route> {
    vec![route!(feed::stream), route!(import_export::export)]
}

/// Returns the OpenAPI document.
pub fn document() -> serde_json::Value {
    let described = routes().into_iter().chain(streaming()).fold(OpenApiRouter::new(), Route::describe);
    let mut document = Description::openapi();
    document.merge(OpenApiRouter::new().nest(PREFIX, described).into_openapi());
    name_operations(&mut document);
    document::finished(&document)
}

/// Prefixes each operation ID with its tag, because handler names are unique only within a resource.
fn name_operations(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
        {
            let tag = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
            operation.operation_id = operation.operation_id.take().map(|id| format!("{tag}_{id}"));
        }
    }
}

/// Returns the router of all routes with finite responses.
pub fn router(engine: Arc<Engine>) -> Router {
    let routes = routes().into_iter().fold(Router::new(), Route::serve);
    Router::new()
        .nest(PREFIX, routes)
        .route(&format!("{PREFIX}/openapi.json"), axum::routing::get(async || axum::Json(document())))
        .fallback(async || ApiError::not_found(ErrorCode::RouteNotFound, "The route does not exist."))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(DefaultBodyLimit::max(JSON_MAX))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
        .with_state(engine)
}

/// Returns the router of the streaming routes. They are separate, because a transport that buffers complete responses
/// cannot serve them.
pub fn streams(engine: Arc<Engine>) -> Router {
    let routes = streaming().into_iter().fold(Router::new(), Route::serve);
    Router::new().nest(PREFIX, routes).with_state(engine)
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("no message"), "API handler panicked");
    ApiError::internal("An internal error stopped the request.").into_response()
}
