use http::Method;
use serde_json::{Map, Value, json};

use super::{Api, Context, delivery, error::CliError, keys::Keys, terminal};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make an endpoint; a secret is made where the vendor signs and none is given
    Add {
        /// The vendor that Hookline is
        provider: String,
        /// Where it is
        #[arg(value_name = "URL")]
        address: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// List all endpoints
    List,
    /// Show one endpoint
    Show {
        /// Its id, or its name
        endpoint: String,
        /// Show its secrets
        #[arg(long)]
        reveal: bool,
    },
    /// Change an endpoint
    Set {
        /// Its id, or its name
        endpoint: String,
        /// A new URL
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Switch an endpoint on
    Enable {
        /// Its id, or its name
        endpoint: String,
    },
    /// Switch an endpoint off; what waits is skipped
    Disable {
        /// Its id, or its name
        endpoint: String,
    },
    /// Give it a new secret; where the scheme allows, the old one signs for a day beside it
    Rotate {
        /// Its id, or its name
        endpoint: String,
    },
    /// Send its vendor's test event and wait for the answer; it counts toward nothing
    Test {
        /// Its id, or its name
        endpoint: String,
    },
    /// Look why nothing arrives: the vendors' own causes in turn
    Diagnose {
        /// Its id, or its name
        endpoint: String,
        /// The event type that is missed
        #[arg(long, value_name = "TYPE")]
        missed: Option<String>,
    },
    /// Remove an endpoint
    Remove {
        /// Its id, or its name
        endpoint: String,
    },
}

/// What is set about an endpoint
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// Its name
    #[arg(long)]
    name: Option<String>,
    /// The flow, website, account or workspace it belongs to
    #[arg(long)]
    scope: Option<String>,
    /// An event type it takes; repeat it for more, `all` takes every one
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
    /// Header sent with every request; repeat it for more
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Allow plain http:// though the vendor forbids it
    #[arg(long, value_name = "true|false")]
    local_test: Option<bool>,
    /// Trust the PEM certificates in this file: the endpoint's or its CA's
    #[arg(long, value_name = "FILE")]
    trust: Option<std::path::PathBuf>,
    /// Present this PEM client certificate; the file also holds its private key
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<std::path::PathBuf>,
    /// How many times faster than the clock its waits go
    #[arg(long)]
    speed: Option<f64>,
    /// Let its time stand still
    #[arg(long, value_name = "true|false")]
    paused: Option<bool>,
    /// Requests on their way at a time
    #[arg(long)]
    concurrency: Option<u32>,
    /// Most requests a second
    #[arg(long)]
    rate: Option<f64>,
    /// How it delivers where the vendor does otherwise, such as timeout_ms=500, success=200 or
    /// schedule='{"fixed":[1,5]}'; null is the vendor's own again. Repeat it for more
    #[arg(long, value_name = "FIELD=VALUE")]
    policy: Vec<String>,
    /// Whether it signs
    #[arg(long, value_name = "true|false")]
    signed: Option<bool>,
    #[command(flatten)]
    keys: Keys,
}

impl Settings {
    /// Whether a secret is named.
    pub(super) fn has_secret(&self) -> bool {
        self.keys.is_given()
    }

    /// Lays what is given over settings as the API has them.
    pub(super) fn lay_over(self, settings: &mut Map<String, Value>) -> Result<(), CliError> {
        let (secrets, params) = (self.keys.secrets()?, self.keys.params()?);
        let secrets: Vec<Value> = secrets.into_iter().map(|value| json!({ "value": value })).collect();
        let headers = self.header.iter().map(|line| {
            let (name, value) = super::inbox::header(line)?;
            Ok(json!({ "name": name, "value": value }))
        });
        let headers: Vec<Value> = headers.collect::<Result<_, CliError>>()?;
        let pem = |file: Option<std::path::PathBuf>| {
            file.map(|file| {
                std::fs::read_to_string(&file).map_err(|e| CliError::Other(format!("{}: {e}", file.display())))
            })
            .transpose()
        };
        let (trusted, client) = (pem(self.trust)?, pem(self.client_certificate)?);
        let events = match self.events.as_slice() {
            [] => None,
            [all] if all == "all" => Some(Value::Null),
            some => Some(json!(some)),
        };
        let mut policy = Map::new();
        for one in &self.policy {
            let (field, text) = one
                .split_once('=')
                .ok_or_else(|| CliError::Other(format!("--policy takes FIELD=VALUE, not {one:?}")))?;
            // A status is the name of a rule there, and no number.
            let value = serde_json::from_str(text).ok().filter(|value: &Value| field != "success" || value.is_null());
            policy.insert(field.to_owned(), value.unwrap_or_else(|| text.into()));
        }
        let given = [
            ("policy", (!policy.is_empty()).then(|| policy.into())),
            ("name", self.name.map(Value::from)),
            ("scope", self.scope.map(Value::from)),
            ("events", events),
            ("headers", (!headers.is_empty()).then(|| json!(headers))),
            ("local_test", self.local_test.map(Value::from)),
            ("trusted_certificate", trusted.map(Value::from)),
            ("client_certificate", client.map(Value::from)),
            ("speed", self.speed.map(Value::from)),
            ("paused", self.paused.map(Value::from)),
            ("concurrency", self.concurrency.map(Value::from)),
            ("rate", self.rate.map(Value::from)),
            ("signed", self.signed.map(Value::from)),
            ("scheme", self.keys.scheme.map(Value::from)),
            ("secrets", (!secrets.is_empty()).then(|| json!(secrets))),
            ("params", (!params.is_empty()).then(|| json!(params))),
        ];
        settings.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Ok(())
    }
}

