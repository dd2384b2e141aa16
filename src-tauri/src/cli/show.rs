//! `hookbench show`: prints a request.

use clap::ValueEnum as _;
use hookbench_model::RequestDetail;

use super::{Api, Context, error::CliError, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// ID of the request; `latest` is the newest, `latest~1` the one before
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,
    /// Print the request in this form
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
    /// Include secrets
    #[arg(long)]
    reveal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
enum Form {
    /// HTTP message as received
    Raw,
    /// curl command
    Curl,
    /// HTTPie command
    Httpie,
    /// JavaScript with fetch
    Fetch,
    /// Python with requests
    Python,
    /// Go program
    Go,
    /// PowerShell 7 command
    Powershell,
    /// All fields as JSON
    Json,
    /// HAR file
    Har,
    /// Bytes of the body
    Body,
    /// Decoded body as UTF-8
    Text,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let id = crate::transport::encoded(&super::latest::request(api, &args.id).await?);
    match args.form {
        None if !context.json => {
            let detail: RequestDetail =
                api.get(&format!("/requests/{id}{}", if args.reveal { "/reveal" } else { "" })).await?;
            head(&detail);
            Ok(())
        }
        None | Some(Form::Json) => {
            let detail: RequestDetail =
                api.get(&format!("/requests/{id}{}", if args.reveal { "/reveal" } else { "" })).await?;
            terminal::json(&detail);
            Ok(())
        }
        Some(Form::Har) => {
            let secrets = if args.reveal { "&secrets=true" } else { "" };
            super::export::stream(api, &format!("/export?as=har&ids={id}{secrets}"), None).await
        }
        Some(form) => {
            let what = match form {
                Form::Raw => "raw?".into(),
                Form::Json | Form::Har | Form::Body => "body?".into(),
                Form::Text => "body?text=true&".into(),
                code => format!("code?as={}&", code.to_possible_value().expect("every form has a name").get_name()),
            };
            super::export::stream(api, &format!("/requests/{id}/{what}reveal={}", args.reveal), None).await
        }
    }
}

fn head(detail: &RequestDetail) {
    let summary = &detail.summary;
    let (method, target) = (terminal::shown(&summary.method), terminal::shown(&summary.target));
    terminal::line(&format!("{method} {target} {}", terminal::word(&summary.version)));
    for (lines, mark) in [(&detail.headers, ""), (&detail.trailers, " (trailer)")] {
        for header in lines {
            terminal::line(&format!("{}: {}{mark}", terminal::shown(&header.name), terminal::shown(&header.value)));
        }
    }
    terminal::line("");
    let state = terminal::word(&summary.body_state).replace('_', " ");
    for (name, value) in [
        ("inbox", summary.inbox.as_str()),
        ("from", &summary.remote_address),
        ("arrived", &summary.arrived_at.to_string()),
        ("stored", &detail.stored_at.to_string()),
        ("body", &format!("{} bytes, {state}", summary.body_bytes)),
        ("responded", &if summary.status > 0 { summary.status.to_string() } else { String::new() }),
        ("source", summary.source.as_deref().unwrap_or_default()),
        ("note", &summary.note),
    ] {
        if !value.is_empty() {
            terminal::line(&format!("{name:<9} {}", terminal::shown(value)));
        }
    }
    terminal::say(
        "\n--as body prints the body, --as text the decoded body, --as raw the whole message, and --as curl (or\n\
         httpie, fetch, python, go, powershell) code that sends the request again.",
    );
}
