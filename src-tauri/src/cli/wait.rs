//! `hookbench wait`: waits until requests arrive.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use hookbench_model::{RequestWait, RequestWaitOther, RequestWaitResult, SignatureStatus};
use http::Method;
use jiff::{SignedDuration, Timestamp};

use super::{Api, Context, error::CliError, junit, listen, requests, serve, terminal};

/// Longest time that the command waits.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Value of `--since` that counts only requests that arrive from now on.
const NOW: &str = "now";

/// Maximum time of one call. A longer wait is several calls, each of which continues after the one before.
const CALL_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Wait only for requests to this inbox
    inbox: Option<String>,
    /// Wait only for requests that match this query (docs/search.md)
    ///
    /// Example: 'event:order.paid body.order.id:42'
    #[arg(long, short, value_name = "QUERY", default_value = "", allow_hyphen_values = true)]
    query: String,
    /// Number of requests to wait for
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=500))]
    count: u32,
    /// Maximum time to wait, such as 30s or 5m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// Count requests that arrived since then: now, a duration such as 5m, a time, or the ID of a request
    #[arg(long, value_name = "WHEN", default_value = NOW)]
    since: String,
    /// Count requests that arrived after this request, so that none between two calls is missed
    #[arg(long, value_name = "ID", conflicts_with = "since")]
    after: Option<String>,
    /// Exit with 1 unless each request has this signature status
    #[arg(long, value_name = "STATUS", value_parser = SignatureStatus::ALL.map(SignatureStatus::as_str))]
    expect_signature: Option<String>,
    /// Write the result as a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Parses a duration that is not negative.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Result<SignedDuration, _> = text.parse();
    let parsed = parsed.ok().and_then(|parsed| Duration::try_from(parsed).ok()).filter(|parsed| *parsed <= LONGEST);
    parsed.ok_or_else(|| "pass a duration such as 30s or 5m, at most 24h".to_owned())
}

pub(super) async fn run(context: &Context, mut args: Args) -> Result<(), CliError> {
    let ended = serve::termination();
    let started = Timestamp::now();
    let (transport, own) = listen::join_or_serve(context, args.inbox.as_deref()).await?;
    if own.is_some() && args.since == NOW {
        // The listener of this command may receive before the command waits.
        args.since = started.to_string();
    }
    let (api, began) = (Api(transport), Instant::now());
    let result = tokio::select! {
        result = wait(&api, &args) => result,
        () = ended => Err(CliError::Other("interrupted".into())),
    };
    let took = began.elapsed();
    if let Some(own) = own {
        own.close().await;
    }
    let result = result?;
    let problem = problem(&args, &result);
    if let Some(path) = &args.junit {
        junit::write(path, "wait", vec![junit::Test { name: test_name(&args), took, problem: problem.clone() }])?;
    }
    match problem {
        None => {
            result.requests.iter().for_each(|request| requests::print(context, request));
            Ok(())
        }
        Some(problem) => {
            match context.json {
                true => terminal::json(&result),
                false => result.requests.iter().for_each(|request| requests::print(context, request)),
            }
            terminal::say(&problem);
            Err(CliError::No)
        }
    }
}

/// Waits in calls of at most a minute, each of which continues after the one before.
async fn wait(api: &Api, args: &Args) -> Result<RequestWaitResult, CliError> {
    let deadline = Instant::now() + args.timeout;
    let (after, since) = match (&args.after, args.since.as_str()) {
        (Some(id), _) => (Some(id.clone()), None),
        (None, NOW) => (None, None),
        (None, id) if id.len() == 36 && id.matches('-').count() == 4 => (Some(id.to_owned()), None),
        (None, since) => (None, Some(since.to_owned())),
    };
    let mut all = RequestWaitResult { complete: false, requests: Vec::new(), others: Vec::new(), after: String::new() };
    let mut next = RequestWait {
        q: args.query.clone(),
        inbox: args.inbox.clone(),
        count: args.count,
        after,
        since,
        timeout_ms: 0,
    };
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        next.timeout_ms = left.min(CALL_MAX).as_millis() as u32;
        let part: RequestWaitResult = api.send(Method::POST, "/wait", &next).await?;
        all.requests.extend(part.requests);
        all.others.extend(part.others);
        (all.complete, all.after) = (part.complete, part.after);
        if all.complete {
            all.others.clear();
            return Ok(all);
        }
        if left <= CALL_MAX {
            // Those that meet most conditions come first, then the newest.
            all.others.sort_by(|a, b| (a.unmet.len(), &b.request.id).cmp(&(b.unmet.len(), &a.request.id)));
            all.others.truncate(10);
            return Ok(all);
        }
        next.count = args.count - all.requests.len() as u32;
        (next.after, next.since) = (Some(all.after.clone()), None);
    }
}

/// Returns why the result is not what was wanted. Returns `None` if it is.
fn problem(args: &Args, result: &RequestWaitResult) -> Option<String> {
    if !result.complete {
        let wanted = match (args.query.as_str(), &args.inbox) {
            ("", None) => String::new(),
            ("", Some(inbox)) => format!(" to {inbox}"),
            (query, None) => format!(" that match {query}"),
            (query, Some(inbox)) => format!(" to {inbox} that match {query}"),
        };
        let got = result.requests.len();
        let within = SignedDuration::try_from(args.timeout).unwrap_or_default();
        let mut text = format!("{got} of {} requests{wanted} arrived within {within:#}.", args.count);
        if result.others.is_empty() && got == 0 {
            text += " No other request arrived.";
        }
        for RequestWaitOther { request, unmet } in &result.others {
            let event = request.event_type.as_deref().unwrap_or("no event type");
            text += &format!(
                "\n  {} {} {} ({}) does not meet: {}",
                request.id,
                terminal::shown(&request.method),
                terminal::shown(&request.target),
                terminal::shown(event),
                unmet.join(", "),
            );
        }
        return Some(text);
    }
    let expected = args.expect_signature.as_deref()?;
    let wrong = result.requests.iter().find(|request| request.signature_status.as_str() != expected)?;
    let reason = wrong.reason.as_ref().map_or_else(String::new, |reason| format!(" ({})", reason.replace('_', " ")));
    let status = wrong.signature_status.as_str();
    let provider = wrong.provider.as_deref().unwrap_or("PROVIDER");
    Some(format!(
        "The signature of {0} is {status}{reason}, not {expected}. To find out why, run `hookbench show {0} --as raw --reveal | \
         hookbench explain --provider {provider} --secret-file FILE`.",
        wrong.id
    ))
}

/// Returns the name of the wait in a JUnit report.
fn test_name(args: &Args) -> String {
    match (args.inbox.as_deref(), args.query.as_str()) {
        (None, "") => "any request".to_owned(),
        (Some(inbox), "") => format!("a request to {inbox}"),
        (None, query) => query.to_owned(),
        (Some(inbox), query) => format!("{inbox}: {query}"),
    }
}
