use serde_json::Value;

use super::{Api, Context, error::CliError, inbox::encoded, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the first request, or DELIVERY:NUMBER for the answer an attempt got
    a: String,
    /// The second in the same way
    b: String,
}

impl Args {
    pub(super) fn of(a: String, b: String) -> Self {
        Self { a, b }
    }
}

/// Prints what differs; ends with 1 if anything does.
pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let diff: Value = api.get(&format!("/diff?a={}&b={}", encoded(&args.a), encoded(&args.b))).await?;
    let same = diff["same"] == true;
    if context.json {
        terminal::json(&diff);
        return if same { Ok(()) } else { Err(CliError::No) };
    }
    rows(&[diff["line"].clone()]);
    let headers = diff["headers"].as_array().cloned().unwrap_or_default();
    rows(&headers.into_iter().filter(|row| row["kind"] != "same").collect::<Vec<_>>());
    let body = diff["body"].as_array().cloned().unwrap_or_default();
    if diff["changes"] != 0 {
        terminal::line("");
        rows(&body);
    }
    if let Some(note) = diff["note"].as_str() {
        terminal::say(note);
    }
    if same {
        terminal::say("Nothing differs.");
        return Ok(());
    }
    Err(CliError::No)
}

fn rows(rows: &[Value]) {
    for row in rows {
        let indent = "  ".repeat(row["depth"].as_u64().unwrap_or(0).min(40) as usize);
        let print = |sign: char, side: &str| {
            if let Some(text) = row[side].as_str() {
                terminal::line(&format!("{sign} {indent}{}", terminal::shown(text)));
            }
        };
        match row["kind"].as_str() {
            Some("same") => print(' ', "a"),
            Some("skipped") => terminal::line(&format!("  … {} the same", row["skipped"])),
            _ => {
                print('-', "a");
                print('+', "b");
            }
        }
    }
}
