//! `hookbench endpoint`: creates, lists, changes, tests and deletes endpoints.

use std::collections::BTreeMap;

use hookbench_model::{
    Delivery, Diagnosis, DiagnosisResult, Endpoint, EndpointHeader, EndpointList, EndpointSecret, EndpointSecretList,
};
use http::Method;
use serde::Serialize;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};

use super::{Api, Context, delivery, error::CliError, keys::Keys, terminal};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Create an endpoint
    ///
    /// If the vendor signs and no secret is given, a secret is generated.
    #[command(
        after_help = "Examples:\n  hookbench endpoint add github https://app.example/webhooks --name staging\n  \
        hookbench endpoint add stripe http://localhost:3000/webhooks --secret-file secret.txt"
    )]
    Add {
        /// Vendor to send as; `hookbench provider list` lists them
        provider: String,
        /// URL of the endpoint
        #[arg(value_name = "URL")]
        address: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// List all endpoints
    #[command(after_help = "Examples:\n  hookbench endpoint list")]
    List,
    /// Show an endpoint as JSON
    #[command(after_help = "Examples:\n  hookbench endpoint show staging\n  hookbench endpoint show staging --reveal")]
    Show {
        /// ID or name of the endpoint
        endpoint: String,
        /// Include the signing secrets
        #[arg(long)]
        reveal: bool,
    },
    /// Change an endpoint. Settings that are not passed stay as they are
    #[command(after_help = "Examples:\n  hookbench endpoint set staging --to https://app.example/hooks\n  \
        hookbench endpoint set staging --rate 5 --policy timeout_ms=500")]
    Set {
        /// ID or name of the endpoint
        endpoint: String,
        /// Set the URL
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Enable an endpoint
    #[command(after_help = "Examples:\n  hookbench endpoint enable staging")]
    Enable {
        /// ID or name of the endpoint
        endpoint: String,
    },
    /// Disable an endpoint. Waiting deliveries are skipped
    #[command(after_help = "Examples:\n  hookbench endpoint disable staging")]
    Disable {
        /// ID or name of the endpoint
        endpoint: String,
    },
    /// Replace the signing secret of an endpoint
    ///
    /// If the scheme allows several signatures, the old secret also signs for one day.
    #[command(after_help = "Examples:\n  hookbench endpoint rotate staging")]
    Rotate {
        /// ID or name of the endpoint
        endpoint: String,
    },
    /// Send the vendor's test event and wait for the response
    ///
    /// The delivery does not count toward automatic disabling.
    #[command(after_help = "Examples:\n  hookbench endpoint test staging")]
    Test {
        /// ID or name of the endpoint
        endpoint: String,
    },
    /// Find out why no event arrives. Exits with 1 if a cause is found
    #[command(after_help = "Examples:\n  hookbench endpoint diagnose staging\n  \
        hookbench endpoint diagnose staging --missed invoice.paid")]
    Diagnose {
        /// ID or name of the endpoint
        endpoint: String,
        /// Event type that did not arrive
        #[arg(long, value_name = "TYPE")]
        missed: Option<String>,
    },
    /// Delete an endpoint
    #[command(after_help = "Examples:\n  hookbench endpoint remove staging")]
    Remove {
        /// ID or name of the endpoint
        endpoint: String,
    },
}

/// Settings of an endpoint
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// Name of the endpoint
    #[arg(long)]
    name: Option<String>,
    /// Account, flow, website or workspace that the endpoint belongs to
    #[arg(long)]
    account: Option<String>,
    /// Subscribe to this event type, or `all`; repeatable
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
    /// Send this header with every request; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Allow plain http:// for local tests, even if the vendor forbids it
    #[arg(long, value_name = "true|false")]
    local_test: Option<bool>,
    /// Trust the PEM certificates in this file (of the endpoint or its CA)
    #[arg(long, value_name = "FILE")]
    trust: Option<std::path::PathBuf>,
    /// Present this PEM client certificate; the file also holds its private key
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<std::path::PathBuf>,
    /// Divide retry delays by this factor
    #[arg(long, value_name = "N")]
    time_scale: Option<f64>,
    /// Pause the retry clock
    #[arg(long, value_name = "true|false")]
    paused: Option<bool>,
    /// Maximum number of concurrent requests
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Maximum number of requests per second
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Override a field of the vendor's delivery policy; repeatable
    ///
    /// Examples: timeout_ms=500, success=200 or schedule='{"fixed":[1,5]}'.
    ///
    /// The value null restores the vendor's value.
    #[arg(long, value_name = "FIELD=VALUE")]
    policy: Vec<String>,
    /// Sign requests
    #[arg(long, value_name = "true|false")]
    signed: Option<bool>,
    #[command(flatten)]
    keys: Keys,
}

