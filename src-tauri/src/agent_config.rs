//! Configuration files of coding agents: where each agent keeps its MCP servers, and how an entry is added.

use serde_json::{Map, Value, json};

/// Name of the server in the configuration of an agent.
const SERVER: &str = "hookbench";

/// Form of a configuration file.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// JSON with an object of servers under this key, each with `command` and `args`.
    Servers(&'static str),
    /// JSON with an object of servers under `mcp`, each with `type` and one list of the command and its arguments.
    OneList,
    /// TOML with a table `mcp_servers.hookbench`.
    Toml,
}

/// Where an agent keeps its MCP servers.
pub(crate) struct Agent {
    /// Name in the command line.
    pub(crate) id: &'static str,
    /// Name for display.
    pub(crate) name: &'static str,
    form: Form,
    /// File in the folder of a project.
    pub(crate) project: Option<&'static str>,
    /// File in the home folder.
    pub(crate) home: Option<&'static str>,
}

/// The agents, with the files that their documentation names.
pub(crate) const AGENTS: &[Agent] = &[
    Agent {
        id: "claude-code",
        name: "Claude Code",
        form: Form::Servers("mcpServers"),
        project: Some(".mcp.json"),
        home: None,
    },
    Agent {
        id: "codex",
        name: "Codex",
        form: Form::Toml,
        project: Some(".codex/config.toml"),
        home: Some(".codex/config.toml"),
    },
    Agent {
        id: "cursor",
        name: "Cursor",
        form: Form::Servers("mcpServers"),
        project: Some(".cursor/mcp.json"),
        home: Some(".cursor/mcp.json"),
    },
    Agent {
        id: "gemini",
        name: "Gemini CLI",
        form: Form::Servers("mcpServers"),
        project: Some(".gemini/settings.json"),
        home: Some(".gemini/settings.json"),
    },
    Agent {
        id: "opencode",
        name: "OpenCode",
        form: Form::OneList,
        project: Some("opencode.json"),
        home: Some(".config/opencode/opencode.json"),
    },
    Agent {
        id: "vscode",
        name: "VS Code",
        form: Form::Servers("servers"),
        project: Some(".vscode/mcp.json"),
        home: None,
    },
    Agent {
        id: "windsurf",
        name: "Windsurf",
        form: Form::Servers("mcpServers"),
        project: None,
        home: Some(".codeium/windsurf/mcp_config.json"),
    },
    Agent {
        id: "zed",
        name: "Zed",
        form: Form::Servers("context_servers"),
        project: Some(".zed/settings.json"),
        home: Some(".config/zed/settings.json"),
    },
];

impl Agent {
    /// Returns the text of the configuration file with an entry for the server. All else stays as it is.
    ///
    /// # Errors
    /// Returns a reason if the file cannot be changed safely.
    pub(crate) fn with_server(&self, was: &str, command: &[String]) -> Result<String, String> {
        with_entry(self.form, was, &entry(self.form, command))
    }

    /// Returns the entry as text of a file that contains nothing else.
    pub(crate) fn entry(&self, command: &[String]) -> String {
        shown(self.form, &entry(self.form, command))
    }
}

fn entry(form: Form, command: &[String]) -> Value {
    match form {
        Form::Servers("servers") => json!({ "type": "stdio", "command": command[0], "args": command[1..] }),
        Form::Servers(_) | Form::Toml => json!({ "command": command[0], "args": command[1..] }),
        Form::OneList => json!({ "type": "local", "command": command, "enabled": true }),
    }
}

/// Returns the entry as text of its file.
fn shown(form: Form, entry: &Value) -> String {
    let whole = match form {
        Form::Toml => return toml_entry(entry),
        Form::Servers(key) => json!({ key: { SERVER: entry } }),
        Form::OneList => json!({ "mcp": { SERVER: entry } }),
    };
    serde_json::to_string_pretty(&whole).unwrap_or_default()
}

fn toml_entry(entry: &Value) -> String {
    // A JSON text is also a TOML text, and a list of JSON texts also a TOML list.
    format!("[mcp_servers.{SERVER}]\ncommand = {}\nargs = {}\n", entry["command"], entry["args"])
}

/// Returns the text of a file with the entry. All else stays as it is.
///
/// # Errors
/// Returns a reason if the file cannot be changed safely.
fn with_entry(form: Form, was: &str, entry: &Value) -> Result<String, String> {
    let key = match form {
        Form::Servers(key) => key,
        Form::OneList => "mcp",
        Form::Toml => {
            let text = toml_entry(entry);
            return match was.contains(&text) {
                true => Ok(was.to_owned()),
                false if was.contains(&format!("mcp_servers.{SERVER}")) => {
                    Err("the file has another entry for hookbench".into())
                }
                false if was.trim().is_empty() => Ok(text),
                false => Ok(format!("{}\n\n{text}", was.trim_end())),
            };
        }
    };
    let mut whole: Value = match was.trim() {
        "" => json!({}),
        text => serde_json::from_str(text).map_err(|error| format!("the file is not plain JSON: {error}"))?,
    };
    let members = whole.as_object_mut().ok_or("the file is not a JSON object")?;
    let servers = members.entry(key).or_insert_with(|| Value::Object(Map::new()));
    let servers = servers.as_object_mut().ok_or_else(|| format!("`{key}` is not an object"))?;
    if servers.get(SERVER) == Some(entry) {
        return Ok(was.to_owned());
    }
    servers.insert(SERVER.to_owned(), entry.clone());
    let text = serde_json::to_string_pretty(&whole).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}
