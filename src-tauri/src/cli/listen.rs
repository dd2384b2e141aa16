//! `hookbench listen`: prints requests as they arrive, and optionally forwards them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use hookbench_engine::{Engine, OwnerKind};
use hookbench_model::{Change, FeedItem, Forward, ForwardMode, Inbox};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

use super::{Context, delivery, error::CliError, requests, serve, terminal};
use crate::{
    mcp::{self, Permissions},
    transport::{ApiAccess, Transport, api_server},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show only requests of this inbox
    inbox: Option<String>,
    /// Show only requests that match this query (docs/search.md)
    ///
    /// Example: 'event:chat.* -signature:valid'
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true)]
    query: Option<String>,
    /// Forward requests to this URL and show the responses; requires an inbox
    ///
    /// The forward ends with this command.
    #[arg(long, value_name = "URL", requires = "inbox")]
    forward_to: Option<String>,
    /// With --forward-to: return the app's response to the sender (proxy)
    #[arg(long, requires = "forward_to")]
    proxy: bool,
}

/// Interval between keep-alive calls. The engine ends the forward of a command that stops sending them.
const ALIVE: Duration = Duration::from_secs(3);

/// Temporary forward that ends with the command.
struct Forwarding {
    inbox: String,
    id: String,
}

impl Forwarding {
    async fn begin(
        transport: &Transport,
        inbox: &str,
        to: &str,
        when: Option<&str>,
        proxy: bool,
    ) -> Result<Self, CliError> {
        let mode = if proxy { ForwardMode::Proxy } else { ForwardMode::Mirror };
        let mut all = Self::all(transport, inbox).await?;
        let forward = Forward {
            name: "listen".into(),
            when: when.unwrap_or_default().to_owned(),
            mode,
            ephemeral: true,
            ..Forward::to(to.to_owned())
        };
        // The temporary forward comes first, because the user watches its responses.
        all.insert(0, forward);
        let saved = Self::save(transport, inbox, &all).await?;
        let id = saved.forwards.into_iter().next().map(|forward| forward.id).unwrap_or_default();
        Ok(Self { inbox: inbox.to_owned(), id })
    }

    async fn stay(&self, transport: &Transport) {
        loop {
            tokio::time::sleep(ALIVE).await;
            let path = format!("/api/v1/deliveries?endpoint={}&limit=1", self.id);
            // A failed call is ignored, because the next one follows soon.
            let _ = transport.call(Method::GET, &path, HeaderMap::new(), Bytes::new()).await;
        }
    }

    async fn end(&self, transport: &Transport) -> Result<(), CliError> {
        let mut all = Self::all(transport, &self.inbox).await?;
        all.retain(|forward| forward.id != self.id);
        Self::save(transport, &self.inbox, &all).await.map(drop)
    }

    async fn all(transport: &Transport, inbox: &str) -> Result<Vec<Forward>, CliError> {
        Ok(Self::call(transport, Method::GET, inbox, Bytes::new()).await?.forwards)
    }

    async fn save(transport: &Transport, inbox: &str, forwards: &[Forward]) -> Result<Inbox, CliError> {
        let change = json!({ "forwards": forwards }).to_string();
        Self::call(transport, Method::PATCH, inbox, change.into()).await
    }

    async fn call(transport: &Transport, method: Method, inbox: &str, body: Bytes) -> Result<Inbox, CliError> {
        let path = format!("/api/v1/inboxes/{}", crate::transport::encoded(inbox));
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let response = transport.call(method, &path, headers, body).await?;
        if !response.status.is_success() {
            return Err(CliError::refused(&response));
        }
        super::read(&response)
    }
}

/// The engine of this process, with its listener and its API.
pub(super) struct OwnEngine {
    engine: Arc<Engine>,
    #[allow(dead_code, reason = "closes the API when dropped")]
    api: api_server::LocalApi,
}

