//! What the page may ask of the shell.

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

/// Returns why a command failed.
pub(super) fn failure(code: ErrorCode, message: impl Into<String>, hint: &str) -> Error {
    Error { code, message: message.into(), hint: hint.into() }
}

/// Returns that there is no engine, and why.
pub(super) fn no_engine(reason: &str) -> Error {
    failure(
        ErrorCode::NoEngine,
        format!("Hookbench could not open its data: {reason}."),
        "Mend what it names and start Hookbench again; nothing was changed.",
    )
}

#[derive(Serialize)]
struct Head<'a> {
    status: u16,
    headers: Vec<(&'a str, &'a str)>,
}

/// One call of the API. Method and path come in headers, the body as it is; the answer is the
/// length of its head (four bytes, little endian), the head as JSON, and the body.
#[tauri::command]
pub(super) async fn api(shell: State<'_, Shell>, request: Request<'_>) -> Result<Response, Error> {
    let transport = shell.transport.as_ref().map_err(|reason| no_engine(reason))?;
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let method: Method =
        text("x-method").parse().map_err(|_| failure(ErrorCode::Invalid, "This is no HTTP method.", ""))?;
    let path = text("x-path").to_owned();
    // A page asks, as in a browser: what only a person at this machine may name is not its to name.
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
    let answer = transport.call(method, &path, headers, body).await.map_err(|e| {
        failure(ErrorCode::EngineLost, e.to_string(), "Start Hookbench again; what was received is stored.")
    })?;
    let head = Head {
        status: answer.status.as_u16(),
        headers: answer
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect(),
    };
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let mut framed = Vec::with_capacity(4 + head.len() + answer.body.len());
    framed.extend_from_slice(&(head.len() as u32).to_le_bytes());
    framed.extend_from_slice(&head);
    framed.extend_from_slice(&answer.body);
    Ok(Response::new(framed))
}

/// Streams what a route answers into a file the user picks; its path, or none if they picked none.
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
        return Err(lost(said["message"].as_str().map_or(format!("The engine answered {status}."), str::to_owned)));
    }
    into_file(pieces, &path, |_| ()).await.map_err(|e| match e {
        IntoFileError::Unwritable(..) => failure(ErrorCode::FileUnwritable, format!("{e}."), "Choose another place."),
        IntoFileError::BrokenOff(_) => lost(format!("{e}.")),
    })?;
    Ok(Some(path.display().to_string()))
}

/// Picks the file for a backup; the page starts the job with it.
#[tauri::command]
pub(super) async fn back_up(app: AppHandle, name: String) -> Option<String> {
    pick(&app, &name).await.map(|path| path.display().to_string())
}

/// Asks for a file to write. The suggested name is captured text: only its last part is used.
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

/// Longest text of a notification, in characters: a desktop shows a few lines.
const NOTICE_MAX: usize = 300;

/// Tells the user something through the desktop, seen or unseen as the window is.
#[tauri::command]
pub(super) fn notify(app: AppHandle, title: &str, body: &str) {
    let short = |text: &str| text.chars().take(NOTICE_MAX).collect::<String>();
    // Servers take some HTML in a body; what is told may come from outside.
    let plain = short(body).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let shown = app.notification().builder().title(short(title)).body(plain).show();
    if let Err(error) = shown {
        // A desktop without notifications is no fault: the page says it too.
        tracing::info!(%error, "the desktop shows no notifications");
    }
}
