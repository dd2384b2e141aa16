use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use hookbench_engine::OwnerKind;
use hookbench_model::{Change, FeedItem, Forward, ForwardMode, Inbox};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

use super::{Context, delivery, error::CliError, requests, serve, terminal};
use crate::transport::Transport;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this inbox
    inbox: Option<String>,
    /// Only what matches this query, such as 'event:chat.* -verdict:valid' (docs/query.md)
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true)]
    query: Option<String>,
    /// Send what arrives on to this URL as long as this command runs, and show what it answers; needs an inbox
    #[arg(long, value_name = "URL", requires = "inbox")]
    forward_to: Option<String>,
    /// With --forward-to: let senders wait for the app and get its answer
    #[arg(long, requires = "forward_to")]
    answer: bool,
}

/// How often the engine is told that this command still runs: a forward of one that does not ends.
const ALIVE: Duration = Duration::from_secs(3);

/// A forward for as long as a command runs.
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
        answer: bool,
    ) -> Result<Self, CliError> {
        let mode = if answer { ForwardMode::Answer } else { ForwardMode::Copy };
        let mut all = Self::all(transport, inbox).await?;
        let forward = Forward {
            name: "listen".into(),
            when: when.unwrap_or_default().to_owned(),
            mode,
            passing: true,
            ..Forward::to(to.to_owned())
        };
        // Ahead of the others: it is the one a person is looking at.
        all.insert(0, forward);
        let saved = Self::save(transport, inbox, &all).await?;
        let id = saved.forwards.into_iter().next().map(|forward| forward.id).unwrap_or_default();
        Ok(Self { inbox: inbox.to_owned(), id })
    }

    async fn stay(&self, transport: &Transport) {
        loop {
            tokio::time::sleep(ALIVE).await;
            let path = format!("/api/v1/deliveries?endpoint={}&limit=1", self.id);
            // One call that fails is followed by another.
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
        let path = format!("/api/v1/inboxes/{}", super::inbox::encoded(inbox));
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let answer = transport.call(method, &path, headers, body).await?;
        if !answer.status.is_success() {
            return Err(CliError::refused(&answer));
        }
        super::read(&answer)
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    // With no engine at work this one receives by itself, for as long as it runs.
    let (transport, own) = match Transport::open(&context.data, OwnerKind::Serve).await? {
        remote @ Transport::Remote(_) => (remote, None),
        Transport::InProcess { engine, router, streams } => {
            let url = serve::receive(&engine, None).await?;
            let open = crate::transport::loopback::open(&engine, None, |_, _| ()).await?;
            crate::transport::loopback::announce(&engine, OwnerKind::Serve, Some(&open)).await?;
            terminal::say(&format!("listening at {url}/{}", args.inbox.as_deref().unwrap_or("<inbox>")));
            (Transport::InProcess { engine: engine.clone(), router, streams }, Some((engine, open)))
        }
    };
    if let Some(name) = &args.inbox {
        let path = format!("/api/v1/inboxes/{}", super::inbox::encoded(name));
        let answer = transport.call(http::Method::GET, &path, http::HeaderMap::new(), bytes::Bytes::new()).await?;
        if !answer.status.is_success() {
            return Err(CliError::refused(&answer));
        }
    }
    let forward = match (&args.forward_to, &args.inbox) {
        (Some(to), Some(inbox)) => {
            Some(Forwarding::begin(&transport, inbox, to, args.query.as_deref(), args.answer).await?)
        }
        _ => None,
    };
    let own_forward = forward.as_ref().map(|forward| forward.id.clone());
    let mut feed = transport.feed(None, args.query.as_deref()).await?;
    let show = async {
        while let Some(batch) = feed.next().await {
            let batch =
                batch.map_err(|_| CliError::Other("the engine ended, or this terminal was too slow for it".into()))?;
            for item in batch {
                let item: FeedItem = serde_json::from_str(&item)
                    .map_err(|e| CliError::Other(format!("the engine sent a change that cannot be parsed: {e}")))?;
                match item.change {
                    Change::RequestAdded { request }
                        if args.inbox.as_deref().is_none_or(|name| request.inbox == name) =>
                    {
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
        () = serve::until_ended() => Ok(()),
    };
    if let Some(forward) = &forward {
        // If it cannot be said, the engine finds out by itself.
        let _ = forward.end(&transport).await;
    }
    done?;
    if let Some((engine, _)) = own {
        engine.close().await;
    }
    Ok(())
}
