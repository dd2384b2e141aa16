use futures_util::StreamExt;
use hookline_engine::OwnerKind;
use serde_json::Value;

use super::{Context, error::CliError, requests, serve, terminal};
use crate::door::Door;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this inbox
    inbox: Option<String>,
    /// Only what matches this query, such as 'event:chat.* -verdict:valid' (docs/query.md)
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true)]
    query: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    // With no engine at work this one receives by itself, for as long as it runs.
    let (door, own) = match Door::open(&context.data, OwnerKind::Serve).await? {
        remote @ Door::Remote(_) => (remote, None),
        Door::InProcess { engine, router, streams } => {
            let url = serve::receive(&engine, None).await?;
            let open = crate::door::loopback::open(&engine, None, |_, _| ()).await?;
            crate::door::loopback::announce(&engine, OwnerKind::Serve, Some(&open)).await?;
            terminal::say(&format!("listening at {url}/{}", args.inbox.as_deref().unwrap_or("<inbox>")));
            (Door::InProcess { engine: engine.clone(), router, streams }, Some((engine, open)))
        }
    };
    if let Some(name) = &args.inbox {
        let path = format!("/api/v1/inboxes/{}", super::inbox::encoded(name));
        let answer = door.call(http::Method::GET, &path, http::HeaderMap::new(), bytes::Bytes::new()).await?;
        if !answer.status.is_success() {
            return Err(CliError::refused(&answer));
        }
    }
    let mut feed = door.feed(None, args.query.as_deref()).await?;
    let show = async {
        while let Some(batch) = feed.next().await {
            let batch =
                batch.map_err(|_| CliError::Other("the engine ended, or this terminal was too slow for it".into()))?;
            for item in batch {
                let item: Value = serde_json::from_str(&item).unwrap_or_default();
                let request = &item["request"];
                let wanted = args.inbox.as_deref().is_none_or(|name| request["inbox"] == name);
                if item["type"] == "request_added" && wanted {
                    requests::print(context, request);
                }
            }
        }
        Ok::<_, CliError>(())
    };
    tokio::select! {
        done = show => done?,
        () = serve::until_ended() => {}
    }
    if let Some((engine, _)) = own {
        engine.close().await;
    }
    Ok(())
}
