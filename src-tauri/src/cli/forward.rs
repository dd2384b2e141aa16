//! `hookbench inbox forward`: lists, adds, changes and deletes the forwards of an inbox.

use std::{fs, path::PathBuf};

use hookbench_model::{
    Forward, ForwardMode, ForwardTransform, HeaderRules, Inbox, InboxResponse, PathRule, RetrySchedule,
};
use http::Method;
use serde_json::json;

use super::{Api, Context, error::CliError, inbox::header, rule::place_of, terminal};
use crate::transport::encoded;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the forwards of an inbox, in order
    #[command(after_help = "Examples:\n  hookbench inbox forward list shop")]
    List {
        /// Name of the inbox
        inbox: String,
    },
    /// Forward the requests of an inbox to a URL
    #[command(after_help = "Examples:\n  hookbench inbox forward add shop http://localhost:3000/webhooks\n  \
        hookbench inbox forward add shop http://localhost:3000/webhooks --when 'event:chat.*' --retries 1,10,60")]
    Add(Box<Add>),
    /// Enable or disable a forward
    #[command(after_help = "Examples:\n  hookbench inbox forward set shop 1 --enabled false\n  \
        hookbench inbox forward set shop 1 --enabled true")]
    Set {
        /// Name of the inbox
        inbox: String,
        /// ID of the forward, or its number in the list
        forward: String,
        /// Enable or disable the forward
        #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
        enabled: bool,
    },
    /// Delete a forward. Waiting deliveries are not sent
    #[command(after_help = "Examples:\n  hookbench inbox forward remove shop 1")]
    Remove {
        /// Name of the inbox
        inbox: String,
        /// ID of the forward, or its number in the list
        forward: String,
    },
}

/// New forward
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Name of the inbox
    inbox: String,
    /// URL of the app
    to: String,
    /// Name of the forward
    #[arg(long)]
    name: Option<String>,
    /// Forward only requests that match this query (docs/search.md) [default: all]
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    when: Option<String>,
    /// Return the app's response to the sender (proxy) [default: mirror]
    #[arg(long)]
    proxy: bool,
    /// Proxy: return the fallback response after this time, in ms [default: 9000]
    #[arg(long, value_name = "MS")]
    deadline: Option<u32>,
    /// Proxy: status of the fallback response [default: 502]
    #[arg(long, value_name = "STATUS")]
    fallback: Option<u16>,
    /// Response timeout of the app, in ms [default: 30000]
    #[arg(long, value_name = "MS")]
    timeout: Option<u32>,
    /// Delays before retries, in seconds, such as 1,10,60 [default: no retries]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    retries: Option<Vec<u32>>,
    /// Use the exact URL, and ignore the path of the request
    #[arg(long, conflicts_with = "strip")]
    exact: bool,
    /// Strip this prefix from the path
    #[arg(long, value_name = "PATH")]
    strip: Option<String>,
    /// Keep the original Host header
    #[arg(long)]
    keep_host: bool,
    /// Omit the X-Forwarded headers
    #[arg(long)]
    no_forwarded: bool,
    /// Set a header; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Remove a header; repeatable
    #[arg(long, value_name = "NAME")]
    remove_header: Vec<String>,
    /// Replace the body with the output of the template in this file
    #[arg(long, value_name = "FILE")]
    body_template: Option<PathBuf>,
    /// Set a header to the output of a template; repeatable
    #[arg(long, value_name = "NAME: TEMPLATE")]
    header_template: Vec<String>,
    /// Re-sign with the secret of the inbox
    #[arg(long)]
    re_sign: bool,
}

impl Add {
    fn forward(self) -> Result<Forward, CliError> {
        let set = self.header.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
        let templates = self.header_template.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
        let read =
            |path: &PathBuf| fs::read_to_string(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())));
        let transform =
            ForwardTransform { body: self.body_template.as_ref().map(read).transpose()?, headers: templates };
        let mut forward = Forward::to(self.to);
        forward.transform = Some(transform).filter(|transform| *transform != ForwardTransform::default());
        forward.name = self.name.unwrap_or_default();
        forward.when = self.when.unwrap_or_default();
        forward.path = match (self.exact, self.strip) {
            (true, _) => PathRule::Exact,
            (false, Some(beginning)) => PathRule::Strip(beginning),
            (false, None) => PathRule::Append,
        };
        forward.mode = if self.proxy { ForwardMode::Proxy } else { ForwardMode::Mirror };
        forward.re_sign = self.re_sign;
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
            terminal::say(&format!("Deleted the forward from {inbox}."));
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
    let off = if forward.enabled { "" } else { " (disabled)" };
    let mode = match forward.mode {
        ForwardMode::Proxy => "proxy",
        ForwardMode::Mirror => "mirror",
    };
    let (name, to) = (terminal::shown(&forward.name), terminal::shown(&forward.to));
    terminal::line(&format!("{place:>2}. {name}{off}  {when}  {mode}  {to}"));
}
