//! Whole receiving handlers in a framework: a vendor's verifying code with everything around it.

use hookline_model::CodeSample;
use hookline_provider::{Places, Provider};
use hookline_signature::{Place, Scheme, Source};
use minijinja::{Environment, context};

use crate::verification::{Language, comment, go, is_plain, literal, node, php, python, rendered};

/// A framework handlers are written for.
struct Framework {
    /// Its name in the API.
    id: &'static str,
    /// Its name for people.
    name: &'static str,
    language: &'static Language,
    template: &'static str,
    /// What it takes in beside what the verifying code does; only Go has one list of them.
    imports: &'static [&'static str],
    /// A header's value; it need not be there.
    header: fn(&str) -> String,
    /// A scalar of the payload; it need not be there.
    field: fn(&[&str]) -> String,
    /// A text as a literal.
    literal: fn(&str) -> String,
}

const FRAMEWORKS: &[Framework] = &[
    Framework {
        id: "express",
        name: "Express",
        language: &node::LANGUAGE,
        template: include_str!("handlers/express.mjs"),
        imports: &[],
        header: |name| format!("request.headers[{}]", literal(&name.to_lowercase())),
        field: |path| {
            let steps: String = path.iter().map(|step| format!("?.[{}]", literal(step))).collect();
            format!("payload{steps}")
        },
        literal,
    },
    Framework {
        id: "fastapi",
        name: "FastAPI",
        language: &python::LANGUAGE,
        template: include_str!("handlers/fastapi.py"),
        imports: &[],
        header: |name| format!("request.headers.get({})", literal(&name.to_lowercase())),
        field: |path| format!("field(payload, {})", listed(path)),
        literal,
    },
    Framework {
        id: "php",
        name: "PHP",
        language: &php::LANGUAGE,
        template: include_str!("handlers/handler.php"),
        imports: &[],
        header: |name| format!("($headers[{}] ?? null)", single_quoted(&name.to_lowercase())),
        field: |path| {
            let steps: String = path.iter().map(|step| format!("[{}]", single_quoted(step))).collect();
            format!("($payload{steps} ?? null)")
        },
        literal: single_quoted,
    },
    Framework {
        id: "go",
        name: "Go",
        language: &go::LANGUAGE,
        template: include_str!("handlers/handler.go"),
        imports: &["bytes", "encoding/json", "errors", "fmt", "io", "log", "net/http", "os"],
        header: |name| format!("r.Header.Get({})", literal(name)),
        field: |path| format!("field(payload, {})", listed(path)),
        literal,
    },
];

/// A text in single quotes, in which PHP reads nothing but itself.
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The environment variable a setting is read from.
fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn listed(path: &[&str]) -> String {
    path.iter().map(|step| literal(step)).collect::<Vec<_>>().join(", ")
}

impl Framework {
    /// A value of the request; none for a place no handler reads.
    fn value(&self, source: &Source) -> Option<String> {
        let plain = |step: &&str| !step.is_empty() && !step.contains(['[', ']', '*']) && is_plain(step);
        match source.place {
            Place::Header => source.name.split('|').next().filter(|name| is_plain(name)).map(self.header),
            Place::Json => {
                let path: Vec<&str> = source.name.split('.').collect();
                path.iter().all(plain).then(|| (self.field)(&path))
            }
            _ => None,
        }
    }

    /// The first place of several that can be read.
    fn first(&self, places: &[Places]) -> Option<String> {
        places.iter().find_map(|place| {
            let values: Vec<String> = place.sources().iter().map(|source| self.value(source)).collect::<Option<_>>()?;
            match values.as_slice() {
                [one] => Some(one.clone()),
                several => Some(format!("joined({})", several.join(", "))),
            }
        })
    }

    fn handler(&self, provider: &Provider, scheme: Option<&Scheme>) -> Option<CodeSample> {
        let event_type = self.first(&provider.event_type);
        let event_id = self.first(&provider.event_id);
        let joins = event_type.iter().chain(&event_id).any(|expression| expression.starts_with("joined("));
        let mut imports = self.imports.to_vec();
        // Only Go minds what is taken in and not used.
        imports.extend((event_id.is_some() && !imports.is_empty()).then_some("sync"));
        imports.extend((joins && !imports.is_empty()).then_some("strings"));
        let verify = match scheme {
            Some(scheme) => Some(rendered(&provider.name, scheme, self.language, &imports)?),
            None => None,
        };
        let sending = provider.sending.as_ref();
        let events: Vec<_> = sending
            .iter()
            .flat_map(|sending| &sending.events)
            .map(|event| context! { kind => event.kind, about => event.about })
            .collect();
        let traps: Vec<&str> =
            sending.iter().flat_map(|sending| &sending.traps).map(|trap| trap.warning.as_str()).collect();
        let takes = |name: &str| {
            let head = verify.iter().flat_map(|code| code.lines()).find(|line| line.to_lowercase().contains("verify("));
            head.is_some_and(|line| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == name))
        };
        imports.sort_unstable();
        let mut environment = Environment::new();
        environment.add_filter("literal", self.literal);
        environment.add_filter("comment", |text: &str| comment(text));
        environment.add_filter("variable", |text: &str| variable(text));
        let code = environment
            .render_str(
                self.template,
                context! {
                    vendor => provider.name,
                    verify => verify.as_deref().map(str::trim_end),
                    imports,
                    id => provider.id,
                    joins,
                    event_type,
                    event_id,
                    events,
                    traps,
                    handshakes => provider.handshakes.iter().map(|handshake| handshake.name.as_str()).collect::<Vec<_>>(),
                    url => takes("url"),
                    path => takes("path"),
                    method => takes("method"),
                    now => takes("now"),
                    params => if takes("params") { scheme.map(Scheme::params).unwrap_or_default() } else { Vec::new() },
                },
            )
            .ok()?;
        Some(CodeSample { language: self.id.into(), name: self.name.into(), code: code.trim_end().to_owned() + "\n" })
    }
}

/// A receiving handler for a vendor in every framework it can be written for; `scheme` is how its
/// requests are signed, where they are.
pub fn handlers(provider: &Provider, scheme: Option<&Scheme>) -> Vec<CodeSample> {
    FRAMEWORKS.iter().filter_map(|framework| framework.handler(provider, scheme)).collect()
}
