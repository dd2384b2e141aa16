//! Tools that send or change something. Offered only with `--allow-write`.

use std::time::Duration;

use hookbench_engine::is_this_machine;
use hookbench_model::{CheckCounts, CheckRun, Replay};
use http::Method;
use rmcp::{
    RoleServer,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ProgressNotificationParam},
    schemars::JsonSchema,
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    Mcp,
    result::{captured, own},
};
use crate::transport::encoded;

/// Interval at which the state of a replay or a check run is read.
const POLL: Duration = Duration::from_millis(100);

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct ReplayOne {
    /// ID of the request.
    id: String,
    /// URL to send it to, such as `http://localhost:3000/webhooks`.
    to: String,
    /// True to sign it again with the secret of the inbox and the current time. Default: false.
    #[serde(default)]
    re_sign: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct SendOne {
    /// ID of the provider, such as `stripe`. `list_providers` lists them.
    provider: String,
    /// Event type, such as `invoice.paid`.
    event: String,
    /// URL to send it to.
    to: String,
    /// Signing secret. Without it, the event is not signed as the handler expects.
    secret: Option<String>,
    /// Values to set in the payload, by path such as `data.object.id`.
    set: Option<std::collections::BTreeMap<String, serde_json::Value>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Checks {
    /// URL of the handler on this computer.
    url: String,
    /// ID of the provider whose webhooks the handler receives.
    provider: String,
    /// Signing secret that the handler uses.
    secret: String,
    /// IDs of the checks to run. Default: all.
    #[serde(default)]
    only: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct InboxResponseInput {
    /// Name of the inbox.
    inbox: String,
    /// Status, from 200 to 599.
    status: u16,
    /// Body as text.
    #[serde(default)]
    body: String,
    /// Headers.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// Delay before the response, in ms, at most 60000. Default: 0.
    #[serde(default)]
    delay_ms: u32,
}

#[tool_router(router = write_tools, vis = "pub(super)")]
impl Mcp {
    #[tool(
        description = "Send a captured request to an app again, and read the response of the app. With re_sign, a request whose signature is old or was made with another secret is accepted by the app. Example: {\"id\": \"ID\", \"to\": \"http://localhost:3000/webhooks\", \"re_sign\": true}",
        annotations(open_world_hint = true)
    )]
    async fn replay_request(
        &self,
        Parameters(asked): Parameters<ReplayOne>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        captured(self.replay(asked, &context).await)
    }

    #[tool(
        description = "Send an event as its vendor does, with its headers and signature, and read the response of the app. Example: {\"provider\": \"stripe\", \"event\": \"invoice.paid\", \"to\": \"http://localhost:3000/webhooks\", \"secret\": \"whsec_…\"}",
        annotations(open_world_hint = true)
    )]
    async fn send_event(
        &self,
        Parameters(asked): Parameters<SendOne>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        captured(self.send(asked, &context).await)
    }

    #[tool(
        description = "Test a webhook handler with up to 52 checks: forged, old, repeated, large and malformed events, and more. Takes up to a minute and reports progress. The result is the report. Example: {\"url\": \"http://localhost:3000/webhooks\", \"provider\": \"stripe\", \"secret\": \"whsec_…\"}",
        annotations(open_world_hint = true)
    )]
    async fn run_checks(
        &self,
        Parameters(asked): Parameters<Checks>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        captured(self.check(asked, &context).await)
    }

    #[tool(
        description = "Set the response that the senders to an inbox get. Example: {\"inbox\": \"shop\", \"status\": 500}",
        annotations(idempotent_hint = true)
    )]
    async fn set_response(&self, Parameters(asked): Parameters<InboxResponseInput>) -> CallToolResult {
        let InboxResponseInput { inbox, status, body, headers, delay_ms } = asked;
        let headers: Vec<(String, String)> = headers.into_iter().collect();
        let response = json!({ "status": status, "body": body, "headers": headers, "delay_ms": delay_ms });
        let change = json!({ "response": response }).to_string();
        own(self.call(Method::PATCH, &format!("/inboxes/{}", encoded(&inbox)), Some(change)).await)
    }
}

impl Mcp {
    async fn replay(&self, asked: ReplayOne, context: &RequestContext<RoleServer>) -> Result<String, String> {
        self.allowed(&asked.to)?;
        let re_sign = asked.re_sign.then_some("inbox");
        let new = json!({ "requests": [asked.id], "settings": { "to": { "url": asked.to }, "re_sign": re_sign } });
        let replay: Replay = parsed(&self.call(Method::POST, "/replays", Some(new.to_string())).await?)?;
        let path = format!("/replays/{}", replay.id);
        let ended = |replay: &Replay| replay.ended_at.is_some();
        let sent = |replay: &Replay| (replay.delivered + replay.failed) as f64;
        self.ended(&path, ended, sent, context).await?;
        self.deliveries(&format!("replay={}", replay.id)).await
    }

