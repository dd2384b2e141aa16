//! Tunnels, exposures and deliveries through tunnels: rows of `tunnel`, `exposure` and `tunnelled`.

use const_format::formatcp;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use hookbench_model::ExposureSettings;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// A row of `tunnel`. The key is read only to sign.
#[derive(Debug, Clone)]
pub struct TunnelRow {
    /// Number of the tunnel.
    pub number: i64,
    /// Id of the tunnel, a UUIDv7.
    pub id: String,
    /// Kind and destination of the tunnel.
    pub settings: TunnelSettings,
    /// Secret key that identifies this computer to the relay. `None` if the tunnel does not use a relay.
    pub key: Option<[u8; 32]>,
    /// True if the tunnel is enabled.
    pub wanted: bool,
    /// Time at which the tunnel was created, in µs since the Unix epoch.
    pub created_us: i64,
}

/// Kind and destination of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TunnelSettings {
    /// Tunnel through a relay.
    Relay(RelaySettings),
    /// Tunnel through a port of an SSH host.
    Ssh(SshSettings),
    /// Tunnel of another program.
    Other(OtherSettings),
}

/// Settings of a relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelaySettings {
    /// Address of the relay.
    pub url: String,
    /// Id of the relay.
    pub relay: String,
    /// Name of this computer at the relay.
    pub device: String,
}

/// Settings of an SSH tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshSettings {
    /// User and host, as displayed by `hookbench_ssh::Destination`.
    pub destination: String,
    /// Requested port, as displayed by `hookbench_ssh::Remote`.
    pub remote: String,
    /// Path of the private key file. `None` uses the keys of the agent and those in `~/.ssh`.
    pub key_file: Option<PathBuf>,
    /// Public URL set by a user.
    pub given: Option<String>,
    /// Fingerprint of the trusted host key. Empty before the first connection.
    pub host_key: String,
    /// Port last chosen by the host, if any port was requested.
    pub port: Option<u16>,
    /// Last known public URL.
    pub url: String,
}

/// Settings of another program's tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherSettings {
    /// Public URL of the tunnel.
    pub url: String,
    /// Local port that the other program must forward to.
    pub port: u16,
}

impl TunnelSettings {
    /// Returns the name of the tunnel: the address of the relay, the SSH destination, or the public URL.
    pub fn name(&self) -> &str {
        match self {
            Self::Relay(RelaySettings { url, .. }) | Self::Other(OtherSettings { url, .. }) => url,
            Self::Ssh(SshSettings { destination, .. }) => destination,
        }
    }

    /// Returns the key that is unique among tunnels.
    pub fn place(&self) -> String {
        match self {
            Self::Ssh(SshSettings { destination, remote, .. }) => format!("{destination} {remote}"),
            Self::Relay(_) | Self::Other(_) => self.name().to_owned(),
        }
    }

    /// Returns true if requests are stored while this computer is offline. Only relays store requests.
    pub fn is_durable(&self) -> bool {
        matches!(self, Self::Relay(_))
    }

    /// Returns the public URL shared by all inboxes. `None` for a relay, which gives each inbox a separate URL.
    pub fn public(&self) -> Option<&str> {
        match self {
            Self::Relay(_) => None,
            Self::Ssh(SshSettings { url, .. }) | Self::Other(OtherSettings { url, .. }) => Some(url),
        }
    }
}

const SELECT: &str = "SELECT number, id, settings, secret, wanted, created_us FROM tunnel";

impl TunnelRow {
    /// Lists every tunnel, oldest first.
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection.prepare_cached(&format!("{SELECT} ORDER BY number"))?.query_map([], Self::from_row)?.collect()
    }

    /// Stores a new, enabled tunnel.
    pub fn insert(
        connection: &Connection,
        settings: &TunnelSettings,
        key: Option<[u8; 32]>,
        now_us: i64,
    ) -> rusqlite::Result<Self> {
        let id = uuid::Uuid::now_v7().to_string();
        connection.execute(
            "INSERT INTO tunnel (id, settings, secret, wanted, created_us) VALUES (?1, ?2, ?3, 1, ?4)",
            params![id, serde_json::to_string(settings).unwrap_or_default(), secret(key), now_us],
        )?;
        let number = connection.last_insert_rowid();
        Ok(Self { number, id, settings: settings.clone(), key, wanted: true, created_us: now_us })
    }

    /// Stores the settings, the key and the enabled state of the tunnel.
    pub fn put(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .execute(
                "UPDATE tunnel SET settings = ?2, secret = ?3, wanted = ?4 WHERE number = ?1",
                params![
                    self.number,
                    serde_json::to_string(&self.settings).unwrap_or_default(),
                    secret(self.key),
                    self.wanted
                ],
            )
            .map(drop)
    }

    /// Deletes a tunnel and its exposures. Requests that arrived through the tunnel are kept and no longer await a
    /// decision.
    pub fn remove(connection: &Connection, number: i64) -> rusqlite::Result<()> {
        connection.execute("DELETE FROM tunnel WHERE number = ?1", [number])?;
        connection.execute("DELETE FROM exposure WHERE tunnel = ?1", [number])?;
        connection
            .execute(
                formatcp!("UPDATE tunnelled SET backlog = {DECIDED} WHERE tunnel = ?1 AND backlog = {UNDECIDED}"),
                [number],
            )
            .map(drop)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let settings: String = row.get(2)?;
        let settings = serde_json::from_str(&settings)
            .map_err(|e| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(e)))?;
        Ok(Self {
            number: row.get(0)?,
            id: row.get(1)?,
            settings,
            key: row.get::<_, Vec<u8>>(3)?.try_into().ok(),
            wanted: row.get(4)?,
            created_us: row.get(5)?,
        })
    }
}

