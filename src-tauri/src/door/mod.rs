//! The ways to the API of a data directory's engine.

mod guard;
mod into_file;
pub(crate) mod loopback;
mod page;
mod remote;

use std::{path::Path, sync::Arc};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use hookline_engine::{Clock, DataDir, Engine, EngineError, FeedGone, LiveEngine, OwnerKind, Query, api};
use http::{HeaderMap, Method, Request, StatusCode};
use tower::ServiceExt;

#[cfg(feature = "desktop")]
pub(crate) use into_file::IntoFileError;
pub(crate) use into_file::{into_file, out_of_file};
use remote::Remote;

/// Largest answer collected in memory; larger ones are streamed into a file.
const COLLECTED_MAX: usize = 80 * 1024 * 1024;

/// Changes handed on in one go.
const FEED_BATCH: usize = 500;

/// Why a call could not be made at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("{0}")]
    Unusable(String),
    #[error("the answer is larger than {COLLECTED_MAX} bytes; save it to a file")]
    TooLarge,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    #[cfg_attr(not(feature = "desktop"), expect(dead_code, reason = "only the window hands headers on"))]
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer as it comes: its status, its headers, its bytes.
pub(crate) type Opened = (StatusCode, HeaderMap, stream::BoxStream<'static, std::io::Result<Bytes>>);

/// One way to an engine's API.
#[derive(Clone)]
pub(crate) enum Door {
    /// The engine is in this process.
    InProcess { engine: Arc<Engine>, router: Router, streams: Router },
    /// The engine is in another process and reached over loopback HTTP.
    Remote(Remote),
}

impl Door {
    /// The live engine of a data directory, or one of our own.
    pub(crate) async fn open(data: &Path, kind: OwnerKind) -> Result<Self, DoorError> {
        match DataDir::live(data) {
            Some(LiveEngine { api: Some(api), .. }) => {
                Ok(Self::Remote(Remote::new(api, &DataDir::token(data).map_err(EngineError::from)?)?))
            }
            Some(LiveEngine { api: None, pid, .. }) if kind == OwnerKind::Command => Err(DoorError::Unusable(format!(
                "the engine of {} (process {pid}) keeps its HTTP door closed; open it in the window's settings",
                data.display()
            ))),
            _ => Ok(Self::in_process(Engine::open(data, kind, Clock::system()).await?)),
        }
    }

    pub(crate) fn in_process(engine: Arc<Engine>) -> Self {
        let router = api::router(engine.clone());
        let streams = router.clone().merge(api::streams(engine.clone()));
        Self::InProcess { router, streams, engine }
    }

    /// Makes a call and collects its answer.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, DoorError> {
        let (status, headers, mut stream) = match self {
            Self::InProcess { router, .. } => in_process(router, method, path, headers, body.into()).await?,
            Self::Remote(remote) => remote.open_call(method, path, headers, body.into()).await?,
        };
        let mut body = Vec::new();
        while let Some(chunk) = stream.next().await {
            body.extend_from_slice(&chunk?);
            if body.len() > COLLECTED_MAX {
                return Err(DoorError::TooLarge);
            }
        }
        Ok(Answer { status, headers, body: body.into() })
    }

    /// Makes a call, of the streams too, and gives its answer as it comes.
    pub(crate) async fn open_call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Opened, DoorError> {
        match self {
            Self::InProcess { streams, .. } => in_process(streams, method, path, headers, body).await,
            Self::Remote(remote) => remote.open_call(method, path, headers, body).await,
        }
    }

    /// The changes after a number, in batches of JSON objects; of requests only those of a query.
    pub(crate) async fn feed(
        &self,
        after: Option<i64>,
        query: Option<&str>,
    ) -> Result<stream::BoxStream<'static, Result<Vec<String>, FeedGone>>, DoorError> {
        match self {
            Self::InProcess { engine, .. } => {
                let query = query.map(Query::parse).transpose().map_err(|e| DoorError::Unusable(e.to_string()))?;
                Ok(local_feed(engine.clone(), after, query).boxed())
            }
            Self::Remote(remote) => remote.feed(after, query).await,
        }
    }
}

async fn in_process(
    router: &Router,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: Body,
) -> Result<Opened, DoorError> {
    let mut request = Request::builder()
        .method(method)
        .uri(route(path)?)
        .body(body)
        .map_err(|e| DoorError::Unusable(format!("{path:?} is not a route: {e}")))?;
    *request.headers_mut() = headers;
    let response = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let (parts, body) = response.into_parts();
    let stream = body.into_data_stream().map(|chunk| chunk.map_err(std::io::Error::other));
    Ok((parts.status, parts.headers, stream.boxed()))
}

/// Joined to a base URL, any other beginning could name another host.
fn route(path: &str) -> Result<&str, DoorError> {
    if path.starts_with("/api/") { Ok(path) } else { Err(DoorError::Unusable(format!("{path:?} is not a route"))) }
}

fn local_feed(
    engine: Arc<Engine>,
    after: Option<i64>,
    query: Option<Query>,
) -> impl Stream<Item = Result<Vec<String>, FeedGone>> + Send + 'static {
    let subscription = engine.feed().subscribe(after);
    // Only a query needs the engine: else it ends when its owner lets it go, and the feed with it.
    let filter = query.map(|query| (engine, query));
    stream::unfold(Some((subscription, filter)), |state| async move {
        let (subscription, filter) = state?;
        match subscription {
            Err(gone) => Some((Err(gone), None)),
            Ok(mut subscription) => match subscription.next(FEED_BATCH).await {
                Err(gone) => Some((Err(gone), None)),
                Ok(mut items) => {
                    if let Some((engine, query)) = &filter {
                        items = engine.only_matching(query.clone(), items).await;
                    }
                    let batch =
                        items.iter().map(|item| serde_json::to_string(item.as_ref()).unwrap_or_default()).collect();
                    Some((Ok(batch), Some((Ok(subscription), filter))))
                }
            },
        }
    })
}
