use http::Method;
use serde_json::{Value, json};

use super::{Api, Context, error::CliError, keys::Keys, terminal};

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
    /// Wait before answering, in ms
    #[arg(long, value_name = "MS")]
    delay: Option<u32>,
    /// Let pages of any origin send here
    #[arg(long, value_name = "true|false")]
    cors: Option<bool>,
}

impl Answer {
    fn given(&self) -> bool {
        self.status.is_some()
            || self.header.is_some()
            || self.body.is_some()
            || self.delay.is_some()
            || self.cors.is_some()
    }

    fn lay_over(self, answer: &mut Value) -> Result<(), CliError> {
        let headers = self
            .header
            .map(|lines| lines.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>())
            .transpose()?;
        for (key, value) in [
            ("status", self.status.map(Value::from)),
            ("headers", headers.map(|headers| json!(headers))),
            ("body", self.body.map(Value::from)),
            ("delay_ms", self.delay.map(Value::from)),
            ("cors", self.cors.map(Value::from)),
        ] {
            if let Some(value) = value {
                answer[key] = value;
            }
        }
        Ok(())
    }
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
                answer.lay_over(&mut body["answer"])?;
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
        Verb::Set { name, rename, answer, sender } => {
            let path = format!("/inboxes/{}", encoded(&name));
            let mut change = json!({});
            let inbox: Value = api.get(&path).await?;
            if answer.given() {
                change["answer"] = inbox["answer"].clone();
                answer.lay_over(&mut change["answer"])?;
            }
            let mut verification = inbox["verification"].clone();
            if sender.lay_over(&mut verification)? {
                change["verification"] = verification;
            }
            if let Some(rename) = rename {
                change["name"] = rename.into();
            }
            print(context, &api.json(Method::PATCH, &path, Some(change)).await?);
        }
        Verb::Remove { name } => {
            let removal: Value = api.json(Method::DELETE, &format!("/inboxes/{}", encoded(&name)), None).await?;
            if context.json {
                terminal::line(&removal.to_string());
            } else {
                terminal::say(&format!("{name} is removed with {} requests", removal["requests"]));
            }
        }
    }
    Ok(())
}

fn print(context: &Context, inbox: &Value) {
    if context.json {
        return terminal::line(&inbox.to_string());
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
