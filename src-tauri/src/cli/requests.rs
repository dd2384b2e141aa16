//! `hookbench requests`: lists stored and refused requests.

use hookbench_model::{BodyState, Refusal, RefusalList, RequestList, RequestSummary};
use jiff::{Timestamp, tz::TimeZone};

use super::{Api, Context, error::CliError, terminal};

/// Maximum number of rows per API call.
const PAGE: u32 = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// List only requests of this inbox
    #[arg(long)]
    inbox: Option<String>,
    /// List only pinned requests
    #[arg(long)]
    pinned: bool,
    /// List only requests that match this query (docs/search.md)
    ///
    /// Example: 'event:chat.* -signature:valid'
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true)]
    query: Option<String>,
    /// List refused requests, with the reason and their first bytes
    #[arg(long, conflicts_with_all = ["query", "pinned"])]
    refused: bool,
    /// Maximum number of requests to list
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u32,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let mut params = form_urlencoded::Serializer::new(String::new());
    if let Some(inbox) = &args.inbox {
        params.append_pair("inbox", inbox);
    }
    if let Some(query) = &args.query {
        params.append_pair("q", query);
    }
    if args.pinned {
        params.append_pair("pinned", "true");
    }
    let params = params.finish();
    if args.refused {
        return refused(api, context, &params, args.limit).await;
    }
    let (mut left, mut after) = (args.limit, String::new());
    let filtered = args.query.is_some() || args.pinned;
    let mut any = false;
    while left > 0 {
        let page: RequestList = api.get(&format!("/requests?limit={}&{params}{after}", left.min(PAGE))).await?;
        for item in &page.items {
            match context.json {
                true => terminal::json(item),
                false => print(context, &item.request),
            }
        }
        any |= !page.items.is_empty();
        left = left.saturating_sub(page.items.len() as u32);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    if !any {
        terminal::say(if filtered { "No requests match." } else { "No requests yet." });
    }
    Ok(())
}

/// Lists refused requests, newest first, each followed by its first bytes.
async fn refused(api: &Api, context: &Context, params: &str, limit: u32) -> Result<(), CliError> {
    let (mut left, mut after, mut any) = (limit, String::new(), false);
    while left > 0 {
        let page: RefusalList = api.get(&format!("/refusals?limit={}&{params}{after}", left.min(PAGE))).await?;
        any |= !page.items.is_empty();
        for item in &page.items {
            match context.json {
                true => terminal::json(item),
                false => refusal(item),
            }
        }
        left = left.saturating_sub(page.items.len() as u32);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => {
                let total: u64 = page.totals.iter().map(|total| total.count).sum();
                if !any && total == 0 {
                    terminal::say("No request was refused.");
                } else if total > u64::from(limit - left) {
                    terminal::say(&format!(
                        "{total} requests were refused in total. Only the newest keep their bytes."
                    ));
                }
                break;
            }
        }
    }
    Ok(())
}

fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%F %T").to_string()
}

fn refusal(refusal: &Refusal) {
    terminal::line(&format!(
        "{}  {}  {}  {}  {}  {}",
        local(refusal.at),
        refusal.status,
        refusal.inbox.as_deref().map_or("-".to_owned(), terminal::shown),
        terminal::shown(&refusal.remote_address),
        terminal::shown(&refusal.reason),
        terminal::shown(&refusal.message),
    ));
    for line in refusal.text.lines() {
        terminal::line(&format!("    {}", terminal::shown(line)));
    }
}

/// Prints a request on one line.
pub(super) fn print(context: &Context, request: &RequestSummary) {
    if context.json {
        terminal::json(request);
    } else {
        terminal::line(&row(request));
    }
}

fn row(request: &RequestSummary) -> String {
    let state = match request.body_state {
        BodyState::Complete => String::new(),
        state => format!("  ({})", terminal::word(&state).replace('_', " ")),
    };
    let event = request.event_type.as_deref().map_or_else(String::new, |event| format!("  {}", terminal::shown(event)));
    format!(
        "{}  {}  {:<7} {:<40} {:>3}  {:>9}  {:<9} {}{event}{state}",
        request.id,
        local(request.arrived_at),
        terminal::cut(&terminal::shown(&request.method), 7),
        terminal::cut(&terminal::shown(&request.target), 40),
        // The response of an imported request can be unknown.
        if request.status > 0 { request.status.to_string() } else { "-".into() },
        terminal::size(request.body_bytes),
        request.signature_status.as_str(),
        terminal::shown(&request.inbox),
    )
}
