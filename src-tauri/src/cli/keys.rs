//! Secrets and settings on the command line, alike for every verb that takes them.

use std::{collections::BTreeMap, fs, io::Read, path::PathBuf};

use super::{error::CliError, terminal};

/// Largest secret read, in bytes.
const SECRET_MAX: u64 = 64 * 1024;

/// A scheme's secrets and settings
#[derive(Debug, clap::Args)]
pub(super) struct Keys {
    /// Which of the vendor's schemes
    #[arg(long)]
    pub(super) scheme: Option<String>,
    /// A secret, or - for standard input; repeat it while one replaces another
    #[arg(long)]
    secret: Vec<String>,
    /// A file that holds a secret; the line break at its end is not part of it
    #[arg(long, value_name = "FILE")]
    secret_file: Vec<PathBuf>,
    /// A setting of the scheme
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// The URL as registered with the vendor
    #[arg(long)]
    pub(super) url: Option<String>,
}

pub(super) fn line(text: String) -> String {
    text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)).to_owned()
}

impl Keys {
    /// Whether standard input is a secret.
    pub(super) fn read_input(&self) -> bool {
        self.secret.iter().any(|secret| secret == "-")
    }

    /// Whether a secret is given anywhere.
    pub(super) fn is_given(&self) -> bool {
        !self.secret.is_empty() || !self.secret_file.is_empty() || std::env::var_os("HOOKBENCH_SECRET").is_some()
    }

    /// The secrets that are given, wherever they stand.
    pub(super) fn secrets(&self) -> Result<Vec<String>, CliError> {
        let mut secrets = Vec::new();
        for secret in &self.secret {
            if secret == "-" {
                let mut text = String::new();
                std::io::stdin().take(SECRET_MAX).read_to_string(&mut text)?;
                secrets.push(line(text));
            } else {
                terminal::say(
                    "A secret on the command line shows in process lists; --secret-file or HOOKBENCH_SECRET keep it.",
                );
                secrets.push(secret.clone());
            }
        }
        for file in &self.secret_file {
            let text = fs::read_to_string(file).map_err(|e| CliError::Other(format!("{}: {e}", file.display())))?;
            secrets.push(line(text));
        }
        if secrets.is_empty()
            && let Ok(secret) = std::env::var("HOOKBENCH_SECRET")
        {
            secrets.push(secret);
        }
        Ok(secrets)
    }

    /// The settings that are given.
    pub(super) fn params(&self) -> Result<BTreeMap<String, String>, CliError> {
        let pair = |param: &String| {
            param
                .split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .ok_or_else(|| CliError::Other(format!("--param takes NAME=VALUE, not {param:?}")))
        };
        self.params.iter().map(pair).collect()
    }
}
