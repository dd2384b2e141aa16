//! The transports to the API of a data folder's engine: in this process, or in another over loopback HTTP.

mod auth;
mod file;
pub mod loopback;
mod page;
mod remote;

use std::{path::Path, sync::Arc};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use hookbench_engine::{Clock, DataDir, Engine, EngineError, FeedGone, LiveEngine, OwnerKind, Query};
use http::{HeaderMap, Method, Request, StatusCode};
use remote::Remote;
use tower::ServiceExt;

pub use file::IntoFileError;
pub use file::{into_file, out_of_file};

/// Largest answer collected in memory; larger ones are streamed into a file.
const COLLECTED_MAX: usize = 80 * 1024 * 1024;

/// Changes handed on in one go.
const FEED_BATCH: usize = 500;

/// Why a call got no response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The engine of the data folder cannot be opened.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine cannot be reached, or the call is not one of the API; the text says which.
    #[error("{0}")]
    Unusable(String),
    /// The response is too large to be collected in memory.
    #[error("the response is larger than {COLLECTED_MAX} bytes; save it to a file")]
    TooLarge,
    /// The response ended early.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A whole response.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, of at most 80 MiB.
    pub body: Bytes,
}

/// A response whose body is still arriving: status, headers, and the body in pieces.
pub type Opened = (StatusCode, HeaderMap, stream::BoxStream<'static, std::io::Result<Bytes>>);

/// A transport to an engine's API.
#[derive(Clone)]
pub enum Transport {
    /// The engine is in this process.
    InProcess {
        /// The engine.
        engine: Arc<Engine>,
        /// The API without its streams.
        router: Router,
        /// The API with its streams.
        streams: Router,
    },
    /// The engine is in another process and reached over loopback HTTP.
    Remote(Remote),
}

impl Transport {
    /// Connects to the running engine of a data folder, or opens the folder's engine in this process.
    ///
    /// # Errors
    /// If the folder's engine cannot be opened, or if another process runs it without a local HTTP API.
    pub async fn open(data: &Path, kind: OwnerKind) -> Result<Self, TransportError> {
        match DataDir::live(data) {
            Some(LiveEngine { api: Some(api), .. }) => {
                Ok(Self::Remote(Remote::new(api, &DataDir::token(data).map_err(EngineError::from)?)?))
            }
            Some(LiveEngine { api: None, pid, .. }) if kind == OwnerKind::Command => {
                Err(TransportError::Unusable(format!(
                    "the engine of {} (process {pid}) has its local HTTP API disabled; enable it in the window's settings",
                    data.display()
                )))
            }
            _ => Ok(Self::in_process(Engine::open(data, kind, Clock::system()).await?)),
        }
    }

    /// A transport to an engine of this process.
    pub fn in_process(engine: Arc<Engine>) -> Self {
        let router = hookbench_api::router(engine.clone());
        let streams = router.clone().merge(hookbench_api::streams(engine.clone()));
        Self::InProcess { router, streams, engine }
    }

    /// Makes a call and collects its response.
    ///
    /// # Errors
    /// If the engine cannot be reached, `path` is not one of the API, or the response has more than 80 MiB.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, TransportError> {
        let (status, headers, mut stream) = match self {
            Self::InProcess { router, .. } => in_process(router, method, path, headers, body.into()).await?,
            Self::Remote(remote) => remote.open_call(method, path, headers, body.into()).await?,
        };
        let mut body = Vec::new();
        while let Some(chunk) = stream.next().await {
            body.extend_from_slice(&chunk?);
            if body.len() > COLLECTED_MAX {
                return Err(TransportError::TooLarge);
            }
        }
        Ok(Answer { status, headers, body: body.into() })
    }

    /// Makes a call, to a stream too, and returns its response while the body arrives.
    ///
    /// # Errors
    /// If the engine cannot be reached or `path` is not one of the API.
    pub async fn open_call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Opened, TransportError> {
        match self {
            Self::InProcess { streams, .. } => in_process(streams, method, path, headers, body).await,
            Self::Remote(remote) => remote.open_call(method, path, headers, body).await,
        }
    }

    /// Returns the changes after a number, in batches of JSON objects; with a query, of requests only those that match.
    ///
    /// # Errors
    /// If the engine cannot be reached or the query cannot be parsed.
    pub async fn feed(
        &self,
        after: Option<i64>,
        query: Option<&str>,
    ) -> Result<stream::BoxStream<'static, Result<Vec<String>, FeedGone>>, TransportError> {
        match self {
            Self::InProcess { engine, .. } => {
                let query = query.map(Query::parse).transpose().map_err(|e| TransportError::Unusable(e.to_string()))?;
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
) -> Result<Opened, TransportError> {
    let mut request = Request::builder()
        .method(method)
        .uri(route(path)?)
        .body(body)
        .map_err(|e| TransportError::Unusable(format!("{path:?} is not a route: {e}")))?;
    *request.headers_mut() = headers;
    let response = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let (parts, body) = response.into_parts();
    let stream = body.into_data_stream().map(|chunk| chunk.map_err(std::io::Error::other));
    Ok((parts.status, parts.headers, stream.boxed()))
}

/// Joined to a base URL, any other beginning could name another host.
fn route(path: &str) -> Result<&str, TransportError> {
    if path.starts_with("/api/") { Ok(path) } else { Err(TransportError::Unusable(format!("{path:?} is not a route"))) }
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
