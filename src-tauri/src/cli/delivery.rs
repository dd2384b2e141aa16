//! `hookbench delivery`: lists, shows, resends and cancels deliveries, and waits for their end.

use std::{collections::BTreeMap, time::Duration};

use hookbench_model::{
    Attempt, Delivery, DeliveryDetail, DeliveryList, DeliveryRetryResult, DeliveryState, EventSendResult,
};
use http::Method;
use serde_json::json;

use super::{Api, Context, error::CliError, terminal};
use crate::transport::encoded;

/// Interval between polls of a delivery that has not ended.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List deliveries, newest first
    #[command(after_help = "Examples:\n  hookbench delivery list --endpoint staging --status 5xx --since yesterday")]
    List {
        #[command(flatten)]
        filter: Filter,
        /// Maximum number of deliveries to list (1 to 500)
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
        /// List only deliveries older than the delivery with this ID
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Show a delivery with every attempt
    #[command(after_help = "Examples:\n  hookbench delivery show latest\n  hookbench delivery show latest --json")]
    Show {
        /// ID of the delivery; `latest` is the newest
        id: String,
    },
    /// Resend one delivery, or all that match a filter
    ///
    /// With an ID, the next attempt of a waiting delivery is made now.
    ///
    /// A filter resends failed, exhausted and skipped deliveries, or those of --state.
    #[command(after_help = "Examples:\n  hookbench delivery retry latest\n  \
        hookbench delivery retry --since yesterday --type 'chat.*' --status 5xx")]
    Retry {
        /// ID of the delivery; `latest` is the newest
        id: Option<String>,
        /// Run all retries now, without waiting for the retry schedule
        #[arg(long, requires = "id")]
        all_retries: bool,
        #[command(flatten)]
        filter: Filter,
    },
    /// Cancel a delivery that waits for a retry
    #[command(after_help = "Examples:\n  hookbench delivery cancel latest")]
    Cancel {
        /// ID of the delivery; `latest` is the newest
        id: String,
    },
}

/// Filter of deliveries
#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Only deliveries to this endpoint, by name or ID
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Only deliveries in this state, such as failed, exhausted or skipped
    #[arg(long)]
    state: Option<String>,
    /// Only deliveries created at or after this time, date, yesterday or age (2h)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only deliveries created before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only deliveries of this event type; a trailing `*` matches any suffix
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only deliveries with this response status: 500, 4xx,5xx or none
    #[arg(long)]
    status: Option<String>,
    /// Only deliveries whose URL contains this text
    #[arg(long, value_name = "TEXT")]
    url: Option<String>,
    /// Only deliveries with this text in payload, URL, event type, reason or error
    #[arg(long)]
    text: Option<String>,
}

impl Filter {
    /// Returns the filters that are set, with their API parameter names.
    fn given(self) -> impl Iterator<Item = (&'static str, String)> {
        let all = [
            ("endpoint", self.endpoint),
            ("state", self.state),
            ("since", self.since),
            ("until", self.until),
            ("type", self.kind),
            ("status", self.status),
            ("url", self.url),
            ("text", self.text),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List { filter, limit, after } => {
            let given = filter.given().chain(after.map(|id| ("after", id)));
            let given: String = given.map(|(name, value)| format!("&{name}={}", encoded(&value))).collect();
            let page: DeliveryList = api.get(&format!("/deliveries?limit={limit}{given}")).await?;
            page.items.iter().for_each(|delivery| print(context, delivery));
        }
        Verb::Show { id } => {
            let id = super::latest::delivery(api, &id).await?;
            let shown: DeliveryDetail = api.get(&format!("/deliveries/{}", encoded(&id))).await?;
            if context.json {
                terminal::json(&shown);
            } else {
                print(context, &shown.delivery);
                for attempt in &shown.attempts_made {
                    terminal::line(&format!("  {}", exchange(attempt)));
                }
            }
        }
        Verb::Retry { id: Some(id), all_retries, filter } => {
            if let Some((name, _)) = filter.given().next() {
                return Err(CliError::Other(format!(
                    "--{name} cannot be combined with a delivery ID. Pass one or the other"
                )));
            }
            let id = super::latest::delivery(api, &id).await?;
            let path = format!("/deliveries/{}/retry", encoded(&id));
            print(context, &api.send(Method::POST, &path, &json!({ "all_retries": all_retries })).await?);
        }
        Verb::Retry { filter, .. } => {
            let which: BTreeMap<&str, String> = filter.given().collect();
            let retried: DeliveryRetryResult = api.send(Method::POST, "/deliveries/retry", &which).await?;
            if context.json {
                terminal::json(&retried);
                return Ok(());
            }
            let left = match retried.left {
                0 => String::new(),
                left => format!("; {left} skipped because their endpoints are disabled"),
            };
            let s = if retried.deliveries == 1 { "y" } else { "ies" };
            terminal::line(&format!("{} deliver{s} resent{left}", retried.deliveries));
        }
        Verb::Cancel { id } => {
            let id = super::latest::delivery(api, &id).await?;
            let path = format!("/deliveries/{}/cancel", encoded(&id));
            print(context, &api.act(Method::POST, &path).await?);
        }
    }
    Ok(())
}

/// Returns an attempt as one line of text.
fn exchange(attempt: &Attempt) -> String {
    let came = match (attempt.status, &attempt.error) {
        (Some(status), Some(error)) => format!("{status}, {}", terminal::shown(&error.message)),
        (Some(status), None) => status.to_string(),
        (None, Some(error)) => terminal::shown(&error.message),
        (None, None) => "in progress".to_owned(),
    };
    format!("{}. {came} in {:.1} ms", attempt.number, attempt.timings.total_us as f64 / 1e3)
}

pub(super) fn print(context: &Context, delivery: &Delivery) {
    if context.json {
        return terminal::json(delivery);
    }
    let why: Vec<&str> = [&delivery.error, &delivery.reason].into_iter().flatten().map(String::as_str).collect();
    let created = delivery.created_at.strftime("%FT%TZ").to_string();
    let until = delivery.next_at.map_or_else(String::new, |at| format!(" next {at}"));
    let took = delivery.duration_ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.0} ms"));
    terminal::line(&format!(
        "{}  {created} {:<10} {:<28} {:>4} {took:>8} {:>2} attempt{}  {}{until}",
        delivery.id,
        terminal::word(&delivery.state),
        terminal::cut(&terminal::shown(&delivery.event_type), 28),
        delivery.status.map_or_else(|| "–".to_owned(), |status| status.to_string()),
        delivery.attempts,
        if delivery.attempts == 1 { " " } else { "s" },
        terminal::shown(&why.join(" ")),
    ));
}

