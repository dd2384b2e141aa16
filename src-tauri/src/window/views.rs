//! Further windows, each with its own view of the same engine.

use std::sync::atomic::{AtomicU32, Ordering};

use tauri::{AppHandle, WebviewUrl, WebviewWindowBuilder};

/// Maximum length of the path of a view, in bytes.
const PATH_MAX: usize = 8 * 1024;

/// Number of the next window.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Opens a window at a path of the page. A text that is no path is ignored.
#[tauri::command]
pub(super) async fn open_window(app: AppHandle, shell: tauri::State<'_, super::Shell>, path: String) -> Result<(), ()> {
    if !path.starts_with('/') || path.starts_with("//") || path.len() > PATH_MAX {
        return Ok(());
    }
    let label = format!("view-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let built = WebviewWindowBuilder::new(&app, label, WebviewUrl::App(path.into()))
        .title("Hookbench")
        .inner_size(1180.0, 780.0)
        .min_inner_size(720.0, 480.0)
        .data_directory(shell.page.clone())
        .build();
    if let Err(error) = built {
        tracing::warn!(%error, "another window could not be opened");
    }
    Ok(())
}
