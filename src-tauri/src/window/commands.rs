//! Commands that the page can call.

use std::path::Path;

use futures_util::StreamExt;
use hookbench_model::{Error, ErrorCode};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use tauri::{
    AppHandle, State,
    ipc::{InvokeBody, Request, Response},
};
use tauri_plugin_dialog::DialogExt;
use tauri_plugin_notification::NotificationExt;

use super::Shell;
use hookbench::transport::{IntoFileError, into_file};

/// Returns the error of a failed command.
pub(super) fn failure(code: ErrorCode, message: impl Into<String>, hint: &str) -> Error {
    Error { code, message: message.into(), hint: hint.into() }
}

/// Returns the error of a window without an engine.
pub(super) fn no_engine(reason: &str) -> Error {
    failure(
        ErrorCode::NoEngine,
        format!("Hookbench could not open its data: {reason}."),
        "Fix the problem and start Hookbench again. No data was changed.",
    )
}

#[derive(Serialize)]
struct Head<'a> {
    status: u16,
    headers: Vec<(&'a str, &'a str)>,
}

/// Calls the API. Headers contain the method and the path. The result is the length of the response head (four bytes,
/// little endian), the head as JSON, and the body.
#[tauri::command]
pub(super) async fn api(shell: State<'_, Shell>, request: Request<'_>) -> Result<Response, Error> {
    let transport = shell.transport.as_ref().map_err(|reason| no_engine(reason))?;
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let method: Method =
        text("x-method").parse().map_err(|_| failure(ErrorCode::Invalid, "The HTTP method is invalid.", ""))?;
    let path = text("x-path").to_owned();
    // The origin marks the call as one of a page, which may not name files or commands.
    let mut headers = HeaderMap::from_iter([(http::header::ORIGIN, HeaderValue::from_static("tauri://localhost"))]);
    for (name, from) in [("content-type", "x-content-type"), ("range", "x-range")] {
        if let (Some(value), Ok(name)) = (request.headers().get(from), HeaderName::from_bytes(name.as_bytes()))
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            headers.insert(name, value);
        }
    }
    let body = match request.body() {
        InvokeBody::Raw(bytes) => bytes.clone().into(),
        InvokeBody::Json(_) => bytes::Bytes::new(),
    };
    let response = transport.call(method, &path, headers, body).await.map_err(|e| {
        failure(ErrorCode::EngineLost, e.to_string(), "Start Hookbench again. All received requests are stored.")
    })?;
    let head = Head {
        status: response.status.as_u16(),
        headers: response
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect(),
    };
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let mut framed = Vec::with_capacity(4 + head.len() + response.body.len());
    framed.extend_from_slice(&(head.len() as u32).to_le_bytes());
    framed.extend_from_slice(&head);
    framed.extend_from_slice(&response.body);
    Ok(Response::new(framed))
}

/// Streams the response of a route into a file that the user picks. Returns the path, or `None` if no file is picked.
#[tauri::command]
pub(super) async fn save_to(
    app: AppHandle,
    shell: State<'_, Shell>,
    route: String,
    name: String,
) -> Result<Option<String>, Error> {
    let transport = shell.transport.as_ref().map_err(|reason| no_engine(reason))?.clone();
    let Some(path) = pick(&app, &name).await else { return Ok(None) };
    let lost = |message: String| failure(ErrorCode::EngineLost, message, "Try again.");
    let (status, _, mut pieces) = transport
        .open_call(Method::GET, &route, HeaderMap::new(), axum::body::Body::empty())
        .await
        .map_err(|e| lost(e.to_string()))?;
    if !status.is_success() {
        let mut text = Vec::new();
        while let Some(Ok(piece)) = pieces.next().await {
            text.extend_from_slice(&piece);
        }
        let said: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        return Err(lost(said["message"].as_str().map_or(format!("Unexpected status {status}."), str::to_owned)));
    }
    into_file(pieces, &path, |_| ()).await.map_err(|e| match e {
        IntoFileError::Unwritable(..) => failure(ErrorCode::FileUnwritable, format!("{e}."), "Choose another file."),
        IntoFileError::BrokenOff(_) => lost(format!("{e}.")),
    })?;
    Ok(Some(path.display().to_string()))
}

/// Returns the file that the user picks for a backup. The page starts the job.
#[tauri::command]
pub(super) async fn back_up(app: AppHandle, name: String) -> Option<String> {
    pick(&app, &name).await.map(|path| path.display().to_string())
}

/// Opens a dialog for a file to write. The suggested name is captured text, so only its last path segment is used.
async fn pick(app: &AppHandle, name: &str) -> Option<std::path::PathBuf> {
    let name: String = Path::new(name)
        .file_name()
        .map(|name| {
            name.to_string_lossy().chars().filter(|c| !c.is_control() && !r#"/\:*?"<>|"#.contains(*c)).collect()
        })
        .unwrap_or_default();
    let name = if name.trim_matches('.').is_empty() { "body.bin".to_owned() } else { name };
    let (send, picked) = tokio::sync::oneshot::channel();
    app.dialog().file().set_file_name(name).save_file(move |path| {
        let _ = send.send(path);
    });
    picked.await.ok()??.into_path().ok()
}

/// Maximum length of a notification, in characters. A desktop shows only a few lines.
const NOTICE_MAX: usize = 300;

/// Shows a desktop notification.
#[tauri::command]
pub(super) fn notify(app: AppHandle, title: &str, body: &str) {
    let short = |text: &str| text.chars().take(NOTICE_MAX).collect::<String>();
    // Notification servers render some HTML, and the text can contain captured data.
    let plain = short(body).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let shown = app.notification().builder().title(short(title)).body(plain).show();
    if let Err(error) = shown {
        // A desktop without notifications is not an error, because the page shows the same text.
        tracing::info!(%error, "the desktop shows no notifications");
    }
}
