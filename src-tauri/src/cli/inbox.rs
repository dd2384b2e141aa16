//! `hookbench inbox`: creates, lists, changes and deletes inboxes.

use std::path::{Path, PathBuf};

use hookbench_model::{Deletion, Inbox, InboxList, InboxResponse, ResponseFault, ResponseFile, VerificationSettings};
use http::Method;
use serde::Serialize;

use super::{Api, Context, error::CliError, forward, keys::Keys, rule, terminal};
use crate::transport::encoded;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Create an inbox
    #[command(after_help = "Examples:\n  hookbench inbox add shop\n  \
        hookbench inbox add shop --status 201 --header 'X-From: hookbench'\n  \
        hookbench inbox add billing --provider stripe --secret-file secret.txt")]
    Add {
        /// Name of the inbox, which is the first segment of its URL path
        name: String,
        #[command(flatten)]
        response: ResponseArgs,
        #[command(flatten)]
        sender: Sender,
    },
    /// List all inboxes
    #[command(after_help = "Examples:\n  hookbench inbox list\n  hookbench inbox list --json")]
    List,
    /// Rename an inbox, or change its response or its verification
    #[command(after_help = "Examples:\n  hookbench inbox set shop --rename store\n  \
        hookbench inbox set shop --status 500 --delay 2000\n  \
        hookbench inbox set shop --provider stripe --secret-file secret.txt")]
    Set {
        /// Name of the inbox
        name: String,
        /// Set the name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Respond to /<inbox>/status/503 with status 503, and so on
        #[arg(long, value_name = "true|false")]
        status_by_path: Option<bool>,
        #[command(flatten)]
        response: ResponseArgs,
        #[command(flatten)]
        sender: Sender,
    },
    /// Delete an inbox and all its requests
    #[command(after_help = "Examples:\n  hookbench inbox remove shop")]
    Remove {
        /// Name of the inbox
        name: String,
    },
    /// Manage the response rules of an inbox
    #[command(subcommand, after_help = "Examples:\n  hookbench inbox rule add shop --sequence 500,hang,200")]
    Rule(rule::Verb),
    /// Manage the forwards of an inbox
    #[command(subcommand, after_help = "Examples:\n  hookbench inbox forward add shop http://localhost:3000/webhooks")]
    Forward(forward::Verb),
}

/// Sender of an inbox's requests, and the settings that verify its signatures
#[derive(Debug, clap::Args)]
pub(super) struct Sender {
    /// Vendor that sends, or `none`; `hookbench provider list` lists them
    #[arg(long)]
    provider: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

impl Sender {
    /// Applies the given flags to verification settings. Returns true if a setting changed.
    fn apply(self, verification: &mut VerificationSettings) -> Result<bool, CliError> {
        let (secrets, params) = (self.keys.secrets()?, self.keys.params()?);
        let before = verification.clone();
        if let Some(provider) = self.provider {
            let provider = (provider != "none").then_some(provider);
            if provider != verification.provider {
                // A scheme belongs to its vendor.
                verification.scheme = None;
            }
            verification.provider = provider;
        }
        if let Some(scheme) = self.keys.scheme {
            verification.scheme = Some(scheme);
        }
        if !secrets.is_empty() {
            verification.secrets = secrets;
        }
        if !params.is_empty() {
            verification.params = params;
        }
        if let Some(url) = self.keys.url {
            verification.url = Some(url);
        }
        Ok(*verification != before)
    }
}

/// Response to senders
#[derive(Debug, clap::Args)]
pub(super) struct ResponseArgs {
    /// Respond with this status (200 to 599)
    #[arg(long)]
    status: Option<u16>,
    /// Respond with this header; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    header: Option<Vec<String>>,
    /// Respond with this body
    #[arg(long)]
    body: Option<String>,
    /// Respond with the content of this file, read once by this command
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// Render body and headers as templates, such as {{ request.json.id }}
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    template: Option<bool>,
    /// Delay the response by this time, in ms
    #[arg(long, value_name = "MS")]
    delay: Option<u32>,
    /// Inject a fault into the response
    #[arg(long, value_parser = ["reset", "hang", "truncate", "slow", "garbage", "none"])]
    fault: Option<String>,
    /// Spread the body of a slow response over this time, in ms
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub(super) slow_over: u32,
    /// Allow requests from web pages of any origin (CORS)
    #[arg(long, value_name = "true|false")]
    cors: Option<bool>,
}

/// Returns the fault with this name, or `None` for `none`.
pub(super) fn fault(name: &str, slow_over: u32) -> Option<ResponseFault> {
    match name {
        "reset" => Some(ResponseFault::Reset),
        "hang" => Some(ResponseFault::Hang),
        "truncate" => Some(ResponseFault::Truncate),
        "slow" => Some(ResponseFault::Slow { over_ms: slow_over }),
        "garbage" => Some(ResponseFault::Garbage),
        _ => None,
    }
}

impl ResponseArgs {
    pub(super) fn given(&self) -> bool {
        self.status.is_some()
            || self.header.is_some()
            || self.body.is_some()
            || self.body_file.is_some()
            || self.template.is_some()
            || self.delay.is_some()
            || self.fault.is_some()
            || self.cors.is_some()
    }

