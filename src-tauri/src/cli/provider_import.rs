//! `hookbench provider import`: imports the events of a vendor from a document, and `provider remove`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hookbench_api::ProviderImportResult;
use http::Method;
use serde::Serialize;

use super::{Api, Context, error::CliError, terminal};
use crate::transport::encoded;

/// Maximum number of files of an import.
const FILES_MAX: usize = 5_000;

/// Maximum size of the files of an import, in bytes.
const BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Maximum depth of folders.
const DEPTH_MAX: usize = 8;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// OpenAPI, AsyncAPI or JSON Schema document: a file, a folder or a URL
    ///
    /// A folder contains a JSON Schema or a sample payload for each event.
    source: String,
    /// ID of the provider [default: derived from the name]
    ///
    /// Required if the provider exists. It gets the events, which replace its own events of the same type.
    #[arg(long)]
    id: Option<String>,
    /// Name of a new provider [default: the title of the document]
    #[arg(long)]
    name: Option<String>,
}

#[derive(Serialize)]
struct Request<'a> {
    id: &'a Option<String>,
    name: &'a Option<String>,
    documents: Vec<Document>,
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Document {
    name: String,
    text: String,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let is_url = args.source.starts_with("http://") || args.source.starts_with("https://");
    let documents = if is_url { Vec::new() } else { read(Path::new(&args.source))? };
    let request = Request { id: &args.id, name: &args.name, documents, url: is_url.then_some(args.source.as_str()) };
    let api = Api::open(context).await?;
    let result: Result<ProviderImportResult, CliError> = api.send(Method::POST, "/provider-imports", &request).await;
    api.close().await;
    let result = result?;
    for warning in &result.warnings {
        terminal::say(&terminal::shown(warning));
    }
    if context.json {
        terminal::json(&result);
        return Ok(());
    }
    let count = match result.events.len() {
        1 => "1 event".to_owned(),
        several => format!("{several} events"),
    };
    let (name, id) = (terminal::shown(&result.name), &result.id);
    terminal::say(&match result.created {
        true => format!("Created the provider {name} ({id}) with {count}."),
        false => format!("Added {count} to the provider {name} ({id})."),
    });
    terminal::say(&format!("List them with `hookbench provider show {id} --json`."));
    Ok(())
}

/// Deletes a custom provider, or the imported events of a built-in one.
pub(super) async fn remove(context: &Context, id: &str) -> Result<(), CliError> {
    let api = Api::open(context).await?;
    let removed = api.bytes(Method::DELETE, &format!("/providers/{}", encoded(id))).await;
    api.close().await;
    removed?;
    terminal::say(&format!("Deleted {id}."));
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Other(format!("{}: {error}", path.display()))
}

/// Reads a file, or the JSON and YAML files of a folder.
fn read(source: &Path) -> Result<Vec<Document>, CliError> {
    let mut files = Vec::new();
    match fs::metadata(source).map_err(|error| failed(source, &error))?.is_dir() {
        true => collect(source, 0, &mut files)?,
        false => files.push(source.to_owned()),
    }
    if files.is_empty() {
        return Err(CliError::Other(format!("{} contains no JSON or YAML file", source.display())));
    }
    let mut left = BYTES_MAX;
    files.iter().map(|file| document(source, file, &mut left)).collect()
}

fn document(source: &Path, file: &Path, left: &mut u64) -> Result<Document, CliError> {
    let about = fs::metadata(file).map_err(|error| failed(file, &error))?;
    if !about.is_file() {
        return Err(CliError::Other(format!("{} is not a regular file", file.display())));
    }
    *left = left.checked_sub(about.len()).ok_or_else(|| {
        CliError::Other(format!("{} is too large: an import has at most {BYTES_MAX} bytes", source.display()))
    })?;
    let text = fs::read_to_string(file).map_err(|error| failed(file, &error))?;
    let name = file.strip_prefix(source).ok().filter(|name| !name.as_os_str().is_empty());
    let name = name.or_else(|| file.file_name().map(Path::new)).unwrap_or(file);
    Ok(Document { name: name.to_string_lossy().into_owned(), text })
}

/// Collects the files of a folder, sorted by name. Links to folders are not followed.
fn collect(folder: &Path, depth: usize, into: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if is_folder && depth < DEPTH_MAX {
            collect(&path, depth + 1, into)?;
        } else if ["json", "yaml", "yml"].contains(&extension) && path.is_file() {
            into.push(path);
        }
        if into.len() > FILES_MAX {
            return Err(CliError::Other(format!("{} contains more than {FILES_MAX} files", folder.display())));
        }
    }
    Ok(())
}
