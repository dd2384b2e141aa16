use serde_json::Value;

use super::{Api, Context, error::CliError, export, inbox::encoded, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The inbox; every shape is listed if absent
    inbox: Option<String>,
    /// The event type; requests of which none is known if absent
    event: Option<String>,
    /// Print it as code
    #[arg(long = "as", value_name = "CODE", value_parser = ["json_schema", "typescript", "rust"], requires = "inbox")]
    code: Option<String>,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let Some(inbox) = &args.inbox else { return list(api, context).await };
    let mut asked = form_urlencoded::Serializer::new(String::new());
    asked.extend_pairs(args.event.iter().map(|event| ("event", event)));
    asked.extend_pairs(args.code.iter().map(|code| ("as", code)));
    let (route, asked) = (format!("/shapes/{}", encoded(inbox)), asked.finish());
    if args.code.is_some() {
        return export::stream(api, &format!("{route}/code?{asked}"), None).await;
    }
    let shape: Value = api.get(&format!("{route}?{asked}")).await?;
    if context.json {
        terminal::json(&shape);
        return Ok(());
    }
    for field in shape["tree"].as_array().into_iter().flatten() {
        let depth = field["depth"].as_u64().unwrap_or(0) as usize;
        let name = if depth == 0 { "body".into() } else { terminal::shown(field["name"].as_str().unwrap_or_default()) };
        let optional = if field["optional"] == true { "?" } else { "" };
        let more = match (&field["values"], &field["format"]) {
            (Value::Array(values), _) => format!("  {}", words(values, " | ")),
            (_, Value::String(format)) => format!("  ({format})"),
            _ => String::new(),
        };
        let types = field["types"].as_array().map(|types| words(types, " | ")).unwrap_or_default();
        terminal::line(&format!("{}{name}{optional}: {types}{more}", "  ".repeat(depth)));
    }
    for change in shape["changes"].as_array().into_iter().flatten() {
        let text = |key: &str| terminal::shown(change[key].as_str().unwrap_or_default());
        let what = &change["what"];
        let said = match what["kind"].as_str() {
            Some("new_field") => format!("new, {}", what["type"].as_str().unwrap_or_default()),
            Some("new_type") => {
                let before = what["before"].as_array().map(|types| words(types, " or ")).unwrap_or_default();
                format!("{} where it was {before}", what["type"].as_str().unwrap_or_default())
            }
            _ => "missing where it always was".into(),
        };
        terminal::line(&format!("{}  {}: {said}  (request {})", text("at"), text("path"), text("request")));
    }
    Ok(())
}

async fn list(api: &Api, context: &Context) -> Result<(), CliError> {
    let shapes: Value = api.get("/shapes").await?;
    for shape in shapes["items"].as_array().into_iter().flatten() {
        if context.json {
            terminal::json(shape);
            continue;
        }
        let text = |key: &str| terminal::shown(shape[key].as_str().unwrap_or_default());
        let event = if text("event_type").is_empty() { "(no event type)".into() } else { text("event_type") };
        terminal::line(&format!(
            "{:<20} {event:<40} {:>9} requests  {:>4} fields  {:>3} changes",
            text("inbox"),
            shape["requests"],
            shape["fields"],
            shape["drift"]
        ));
    }
    Ok(())
}

fn words(values: &[Value], between: &str) -> String {
    let words: Vec<String> = values.iter().map(|value| terminal::shown(value.as_str().unwrap_or_default())).collect();
    words.join(between)
}
