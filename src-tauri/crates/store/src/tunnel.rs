//! Tunnels in the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use hookline_model::ExposureSettings;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// A tunnel as it is kept. Its key leaves the store only to sign.
#[derive(Debug, Clone)]
pub struct TunnelRow {
    pub number: i64,
    pub id: String,
    pub settings: TunnelSettings,
    /// The secret of the key by which its relay knows this machine. `None` where it leads to no relay.
    pub key: Option<[u8; 32]>,
    pub wanted: bool,
    pub created_us: i64,
}

/// Where a tunnel leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TunnelSettings {
    Relay(RelaySettings),
    Ssh(SshSettings),
    Other(OtherSettings),
}

/// A relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelaySettings {
    /// Its address.
    pub url: String,
    /// Its id.
    pub relay: String,
    /// What this machine is called there.
    pub device: String,
}

/// A port of an SSH host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshSettings {
    /// The host and who is let in there, as `hookline_ssh::Destination` shows it.
    pub destination: String,
    /// The port that is asked for, as `hookline_ssh::Remote` shows it.
    pub remote: String,
    /// The one key file that is used; whatever this machine has if none.
    pub key_file: Option<PathBuf>,
    /// Its public URL, where somebody has said it.
    pub given: Option<String>,
    /// Fingerprint of the host's key as it was seen first; empty before that.
    pub host_key: String,
    /// The port the host chose last, where it was free to.
    pub port: Option<u16>,
    /// Its public URL as it was last.
    pub url: String,
}

/// Another program's tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherSettings {
    /// Its public URL.
    pub url: String,
    /// The port of this machine to which it leads.
    pub port: u16,
}

impl TunnelSettings {
    /// What it is called by.
    pub fn name(&self) -> &str {
        match self {
            Self::Relay(RelaySettings { url, .. }) | Self::Other(OtherSettings { url, .. }) => url,
            Self::Ssh(SshSettings { destination, .. }) => destination,
        }
    }

    /// What no two tunnels share.
    pub fn place(&self) -> String {
        match self {
            Self::Ssh(SshSettings { destination, remote, .. }) => format!("{destination} {remote}"),
            Self::Relay(_) | Self::Other(_) => self.name().to_owned(),
        }
    }

    /// Whether what arrives is kept while this machine is away.
    pub fn is_durable(&self) -> bool {
        matches!(self, Self::Relay(_))
    }

    /// The public URL below which inboxes stand; none where a relay gives each its own.
    pub fn public(&self) -> Option<&str> {
        match self {
            Self::Relay(_) => None,
            Self::Ssh(SshSettings { url, .. }) | Self::Other(OtherSettings { url, .. }) => Some(url),
        }
    }
}

const SELECT: &str = "SELECT number, id, settings, secret, wanted, created_us FROM tunnel";

impl TunnelRow {
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection.prepare_cached(&format!("{SELECT} ORDER BY number"))?.query_map([], Self::from_row)?.collect()
    }

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

    /// Writes down what has changed of it.
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

    /// Forgets a tunnel. What came through it stays, and is no longer held.
    pub fn remove(connection: &Connection, number: i64) -> rusqlite::Result<()> {
        connection.execute("DELETE FROM tunnel WHERE number = ?1", [number])?;
        connection.execute("DELETE FROM exposure WHERE tunnel = ?1", [number])?;
        connection.execute("UPDATE tunnelled SET away = 2 WHERE tunnel = ?1 AND away = 1", [number]).map(drop)
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

/// An inbox as one tunnel exposes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposureRow {
    pub tunnel: i64,
    pub inbox: i64,
    /// What the other end calls it: a name at a relay, the token in the URL elsewhere. Stays when the inbox is
    /// renamed.
    pub label: String,
    /// Its URL at a relay; empty elsewhere.
    pub url: String,
    pub settings: ExposureSettings,
}

impl ExposureRow {
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

    pub fn remove(connection: &Connection, tunnel: i64, inbox: i64) -> rusqlite::Result<()> {
        connection.execute("DELETE FROM exposure WHERE tunnel = ?1 AND inbox = ?2", params![tunnel, inbox])?;
        // Exposed again, its numbers begin anew.
        connection
            .execute("UPDATE tunnelled SET seq = 0 WHERE tunnel = ?1 AND inbox = ?2", params![tunnel, inbox])
            .map(drop)
    }

    /// Numbers of the inboxes there are, also of those whose removal can still be undone.
    pub fn inboxes(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
        connection.prepare_cached("SELECT number FROM inbox")?.query_map([], |row| row.get(0))?.collect()
    }

    /// The last number up to which nothing is missing that the relay still has, by what the relay calls each
    /// inbox.
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

    /// Writes those numbers down, so that they need not be counted again.
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

/// A delivery that has come through a tunnel.
#[derive(Debug, Clone)]
pub struct Tunnelled {
    pub delivery: uuid::Uuid,
    pub tunnel: i64,
    pub inbox: i64,
    pub seq: i64,
    pub sha256: String,
    pub received_us: i64,
    pub away: bool,
}

/// How long a relay can send again what was taken, and two hours; a gap before that stays one.
const SENT_AGAIN_US: i64 = 26 * 3_600 * 1_000_000;

/// How long deliveries are known again: longer than any relay keeps them.
const KNOWN_US: i64 = 90 * 24 * 3_600 * 1_000_000;

impl Tunnelled {
    /// Keeps it with the request it became; 0 where it became none.
    pub fn insert(&self, connection: &Connection, request: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO tunnelled (delivery, request, tunnel, inbox, seq, sha256, received_us, away)
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
                self.away,
            ])
            .map(drop)
    }

    /// The digest of the body a delivery had when it was kept.
    pub fn known(connection: &Connection, delivery: uuid::Uuid) -> rusqlite::Result<Option<String>> {
        connection
            .prepare_cached("SELECT sha256 FROM tunnelled WHERE delivery = ?1")?
            .query_row([delivery.as_bytes()], |row| row.get(0))
            .optional()
    }

    /// Forgets what no relay can send again.
    pub fn forget_old(connection: &Connection, now_us: i64) -> rusqlite::Result<()> {
        let old = now_us - KNOWN_US;
        connection.execute("DELETE FROM tunnelled WHERE received_us < ?1 AND away <> 1", [old]).map(drop)
    }
}

/// Those of some rows that came from outside, in order.
pub fn outside(connection: &Connection, after: i64, upto: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT request FROM tunnelled WHERE request > ?1 AND request <= ?2
             UNION SELECT id FROM request WHERE via <> 0 AND id > ?1 AND id <= ?2 ORDER BY 1",
        )?
        .query_map([after, upto], |row| row.get(0))?
        .collect()
}

/// Those of some rows that wait for a person to say what is to be done about them, in order.
pub fn held(connection: &Connection, after: i64, upto: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT request FROM tunnelled WHERE away = 1 AND request > ?1 AND request <= ?2 ORDER BY request",
        )?
        .query_map([after, upto], |row| row.get(0))?
        .collect()
}
