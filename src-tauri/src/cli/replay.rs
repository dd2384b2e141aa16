//! `hookbench replay`: sends stored requests again.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use base64::Engine as _;
use hookbench_model::{
    Delivery, DeliveryList, DeliveryState, ErrorCode, HeaderRules, PathRule, ReSignWith, Replay, ReplayEdit,
    ReplaySettings, ReplayState, ReplayTarget,
};
use http::Method;
use serde::Serialize;

use super::{Api, Context, delivery, diff, error::CliError, inbox::header, junit, terminal};
use crate::transport::encoded;

/// Interval between progress polls of a replay.
const POLL_INTERVAL: Duration = Duration::from_millis(150);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// IDs of the requests, in the order in which they are sent; `latest` is the newest
    #[arg(required_unless_present = "query")]
    ids: Vec<String>,
    /// Replay all requests that match this query (docs/search.md)
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true, conflicts_with = "ids")]
    query: Option<String>,
    /// With --query: replay only requests of this inbox
    #[arg(long, requires = "query")]
    inbox: Option<String>,
    /// Send to this URL or endpoint [default: the inbox's last replay target]
    #[arg(long, value_name = "URL|ENDPOINT")]
    to: Option<String>,
    /// Re-sign with a new timestamp and the secret of the inbox or the endpoint
    #[arg(long, value_name = "inbox|endpoint", num_args = 0..=1, default_missing_value = "inbox", value_parser = ["inbox", "endpoint"])]
    re_sign: Option<String>,
    /// Maximum number of requests per second, such as 2 or 2/s
    #[arg(long, value_name = "N/s")]
    rate: Option<String>,
    /// Maximum number of concurrent requests
    #[arg(long, default_value_t = 1, value_name = "N")]
    concurrency: u32,
    /// Send the newest request first
    #[arg(long)]
    newest_first: bool,
    /// Stop after the first response that is not 2xx
    #[arg(long)]
    stop_on_failure: bool,
    /// Response timeout of each request, in ms
    #[arg(long, default_value_t = 30_000, value_name = "MS")]
    timeout: u32,
    /// Send the request twice and compare the responses. Exits with 1 if they differ
    #[arg(long, conflicts_with = "query")]
    twice: bool,
    /// With --twice: send both requests at the same time
    #[arg(long, requires = "twice")]
    at_once: bool,
    /// Use the exact URL, and ignore the path of the request
    #[arg(long)]
    exact: bool,
    /// Replace the method (one request only)
    #[arg(long)]
    method: Option<String>,
    /// Replace the path and query that follow the URL (one request only)
    #[arg(long)]
    path: Option<String>,
    /// Replace the body (one request only)
    #[arg(long)]
    body: Option<String>,
    /// Replace the body with the content of this file (one request only)
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// Set a header; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Remove a header; repeatable
    #[arg(long, value_name = "NAME")]
    remove_header: Vec<String>,
    /// Keep the original Host header
    #[arg(long)]
    keep_host: bool,
    /// Send many requests to a new host without confirmation
    #[arg(long, short)]
    yes: bool,
    /// Write a report into this file: HTML if the name ends in .html, else JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the result of each request as a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Body of the call that starts a replay.
#[derive(Serialize)]
struct Call {
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inbox: Option<String>,
    /// Replacement body, base64-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<String>,
    settings: ReplaySettings,
}

