use http::Method;
use serde_json::{Value, json};

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
    fn forward(self) -> Result<Value, CliError> {
        let set = self.header.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
        let path = match (self.exact, self.strip) {
            (true, _) => json!("exact"),
            (false, Some(beginning)) => json!({ "strip": beginning }),
            (false, None) => json!("append"),
        };
        let mut forward = json!({
            "name": self.name.unwrap_or_default(), "when": self.when.unwrap_or_default(), "to": self.to, "path": path,
            "mode": if self.answer { "answer" } else { "copy" }, "resign": self.resign,
            "headers": { "keep_host": self.keep_host, "forwarded": !self.no_forwarded, "remove": self.remove_header, "set": set },
        });
        for (key, value) in [
            ("timeout_ms", self.timeout.map(Value::from)),
            ("deadline_ms", self.deadline.map(Value::from)),
            ("retries", self.retries.map(|waits| json!({ "fixed": waits }))),
            ("fallback", self.fallback.map(|status| json!({ "status": status }))),
        ] {
            if let Some(value) = value {
                forward[key] = value;
            }
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
            let saved = save(api, &inbox, all).await?;
            print(context, place, &saved["forwards"][place - 1]);
        }
        Verb::Set { inbox, forward, enabled } => {
            let mut all = forwards(api, &inbox).await?;
            let place = place_of(&all, &forward)?;
            all[place]["enabled"] = enabled.into();
            let saved = save(api, &inbox, all).await?;
            print(context, place + 1, &saved["forwards"][place]);
        }
        Verb::Remove { inbox, forward } => {
            let mut all = forwards(api, &inbox).await?;
            all.remove(place_of(&all, &forward)?);
            save(api, &inbox, all).await?;
            terminal::say(&format!("the forward is removed from {inbox}"));
        }
    }
    Ok(())
}

pub(super) async fn forwards(api: &Api, inbox: &str) -> Result<Vec<Value>, CliError> {
    let inbox: Value = api.get(&format!("/inboxes/{}", encoded(inbox))).await?;
    Ok(inbox["forwards"].as_array().cloned().unwrap_or_default())
}

pub(super) async fn save(api: &Api, inbox: &str, forwards: Vec<Value>) -> Result<Value, CliError> {
    api.json(Method::PATCH, &format!("/inboxes/{}", encoded(inbox)), Some(json!({ "forwards": forwards }))).await
}

fn print(context: &Context, place: usize, forward: &Value) {
    if context.json {
        return terminal::json(forward);
    }
    let text = |key: &str| terminal::shown(forward[key].as_str().unwrap_or_default());
    let when = if text("when").is_empty() { "every request".to_owned() } else { text("when") };
    let off = if forward["enabled"] == false { " (off)" } else { "" };
    let mode = if forward["mode"] == "answer" { "asks" } else { "copies to" };
    terminal::line(&format!("{place:>2}. {}{off}  {when}  {mode}  {}", text("name"), text("to")));
}
