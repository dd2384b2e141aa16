//! The menu bar. The page describes its menus, because the command table is part of the page.

use serde::Deserialize;
use tauri::{
    AppHandle, Emitter, Manager,
    menu::{Menu, MenuEvent, MenuItem, PredefinedMenuItem, Submenu},
};

use super::MAIN;

/// Prefix of the ids of menu items, which distinguishes them from the items of the tray.
const PREFIX: &str = "command:";

/// A menu of the page.
#[derive(Debug, Deserialize)]
pub(super) struct PageMenu {
    title: String,
    items: Vec<PageItem>,
}

/// An item of a menu.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum PageItem {
    /// A command of the page.
    Command { id: String, title: String, accelerator: Option<String> },
    /// A line between groups.
    #[expect(dead_code, reason = "any text is a line")]
    Line(String),
}

/// Shows the menus of the page as the menu bar.
#[tauri::command]
pub(super) fn set_menu(app: AppHandle, menus: Vec<PageMenu>) {
    if let Err(error) = build(&app, menus) {
        // Every command is also in the palette, so a window without a menu bar is usable.
        tracing::warn!(%error, "the menu bar could not be built");
    }
}

fn build(app: &AppHandle, menus: Vec<PageMenu>) -> tauri::Result<()> {
    let bar = Menu::new(app)?;
    if cfg!(target_os = "macos") {
        let items: [&dyn tauri::menu::IsMenuItem<_>; 5] = [
            &PredefinedMenuItem::about(app, None, None)?,
            &PredefinedMenuItem::separator(app)?,
            &PredefinedMenuItem::hide(app, None)?,
            &PredefinedMenuItem::separator(app)?,
            &PredefinedMenuItem::quit(app, None)?,
        ];
        bar.append(&Submenu::with_items(app, "Hookbench", true, &items)?)?;
    }
    for PageMenu { title, items } in menus {
        let menu = Submenu::new(app, &title, true)?;
        // The web view handles these itself on other systems.
        if cfg!(target_os = "macos") && title == "Edit" {
            menu.append(&PredefinedMenuItem::cut(app, None)?)?;
            menu.append(&PredefinedMenuItem::copy(app, None)?)?;
            menu.append(&PredefinedMenuItem::paste(app, None)?)?;
            menu.append(&PredefinedMenuItem::select_all(app, None)?)?;
            menu.append(&PredefinedMenuItem::separator(app)?)?;
        }
        for item in items {
            match item {
                PageItem::Command { id, title, accelerator } => {
                    let id = format!("{PREFIX}{id}");
                    menu.append(&MenuItem::with_id(app, id, title, true, accelerator.as_deref())?)?;
                }
                PageItem::Line(_) => menu.append(&PredefinedMenuItem::separator(app)?)?,
            }
        }
        bar.append(&menu)?;
    }
    app.set_menu(bar)?;
    Ok(())
}

/// Passes a chosen item to the page of the focused window.
pub(super) fn on_menu_event(app: &AppHandle, event: &MenuEvent) {
    let Some(command) = event.id().as_ref().strip_prefix(PREFIX) else { return };
    let windows = app.webview_windows();
    let focused = windows.values().find(|window| window.is_focused().unwrap_or(false));
    let label = focused.map_or(MAIN, |window| window.label());
    let _ = app.emit_to(label, "menu", command);
}
