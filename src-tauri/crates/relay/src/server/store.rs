//! The database of the relay: devices, inboxes, requests and deliveries.
//!
//! A trigger creates a waiting row in `delivery` for each row in `request`, in the same commit. A request for which the
//! sender got a response is therefore always due for delivery.

use const_format::formatcp;
use std::{collections::BTreeMap, path::Path, sync::Arc};

use hookbench_capture::{
    Captured, Clock, CommitError, IdTail, OnCommit, OpenError, Plan, ReadError, RowId, SCHEMA, SCHEMA_NAMES,
    SCHEMA_VIA, Store, WriteError, delete_chunks, read_chunks,
};
use hookbench_model::DatabaseHealth;
use rusqlite::{Connection, OptionalExtension, Row, params};
use rusqlite_migration::{M, Migrations};
use uuid::Uuid;

use super::{
    hub::AcknowledgedDelivery,
    limits::{PAGE, PAGE_BYTES, Quotas},
};
use crate::wire::{BodyPlace, Delivery, ExposedInbox, INLINE_MAX, ShownInbox};

/// Tables of the relay. `delivery.state`: 0 waiting, 1 acknowledged, 2 rejected permanently. `delivery.status` is the
/// status that the sender got, if the response was sent after the request was stored.
const RELAY: &str = "
CREATE TABLE relay (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);
INSERT INTO relay VALUES (1, lower(hex(randomblob(16))));
CREATE TABLE device (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT    NOT NULL UNIQUE,
  name       TEXT    NOT NULL,
  key        BLOB    NOT NULL,
  epoch      INTEGER NOT NULL DEFAULT 0,
  enrolled_us INTEGER NOT NULL,
  seen_us    INTEGER,
  revoked_us INTEGER
);
CREATE TABLE code (sha256 TEXT PRIMARY KEY, until_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE nonce (nonce TEXT PRIMARY KEY, until_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX nonce_until ON nonce (until_us);
CREATE TABLE inbox (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  device     INTEGER NOT NULL,
  name       TEXT    NOT NULL,
  token      TEXT    NOT NULL UNIQUE,
  wanted     TEXT    NOT NULL,
  seq        INTEGER NOT NULL DEFAULT 0,
  created_us INTEGER NOT NULL,
  UNIQUE (device, name)
);
CREATE TABLE delivery (
  request  INTEGER PRIMARY KEY,
  inbox    INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  state    INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  sha256   TEXT,
  why      TEXT    NOT NULL DEFAULT '',
  ended_us INTEGER
);
CREATE INDEX delivery_by_inbox ON delivery (inbox, seq);
CREATE INDEX delivery_waiting ON delivery (inbox, seq) WHERE state = 0;
CREATE INDEX delivery_ended ON delivery (ended_us) WHERE state <> 0;
CREATE TRIGGER request_waits AFTER INSERT ON request BEGIN
  UPDATE inbox SET seq = seq + 1 WHERE number = new.inbox;
  INSERT INTO delivery (request, inbox, seq)
    VALUES (new.id, new.inbox, coalesce((SELECT seq FROM inbox WHERE number = new.inbox), 0));
END;
";

/// Migration that reduces the number of pages written per webhook, because each sender waits for these writes. A relay
/// does not list requests, finds deliveries with one index, and stores a late status in `delivery` instead of rewriting
/// the request.
const FEWER_PAGES: &str = "
DROP INDEX request_by_inbox;
DROP INDEX delivery_by_inbox;
DROP INDEX delivery_waiting;
CREATE INDEX delivery_by_state ON delivery (inbox, state, seq);
ALTER TABLE delivery ADD COLUMN status INTEGER;
";

const VERSION: i32 = 5;

fn migrate(connection: &mut Connection) -> Result<(), String> {
    Migrations::new(vec![M::up(SCHEMA), M::up(RELAY), M::up(SCHEMA_VIA), M::up(FEWER_PAGES), M::up(SCHEMA_NAMES)])
        .to_latest(connection)
        .map_err(|e| e.to_string())
}

/// An enrolled device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceRow {
    pub(super) number: i64,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) key: [u8; 32],
    pub(super) epoch: i64,
    pub(super) enrolled_us: i64,
    pub(super) seen_us: Option<i64>,
    pub(super) revoked: bool,
}

const DEVICE: &str = "SELECT number, id, name, key, epoch, enrolled_us, seen_us, revoked_us FROM device";

