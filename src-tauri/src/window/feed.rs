//! Event stream to the page, in batches that leave the page time to paint.

use hookbench_model::Error;
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use tauri::{State, async_runtime::JoinHandle, ipc::Channel};

use super::{Shell, commands::no_engine};

/// Minimum time between two batches, which is about 30 batches per second.
const FRAME_INTERVAL: Duration = Duration::from_millis(33);

/// Running event streams by id.
#[derive(Default)]
pub(super) struct Feeds {
    running: Mutex<HashMap<u32, JoinHandle<()>>>,
    next: AtomicU32,
}

/// Sends the changes after a sequence number through a channel, as JSON arrays. Sends `null` at the end of the stream.
#[tauri::command]
pub(super) async fn feed_start(
    shell: State<'_, Shell>,
    after: Option<i64>,
    channel: Channel<tauri::ipc::Response>,
) -> Result<u32, Error> {
    let transport = shell.transport.as_ref().map_err(|reason| no_engine(reason))?;
    let mut feed = transport.feed(after, None).await.map_err(|e| no_engine(&e.to_string()))?;
    let running = tauri::async_runtime::spawn(async move {
        while let Some(batch) = feed.next().await {
            let text = match &batch {
                Ok(items) => format!("[{}]", items.join(",")),
                Err(_) => "null".to_owned(),
            };
            if channel.send(tauri::ipc::Response::new(text)).is_err() || batch.is_err() {
                return;
            }
            tokio::time::sleep(FRAME_INTERVAL).await;
        }
        // The engine's process ended. `null` makes the page reload its lists once the engine is back.
        let _ = channel.send(tauri::ipc::Response::new("null".to_owned()));
    });
    let id = shell.feeds.next.fetch_add(1, Ordering::Relaxed);
    shell.feeds.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id, running);
    Ok(id)
}

/// Stops an event stream.
#[tauri::command]
pub(super) fn feed_stop(shell: State<'_, Shell>, id: u32) {
    let running = shell.feeds.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&id);
    if let Some(running) = running {
        running.abort();
    }
}
