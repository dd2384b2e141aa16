//! Flags for secrets and signature scheme parameters, shared by all verbs that need them.

use std::{collections::BTreeMap, fs, io::Read, path::PathBuf};

use super::{error::CliError, terminal};

/// Maximum size of a secret on standard input, in bytes.
const SECRET_MAX: u64 = 64 * 1024;

/// Secrets and parameters of a signature scheme
#[derive(Debug, clap::Args)]
pub(super) struct Keys {
    /// Use this signature scheme of the vendor [default: the vendor's first]
    #[arg(long)]
    pub(super) scheme: Option<String>,
    /// Signing secret, or - for standard input; repeatable during a rotation
    #[arg(long)]
    secret: Vec<String>,
    /// File with the signing secret; a final line break is ignored
    #[arg(long, value_name = "FILE")]
    secret_file: Vec<PathBuf>,
    /// Set a parameter of the signature scheme; repeatable
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// URL as registered with the vendor
    #[arg(long)]
    pub(super) url: Option<String>,
}

pub(super) fn line(text: String) -> String {
    text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)).to_owned()
}

impl Keys {
    /// Returns true if a secret is read from standard input.
    pub(super) fn read_input(&self) -> bool {
        self.secret.iter().any(|secret| secret == "-")
    }

    /// Returns true if a secret is given by a flag or by `HOOKBENCH_SECRET`.
    pub(super) fn is_given(&self) -> bool {
        !self.secret.is_empty() || !self.secret_file.is_empty() || std::env::var_os("HOOKBENCH_SECRET").is_some()
    }

    /// Returns the secrets from the flags, or else the one from `HOOKBENCH_SECRET`.
    pub(super) fn secrets(&self) -> Result<Vec<String>, CliError> {
        let mut secrets = Vec::new();
        for secret in &self.secret {
            if secret == "-" {
                let mut text = String::new();
                std::io::stdin().take(SECRET_MAX).read_to_string(&mut text)?;
                secrets.push(line(text));
            } else {
                terminal::say(
                    "A secret on the command line is visible in process lists. Use --secret-file or HOOKBENCH_SECRET.",
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

    /// Returns the scheme parameters by name.
    pub(super) fn params(&self) -> Result<BTreeMap<String, String>, CliError> {
        let pair = |param: &String| {
            param
                .split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .ok_or_else(|| CliError::Other(format!("--param is invalid: {param:?} (expected NAME=VALUE)")))
        };
        self.params.iter().map(pair).collect()
    }
}