impl DeviceRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            id: row.get(1)?,
            name: row.get(2)?,
            key: row.get(3)?,
            epoch: row.get(4)?,
            enrolled_us: row.get(5)?,
            seen_us: row.get(6)?,
            revoked: row.get::<_, Option<i64>>(7)?.is_some(),
        })
    }
}

/// An exposed inbox.
#[derive(Debug, Clone)]
pub(super) struct InboxRow {
    pub(super) number: i64,
    pub(super) device: i64,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) wanted: ExposedInbox,
}

impl InboxRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            device: row.get(1)?,
            name: row.get(2)?,
            token: row.get(3)?,
            wanted: serde_json::from_str(&row.get::<_, String>(4)?).unwrap_or_default(),
        })
    }
}

/// A delivery to send, with its body if the body is sent with the delivery.
#[derive(Debug)]
pub(super) struct DueDelivery {
    pub(super) row: i64,
    pub(super) delivery: Delivery,
    pub(super) body: bytes::Bytes,
}

/// Number of waiting deliveries and of stored bytes of an inbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct InboxUsage {
    pub(super) waiting: u64,
    pub(super) bytes: u64,
}

/// Result of an enrollment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EnrolmentOutcome {
    Enrolled,
    WrongCode,
    Revoked,
}

pub(super) struct RelayStore {
    store: Arc<Store>,
    clock: Clock,
    id: String,
}

type Written<T> = Result<T, WriteError<rusqlite::Error>>;

impl RelayStore {
    /// Opens or creates the database. `on_commit` is called for requests that the listener stored as incomplete.
    pub(super) async fn open(path: &Path, clock: Clock, on_commit: OnCommit) -> Result<Self, OpenError> {
        let store = Store::open(path, &Plan { version: VERSION, migrate: &migrate }, clock.clone(), on_commit)?;
        let id = store.readers().read(|c| c.query_row("SELECT id FROM relay", [], |row| row.get(0))).await;
        let id = id.map_err(|e| OpenError::Damaged { path: path.into(), reason: e.to_string() })?;
        Ok(Self { store: Arc::new(store), clock, id })
    }

    /// Returns the capture store, for the listener.
    pub(super) fn capture(&self) -> &Arc<Store> {
        &self.store
    }

