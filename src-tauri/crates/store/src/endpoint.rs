//! Endpoints, and the destinations of forwards and replays, which are rows of the same table.

use std::borrow::Cow;

use hookline_model::{
    DeliveryPolicy, Endpoint, EndpointSettings, EndpointState, MASK, PolicyOverrides, masked_url, timestamp,
};
use hookline_provider::{Catalogue, Provider, is_secret_header};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// What a destination is for. All of them are rows of one table, with one schedule and one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// An endpoint that somebody made.
    Listed = 0,
    /// Made for one command, and gone when nobody asks about it any more.
    Passing = 1,
    /// Where a forward leads; its id is the forward's.
    Forward = 2,
    /// Where a replay goes.
    Replay = 3,
}

impl Purpose {
    fn of(number: u8) -> Self {
        [Self::Listed, Self::Passing, Self::Forward, Self::Replay]
            .into_iter()
            .find(|purpose| *purpose as u8 == number)
            .unwrap_or(Self::Listed)
    }
}

/// An endpoint as it is stored.
#[derive(Debug, Clone)]
pub struct EndpointRow {
    pub number: i64,
    pub id: String,
    pub settings: EndpointSettings,
    pub enabled: bool,
    pub reason: String,
    pub since_us: i64,
    pub failed_attempts: u32,
    pub exhausted: u32,
    pub created_us: i64,
    /// Since when its time stands still.
    pub paused_us: Option<i64>,
    /// What it is for; only what is listed is shown in lists.
    pub purpose: Purpose,
}

const COLUMNS: &str =
    "number, id, settings, enabled, reason, since_us, failed_attempts, exhausted, created_us, paused_us, purpose";

pub fn provider_of<'c>(settings: &EndpointSettings, catalogue: &'c Catalogue) -> Option<&'c Provider> {
    catalogue.get(&settings.provider)
}

/// How it is delivered to: what is set, else what the vendor does.
pub fn policy_in_force<'c>(settings: &EndpointSettings, catalogue: &'c Catalogue) -> Cow<'c, DeliveryPolicy> {
    let vendors = || provider_of(settings, catalogue)?.sending.as_ref().map(|sending| &sending.policy);
    match vendors() {
        // As nearly all endpoints have it. Each attempt asks, so nothing is copied.
        Some(policy) if settings.policy == PolicyOverrides::default() => Cow::Borrowed(policy),
        policy => Cow::Owned(policy.cloned().unwrap_or_default().with(&settings.policy)),
    }
}

pub fn masked_settings(settings: &EndpointSettings) -> EndpointSettings {
    let mut masked = settings.clone();
    for secret in &mut masked.secrets {
        MASK.clone_into(&mut secret.value);
    }
    for header in masked.headers.iter_mut().filter(|header| header.secret || is_secret_header(header.name.as_bytes())) {
        MASK.clone_into(&mut header.value);
    }
    masked.client_certificate = settings.client_certificate.as_ref().map(|_| MASK.to_owned());
    masked.url = masked_url(&settings.url).into_owned();
    masked
}

/// The endpoints of one vendor in one scope, but for one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    /// How many there are.
    pub count: u32,
    /// Whether one of them has the same URL.
    pub same_url: bool,
}

impl Beside {
    /// Counts those beside settings, without the endpoint of this number.
    pub fn of(connection: &Connection, settings: &EndpointSettings, but: i64) -> rusqlite::Result<Self> {
        connection
            .prepare_cached(
                "SELECT count(*), coalesce(max(settings ->> '$.url' = ?4), 0) FROM endpoint
                 WHERE settings ->> '$.provider' = ?1 AND settings ->> '$.scope' = ?2 AND NOT removed AND purpose = 0
                   AND number != ?3",
            )?
            .query_row(params![settings.provider, settings.scope, but, settings.url], |row| {
                Ok(Self { count: row.get(0)?, same_url: row.get(1)? })
            })
    }
}

