//! Transports to the API of a data folder's engine: in this process, or over loopback HTTP.

mod api_address;
pub mod api_server;
mod auth;
mod file;
mod health;
mod metrics;
mod page;
mod remote;
mod socket;

use std::{path::Path, sync::Arc};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use hookbench_engine::{Clock, DataDir, Engine, EngineError, FeedGone, LiveEngine, OwnerKind, Query};
use http::{HeaderMap, Method, Request, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use remote::Remote;
use tower::ServiceExt;

pub use api_address::{ApiAccess, ApiAddress, ApiProtection};
pub use file::{IntoFileError, into_file, out_of_file};

/// Maximum size of a response in memory, in bytes. Larger responses are streamed into a file.
const COLLECTED_MAX: usize = 80 * 1024 * 1024;

/// Maximum number of changes per batch.
const FEED_BATCH: usize = 500;

/// Failure of a call without a response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Failure to open the engine of the data folder.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Unreachable engine or invalid call, with the message.
    #[error("{0}")]
    Unusable(String),
    /// Response that is too large for memory.
    #[error("the response is too large: more than {COLLECTED_MAX} bytes. Save the response to a file")]
    TooLarge,
    /// Response that ended early.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// All characters except the unreserved ones (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes a name as one path segment.
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, UNRESERVED).to_string()
}

/// Complete response.
#[derive(Debug)]
pub struct ApiResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body of at most 80 MiB.
    pub body: Bytes,
}

/// Response with a streamed body: status, headers and body stream.
pub type Opened = (StatusCode, HeaderMap, stream::BoxStream<'static, std::io::Result<Bytes>>);

/// Transport to the API of an engine.
#[derive(Clone)]
pub enum Transport {
    /// Engine in this process.
    InProcess {
        /// Engine.
        engine: Arc<Engine>,
        /// API without its streams.
        router: Router,
        /// API with its streams.
        streams: Router,
    },
    /// Engine in another process, reached over loopback HTTP.
    Remote(Remote),
}

impl Transport {
    /// Connects to the running engine of a data folder. Returns `None` if none runs, or if its API is disabled.
    ///
    /// # Errors
    /// Returns an error if the token cannot be read.
    pub fn running(data: &Path) -> Result<Option<Self>, TransportError> {
        let Some(LiveEngine { api: Some(api), .. }) = DataDir::live(data) else { return Ok(None) };
        Ok(Some(Self::Remote(Remote::new(api, &DataDir::token(data).map_err(EngineError::from)?)?)))
    }

    /// Connects to the running engine of a data folder, or opens the folder's engine in this process.
    ///
    /// # Errors
    /// Returns an error if the engine cannot be opened, or if another process runs it without a local HTTP API.
    pub async fn open(data: &Path, kind: OwnerKind) -> Result<Self, TransportError> {
        if let Some(running) = Self::running(data)? {
            return Ok(running);
        }
        match DataDir::live(data) {
            Some(LiveEngine { api: None, pid, .. }) if kind == OwnerKind::Command => {
                Err(TransportError::Unusable(format!(
                    "the engine of {} (process {pid}) has its local HTTP API disabled. Enable it in the settings",
                    data.display()
                )))
            }
            _ => Ok(Self::in_process(Engine::open(data, kind, Clock::system()).await?)),
        }
    }

    /// Returns a transport to an engine of this process.
    pub fn in_process(engine: Arc<Engine>) -> Self {
        let router = hookbench_api::router(engine.clone());
        let streams = router.clone().merge(hookbench_api::streams(engine.clone()));
        Self::InProcess { router, streams, engine }
    }

    /// Makes a call and returns its complete response.
    ///
    /// # Errors
    /// Returns an error if the engine is unreachable, `path` is not a path of the API, or the response is larger than
    /// 80 MiB.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<ApiResponse, TransportError> {
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
        Ok(ApiResponse { status, headers, body: body.into() })
    }

    /// Makes a call and returns its response with a streamed body.
    ///
    /// # Errors
    /// Returns an error if the engine is unreachable or `path` is not a path of the API.
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

    /// Returns the changes after a sequence number, in batches of JSON objects. A query limits the requests to those
    /// that match.
    ///
    /// # Errors
    /// Returns an error if the engine is unreachable or the query cannot be parsed.
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

/// Returns `path` if it starts with `/api/`. Any other start could name another host once joined to a base URL.
fn route(path: &str) -> Result<&str, TransportError> {
    if path.starts_with("/api/") { Ok(path) } else { Err(TransportError::Unusable(format!("{path:?} is not a route"))) }
}

fn local_feed(
    engine: Arc<Engine>,
    after: Option<i64>,
    query: Option<Query>,
) -> impl Stream<Item = Result<Vec<String>, FeedGone>> + Send + 'static {
    let subscription = engine.feed().subscribe(after);
    // Only a query needs the engine. Without one, the feed must not keep the engine open.
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
