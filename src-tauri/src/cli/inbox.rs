use std::path::{Path, PathBuf};

use hookbench_model::{Deletion, Inbox, InboxList, InboxResponse, ResponseFault, ResponseFile, VerificationSettings};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{Api, Context, error::CliError, forward, keys::Keys, rule, terminal};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make an inbox
    Add {
        /// First segment of its path
        name: String,
        #[command(flatten)]
        answer: Answer,
        #[command(flatten)]
        sender: Sender,
    },
    /// List all inboxes
    List,
    /// Rename an inbox or change its answer
    Set {
        /// The inbox
        name: String,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Answer /<inbox>/status/503 with that status
        #[arg(long, value_name = "true|false")]
        status_by_path: Option<bool>,
        #[command(flatten)]
        answer: Answer,
        #[command(flatten)]
        sender: Sender,
    },
    /// Remove an inbox with all its requests
    Remove {
        /// The inbox
        name: String,
    },
    /// Answer some of its requests in another way
    #[command(subcommand)]
    Rule(rule::Verb),
    /// Send its requests on to an app
    #[command(subcommand)]
    Forward(forward::Verb),
}

/// Who sends, and how its signatures are verified
#[derive(Debug, clap::Args)]
pub(super) struct Sender {
    /// The vendor; `hookbench providers` lists them, `none` is nobody
    #[arg(long)]
    provider: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

impl Sender {
    /// Applies what is given to the settings of a verification. Returns whether anything is given.
    fn apply(self, verification: &mut VerificationSettings) -> Result<bool, CliError> {
        let (secrets, params) = (self.keys.secrets()?, self.keys.params()?);
        let before = verification.clone();
        if let Some(provider) = self.provider {
            verification.provider = (provider != "none").then_some(provider);
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

/// What senders are answered
#[derive(Debug, clap::Args)]
pub(super) struct Answer {
    /// Status
    #[arg(long)]
    status: Option<u16>,
    /// Header; repeat it for more
    #[arg(long, value_name = "NAME: VALUE")]
    header: Option<Vec<String>>,
    /// Body
    #[arg(long)]
    body: Option<String>,
    /// A file whose content is the body; it is read now
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// Whether body and headers are templates over the request, such as {{ request.json.id }}
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    template: Option<bool>,
    /// Wait before answering, in ms
    #[arg(long, value_name = "MS")]
    delay: Option<u32>,
    /// How it goes wrong: reset, hang, half, drip (over --drip-over), garbage, or none
    #[arg(long, value_parser = ["reset", "hang", "half", "drip", "garbage", "none"])]
    fault: Option<String>,
    /// How long a dripping body takes, in ms
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub(super) drip_over: u32,
    /// Let pages of any origin send here
    #[arg(long, value_name = "true|false")]
    cors: Option<bool>,
}

/// The fault of a name; `None` for `none`.
pub(super) fn fault(name: &str, drip_over: u32) -> Option<ResponseFault> {
    match name {
        "reset" => Some(ResponseFault::Reset),
        "hang" => Some(ResponseFault::Hang),
        "half" => Some(ResponseFault::Half),
        "drip" => Some(ResponseFault::Drip { over_ms: drip_over }),
        "garbage" => Some(ResponseFault::Garbage),
        _ => None,
    }
}

impl Answer {
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

    /// Applies what is given to a response; a file is read and kept.
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
            response.fault = fault(name, self.drip_over);
        }
        response.status = self.status.unwrap_or(response.status);
        response.template = self.template.unwrap_or(response.template);
        response.delay_ms = self.delay.unwrap_or(response.delay_ms);
        response.cors = self.cors.unwrap_or(response.cors);
        Ok(())
    }
}

/// Reads a file for a response and has it kept.
async fn kept(api: &Api, path: &Path) -> Result<ResponseFile, CliError> {
    let content = std::fs::read(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let path = format!("/api/v1/answer-files?name={}", encoded(&name));
    let answer = api.0.call(Method::POST, &path, http::HeaderMap::new(), content.into()).await?;
    if !answer.status.is_success() {
        return Err(CliError::refused(&answer));
    }
    super::read(&answer)
}

pub(super) fn header(line: &str) -> Result<(String, String), CliError> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| CliError::Other(format!("{line:?} is not a header; write it as 'Name: value'")))?;
    Ok((name.trim().into(), value.trim().into()))
}

/// All but the unreserved characters (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A name as one segment of a path.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, UNRESERVED).to_string()
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add { name, answer, sender } => {
            let mut new = InboxChange { name: Some(name), ..InboxChange::default() };
            if answer.given() {
                answer.apply(api, new.answer.insert(InboxResponse::default())).await?;
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
        Verb::Set { name, rename, status_by_path, answer, sender } => {
            let path = format!("/inboxes/{}", encoded(&name));
            let inbox: Inbox = api.get(&path).await?;
            let mut change = InboxChange { name: rename, status_by_path, ..InboxChange::default() };
            if answer.given() {
                answer.apply(api, change.answer.insert(inbox.answer)).await?;
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
                terminal::say(&format!("{name} is removed with {} requests", deletion.requests));
            }
        }
    }
    Ok(())
}

/// A new inbox, or what changes of one.
#[derive(Default, Serialize)]
struct InboxChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_by_path: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<InboxResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<VerificationSettings>,
}

fn print(context: &Context, inbox: &Inbox) {
    if context.json {
        return terminal::json(inbox);
    }
    terminal::line(&format!(
        "{:<24} {:>9} requests {:>9} unread {:>10}  answers {}",
        terminal::shown(&inbox.name),
        inbox.requests,
        inbox.unread,
        terminal::size(inbox.bytes),
        inbox.answer.status,
    ));
}