/// Waits until the deliveries have ended and prints each attempt. Fails unless all were delivered. Ctrl-C cancels the
/// deliveries that have not ended.
pub(super) async fn ended(api: &Api, context: &Context, sent: &[Delivery]) -> Result<(), CliError> {
    let mut all_arrived = !sent.is_empty();
    for delivery in sent {
        let id = encoded(&delivery.id);
        let mut printed = 0;
        let last = loop {
            let shown: DeliveryDetail = api.get(&format!("/deliveries/{id}")).await?;
            let ended = !matches!(shown.delivery.state, DeliveryState::Waiting | DeliveryState::Sending);
            for attempt in shown.attempts_made.iter().skip(printed) {
                let under_way = attempt.status.is_none() && attempt.error.is_none();
                if under_way && !ended {
                    break;
                }
                printed += 1;
                if !context.json {
                    terminal::say(&exchange(attempt));
                }
            }
            if ended {
                break shown;
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                _ = tokio::signal::ctrl_c() => {
                    // The delivery may have ended in the meantime; no attempt follows in either case.
                    let _ = api.bytes(Method::POST, &format!("/deliveries/{id}/cancel")).await;
                    return Err(CliError::No);
                }
            }
        };
        all_arrived &= last.delivery.state == DeliveryState::Delivered;
        match context.json {
            true => terminal::json(&last),
            false => print(context, &last.delivery),
        }
    }
    if all_arrived { Ok(()) } else { Err(CliError::No) }
}

/// Waits until all deliveries of a command's temporary endpoint have ended, because a response lists only the first
/// of many deliveries. Fails unless all were delivered.
async fn all_ended(api: &Api, endpoint: &str) -> Result<(), CliError> {
    let endpoint = encoded(endpoint);
    let any = async |state: DeliveryState| -> Result<bool, CliError> {
        let state = terminal::word(&state);
        let page: DeliveryList = api.get(&format!("/deliveries?endpoint={endpoint}&state={state}&limit=1")).await?;
        Ok(!page.items.is_empty())
    };
    while any(DeliveryState::Waiting).await? || any(DeliveryState::Sending).await? {
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            // The engine cancels the waiting deliveries of a temporary endpoint once the polls stop.
            _ = tokio::signal::ctrl_c() => return Err(CliError::No),
        }
    }
    for state in [DeliveryState::Failed, DeliveryState::Exhausted, DeliveryState::Canceled] {
        if any(state).await? {
            return Err(CliError::No);
        }
    }
    Ok(())
}

/// Waits for the deliveries of a call: first those that the response lists, then, if `own`, all others to the
/// command's temporary endpoint.
pub(super) async fn sent(api: &Api, context: &Context, sent: &EventSendResult, own: bool) -> Result<(), CliError> {
    let shown = ended(api, context, &sent.deliveries).await;
    match sent.deliveries.first() {
        Some(first) if own && sent.events.len() > sent.deliveries.len() => {
            let rest = all_ended(api, &first.endpoint).await;
            shown.and(rest)
        }
        _ => shown,
    }
}
