//! The files of a project on disk, and the values that they take from elsewhere.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use hookbench_project::{Document, Origin, ProjectFile, Reference, Source};
use sha2::{Digest, Sha256};

use super::{super::error::CliError, fault};

/// Name of the project file.
const FILE: &str = "hookbench.toml";

/// Name of the file that overlays the project file on one computer. Not meant for version control.
const LOCAL_FILE: &str = "hookbench.local.toml";

/// Maximum size of a file, in bytes. A response body, the largest value, has at most 64 KiB.
const FILE_MAX: u64 = 1024 * 1024;

/// Maximum size of the output of a command, in bytes. A certificate chain with its key has a few KiB.
const OUTPUT_MAX: usize = 64 * 1024;

/// Maximum time that a command may take. Password managers ask a person.
const COMMAND_MAX: Duration = Duration::from_secs(120);

/// File in the data folder with a digest of each trusted project file, one per line.
const TRUSTED: &str = "trusted-project-files";

/// The folder of a project and its files.
#[derive(Debug)]
pub(super) struct ProjectFolder {
    /// Folder that contains the first file. Nothing outside this folder is read.
    pub(super) root: PathBuf,
    files: Vec<PathBuf>,
}

/// Returns the name of a folder.
pub(super) fn folder_name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Other(format!("{} cannot be read: {error}", path.display()))
}

impl ProjectFolder {
    /// Finds the project file: the given ones, or `hookbench.toml` in this folder or the nearest one above.
    pub(super) fn find(given: &[PathBuf]) -> Result<Self, CliError> {
        let (folder, files) = match given {
            [] => {
                let here = std::env::current_dir()?;
                let folder = here.ancestors().find(|folder| folder.join(FILE).is_file()).ok_or_else(|| {
                    CliError::Other(format!(
                        "there is no {FILE} in {} or above. Write one (docs/projects.md), or create it from what is \
                         there: `hookbench export-config -o {FILE}`",
                        here.display()
                    ))
                })?;
                let local = Some(folder.join(LOCAL_FILE)).filter(|local| local.is_file());
                (folder.to_owned(), [folder.join(FILE)].into_iter().chain(local).collect())
            }
            [first, ..] => (first.parent().unwrap_or(Path::new("")).to_owned(), given.to_vec()),
        };
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let root = folder.canonicalize().map_err(|error| unreadable(&folder, &error))?;
        Ok(Self { root, files })
    }

    /// Returns the absolute path of the project file.
    pub(super) fn shown_path(&self) -> String {
        let file = self.files.first().and_then(|file| file.file_name()).unwrap_or_default();
        self.root.join(file).display().to_string()
    }

    /// Returns the name of the project.
    pub(super) fn project_name(&self, file: &ProjectFile) -> String {
        file.name.clone().unwrap_or_else(|| folder_name(&self.root))
    }

    /// Reads and parses the files.
    pub(super) fn parse(&self) -> Result<Document, CliError> {
        Document::parse(self.sources()?).map_err(fault)
    }

    fn sources(&self) -> Result<Vec<Source>, CliError> {
        let source = |path: &PathBuf| {
            let text = read(path).map_err(|error| unreadable(path, &error))?;
            let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
            let name = path.strip_prefix(&here).unwrap_or(path).display().to_string();
            Ok(Source { name, text })
        };
        self.files.iter().map(source).collect()
    }

    /// Returns the values of the references of a document, in order.
    ///
    /// Commands run only if the files are trusted with their current content.
    pub(super) async fn resolve(&self, document: &Document, data: &Path, trust: bool) -> Result<Vec<String>, CliError> {
        let references = document.references();
        let commands: Vec<String> = references
            .iter()
            .filter(|reference| matches!(reference.origin, Origin::Command(_)))
            .map(|reference| reference.origin.to_string())
            .collect();
        if !commands.is_empty() {
            let digest = self.digest()?;
            match trust {
                true => self.trust(data, &digest)?,
                false if !is_trusted(data, &digest) => {
                    return Err(CliError::Other(format!(
                        "{} runs commands and is not trusted with its current content: {}. Read the file, then run \
                         `hookbench up --trust`",
                        self.shown_path(),
                        commands.join("; ")
                    )));
                }
                false => {}
            }
        }
        let mut values = Vec::with_capacity(references.len());
        for reference in &references {
            let value = self.value(reference).await;
            values.push(value.map_err(|message| fault(document.fault_at(reference, &message)))?);
        }
        Ok(values)
    }

