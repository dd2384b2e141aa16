//! Files that the user picked or dropped. The page refers to a file by number and cannot name a path.

use hookbench_model::{Error, ErrorCode};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use futures_util::StreamExt;
use http::{HeaderMap, Method};
use serde::Serialize;
use tauri::{AppHandle, DragDropEvent, Emitter, Manager, State, Window, WindowEvent};
use tauri_plugin_dialog::DialogExt;

use super::{
    MAIN, Shell,
    commands::{failure, no_engine},
};
use hookbench::transport::out_of_file;

/// Maximum number of files per drop or choice.
const FILES_MAX: usize = 100;

/// Routes that accept files.
const ROUTES: &[&str] = &["/api/v1/import?", "/api/v1/response-files?"];

/// Files that the page may send.
#[derive(Default)]
pub(super) struct Offered(Mutex<(u64, HashMap<u64, PathBuf>)>);

/// Picked file as shown to the page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Incoming {
    id: u64,
    name: String,
}

impl Offered {
    fn add(&self, paths: impl IntoIterator<Item = PathBuf>) -> Vec<Incoming> {
        let mut offered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let files = paths.into_iter().filter(|path| path.is_file()).take(FILES_MAX);
        files
            .map(|path| {
                offered.0 += 1;
                let id = offered.0;
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                offered.1.insert(id, path);
                Incoming { id, name }
            })
            .collect()
    }

    fn take(&self, id: u64) -> Option<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&id)
    }
}

/// Opens a dialog for files to read.
#[tauri::command]
pub(super) async fn pick_files(app: AppHandle, shell: State<'_, Shell>) -> Result<Vec<Incoming>, Error> {
    let (send, picked) = tokio::sync::oneshot::channel();
    app.dialog().file().pick_files(move |paths| {
        let _ = send.send(paths);
    });
    let paths = picked.await.ok().flatten().unwrap_or_default();
    Ok(shell.offered.add(paths.into_iter().filter_map(|path| path.into_path().ok())))
}

/// Sends drag and drop events of files to the page.
pub(super) fn on_window_event(window: &Window, event: &WindowEvent) {
    let WindowEvent::DragDrop(event) = event else { return };
    let emit = |name: &str, files: Vec<Incoming>| {
        let _ = window.emit_to(MAIN, name, files);
    };
    match event {
        DragDropEvent::Enter { paths, .. } if !paths.is_empty() => emit("drag-over", Vec::new()),
        DragDropEvent::Drop { paths, .. } => {
            emit("drag-left", Vec::new());
            let files = window.state::<Shell>().offered.add(paths.clone());
            if !files.is_empty() {
                emit("dropped", files);
            }
        }
        DragDropEvent::Leave => emit("drag-left", Vec::new()),
        _ => {}
    }
}

/// Streams a file to a route, and returns the status and the body of the response.
#[tauri::command]
pub(super) async fn send_file(
    shell: State<'_, Shell>,
    route: String,
    id: u64,
) -> Result<(u16, serde_json::Value), Error> {
    let transport = shell.transport.as_ref().map_err(|reason| no_engine(reason))?.clone();
    if !ROUTES.iter().any(|takes| route.starts_with(takes)) {
        return Err(failure(ErrorCode::Invalid, format!("Files are accepted only by {}.", ROUTES.join(", ")), ""));
    }
    let path = shell.offered.take(id).ok_or_else(|| {
        failure(ErrorCode::UnknownFile, "This file was not chosen, or was already read.", "Choose the file again.")
    })?;
    let file = open(&path).await?;
    let lost = |message: String| failure(ErrorCode::EngineLost, message, "Try again.");
    let (status, _, mut pieces) = transport
        .open_call(Method::POST, &route, HeaderMap::new(), out_of_file(file))
        .await
        .map_err(|e| lost(e.to_string()))?;
    let mut text = Vec::new();
    while let Some(piece) = pieces.next().await {
        text.extend_from_slice(&piece.map_err(|e| lost(e.to_string()))?);
    }
    let body = serde_json::from_slice(&text).map_err(|e| lost(e.to_string()))?;
    Ok((status.as_u16(), body))
}

async fn open(path: &Path) -> Result<tokio::fs::File, Error> {
    tokio::fs::File::open(path).await.map_err(|e| {
        failure(ErrorCode::FileUnreadable, format!("{} cannot be read: {e}.", path.display()), "Choose another file.")
    })
}
