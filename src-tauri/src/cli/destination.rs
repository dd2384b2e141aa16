use serde_json::{Map, Value};

use super::{endpoint, error::CliError};

/// Where a command's events go
#[derive(Debug, clap::Args)]
pub(super) struct Destination {
    /// Where it goes; every endpoint of the vendor that takes it if absent
    #[arg(long, value_name = "URL", id = "to")]
    to: Option<String>,
    /// Make the same values again
    #[arg(long)]
    seed: Option<u64>,
    /// Follow the vendor's schedule of retries, here in the foreground
    #[arg(long)]
    retries: bool,
    #[command(flatten)]
    settings: endpoint::Settings,
}

impl Destination {
    /// Whether it names the secret that signs.
    pub(super) fn has_secret(&self) -> bool {
        self.settings.has_secret()
    }

    /// Lays it over a call that sends; whether an endpoint of the command's own gets it. `usual` is
    /// what such an endpoint has unless it is set, `elsewhere` what may be set without one.
    pub(super) fn lay_over(
        self,
        call: &mut Map<String, Value>,
        usual: Map<String, Value>,
        elsewhere: &[&str],
    ) -> Result<bool, CliError> {
        call.insert("seed".into(), self.seed.into());
        call.insert("retries".into(), self.retries.into());
        let own = self.to.is_some();
        let mut settings = if own { usual } else { Map::new() };
        self.settings.lay_over(&mut settings)?;
        if let Some(to) = self.to {
            settings.insert("url".into(), to.into());
            // A command tries things out: what a vendor forbids in production is allowed here.
            settings.entry("local_test").or_insert(true.into());
            call.insert("to".into(), settings.into());
        } else if let Some(name) = settings.keys().find(|name| !elsewhere.contains(&name.as_str())) {
            // Left out without a word, it would seem to hold.
            return Err(CliError::Other(format!(
                "{name} is set for an endpoint of this command's own: name its URL with --to, or use `hookline endpoint set`"
            )));
        } else {
            call.append(&mut settings);
        }
        Ok(own)
    }
}
