//! Scenarios: ordered events of one vendor with delays, about the same objects.

use std::collections::BTreeMap;

use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    BadFile, Catalog,
    catalog::named,
    provider::short,
    sample::{self, Seeds},
};

#[derive(RustEmbed)]
#[folder = "scenarios"]
struct Files;

/// Maximum number of steps in a scenario.
const STEPS_MAX: usize = 1_000;

/// Maximum delay between two steps, in seconds: one day.
const GAP_MAX_S: f64 = 86_400.0;

/// Ordered events of one vendor with delays. One seed generates the values of all samples, so the events refer to the
/// same chat, order or person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    /// Scenario id: name of the file without extension. Empty if the scenario is not a file.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Description, as a sentence.
    pub about: String,
    /// Provider id.
    pub provider: String,
    /// Events in order.
    pub steps: Vec<Step>,
}

/// Event of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Event type.
    pub event: String,
    /// Delay after the previous step or the start, in seconds. From 0 to 86400.
    pub after_s: f64,
    /// Payload with placeholders for generated values.
    pub payload: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    about: String,
    provider: String,
    steps: Vec<FileStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileStep {
    event: String,
    #[serde(default)]
    after_s: f64,
    /// JSON text. The sample of the provider if absent.
    payload: Option<String>,
    /// Values to set in the payload, by paths such as `data.chat.id`.
    #[serde(default)]
    set: BTreeMap<String, Value>,
}

impl Scenario {
    /// Parses a scenario file.
    ///
    /// # Errors
    ///
    /// Returns an error with line and column if the text is not valid TOML, or with the number of the invalid step.
    pub fn parse(id: &str, text: &str, catalog: &Catalog) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| short(&e.to_string()))?;
        let provider = catalog.get(&file.provider).ok_or_else(|| format!("unknown provider: {:?}", file.provider))?;
        if file.name.trim().is_empty() {
            return Err("a scenario must have a name".into());
        }
        if file.steps.is_empty() || file.steps.len() > STEPS_MAX {
            return Err(format!("a scenario must have between 1 and {STEPS_MAX} steps (got {})", file.steps.len()));
        }
        let known = |name: &str| provider.sending.as_ref()?.event(name);
        let step = |(number, step): (usize, FileStep)| {
            let wrong = |why: String| format!("step {} ({}): {why}", number + 1, step.event);
            if !(0.0..=GAP_MAX_S).contains(&step.after_s) {
                return Err(wrong(format!("after_s must be between 0 and {GAP_MAX_S} (got {})", step.after_s)));
            }
            let mut payload = match (&step.payload, known(&step.event)) {
                (Some(text), _) => {
                    serde_json::from_str(text).map_err(|e| wrong(format!("the payload is not JSON: {e}")))?
                }
                (None, Some(event)) => event.sample.value(),
                (None, None) => {
                    return Err(wrong(format!("{} has no event of this type: set a payload", provider.name)));
                }
            };
            for (path, value) in &step.set {
                sample::set(&mut payload, path, value.clone()).map_err(wrong)?;
            }
            match sample::faults(&payload).first() {
                Some(place) => Err(wrong(format!("unknown placeholder: {{{{{place}}}}}"))),
                None => Ok(Step { event: provider.sent_as(&step.event).to_owned(), after_s: step.after_s, payload }),
            }
        };
        Ok(Self {
            id: id.to_owned(),
            name: file.name,
            about: file.about,
            provider: file.provider,
            steps: file.steps.into_iter().enumerate().map(step).collect::<Result<_, _>>()?,
        })
    }

    /// Returns the time from the start to the last event, in seconds.
    pub fn duration_s(&self) -> f64 {
        self.steps.iter().map(|step| step.after_s).sum()
    }
}

impl Step {
    /// Returns the payload with generated values.
    pub fn filled(&self, seeds: &Seeds<'_>) -> Value {
        sample::filled(&self.payload, seeds)
    }
}

