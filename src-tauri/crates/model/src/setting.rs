//! Single settings, named by their path, such as `retention.days`.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Settings, did_you_mean};

/// A setting that is not an object: its path and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Path, such as `retention.days`.
    pub name: String,
    /// Value as text: a string without quotes, or JSON.
    pub value: String,
}

/// Changes of some settings, in the form that the API accepts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SettingsPatch(Value);

/// Lists all settings in their order. With `under`, lists only the setting of this name, or those below it.
///
/// # Errors
///
/// Returns a sentence with the most similar name if there is no such setting.
pub fn list_settings(settings: &Settings, under: Option<&str>) -> Result<Vec<Setting>, String> {
    let all = leaves("", &serde_json::to_value(settings).unwrap_or_default());
    let Some(name) = under else { return Ok(all) };
    let below = format!("{name}.");
    let (found, others): (Vec<Setting>, Vec<Setting>) =
        all.into_iter().partition(|setting| setting.name == name || setting.name.starts_with(&below));
    match found.is_empty() {
        false => Ok(found),
        true => {
            let suggestion = did_you_mean(name, others.iter().map(|setting| setting.name.as_str()));
            Err(format!("there is no setting {name:?}.{suggestion} `hookbench config get` lists all settings"))
        }
    }
}

/// Builds a patch from names and values. A value is JSON, or else text, so that addresses need no quotes.
pub fn settings_patch<'a>(assignments: impl IntoIterator<Item = (&'a str, &'a str)>) -> SettingsPatch {
    let mut patch = Value::Object(Map::new());
    for (name, value) in assignments {
        let mut place = &mut patch;
        for part in name.split('.') {
            place = &mut place[part];
        }
        *place = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    }
    SettingsPatch(patch)
}

fn leaves(path: &str, value: &Value) -> Vec<Setting> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match path {
                "" => leaves(name, value),
                path => leaves(&format!("{path}.{name}"), value),
            })
            .collect(),
        Value::String(text) => vec![Setting { name: path.to_owned(), value: text.clone() }],
        value => vec![Setting { name: path.to_owned(), value: value.to_string() }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_setting_by_its_path() {
        let all = list_settings(&Settings::default(), None).expect("all");
        let shown: Vec<String> = all.iter().map(|setting| format!("{}={}", setting.name, setting.value)).collect();
        for expected in ["listen=127.0.0.1:4665", "retention.days=null", "search_index=true"] {
            assert!(shown.iter().any(|setting| setting == expected), "{shown:?}");
        }
        let retention = list_settings(&Settings::default(), Some("retention")).expect("retention");
        assert!(retention.len() > 3 && retention.iter().all(|setting| setting.name.starts_with("retention.")));
        let error = list_settings(&Settings::default(), Some("retention.day")).expect_err("unknown");
        assert!(error.contains("Did you mean \"retention.days\"?"), "{error}");
    }

    #[test]
    fn builds_a_patch_from_assignments() {
        let patch =
            settings_patch([("retention.days", "30"), ("listen", "127.0.0.1:4700"), ("retention.bytes", "null")]);
        let expected = serde_json::json!({ "retention": { "days": 30, "bytes": null }, "listen": "127.0.0.1:4700" });
        assert_eq!(patch, SettingsPatch(expected));
    }
}