/// An endpoint's id, given itself or its name.
pub(super) async fn id_of(api: &Api, wanted: &str) -> Result<String, CliError> {
    let named: Value = api.get(&format!("/endpoints?limit=2&name={}", super::inbox::encoded(wanted))).await?;
    match named["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
        [one] => Ok(one["id"].as_str().unwrap_or_default().to_owned()),
        [] if api.get::<Value>(&format!("/endpoints/{}", super::inbox::encoded(wanted))).await.is_ok() => {
            Ok(wanted.to_owned())
        }
        [] => Err(CliError::Other(format!(
            "there is no endpoint {wanted:?}; `hookline endpoint list` lists them, and a URL begins with http:// or https://"
        ))),
        _ => Err(CliError::Other(format!("several endpoints have the name {wanted:?}; use an id"))),
    }
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add { provider, address, settings } => {
            let mut body = Map::from_iter([("provider".into(), provider.into()), ("url".into(), address.into())]);
            settings.lay_over(&mut body)?;
            let made: Value = api.json(Method::POST, "/endpoints", Some(body.into())).await?;
            print(context, &made);
            if made["secrets"].as_array().is_some_and(|secrets| !secrets.is_empty()) && !context.json {
                let id = terminal::shown(made["id"].as_str().unwrap_or_default());
                terminal::say(&format!("`hookline endpoint show {id} --reveal` shows its signing secret"));
            }
        }
        Verb::List => {
            let mut after = String::new();
            loop {
                let list: Value = api.get(&format!("/endpoints{after}")).await?;
                for endpoint in list["items"].as_array().into_iter().flatten() {
                    print(context, endpoint);
                }
                match list["next"].as_str() {
                    Some(next) => after = format!("?after={next}"),
                    None => break,
                }
            }
        }
        Verb::Show { endpoint, reveal } => {
            let id = id_of(api, &endpoint).await?;
            let mut shown: Value = api.get(&format!("/endpoints/{id}")).await?;
            if reveal {
                let secrets: Value = api.get(&format!("/endpoints/{id}/secrets")).await?;
                shown["secrets"] = secrets["items"].clone();
            }
            terminal::json(&shown);
        }
        Verb::Set { endpoint, to, settings } => {
            let mut change = Map::new();
            settings.lay_over(&mut change)?;
            if let Some(to) = to {
                change.insert("url".into(), to.into());
            }
            changed(api, context, &endpoint, json!({ "settings": change })).await?;
        }
        Verb::Enable { endpoint } => changed(api, context, &endpoint, json!({ "enabled": true })).await?,
        Verb::Disable { endpoint } => changed(api, context, &endpoint, json!({ "enabled": false })).await?,
        Verb::Rotate { endpoint } => {
            let id = id_of(api, &endpoint).await?;
            print(context, &api.json(Method::POST, &format!("/endpoints/{id}/rotate"), None).await?);
        }
        Verb::Test { endpoint } => {
            let id = id_of(api, &endpoint).await?;
            let sent: Value = api.json(Method::POST, &format!("/endpoints/{id}/test"), None).await?;
            return delivery::ended(api, context, &[sent]).await;
        }
        Verb::Diagnose { endpoint, missed } => return diagnose(api, context, &endpoint, missed).await,
        Verb::Remove { endpoint } => {
            let id = id_of(api, &endpoint).await?;
            api.bytes(Method::DELETE, &format!("/endpoints/{id}"), None).await?;
            terminal::say(&format!("{endpoint} is removed"));
        }
    }
    Ok(())
}

/// Prints why an endpoint receives nothing.
async fn diagnose(api: &Api, context: &Context, endpoint: &str, missed: Option<String>) -> Result<(), CliError> {
    let id = id_of(api, endpoint).await?;
    let event = missed.map_or(String::new(), |event| format!("?event={}", super::inbox::encoded(&event)));
    let causes: Value = api.json(Method::POST, &format!("/endpoints/{id}/diagnose{event}"), None).await?;
    let causes = causes["items"].as_array().cloned().unwrap_or_default();
    for cause in &causes {
        if context.json {
            terminal::json(cause);
            continue;
        }
        let mark = match cause["found"].as_str() {
            Some("ok") => "✓",
            Some("failed") => "✗",
            _ => "–",
        };
        let text = |key: &str| terminal::shown(cause[key].as_str().unwrap_or_default());
        terminal::line(&format!("{mark} {:<14} {}", text("name"), text("detail")));
    }
    if causes.iter().any(|cause| cause["found"] == "failed") {
        return Err(CliError::No);
    }
    Ok(())
}

async fn changed(api: &Api, context: &Context, endpoint: &str, change: Value) -> Result<(), CliError> {
    let id = id_of(api, endpoint).await?;
    print(context, &api.json(Method::PATCH, &format!("/endpoints/{id}"), Some(change)).await?);
    Ok(())
}

fn print(context: &Context, endpoint: &Value) {
    if context.json {
        return terminal::json(endpoint);
    }
    let text = |value: &Value| terminal::shown(value.as_str().unwrap_or_default());
    let state = match endpoint["state"]["enabled"].as_bool() {
        Some(true) => "on".to_owned(),
        _ => format!("off: {}", text(&endpoint["state"]["reason"])),
    };
    terminal::line(&format!(
        "{}  {:<16} {:<16} {:<40} {state}",
        text(&endpoint["id"]),
        terminal::cut(&text(&endpoint["provider"]), 16),
        terminal::cut(&text(&endpoint["name"]), 16),
        terminal::cut(&text(&endpoint["url"]), 40),
    ));
}