    /// Returns the current time in µs since the Unix epoch.
    pub(super) fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// Returns the id of the relay.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn health(&self) -> DatabaseHealth {
        self.store.health().borrow().clone()
    }

    pub(super) fn id_tail(&self) -> IdTail {
        self.store.id_tail()
    }

    // Devices.

    /// Stores the digest of an enrollment code until the code is used or expires.
    pub(super) async fn add_code(&self, sha256: String, until_us: i64) -> Written<()> {
        let now_us = self.clock.now_us();
        let work = move |c: &Connection| {
            c.execute("DELETE FROM code WHERE until_us < ?1", [now_us])?;
            c.execute("INSERT INTO code VALUES (?1, ?2)", params![sha256, until_us]).map(drop)
        };
        self.store.write(work, |_| ()).await
    }

    /// Enrolls a device with a one-time code. A device that is already enrolled needs no code.
    pub(super) async fn enrol(
        &self,
        sha256: String,
        id: String,
        name: String,
        key: [u8; 32],
    ) -> Written<EnrolmentOutcome> {
        let now_us = self.clock.now_us();
        let work = move |c: &Connection| {
            let known =
                c.query_row("SELECT revoked_us FROM device WHERE id = ?1", [&id], |r| r.get::<_, Option<i64>>(0));
            match known.optional()? {
                Some(Some(_)) => return Ok(EnrolmentOutcome::Revoked),
                Some(None) => return Ok(EnrolmentOutcome::Enrolled),
                None => {}
            }
            if c.execute("DELETE FROM code WHERE sha256 = ?1 AND until_us >= ?2", params![sha256, now_us])? == 0 {
                return Ok(EnrolmentOutcome::WrongCode);
            }
            c.execute(
                "INSERT INTO device (id, name, key, enrolled_us) VALUES (?1, ?2, ?3, ?4)",
                params![id, name, key, now_us],
            )?;
            Ok(EnrolmentOutcome::Enrolled)
        };
        self.store.write(work, |_| ()).await
    }

    pub(super) async fn device(&self, id: String) -> Result<Option<DeviceRow>, ReadError> {
        let read = move |c: &Connection| {
            c.prepare_cached(&format!("{DEVICE} WHERE id = ?1"))?.query_row([id], DeviceRow::from_row).optional()
        };
        self.store.readers().read(read).await
    }

    pub(super) async fn devices(&self) -> Result<Vec<DeviceRow>, ReadError> {
        let read = |c: &Connection| {
            c.prepare_cached(&format!("{DEVICE} ORDER BY number"))?.query_map([], DeviceRow::from_row)?.collect()
        };
        self.store.readers().read(read).await
    }

    /// Revokes a device. Returns false if there is no active device with this id.
    pub(super) async fn revoke(&self, id: String) -> Written<bool> {
        let now_us = self.clock.now_us();
        let work = move |c: &Connection| {
            c.execute("UPDATE device SET revoked_us = ?2 WHERE id = ?1 AND revoked_us IS NULL", params![id, now_us])
                .map(|changed| changed > 0)
        };
        self.store.write(work, |_| ()).await
    }

    /// Stores a nonce. Returns false if the nonce was used before.
    pub(super) async fn use_nonce(&self, nonce: String, until_us: i64) -> Written<bool> {
        let now_us = self.clock.now_us();
        let work = move |c: &Connection| {
            c.execute("DELETE FROM nonce WHERE until_us < ?1", [now_us])?;
            c.execute("INSERT OR IGNORE INTO nonce VALUES (?1, ?2)", params![nonce, until_us]).map(|added| added > 0)
        };
        self.store.write(work, |_| ()).await
    }

    /// Returns the epoch of a new session, which is larger than those of earlier sessions of the device.
    pub(super) async fn next_epoch(&self, device: i64) -> Written<i64> {
        let now_us = self.clock.now_us();
        let work = move |c: &Connection| {
            c.query_row(
                "UPDATE device SET epoch = epoch + 1, seen_us = ?2 WHERE number = ?1 RETURNING epoch",
                params![device, now_us],
                |row| row.get(0),
            )
        };
        self.store.write(work, |_| ()).await
    }

    // Inboxes.

    pub(super) async fn inboxes(&self) -> Result<Vec<InboxRow>, ReadError> {
        let read = |c: &Connection| {
            c.prepare_cached("SELECT number, device, name, token, wanted FROM inbox")?
                .query_map([], InboxRow::from_row)?
                .collect()
        };
        self.store.readers().read(read).await
    }

    /// Creates or updates an inbox of a device. Returns `None` if the device has `most` inboxes already.
    pub(super) async fn put_inbox(
        &self,
        device: i64,
        name: String,
        token: String,
        wanted: ExposedInbox,
        most: u64,
    ) -> Written<Option<InboxRow>> {
        let now_us = self.clock.now_us();
        let work = move |c: &Connection| {
            let known = "SELECT EXISTS (SELECT 1 FROM device WHERE number = ?1 AND revoked_us IS NULL)";
            if !c.query_row(known, [device], |row| row.get(0))? {
                return Err(rusqlite::Error::QueryReturnedNoRows);
            }
            let json = serde_json::to_string(&wanted).unwrap_or_default();
            let changed =
                c.execute("UPDATE inbox SET wanted = ?3 WHERE device = ?1 AND name = ?2", params![device, name, json])?;
            if changed == 0 {
                let count: i64 = c.query_row("SELECT count(*) FROM inbox WHERE device = ?1", [device], |r| r.get(0))?;
                if count as u64 >= most {
                    return Ok(None);
                }
                c.execute(
                    "INSERT INTO inbox (device, name, token, wanted, created_us) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![device, name, token, json, now_us],
                )?;
            }
            c.query_row(
                "SELECT number, device, name, token, wanted FROM inbox WHERE device = ?1 AND name = ?2",
                params![device, name],
                InboxRow::from_row,
            )
            .map(Some)
        };
        self.store.write(work, |_| ()).await
    }

    /// Deletes an inbox. Returns its number, or `None` if the inbox did not exist. [`tidy`](Self::tidy) deletes its
    /// deliveries.
    pub(super) async fn remove_inbox(&self, device: i64, name: String) -> Written<Option<i64>> {
        let work = move |c: &Connection| {
            c.query_row(
                "DELETE FROM inbox WHERE device = ?1 AND name = ?2 RETURNING number",
                params![device, name],
                |row| row.get(0),
            )
            .optional()
        };
        self.store.write(work, |_| ()).await
    }

    /// Returns the inboxes of a device with their counts.
    pub(super) async fn shown(&self, device: i64, url: String) -> Result<Vec<ShownInbox>, ReadError> {
        let read = move |c: &Connection| {
            c.prepare_cached(formatcp!(
                "SELECT name, token, seq, (SELECT count(*) FROM delivery WHERE inbox = number AND state = {WAITING}),
                       (SELECT count(*) FROM delivery WHERE inbox = number AND state = {REFUSED})
                     FROM inbox WHERE device = ?1 ORDER BY name"
            ))?
            .query_map([device], |row| {
                Ok(ShownInbox {
                    name: row.get(0)?,
                    url: format!("{url}/{}", row.get::<_, String>(1)?),
                    seq: row.get(2)?,
                    waiting: row.get::<_, i64>(3)? as u64,
                    refused: row.get::<_, i64>(4)? as u64,
                })
            })?
            .collect()
        };
        self.store.readers().read(read).await
    }

    /// Returns the counts of all inboxes.
    pub(super) async fn kept(&self) -> Result<BTreeMap<i64, InboxUsage>, ReadError> {
        let read = |c: &Connection| {
            c.prepare_cached(formatcp!(
                "SELECT number, (SELECT count(*) FROM delivery WHERE inbox = number AND state = {WAITING}),
                       coalesce((SELECT bytes FROM inbox_total WHERE inbox = number), 0) FROM inbox"
            ))?
            .query_map([], |row| {
                let (waiting, bytes) = (row.get::<_, i64>(1)? as u64, row.get::<_, i64>(2)?.max(0) as u64);
                Ok((row.get(0)?, InboxUsage { waiting, bytes }))
            })?
            .collect()
        };
        self.store.readers().read(read).await
    }

    // Deliveries.

    /// Stores a request. `after` gets its row id and sequence number, in the order of commits.
    pub(super) async fn keep(
        &self,
        mut captured: Captured,
        sha256: String,
        after: impl FnOnce(i64, i64, &Captured) + Send + 'static,
    ) -> Result<i64, CommitError> {
        let work = move |within: &mut hookbench_capture::Transaction<'_>| {
            let row = within.keep(&mut captured)?.0;
            let seq: i64 = within
                .connection
                .prepare_cached("UPDATE delivery SET sha256 = ?2 WHERE request = ?1 RETURNING seq")?
                .query_row(params![row, sha256], |r| r.get(0))?;
            Ok::<_, rusqlite::Error>((row, seq, captured))
        };
        let kept = self.store.transact(work, move |(row, seq, captured)| after(*row, *seq, captured)).await;
        match kept {
            Ok((row, ..)) => Ok(row),
            Err(WriteError::Commit(error)) => Err(error),
            Err(WriteError::Refused(error)) => Err(error.into()),
        }
    }

    /// Returns the next waiting deliveries of an inbox after a sequence number, in order.
    pub(super) async fn due(&self, inbox: i64, name: String, after: i64) -> Result<Vec<DueDelivery>, ReadError> {
        let tail = self.id_tail();
        self.store
            .readers()
            .read(move |c| {
                let mut statement = c.prepare_cached(
                    formatcp!(
                        "SELECT d.request, d.seq, d.attempts, d.sha256, r.arrived_us, r.receiving_us, r.method, r.target, r.version,
                       r.remote_address, r.names, r.headers, r.trailers, r.body_bytes, r.body_state, coalesce(d.status, r.status), r.chunks, r.body
                     FROM delivery d JOIN request r ON r.id = d.request
                     WHERE d.inbox = ?1 AND d.state = {WAITING} AND d.seq > ?2 ORDER BY d.seq LIMIT ?3"
                    ),
                )?;
                let mut rows = statement.query(params![inbox, after, PAGE as i64])?;
                let (mut page, mut bytes) = (Vec::new(), 0);
                while let Some(row) = rows.next()? {
                    let due = read_due(c, row, &name, tail)?;
                    bytes += due.body.len() as u64;
                    page.push(due);
                    if bytes >= PAGE_BYTES {
                        break;
                    }
                }
                Ok(page)
            })
            .await
    }

    /// Marks deliveries as acknowledged.
    pub(super) async fn taken(&self, all: Vec<AcknowledgedDelivery>) -> Written<()> {
        let now_us = self.clock.now_us();
        let work = move |c: &Connection| {
            let mut taken = c.prepare_cached(formatcp!(
                "UPDATE delivery SET state = {TAKEN}, ended_us = ?2, status = coalesce(?3, status) WHERE request = ?1"
            ))?;
            for AcknowledgedDelivery { row, status, .. } in all {
                taken.execute(params![row, now_us, status])?;
            }
            Ok(())
        };
        self.store.write(work, |_| ()).await
    }

    /// Marks a delivery as rejected permanently, with the reason.
    pub(super) async fn refused(&self, row: i64, why: String) -> Written<()> {
        let now_us = self.clock.now_us();
        let work = move |c: &Connection| {
            c.prepare_cached(formatcp!(
                "UPDATE delivery SET state = {REFUSED}, ended_us = ?2, why = ?3 WHERE request = ?1"
            ))?
            .execute(params![row, now_us, why])
            .map(drop)
        };
        self.store.write(work, |_| ()).await
    }

    /// Stores the status of the fallback response that the sender got.
    pub(super) async fn responded(&self, row: i64, status: u16) -> Written<()> {
        let work = move |c: &Connection| {
            c.prepare_cached("UPDATE delivery SET status = ?2 WHERE request = ?1 AND status IS NULL")?
                .execute(params![row, status])
                .map(drop)
        };
        self.store.write(work, |_| ()).await
    }

    /// Counts a failed attempt of a delivery.
    pub(super) async fn tried(&self, row: i64) -> Written<()> {
        let work = move |c: &Connection| {
            c.prepare_cached("UPDATE delivery SET attempts = attempts + 1 WHERE request = ?1")?.execute([row]).map(drop)
        };
        self.store.write(work, |_| ()).await
    }

    /// Marks acknowledged deliveries after a sequence number as waiting, because the agent has lost them. Returns their
    /// number.
    pub(super) async fn again(&self, device: i64, name: String, after: i64) -> Written<usize> {
        let work = move |c: &Connection| {
            c.execute(
                formatcp!(
                    "UPDATE delivery SET state = {WAITING}, ended_us = NULL
                     WHERE inbox = (SELECT number FROM inbox WHERE device = ?1 AND name = ?2) AND seq > ?3
                       AND state = {TAKEN}"
                ),
                params![device, name, after],
            )
        };
        self.store.write(work, |_| ()).await
    }

    /// Returns a reader for the body of a delivery, or `None` if the device has no such delivery.
    pub(super) async fn body(&self, device: i64, id: Uuid) -> Result<Option<hookbench_capture::BodyBlocks>, ReadError> {
        let Some(row) = self.id_tail().row(id.as_u128()) else { return Ok(None) };
        let owned = self
            .store
            .readers()
            .read(move |c| {
                c.query_row(
                    "SELECT EXISTS (SELECT 1 FROM delivery d JOIN inbox i ON i.number = d.inbox WHERE d.request = ?1 AND i.device = ?2)",
                    params![row.0, device],
                    |r| r.get::<_, bool>(0),
                )
            })
            .await?;
        if owned { self.store.readers().body(row).await } else { Ok(None) }
    }

    /// Deletes one batch of deliveries that are too old or whose inbox was deleted. Returns true if there may be more.
    pub(super) async fn tidy(&self, quotas: &Quotas) -> Written<bool> {
        let now_us = self.clock.now_us();
        let taken_us = now_us - quotas.keep_taken.as_micros() as i64;
        let waiting_us = now_us - quotas.keep_waiting.as_micros() as i64;
        let work = move |c: &Connection| {
            let old_row = RowId::at(waiting_us / 1_000).0;
            let rows: Vec<i64> = c
                .prepare_cached(
                    formatcp!(
                        "SELECT request FROM (SELECT request FROM delivery WHERE state <> {WAITING} AND ended_us < ?1 LIMIT ?3)
                     UNION SELECT request FROM (SELECT request FROM delivery WHERE request < ?2 LIMIT ?3)
                     UNION SELECT request FROM (SELECT request FROM delivery WHERE inbox IN
                       (SELECT inbox FROM inbox_total WHERE inbox NOT IN (SELECT number FROM inbox)) LIMIT ?3)"
                    ),
                )?
                .query_map(params![taken_us, old_row, BATCH_SIZE], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for row in &rows {
                delete(c, *row)?;
            }
            if rows.is_empty() {
                c.execute("DELETE FROM inbox_total WHERE inbox NOT IN (SELECT number FROM inbox)", [])?;
            }
            Ok(rows.len() as i64 >= BATCH_SIZE)
        };
        self.store.write(work, |_| ()).await
    }

    /// Commits the queued work and closes the database.
    pub(super) async fn close(&self) {
        let store = self.store.clone();
        // Closing blocks until the writer thread has finished, so it runs on a blocking thread.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }
}

/// Values of `delivery.state`. Queries contain these values as literals, because SQLite uses a partial index only then.
const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const REFUSED: u8 = 2;

const TOO_LARGE: u8 = hookbench_model::BodyState::TooLarge as u8;

/// Rows deleted in one commit.
const BATCH_SIZE: i64 = 500;

fn delete(c: &Connection, row: i64) -> rusqlite::Result<()> {
    let found: Option<(i64, Option<i64>, i64)> = c
        .prepare_cached(formatcp!(
            "SELECT inbox, chunks, iif(body_state = {TOO_LARGE}, 0, body_bytes) FROM request WHERE id = ?1"
        ))?
        .query_row([row], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    if let Some((inbox, chunks, bytes)) = found {
        if let Some(body) = chunks {
            delete_chunks(c, body)?;
        }
        c.prepare_cached("DELETE FROM request WHERE id = ?1")?.execute([row])?;
        c.prepare_cached("UPDATE inbox_total SET requests = requests - 1, bytes = bytes - ?2 WHERE inbox = ?1")?
            .execute(params![inbox, bytes])?;
    }
    c.prepare_cached("DELETE FROM delivery WHERE request = ?1")?.execute([row]).map(drop)
}

/// Names of the numbers in the column `names` of the capture store.
pub(super) const NAMES: [&str; 3] = ["exact", "lowercase", "normalized"];
/// Names of the numbers in the column `body_state` of the capture store.
pub(super) const BODY_STATES: [&str; 4] = ["complete", "broken_off", "stalled", "too_large"];

pub(super) fn version_name(number: u8) -> &'static str {
    match number {
        10 => "HTTP/1.0",
        20 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

/// Returns the part of a target after the token of the inbox.
pub(super) fn rest_of(target: &str) -> &str {
    let path = match target.find("://").filter(|_| !target.starts_with('/')) {
        Some(at) => target[at + 3..].find('/').map_or("", |slash| &target[at + 3 + slash..]),
        None => target,
    };
    let path = path.trim_start_matches('/');
    path.find(['/', '?']).map_or("", |end| &path[end..])
}

fn read_due(c: &Connection, row: &Row<'_>, inbox: &str, tail: IdTail) -> rusqlite::Result<DueDelivery> {
    let number: i64 = row.get(0)?;
    let body_bytes = row.get::<_, i64>(13)? as u64;
    let (chunks, inline): (Option<i64>, Option<Vec<u8>>) = (row.get(16)?, row.get(17)?);
    let here = chunks.is_none() || body_bytes <= INLINE_MAX;
    let body = match (chunks, here) {
        (Some(chunks), true) => read_chunks(c, chunks, INLINE_MAX)?,
        (None, _) => inline.unwrap_or_default(),
        (Some(_), false) => Vec::new(),
    };
    let sha256: Option<String> = row.get(3)?;
    let sha256 = match sha256 {
        Some(sha256) => sha256,
        None if here => super::sha256_hex(&body),
        None => String::new(),
    };
    let word =
        |words: &'static [&'static str], index: u8| words.get(index as usize).copied().unwrap_or(words[0]).to_owned();
    let status: u16 = row.get(15)?;
    let target: String = row.get(7)?;
    Ok(DueDelivery {
        row: number,
        delivery: Delivery {
            id: Uuid::from_u128(tail.uuid(RowId(number))),
            inbox: inbox.to_owned(),
            seq: row.get(1)?,
            attempt: row.get(2)?,
            received_us: row.get(4)?,
            age_us: 0,
            receiving_us: row.get(5)?,
            method: row.get(6)?,
            rest: rest_of(&target).to_owned(),
            version: version_name(row.get(8)?).to_owned(),
            remote_address: row.get(9)?,
            names: word(&NAMES, row.get(10)?),
            head: row.get(11)?,
            trailers: row.get::<_, Option<Vec<u8>>>(12)?.unwrap_or_default(),
            body_bytes,
            body_state: word(&BODY_STATES, row.get(14)?),
            sha256,
            body: if here { BodyPlace::Here } else { BodyPlace::Relay },
            responded: (status != 0).then_some(status),
        },
        body: body.into(),
    })
}