fn secret(key: Option<[u8; 32]>) -> Vec<u8> {
    key.map(|secret| secret.to_vec()).unwrap_or_default()
}

/// A row of `exposure`: an inbox exposed by a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposureRow {
    /// Number of the tunnel.
    pub tunnel: i64,
    /// Number of the inbox.
    pub inbox: i64,
    /// Name of the inbox at a relay, or the token in the URL of other tunnels. Renaming the inbox does not change the
    /// label.
    pub label: String,
    /// URL of the inbox at a relay. Empty for other tunnels.
    pub url: String,
    /// Settings of the exposure, including the password.
    pub settings: ExposureSettings,
}

impl ExposureRow {
    /// Lists every exposure.
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection
            .prepare_cached("SELECT tunnel, inbox, label, url, settings FROM exposure ORDER BY tunnel, inbox")?
            .query_map([], |row| {
                Ok(Self {
                    tunnel: row.get(0)?,
                    inbox: row.get(1)?,
                    label: row.get(2)?,
                    url: row.get(3)?,
                    settings: serde_json::from_str(&row.get::<_, String>(4)?).unwrap_or_default(),
                })
            })?
            .collect()
    }

    /// Stores the exposure, or changes the URL and the settings of an existing one.
    pub fn put(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .execute(
                "INSERT INTO exposure (tunnel, inbox, label, url, settings) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (tunnel, inbox) DO UPDATE SET url = excluded.url, settings = excluded.settings",
                params![
                    self.tunnel,
                    self.inbox,
                    self.label,
                    self.url,
                    serde_json::to_string(&self.settings).unwrap_or_default()
                ],
            )
            .map(drop)
    }

    /// Deletes the exposure.
    pub fn remove(connection: &Connection, tunnel: i64, inbox: i64) -> rusqlite::Result<()> {
        connection.execute("DELETE FROM exposure WHERE tunnel = ?1 AND inbox = ?2", params![tunnel, inbox])?;
        // The numbers restart if the inbox is exposed again.
        connection
            .execute("UPDATE tunnelled SET seq = 0 WHERE tunnel = ?1 AND inbox = ?2", params![tunnel, inbox])
            .map(drop)
    }

    /// Lists the numbers of all inboxes, including those whose deletion can still be undone.
    pub fn inboxes(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
        connection.prepare_cached("SELECT number FROM inbox")?.query_map([], |row| row.get(0))?.collect()
    }

    /// Returns, for each label, the last sequence number up to which every delivery that the relay still stores was
    /// received.
    pub fn had(connection: &Connection, tunnel: i64, now_us: i64) -> rusqlite::Result<BTreeMap<String, i64>> {
        let rows: Vec<(i64, String, i64)> = connection
            .prepare_cached("SELECT inbox, label, had FROM exposure WHERE tunnel = ?1")?
            .query_map([tunnel], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut had = BTreeMap::new();
        for (inbox, label, mut last) in rows {
            let mut after = connection.prepare_cached(
                "SELECT seq, received_us FROM tunnelled WHERE tunnel = ?1 AND inbox = ?2 AND seq > ?3 ORDER BY seq",
            )?;
            let mut seqs = after.query(params![tunnel, inbox, last])?;
            while let Some(row) = seqs.next()?
                && (row.get::<_, i64>(0)? <= last + 1 || row.get::<_, i64>(1)? < now_us - SENT_AGAIN_US)
            {
                last = row.get(0)?;
            }
            had.insert(label, last);
        }
        Ok(had)
    }

    /// Stores these numbers to avoid counting them again.
    pub fn keep_had(connection: &Connection, tunnel: i64, had: &BTreeMap<String, i64>) -> rusqlite::Result<()> {
        for (label, last) in had {
            connection.execute(
                "UPDATE exposure SET had = ?3 WHERE tunnel = ?1 AND label = ?2",
                params![tunnel, label, last],
            )?;
        }
        Ok(())
    }
}

/// A row of `tunnelled`: a delivery that arrived through a tunnel.
#[derive(Debug, Clone)]
pub struct Tunnelled {
    /// Id of the delivery at the relay.
    pub delivery: uuid::Uuid,
    /// Number of the tunnel.
    pub tunnel: i64,
    /// Number of the inbox.
    pub inbox: i64,
    /// Sequence number of the delivery within the exposure.
    pub seq: i64,
    /// SHA-256 of the body.
    pub sha256: String,
    /// Time at which the relay received the request, in µs since the Unix epoch.
    pub received_us: i64,
    /// True if the request arrived while this computer was offline and awaits a decision.
    pub backlog: bool,
}

