//! `hookbench inbox rule`: lists, adds, tests and deletes the response rules of an inbox.

use hookbench_model::{
    Inbox, InboxResponse, ResponseFault, ResponsePreview, ResponseRule, SequenceEnd, SequencePer, unreachable_rules,
};
use http::Method;
use serde_json::json;

use super::{
    Api, Context,
    error::CliError,
    inbox::{ResponseArgs, fault},
    terminal,
};
use crate::transport::encoded;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the response rules of an inbox, in order
    #[command(after_help = "Examples:\n  hookbench inbox rule list shop")]
    List {
        /// Name of the inbox
        inbox: String,
    },
    /// Add a rule that sets the response to matching requests
    #[command(after_help = "Examples:\n  \
        hookbench inbox rule add shop --when 'event:chat.closed' --status 409 --body no\n  \
        hookbench inbox rule add shop --sequence 500,500,hang,200\n  \
        hookbench inbox rule add shop --body-file logo.png --header 'Content-Type: image/png'")]
    Add(Box<Add>),
    /// Delete a response rule
    #[command(after_help = "Examples:\n  hookbench inbox rule remove shop 1")]
    Remove {
        /// Name of the inbox
        inbox: String,
        /// ID of the rule, or its number in the list
        rule: String,
    },
    /// Restart the sequences of a response rule
    #[command(after_help = "Examples:\n  hookbench inbox rule restart shop 1")]
    Restart {
        /// Name of the inbox
        inbox: String,
        /// ID of the rule, or its number in the list
        rule: String,
    },
    /// Show which rule would respond to a stored request, and why
    #[command(after_help = "Examples:\n  hookbench inbox rule try latest\n  \
        hookbench inbox rule try latest --inbox shop")]
    Try {
        /// ID of the request; `latest` is the newest
        request: String,
        /// Use the rules of this inbox [default: the inbox of the request]
        #[arg(long)]
        inbox: Option<String>,
    },
}

/// New response rule
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Name of the inbox
    inbox: String,
    /// Name of the rule
    #[arg(long)]
    name: Option<String>,
    /// Apply only to requests that match this query (docs/search.md) [default: all]
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    when: Option<String>,
    /// Insert the rule at this position, from 1 [default: last]
    #[arg(long, value_name = "N")]
    at: Option<usize>,
    /// Respond with these statuses and faults in turn, such as 500,500,hang,200
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["status", "body", "body_file", "fault", "template"])]
    sequence: Vec<String>,
    /// Count the sequence per event or per inbox
    #[arg(long, value_parser = ["event", "inbox"], default_value = "event")]
    per: String,
    /// Response after the end of the sequence
    #[arg(long, value_parser = ["last", "first", "next_rule"], default_value = "last")]
    at_end: String,
    #[command(flatten)]
    response: ResponseArgs,
}

/// Parses a sequence, in which each item is a status or a fault.
fn sequence(listed: &[String], slow_over: u32) -> Result<Vec<InboxResponse>, CliError> {
    let one = |word: &String| {
        let mut response = InboxResponse::default();
        if let Ok(status) = word.parse::<u16>() {
            response.status = status;
        } else if let Some(fault) = fault(word, slow_over) {
            if matches!(fault, ResponseFault::Truncate | ResponseFault::Slow { .. }) {
                response.body = "0123456789".into();
            }
            response.fault = Some(fault);
        } else {
            return Err(CliError::Other(format!(
                "--sequence is invalid: {word:?} (use a status, or reset, hang, truncate, slow or garbage)"
            )));
        }
        Ok(response)
    };
    listed.iter().map(one).collect()
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List { inbox } => {
            let all = rules(api, &inbox).await?;
            all.iter().enumerate().for_each(|(place, rule)| print(context, place + 1, rule));
            warn_of_unreachable(&all);
        }
        Verb::Add(add) => return add_rule(api, context, *add).await,
        Verb::Remove { inbox, rule } => {
            let mut all = rules(api, &inbox).await?;
            all.remove(place_of(all.iter().map(|rule| rule.id.as_str()), &rule)?);
            save(api, &inbox, &all).await?;
            terminal::say(&format!("Deleted the rule from {inbox}."));
        }
        Verb::Restart { inbox, rule } => {
            let all = rules(api, &inbox).await?;
            let id = &all[place_of(all.iter().map(|rule| rule.id.as_str()), &rule)?].id;
            let path = format!("/inboxes/{}/rules/{}/restart", encoded(&inbox), encoded(id));
            api.bytes(Method::POST, &path).await?;
            terminal::say("Restarted the sequences of the rule.");
        }
        Verb::Try { request, inbox } => {
            let request = super::latest::request(api, &request).await?;
            let inbox = inbox.map_or(String::new(), |inbox| format!("?inbox={}", encoded(&inbox)));
            let tried: ResponsePreview =
                api.get(&format!("/requests/{}/response-preview{inbox}", encoded(&request))).await?;
            if context.json {
                terminal::json(&tried);
                return Ok(());
            }
            for one in &tried.considered {
                let sign = if one.responses { '>' } else { ' ' };
                terminal::line(&format!("{sign} {}  {}", terminal::shown(&one.name), terminal::shown(&one.why)));
            }
            if let Some(response) = &tried.response {
                terminal::line(&format!("  {}", response_line(response)));
            }
        }
    }
    Ok(())
}

