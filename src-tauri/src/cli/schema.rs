//! `hookbench schema`: lists and shows inferred schemas, and prints them as code.

use hookbench_api::{SchemaDetail, SchemaField, SchemaList};
use hookbench_engine::{ChangeKind, Type};

use super::{Api, Context, error::CliError, export, terminal};
use crate::transport::encoded;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the inbox [default: list the schemas of all inboxes]
    inbox: Option<String>,
    /// Event type [default: requests without an event type]
    event: Option<String>,
    /// Print the schema as code
    #[arg(long = "as", value_name = "CODE", value_parser = ["json_schema", "typescript", "rust"], requires = "inbox")]
    code: Option<String>,
}

pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let Some(inbox) = &args.inbox else { return list(api, context).await };
    let mut params = form_urlencoded::Serializer::new(String::new());
    params.extend_pairs(args.event.iter().map(|event| ("event", event)));
    params.extend_pairs(args.code.iter().map(|code| ("as", code)));
    let (route, params) = (format!("/schemas/{}", encoded(inbox)), params.finish());
    if args.code.is_some() {
        return export::stream(api, &format!("{route}/code?{params}"), None).await;
    }
    let shape: SchemaDetail = api.get(&format!("{route}?{params}")).await?;
    if context.json {
        terminal::json(&shape);
        return Ok(());
    }
    shape.tree.iter().for_each(field);
    for change in &shape.changes {
        let message = match &change.what {
            ChangeKind::NewField { value_type } => format!("new, {}", terminal::word(value_type)),
            ChangeKind::NewType { value_type, before } => {
                format!("{}, before {}", terminal::word(value_type), words(before, " or "))
            }
            ChangeKind::Missing => "missing, before always present".into(),
        };
        terminal::line(&format!(
            "{}  {}: {message}  (request {})",
            change.at,
            terminal::shown(&change.path),
            change.request
        ));
    }
    Ok(())
}

fn field(field: &SchemaField) {
    let name = if field.depth == 0 { "body".into() } else { terminal::shown(&field.name) };
    let optional = if field.optional { "?" } else { "" };
    let more = match (&field.values, &field.format) {
        (Some(values), _) => {
            let values: Vec<String> = values.iter().map(|value| terminal::shown(value)).collect();
            format!("  {}", values.join(" | "))
        }
        (None, Some(format)) => format!("  ({})", terminal::word(format)),
        (None, None) => String::new(),
    };
    let types = words(&field.types, " | ");
    terminal::line(&format!("{}{name}{optional}: {types}{more}", "  ".repeat(field.depth)));
}

async fn list(api: &Api, context: &Context) -> Result<(), CliError> {
    let schemas: SchemaList = api.get("/schemas").await?;
    for shape in &schemas.items {
        if context.json {
            terminal::json(shape);
            continue;
        }
        let event = match shape.event_type.as_str() {
            "" => "(no event type)".into(),
            event => terminal::shown(event),
        };
        terminal::line(&format!(
            "{:<20} {event:<40} {:>9} requests  {:>4} fields  {:>3} changes",
            terminal::shown(&shape.inbox),
            shape.requests,
            shape.fields,
            shape.drift
        ));
    }
    Ok(())
}

fn words(types: &[Type], between: &str) -> String {
    types.iter().map(terminal::word).collect::<Vec<_>>().join(between)
}
