use http::Method;
use serde_json::{Value, json};

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

/// The answers of a sequence: each a status or a fault.
fn sequence(listed: &[String], drip_over: u32) -> Result<Vec<Value>, CliError> {
    let one = |word: &String| match (word.parse::<u16>(), word.as_str()) {
        (Ok(status), _) => Ok(json!({ "status": status })),
        (_, "reset" | "hang" | "garbage") => Ok(json!({ "fault": fault(word, drip_over) })),
        (_, "half" | "drip") => Ok(json!({ "fault": fault(word, drip_over), "body": "0123456789" })),
        _ => Err(CliError::Other(format!("{word:?} is neither a status nor one of reset, hang, half, drip, garbage"))),
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
        Verb::Add(add) => {
            let Add { inbox, name, when, at, sequence: listed, per, at_end, answer } = *add;
            let answers = if listed.is_empty() {
                let mut one = json!({});
                answer.lay_over(api, &mut one).await?;
                vec![one]
            } else {
                sequence(&listed, answer.drip_over)?
            };
            let rule = json!({ "name": name.unwrap_or_default(), "when": when.unwrap_or_default(), "answers": answers, "per": per, "at_end": at_end });
            let mut all = rules(api, &inbox).await?;
            let place = at.map_or(all.len(), |at| at.saturating_sub(1).min(all.len()));
            all.insert(place, rule);
            let saved = save(api, &inbox, all).await?;
            print(context, place + 1, &saved["rules"][place]);
        }
        Verb::Remove { inbox, rule } => {
            let mut all = rules(api, &inbox).await?;
            all.remove(place_of(&all, &rule)?);
            save(api, &inbox, all).await?;
            terminal::say(&format!("the rule is removed from {inbox}"));
        }
        Verb::Restart { inbox, rule } => {
            let all = rules(api, &inbox).await?;
            let id = all[place_of(&all, &rule)?]["id"].as_str().unwrap_or_default().to_owned();
            api.bytes(Method::POST, &format!("/inboxes/{}/rules/{}/restart", encoded(&inbox), encoded(&id)), None)
                .await?;
            terminal::say("its sequences begin again");
        }
        Verb::Try { request, inbox } => {
            let inbox = inbox.map_or(String::new(), |inbox| format!("?inbox={}", encoded(&inbox)));
            let tried: Value = api.get(&format!("/requests/{}/answering{inbox}", encoded(&request))).await?;
            if context.json {
                terminal::json(&tried);
                return Ok(());
            }
            let text = |value: &Value| terminal::shown(value.as_str().unwrap_or_default());
            for one in tried["considered"].as_array().into_iter().flatten() {
                let sign = if one["answers"] == true { '>' } else { ' ' };
                terminal::line(&format!("{sign} {}  {}", text(&one["name"]), text(&one["why"])));
            }
            if tried["answer"].is_object() {
                terminal::line(&format!("  {}", answer_line(&tried["answer"])));
            }
        }
    }
    Ok(())
}

async fn rules(api: &Api, inbox: &str) -> Result<Vec<Value>, CliError> {
    let inbox: Value = api.get(&format!("/inboxes/{}", encoded(inbox))).await?;
    Ok(inbox["rules"].as_array().cloned().unwrap_or_default())
}

async fn save(api: &Api, inbox: &str, rules: Vec<Value>) -> Result<Value, CliError> {
    api.json(Method::PATCH, &format!("/inboxes/{}", encoded(inbox)), Some(json!({ "rules": rules }))).await
}

/// Where something stands in a list that a person names by its id or its number.
pub(super) fn place_of(all: &[Value], named: &str) -> Result<usize, CliError> {
    let by_number = named.parse::<usize>().ok().filter(|n| (1..=all.len()).contains(n)).map(|n| n - 1);
    by_number
        .or_else(|| all.iter().position(|one| one["id"] == named))
        .ok_or_else(|| CliError::Other(format!("there is none {named:?}; the list has {}", all.len())))
}

/// An answer in a line.
fn answer_line(answer: &Value) -> String {
    let fault = match answer["fault"]["kind"].as_str() {
        Some("drip") => format!(" dripping over {} ms", answer["fault"]["over_ms"]),
        Some(kind) => format!(" {kind}"),
        None => String::new(),
    };
    let delay = if answer["delay_ms"] == 0 { String::new() } else { format!(" after {} ms", answer["delay_ms"]) };
    let body = match (answer["file"]["name"].as_str(), answer["body"].as_str()) {
        (Some(name), _) => format!(" file {}", terminal::shown(name)),
        (None, Some(body)) if !body.is_empty() => format!(" {}", terminal::cut(&terminal::shown(body), 60)),
        _ => String::new(),
    };
    format!("{}{fault}{delay}{body}", answer["status"])
}

fn print(context: &Context, place: usize, rule: &Value) {
    if context.json {
        return terminal::json(rule);
    }
    let text = |key: &str| terminal::shown(rule[key].as_str().unwrap_or_default());
    let answers: Vec<String> = rule["answers"].as_array().into_iter().flatten().map(answer_line).collect();
    let when = if text("when").is_empty() { "every request".to_owned() } else { text("when") };
    let off = if rule["enabled"] == false { " (off)" } else { "" };
    terminal::line(&format!("{place:>2}. {}{off}  {when}  →  {}", text("name"), answers.join(", ")));
}
