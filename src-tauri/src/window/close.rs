//! Closing of the window: quits, hides to the tray, or asks the user, as set.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use hookbench_model::SettingsCloseAction;
use tauri::{
    AppHandle, Emitter, Manager, State, Window, WindowEvent,
    menu::{Menu, MenuItem},
    tray::TrayIconBuilder,
};

use super::{MAIN, Shell, show};

/// State of the close button.
#[derive(Default)]
pub(super) struct Close {
    has_tray: AtomicBool,
    asked: Mutex<Option<Instant>>,
}

/// A second click on the close button within this time quits, even if the page does not respond.
const INSISTS: Duration = Duration::from_secs(3);

/// Creates the tray icon if the desktop has a tray.
pub(super) fn make_tray(app: &AppHandle) {
    let make = || {
        let open = MenuItem::with_id(app, "open", "Open Hookbench", true, None::<&str>)?;
        let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
        let mut tray = TrayIconBuilder::with_id(MAIN)
            .tooltip("Hookbench is listening")
            .menu(&Menu::with_items(app, &[&open, &quit])?);
        if let Some(icon) = app.default_window_icon() {
            tray = tray.icon(icon.clone());
        }
        tray.on_menu_event(|app, event| match event.id().as_ref() {
            "quit" => app.exit(0),
            _ => show(app),
        })
        .build(app)
    };
    // The library of the tray is loaded at this point, and its absence is a panic.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(make)) {
        Ok(Ok(_)) => app.state::<Shell>().close.has_tray.store(true, Ordering::Relaxed),
        Ok(Err(error)) => tracing::warn!(%error, "no tray; closing the window quits"),
        Err(_) => tracing::warn!("no tray, because its library is missing; closing the window quits"),
    }
}

pub(super) fn on_window_event(window: &Window, event: &WindowEvent) {
    let WindowEvent::CloseRequested { api, .. } = event else { return };
    let shell = window.state::<Shell>();
    let Some(engine) = &shell.engine else { return };
    match engine.settings().on_close {
        SettingsCloseAction::Quit => {}
        _ if !shell.close.has_tray.load(Ordering::Relaxed) => {}
        SettingsCloseAction::Tray => {
            api.prevent_close();
            let _ = window.hide();
        }
        SettingsCloseAction::Ask => {
            let mut asked = shell.close.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if asked.replace(Instant::now()).is_some_and(|before| before.elapsed() < INSISTS) {
                return;
            }
            api.prevent_close();
            let _ = window.emit_to(MAIN, "closing", ());
        }
    }
}

/// Applies the user's choice: hides the window or quits.
#[tauri::command]
pub(super) fn closing(app: AppHandle, shell: State<'_, Shell>, keep_listening: bool) {
    if keep_listening && shell.close.has_tray.load(Ordering::Relaxed) {
        if let Some(window) = app.get_webview_window(MAIN) {
            let _ = window.hide();
        }
    } else {
        app.exit(0);
    }
}
