//! `hookbench up`, `down` and `export-config`: project files.

mod apply;
mod command;
mod files;
mod lock;

use std::{path::PathBuf, time::Duration};

use hookbench_engine::OwnerKind;
use hookbench_model::{
    EndpointList, EndpointSecretList, Inbox, InboxList, InboxSecretList, ListenerState, ProjectList,
    ProjectResourceType, ScenarioList, Settings, Status, Tunnel, TunnelConnection, TunnelList,
};
use hookbench_project::{Action, Document, Existing, Plan, PlanOptions, PlannedChange, ProjectFile, plan};

use self::files::ProjectFolder;
use super::{Api, Context, error::CliError, listen::OwnEngine, terminal};
use crate::transport::{Transport, encoded};

/// Maximum time until the listener and the tunnels of a project are ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// Interval at which the status is read.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Selection of the project file.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// Project file; a further one overlays those before [default: hookbench.toml here or in a parent folder]
    ///
    /// Without this flag, hookbench.local.toml in the same folder overlays hookbench.toml.
    #[arg(long = "file", short, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Up {
    #[command(flatten)]
    files: Files,
    /// Only show the changes. Exits with 1 if there are any
    #[arg(long, conflicts_with = "command")]
    check: bool,
    /// Trust the commands in the project file until the file changes
    #[arg(long)]
    trust: bool,
    /// Let the file manage inboxes, endpoints and tunnels that were created by hand
    #[arg(long)]
    adopt: bool,
    /// Delete inboxes that are no longer in the file even if requests are stored in them
    #[arg(long)]
    delete_requests: bool,
    /// Print the JSON Schema of project files, for editors
    #[arg(long, exclusive = true)]
    schema: bool,
    /// With a command: write the requests that were captured meanwhile into this file, as JSON Lines
    /// [default: .hookbench/requests.jsonl next to the project file]
    #[arg(long, value_name = "FILE", requires = "command")]
    export: Option<PathBuf>,
    /// Command to run when everything is ready. Its exit status is the exit status of `up`
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Down {
    #[command(flatten)]
    files: Files,
    /// Name of the project, if its file no longer exists
    #[arg(long, conflicts_with = "files")]
    project: Option<String>,
    /// Delete inboxes even if requests are stored in them
    #[arg(long)]
    delete_requests: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExportConfig {
    /// Write into this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Name of the project [default: the name of this folder]
    #[arg(long)]
    name: Option<String>,
}

pub(super) use lock::ProjectLock;

pub(super) async fn up(context: &Context, args: Up) -> Result<(), CliError> {
    if args.schema {
        terminal::line(&serde_json::to_string_pretty(&hookbench_project::schema()).unwrap_or_default());
        return Ok(());
    }
    let folder = ProjectFolder::find(&args.files.files)?;
    let document = folder.parse()?;
    let values = folder.resolve(&document, &context.data, args.trust).await?;
    let file = document.read(&values).map_err(fault)?;
    let name = folder.project_name(&file);
    let lock = ProjectLock::acquire(&context.data).await?;
    if args.command.is_empty() {
        let api = Api::open(context).await?;
        let done = bring_up(&api, context, &args, &folder, &document, &file, &name).await;
        api.close().await;
        return done;
    }
    let signals = command::Signals::listen();
    let transport = Transport::open(&context.data, OwnerKind::Serve).await?;
    let api = Api(transport.clone());
    if let Err(error) = bring_up(&api, context, &args, &folder, &document, &file, &name).await {
        api.close().await;
        return Err(error);
    }
    drop(lock);
    let own = match transport {
        Transport::InProcess { engine, .. } => Some(OwnEngine::serve(engine).await?.0),
        Transport::Remote(_) => None,
    };
    let done = match ready(&api, &file).await {
        Ok(url) => {
            let root = &folder.root;
            let export = args.export.as_deref();
            let command = command::ProjectCommand { args: &args.command, listener: &url, file: &file, root, export };
            command.run(&api, context, signals).await
        }
        Err(error) => Err(error),
    };
    if let Some(own) = own {
        own.close().await;
    }
    done
}

/// Shows what differs from the file and, unless the command only checks, applies it.
async fn bring_up(
    api: &Api,
    context: &Context,
    args: &Up,
    folder: &ProjectFolder,
    document: &Document,
    file: &ProjectFile,
    name: &str,
) -> Result<(), CliError> {
    let options = PlanOptions { adopt: args.adopt, delete_requests: args.delete_requests };
    let plan = plan(name, file, &existing(api, file).await?, options);
    // The output of the command is not mixed with the plan.
    print(context, &plan, args.command.is_empty());
    if let Some(conflict) = plan.changes.iter().find(|change| change.action == Action::Conflict) {
        let reason = conflict.reason.as_deref().unwrap_or_default();
        let message = format!("{} cannot be managed by this file. {reason}", title(conflict));
        return Err(fault(document.fault_of(conflict.section(), &conflict.key, &message)));
    }
    match args.check {
        true if plan.is_pending() => Err(CliError::No),
        true => Ok(()),
        false => apply::apply(api, &plan, &folder.shown_path(), Some(document)).await,
    }
}

pub(super) async fn down(api: &Api, context: &Context, args: Down) -> Result<(), CliError> {
    let name = match args.project {
        Some(name) => name,
        None => {
            let folder = ProjectFolder::find(&args.files.files)?;
            let document = folder.parse()?;
            let values = vec![String::new(); document.references().len()];
            folder.project_name(&document.read(&values).map_err(fault)?)
        }
    };
    let existing = existing(api, &ProjectFile::default()).await?;
    let Some(project) = existing.projects.iter().find(|project| project.name == name) else {
        terminal::say(&format!("The project {name} manages nothing."));
        return Ok(());
    };
    let options = PlanOptions { adopt: false, delete_requests: args.delete_requests };
    let plan = plan(&name, &ProjectFile::default(), &existing, options);
    print(context, &plan, true);
    apply::apply(api, &plan, &project.file, None).await
}

pub(super) async fn export_config(api: &Api, args: ExportConfig) -> Result<(), CliError> {
    let here = std::env::current_dir()?;
    let name = args.name.unwrap_or_else(|| files::folder_name(&here));
    let (text, variables) =
        hookbench_project::export(&name, &existing(api, &ProjectFile::default()).await?).map_err(CliError::Other)?;
    match args.output {
        None => terminal::line(text.trim_end()),
        Some(path) => {
            let wrong = |error: std::io::Error| CliError::Other(format!("{}: {error}", path.display()));
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).open(&path).map_err(wrong)?;
            std::io::Write::write_all(&mut file, text.as_bytes()).map_err(wrong)?;
            terminal::say(&format!("Wrote {}.", path.display()));
        }
    }
    if !variables.is_empty() {
        terminal::say(&format!("Secrets are not in the file. Set these variables: {}", variables.join(", ")));
    }
    Ok(())
}

