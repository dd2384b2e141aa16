use hookbench_model::{Forward, ForwardMode, HeaderRules, Inbox, InboxResponse, PathRule, RetrySchedule};
use http::Method;
use serde_json::json;

use super::{
    Api, Context,
    error::CliError,
    inbox::{encoded, header},
    rule::place_of,
    terminal,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the forwards of an inbox, in order
    List {
        /// The inbox
        inbox: String,
    },
    /// Send an inbox's requests on to a URL
    Add(Box<Add>),
    /// Switch a forward on or off
    Set {
        /// The inbox
        inbox: String,
        /// The forward's id, or its number in the list
        forward: String,
        /// Whether anything goes on
        #[arg(long, value_name = "true|false")]
        enabled: bool,
    },
    /// Remove a forward; what waits for it is not sent
    Remove {
        /// The inbox
        inbox: String,
        /// The forward's id, or its number in the list
        forward: String,
    },
}

/// A new forward
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The inbox
    inbox: String,
    /// The app's URL
    to: String,
    /// Its name
    #[arg(long)]
    name: Option<String>,
    /// Which requests, as a query (docs/query.md); all if absent
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    when: Option<String>,
    /// Let the sender wait for the app and get what it answers
    #[arg(long)]
    answer: bool,
    /// With --answer: how long the sender waits before it gets the fallback, in ms
    #[arg(long, value_name = "MS")]
    deadline: Option<u32>,
    /// With --answer: status of the fallback
    #[arg(long, value_name = "STATUS")]
    fallback: Option<u16>,
    /// How long the app may take, in ms
    #[arg(long, value_name = "MS")]
    timeout: Option<u32>,
    /// Waits before a failed attempt is made again, in seconds, such as 1,10,60
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    retries: Option<Vec<u32>>,
    /// Use the URL as it is, whatever path was asked for
    #[arg(long, conflicts_with = "strip")]
    exact: bool,
    /// Leave this beginning of the path out
    #[arg(long, value_name = "PATH")]
    strip: Option<String>,
    /// Keep the sender's Host header
    #[arg(long)]
    keep_host: bool,
    /// Send no X-Forwarded headers
    #[arg(long)]
    no_forwarded: bool,
    /// Set a header; repeat it for more
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Leave a header out; repeat it for more
    #[arg(long, value_name = "NAME")]
    remove_header: Vec<String>,
    /// Sign anew with the inbox's secret
    #[arg(long)]
    resign: bool,
}

impl Add {
    fn forward(self) -> Result<Forward, CliError> {
        let set = self.header.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
        let mut forward = Forward::to(self.to);
        forward.name = self.name.unwrap_or_default();
        forward.when = self.when.unwrap_or_default();
        forward.path = match (self.exact, self.strip) {
            (true, _) => PathRule::Exact,
            (false, Some(beginning)) => PathRule::Strip(beginning),
            (false, None) => PathRule::Append,
        };
        forward.mode = if self.answer { ForwardMode::Answer } else { ForwardMode::Copy };
        forward.resign = self.resign;
        forward.headers = HeaderRules {
            keep_host: self.keep_host,
            forwarded: !self.no_forwarded,
            remove: self.remove_header,
            set,
            ..HeaderRules::default()
        };
        forward.timeout_ms = self.timeout.unwrap_or(forward.timeout_ms);
        forward.deadline_ms = self.deadline.unwrap_or(forward.deadline_ms);
        forward.retries = self.retries.map(RetrySchedule::Fixed).or(forward.retries);
        if let Some(status) = self.fallback {
            forward.fallback = InboxResponse { status, ..InboxResponse::default() };
        }
        Ok(forward)
    }
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List { inbox } => {
            for (place, forward) in forwards(api, &inbox).await?.iter().enumerate() {
                print(context, place + 1, forward);
            }
        }
        Verb::Add(add) => {
            let (inbox, forward) = (add.inbox.clone(), add.forward()?);
            let mut all = forwards(api, &inbox).await?;
            all.push(forward);
            let place = all.len();
            print_saved(context, place, &save(api, &inbox, &all).await?);
        }
        Verb::Set { inbox, forward, enabled } => {
            let mut all = forwards(api, &inbox).await?;
            let place = place_of(all.iter().map(|forward| forward.id.as_str()), &forward)?;
            all[place].enabled = enabled;
            print_saved(context, place + 1, &save(api, &inbox, &all).await?);
        }
        Verb::Remove { inbox, forward } => {
            let mut all = forwards(api, &inbox).await?;
            all.remove(place_of(all.iter().map(|forward| forward.id.as_str()), &forward)?);
            save(api, &inbox, &all).await?;
            terminal::say(&format!("the forward is removed from {inbox}"));
        }
    }
    Ok(())
}

async fn forwards(api: &Api, inbox: &str) -> Result<Vec<Forward>, CliError> {
    let inbox: Inbox = api.get(&format!("/inboxes/{}", encoded(inbox))).await?;
    Ok(inbox.forwards)
}

async fn save(api: &Api, inbox: &str, forwards: &[Forward]) -> Result<Inbox, CliError> {
    let path = format!("/inboxes/{}", encoded(inbox));
    api.send(Method::PATCH, &path, &json!({ "forwards": forwards })).await
}

fn print_saved(context: &Context, place: usize, saved: &Inbox) {
    if let Some(forward) = saved.forwards.get(place - 1) {
        print(context, place, forward);
    }
}

fn print(context: &Context, place: usize, forward: &Forward) {
    if context.json {
        return terminal::json(forward);
    }
    let when = if forward.when.is_empty() { "every request".to_owned() } else { terminal::shown(&forward.when) };
    let off = if forward.enabled { "" } else { " (off)" };
    let mode = match forward.mode {
        ForwardMode::Answer => "asks",
        ForwardMode::Copy => "copies to",
    };
    let (name, to) = (terminal::shown(&forward.name), terminal::shown(&forward.to));
    terminal::line(&format!("{place:>2}. {name}{off}  {when}  {mode}  {to}"));
}
