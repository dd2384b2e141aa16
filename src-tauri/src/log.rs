//! Log on standard error.

use tracing_subscriber::EnvFilter;

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Plain text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts the log. `HOOKBENCH_LOG` sets the filter, with `usual` as the default. A second call has no effect.
pub fn start(form: Form, usual: &str) {
    let filter = EnvFilter::try_from_env("HOOKBENCH_LOG").unwrap_or_else(|_| usual.into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // An internal error would also be written to standard error, and the thread panics if that write fails. On a
        // full disk with a redirected log, that would be the thread of the store.
        .log_internal_errors(false);
    let _ = match form {
        Form::Text => log.try_init(),
        Form::Json => log.json().try_init(),
    };
}
