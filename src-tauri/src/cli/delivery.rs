use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{Api, Context, error::CliError, inbox::encoded, terminal};

/// How often a delivery that is waited for is asked about.
const ASK: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List deliveries, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many, to 500
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
        /// List only deliveries older than this one
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Show a delivery with every attempt
    Show {
        /// Its id
        id: String,
    },
    /// Resend one delivery, or all that match a filter
    ///
    /// A waiting delivery is attempted now. With a filter, deliveries that are failed, exhausted or skipped are
    /// resent, unless --state names another state.
    #[command(after_help = "Example:\n  hookline delivery retry --since yesterday --type 'chat.*' --status 5xx")]
    Retry {
        /// Its id
        id: Option<String>,
        /// Pass over all its waits
        #[arg(long, requires = "id")]
        to_the_end: bool,
        #[command(flatten)]
        filter: Filter,
    },
    /// End a delivery that waits
    Cancel {
        /// Its id
        id: String,
    },
}

/// Which deliveries
#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Only deliveries to this endpoint, by name or id
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
    /// What is given, by the API's names.
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
            let page: Value = api.get(&format!("/deliveries?limit={limit}{given}")).await?;
            for delivery in page["items"].as_array().into_iter().flatten() {
                print(context, delivery);
            }
        }
        Verb::Show { id } => {
            let shown: Value = api.get(&format!("/deliveries/{}", encoded(&id))).await?;
            if context.json {
                terminal::json(&shown);
            } else {
                print(context, &shown);
                for attempt in shown["attempts_made"].as_array().into_iter().flatten() {
                    terminal::line(&format!("  {}", exchange(attempt)));
                }
            }
        }
        Verb::Retry { id: Some(id), to_the_end, filter } => {
            if let Some((name, _)) = filter.given().next() {
                return Err(CliError::Other(format!(
                    "--{name} cannot be combined with a delivery id. Pass one of both"
                )));
            }
            let path = format!("/deliveries/{}/retry", encoded(&id));
            print(context, &api.json(Method::POST, &path, Some(json!({ "to_the_end": to_the_end }))).await?);
        }
        Verb::Retry { filter, .. } => {
            let which: serde_json::Map<String, Value> =
                filter.given().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let retried: Value = api.json(Method::POST, "/deliveries/retry", Some(which.into())).await?;
            let left = retried["left"].as_u64().unwrap_or(0);
            let left =
                if left == 0 { String::new() } else { format!("; {left} stay, because their endpoints are disabled") };
            terminal::line(&match context.json {
                true => retried.to_string(),
                false => format!("{} deliveries are on their way{left}", retried["deliveries"]),
            });
        }
        Verb::Cancel { id } => {
            let path = format!("/deliveries/{}/cancel", encoded(&id));
            print(context, &api.json(Method::POST, &path, None).await?);
        }
    }
    Ok(())
}

/// An attempt in a line.
fn exchange(attempt: &Value) -> String {
    let came = match attempt["status"].as_u64() {
        Some(status) => status.to_string(),
        None => terminal::shown(attempt["error"]["message"].as_str().unwrap_or("it is under way")),
    };
    let took = attempt["timings"]["total_us"].as_u64().unwrap_or(0);
    format!("{}. {came} in {:.1} ms", attempt["number"], took as f64 / 1e3)
}

pub(super) fn print(context: &Context, delivery: &Value) {
    if context.json {
        return terminal::json(delivery);
    }
    let text = |key: &str| terminal::shown(delivery[key].as_str().unwrap_or_default());
    let why = if delivery["reason"].is_string() { text("reason") } else { text("error") };
    let until = delivery["next_at"].as_str().map_or_else(String::new, |at| format!(" next {}", terminal::shown(at)));
    let took = delivery["took_ms"].as_f64().map_or_else(|| "–".to_owned(), |ms| format!("{ms:.0} ms"));
    terminal::line(&format!(
        "{}  {:<19} {:<10} {:<28} {:>4} {took:>8} {:>2} attempt{}  {why}{until}",
        text("id"),
        terminal::cut(&text("created_at"), 19),
        text("state"),
        terminal::cut(&text("event_type"), 28),
        delivery["status"].as_u64().map_or_else(|| "–".to_owned(), |status| status.to_string()),
        delivery["attempts"],
        if delivery["attempts"] == 1 { " " } else { "s" },
    ));
}

/// Waits until deliveries have ended, showing each attempt as it is made; an error unless all of
/// them arrived. When it is interrupted, what still waits is ended.
pub(super) async fn ended(api: &Api, context: &Context, sent: &[Value]) -> Result<(), CliError> {
    let mut all_arrived = !sent.is_empty();
    for delivery in sent {
        let id = encoded(delivery["id"].as_str().unwrap_or_default());
        let mut told = 0;
        let last = loop {
            let shown: Value = api.get(&format!("/deliveries/{id}")).await?;
            let made = shown["attempts_made"].as_array().cloned().unwrap_or_default();
            let ended = !matches!(shown["state"].as_str(), Some("waiting" | "sending"));
            for attempt in made.iter().skip(told) {
                let under_way = attempt["status"].is_null() && attempt["error"].is_null();
                if under_way && !ended {
                    break;
                }
                told += 1;
                if !context.json {
                    terminal::say(&exchange(attempt));
                }
            }
            if ended {
                break shown;
            }
            tokio::select! {
                () = tokio::time::sleep(ASK) => {}
                _ = tokio::signal::ctrl_c() => {
                    // It may have ended this moment; either way nothing of it goes on.
                    let _ = api.bytes(Method::POST, &format!("/deliveries/{id}/cancel"), None).await;
                    return Err(CliError::No);
                }
            }
        };
        all_arrived &= last["state"] == "delivered";
        print(context, &last);
    }
    if all_arrived { Ok(()) } else { Err(CliError::No) }
}

/// Waits until everything that goes to a command's own endpoint has ended: an answer shows no more
/// than the first of many deliveries. An error unless all of them arrived.
async fn all_ended(api: &Api, endpoint: &str) -> Result<(), CliError> {
    let endpoint = encoded(endpoint);
    let any = async |state: &str| -> Result<bool, CliError> {
        let page: Value = api.get(&format!("/deliveries?endpoint={endpoint}&state={state}&limit=1")).await?;
        Ok(page["items"].as_array().is_some_and(|items| !items.is_empty()))
    };
    while any("waiting").await? || any("sending").await? {
        tokio::select! {
            () = tokio::time::sleep(ASK) => {}
            // Nobody asks any more, and what waits is ended.
            _ = tokio::signal::ctrl_c() => return Err(CliError::No),
        }
    }
    for state in ["failed", "exhausted", "cancelled"] {
        if any(state).await? {
            return Err(CliError::No);
        }
    }
    Ok(())
}

/// Waits for what a call sent: the deliveries it shows one by one, and the rest of those that go to
/// the command's own endpoint.
pub(super) async fn sent(api: &Api, context: &Context, sent: &Value, own: bool) -> Result<(), CliError> {
    let deliveries = sent["deliveries"].as_array().cloned().unwrap_or_default();
    let shown = ended(api, context, &deliveries).await;
    let more = sent["events"].as_array().map_or(0, Vec::len) > deliveries.len();
    match deliveries.first() {
        Some(first) if own && more => {
            let rest = all_ended(api, first["endpoint"].as_str().unwrap_or_default()).await;
            shown.and(rest)
        }
        _ => shown,
    }
}