impl Args {
    fn call(&self, to: Option<ReplayTarget>) -> Result<Call, CliError> {
        let rate = self.rate.as_deref().map(|rate| rate.trim_end_matches("/s").parse::<f64>()).transpose();
        let rate =
            rate.map_err(|_| CliError::Other("--rate must be a number of requests per second, as in 2 or 2/s".into()))?;
        let set = self.header.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
        let settings = ReplaySettings {
            to,
            path: if self.exact { PathRule::Exact } else { PathRule::Append },
            headers: HeaderRules {
                keep_host: self.keep_host,
                remove: self.remove_header.clone(),
                set,
                ..HeaderRules::default()
            },
            edit: (self.method.is_some() || self.path.is_some()).then(|| ReplayEdit {
                method: self.method.clone(),
                path: self.path.clone(),
                headers: None,
            }),
            re_sign: self.re_sign.as_deref().map(|with| match with {
                "endpoint" => ReSignWith::Endpoint,
                _ => ReSignWith::Inbox,
            }),
            times: if self.twice { 2 } else { 1 },
            newest_first: self.newest_first,
            rate,
            concurrency: if self.at_once { 2 } else { self.concurrency },
            stop_on_failure: self.stop_on_failure,
            timeout_ms: self.timeout,
        };
        let body = match (&self.body, &self.body_file) {
            (Some(body), _) => Some(body.clone().into_bytes()),
            (None, Some(path)) => {
                Some(std::fs::read(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?)
            }
            (None, None) => None,
        };
        Ok(Call {
            requests: self.query.is_none().then(|| self.ids.clone()),
            query: self.query.clone(),
            inbox: self.inbox.clone(),
            body: body.map(|body| base64::engine::general_purpose::STANDARD.encode(body)),
            confirm: None,
            settings,
        })
    }
}

/// Returns the replay target for a URL, or for the id or name of an endpoint.
async fn target(api: &Api, to: &str) -> Result<ReplayTarget, CliError> {
    if to.contains("://") {
        return Ok(ReplayTarget::Url(to.to_owned()));
    }
    Ok(ReplayTarget::Endpoint(super::endpoint::id_of(api, to).await?))
}

pub(super) async fn run(api: &Api, context: &Context, mut args: Args) -> Result<(), CliError> {
    args.ids = super::latest::requests(api, &args.ids).await?;
    let to = match &args.to {
        Some(to) => Some(target(api, to).await?),
        None => None,
    };
    let mut call = args.call(to)?;
    let begun: Replay = match api.send(Method::POST, "/replays", &call).await {
        Err(CliError::Refused(refused)) if refused.code == ErrorCode::ConfirmHost => {
            call.confirm = Some(confirmed(&refused.message, args.yes)?);
            api.send(Method::POST, "/replays", &call).await?
        }
        other => other?,
    };
    let id = encoded(&begun.id);
    let ended = watch(api, context, &id).await?;
    if let Some(path) = &args.report {
        let form = if path.extension().is_some_and(|end| end == "html") { "html" } else { "json" };
        let report = api.bytes(Method::GET, &format!("/replays/{id}/report?as={form}")).await?;
        std::fs::write(path, &report.body).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    }
    if let Some(path) = &args.junit {
        junit::write(path, "replay", tests(api, &id).await?)?;
    }
    let few = ended.total <= 20;
    if few {
        let page: DeliveryList = api.get(&format!("/deliveries?replay={id}&limit=20")).await?;
        page.items.iter().rev().for_each(|delivery| delivery::print(context, delivery));
        if let ([second, first], true) = (page.items.as_slice(), args.twice) {
            let side = |delivery: &Delivery| format!("{}:1", delivery.id);
            return diff::run(api, context, diff::Args::of(side(first), side(second))).await;
        }
    }
    if context.json && !few {
        terminal::json(&ended);
    }
    terminal::say(&format!(
        "{}: {} of {} delivered, {} failed{}",
        terminal::word(&ended.state),
        ended.delivered,
        ended.total,
        ended.failed,
        ended.reason.as_ref().map_or_else(String::new, |reason| format!(". {}", terminal::shown(reason))),
    ));
    if ended.state == ReplayState::Done && ended.failed == 0 { Ok(()) } else { Err(CliError::No) }
}

/// Returns a test of each delivery of a replay, in the order in which they were created.
async fn tests(api: &Api, id: &str) -> Result<Vec<junit::Test>, CliError> {
    let (mut tests, mut after) = (Vec::new(), String::new());
    loop {
        let page: DeliveryList = api.get(&format!("/deliveries?replay={id}&limit=500{after}")).await?;
        tests.extend(page.items.iter().map(test));
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    tests.reverse();
    Ok(tests)
}

fn test(delivery: &Delivery) -> junit::Test {
    let request = delivery.request.as_deref().unwrap_or(&delivery.id);
    let problem = (delivery.state != DeliveryState::Delivered).then(|| {
        let reason = delivery.error.as_ref().or(delivery.reason.as_ref()).map_or("", String::as_str);
        let status = delivery.status.map_or_else(String::new, |status| format!("The app responded with {status}. "));
        format!("{status}{reason}\nhookbench delivery show {}", delivery.id)
    });
    junit::Test {
        name: format!("{} {} ({request})", delivery.method, delivery.url),
        took: Duration::from_secs_f64(delivery.duration_ms.unwrap_or_default() / 1_000.0),
        problem,
    }
}

/// Returns the host that the API's message names, after the user has confirmed it.
fn confirmed(message: &str, yes: bool) -> Result<String, CliError> {
    let host = message.split_once(" would go to ").and_then(|(_, rest)| rest.split_once(','));
    let host = host.map(|(host, _)| host.to_owned()).unwrap_or_default();
    if yes {
        return Ok(host);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Other(format!("{message} Pass --yes to confirm")));
    }
    let _ = write!(std::io::stderr(), "{} Send them? [y/N] ", terminal::shown(message));
    let mut input = String::new();
    let _ = std::io::stdin().read_line(&mut input);
    if input.trim().eq_ignore_ascii_case("y") { Ok(host) } else { Err(CliError::No) }
}

/// Waits until a replay has ended. Ctrl-C cancels the replay.
async fn watch(api: &Api, context: &Context, id: &str) -> Result<Replay, CliError> {
    let bar = terminal::count();
    loop {
        let replay: Replay = api.get(&format!("/replays/{id}")).await?;
        if !context.json {
            bar.set_length(replay.total);
            bar.set_position(replay.delivered + replay.failed);
        }
        if replay.ended_at.is_some() {
            bar.finish_and_clear();
            return Ok(replay);
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                return api.act(Method::POST, &format!("/replays/{id}/cancel")).await;
            }
        }
    }
}
