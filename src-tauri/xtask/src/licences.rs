//! Licences of all dependencies against the list in deny.toml.

use serde_json::Value;

use crate::shell;

/// An error that names every package whose licence is not on the list.
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
    if refused.is_empty() { Ok(()) } else { Err(format!("licences not in deny.toml:\n  {}", refused.join("\n  "))) }
}

/// Whether an SPDX expression can be met by the allowed licences. `/` is an old way to write OR.
fn permits(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    !rest.is_empty() && either(&mut rest, allowed) && rest.is_empty()
}

fn either(tokens: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = both(tokens, allowed);
    while let ["OR", rest @ ..] = *tokens {
        *tokens = rest;
        met |= both(tokens, allowed);
    }
    met
}

fn both(tokens: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = one(tokens, allowed);
    while let ["AND", rest @ ..] = *tokens {
        *tokens = rest;
        met &= one(tokens, allowed);
    }
    met
}

fn one(tokens: &mut &[&str], allowed: &[&str]) -> bool {
    match *tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let met = either(tokens, allowed);
            if let [")", rest @ ..] = *tokens {
                *tokens = rest;
            }
            met
        }
        [id, "WITH", exception, rest @ ..] => {
            *tokens = rest;
            allowed.contains(&format!("{id} WITH {exception}").as_str()) || allowed.contains(id)
        }
        [id, rest @ ..] => {
            *tokens = rest;
            allowed.contains(id)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::permits;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
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