    async fn send(&self, asked: SendOne, context: &RequestContext<RoleServer>) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Sent {
            deliveries: Vec<Delivery>,
        }
        #[derive(Deserialize)]
        struct Delivery {
            id: String,
            ended_at: Option<String>,
        }
        self.allowed(&asked.to)?;
        let secrets: Vec<_> = asked.secret.iter().map(|value| json!({ "value": value })).collect();
        // A vendor that requires https may be tested over http on this computer.
        let local = asked.to.starts_with("http://");
        let to = json!({ "url": asked.to, "provider": asked.provider, "secrets": secrets, "local_test": local });
        let new =
            json!({ "provider": asked.provider, "type": asked.event, "set": asked.set.unwrap_or_default(), "to": to });
        let sent: Sent = parsed(&self.call(Method::POST, "/events", Some(new.to_string())).await?)?;
        let delivery = sent.deliveries.first().ok_or("The event has no delivery.")?;
        let path = format!("/deliveries/{}", encoded(&delivery.id));
        self.ended(&path, |delivery: &Delivery| delivery.ended_at.is_some(), |_| 0.0, context).await?;
        self.delivery(&delivery.id).await
    }

    async fn check(&self, asked: Checks, context: &RequestContext<RoleServer>) -> Result<String, String> {
        let Checks { url, provider, secret, only } = asked;
        self.allowed(&url)?;
        let settings = json!({ "url": url, "provider": provider, "secret": secret, "only": only });
        let run: CheckRun =
            parsed(&self.call(Method::POST, "/checks", Some(json!({ "settings": settings }).to_string())).await?)?;
        let path = format!("/checks/{}", run.id);
        self.ended(&path, |run: &CheckRun| run.ended_at.is_some(), finished, context).await?;
        self.get(&format!("{path}/report?as=json")).await
    }

    /// Fails unless requests may be sent to the host of this URL. Captured content must not lead an agent to send
    /// requests and their signatures to a host of its choice.
    fn allowed(&self, url: &str) -> Result<(), String> {
        let parsed: http::Uri = url.parse().map_err(|error| format!("{url:?} is not a URL: {error}."))?;
        let host = parsed
            .host()
            .ok_or_else(|| format!("{url:?} has no host. Pass a URL such as http://localhost:3000/webhooks."))?;
        if is_this_machine(host) || self.permissions.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host)) {
            return Ok(());
        }
        Err(format!(
            "The host {host} is not this computer. To allow it, the user starts the server with `--allow-host {host}`."
        ))
    }

    /// Reads a resource until it has ended, and reports its progress to a client that asked for it.
    async fn ended<T: DeserializeOwned>(
        &self,
        path: &str,
        ended: impl Fn(&T) -> bool,
        done: impl Fn(&T) -> f64,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), String> {
        let token = context.meta.get_progress_token();
        let mut reported = 0.0;
        loop {
            let now: T = parsed(&self.get(path).await?)?;
            if ended(&now) {
                return Ok(());
            }
            let progress = done(&now);
            if let Some(token) = token.clone().filter(|_| progress > reported) {
                reported = progress;
                let _ = context.peer.notify_progress(ProgressNotificationParam::new(token, progress)).await;
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = context.ct.cancelled() => {
                    let _ = self.call(Method::POST, &format!("{path}/cancel"), None).await;
                    return Err("The client canceled the call.".into());
                }
            }
        }
    }

    /// Returns the deliveries that match a filter, each with its attempts and the body of its last response.
    async fn deliveries(&self, filter: &str) -> Result<String, String> {
        #[derive(Deserialize)]
        struct List {
            items: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Item {
            id: String,
        }
        let list: List = parsed(&self.get(&format!("/deliveries?{filter}&limit=10")).await?)?;
        let mut all = Vec::new();
        for item in list.items {
            all.push(self.delivery(&item.id).await?);
        }
        Ok(all.join("\n"))
    }

    /// Returns a delivery with its attempts and the body of its last response.
    async fn delivery(&self, id: &str) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Attempts {
            attempts: u32,
        }
        let path = format!("/deliveries/{}", encoded(id));
        let detail = self.get(&path).await?;
        let Attempts { attempts } = parsed(&detail)?;
        let body = self.get(&format!("{path}/attempts/{attempts}/body")).await.unwrap_or_default();
        Ok(format!("delivery: {detail}\nbody of the response: {body}"))
    }
}

/// Returns the number of checks that have a result.
fn finished(run: &CheckRun) -> f64 {
    let CheckCounts { pass, fail, warn, skipped, unknown, error } = run.counts;
    f64::from(pass + fail + warn + skipped + unknown + error)
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("The engine's response cannot be parsed: {error}"))
}
