//! `hookbench relay`: runs a relay and manages its devices.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use hookbench_engine::Clock;
use hookbench_relay::server::{Acme, Admin, AdminError, Config, Quotas, Relay, RelayError, ShownDevice, Tls};

use super::{Context, error::CliError, serve::termination, terminal};
use crate::log;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Run a relay on this machine
    #[command(after_help = "Examples:\n  hookbench relay serve\n  \
        hookbench relay serve --domain relay.example --listen 0.0.0.0:443\n  \
        hookbench relay serve --url https://relay.example --behind-proxy 10.0.0.0/8")]
    Serve(Box<Serve>),
    /// Add, list and revoke devices, on the machine of the relay
    #[command(subcommand, after_help = "Examples:\n  hookbench relay device add\n  hookbench relay device list")]
    Device(Device),
    /// Print the relay's metrics in the Prometheus text format
    #[command(after_help = "Examples:\n  hookbench relay metrics")]
    Metrics,
}

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Listen on this address; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4670", env = "HOOKBENCH_RELAY_LISTEN")]
    listen: SocketAddr,
    /// Public URL of the relay, such as https://relay.example
    #[arg(long, value_name = "URL", env = "HOOKBENCH_RELAY_URL")]
    url: Option<String>,
    /// Obtain and renew a certificate for this host name (ACME, TLS-ALPN-01)
    ///
    /// The host name must resolve to this server.
    ///
    /// The certificate authority must reach the relay on port 443.
    #[arg(long, value_name = "HOST", conflicts_with = "tls_cert", env = "HOOKBENCH_RELAY_DOMAIN")]
    domain: Option<String>,
    /// Contact email address for the certificate authority
    #[arg(long, value_name = "EMAIL", requires = "domain", env = "HOOKBENCH_RELAY_ACME_CONTACT")]
    acme_contact: Option<String>,
    /// ACME directory URL of the certificate authority [default: Let's Encrypt]
    #[arg(long, value_name = "URL", requires = "domain", env = "HOOKBENCH_RELAY_ACME_DIRECTORY")]
    acme_directory: Option<String>,
    /// PEM file with the root certificate of the ACME server
    #[arg(long, value_name = "FILE", requires = "acme_directory", env = "HOOKBENCH_RELAY_ACME_ROOT")]
    acme_root: Option<PathBuf>,
    /// PEM file with a certificate and its chain, read at start
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "HOOKBENCH_RELAY_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "HOOKBENCH_RELAY_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Trust X-Forwarded-For from this proxy address or network; repeatable
    #[arg(long, value_name = "CIDR", env = "HOOKBENCH_RELAY_BEHIND_PROXY", value_delimiter = ',')]
    behind_proxy: Vec<String>,
    /// Serve Prometheus metrics (GET /metrics) on this address, without authentication
    #[arg(long, value_name = "ADDR", env = "HOOKBENCH_RELAY_METRICS")]
    metrics: Option<SocketAddr>,
    /// Maximum body size, in MiB (1 to 1024)
    #[arg(long, value_name = "MIB", default_value_t = 32, env = "HOOKBENCH_RELAY_MAX_BODY")]
    max_body: u64,
    /// Maximum number of waiting deliveries per inbox
    #[arg(long, value_name = "N", default_value_t = 100_000, env = "HOOKBENCH_RELAY_MAX_WAITING")]
    max_waiting: u64,
    /// Maximum storage per device, in MB
    #[arg(long, value_name = "MB", default_value_t = 2_048, env = "HOOKBENCH_RELAY_MAX_STORED")]
    max_stored: u64,
    /// Maximum number of requests per second and inbox
    #[arg(long, value_name = "N", default_value_t = 500, env = "HOOKBENCH_RELAY_MAX_RATE")]
    max_rate: u32,
    /// Delete waiting deliveries after this many days (1 to 365)
    #[arg(long, value_name = "DAYS", default_value_t = 30, env = "HOOKBENCH_RELAY_KEEP_DAYS")]
    keep_days: u64,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Device {
    /// Print a one-time code that enrolls a device
    #[command(after_help = "Examples:\n  hookbench relay device add")]
    Add,
    /// List the enrolled devices
    #[command(after_help = "Examples:\n  hookbench relay device list")]
    List,
    /// Revoke a device. Its session and its public URLs end at once
    #[command(after_help = "Examples:\n  hookbench relay device revoke DEVICE")]
    Revoke {
        /// ID of the device
        device: String,
    },
}

