use serde_json::Value;

use super::{Api, Context, error::CliError, terminal};

/// Rows of one page.
const PAGE: u32 = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this inbox
    #[arg(long)]
    inbox: Option<String>,
    /// Only pinned ones
    #[arg(long)]
    pinned: bool,
    /// Only what matches this query, such as 'event:chat.* -verdict:valid' (docs/query.md)
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true)]
    query: Option<String>,
    /// List refused requests, with the reason and their first bytes
    #[arg(long, conflicts_with_all = ["query", "pinned"])]
    refused: bool,
    /// How many
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u32,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let mut asked = form_urlencoded::Serializer::new(String::new());
    if let Some(inbox) = &args.inbox {
        asked.append_pair("inbox", inbox);
    }
    if let Some(query) = &args.query {
        asked.append_pair("q", query);
    }
    if args.pinned {
        asked.append_pair("pinned", "true");
    }
    let asked = asked.finish();
    if args.refused {
        return refused(api, context, &asked, args.limit).await;
    }
    let (mut left, mut after) = (args.limit, String::new());
    while left > 0 {
        let page: Value = api.get(&format!("/requests?limit={}&{asked}{after}", left.min(PAGE))).await?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        for item in &items {
            print(context, item);
        }
        left = left.saturating_sub(items.len() as u32);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    Ok(())
}

/// Lists refused requests, newest first; each with its first bytes, indented.
async fn refused(api: &Api, context: &Context, asked: &str, limit: u32) -> Result<(), CliError> {
    let (mut left, mut after, mut any) = (limit, String::new(), false);
    while left > 0 {
        let page: Value = api.get(&format!("/refusals?limit={}&{asked}{after}", left.min(PAGE))).await?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        any |= !items.is_empty();
        for item in &items {
            match context.json {
                true => terminal::json(item),
                false => refusal(item),
            }
        }
        left = left.saturating_sub(items.len() as u32);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => {
                let counted =
                    page["totals"].as_array().into_iter().flatten().filter_map(|total| total["count"].as_u64());
                let total: u64 = counted.sum();
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

fn refusal(item: &Value) {
    let text = |key: &str| terminal::shown(item[key].as_str().unwrap_or_default());
    let at = item["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()).unwrap_or_default();
    let local = at.to_zoned(jiff::tz::TimeZone::system());
    let inbox = item["inbox"].as_str().map_or("-".to_owned(), terminal::shown);
    terminal::line(&format!(
        "{}  {}  {}  {}  {}  {}",
        local.strftime("%F %T"),
        item["status"],
        inbox,
        text("peer"),
        text("reason"),
        text("message"),
    ));
    for line in item["text"].as_str().unwrap_or_default().lines() {
        terminal::line(&format!("    {}", terminal::shown(line)));
    }
}

/// One request on one line.
pub(super) fn print(context: &Context, request: &Value) {
    if context.json {
        terminal::json(request);
    } else {
        terminal::line(&row(request));
    }
}

fn row(request: &Value) -> String {
    let text = |key: &str| terminal::shown(request[key].as_str().unwrap_or_default());
    let arrived = request["arrived_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()).unwrap_or_default();
    let local = arrived.to_zoned(jiff::tz::TimeZone::system());
    let state = match request["body_state"].as_str() {
        Some("complete") | None => String::new(),
        Some(state) => format!("  ({})", state.replace('_', " ")),
    };
    let event = match text("event_type") {
        event if event.is_empty() => event,
        event => format!("  {event}"),
    };
    format!(
        "{}  {}  {:<7} {:<40} {:>3}  {:>9}  {:<9} {}{event}{state}",
        text("id"),
        local.strftime("%F %T"),
        terminal::cut(&text("method"), 7),
        terminal::cut(&text("target"), 40),
        // An imported request's answer may not be known.
        request["status"].as_u64().filter(|status| *status > 0).map_or("-".into(), |status| status.to_string()),
        terminal::size(request["body_bytes"].as_u64().unwrap_or(0)),
        text("verdict"),
        text("inbox"),
    )
}
