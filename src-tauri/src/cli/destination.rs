use serde::Serialize;

use super::{
    endpoint::{self, GivenSettings},
    error::CliError,
};

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

    /// Returns where a call sends to. `usual` changes what an endpoint of this command's own has unless it is set, `elsewhere`
    /// is what may be set without one.
    pub(super) fn target(self, usual: impl FnOnce(&mut GivenSettings), elsewhere: &[&str]) -> Result<Target, CliError> {
        let mut settings = self.settings.given()?;
        let mut target = Target { seed: self.seed, retries: self.retries, ..Target::default() };
        let Some(to) = self.to else {
            if let Some(name) = settings.names().into_iter().find(|name| !elsewhere.contains(name)) {
                // Left out without a word, it would seem to hold.
                return Err(CliError::Other(format!(
                    "{name} is set for an endpoint of this command's own: name its URL with --to, or use `hookbench endpoint set`"
                )));
            }
            (target.scope, target.rate, target.speed) = (settings.scope, settings.rate, settings.speed);
            return Ok(target);
        };
        usual(&mut settings);
        settings.url = Some(to);
        // A command tries things out: what a vendor forbids in production is allowed here.
        settings.local_test.get_or_insert(true);
        target.to = Some(settings);
        Ok(target)
    }
}

/// Where a call sends to, as the API takes it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Target {
    seed: Option<u64>,
    retries: bool,
    /// An endpoint of the command's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<GivenSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) speed: Option<f64>,
}