    /// Applies the given flags to a response. A body file is read and stored by the engine.
    pub(super) async fn apply(self, api: &Api, response: &mut InboxResponse) -> Result<(), CliError> {
        if let Some(lines) = &self.header {
            response.headers = lines.iter().map(|line| header(line)).collect::<Result<_, _>>()?;
        }
        if let Some(path) = &self.body_file {
            (response.file, response.body) = (Some(kept(api, path).await?), String::new());
        } else if let Some(body) = self.body {
            (response.file, response.body) = (None, body);
        }
        if let Some(name) = &self.fault {
            response.fault = fault(name, self.slow_over);
        }
        response.status = self.status.unwrap_or(response.status);
        response.template = self.template.unwrap_or(response.template);
        response.delay_ms = self.delay.unwrap_or(response.delay_ms);
        response.cors = self.cors.unwrap_or(response.cors);
        Ok(())
    }
}

/// Reads a body file and stores it in the engine.
async fn kept(api: &Api, path: &Path) -> Result<ResponseFile, CliError> {
    let content = std::fs::read(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let path = format!("/api/v1/response-files?name={}", encoded(&name));
    let response = api.0.call(Method::POST, &path, http::HeaderMap::new(), content.into()).await?;
    if !response.status.is_success() {
        return Err(CliError::refused(&response));
    }
    super::read(&response)
}

pub(super) fn header(line: &str) -> Result<(String, String), CliError> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| CliError::Other(format!("the header is invalid: {line:?} (expected 'Name: value')")))?;
    Ok((name.trim().into(), value.trim().into()))
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add { name, response, sender } => {
            let mut new = InboxChange { name: Some(name), ..InboxChange::default() };
            if response.given() {
                response.apply(api, new.response.insert(InboxResponse::default())).await?;
            }
            let mut verification = VerificationSettings::default();
            if sender.apply(&mut verification)? {
                new.verification = Some(verification);
            }
            print(context, &api.send(Method::POST, "/inboxes", &new).await?);
        }
        Verb::List => {
            let list: InboxList = api.get("/inboxes").await?;
            list.items.iter().for_each(|inbox| print(context, inbox));
        }
        Verb::Set { name, rename, status_by_path, response, sender } => {
            let path = format!("/inboxes/{}", encoded(&name));
            let inbox: Inbox = api.get(&path).await?;
            let mut change = InboxChange { name: rename, status_by_path, ..InboxChange::default() };
            if response.given() {
                response.apply(api, change.response.insert(inbox.response)).await?;
            }
            let mut verification = inbox.verification;
            if sender.apply(&mut verification)? {
                change.verification = Some(verification);
            }
            print(context, &api.send(Method::PATCH, &path, &change).await?);
        }
        Verb::Rule(verb) => rule::run(api, context, verb).await?,
        Verb::Forward(verb) => forward::run(api, context, verb).await?,
        Verb::Remove { name } => {
            let deletion: Deletion = api.act(Method::DELETE, &format!("/inboxes/{}", encoded(&name))).await?;
            if context.json {
                terminal::json(&deletion);
            } else {
                terminal::say(&format!("Deleted {name} with {} requests.", deletion.requests));
            }
        }
    }
    Ok(())
}

/// Body of the call that creates or changes an inbox.
#[derive(Default, Serialize)]
struct InboxChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_by_path: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<InboxResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<VerificationSettings>,
}

fn print(context: &Context, inbox: &Inbox) {
    if context.json {
        return terminal::json(inbox);
    }
    terminal::line(&format!(
        "{:<24} {:>9} requests {:>9} unread {:>10}  responds with {}",
        terminal::shown(&inbox.name),
        inbox.requests,
        inbox.unread,
        terminal::size(inbox.bytes),
        inbox.response.status,
    ));
}
