//! Log on standard error.

use tracing_subscriber::EnvFilter;

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Plain text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts the log. `HOOKBENCH_LOG` sets the filter, with `usual` as the default. A second call has no effect.
pub fn start(form: Form, usual: &str) {
    let filter = std::env::var("HOOKBENCH_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = filter.and_then(|filter| EnvFilter::try_new(filter).ok()).unwrap_or_else(|| usual.into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        // An internal error would also be written to standard error, and the thread panics if that write fails. On a
        // full disk with a redirected log, that would be the thread of the store.
        .log_internal_errors(false);
    let _ = match form {
        Form::Text => log.try_init(),
        Form::Json => log.json().try_init(),
    };
}
