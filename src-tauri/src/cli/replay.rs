use hookline_model::ErrorCode;
use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use base64::Engine as _;
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Api, Context, delivery, diff,
    error::CliError,
    inbox::{encoded, header},
    terminal,
};

/// How often a replay is asked about.
const ASK: Duration = Duration::from_millis(150);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ids of the requests, in the order they are sent
    #[arg(required_unless_present = "query")]
    ids: Vec<String>,
    /// All that match this query (docs/query.md)
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true, conflicts_with = "ids")]
    query: Option<String>,
    /// With --query: only of this inbox
    #[arg(long, requires = "query")]
    inbox: Option<String>,
    /// A URL, or the id or name of an endpoint; where the inbox's requests went last if absent
    #[arg(long, value_name = "URL|ENDPOINT")]
    to: Option<String>,
    /// Sign anew, with a new timestamp: with the inbox's secret, or the endpoint's
    #[arg(long, value_name = "inbox|endpoint", num_args = 0..=1, default_missing_value = "inbox", value_parser = ["inbox", "endpoint"])]
    resign: Option<String>,
    /// Most requests a second, such as 2 or 2/s
    #[arg(long, value_name = "N/s")]
    rate: Option<String>,
    /// Requests under way at a time
    #[arg(long, default_value_t = 1, value_name = "N")]
    concurrency: u32,
    /// Begin with the newest
    #[arg(long)]
    newest_first: bool,
    /// End at the first that is not answered 2xx
    #[arg(long)]
    stop_on_failure: bool,
    /// How long each answer may take, in ms
    #[arg(long, default_value_t = 30_000, value_name = "MS")]
    timeout: u32,
    /// Deliver the request twice and compare the answers: exit status 1 if they differ
    #[arg(long, conflicts_with = "query")]
    twice: bool,
    /// With --twice: both at once, and not one after the other
    #[arg(long, requires = "twice")]
    at_once: bool,
    /// Use the URL as it is, whatever path was asked for
    #[arg(long)]
    exact: bool,
    /// Another method, for one request
    #[arg(long)]
    method: Option<String>,
    /// Another path and query behind the URL, for one request
    #[arg(long)]
    path: Option<String>,
    /// Another body, for one request
    #[arg(long)]
    body: Option<String>,
    /// A file with another body, for one request
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// Set a header; repeat it for more
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Leave a header out; repeat it for more
    #[arg(long, value_name = "NAME")]
    remove_header: Vec<String>,
    /// Keep the sender's Host header
    #[arg(long)]
    keep_host: bool,
    /// Send many to a host that got none before, without asking
    #[arg(long, short)]
    yes: bool,
    /// Write the report into a file: JSON, or a page if its name ends in .html
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Args {
    fn call(&self, to: Option<Value>) -> Result<Value, CliError> {
        let rate = match self.rate.as_deref().map(|rate| rate.trim_end_matches("/s").parse::<f64>()) {
            Some(Err(_)) => {
                return Err(CliError::Other("the rate is a number of requests a second, such as 2 or 2/s".into()));
            }
            Some(Ok(rate)) => Some(rate),
            None => None,
        };
        let set = self.header.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
        let mut settings = json!({
            "path": if self.exact { "exact" } else { "append" }, "resign": self.resign, "rate": rate,
            "concurrency": if self.at_once { 2 } else { self.concurrency }, "newest_first": self.newest_first,
            "stop_on_failure": self.stop_on_failure, "timeout_ms": self.timeout, "times": if self.twice { 2 } else { 1 },
            "headers": { "keep_host": self.keep_host, "remove": self.remove_header, "set": set },
        });
        if let Some(to) = to {
            settings["to"] = to;
        }
        if self.method.is_some() || self.path.is_some() {
            settings["edit"] = json!({ "method": self.method, "path": self.path });
        }
        let body = match (&self.body, &self.body_file) {
            (Some(body), _) => Some(body.clone().into_bytes()),
            (None, Some(path)) => {
                Some(std::fs::read(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?)
            }
            (None, None) => None,
        };
        let mut call = Map::new();
        call.insert("settings".into(), settings);
        match &self.query {
            Some(query) => {
                call.insert("query".into(), query.clone().into());
                call.insert("inbox".into(), self.inbox.clone().into());
            }
            None => drop(call.insert("requests".into(), json!(self.ids))),
        }
        if let Some(body) = body {
            call.insert("body".into(), base64::engine::general_purpose::STANDARD.encode(body).into());
        }
        Ok(call.into())
    }
}

/// A destination as the API has it: an endpoint by its id or name, or a URL.
async fn target(api: &Api, to: &str) -> Result<Value, CliError> {
    if to.contains("://") {
        return Ok(json!({ "url": to }));
    }
    Ok(json!({ "endpoint": super::endpoint::id_of(api, to).await? }))
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let to = match &args.to {
        Some(to) => Some(target(api, to).await?),
        None => None,
    };
    let mut call = args.call(to)?;
    let begun: Value = match api.json(Method::POST, "/replays", Some(call.clone())).await {
        Err(CliError::Refused(refused)) if refused.code == ErrorCode::ConfirmHost => {
            call["confirm"] = confirmed(&refused.message, args.yes)?.into();
            api.json(Method::POST, "/replays", Some(call)).await?
        }
        other => other?,
    };
    let id = encoded(begun["id"].as_str().unwrap_or_default());
    let ended = watch(api, context, &id).await?;
    if let Some(path) = &args.report {
        let form = if path.extension().is_some_and(|end| end == "html") { "html" } else { "json" };
        let report = api.bytes(Method::GET, &format!("/replays/{id}/report?as={form}"), None).await?;
        std::fs::write(path, &report.body).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    }
    let few = ended["total"].as_u64().unwrap_or(0) <= 20;
    if few {
        let page: Value = api.get(&format!("/deliveries?replay={id}&limit=20")).await?;
        let mut made = page["items"].as_array().cloned().unwrap_or_default();
        made.reverse();
        for one in &made {
            delivery::print(context, one);
        }
        if let ([first, second], true) = (made.as_slice(), args.twice) {
            let side = |one: &Value| format!("{}:1", one["id"].as_str().unwrap_or_default());
            return diff::run(api, context, diff::Args::of(side(first), side(second))).await;
        }
    }
    if context.json && !few {
        terminal::json(&ended);
    }
    terminal::say(&format!(
        "{}: {} of {} answered 2xx, {} failed{}",
        ended["state"].as_str().unwrap_or_default(),
        ended["delivered"],
        ended["total"],
        ended["failed"],
        ended["reason"].as_str().map_or_else(String::new, |reason| format!(". {}", terminal::shown(reason))),
    ));
    if ended["state"] == "done" && ended["failed"] == 0 { Ok(()) } else { Err(CliError::No) }
}

/// The host that a message names, once a person agreed to it.
fn confirmed(message: &str, yes: bool) -> Result<String, CliError> {
    let host = message.split_once(" would go to ").and_then(|(_, rest)| rest.split_once(','));
    let host = host.map(|(host, _)| host.to_owned()).unwrap_or_default();
    if yes {
        return Ok(host);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Other(format!("{message} With --yes they do")));
    }
    let _ = write!(std::io::stderr(), "{} Send them? [y/N] ", terminal::shown(message));
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    if answer.trim().eq_ignore_ascii_case("y") { Ok(host) } else { Err(CliError::No) }
}

/// Waits until a replay has ended; interrupted, it is ended.
async fn watch(api: &Api, context: &Context, id: &str) -> Result<Value, CliError> {
    let bar = terminal::count();
    loop {
        let replay: Value = api.get(&format!("/replays/{id}")).await?;
        if !context.json {
            bar.set_length(replay["total"].as_u64().unwrap_or(0));
            bar.set_position(replay["delivered"].as_u64().unwrap_or(0) + replay["failed"].as_u64().unwrap_or(0));
        }
        if !replay["ended_at"].is_null() {
            bar.finish_and_clear();
            return Ok(replay);
        }
        tokio::select! {
            () = tokio::time::sleep(ASK) => {}
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                return api.json(Method::DELETE, &format!("/replays/{id}"), None).await;
            }
        }
    }
}