impl From<RelayError> for CliError {
    fn from(error: RelayError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotThere { .. } => Self::Other(format!(
                "{error}. Start the relay with `hookbench relay serve`, or pass its data folder with --data. Only the \
                 owner of the folder can do this."
            )),
            other => Self::Other(other.to_string()),
        }
    }
}

/// Returns the data folder of the relay: the one of --data, or else `relay` in the default data folder.
fn folder(context: &Context) -> PathBuf {
    if context.own_data { context.data.clone() } else { context.data.join("relay") }
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    let admin = Admin::new(&folder(context));
    match verb {
        Verb::Serve(args) => serve(context, *args).await,
        Verb::Device(Device::Add) => {
            let (code, good_for_s) = admin.add_device().await?;
            if context.json {
                terminal::line(&serde_json::json!({ "code": code, "good_for_s": good_for_s }).to_string());
            } else {
                terminal::line(&code);
                terminal::say(&format!(
                    "The code works once, for {} minutes. On your computer, run: \
                     hookbench tunnel start RELAY --code {code}",
                    good_for_s / 60
                ));
            }
            Ok(())
        }
        Verb::Device(Device::List) => {
            for device in admin.devices().await? {
                print(context, &device);
            }
            Ok(())
        }
        Verb::Device(Device::Revoke { device }) => Ok(admin.revoke(&device).await?),
        Verb::Metrics => {
            for line in admin.metrics().await?.lines() {
                terminal::line(line);
            }
            Ok(())
        }
    }
}

fn print(context: &Context, device: &ShownDevice) {
    if context.json {
        return terminal::line(&serde_json::to_string(device).unwrap_or_default());
    }
    let state = match (device.revoked, device.attached) {
        (true, _) => "revoked",
        (false, true) => "online",
        (false, false) => "offline",
    };
    let inboxes: Vec<String> =
        device.inboxes.iter().map(|(name, waiting)| format!("{name} ({waiting} waiting)")).collect();
    terminal::line(&format!("{}  {state:8}  {}  {}", device.id, terminal::shown(&device.name), inboxes.join(", ")));
}

async fn serve(context: &Context, args: Serve) -> Result<(), CliError> {
    log::start(if context.json { log::Form::Json } else { log::Form::Text }, "info");
    let usual = Quotas::default();
    let quotas = Quotas {
        wire: hookbench_model::ListenerLimits { body_bytes: args.max_body.clamp(1, 1_024) * 1024 * 1024, ..usual.wire },
        waiting: args.max_waiting,
        device_bytes: args.max_stored.saturating_mul(1_000_000),
        per_second: args.max_rate,
        keep_waiting: Duration::from_hours(args.keep_days.clamp(1, 365) * 24),
        ..usual
    };
    let data = folder(context);
    let tls = match (args.domain, args.tls_cert, args.tls_key) {
        (Some(domain), ..) => {
            Tls::Acme(Acme { domain, contact: args.acme_contact, directory: args.acme_directory, root: args.acme_root })
        }
        (None, Some(cert), Some(key)) => Tls::Files { cert, key },
        _ => Tls::Off,
    };
    let config = Config {
        data: data.clone(),
        listen: args.listen,
        url: args.url,
        trusted: args.behind_proxy,
        metrics: args.metrics,
        tls,
        quotas,
    };
    let ended = termination();
    let relay = Relay::start(config, Clock::system()).await?;
    if context.json {
        let line = serde_json::json!({
            "relay": relay.url(), "listen": relay.address().to_string(), "data": data, "pid": std::process::id(),
        });
        terminal::json(&line);
    } else {
        terminal::say(&format!(
            "  relay     {}\n  listens   {}\n  data      {}\n\nPress Ctrl-C to stop. To enroll a device, run: \
             hookbench relay device add",
            relay.url(),
            relay.address(),
            data.display()
        ));
    }
    ended.await;
    relay.stop().await;
    Ok(())
}
