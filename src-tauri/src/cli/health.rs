//! `hookbench health`: says whether the running engine can receive and store webhooks, for container runtimes.

use hookbench_engine::DataDir;
use hookbench_model::{DatabaseStatus, ListenerState, Status};

use super::{Api, Context, error::CliError, terminal};

/// Prints `ready`, or the reason why not. The result is then negative.
pub(super) async fn run(context: &Context) -> Result<(), CliError> {
    if DataDir::live(&context.data).is_none_or(|live| live.api.is_none()) {
        terminal::line("not ready: no engine runs");
        return Err(CliError::No);
    }
    let status: Status = Api::open(context).await?.get("/status").await?;
    let why = match (status.listener, status.database) {
        (ListenerState::Listening { .. }, DatabaseStatus::Ok) => None,
        (_, DatabaseStatus::Failing { message, .. }) => Some(format!("requests cannot be stored: {message}")),
        _ => Some("the listener does not listen".to_owned()),
    };
    terminal::line(&why.as_ref().map_or("ready".to_owned(), |why| format!("not ready: {}", terminal::shown(why))));
    why.map_or(Ok(()), |_| Err(CliError::No))
}
