//! Code that verifies the signatures of a vendor.
//!
//! A [`Plan`] is the language-independent description of the code, and one template per language renders it.

mod language;
mod part;
mod plan;

pub(crate) use language::{GO, Language, NODE, PHP, PYTHON};
pub(crate) use plan::{Plan, is_plain};

use hookbench_model::CodeSample;
use hookbench_signature::Scheme;

/// Returns code that verifies a signature scheme of a vendor, in every language that supports the scheme. There is no
/// code for JWT, RSA-PSS and vendor-specific schemes.
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
