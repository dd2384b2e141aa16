//! Complete webhook handlers, with the verification code of a vendor.

use std::collections::BTreeSet;

use hookbench_model::CodeSample;
use hookbench_provider::{Places, Provider};
use hookbench_signature::{Place, Scheme, Source};
use minijinja::context;
use serde::Serialize;

use crate::{
    literal,
    template::Template,
    verification::{self, Language, Plan, is_plain},
};

/// Maximum number of event types in a handler.
const EVENTS_MAX: usize = 40;

/// Framework of a handler.
struct Framework {
    /// Name in the API.
    id: &'static str,
    /// Display name.
    name: &'static str,
    /// Language of the verification code.
    language: Language,
    template: Template,
}

const FRAMEWORKS: &[Framework] = &[
    Framework {
        id: "express",
        name: "Express",
        language: verification::NODE,
        template: Template {
            source: include_str!("templates/express.mjs"),
            literal: |text| literal::JAVASCRIPT.literal('"', text),
        },
    },
    Framework {
        id: "fastapi",
        name: "FastAPI",
        language: verification::PYTHON,
        template: Template {
            source: include_str!("templates/fastapi.py"),
            literal: |text| literal::PYTHON.literal('"', text),
        },
    },
    Framework {
        id: "php",
        name: "PHP",
        language: verification::PHP,
        template: Template { source: include_str!("templates/handler.php"), literal: literal::php_single },
    },
    Framework {
        id: "go",
        name: "Go",
        language: verification::GO,
        template: Template {
            source: include_str!("templates/handler.go"),
            literal: |text| literal::GO.literal('"', text),
        },
    },
];

/// Imports of a Go handler in addition to those of the verification code.
const GO_IMPORTS: &[&str] = &["bytes", "encoding/json", "errors", "fmt", "io", "log", "net/http", "os"];

/// Field of the request that a handler reads.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Field {
    Header {
        name: String,
    },
    /// Scalar of the JSON body.
    Json {
        steps: Vec<String>,
    },
    /// Several fields as one text, which is absent unless all fields are present.
    Joined {
        values: Vec<Field>,
    },
}

impl Field {
    /// Returns the field, or `None` for a place that handlers do not support.
    fn new(source: &Source) -> Option<Self> {
        match source.place {
            Place::Header => {
                let name = source.name.split('|').next().filter(|name| is_plain(name))?;
                Some(Self::Header { name: name.to_owned() })
            }
            Place::Json => {
                let steps: Vec<String> = source.name.split('.').map(str::to_owned).collect();
                let plain = |step: &String| !step.is_empty() && !step.contains(['[', ']', '*']) && is_plain(step);
                steps.iter().all(plain).then_some(Self::Json { steps })
            }
            _ => None,
        }
    }

    /// Returns the first place of several that a handler can read.
    fn first(places: &[Places]) -> Option<Self> {
        places.iter().find_map(|place| {
            let mut values: Vec<Self> = place.sources().iter().map(Self::new).collect::<Option<_>>()?;
            match values.len() {
                1 => values.pop(),
                _ => Some(Self::Joined { values }),
            }
        })
    }
}

impl Framework {
    fn handler(&self, provider: &Provider, scheme: Option<&Scheme>) -> Option<CodeSample> {
        let event_type = Field::first(&provider.event_type);
        let event_id = Field::first(&provider.event_id);
        let joins = [&event_type, &event_id].iter().any(|field| matches!(field, Some(Field::Joined { .. })));
        let mut imports = GO_IMPORTS.to_vec();
        // An unused import is an error in Go.
        imports.extend(event_id.is_some().then_some("sync"));
        imports.extend(joins.then_some("strings"));
        imports.sort_unstable();
        let plan = match scheme {
            Some(scheme) => Some(Plan::new(scheme)?),
            None => None,
        };
        let verify = match &plan {
            Some(plan) => Some(plan.code(&provider.name, &self.language, &imports)?),
            None => None,
        };
        let arguments = plan.as_ref().map(Plan::arguments).unwrap_or_default();
        let params = scheme.filter(|_| arguments.contains(&"params")).map(Scheme::params).unwrap_or_default();
        let sending = provider.sending.as_ref();
        // A handler contains a branch for each event type, of which an imported catalogue can have hundreds.
        let mut kinds = BTreeSet::new();
        let events = sending.iter().flat_map(|sending| &sending.events);
        let events = events.filter(|event| kinds.insert(event.sent_as())).take(EVENTS_MAX);
        let traps = sending.iter().flat_map(|sending| &sending.traps);
        let context = context! {
            vendor => provider.name,
            id => provider.id,
            verify,
            imports,
            joins,
            event_type,
            event_id,
            arguments,
            params,
            timestamp => plan.as_ref().is_some_and(Plan::has_timestamp),
            events => events.map(|event| context! { kind => event.sent_as(), about => event.about }).collect::<Vec<_>>(),
            traps => traps.map(|trap| trap.warning.as_str()).collect::<Vec<_>>(),
            handshakes => provider.handshakes.iter().map(|handshake| handshake.name.as_str()).collect::<Vec<_>>(),
        };
        let code = self.template.render(context).ok()? + "\n";
        Some(CodeSample { language: self.id.into(), name: self.name.into(), code })
    }
}

/// Returns a webhook handler for a vendor in every framework that supports the vendor. `scheme` is the signature scheme
/// of the vendor's requests, or `None` for unsigned requests.
pub fn handlers(provider: &Provider, scheme: Option<&Scheme>) -> Vec<CodeSample> {
    FRAMEWORKS.iter().filter_map(|framework| framework.handler(provider, scheme)).collect()
}
