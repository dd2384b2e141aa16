//! `hookbench agent`: configures coding agents to use the MCP server.

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{Context, error::CliError, terminal};
use crate::agent_config::{AGENTS, Agent};

/// The skill: what an agent should know before it uses the tools or the command line.
const SKILL: &str = include_str!("../../../docs/skills/hookbench/SKILL.md");

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Add the MCP server to the configuration of an agent. Shows the change first
    #[command(after_help = "Examples:\n  hookbench agent install claude-code\n  \
        hookbench agent install codex --home --allow-write")]
    Install(Install),
    /// List the agents and their configuration files
    #[command(after_help = "Examples:\n  hookbench agent list")]
    List,
    /// Print the skill: instructions for agents, in the format SKILL.md
    #[command(after_help = "Examples:\n  hookbench agent skill > .claude/skills/hookbench/SKILL.md")]
    Skill,
}

#[derive(Debug, clap::Args)]
pub(super) struct Install {
    /// Agent; `hookbench agent list` lists them
    #[arg(value_parser = AGENTS.iter().map(|agent| agent.id).collect::<Vec<_>>())]
    agent: String,
    /// Write into the home folder, for all projects, instead of into this folder
    #[arg(long)]
    home: bool,
    /// Let the agent replay, send, check handlers and set responses
    #[arg(long)]
    allow_write: bool,
    /// Do not ask before writing
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Install(args) => install(context, &args),
        Verb::Skill => {
            terminal::line(SKILL.trim_end());
            Ok(())
        }
        Verb::List => {
            for Agent { id, name, project, home, .. } in AGENTS {
                let home = home.map(|home| format!("~/{home}"));
                match context.json {
                    true => terminal::json(&json!({ "id": id, "name": name, "project": project, "home": home })),
                    false => {
                        let files: Vec<&str> = project.iter().copied().chain(home.as_deref()).collect();
                        terminal::line(&format!("{id:<12} {name:<12} {}", files.join(", ")));
                    }
                }
            }
            Ok(())
        }
    }
}

fn install(context: &Context, args: &Install) -> Result<(), CliError> {
    let Some(agent) = AGENTS.iter().find(|agent| agent.id == args.agent) else {
        return Err(CliError::Other(format!("there is no agent {:?}", args.agent)));
    };
    let path = path_of(agent, args.home)?;
    let was = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(CliError::Other(format!("{} cannot be read: {error}", path.display()))),
    };
    let command = command(context, args)?;
    let now = agent.with_server(&was, &command).map_err(|why| {
        CliError::Other(format!("{}: {why}. Add this entry by hand:\n{}", path.display(), agent.entry(&command)))
    })?;
    if now == was {
        terminal::say(&format!("{} already has this entry.", path.display()));
        return Ok(());
    }
    terminal::say(&format!("{}:", path.display()));
    for line in changed_lines(&was, &now) {
        terminal::line(&line);
    }
    if !args.yes && !confirmed()? {
        terminal::say("Nothing was written.");
        return Err(CliError::No);
    }
    write(&path, &now).map_err(|error| CliError::Other(format!("{} cannot be written: {error}", path.display())))?;
    terminal::say(&format!("Wrote {}. Restart {} to load it.", path.display(), agent.name));
    Ok(())
}

/// Asks before a file is written. Without a terminal, `--yes` is required.
fn confirmed() -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Other("nothing was written. Pass --yes to write the file without being asked".into()));
    }
    let _ = write!(std::io::stderr(), "Write it? [y/N] ");
    let mut response = String::new();
    std::io::stdin().read_line(&mut response)?;
    Ok(["y", "yes"].contains(&response.trim().to_ascii_lowercase().as_str()))
}

fn path_of(agent: &Agent, in_home: bool) -> Result<PathBuf, CliError> {
    let home = || {
        let folder = directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned());
        folder.ok_or_else(|| CliError::Other("no home folder was found".into()))
    };
    match (in_home, agent.project, agent.home) {
        (true, _, Some(file)) | (false, None, Some(file)) => Ok(home()?.join(file)),
        (false, Some(file), _) => Ok(std::env::current_dir()?.join(file)),
        (_, _, None) => Err(CliError::Other(format!(
            "{} keeps its servers per project. Run the command in the folder of the project, without --home",
            agent.name
        ))),
    }
}

/// Returns the command that starts the server: this program by its name, if that is on the PATH.
fn command(context: &Context, args: &Install) -> Result<Vec<String>, CliError> {
    let own = std::env::current_exe()?;
    let on_path = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(own.file_name().unwrap_or_default()) == own)
    });
    let program = match own.file_name().filter(|_| on_path) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => own.display().to_string(),
    };
    let mut command = vec![program, "mcp".to_owned()];
    if args.allow_write {
        command.push("--allow-write".into());
    }
    if context.own_data {
        command.extend(["--data".into(), std::path::absolute(&context.data)?.display().to_string()]);
    }
    Ok(command)
}

/// Lists the lines that are new or gone, with a sign in front.
fn changed_lines(was: &str, now: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (was.lines().collect(), now.lines().collect());
    let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = rest.take_while(|(old, new)| old == new).count();
    let signed = |sign: char, lines: &[&str]| -> Vec<String> {
        lines.iter().map(|line| format!("{sign} {}", terminal::shown(line))).collect()
    };
    let mut lines = signed('-', &old[start..old.len() - end]);
    lines.extend(signed('+', &new[start..new.len() - end]));
    lines
}

/// Writes a file as a whole: another program never reads half of it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // A link stays a link, as people who keep such files in version control want.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension("hookbench-new");
    fs::write(&unfinished, text)?;
    if let Ok(about) = fs::metadata(&path) {
        fs::set_permissions(&unfinished, about.permissions())?;
    }
    fs::rename(&unfinished, &path)
}
