//! Tools that only read.

use hookbench_model::{ListenerState, RequestWait, Status};
use http::Method;
use rmcp::{handler::server::wrapper::Parameters, model::CallToolResult, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;

use super::{
    Mcp,
    result::{captured, cut, own},
};
use crate::transport::encoded;

/// Maximum number of requests in a result.
const LIMIT_MAX: u32 = 50;

/// Maximum size of a part of a request in a result, in bytes.
const PART_MAX: usize = 15 * 1024;

/// Maximum time to wait, in seconds.
const WAIT_MAX: u32 = 60;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Search {
    /// Query, such as `event:order.paid -signature:valid age:<1h body.order.id:42`. Without it, the newest requests.
    query: Option<String>,
    /// Name of the inbox. Without it, all inboxes.
    inbox: Option<String>,
    /// Number of requests, from 1 to 50. Default: 20.
    limit: Option<u32>,
    /// `next` of the result before, to continue.
    after: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct RequestId {
    /// ID of the request, such as `01a22d67-6f5f-7000-863f-66ebf0d8eaca`.
    id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Pair {
    /// ID of a request, or the response of an attempt as `DELIVERY:NUMBER`.
    a: String,
    /// The other side, in the same form.
    b: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Wait {
    /// Query that the requests must match, such as `event:order.paid body.order.id:42`.
    query: Option<String>,
    /// Name of the inbox.
    inbox: Option<String>,
    /// Number of requests to wait for, from 1 to 500. Default: 1.
    count: Option<u32>,
    /// Maximum time to wait, in seconds, from 0 to 60. Default: 30.
    timeout_s: Option<u32>,
    /// ID of a request: requests that arrived after it count, also those before this call. Pass the `after` of the
    /// result before, so that none is missed.
    after: Option<String>,
    /// Count requests that arrived since then, such as `5m`. Cannot be combined with `after`.
    since: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Provider {
    /// ID of a provider, such as `stripe`, for its signature schemes and events. Without it, all providers are listed.
    provider: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Report {
    /// ID of the check run.
    id: String,
}

/// A provider in the list.
#[derive(Debug, Deserialize)]
struct ProviderSummary {
    id: String,
    name: String,
}

#[tool_router(router = read_tools, vis = "pub(super)")]
impl Mcp {
    #[tool(
        description = "List the inboxes with their responses, forwards, providers and numbers of requests, and say how senders reach them.",
        annotations(read_only_hint = true)
    )]
    async fn list_inboxes(&self) -> CallToolResult {
        let (status, inboxes) = tokio::join!(self.get("/status"), self.get("/inboxes"));
        let listener = status.ok().and_then(|status| serde_json::from_str::<Status>(&status).ok());
        let listener = match listener.map(|status| status.listener) {
            Some(ListenerState::Listening { url, .. }) => format!("Senders reach an inbox at {url}/NAME.\n"),
            _ => "The listener is not running.\n".to_owned(),
        };
        own(inboxes.map(|inboxes| format!("{listener}{inboxes}")))
    }

    #[tool(
        description = "Search the captured requests, newest first. Fields of a query: event:, provider:, signature: (valid, invalid, unsigned, expired, unverified), status:, app: (response of the app), method:, path:, header.NAME:, body.PATH:, age:<1h, pinned:true; text without a field is searched everywhere. Example: {\"query\": \"signature:invalid provider:stripe\", \"limit\": 5}",
        annotations(read_only_hint = true)
    )]
    async fn search_requests(&self, Parameters(search): Parameters<Search>) -> CallToolResult {
        let limit = search.limit.unwrap_or(20).clamp(1, LIMIT_MAX);
        let path = {
            let mut params = form_urlencoded::Serializer::new(String::new());
            params.append_pair("limit", &limit.to_string());
            for (name, value) in [("q", search.query), ("inbox", search.inbox), ("after", search.after)] {
                params.extend_pairs(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
            }
            format!("/requests?{}", params.finish())
        };
        captured(self.get(&path).await)
    }

    #[tool(
        description = "Read a request: method, target, headers, body, signature status, response and deliveries. Credentials are masked. Example: {\"id\": \"01a22d67-6f5f-7000-863f-66ebf0d8eaca\"}",
        annotations(read_only_hint = true)
    )]
    async fn get_request(&self, Parameters(RequestId { id }): Parameters<RequestId>) -> CallToolResult {
        let id = encoded(&id);
        let paths =
            [format!("/requests/{id}"), format!("/export?as=jsonl&ids={id}"), format!("/requests/{id}/timeline")];
        // The export masks credentials in the body too.
        let (detail, whole, timeline) = tokio::join!(self.get(&paths[0]), self.get(&paths[1]), self.get(&paths[2]));
        captured(match (detail, whole, timeline) {
            (Ok(detail), Ok(whole), Ok(timeline)) => {
                // A large body leaves room for the rest.
                let [detail, whole, timeline] = [detail, whole, timeline].map(|text| cut(text, PART_MAX));
                Ok(format!("request: {detail}\ncontent: {whole}\ntimeline: {timeline}"))
            }
            (Err(why), ..) | (_, Err(why), _) | (.., Err(why)) => Err(why),
        })
    }

    #[tool(
        description = "Wait until requests arrive. The result has `complete`, the `requests`, and if they did not arrive the `others` that came instead, each with the conditions that it does not meet (`unmet`). Example: {\"query\": \"event:order.paid\", \"inbox\": \"shop\", \"timeout_s\": 30}",
        annotations(read_only_hint = true)
    )]
    async fn wait_for_request(&self, Parameters(wait): Parameters<Wait>) -> CallToolResult {
        let asked = RequestWait {
            q: wait.query.unwrap_or_default(),
            inbox: wait.inbox,
            count: wait.count.unwrap_or(1),
            after: wait.after,
            since: wait.since,
            timeout_ms: wait.timeout_s.unwrap_or(30).min(WAIT_MAX) * 1_000,
        };
        let body = serde_json::to_string(&asked).unwrap_or_default();
        captured(self.call(Method::POST, "/wait", Some(body)).await)
    }

    #[tool(
        description = "Explain the signature of a request: whether it is valid, what was received and expected, and which mistake makes it invalid (wrong secret, changed body, wrong scheme, clock), with the fix. Example: {\"id\": \"01a22d67-6f5f-7000-863f-66ebf0d8eaca\"}",
        annotations(read_only_hint = true)
    )]
    async fn explain_signature(&self, Parameters(RequestId { id }): Parameters<RequestId>) -> CallToolResult {
        captured(self.get(&format!("/requests/{}/signature", encoded(&id))).await)
    }

    #[tool(
        description = "Compare two requests, or the responses of two attempts: headers and the JSON of the bodies. Example: {\"a\": \"ID\", \"b\": \"ID\"}",
        annotations(read_only_hint = true)
    )]
    async fn diff_requests(&self, Parameters(Pair { a, b }): Parameters<Pair>) -> CallToolResult {
        captured(self.get(&format!("/diff?mask=true&a={}&b={}", encoded(&a), encoded(&b))).await)
    }

    #[tool(
        description = "List the vendors that Hookbench knows, or read one: its signature schemes, headers and events. Example: {\"provider\": \"stripe\"}",
        annotations(read_only_hint = true)
    )]
    async fn list_providers(&self, Parameters(Provider { provider }): Parameters<Provider>) -> CallToolResult {
        if let Some(id) = provider {
            return own(self.get(&format!("/providers/{}", encoded(&id))).await);
        }
        #[derive(Deserialize)]
        struct List {
            items: Vec<ProviderSummary>,
        }
        own(self.get("/providers").await.and_then(|text| {
            let list: List = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let lines: Vec<String> = list.items.iter().map(|one| format!("{}: {}", one.id, one.name)).collect();
            Ok(lines.join("\n"))
        }))
    }

    #[tool(
        description = "Read the report of a check run, with what each failed check means and how to fix it. Example: {\"id\": \"ID\"}",
        annotations(read_only_hint = true)
    )]
    async fn get_check_report(&self, Parameters(Report { id }): Parameters<Report>) -> CallToolResult {
        captured(self.get(&format!("/checks/{}/report?as=json", encoded(&id))).await)
    }
}
