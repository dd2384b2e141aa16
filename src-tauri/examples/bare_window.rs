//! A window with nothing in it: what `cargo xtask bench window` compares a start of Hookbench with.

use tauri::{WebviewUrl, WebviewWindowBuilder};

fn main() {
    tauri::Builder::default()
        .setup(|app| {
            let blank = "about:blank".parse()?;
            WebviewWindowBuilder::new(app, "main", WebviewUrl::External(blank)).inner_size(1280.0, 820.0).build()?;
            Ok(())
        })
        .run(tauri::generate_context!())
        .expect("a window opens");
}
