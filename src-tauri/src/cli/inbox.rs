use std::path::{Path, PathBuf};

use http::Method;
use serde_json::{Value, json};

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
    /// The vendor; `hookline providers` lists them, `none` is nobody
    #[arg(long)]
    provider: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

impl Sender {
    /// Lays what is given over a verification as the API has it.
    fn lay_over(self, verification: &mut Value) -> Result<bool, CliError> {
        let (secrets, params) = (self.keys.secrets()?, self.keys.params()?);
        let provider = self.provider.map(|provider| if provider == "none" { Value::Null } else { provider.into() });
        let given = [
            ("provider", provider),
            ("scheme", self.keys.scheme.map(Value::from)),
            ("secrets", (!secrets.is_empty()).then(|| json!(secrets))),
            ("params", (!params.is_empty()).then(|| json!(params))),
            ("url", self.keys.url.map(Value::from)),
        ];
        let mut any = false;
        for (key, value) in given {
            if let Some(value) = value {
                verification[key] = value;
                any = true;
            }
        }
        Ok(any)
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

/// A fault as the API has it.
pub(super) fn fault(kind: &str, drip_over: u32) -> Value {
    match kind {
        "none" => Value::Null,
        "drip" => json!({ "kind": "drip", "over_ms": drip_over }),
        kind => json!({ "kind": kind }),
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

    /// Lays what is given over an answer as the API has it; a file is read and kept.
    pub(super) async fn lay_over(self, api: &Api, answer: &mut Value) -> Result<(), CliError> {
        let headers = self
            .header
            .map(|lines| lines.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>())
            .transpose()?;
        let file = match &self.body_file {
            Some(path) => Some(kept(api, path).await?),
            None => None,
        };
        if file.is_some() {
            answer["body"] = "".into();
        } else if self.body.is_some() {
            answer["file"] = Value::Null;
        }
        for (key, value) in [
            ("status", self.status.map(Value::from)),
            ("headers", headers.map(|headers| json!(headers))),
            ("body", self.body.map(Value::from)),
            ("file", file),
            ("template", self.template.map(Value::from)),
            ("delay_ms", self.delay.map(Value::from)),
            ("fault", self.fault.map(|kind| fault(&kind, self.drip_over))),
            ("cors", self.cors.map(Value::from)),
        ] {
            if let Some(value) = value {
                answer[key] = value;
            }
        }
        Ok(())
    }
}

/// Reads a file for an answer and has it kept.
async fn kept(api: &Api, path: &Path) -> Result<Value, CliError> {
    let content = std::fs::read(path).map_err(|e| CliError::Other(format!("{}: {e}", path.display())))?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let path = format!("/api/v1/answer-files?name={}", encoded(&name));
    let answer = api.0.call(Method::POST, &path, http::HeaderMap::new(), content.into()).await?;
    if !answer.status.is_success() {
        return Err(CliError::refused(&answer));
    }
    serde_json::from_slice(&answer.body).map_err(|e| CliError::Other(format!("the engine's answer does not read: {e}")))
}

pub(super) fn header(line: &str) -> Result<(String, String), CliError> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| CliError::Other(format!("{line:?} is not a header; write it as 'Name: value'")))?;
    Ok((name.trim().into(), value.trim().into()))
}

/// A name as one segment of a path.
pub(super) fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => (byte as char).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add { name, answer, sender } => {
            let mut body = json!({ "name": name });
            if answer.given() {
                body["answer"] = json!({});
                answer.lay_over(api, &mut body["answer"]).await?;
            }
            let mut verification = json!({});
            if sender.lay_over(&mut verification)? {
                body["verification"] = verification;
            }
            print(context, &api.json(Method::POST, "/inboxes", Some(body)).await?);
        }
        Verb::List => {
            let list: Value = api.get("/inboxes").await?;
            for inbox in list["items"].as_array().into_iter().flatten() {
                print(context, inbox);
            }
        }
        Verb::Set { name, rename, status_by_path, answer, sender } => {
            let path = format!("/inboxes/{}", encoded(&name));
            let mut change = json!({});
            let inbox: Value = api.get(&path).await?;
            if answer.given() {
                change["answer"] = inbox["answer"].clone();
                answer.lay_over(api, &mut change["answer"]).await?;
            }
            let mut verification = inbox["verification"].clone();
            if sender.lay_over(&mut verification)? {
                change["verification"] = verification;
            }
            if let Some(by_path) = status_by_path {
                change["status_by_path"] = by_path.into();
            }
            if let Some(rename) = rename {
                change["name"] = rename.into();
            }
            print(context, &api.json(Method::PATCH, &path, Some(change)).await?);
        }
        Verb::Rule(verb) => rule::run(api, context, verb).await?,
        Verb::Forward(verb) => forward::run(api, context, verb).await?,
        Verb::Remove { name } => {
            let removal: Value = api.json(Method::DELETE, &format!("/inboxes/{}", encoded(&name)), None).await?;
            if context.json {
                terminal::json(&removal);
            } else {
                terminal::say(&format!("{name} is removed with {} requests", removal["requests"]));
            }
        }
    }
    Ok(())
}

fn print(context: &Context, inbox: &Value) {
    if context.json {
        return terminal::json(inbox);
    }
    terminal::line(&format!(
        "{:<24} {:>9} requests {:>9} unread {:>10}  answers {}",
        terminal::shown(inbox["name"].as_str().unwrap_or_default()),
        inbox["requests"],
        inbox["unread"],
        terminal::size(inbox["bytes"].as_u64().unwrap_or(0)),
        inbox["answer"]["status"],
    ));
}
