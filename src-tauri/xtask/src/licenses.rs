//! Check of the licenses of all dependencies against the list in deny.toml.

use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};

use crate::shell;

/// Checks the licenses of all crates and npm packages.
///
/// # Errors
///
/// Names every package whose license is not in the list.
pub(crate) fn check() -> Result<(), String> {
    let deny: toml::Table = std::fs::read_to_string(shell::root().join("deny.toml"))
        .map_err(|e| e.to_string())?
        .parse()
        .map_err(|e| format!("deny.toml: {e}"))?;
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().into_iter().flatten().filter_map(toml::Value::as_str).collect();
    let metadata: Value =
        serde_json::from_str(&shell::output("cargo", &["metadata", "--format-version", "1", "--locked"])?)
            .map_err(|e| e.to_string())?;
    let mut refused = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let licence = package["license"].as_str().unwrap_or_default();
        if !permits(licence, &allowed) {
            refused.push(format!("{} {}: {licence:?}", package["name"], package["version"]));
        }
    }
    let lock: Value =
        serde_json::from_slice(&std::fs::read(shell::root().join("package-lock.json")).map_err(|e| e.to_string())?)
            .map_err(|e| e.to_string())?;
    for (path, package) in lock["packages"].as_object().into_iter().flatten() {
        let shipped = package["dev"] != true && package["link"] != true && path.starts_with("node_modules/");
        let licence = package["license"].as_str().unwrap_or_default();
        if shipped && !permits(licence, &allowed) {
            refused.push(format!("{path}: {licence:?}"));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(format!("licenses not in deny.toml:\n  {}", refused.join("\n  "))) }
}

/// Returns true if the allowed licenses satisfy an SPDX expression. The old `/` for OR is accepted.
fn permits(expression: &str, allowed: &[&str]) -> bool {
    let allows = |requirement: &LicenseReq| {
        let whole = requirement.to_string();
        // An exception only adds permissions, so the bare license is sufficient.
        let bare = whole.split(" WITH ").next().unwrap_or_default();
        allowed.contains(&whole.as_str()) || allowed.contains(&bare)
    };
    Expression::parse_mode(expression, ParseMode::LAX).is_ok_and(|parsed| parsed.evaluate(allows))
}

#[cfg(test)]
mod tests {
    use super::permits;

    #[test]
    fn evaluates_spdx_expressions() {
        let allowed = ["MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"];
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(MIT OR GPL-2.0) AND ISC",
            "Apache-2.0 WITH LLVM-exception",
            "MIT AND ISC",
        ] {
            assert!(permits(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-2.0", "MIT ISC"] {
            assert!(!permits(bad, &allowed), "{bad}");
        }
    }
}