fn fault(fault: hookbench_project::Fault) -> CliError {
    CliError::Other(fault.to_string())
}

/// Reads what is there. Secrets are read only of the inboxes and endpoints of the file.
async fn existing(api: &Api, file: &ProjectFile) -> Result<Existing, CliError> {
    let settings: Settings = api.get("/settings").await?;
    let projects = api.get::<ProjectList>("/projects").await?.items;
    let key_of = |resource_type: ProjectResourceType, id: &str| {
        let mut resources = projects.iter().flat_map(|project| &project.resources);
        resources.find(|one| one.resource_type == resource_type && one.id == id).map(|one| one.key.clone())
    };
    let mut inboxes: Vec<(Inbox, Vec<String>)> = Vec::new();
    for inbox in api.get::<InboxList>("/inboxes").await?.items {
        let path = format!("/inboxes/{}/secrets", encoded(&inbox.name));
        let key = key_of(ProjectResourceType::Inbox, &inbox.name).unwrap_or_else(|| inbox.name.clone());
        let secrets = match inbox.verification.has_secrets() && file.inbox.contains_key(&key) {
            true => api.get::<InboxSecretList>(&path).await?.items,
            false => Vec::new(),
        };
        inboxes.push((inbox, secrets));
    }
    let (mut endpoints, mut after) = (Vec::new(), String::new());
    loop {
        let page: EndpointList = api.get(&format!("/endpoints?limit=500{after}")).await?;
        for endpoint in page.items {
            let path = format!("/endpoints/{}/secrets", endpoint.id);
            let key = key_of(ProjectResourceType::Endpoint, &endpoint.id);
            let key = key.unwrap_or_else(|| endpoint.settings.name.clone());
            let secrets = match endpoint.settings.secrets.is_empty() || !file.endpoint.contains_key(&key) {
                true => Vec::new(),
                false => api.get::<EndpointSecretList>(&path).await?.items,
            };
            endpoints.push((endpoint, secrets));
        }
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let scenarios = api.get::<ScenarioList>("/scenarios").await?.items;
    let tunnels = api.get::<TunnelList>("/tunnels").await?.items;
    Ok(Existing { settings, inboxes, endpoints, scenarios, tunnels, projects })
}

/// Waits until the listener receives and the tunnels of the project are connected. Returns the URL of the listener.
async fn ready(api: &Api, file: &ProjectFile) -> Result<String, CliError> {
    let deadline = tokio::time::Instant::now() + READY_MAX;
    loop {
        let status: Status = api.get("/status").await?;
        let tunnels: Vec<Tunnel> = match file.tunnel.is_empty() {
            true => Vec::new(),
            false => api.get::<TunnelList>("/tunnels").await?.items,
        };
        let waiting = tunnels.iter().find(|tunnel| {
            tunnel.on && !matches!(tunnel.connection, TunnelConnection::Online { .. } | TunnelConnection::Failed { .. })
        });
        if let Some((tunnel, why)) = tunnels.iter().find_map(|tunnel| match &tunnel.connection {
            TunnelConnection::Failed { why } => Some((tunnel, why)),
            _ => None,
        }) {
            return Err(CliError::Other(format!("the tunnel {} cannot connect: {why}", tunnel.name)));
        }
        match (status.listener, waiting) {
            (ListenerState::Listening { url, .. }, None) => return Ok(url),
            (ListenerState::Failed { address, reason, .. }, _) => {
                return Err(CliError::Other(format!("the listener cannot use {address}: {reason}")));
            }
            (_, waiting) if tokio::time::Instant::now() > deadline => {
                let name = waiting.map_or("the listener".to_owned(), |tunnel| format!("the tunnel {}", tunnel.name));
                return Err(CliError::Other(format!("{name} is not ready after {} s", READY_MAX.as_secs())));
            }
            _ => tokio::time::sleep(POLL_INTERVAL).await,
        }
    }
}

fn title(change: &PlannedChange) -> String {
    format!("{} {}", change.resource_type.as_str(), terminal::shown(&change.key))
}

/// Prints a plan: on standard output, or on standard error if a command follows.
fn print(context: &Context, plan: &Plan, on_output: bool) {
    if context.json && on_output {
        return terminal::json(plan);
    }
    let print = |text: &str| if on_output { terminal::line(text) } else { terminal::say(text) };
    if plan.changes.is_empty() {
        return print(&format!("{}: everything is as the file says.", terminal::shown(&plan.project)));
    }
    for change in &plan.changes {
        let (sign, verb) = match change.action {
            Action::Create => ("+", "create"),
            Action::Update => ("~", "change"),
            Action::Delete => ("-", "delete"),
            Action::Release => ("=", "release"),
            Action::Restore => ("~", "restore"),
            Action::Keep => ("=", "keep"),
            Action::Conflict => ("!", "conflict"),
        };
        let reason = change.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", terminal::shown(reason)));
        print(&format!("{sign} {verb} {}{reason}", title(change)));
        for field in &change.fields {
            let text = |text: &str| terminal::cut(&terminal::shown(text), 60);
            let change = match field.before == field.after {
                true => "changed".to_owned(),
                false => format!("{} → {}", text(&field.before), text(&field.after)),
            };
            print(&format!("    {}: {change}", terminal::shown(&field.name)));
        }
    }
}