    /// Returns a digest of the folder and the content of the files.
    fn digest(&self) -> Result<String, CliError> {
        let mut hash = Sha256::new();
        hash.update(self.root.as_os_str().as_encoded_bytes());
        for source in self.sources()? {
            hash.update([0]);
            hash.update(source.text.len().to_le_bytes());
            hash.update(source.text);
        }
        Ok(hex::encode(hash.finalize()))
    }

    fn trust(&self, data: &Path, digest: &str) -> Result<(), CliError> {
        if is_trusted(data, digest) {
            return Ok(());
        }
        let path = data.join(TRUSTED);
        let wrong = |error: std::io::Error| CliError::Other(format!("{} cannot be written: {error}", path.display()));
        fs::create_dir_all(data).map_err(wrong)?;
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(wrong)?;
        std::io::Write::write_all(&mut file, format!("{digest}\n").as_bytes()).map_err(wrong)
    }

    async fn value(&self, reference: &Reference) -> Result<String, String> {
        match &reference.origin {
            Origin::Env(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Ok(value),
                Ok(_) => Err(format!("The environment variable {name} is empty.")),
                Err(std::env::VarError::NotPresent) if reference.optional => Ok(String::new()),
                Err(std::env::VarError::NotPresent) => Err(format!("The environment variable {name} is not set.")),
                Err(_) => Err(format!("The environment variable {name} is not UTF-8.")),
            },
            Origin::File(path) => self.content(path),
            Origin::Command(args) => self.output(args).await,
        }
    }

    /// Reads a file in the folder of the project.
    fn content(&self, path: &str) -> Result<String, String> {
        let wrong = |error: std::io::Error| format!("The file {path} cannot be read: {error}.");
        let whole = self.root.join(path).canonicalize().map_err(wrong)?;
        if !whole.starts_with(&self.root) {
            return Err(format!("The file {path} is outside of the folder of the project."));
        }
        read(&whole).map_err(wrong)
    }

    /// Runs a command in the folder of the project and returns its output.
    async fn output(&self, args: &[String]) -> Result<String, String> {
        let program = &args[0];
        let mut command = tokio::process::Command::new(program);
        command.args(&args[1..]).current_dir(&self.root).stdin(Stdio::inherit()).stdout(Stdio::piped());
        let child = command.stderr(Stdio::inherit()).kill_on_drop(true).spawn();
        let child = child.map_err(|error| format!("The command {program} cannot run: {error}."))?;
        let output = tokio::time::timeout(COMMAND_MAX, child.wait_with_output()).await;
        let output =
            output.map_err(|_| format!("The command {program} took more than {} s.", COMMAND_MAX.as_secs()))?;
        let output = output.map_err(|error| format!("The command {program} failed: {error}."))?;
        if !output.status.success() {
            return Err(format!("The command {program} failed: {}.", output.status));
        }
        let text = String::from_utf8(output.stdout).map_err(|_| format!("The output of {program} is not UTF-8."))?;
        let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        match text.len() {
            0 => Err(format!("The command {program} has no output.")),
            length if length > OUTPUT_MAX => Err(format!("The output of {program} has more than {OUTPUT_MAX} bytes.")),
            _ => Ok(text.to_owned()),
        }
    }
}

fn is_trusted(data: &Path, digest: &str) -> bool {
    fs::read_to_string(data.join(TRUSTED)).is_ok_and(|text| text.lines().any(|line| line == digest))
}

/// Reads a regular file of at most [`FILE_MAX`] bytes.
fn read(path: &Path) -> std::io::Result<String> {
    let about = fs::metadata(path)?;
    let wrong = |message: String| std::io::Error::other(message);
    match about.is_file() {
        false => Err(wrong("not a regular file".into())),
        true if about.len() > FILE_MAX => Err(wrong(format!("larger than {FILE_MAX} bytes"))),
        true => fs::read_to_string(path),
    }
}