impl Settings {
    /// Returns true if a secret is given.
    pub(super) fn has_secret(&self) -> bool {
        self.keys.is_given()
    }

    /// Returns the settings that are given, as the API expects them.
    pub(super) fn given(self) -> Result<GivenSettings, CliError> {
        let secrets = self.keys.secrets()?.into_iter().map(|value| EndpointSecret { value, until: None }).collect();
        let headers = self.header.iter().map(|line| {
            let (name, value) = super::inbox::header(line)?;
            Ok(EndpointHeader { name, value, secret: false })
        });
        let mut policy = BTreeMap::new();
        for one in &self.policy {
            let (field, text) = one
                .split_once('=')
                .ok_or_else(|| CliError::Other(format!("--policy is invalid: {one:?} (expected FIELD=VALUE)")))?;
            policy.insert(field.to_owned(), policy_value(field, text)?);
        }
        Ok(GivenSettings {
            policy,
            name: self.name,
            account: self.account,
            events: match self.events.as_slice() {
                [] => None,
                [all] if all == "all" => Some(None),
                _ => Some(Some(self.events)),
            },
            headers: headers.collect::<Result<_, CliError>>()?,
            local_test: self.local_test,
            trusted_certificate: pem(self.trust)?,
            client_certificate: pem(self.client_certificate)?,
            time_scale: self.time_scale,
            paused: self.paused,
            concurrency: self.concurrency,
            rate: self.rate,
            signed: self.signed,
            params: self.keys.params()?,
            scheme: self.keys.scheme,
            secrets,
            ..GivenSettings::default()
        })
    }
}

fn pem(file: Option<std::path::PathBuf>) -> Result<Option<String>, CliError> {
    let read = |file: std::path::PathBuf| {
        std::fs::read_to_string(&file).map_err(|e| CliError::Other(format!("{}: {e}", file.display())))
    };
    file.map(read).transpose()
}

/// Returns a policy value: the text as JSON, or as a JSON string if it cannot be parsed. `success` is always a string,
/// because a status such as `200` names a rule there.
fn policy_value(field: &str, text: &str) -> Result<Box<RawValue>, CliError> {
    let json = serde_json::from_str::<Box<RawValue>>(text).ok();
    let json = json.filter(|json| field != "success" || json.get() == "null");
    json.map_or_else(|| to_raw_value(text), Ok).map_err(|why| CliError::Other(why.to_string()))
}

/// Settings of an endpoint that are given. The others keep their value or get their default.
#[derive(Debug, Default, Serialize)]
pub(super) struct GivenSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// Event types; `Some(None)` means all events.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Option<Vec<String>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<EndpointHeader>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) local_test: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_scale: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrency: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<EndpointSecret>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    policy: BTreeMap<String, Box<RawValue>>,
}

impl GivenSettings {
    /// Returns the names of the settings that are given.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let given = [
            ("url", self.url.is_some()),
            ("provider", self.provider.is_some()),
            ("name", self.name.is_some()),
            ("account", self.account.is_some()),
            ("events", self.events.is_some()),
            ("headers", !self.headers.is_empty()),
            ("local_test", self.local_test.is_some()),
            ("trusted_certificate", self.trusted_certificate.is_some()),
            ("client_certificate", self.client_certificate.is_some()),
            ("time_scale", self.time_scale.is_some()),
            ("paused", self.paused.is_some()),
            ("concurrency", self.concurrency.is_some()),
            ("rate", self.rate.is_some()),
            ("signed", self.signed.is_some()),
            ("scheme", self.scheme.is_some()),
            ("secrets", !self.secrets.is_empty()),
            ("params", !self.params.is_empty()),
            ("policy", !self.policy.is_empty()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }
}

