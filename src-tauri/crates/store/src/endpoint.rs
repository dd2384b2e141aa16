//! Endpoints and the destinations of forwards and replays, which share one table.

use crate::sql::{EPHEMERAL, USER};
use const_format::formatcp;
use std::borrow::Cow;

use hookbench_model::{
    DeliveryPolicy, Endpoint, EndpointSettings, EndpointState, MASK, PolicyOverrides, masked_url, timestamp,
};
use hookbench_provider::{Catalog, Provider, is_secret_header};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Purpose of a destination. All destinations share one table, one schedule and one attempt log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// An endpoint that a user created.
    User = 0,
    /// Destination of a single command, deleted when the command ends or no longer reads its deliveries.
    Ephemeral = 1,
    /// Destination of a forward. Its ID is that of the forward.
    Forward = 2,
    /// Destination of a replay.
    Replay = 3,
}

impl Purpose {
    fn of(number: u8) -> Self {
        [Self::User, Self::Ephemeral, Self::Forward, Self::Replay]
            .into_iter()
            .find(|purpose| *purpose as u8 == number)
            .unwrap_or(Self::User)
    }
}

/// A row of `endpoint`.
#[derive(Debug, Clone)]
pub struct EndpointRow {
    /// Number of the endpoint.
    pub number: i64,
    /// Id of the endpoint, a UUIDv7.
    pub id: String,
    /// Settings of the endpoint, including secrets.
    pub settings: EndpointSettings,
    /// True if the endpoint is enabled.
    pub enabled: bool,
    /// Reason why the endpoint is disabled, in one sentence. Empty if the endpoint is enabled.
    pub reason: String,
    /// Time at which the endpoint was enabled or disabled, in µs since the Unix epoch.
    pub since_us: i64,
    /// Number of consecutive failed attempts.
    pub failed_attempts: u32,
    /// Number of consecutive deliveries whose retries all failed.
    pub exhausted: u32,
    /// Time at which the endpoint was created, in µs since the Unix epoch.
    pub created_us: i64,
    /// Time at which the retry clock was paused, in µs since the Unix epoch. `None` while the clock runs.
    pub paused_us: Option<i64>,
    /// Purpose of the destination. Lists contain only [`Purpose::User`].
    pub purpose: Purpose,
}

const COLUMNS: &str =
    "number, id, settings, enabled, reason, since_us, failed_attempts, exhausted, created_us, paused_us, purpose";

/// Returns the provider of the endpoint. `None` if the catalog does not contain it.
pub fn provider_of<'c>(settings: &EndpointSettings, catalog: &'c Catalog) -> Option<&'c Provider> {
    catalog.get(&settings.provider)
}

/// Returns the effective delivery policy: the vendor's policy with the overrides of the endpoint.
pub fn policy_in_force<'c>(settings: &EndpointSettings, catalog: &'c Catalog) -> Cow<'c, DeliveryPolicy> {
    let vendors = || provider_of(settings, catalog)?.sending.as_ref().map(|sending| &sending.policy);
    match vendors() {
        // Nearly all endpoints have no overrides, and every attempt reads the policy. This case therefore copies
        // nothing.
        Some(policy) if settings.policy == PolicyOverrides::default() => Cow::Borrowed(policy),
        policy => Cow::Owned(policy.cloned().unwrap_or_default().with(&settings.policy)),
    }
}

/// Returns the settings with every secret, secret header value, client certificate and URL credential masked.
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

/// Other endpoints of the same provider and account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherEndpoints {
    /// Number of these endpoints.
    pub count: u32,
    /// True if one of them has the same URL.
    pub same_url: bool,
}

impl OtherEndpoints {
    /// Counts the saved endpoints with the provider and account of `settings`, except the endpoint with the number
    /// `but`.
    pub fn of(connection: &Connection, settings: &EndpointSettings, but: i64) -> rusqlite::Result<Self> {
        connection
            .prepare_cached(formatcp!(
                "SELECT count(*), coalesce(max(settings ->> '$.url' = ?4), 0) FROM endpoint
                     WHERE settings ->> '$.provider' = ?1 AND settings ->> '$.account' = ?2 AND NOT deleted
                       AND purpose = {USER} AND number != ?3"
            ))?
            .query_row(params![settings.provider, settings.account, but, settings.url], |row| {
                Ok(Self { count: row.get(0)?, same_url: row.get(1)? })
            })
    }
}

impl EndpointRow {
    /// Lists every destination that is not deleted, oldest first.
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE NOT deleted ORDER BY number"))?
            .query_map([], Self::from_row)?
            .collect()
    }

    /// Returns the destination with this number, unless the destination was deleted.
    pub fn numbered(connection: &Connection, number: i64) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE number = ?1 AND NOT deleted"))?
            .query_row([number], Self::from_row)
            .optional()
    }

    /// Returns the endpoint with this id, unless the endpoint was deleted. Destinations of forwards and replays are not
    /// found.
    pub fn with_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM endpoint WHERE id = ?1 AND NOT deleted AND purpose IN ({USER}, {EPHEMERAL})"
            ))?
            .query_row([id], Self::from_row)
            .optional()
    }

    /// Returns the destination with this id, of any purpose, unless the destination was deleted. The destination of a
    /// forward has the id of the forward.
    pub fn destination(connection: &Connection, id: &str) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE id = ?1 AND NOT deleted"))?
            .query_row([id], Self::from_row)
            .optional()
    }

    /// Returns the destination with this number, even if the destination was deleted.
    pub fn ever_numbered(connection: &Connection, number: i64) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE number = ?1"))?
            .query_row([number], Self::from_row)
            .optional()
    }

    /// Returns the reason why the endpoint currently receives nothing, in one sentence. `None` if the endpoint is
    /// enabled. The row is read again, because the endpoint may have been disabled or deleted in the meantime.
    pub fn off(&self, connection: &Connection) -> rusqlite::Result<Option<String>> {
        let now = connection
            .prepare_cached("SELECT enabled, deleted, reason FROM endpoint WHERE number = ?1")?
            .query_row([self.number], |row| {
                Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?))
            })
            .optional()?;
        Ok(match now {
            Some((true, false, _)) => None,
            Some((false, false, reason)) => Some(format!("The endpoint is disabled: {reason}")),
            _ => Some("The endpoint was deleted.".into()),
        })
    }

    /// Returns the reason to store with waiting deliveries when this endpoint is disabled.
    pub fn stopped(&self) -> String {
        match self.purpose {
            Purpose::Replay => "The replay stopped at its first failure.".into(),
            _ => format!("The endpoint was disabled: {}", self.reason),
        }
    }

    /// Returns the current time of the retry clock: the time of the pause while the clock is paused, else `now_us`.
    pub fn time_us(&self, now_us: i64) -> i64 {
        self.paused_us.unwrap_or(now_us)
    }

    /// Stores a new, enabled destination.
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

    /// Stores the settings, the state and the pause of the endpoint.
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

    /// Returns the endpoint as the API shows it, with secrets masked.
    pub fn shown(&self, catalog: &Catalog) -> Endpoint {
        Endpoint {
            id: self.id.clone(),
            policy_in_force: policy_in_force(&self.settings, catalog).into_owned(),
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

/// Marks an endpoint as deleted. The row is kept while deliveries refer to it.
pub fn remove(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE endpoint SET deleted = 1 WHERE number = ?1")?.execute([number]).map(drop)
}

/// Deletes the row of an endpoint to which no delivery refers.
pub fn delete_unused(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM endpoint WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM delivery WHERE endpoint = ?1)",
            [number],
        )
        .map(drop)
}
