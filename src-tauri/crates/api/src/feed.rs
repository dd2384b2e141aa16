//! Route for the event stream.

use hookbench_model::ErrorCode;
use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, StreamExt, stream};
use hookbench_engine::Engine;
use hookbench_query::Query;
use hookbench_store::feed::Subscription;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{error::ApiError, extract};

/// Maximum number of changes sent at once.
const BATCH: usize = 500;

/// Idle time after which a comment is sent, so that lost connections are detected.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedQuery {
    /// Number of the last change that the client has received. Default: only new changes are sent. The `Last-Event-ID`
    /// header has the same effect.
    after: Option<i64>,
    /// Only requests that match this query. Other changes are always sent. Conditions on the event or the signature
    /// status are evaluated after the request is verified.
    query: Option<String>,
}

fn gone() -> ApiError {
    ApiError::new(
        ErrorCode::FeedGone,
        "The changes after this number are no longer stored.",
        "Reload the lists, then continue from their `seq`.",
    )
}

/// Stream changes
///
/// Sends every change after the given number as server-sent events. The stream ends with the event `feed_gone` if the
/// client is too slow.
#[utoipa::path(get, path = "/feed", tag = "feed", params(FeedQuery), responses(
    (status = 200, body = hookbench_model::FeedItem, content_type = "text/event-stream"), (status = 410, body = hookbench_model::Error)
))]
pub(crate) async fn stream(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<FeedQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let subscription = engine.feed().subscribe(query.after.or(resumed)).map_err(|_| gone())?;
    let query = query.query.as_deref().filter(|text| !text.trim().is_empty()).map(Query::parse).transpose()?;
    Ok(Sse::new(events(engine, subscription, query)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

fn events(
    engine: Arc<Engine>,
    subscription: Subscription,
    query: Option<Query>,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    // The first event contains the number that the stream starts at, for clients that did not pass one.
    let start =
        Event::default().event("start").id(subscription.after().to_string()).data(subscription.after().to_string());
    let changes = stream::unfold(Some(subscription), move |subscription| {
        let (engine, query) = (engine.clone(), query.clone());
        async move {
            let mut subscription = subscription?;
            match subscription.next(BATCH).await {
                Ok(items) => {
                    let items = match query {
                        Some(query) => engine.only_matching(query, items).await,
                        None => items,
                    };
                    let events: Vec<_> = items
                        .iter()
                        .map(|item| {
                            Event::default()
                                .id(item.seq.to_string())
                                .data(serde_json::to_string(item.as_ref()).unwrap_or_default())
                        })
                        .collect();
                    Some((events, Some(subscription)))
                }
                Err(_) => Some((vec![Event::default().event("feed_gone").data("")], None)),
            }
        }
    })
    .flat_map(stream::iter);
    stream::iter([start]).chain(changes).map(Ok)
}
