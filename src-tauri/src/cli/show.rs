use clap::ValueEnum as _;
use serde_json::Value;

use super::{Api, Context, error::CliError, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The request's id
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: String,
    /// What to print of it
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
    /// Print credentials too
    #[arg(long)]
    reveal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
enum Form {
    /// The HTTP message as it was
    Raw,
    /// A curl command that sends it again
    Curl,
    /// The same with HTTPie
    Httpie,
    /// JavaScript that sends it again
    Fetch,
    /// Python that sends it again, with requests
    Python,
    /// A Go program that sends it again
    Go,
    /// The same in PowerShell 7
    Powershell,
    /// All that is known of it, as JSON
    Json,
    /// A HAR file of it
    Har,
    /// The body's bytes
    Body,
    /// The body decoded, as UTF-8
    Text,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let id = super::inbox::encoded(&args.id);
    match args.form {
        None if !context.json => {
            let detail: Value = api.get(&format!("/requests/{id}{}", if args.reveal { "/reveal" } else { "" })).await?;
            head(&detail);
            Ok(())
        }
        None | Some(Form::Json) => {
            let detail: Value = api.get(&format!("/requests/{id}{}", if args.reveal { "/reveal" } else { "" })).await?;
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
                code => format!("code?as={}&", code.to_possible_value().expect("no form is skipped").get_name()),
            };
            super::export::stream(api, &format!("/requests/{id}/{what}reveal={}", args.reveal), None).await
        }
    }
}

fn head(detail: &Value) {
    let text = |value: &Value| terminal::shown(value.as_str().unwrap_or_default());
    terminal::line(&format!("{} {} {}", text(&detail["method"]), text(&detail["target"]), text(&detail["version"])));
    for header in detail["headers"].as_array().into_iter().flatten() {
        terminal::line(&format!("{}: {}", text(&header["name"]), text(&header["value"])));
    }
    for trailer in detail["trailers"].as_array().into_iter().flatten() {
        terminal::line(&format!("{}: {} (trailer)", text(&trailer["name"]), text(&trailer["value"])));
    }
    terminal::line("");
    for (name, value) in [
        ("inbox", text(&detail["inbox"])),
        ("from", text(&detail["peer"])),
        ("arrived", text(&detail["arrived_at"])),
        ("stored", text(&detail["stored_at"])),
        ("body", format!("{} bytes, {}", detail["body_bytes"], text(&detail["body_state"]).replace('_', " "))),
        (
            "answered",
            detail["status"].as_u64().filter(|status| *status > 0).map(|status| status.to_string()).unwrap_or_default(),
        ),
        ("source", text(&detail["source"])),
        ("note", text(&detail["note"])),
    ] {
        if !value.is_empty() {
            terminal::line(&format!("{name:<9} {value}"));
        }
    }
    terminal::say(
        "\n--as body prints the body, --as text the body decoded, --as raw the whole message, --as curl (or httpie, fetch, python, go,\n\
         powershell) code that sends it again.",
    );
}
