//! Client of the API of an engine in another process.

use std::time::Duration;

use axum::body::Body;
use eventsource_stream::Eventsource;
use futures_util::{StreamExt, stream};
use hookbench_engine::FeedGone;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{Opened, TransportError, route};

/// Connect timeout. A loopback connection succeeds or fails at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub struct Remote {
    client: reqwest::Client,
    base: String,
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unusable(format!("the running engine is unreachable: {error}"))
    }
}

impl Remote {
    pub(super) fn new(base: String, token: &str) -> Result<Self, TransportError> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| TransportError::Unusable("the token file is invalid. Restart the engine".into()))?;
        bearer.set_sensitive(true);
        let builder = reqwest::Client::builder();
        #[cfg(unix)]
        let (builder, base) = match base.strip_prefix("unix:") {
            Some(path) => (builder.unix_socket(path), "http://localhost".to_owned()),
            None => (builder, base),
        };
        let client = builder
            .default_headers(HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]))
            .connect_timeout(CONNECT_TIMEOUT)
            // The engine is on this machine, and a proxy would see the token.
            .no_proxy()
            .build()?;
        Ok(Self { client, base })
    }

    pub(super) async fn open_call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Opened, TransportError> {
        let url = format!("{}{}", self.base, route(path)?);
        // An empty body is sent with a known length, not as a stream.
        let body = match http_body::Body::size_hint(&body).exact() {
            Some(0) => reqwest::Body::default(),
            _ => reqwest::Body::wrap_stream(body.into_data_stream()),
        };
        let response = self.client.request(method, url).headers(headers).body(body).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, response.bytes_stream().map(|chunk| chunk.map_err(std::io::Error::other)).boxed()))
    }

    pub(super) async fn feed(
        &self,
        after: Option<i64>,
        query: Option<&str>,
    ) -> Result<stream::BoxStream<'static, Result<Vec<String>, FeedGone>>, TransportError> {
        let params = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(after.map(|seq| ("after", seq.to_string())))
            .extend_pairs(query.map(|query| ("query", query)))
            .finish();
        let response = self.client.get(format!("{}/api/v1/feed?{params}", self.base)).send().await?;
        if response.status() == StatusCode::UNPROCESSABLE_ENTITY {
            return Err(TransportError::Unusable(response.json::<hookbench_model::Error>().await?.message));
        }
        if response.status() == StatusCode::GONE {
            return Ok(stream::iter([Err(FeedGone)]).boxed());
        }
        let events = response.error_for_status()?.bytes_stream().eventsource();
        Ok(events
            .filter_map(|event| async move {
                match event {
                    Ok(event) if event.event == "feed_gone" => Some(Err(FeedGone)),
                    Ok(event) if event.event == "message" => Some(Ok(vec![event.data])),
                    Ok(_) => None,
                    Err(_) => Some(Err(FeedGone)),
                }
            })
            .boxed())
    }
}
