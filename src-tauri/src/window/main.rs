//! `hookbench-desktop`, the window on the API of an engine in this process, or in one that is already running.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod close;
mod commands;
mod feed;
mod incoming;
mod menu;
mod views;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use hookbench::{
    data_folder, log, mcp,
    transport::{
        ApiAccess, Transport,
        api_server::{self, LocalApi},
    },
};
use hookbench_engine::{Engine, OwnerKind, descriptors};
use tauri::{AppHandle, Emitter, Manager, WebviewUrl, WebviewWindowBuilder};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Label of the first window.
const MAIN: &str = "main";

/// Shared state of the window's commands.
struct Shell {
    /// API, or the reason why there is none.
    transport: Result<Transport, String>,
    /// Engine, if it runs in this process.
    engine: Option<Arc<Engine>>,
    /// Local HTTP API, which stays open while the window is open.
    _http: Option<LocalApi>,
    feeds: feed::Feeds,
    close: close::Close,
    offered: incoming::Offered,
    /// Folder with the browser storage of the page, which belongs to the data folder.
    page: PathBuf,
}

/// Catch, inspect, verify, forward, replay, send and tunnel webhooks
#[derive(Debug, Parser)]
#[command(name = "hookbench-desktop", version)]
struct Args {
    /// Use this data folder
    #[arg(long, env = data_folder::VARIABLE, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Link to open, such as hookbench://inbox/shop
    link: Option<String>,
}

/// Opens the window, and returns when the user quits.
fn main() -> ExitCode {
    webkit_fallback();
    let Args { data, link } = Args::parse();
    log::start(log::Form::Text, "warn");
    // An empty variable counts as unset.
    let data = data.filter(|data| !data.as_os_str().is_empty());
    let own_instance = data.is_some();
    let Some(data) = data.or_else(data_folder::usual) else {
        return fail("no home folder was found. Pass a data folder with --data");
    };
    if let Err(why) = ready(&data) {
        return fail(&why);
    }
    descriptors::raise_limit();
    let mut builder = tauri::Builder::default();
    if !own_instance {
        // Each named data folder has its own window. With the default folder, a second start shows the first window.
        builder = builder.plugin(tauri_plugin_single_instance::init(|app, args, _| {
            show(app);
            if let Some(link) = args.iter().find(|arg| arg.starts_with("hookbench://")) {
                follow(app, link);
            }
        }));
    }
    let built = builder
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_notification::init())
        .invoke_handler(tauri::generate_handler![
            commands::api,
            commands::save_to,
            commands::back_up,
            incoming::pick_files,
            incoming::send_file,
            commands::notify,
            feed::feed_start,
            feed::feed_stop,
            close::closing,
            menu::set_menu,
            views::open_window,
        ])
        .setup(move |app| {
            open_first_window(app, &data, link.as_deref())?;
            Ok(())
        })
        .on_menu_event(|app, event| menu::on_menu_event(app, &event))
        .on_window_event(|window, event| {
            // Further windows close without a question, because the first one keeps listening.
            if window.label() != MAIN {
                return;
            }
            close::on_window_event(window, event);
            incoming::on_window_event(window, event);
        })
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            app.run(|app, event| {
                if let tauri::RunEvent::Exit = event {
                    let engine = app.state::<Shell>().engine.clone();
                    if let Some(engine) = engine {
                        tauri::async_runtime::block_on(engine.close());
                    }
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the window could not be opened");
            ExitCode::from(2)
        }
    }
}

/// Opens the engine, the first window at the view of a link, and the tray.
fn open_first_window(app: &mut tauri::App, data: &Path, link: Option<&str>) -> tauri::Result<()> {
    let shell = tauri::async_runtime::block_on(open(data));
    app.manage(shell);
    let address = link.and_then(view_of).unwrap_or_default();
    WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App(address.into()))
        .title("Hookbench")
        .inner_size(1280.0, 820.0)
        .min_inner_size(720.0, 480.0)
        .data_directory(data.join("page"))
        .build()?;
    close::make_tray(app.handle());
    follow_links(app.handle());
    Ok(())
}

