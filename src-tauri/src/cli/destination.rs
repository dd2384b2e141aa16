//! Destination flags of `trigger` and `scenario run`: a URL, or the endpoints of the vendor.

use serde::Serialize;

use super::{
    endpoint::{self, GivenSettings},
    error::CliError,
};

/// Destination of a command's events
#[derive(Debug, clap::Args)]
pub(super) struct Destination {
    /// Send to this URL [default: the vendor's endpoints that accept the event]
    #[arg(long, value_name = "URL", id = "to")]
    to: Option<String>,
    /// Generate the same payload values for the same seed
    #[arg(long)]
    seed: Option<u64>,
    /// Retry on the vendor's schedule, and wait until all deliveries have ended
    #[arg(long)]
    retries: bool,
    #[command(flatten)]
    settings: endpoint::Settings,
}

impl Destination {
    /// Returns true if a signing secret is given.
    pub(super) fn has_secret(&self) -> bool {
        self.settings.has_secret()
    }

    /// Returns the destination of a call. `usual` sets defaults of the temporary endpoint. `allowed_settings` names the
    /// settings that a call to saved endpoints may have.
    pub(super) fn target(
        self,
        usual: impl FnOnce(&mut GivenSettings),
        allowed_settings: &[&str],
    ) -> Result<Target, CliError> {
        let mut settings = self.settings.given()?;
        let mut target = Target { seed: self.seed, retries: self.retries, ..Target::default() };
        let Some(to) = self.to else {
            if let Some(name) = settings.names().into_iter().find(|name| !allowed_settings.contains(name)) {
                // A setting that is silently ignored would seem to apply.
                return Err(CliError::Other(format!(
                    "{name} applies only to a temporary endpoint. Pass the endpoint's URL with --to, or use \
                     `hookbench endpoint set`"
                )));
            }
            (target.account, target.rate, target.time_scale) = (settings.account, settings.rate, settings.time_scale);
            return Ok(target);
        };
        usual(&mut settings);
        settings.url = Some(to);
        // A command is for tests, so URLs that the vendor forbids in production are allowed.
        settings.local_test.get_or_insert(true);
        target.to = Some(settings);
        Ok(target)
    }
}

/// Destination of a call, as the API expects it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Target {
    seed: Option<u64>,
    retries: bool,
    /// Settings of a temporary endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<GivenSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_scale: Option<f64>,
}