async fn add_rule(api: &Api, context: &Context, add: Add) -> Result<(), CliError> {
    let Add { inbox, name, when, at, sequence: listed, per, at_end, response } = add;
    let responses = if listed.is_empty() {
        let mut one = InboxResponse::default();
        response.apply(api, &mut one).await?;
        vec![one]
    } else {
        sequence(&listed, response.slow_over)?
    };
    let rule = ResponseRule {
        id: String::new(),
        name: name.unwrap_or_default(),
        enabled: true,
        when: when.unwrap_or_default(),
        responses,
        per: if per == "inbox" { SequencePer::Inbox } else { SequencePer::Event },
        at_end: match at_end.as_str() {
            "first" => SequenceEnd::First,
            "next_rule" => SequenceEnd::NextRule,
            _ => SequenceEnd::Last,
        },
    };
    let mut all = rules(api, &inbox).await?;
    let place = at.map_or(all.len(), |at| at.saturating_sub(1).min(all.len()));
    all.insert(place, rule);
    let saved = save(api, &inbox, &all).await?;
    if let Some(rule) = saved.rules.get(place) {
        print(context, place + 1, rule);
    }
    warn_of_unreachable(&saved.rules);
    Ok(())
}

/// Names the rules that are never reached.
fn warn_of_unreachable(rules: &[ResponseRule]) {
    for (rule, earlier) in unreachable_rules(rules) {
        terminal::say(&format!(
            "Rule {} is never reached, because rule {} responds first. Add it before rule {} with --at, or give rule {} \
             another condition",
            rule + 1,
            earlier + 1,
            earlier + 1,
            earlier + 1
        ));
    }
}

async fn rules(api: &Api, inbox: &str) -> Result<Vec<ResponseRule>, CliError> {
    let inbox: Inbox = api.get(&format!("/inboxes/{}", encoded(inbox))).await?;
    Ok(inbox.rules)
}

async fn save(api: &Api, inbox: &str, rules: &[ResponseRule]) -> Result<Inbox, CliError> {
    api.send(Method::PATCH, &format!("/inboxes/{}", encoded(inbox)), &json!({ "rules": rules })).await
}

/// Returns the index of the list item that the user names by id or by number (from 1).
pub(super) fn place_of<'i>(ids: impl ExactSizeIterator<Item = &'i str>, named: &str) -> Result<usize, CliError> {
    let count = ids.len();
    let by_number = named.parse::<usize>().ok().filter(|n| (1..=count).contains(n)).map(|n| n - 1);
    let by_id = ids.enumerate().find(|(_, id)| *id == named).map(|(place, _)| place);
    by_number.or(by_id).ok_or_else(|| {
        CliError::Other(format!("no such item: {named:?} (the list has {count}). Pass an ID, or a number in the list"))
    })
}

/// Returns a response as one line of text.
fn response_line(response: &InboxResponse) -> String {
    let fault = match &response.fault {
        Some(ResponseFault::Slow { over_ms }) => format!(" slow over {over_ms} ms"),
        Some(ResponseFault::Reset) => " reset".into(),
        Some(ResponseFault::Hang) => " hang".into(),
        Some(ResponseFault::Truncate) => " truncate".into(),
        Some(ResponseFault::Garbage) => " garbage".into(),
        None => String::new(),
    };
    let delay = if response.delay_ms == 0 { String::new() } else { format!(" after {} ms", response.delay_ms) };
    let body = match &response.file {
        Some(file) => format!(" file {}", terminal::shown(&file.name)),
        None if response.body.is_empty() => String::new(),
        None => format!(" {}", terminal::cut(&terminal::shown(&response.body), 60)),
    };
    format!("{}{fault}{delay}{body}", response.status)
}

fn print(context: &Context, place: usize, rule: &ResponseRule) {
    if context.json {
        return terminal::json(rule);
    }
    let responses: Vec<String> = rule.responses.iter().map(response_line).collect();
    let when = if rule.when.is_empty() { "every request".to_owned() } else { terminal::shown(&rule.when) };
    let off = if rule.enabled { "" } else { " (disabled)" };
    terminal::line(&format!("{place:>2}. {}{off}  {when}  →  {}", terminal::shown(&rule.name), responses.join(", ")));
}