/// Values of `tunnelled.backlog`: the request arrived while this computer was offline and awaits a decision, or the
/// decision was made.
const UNDECIDED: u8 = 1;
const DECIDED: u8 = 2;

/// Time during which a relay can resend an accepted delivery, plus two hours, in µs. An older gap is permanent.
const SENT_AGAIN_US: i64 = 26 * 3_600 * 1_000_000;

/// Time for which deliveries are stored, in µs: longer than at any relay.
const KNOWN_US: i64 = 90 * 24 * 3_600 * 1_000_000;

impl Tunnelled {
    /// Stores the delivery with the row number of its request. The number is 0 if the delivery was rejected.
    pub fn insert(&self, connection: &Connection, request: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO tunnelled (delivery, request, tunnel, inbox, seq, sha256, received_us, backlog)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.delivery.as_bytes(),
                request,
                self.tunnel,
                self.inbox,
                self.seq,
                self.sha256,
                self.received_us,
                self.backlog,
            ])
            .map(drop)
    }

    /// Returns the SHA-256 of the body of a delivery that was already stored.
    pub fn known(connection: &Connection, delivery: uuid::Uuid) -> rusqlite::Result<Option<String>> {
        connection
            .prepare_cached("SELECT sha256 FROM tunnelled WHERE delivery = ?1")?
            .query_row([delivery.as_bytes()], |row| row.get(0))
            .optional()
    }

    /// Deletes the deliveries that no relay can resend, except those that await a decision.
    pub fn forget_old(connection: &Connection, now_us: i64) -> rusqlite::Result<()> {
        let old = now_us - KNOWN_US;
        connection
            .execute(formatcp!("DELETE FROM tunnelled WHERE received_us < ?1 AND backlog <> {UNDECIDED}"), [old])
            .map(drop)
    }
}

/// Lists the requests between two rows that arrived through a tunnel, by row number.
pub fn outside(connection: &Connection, after: i64, last: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT request FROM tunnelled WHERE request > ?1 AND request <= ?2
             UNION SELECT id FROM request WHERE via <> 0 AND id > ?1 AND id <= ?2 ORDER BY 1",
        )?
        .query_map([after, last], |row| row.get(0))?
        .collect()
}

/// Lists the requests between two rows that await a decision on the offline backlog, by row number.
pub fn held(connection: &Connection, after: i64, last: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(formatcp!(
            "SELECT request FROM tunnelled WHERE backlog = {UNDECIDED} AND request > ?1 AND request <= ?2 ORDER BY request"
        ))?
        .query_map([after, last], |row| row.get(0))?
        .collect()
}

/// A request of the offline backlog.
#[derive(Debug, Clone)]
pub struct BacklogRequest {
    /// Row number of the request.
    pub request: i64,
    /// Event type, if known.
    pub event_type: Option<String>,
}

/// Counts the requests of the offline backlog of a tunnel, by the number of the inbox. `hidden` excludes hidden
/// requests.
pub fn backlog_counts(connection: &Connection, tunnel: i64, hidden: &str) -> rusqlite::Result<BTreeMap<i64, u64>> {
    connection
        .prepare_cached(&format!(
            "SELECT t.inbox, count(*) FROM tunnelled t JOIN request r ON r.id = t.request
             LEFT JOIN request_mark m ON m.request = r.id WHERE t.backlog = {UNDECIDED} AND t.tunnel = ?1 {hidden} GROUP BY t.inbox"
        ))?
        .query_map([tunnel], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
        .collect()
}

/// Takes the oldest requests out of the offline backlog of an inbox. `hidden` excludes hidden requests.
pub fn take_backlog(
    connection: &Connection,
    inbox: i64,
    limit: u32,
    hidden: &str,
) -> rusqlite::Result<Vec<BacklogRequest>> {
    let backlog: Vec<BacklogRequest> = connection
        .prepare(&format!(
            "SELECT r.id, v.event_type FROM tunnelled t JOIN request r ON r.id = t.request
             LEFT JOIN request_verification v ON v.request = r.id
             LEFT JOIN request_mark m ON m.request = r.id
             WHERE t.backlog = {UNDECIDED} AND t.inbox = ?1 {hidden} ORDER BY r.id LIMIT ?2"
        ))?
        .query_map(params![inbox, limit], |row| Ok(BacklogRequest { request: row.get(0)?, event_type: row.get(1)? }))?
        .collect::<Result<_, _>>()?;
    let mut decide =
        connection.prepare_cached(formatcp!("UPDATE tunnelled SET backlog = {DECIDED} WHERE request = ?1"))?;
    for request in &backlog {
        decide.execute([request.request])?;
    }
    Ok(backlog)
}