/// Loads the built-in scenarios and `files` with custom scenarios, given as names and texts. A custom scenario replaces
/// the built-in scenario with the same id. Returns each scenario with the text of its file, and the files that cannot
/// be loaded.
pub fn scenarios(
    catalog: &Catalog,
    files: impl IntoIterator<Item = (String, String)>,
) -> (BTreeMap<String, (Scenario, String)>, Vec<BadFile>) {
    let shipped = Files::iter().filter_map(|file| {
        let text = String::from_utf8_lossy(&Files::get(&file)?.data).into_owned();
        Some((file.into_owned(), text))
    });
    let (mut all, mut bad) = (BTreeMap::new(), Vec::new());
    for (file, text) in shipped.chain(files) {
        let id = file.strip_suffix(".toml").unwrap_or(&file);
        match named(id).and_then(|()| Scenario::parse(id, &text, catalog)) {
            Ok(scenario) => {
                all.insert(id.to_owned(), (scenario, text));
            }
            Err(reason) => bad.push(BadFile { file: file.clone(), reason }),
        }
    }
    (all, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::load([]).0
    }

    #[test]
    fn founding_vendors_have_scenarios_with_consistent_objects() {
        let catalog = catalog();
        let (all, bad) = scenarios(&catalog, []);
        assert_eq!(bad, []);
        for vendor in ["deway", "flow-session", "onwebchat", "vowchat", "sydx-ai"] {
            assert!(all.values().any(|(scenario, _)| scenario.provider == vendor), "{vendor}");
        }
        let (chat, _) = &all["onwebchat-chat"];
        let kinds: Vec<&str> = chat.steps.iter().map(|step| step.event.as_str()).collect();
        assert_eq!(
            kinds,
            ["chat.created", "message.created", "message.created", "message.created", "chat.closed", "chat.rated"]
        );
        let filled = |at: usize| {
            let seeds = Seeds { seed: 9, step: at as u32, event: kinds[at], id: "x", now_ms: 0 };
            chat.steps[at].filled(&seeds)
        };
        let closed = filled(4);
        for at in 0..chat.steps.len() {
            assert_eq!(filled(at)["data"]["chat"]["id"], closed["data"]["chat"]["id"]);
            assert_eq!(filled(at)["data"]["visitor"], closed["data"]["visitor"]);
        }
        // The transcript must contain the same messages as the events.
        for at in 1..4 {
            let sent = &filled(at)["data"]["message"];
            let kept = &closed["data"]["chat"]["transcript"][at];
            for field in ["id", "author", "text"] {
                assert_eq!(sent[field], kept[field], "{at} {field}");
            }
        }
    }

    #[test]
    fn reports_the_location_of_errors_in_a_file() {
        let catalog = catalog();
        let head = "name = \"n\"\nprovider = \"onwebchat\"\n";
        for (rest, word) in [
            ("", "steps"),
            ("steps = []", "between 1 and"),
            ("[[steps]]\nevent = \"chat.exploded\"", "step 1 (chat.exploded): onWebChat has no event of this type"),
            ("[[steps]]\nevent = \"chat.rated\"\nafter_s = -1", "after_s"),
            ("[[steps]]\nevent = \"chat.rated\"\nafter_s = nan", "after_s"),
            ("[[steps]]\nevent = \"chat.rated\"\npayload = '{'", "not JSON"),
            ("[[steps]]\nevent = \"chat.rated\"\nset = { \"data.chat.id.x\" = 1 }", "not an object"),
            ("[[steps]]\nevent = \"chat.rated\"\nset = { \"data.x\" = \"{{zebra}}\" }", "{{zebra}}"),
            ("[[steps]]\nevent = \"chat.rated\"\nwait = 3", "line 6"),
        ] {
            let error = Scenario::parse("x", &format!("{head}\n{rest}"), &catalog).expect_err(rest);
            assert!(error.contains(word), "{rest:?}: {error}");
        }
        let own = "name = \"n\"\nprovider = \"gitlab\"\n[[steps]]\nevent = \"Push Hook\"\npayload = '{\"a\":\"{{uuid a}}\"}'\nset = { \"b.c\" = 1 }";
        let own = Scenario::parse("x", own, &catalog).expect("valid scenario with a custom payload");
        assert_eq!(own.steps[0].payload["b"]["c"], 1);
        let (_, bad) = scenarios(&catalog, [("No Name.toml".to_owned(), String::new())]);
        assert_eq!(bad.len(), 1);
    }
}
