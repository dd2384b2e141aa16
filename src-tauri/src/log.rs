//! The log on standard error.

use tracing_subscriber::EnvFilter;

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log. `HOOKBENCH_LOG` sets what is logged; `usual` is the level without it. A second call changes nothing.
pub fn start(form: Form, usual: &str) {
    let filter = EnvFilter::try_from_env("HOOKBENCH_LOG").unwrap_or_else(|_| usual.into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // The error would be written to standard error too, and a thread panics where that fails: on a full disk that
        // holds the log file as well, the store's.
        .log_internal_errors(false);
    let _ = match form {
        Form::Text => log.try_init(),
        Form::Json => log.json().try_init(),
    };
}
