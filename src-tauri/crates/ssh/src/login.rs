//! SSH login: without authentication, with keys of the SSH agent, or with key files.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use russh::{
    client::{AuthResult, Handle},
    keys::{
        self, Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey,
        agent::{AgentIdentity, client::AgentClient},
    },
};

use tokio::time::timeout;

use crate::{DialError, session::Client};

/// Key files in `~/.ssh` that are tried by default, as in OpenSSH.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Maximum number of keys that are tried. The OpenSSH server closes the connection after six attempts (`MaxAuthTries`),
/// and the attempt without a key counts too.
const TRIED_MAX: usize = 5;

/// Maximum time until the SSH agent returns the list of its keys.
const AGENT: Duration = Duration::from_secs(5);

#[cfg(unix)]
type Agent = AgentClient<tokio::net::UnixStream>;
#[cfg(windows)]
type Agent = AgentClient<tokio::net::windows::named_pipe::NamedPipeClient>;

/// Login attempts and their results.
struct LoginAttempts {
    keys: BTreeSet<String>,
    errors: Vec<String>,
}

/// Logs in as a user, with the given key file, or with the keys of the SSH agent and the default key files.
pub(crate) async fn login(handle: &mut Handle<Client>, user: &str, file: Option<&Path>) -> Result<(), DialError> {
    // Services such as localhost.run accept every user without authentication.
    if handle.authenticate_none(user).await.map_err(DialError::lost)?.success() {
        return Ok(());
    }
    let mut tried = LoginAttempts { keys: BTreeSet::new(), errors: Vec::new() };
    let named = file.map(Path::to_owned);
    let only = named.as_deref().and_then(public_of);
    let readable = named.as_deref().map(|path| keys::load_secret_key(path, None));
    // The SSH agent is not needed if the key file can be read.
    let asks = match &readable {
        None => true,
        Some(readable) => readable.is_err() && only.is_some(),
    };
    if asks && with_agent(handle, user, only.as_ref(), &mut tried).await? {
        return Ok(());
    }
    let files = match named {
        Some(file) => vec![file],
        None => usual_files(),
    };
    for file in files {
        if tried.keys.len() >= TRIED_MAX {
            break;
        }
        if with_file(handle, user, &file, &mut tried).await? {
            return Ok(());
        }
    }
    if tried.errors.is_empty() {
        tried.errors.push("no SSH agent with keys was found, and no key file in ~/.ssh".into());
    }
    Err(DialError::NotLetIn { user: user.to_owned(), tried: tried.errors.join("; ") })
}

fn usual_files() -> Vec<PathBuf> {
    let home = std::env::home_dir().map(|home| home.join(".ssh"));
    home.into_iter().flat_map(|home| USUAL.map(|name| home.join(name))).filter(|path| path.is_file()).collect()
}

/// Returns the public key of a key file, from the `.pub` file or from the key file.
fn public_of(path: &Path) -> Option<PublicKey> {
    let beside = path.with_added_extension("pub");
    keys::load_public_key(beside)
        .ok()
        .or_else(|| russh::keys::PrivateKey::read_openssh_file(path).ok().map(|key| key.public_key().clone()))
}

fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Returns the digest for signatures with an RSA key: the best digest that the host supports (`None` is SHA-1), or
/// SHA-256 if this is unknown. Returns `None` for other key types.
async fn digest(handle: &Handle<Client>, key: &PublicKey) -> Option<HashAlg> {
    match key.algorithm() {
        Algorithm::Rsa { .. } => match handle.best_supported_rsa_hash().await {
            Ok(Some(known)) => known,
            _ => Some(HashAlg::Sha256),
        },
        _ => None,
    }
}

async fn with_agent(
    handle: &mut Handle<Client>,
    user: &str,
    only: Option<&PublicKey>,
    tried: &mut LoginAttempts,
) -> Result<bool, DialError> {
    let Some(mut agent) = agent().await else { return Ok(false) };
    let held = match timeout(AGENT, agent.request_identities()).await {
        Ok(Ok(held)) => held,
        Ok(Err(error)) => {
            tried.errors.push(format!("the SSH agent does not respond ({error})"));
            return Ok(false);
        }
        Err(_) => {
            tried.errors.push("the SSH agent does not respond".into());
            return Ok(false);
        }
    };
    for identity in held {
        let AgentIdentity::PublicKey { key, comment } = identity else { continue };
        if tried.keys.len() >= TRIED_MAX || only.is_some_and(|only| only.key_data() != key.key_data()) {
            continue;
        }
        let digest = digest(handle, &key).await;
        tried.keys.insert(fingerprint(&key));
        match handle.authenticate_publickey_with(user, key, digest, &mut agent).await {
            Ok(AuthResult::Success) => return Ok(true),
            Ok(AuthResult::Failure { .. }) => tried.errors.push(format!("the agent's key {comment:?} was rejected")),
            Err(error) => tried.errors.push(format!("the agent could not sign with {comment:?} ({error})")),
        }
        if handle.is_closed() {
            return Err(DialError::Lost("The host closed the connection during the login.".into()));
        }
    }
    Ok(false)
}

#[cfg(unix)]
async fn agent() -> Option<Agent> {
    AgentClient::connect_env().await.ok()
}

#[cfg(windows)]
async fn agent() -> Option<Agent> {
    AgentClient::connect_named_pipe(r"\\.\pipe\openssh-ssh-agent").await.ok()
}

async fn with_file(
    handle: &mut Handle<Client>,
    user: &str,
    file: &Path,
    tried: &mut LoginAttempts,
) -> Result<bool, DialError> {
    let shown = file.display();
    let key = match keys::load_secret_key(file, None) {
        Ok(key) => key,
        Err(keys::Error::KeyIsEncrypted) => {
            tried
                .errors
                .push(format!("{shown} has a passphrase; run `ssh-add {shown}` to add the key to the SSH agent"));
            return Ok(false);
        }
        Err(error) => {
            tried.errors.push(format!("{shown} cannot be read ({error})"));
            return Ok(false);
        }
    };
    if !tried.keys.insert(fingerprint(key.public_key())) {
        return Ok(false);
    }
    let digest = digest(handle, key.public_key()).await;
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), digest);
    if handle.authenticate_publickey(user, key).await.map_err(DialError::lost)?.success() {
        return Ok(true);
    }
    tried.errors.push(format!("{shown} was rejected"));
    Ok(false)
}
