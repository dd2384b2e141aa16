//! The API as a value: one router, described by one OpenAPI document.

mod answering;
mod carry;
mod checks;
mod deliveries;
mod diff;
mod endpoints;
mod error;
mod events;
mod extract;
mod feed;
mod inboxes;
mod jobs;
mod providers;
mod queries;
mod removals;
mod replays;
mod request_body;
mod requests;
mod scenarios;
mod settings;
mod shapes;
mod signature;
mod status;
mod tunnels;

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    response::{IntoResponse, Response},
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use error::{ApiError, ErrorBody};

use crate::{Engine, answer::ANSWER_FILE_MAX};

/// Where the API stands.
pub const PREFIX: &str = "/api/v1";

/// Largest JSON a route takes, in bytes; an inbox's answer body is the largest thing in one.
const JSON_MAX: usize = 256 * 1024;

/// Largest question with a pasted message: 4 MB of it, in base64, and its secrets.
const PASTED_MAX: usize = 6 * 1024 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hookline",
        description = "The local API of Hookline: inboxes, requests, and what happens to them.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ErrorBody, crate::feed::Item))
)]
struct Description;

/// Every route that answers at once.
fn described() -> OpenApiRouter<Arc<Engine>> {
    let routes = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(status::read))
        .routes(routes!(status::listen))
        .routes(routes!(settings::read, settings::change))
        .routes(routes!(inboxes::list, inboxes::add))
        .routes(routes!(inboxes::read, inboxes::change, inboxes::remove))
        .routes(routes!(inboxes::mark_read))
        .routes(routes!(inboxes::clear))
        .routes(routes!(inboxes::test_event))
        .routes(routes!(inboxes::secrets))
        .routes(routes!(providers::list))
        .routes(routes!(providers::read, providers::save, providers::remove))
        .routes(routes!(providers::list_snippets))
        .routes(routes!(providers::list_handlers))
        .routes(routes!(endpoints::list, endpoints::add))
        .routes(routes!(endpoints::read, endpoints::change, endpoints::remove))
        .routes(routes!(endpoints::secrets))
        .routes(routes!(endpoints::rotate))
        .routes(routes!(endpoints::test))
        .routes(routes!(endpoints::diagnose))
        .routes(routes!(endpoints::read_stats))
        .routes(routes!(events::list, events::send))
        .routes(routes!(scenarios::list))
        .routes(routes!(scenarios::run))
        .routes(routes!(scenarios::read))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::retry_many))
        .routes(routes!(deliveries::read))
        .routes(routes!(deliveries::body))
        .routes(routes!(deliveries::attempt_body))
        .routes(routes!(deliveries::retry))
        .routes(routes!(deliveries::cancel))
        .routes(routes!(signature::explain_request))
        .routes(routes!(signature::try_request))
        .routes(routes!(signature::find_for_request))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(signature::verify))
                .routes(routes!(signature::sign))
                .routes(routes!(signature::explain))
                .routes(routes!(signature::find))
                .layer(axum::extract::DefaultBodyLimit::max(PASTED_MAX)),
        )
        .routes(routes!(answering::restart))
        .routes(routes!(answering::dry_run))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(answering::add_file))
                .layer(axum::extract::DefaultBodyLimit::max(ANSWER_FILE_MAX + 1)),
        )
        .routes(routes!(checks::questions))
        .routes(routes!(checks::plan))
        .routes(routes!(checks::list, checks::begin))
        .routes(routes!(checks::read, checks::remove))
        .routes(routes!(checks::cancel))
        .routes(routes!(checks::again))
        .routes(routes!(checks::read_report))
        .routes(routes!(checks::compare))
        .routes(routes!(replays::read, replays::cancel))
        .routes(routes!(replays::read_report))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(replays::list, replays::begin))
                .layer(axum::extract::DefaultBodyLimit::max(PASTED_MAX)),
        )
        .merge(OpenApiRouter::new().routes(routes!(carry::import)).layer(axum::extract::DefaultBodyLimit::disable()))
        .routes(routes!(diff::read))
        .routes(routes!(shapes::list))
        .routes(routes!(shapes::read, shapes::remove))
        .routes(routes!(shapes::code))
        .routes(routes!(queries::read))
        .routes(routes!(queries::fields))
        .routes(routes!(queries::list))
        .routes(routes!(queries::save, queries::remove))
        .routes(routes!(requests::list))
        .routes(routes!(requests::count))
        .routes(routes!(requests::read, requests::change, requests::remove))
        .routes(routes!(requests::read_thread))
        .routes(routes!(requests::reveal))
        .routes(routes!(requests::code))
        .routes(routes!(request_body::body))
        .routes(routes!(request_body::raw))
        .routes(routes!(request_body::parts))
        .routes(routes!(request_body::part))
        .routes(routes!(tunnels::list, tunnels::add))
        .routes(routes!(tunnels::read, tunnels::change, tunnels::remove))
        .routes(routes!(tunnels::expose, tunnels::conceal))
        .routes(routes!(tunnels::decide))
        .routes(routes!(removals::undo))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::read, jobs::cancel))
        .routes(routes!(jobs::backup));
    OpenApiRouter::new().nest(PREFIX, routes)
}

/// Every route that goes on until its caller leaves or has it all.
fn described_streams() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(feed::stream)).routes(routes!(carry::export))
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = described().into_openapi();
    document.merge(OpenApiRouter::<Arc<Engine>>::new().nest(PREFIX, described_streams()).into_openapi());
    name_operations(&mut document);
    document
}

/// A function is named for what it does to its resource, so the resource makes its id unique.
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

/// The API of an engine: every call ends by itself.
pub fn router(engine: Arc<Engine>) -> Router {
    let (router, _) = described().split_for_parts();
    router
        .route(&format!("{PREFIX}/openapi.json"), axum::routing::get(async || axum::Json(document())))
        .fallback(async || ApiError::not_found("route", "There is no such route."))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(axum::extract::DefaultBodyLimit::max(JSON_MAX))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
        .with_state(engine)
}

/// The routes that go on until the caller leaves or has it all. They are apart, so that a door that
/// collects whole answers cannot reach them.
pub fn streams(engine: Arc<Engine>) -> Router {
    let (router, _) = OpenApiRouter::new().nest(PREFIX, described_streams()).split_for_parts();
    router.with_state(engine)
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("no message"), "a route panicked");
    ApiError::internal("A defect in Hookline stopped this call.").into_response()
}
