//! Code that verifies a vendor's signatures.
//!
//! A [`Plan`] says in no language what the code does, and a template per language writes it.

mod language;
mod part;
mod plan;

pub(crate) use language::{GO, Language, NODE, PHP, PYTHON};
pub(crate) use plan::{Plan, is_plain};

use hookbench_model::CodeSample;
use hookbench_signature::Scheme;

/// Returns the code that verifies a vendor's scheme, in every language it can be written in: none for
/// JWT, for RSA-PSS, and for schemes with a rule of their own.
pub fn samples(vendor: &str, scheme: &Scheme) -> Vec<CodeSample> {
    let Some(plan) = Plan::new(scheme) else { return Vec::new() };
    let sample = |language: &Language| {
        let code = plan.code(vendor, language, &[])?;
        Some(CodeSample { language: language.id.into(), name: language.name.into(), code })
    };
    language::LANGUAGES.iter().filter_map(sample).collect()
}

#[cfg(test)]
mod tests;
