//! Rules: which requests are answered in another way, and how.

use hookbench_model::ResponseRule;
use hookbench_query::{Place, Query};

/// Most rules of one inbox, and most answers of one rule.
const RULES_MAX: usize = 100;
const ANSWERS_MAX: usize = 50;

/// Longest name and query of a rule, in bytes.
const TEXT_MAX: usize = 4 * 1024;

/// What is asked of each request an inbox gets, ready to be asked.
#[derive(Debug, Default)]
pub struct Answering {
    /// The rules, each with its parsed query.
    pub rules: Vec<(ResponseRule, Query)>,
    pub(crate) status_by_path: bool,
}

/// A query about a request that has just arrived, or what of it is not known then.
pub fn known_on_arrival(when: &str) -> Result<Query, String> {
    if when.len() > TEXT_MAX {
        return Err(format!("A condition has at most {TEXT_MAX} bytes."));
    }
    let query = Query::parse(when).map_err(|error| format!("{when:?} does not read: {error}"))?;
    for (term, _) in query.terms() {
        if let Place::Field(field) = &term.place
            && ["id", "status", "note", "source", "pinned", "unread", "duplicate"].contains(&field.name)
        {
            return Err(format!("{:?} is not known of a request that has just arrived; leave it out.", field.name));
        }
    }
    Ok(query)
}

/// What is wrong with some rules, if anything is. Those without an id get one.
pub fn check_rules(rules: &mut [ResponseRule]) -> Result<(), String> {
    if rules.len() > RULES_MAX {
        return Err(format!("An inbox has at most {RULES_MAX} rules."));
    }
    for place in 0..rules.len() {
        let rule = &rules[place];
        let wrong = |why: String| format!("Rule {} ({}): {why}", place + 1, rule.shown_name());
        known_on_arrival(&rule.when).map_err(wrong)?;
        if rule.name.len() > TEXT_MAX || rule.id.len() > TEXT_MAX {
            return Err(wrong(format!("A name has at most {TEXT_MAX} bytes.")));
        }
        if rule.answers.is_empty() || rule.answers.len() > ANSWERS_MAX {
            return Err(wrong(format!("It has from 1 to {ANSWERS_MAX} answers.")));
        }
        for answer in &rule.answers {
            super::check(answer).map_err(wrong)?;
        }
        if rules[place].id.is_empty() || rules[..place].iter().any(|other| other.id == rules[place].id) {
            rules[place].id = uuid::Uuid::now_v7().to_string();
        }
    }
    Ok(())
}

/// Rules as they were saved, ready to be asked; what no longer reads is left out and said in the log.
pub fn compile_rules(rules: &[ResponseRule], status_by_path: bool) -> Answering {
    let compiled = rules.iter().filter_map(|rule| match known_on_arrival(&rule.when) {
        Ok(query) => Some((rule.clone(), query)),
        Err(why) => {
            tracing::warn!(rule = rule.shown_name(), why, "a rule does not read");
            None
        }
    });
    Answering { rules: compiled.collect(), status_by_path }
}