impl OwnEngine {
    /// Starts the listener and the API of an engine in this process. Returns it with the URL of the listener.
    pub(super) async fn serve(engine: Arc<Engine>) -> Result<(Self, String), CliError> {
        let url = serve::receive(&engine, None).await?;
        let routes = mcp::route(&engine, Permissions::default());
        let api = api_server::open(&engine, ApiAccess::default(), routes, |_, _| ()).await?;
        api_server::announce(&engine, OwnerKind::Serve, Some(&api)).await?;
        Ok((Self { engine, api }, url))
    }

    pub(super) async fn close(self) {
        self.engine.close().await;
    }
}

/// Connects to the running engine. If none is running, this process runs its own listener until the command ends.
pub(super) async fn join_or_serve(
    context: &Context,
    inbox: Option<&str>,
) -> Result<(Transport, Option<OwnEngine>), CliError> {
    match Transport::open(&context.data, OwnerKind::Serve).await? {
        remote @ Transport::Remote(_) => Ok((remote, None)),
        Transport::InProcess { engine, router, streams } => {
            let (own, url) = OwnEngine::serve(engine.clone()).await?;
            terminal::say(&format!("Listening at {url}/{}", inbox.unwrap_or("<inbox>")));
            Ok((Transport::InProcess { engine, router, streams }, Some(own)))
        }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let ended = serve::termination();
    let (transport, own) = join_or_serve(context, args.inbox.as_deref()).await?;
    if let Some(name) = &args.inbox {
        let path = format!("/api/v1/inboxes/{}", crate::transport::encoded(name));
        let response = transport.call(http::Method::GET, &path, http::HeaderMap::new(), bytes::Bytes::new()).await?;
        if !response.status.is_success() {
            return Err(CliError::refused(&response));
        }
    }
    let forward = match (&args.forward_to, &args.inbox) {
        (Some(to), Some(inbox)) => {
            Some(Forwarding::begin(&transport, inbox, to, args.query.as_deref(), args.proxy).await?)
        }
        _ => None,
    };
    let own_forward = forward.as_ref().map(|forward| forward.id.clone());
    let mut feed = transport.feed(None, args.query.as_deref()).await?;
    terminal::say(&waiting(&args));
    let matched = std::cell::Cell::new(false);
    let show = async {
        while let Some(batch) = feed.next().await {
            let batch = batch.map_err(|_| CliError::Other("the event stream ended. Run the command again".into()))?;
            for item in batch {
                let item: FeedItem = serde_json::from_str(&item)
                    .map_err(|e| CliError::Other(format!("the engine sent a change that cannot be parsed: {e}")))?;
                match item.change {
                    Change::RequestAdded { request }
                        if args.inbox.as_deref().is_none_or(|name| request.inbox == name) =>
                    {
                        matched.set(true);
                        requests::print(context, &request);
                    }
                    Change::DeliveryChanged { delivery }
                        if delivery.ended_at.is_some()
                            && own_forward.as_deref() == Some(delivery.endpoint.as_str()) =>
                    {
                        delivery::print(context, &delivery);
                    }
                    _ => {}
                }
            }
        }
        Ok::<_, CliError>(())
    };
    let alive = async {
        match &forward {
            Some(forward) => forward.stay(&transport).await,
            None => std::future::pending().await,
        }
    };
    let done = tokio::select! {
        done = show => done,
        () = alive => Ok(()),
        () = ended => Ok(()),
    };
    if let Some(forward) = &forward {
        // If this call fails, the engine ends the forward when the keep-alive calls stop.
        let _ = forward.end(&transport).await;
    }
    if !matched.get() {
        terminal::say(if args.query.is_some() { "No requests matched." } else { "No requests arrived." });
    }
    done?;
    if let Some(own) = own {
        own.close().await;
    }
    Ok(())
}

/// Describes what the command waits for.
fn waiting(args: &Args) -> String {
    let inbox = args.inbox.as_ref().map_or_else(String::new, |inbox| format!(" to {inbox}"));
    let query = args.query.as_ref().map_or_else(String::new, |query| format!(" that match {query}"));
    format!("Waiting for requests{inbox}{query}. Press Ctrl-C to stop.")
}
