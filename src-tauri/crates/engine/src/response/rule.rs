//! Response rules: validation and compilation.

use hookbench_model::ResponseRule;
use hookbench_query::{Place, Query};

/// Maximum number of rules of an inbox, and of responses of a rule.
const RULES_MAX: usize = 100;
const RESPONSES_MAX: usize = 50;

/// Maximum length of a rule's name or query, in bytes.
const TEXT_MAX: usize = 4 * 1024;

/// Response rules of an inbox, with parsed queries.
#[derive(Debug, Default)]
pub struct CompiledRules {
    /// Rules, each with the parsed query.
    pub rules: Vec<(ResponseRule, Query)>,
    pub(crate) status_by_path: bool,
}

/// Parses the condition of a rule or a forward.
///
/// # Errors
/// Returns a message if the query cannot be parsed, or uses a field that is not available when a request arrives.
pub fn known_on_arrival(when: &str) -> Result<Query, String> {
    if when.len() > TEXT_MAX {
        return Err(format!("A condition must be at most {TEXT_MAX} bytes."));
    }
    let query = Query::parse(when).map_err(|error| format!("Invalid condition {when:?}: {error}"))?;
    for (term, _) in query.terms() {
        if let Place::Field(field) = &term.place
            && ["id", "status", "app", "note", "source", "pinned", "unread", "duplicate", "schema"]
                .contains(&field.name)
        {
            return Err(format!(
                "The field {:?} cannot be used here, because its value is not available when a request arrives. Remove the field.",
                field.name
            ));
        }
    }
    Ok(query)
}

/// Validates rules, and sets the id of those that have none.
///
/// # Errors
/// Returns a message that describes the first invalid rule.
pub fn check_rules(rules: &mut [ResponseRule]) -> Result<(), String> {
    if rules.len() > RULES_MAX {
        return Err(format!("An inbox can have at most {RULES_MAX} rules."));
    }
    for place in 0..rules.len() {
        let rule = &rules[place];
        let wrong = |why: String| format!("Rule {} ({}): {why}", place + 1, rule.shown_name());
        known_on_arrival(&rule.when).map_err(wrong)?;
        if rule.name.len() > TEXT_MAX || rule.id.len() > TEXT_MAX {
            return Err(wrong(format!("A name must be at most {TEXT_MAX} bytes.")));
        }
        if rule.responses.is_empty() || rule.responses.len() > RESPONSES_MAX {
            return Err(wrong(format!("A rule must have between 1 and {RESPONSES_MAX} responses.")));
        }
        for response in &rule.responses {
            super::check(response).map_err(wrong)?;
        }
        if rules[place].id.is_empty() || rules[..place].iter().any(|other| other.id == rules[place].id) {
            rules[place].id = uuid::Uuid::now_v7().to_string();
        }
    }
    Ok(())
}

/// Compiles stored rules. Omits and logs rules that can no longer be parsed.
pub fn compile_rules(rules: &[ResponseRule], status_by_path: bool) -> CompiledRules {
    let compiled = rules.iter().filter_map(|rule| match known_on_arrival(&rule.when) {
        Ok(query) => Some((rule.clone(), query)),
        Err(why) => {
            tracing::warn!(rule = rule.shown_name(), why, "a response rule cannot be parsed and is ignored");
            None
        }
    });
    CompiledRules { rules: compiled.collect(), status_by_path }
}