/// Connects to the running engine of the data folder, or opens one with its listener and local HTTP API.
async fn open(data: &std::path::Path) -> Shell {
    let (transport, engine) = match Transport::open(data, OwnerKind::Window).await {
        Ok(Transport::InProcess { engine, router, streams }) => {
            (Ok(Transport::InProcess { engine: engine.clone(), router, streams }), Some(engine))
        }
        Ok(remote) => (Ok(remote), None),
        Err(error) => (Err(error.to_string()), None),
    };
    let mut http = None;
    if let Some(engine) = &engine {
        // The window shows a port conflict, and the program that uses the port.
        engine.start_listener(None).await;
        if engine.settings().local_api {
            let routes = mcp::route(engine, mcp::Permissions::default());
            match api_server::open(engine, ApiAccess::default(), routes, |_, _| ()).await {
                Ok(open) => http = Some(open),
                Err(error) => tracing::warn!(%error, "the local HTTP API could not be opened"),
            }
        }
        if let Err(error) = api_server::announce(engine, OwnerKind::Window, http.as_ref()).await {
            tracing::warn!(%error, "engine.json could not be written; `hookbench` commands cannot find this window");
        }
    }
    Shell {
        transport,
        engine,
        _http: http,
        feeds: feed::Feeds::default(),
        close: close::Close::default(),
        offered: incoming::Offered::default(),
        page: data.join("page"),
    }
}

/// Brings the window to the front.
fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(MAIN) {
        let _ = window.show();
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}

/// Returns the path of the view that a link names. A link can only show a view; any other link is ignored.
fn view_of(link: &str) -> Option<String> {
    let path = link.strip_prefix("hookbench://")?.trim_end_matches('/');
    let plain = |part: &&str| {
        !part.is_empty() && *part != ".." && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let shown = match path.split('/').collect::<Vec<_>>()[..] {
        ["settings" | "debugger" | "requests" | "schemas" | "endpoints" | "deliveries" | "scenarios"] => true,
        ["inbox", inbox] => plain(&inbox),
        ["inbox", inbox, request] => plain(&inbox) && plain(&request),
        _ => false,
    };
    shown.then(|| format!("/{path}"))
}

fn follow(app: &AppHandle, link: &str) {
    if let Some(view) = view_of(link) {
        let _ = app.emit_to(MAIN, "show", view);
    }
}

fn follow_links(app: &AppHandle) {
    use tauri_plugin_deep_link::DeepLinkExt;
    let handle = app.clone();
    app.deep_link().on_open_url(move |event| {
        for url in event.urls() {
            follow(&handle, url.as_str());
        }
    });
}

/// Prints a fatal error and returns its exit status.
fn fail(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "hookbench-desktop: {why}");
    ExitCode::from(2)
}

/// Takes over data of an earlier release, and checks that there is a display.
fn ready(data: &std::path::Path) -> Result<(), String> {
    if let Some(message) = data_folder::prepare(data).map_err(|error| error.to_string())? {
        tracing::warn!("{message}");
    }
    match has_display() {
        true => Ok(()),
        false => Err("no display was found. Run `hookbench serve` and open the printed address in a browser".into()),
    }
}

/// Returns true if there is a display. Without one, GTK exits the process.
fn has_display() -> bool {
    cfg!(not(target_os = "linux"))
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Disables DMA-BUF with the NVIDIA driver, because WebKitGTK then shows an empty window (webkit.org/b/262607).
#[cfg(target_os = "linux")]
fn webkit_fallback() {
    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    if std::path::Path::new("/proc/driver/nvidia/version").exists() && std::env::var_os(VARIABLE).is_none() {
        set_before_threads(VARIABLE, "1");
    }
}

#[cfg(not(target_os = "linux"))]
fn webkit_fallback() {}

/// Sets an environment variable while this thread is the only one.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn set_before_threads(name: &str, value: &str) {
    // SAFETY: called first thing in `main`, before any other thread exists to read the environment.
    unsafe { std::env::set_var(name, value) };
}

#[cfg(test)]
mod tests {
    use super::view_of;

    #[test]
    fn parses_links_to_views_only() {
        assert_eq!(view_of("hookbench://inbox/shop").as_deref(), Some("/inbox/shop"));
        assert_eq!(view_of("hookbench://settings/").as_deref(), Some("/settings"));
        for link in [
            "hookbench://api/v1/requests",
            "hookbench://inbox/../api",
            "hookbench://inbox/api/v1/status",
            "hookbench://settings/x",
            "hookbench://inbox/",
            "hookbench://inbox/a?x=<script>",
            "http://inbox/shop",
            "hookbench://",
        ] {
            assert_eq!(view_of(link), None, "{link}");
        }
    }
}