/// Returns the id of the endpoint with this name or id.
pub(super) async fn id_of(api: &Api, wanted: &str) -> Result<String, CliError> {
    let named: EndpointList =
        api.get(&format!("/endpoints?limit=2&name={}", crate::transport::encoded(wanted))).await?;
    match named.items.as_slice() {
        [one] => Ok(one.id.clone()),
        [] if api.get::<Endpoint>(&format!("/endpoints/{}", crate::transport::encoded(wanted))).await.is_ok() => {
            Ok(wanted.to_owned())
        }
        [] => {
            let all: EndpointList = api.get("/endpoints?limit=500").await?;
            let names = all.items.iter().map(|endpoint| endpoint.settings.name.as_str());
            Err(CliError::Other(format!(
                "no such endpoint: {wanted:?}.{} `hookbench endpoint list` lists them. A URL starts with http:// or https://",
                hookbench_model::did_you_mean(wanted, names)
            )))
        }
        _ => Err(CliError::Other(format!("several endpoints have the name {wanted:?}. Pass an ID instead"))),
    }
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add { provider, address, settings } => {
            let settings = GivenSettings { provider: Some(provider), url: Some(address), ..settings.given()? };
            let made: Endpoint = api.send(Method::POST, "/endpoints", &settings).await?;
            print(context, &made);
            if !made.settings.secrets.is_empty() && !context.json {
                terminal::say(&format!("`hookbench endpoint show {} --reveal` prints the signing secret.", made.id));
            }
        }
        Verb::List => {
            let mut after = String::new();
            loop {
                let list: EndpointList = api.get(&format!("/endpoints{after}")).await?;
                list.items.iter().for_each(|endpoint| print(context, endpoint));
                match list.next {
                    Some(next) => after = format!("?after={next}"),
                    None => break,
                }
            }
        }
        Verb::Show { endpoint, reveal } => {
            let id = id_of(api, &endpoint).await?;
            let mut shown: Endpoint = api.get(&format!("/endpoints/{id}")).await?;
            if reveal {
                let secrets: EndpointSecretList = api.get(&format!("/endpoints/{id}/secrets")).await?;
                shown.settings.secrets = secrets.items;
            }
            terminal::json(&shown);
        }
        Verb::Set { endpoint, to, settings } => {
            let settings = GivenSettings { url: to, ..settings.given()? };
            changed(api, context, &endpoint, &json!({ "settings": settings })).await?;
        }
        Verb::Enable { endpoint } => changed(api, context, &endpoint, &json!({ "enabled": true })).await?,
        Verb::Disable { endpoint } => changed(api, context, &endpoint, &json!({ "enabled": false })).await?,
        Verb::Rotate { endpoint } => {
            let id = id_of(api, &endpoint).await?;
            print(context, &api.act(Method::POST, &format!("/endpoints/{id}/rotate")).await?);
        }
        Verb::Test { endpoint } => {
            let id = id_of(api, &endpoint).await?;
            let sent: Delivery = api.act(Method::POST, &format!("/endpoints/{id}/test")).await?;
            return delivery::ended(api, context, &[sent]).await;
        }
        Verb::Diagnose { endpoint, missed } => return diagnose(api, context, &endpoint, missed).await,
        Verb::Remove { endpoint } => {
            let id = id_of(api, &endpoint).await?;
            api.bytes(Method::DELETE, &format!("/endpoints/{id}")).await?;
            terminal::say(&format!("Deleted {endpoint}."));
        }
    }
    Ok(())
}

/// Prints the possible causes for which an endpoint receives no events.
async fn diagnose(api: &Api, context: &Context, endpoint: &str, missed: Option<String>) -> Result<(), CliError> {
    let id = id_of(api, endpoint).await?;
    let event = missed.map_or(String::new(), |event| format!("?event={}", crate::transport::encoded(&event)));
    let causes: Diagnosis = api.act(Method::POST, &format!("/endpoints/{id}/diagnose{event}")).await?;
    for cause in &causes.items {
        if context.json {
            terminal::json(cause);
            continue;
        }
        let mark = match cause.found {
            DiagnosisResult::Ok => "✓",
            DiagnosisResult::Failed => "✗",
            DiagnosisResult::Skipped => "–",
        };
        terminal::line(&format!("{mark} {:<14} {}", terminal::shown(&cause.name), terminal::shown(&cause.detail)));
    }
    if causes.items.iter().any(|cause| cause.found == DiagnosisResult::Failed) {
        return Err(CliError::No);
    }
    Ok(())
}

async fn changed(api: &Api, context: &Context, endpoint: &str, change: &impl Serialize) -> Result<(), CliError> {
    let id = id_of(api, endpoint).await?;
    print(context, &api.send(Method::PATCH, &format!("/endpoints/{id}"), change).await?);
    Ok(())
}

fn print(context: &Context, endpoint: &Endpoint) {
    if context.json {
        return terminal::json(endpoint);
    }
    let state = match endpoint.state.enabled {
        true => "enabled".to_owned(),
        false => format!("disabled: {}", terminal::shown(endpoint.state.reason.as_deref().unwrap_or_default())),
    };
    let settings = &endpoint.settings;
    terminal::line(&format!(
        "{}  {:<16} {:<16} {:<40} {state}",
        endpoint.id,
        terminal::cut(&terminal::shown(&settings.provider), 16),
        terminal::cut(&terminal::shown(&settings.name), 16),
        terminal::cut(&terminal::shown(&settings.url), 40),
    ));
}
