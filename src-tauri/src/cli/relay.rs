use std::{net::SocketAddr, path::PathBuf, time::Duration};

use hookbench_engine::Clock;
use hookbench_relay::server::{Acme, Admin, AdminError, Config, Quotas, Relay, RelayError, ShownDevice, Tls};

use super::{Context, error::CliError, serve::until_ended, terminal};
use crate::log;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Run the relay on this machine
    Serve(Box<Serve>),
    /// Let laptops in, list them, shut them out; on the machine the relay runs on
    #[command(subcommand)]
    Device(Device),
    /// Print the relay's counters in Prometheus' text format
    Metrics,
}

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Where it listens; port 0 picks one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4670")]
    listen: SocketAddr,
    /// The address vendors and laptops reach it at, such as https://relay.example
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A host name that leads here: its certificate is got and renewed by itself (ACME, TLS-ALPN-01). The
    /// certificate authority has to reach this relay at port 443
    #[arg(long, value_name = "HOST", conflicts_with = "tls_cert")]
    domain: Option<String>,
    /// Where the certificate authority can write to its holder
    #[arg(long, value_name = "EMAIL", requires = "domain")]
    acme_contact: Option<String>,
    /// Another certificate authority than Let's Encrypt
    #[arg(long, value_name = "URL", requires = "domain")]
    acme_directory: Option<String>,
    /// A PEM file with the root that authority's own certificate goes back to
    #[arg(long, value_name = "FILE", requires = "acme_directory")]
    acme_root: Option<PathBuf>,
    /// A certificate of your own, with its chain, as PEM file; read at start
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy in front of it whose X-Forwarded-For is believed, as address or network; can be repeated
    #[arg(long, value_name = "CIDR")]
    behind_proxy: Vec<String>,
    /// Where counters are given to Prometheus (GET /metrics); keep it from strangers
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// Largest body, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 32)]
    max_body: u64,
    /// Deliveries of one inbox that may wait
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    max_waiting: u64,
    /// Megabytes kept for one device
    #[arg(long, value_name = "MB", default_value_t = 2_048)]
    max_stored: u64,
    /// Requests to one inbox in a second
    #[arg(long, value_name = "N", default_value_t = 500)]
    max_rate: u32,
    /// Days for which deliveries wait
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    keep_days: u64,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Device {
    /// Print a code with which one laptop can enrol
    Add,
    /// List the laptops that are enrolled
    List,
    /// Shut a laptop out: its session and its addresses end at once
    Revoke {
        /// Its id
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
                "{error}. Start it with `hookbench relay serve`, or name its folder with --data; only its owner may."
            )),
            other => Self::Other(other.to_string()),
        }
    }
}

/// A relay's data stands beside that of the window, never in it.
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
                    "Good once, for {} minutes. On the laptop: hookbench tunnel start RELAY --code {code}",
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
        (false, true) => "attached",
        (false, false) => "away",
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
    let relay = Relay::start(config, Clock::system()).await?;
    if context.json {
        let line = serde_json::json!({
            "relay": relay.url(), "listen": relay.address().to_string(), "data": data, "pid": std::process::id(),
        });
        terminal::json(&line);
    } else {
        terminal::say(&format!(
            "  relay     {}\n  listens   {}\n  data      {}\n\nCtrl-C ends it. Let a laptop in: hookbench relay device add",
            relay.url(),
            relay.address(),
            data.display()
        ));
    }
    until_ended().await;
    relay.stop().await;
    Ok(())
}