impl EndpointRow {
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE NOT removed ORDER BY number"))?
            .query_map([], Self::from_row)?
            .collect()
    }

    pub fn numbered(connection: &Connection, number: i64) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE number = ?1 AND NOT removed"))?
            .query_row([number], Self::from_row)
            .optional()
    }

    pub fn with_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE id = ?1 AND NOT removed AND purpose < 2"))?
            .query_row([id], Self::from_row)
            .optional()
    }

    /// A forward's destination by the forward's id.
    pub fn destination(connection: &Connection, id: &str) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE id = ?1 AND NOT removed"))?
            .query_row([id], Self::from_row)
            .optional()
    }

    /// One by its number, also if it was removed.
    pub fn ever_numbered(connection: &Connection, number: i64) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE number = ?1"))?
            .query_row([number], Self::from_row)
            .optional()
    }

    /// Why it gets nothing now, if so: it may have been switched off or removed since it was read.
    pub fn off(&self, connection: &Connection) -> rusqlite::Result<Option<String>> {
        let now = connection
            .prepare_cached("SELECT enabled, removed, reason FROM endpoint WHERE number = ?1")?
            .query_row([self.number], |row| {
                Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?))
            })
            .optional()?;
        Ok(match now {
            Some((true, false, _)) => None,
            Some((false, false, reason)) => Some(format!("The endpoint is switched off: {reason}")),
            _ => Some("The endpoint was removed.".into()),
        })
    }

    /// Why what waited for it goes nowhere, once it is switched off.
    pub fn stopped(&self) -> String {
        match self.purpose {
            Purpose::Replay => "The replay stopped at its first failure.".into(),
            _ => format!("The endpoint was switched off: {}", self.reason),
        }
    }

    /// Its own now: while its time stands still, the instant it was stopped at.
    pub fn time_us(&self, now_us: i64) -> i64 {
        self.paused_us.unwrap_or(now_us)
    }

    pub fn insert(
        connection: &Connection,
        settings: &EndpointSettings,
        purpose: Purpose,
        now_us: i64,
    ) -> rusqlite::Result<Self> {
        let id = uuid::Uuid::now_v7().to_string();
        let text = serde_json::to_string(settings).unwrap_or_default();
        connection.execute(
            "INSERT INTO endpoint (id, settings, enabled, reason, since_us, created_us, purpose)
             VALUES (?1, ?2, 1, '', ?3, ?3, ?4)",
            params![id, text, now_us, purpose as u8],
        )?;
        Ok(Self {
            number: connection.last_insert_rowid(),
            id,
            settings: settings.clone(),
            enabled: true,
            reason: String::new(),
            since_us: now_us,
            failed_attempts: 0,
            exhausted: 0,
            created_us: now_us,
            paused_us: None,
            purpose,
        })
    }

    pub fn update(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "UPDATE endpoint SET settings = ?2, enabled = ?3, reason = ?4, since_us = ?5, failed_attempts = ?6, exhausted = ?7,
                   paused_us = ?8
                 WHERE number = ?1",
            )?
            .execute(params![
                self.number,
                serde_json::to_string(&self.settings).unwrap_or_default(),
                self.enabled,
                self.reason,
                self.since_us,
                self.failed_attempts,
                self.exhausted,
                self.paused_us,
            ])
            .map(drop)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text: String = row.get("settings")?;
        let settings = serde_json::from_str(&text)
            .map_err(|e| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(e)))?;
        Ok(Self {
            number: row.get("number")?,
            id: row.get("id")?,
            settings,
            enabled: row.get("enabled")?,
            reason: row.get("reason")?,
            since_us: row.get("since_us")?,
            failed_attempts: row.get("failed_attempts")?,
            exhausted: row.get("exhausted")?,
            created_us: row.get("created_us")?,
            paused_us: row.get("paused_us")?,
            purpose: Purpose::of(row.get("purpose")?),
        })
    }

    /// As the API shows it.
    pub fn shown(&self, catalogue: &Catalogue) -> Endpoint {
        Endpoint {
            id: self.id.clone(),
            policy_in_force: policy_in_force(&self.settings, catalogue).into_owned(),
            settings: masked_settings(&self.settings),
            state: EndpointState {
                enabled: self.enabled,
                reason: Some(self.reason.clone()).filter(|reason| !reason.is_empty()),
                since: timestamp(self.since_us),
                failed_attempts: self.failed_attempts,
                exhausted: self.exhausted,
            },
            created_at: timestamp(self.created_us),
        }
    }
}

/// Removes an endpoint. Its row stays as long as deliveries refer to it.
pub fn remove(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE endpoint SET removed = 1 WHERE number = ?1")?.execute([number]).map(drop)
}
