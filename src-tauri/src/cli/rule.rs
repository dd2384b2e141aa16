use hookbench_model::{Inbox, InboxResponse, ResponseFault, ResponsePreview, ResponseRule, SequenceEnd, SequencePer};
use http::Method;
use serde_json::json;

use super::{
    Api, Context,
    error::CliError,
    inbox::{Answer, encoded, fault},
    terminal,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the rules of an inbox, in order
    List {
        /// The inbox
        inbox: String,
    },
    /// Add a rule: requests that match are answered so
    Add(Box<Add>),
    /// Remove a rule
    Remove {
        /// The inbox
        inbox: String,
        /// The rule's id, or its number in the list
        rule: String,
    },
    /// Let a rule's sequences begin again
    Restart {
        /// The inbox
        inbox: String,
        /// The rule's id, or its number in the list
        rule: String,
    },
    /// Say which rule would answer a stored request, and why
    Try {
        /// Id of the request
        request: String,
        /// The inbox whose rules are tried; the request's own if absent
        #[arg(long)]
        inbox: Option<String>,
    },
}

/// A new rule
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The inbox
    inbox: String,
    /// Its name
    #[arg(long)]
    name: Option<String>,
    /// Which requests, as a query (docs/query.md); all if absent
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    when: Option<String>,
    /// Its place among the rules, from 1; the last if absent
    #[arg(long, value_name = "N")]
    at: Option<usize>,
    /// A sequence of statuses and faults, such as 500,500,hang,200, in the place of one answer
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["status", "body", "body_file", "fault", "template"])]
    sequence: Vec<String>,
    /// What a sequence is counted by
    #[arg(long, value_parser = ["event", "inbox"], default_value = "event")]
    per: String,
    /// What follows the last answer of a sequence
    #[arg(long, value_parser = ["last", "first", "next_rule"], default_value = "last")]
    at_end: String,
    #[command(flatten)]
    answer: Answer,
}

/// The responses of a sequence: each a status or a fault.
fn sequence(listed: &[String], drip_over: u32) -> Result<Vec<InboxResponse>, CliError> {
    let one = |word: &String| {
        let mut response = InboxResponse::default();
        if let Ok(status) = word.parse::<u16>() {
            response.status = status;
        } else if let Some(fault) = fault(word, drip_over) {
            if matches!(fault, ResponseFault::Half | ResponseFault::Drip { .. }) {
                response.body = "0123456789".into();
            }
            response.fault = Some(fault);
        } else {
            return Err(CliError::Other(format!(
                "{word:?} is neither a status nor one of reset, hang, half, drip, garbage"
            )));
        }
        Ok(response)
    };
    listed.iter().map(one).collect()
}

pub(super) async fn run(api: &Api, context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List { inbox } => {
            for (place, rule) in rules(api, &inbox).await?.iter().enumerate() {
                print(context, place + 1, rule);
            }
        }
        Verb::Add(add) => return add_rule(api, context, *add).await,
        Verb::Remove { inbox, rule } => {
            let mut all = rules(api, &inbox).await?;
            all.remove(place_of(all.iter().map(|rule| rule.id.as_str()), &rule)?);
            save(api, &inbox, &all).await?;
            terminal::say(&format!("the rule is removed from {inbox}"));
        }
        Verb::Restart { inbox, rule } => {
            let all = rules(api, &inbox).await?;
            let id = &all[place_of(all.iter().map(|rule| rule.id.as_str()), &rule)?].id;
            let path = format!("/inboxes/{}/rules/{}/restart", encoded(&inbox), encoded(id));
            api.bytes(Method::POST, &path).await?;
            terminal::say("its sequences begin again");
        }
        Verb::Try { request, inbox } => {
            let inbox = inbox.map_or(String::new(), |inbox| format!("?inbox={}", encoded(&inbox)));
            let tried: ResponsePreview = api.get(&format!("/requests/{}/answering{inbox}", encoded(&request))).await?;
            if context.json {
                terminal::json(&tried);
                return Ok(());
            }
            for one in &tried.considered {
                let sign = if one.answers { '>' } else { ' ' };
                terminal::line(&format!("{sign} {}  {}", terminal::shown(&one.name), terminal::shown(&one.why)));
            }
            if let Some(response) = &tried.answer {
                terminal::line(&format!("  {}", response_line(response)));
            }
        }
    }
    Ok(())
}

async fn add_rule(api: &Api, context: &Context, add: Add) -> Result<(), CliError> {
    let Add { inbox, name, when, at, sequence: listed, per, at_end, answer } = add;
    let answers = if listed.is_empty() {
        let mut one = InboxResponse::default();
        answer.apply(api, &mut one).await?;
        vec![one]
    } else {
        sequence(&listed, answer.drip_over)?
    };
    let rule = ResponseRule {
        id: String::new(),
        name: name.unwrap_or_default(),
        enabled: true,
        when: when.unwrap_or_default(),
        answers,
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
    Ok(())
}

async fn rules(api: &Api, inbox: &str) -> Result<Vec<ResponseRule>, CliError> {
    let inbox: Inbox = api.get(&format!("/inboxes/{}", encoded(inbox))).await?;
    Ok(inbox.rules)
}

async fn save(api: &Api, inbox: &str, rules: &[ResponseRule]) -> Result<Inbox, CliError> {
    api.send(Method::PATCH, &format!("/inboxes/{}", encoded(inbox)), &json!({ "rules": rules })).await
}

/// Position of an item in a list that a person names by its id or its number, from the ids of the list.
pub(super) fn place_of<'i>(ids: impl ExactSizeIterator<Item = &'i str>, named: &str) -> Result<usize, CliError> {
    let count = ids.len();
    let by_number = named.parse::<usize>().ok().filter(|n| (1..=count).contains(n)).map(|n| n - 1);
    let by_id = ids.enumerate().find(|(_, id)| *id == named).map(|(place, _)| place);
    by_number.or(by_id).ok_or_else(|| CliError::Other(format!("there is none {named:?}; the list has {count}")))
}

/// A response in a line.
fn response_line(response: &InboxResponse) -> String {
    let fault = match &response.fault {
        Some(ResponseFault::Drip { over_ms }) => format!(" dripping over {over_ms} ms"),
        Some(ResponseFault::Reset) => " reset".into(),
        Some(ResponseFault::Hang) => " hang".into(),
        Some(ResponseFault::Half) => " half".into(),
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
    let answers: Vec<String> = rule.answers.iter().map(response_line).collect();
    let when = if rule.when.is_empty() { "every request".to_owned() } else { terminal::shown(&rule.when) };
    let off = if rule.enabled { "" } else { " (off)" };
    terminal::line(&format!("{place:>2}. {}{off}  {when}  →  {}", terminal::shown(&rule.name), answers.join(", ")));
}
