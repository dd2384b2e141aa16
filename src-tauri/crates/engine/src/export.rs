//! Exports: the results of a query, or selected requests, as a stream in a file format.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hookbench_capture::RowId;
use hookbench_formats::{Exact, Record, Redaction, WRITTEN, Writer, pairs};
use hookbench_model::{
    BodyState, Change, FileFormat, HeaderNames, HttpVersion, Job, JobKind, JobState, SignatureStatus,
};
use hookbench_query::{
    JsonPath, Query,
    body::{self, content_of},
};
use hookbench_search::PAGE_TIME;
use hookbench_store::request::{StoredRequest, collect_body};
use rusqlite::Connection;
use tokio::{sync::mpsc, time::Instant};

use crate::{
    Engine,
    request::{every_secret_path, masked, secret_paths},
};

/// Maximum number of chunks that wait for a slow reader.
const PREFETCH: usize = 8;

/// Number of requests that are read at a time: at most 13 MB with the largest inline bodies.
const PAGE: usize = 100;

/// Size at which a chunk is sent, in bytes.
const PIECE: usize = 256 * 1024;

/// Interval between two progress updates.
const PROGRESS: Duration = Duration::from_millis(200);

/// Maximum size of a decoded body that is redacted, in bytes.
const DECODED_MAX: usize = 64 * 1024 * 1024;

/// Selection of requests to export.
#[derive(Debug)]
pub enum ExportSelection {
    /// Requests that match a query, newest first, in one inbox or in all.
    Query(Query, Option<i64>),
    /// Requests with these row numbers, in this order.
    These(Vec<RowId>),
}

/// Options of an export.
#[derive(Debug)]
pub struct Export {
    /// Format of the file.
    pub format: FileFormat,
    /// Requests to export.
    pub which: ExportSelection,
    /// Data to redact.
    pub redaction: Redaction,
}

/// A started export.
pub struct Exporting {
    /// Media type of the file.
    pub media_type: &'static str,
    /// Name of the file.
    pub file_name: String,
    /// Content of the file, in chunks.
    pub pieces: mpsc::Receiver<io::Result<Bytes>>,
}

/// Starts an export. Returns `None` if the format can only be imported. The export proceeds at the speed of the reader,
/// and stops when the reader disconnects.
pub fn export(engine: &Arc<Engine>, options: Export) -> Option<Exporting> {
    let written = WRITTEN.iter().find(|written| written.format == options.format)?;
    let id = uuid::Uuid::now_v7().to_string();
    let canceled = Arc::new(AtomicBool::new(false));
    let job = Job {
        id: id.clone(),
        kind: JobKind::Export,
        state: JobState::Running,
        done: 0,
        total: 0,
        path: None,
        inbox: None,
        imported: None,
        error: None,
    };
    let cancel = canceled.clone();
    engine.jobs.start(job, Box::new(move || cancel.store(true, Ordering::Relaxed)));
    let (pieces, taken) = mpsc::channel(PREFETCH);
    let now = engine.clock.now_ms();
    let day = jiff::Timestamp::from_millisecond(now).unwrap_or_default().strftime("%Y-%m-%d");
    let exporting = Exporting {
        media_type: written.media_type,
        file_name: format!("requests-{day}.{}", written.extension),
        pieces: taken,
    };
    let every_secret = every_secret_path(&engine.providers.catalog());
    let run = Run { engine: engine.clone(), id, canceled, pieces, reported_at: Instant::now(), every_secret };
    tokio::spawn(run.whole(options));
    Some(exporting)
}

/// Reason why an export stopped early.
enum ExportEnd {
    /// The reader disconnected, or the user canceled the export.
    Left,
    Failed(String),
}

impl<E: std::fmt::Display> From<E> for ExportEnd {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Run {
    engine: Arc<Engine>,
    id: String,
    canceled: Arc<AtomicBool>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
    reported_at: Instant,
    /// JSON paths at which any provider sends its secret.
    every_secret: Vec<JsonPath>,
}

impl Run {
    async fn whole(mut self, options: Export) {
        let ended = self.requests(options).await;
        let (state, error) = match ended {
            Ok(()) => (JobState::Done, None),
            Err(ExportEnd::Left) => (JobState::Canceled, None),
            Err(ExportEnd::Failed(error)) => (JobState::Failed, Some(error)),
        };
        if state != JobState::Done {
            // An error tells the reader that the file is incomplete.
            let why = error.clone().unwrap_or_else(|| "the export was canceled".into());
            let _ = self.pieces.send(Err(io::Error::other(why))).await;
        }
        let change = |job: &mut Job| {
            job.state = state;
            job.error = error;
            job.total = job.done;
        };
        if let Some(job) = self.engine.jobs.update(&self.id, change) {
            self.engine.feed.publish([Change::JobChanged { job }]);
        }
    }

    async fn requests(&mut self, Export { format, which, redaction }: Export) -> Result<(), ExportEnd> {
        let mut writer = Writer::new(format)?;
        let begin = writer.begin()?;
        self.send(begin).await?;
        let mut done = 0;
        match which {
            ExportSelection::These(ids) => {
                for ids in ids.chunks(PAGE) {
                    self.page(ids.to_vec(), &redaction, &mut writer, &mut done).await?;
                }
            }
            ExportSelection::Query(query, inbox) => {
                let mut after = RowId(i64::MAX);
                loop {
                    let search = self.engine.search(query.clone(), inbox);
                    let index = self.engine.index.clone();
                    let between = (after, RowId(-1));
                    let look = move |connection: &Connection| {
                        search.page(connection, &index, between, PAGE, Instant::now() + PAGE_TIME)
                    };
                    let found = self.engine.store.readers().read(look).await?;
                    self.page(found.ids, &redaction, &mut writer, &mut done).await?;
                    match found.cursor {
                        Some(cursor) => after = cursor,
                        None => break,
                    }
                }
            }
        }
        let end = writer.end()?;
        self.send(end).await?;
        self.tell(done);
        Ok(())
    }

    /// Writes some requests. Omits those that were deleted meanwhile.
    async fn page(
        &mut self,
        ids: Vec<RowId>,
        redaction: &Redaction,
        writer: &mut Writer,
        done: &mut u64,
    ) -> Result<(), ExportEnd> {
        let engine = &self.engine;
        let requests = engine.requests();
        let read = move |connection: &Connection| -> rusqlite::Result<Vec<_>> {
            // A single transaction gives a consistent view, and locks the database only once.
            let _view = connection.unchecked_transaction()?;
            let mut page = Vec::with_capacity(ids.len());
            for id in ids {
                if let Some(stored) = requests.stored(connection, id)? {
                    page.push((id, stored, hookbench_store::request::inline_body(connection, id)?));
                }
            }
            Ok(page)
        };
        let mut bytes = Vec::new();
        for (id, stored, inline) in engine.store.readers().read(read).await? {
            let body = match inline {
                Some(body) => body,
                None => match self.engine.store.readers().body(id).await? {
                    Some(body) => collect_body(body, u64::MAX).await?.unwrap_or_default(),
                    None => continue,
                },
            };
            let record = redacted_record(engine, &self.every_secret, &stored, body, redaction);
            bytes.extend(writer.request(&record)?);
            *done += 1;
            if bytes.len() >= PIECE {
                self.send(std::mem::take(&mut bytes)).await?;
            }
        }
        self.send(bytes).await?;
        if self.reported_at.elapsed() > PROGRESS {
            self.tell(*done);
        }
        Ok(())
    }

    fn tell(&mut self, done: u64) {
        self.reported_at = Instant::now();
        if let Some(job) = self.engine.jobs.update(&self.id, |job| job.done = done) {
            self.engine.feed.publish([Change::JobChanged { job }]);
        }
    }

    async fn send(&self, bytes: Vec<u8>) -> Result<(), ExportEnd> {
        if self.canceled.load(Ordering::Relaxed) {
            return Err(ExportEnd::Left);
        }
        match bytes.is_empty() {
            true => Ok(()),
            false => self.pieces.send(Ok(bytes.into())).await.map_err(|_| ExportEnd::Left),
        }
    }
}

/// Returns the record of a request, with redaction applied. `every_secret` are the JSON paths at which any provider sends
/// its secret.
pub(crate) fn redacted_record(
    engine: &Engine,
    every_secret: &[JsonPath],
    stored: &StoredRequest,
    body: Vec<u8>,
    redaction: &Redaction,
) -> Record {
    let mut record = record_of(stored, body);
    if redaction.reads_bodies() {
        decode(&mut record, stored);
    }
    if !redaction.secrets {
        mask(engine, every_secret, &mut record, stored);
    }
    redaction.apply(&mut record);
    record
}

/// Masks secrets in the body. An encoded body that contains a secret is exported decoded.
fn mask(engine: &Engine, every_secret: &[JsonPath], record: &mut Record, stored: &StoredRequest) {
    let inbox = engine.inboxes.get(&stored.summary.inbox);
    let verification = inbox.as_ref().map(|inbox| &*inbox.verification);
    let known = secret_paths(&engine.providers.catalog(), &stored.summary, verification);
    // The provider is unknown until the request is verified. Until then the paths of all providers are masked.
    let paths = known.as_deref().unwrap_or(every_secret);
    if record.header("content-encoding").is_none() {
        let body = std::mem::take(&mut record.body.0);
        record.body.0 = masked(body, paths);
        return;
    }
    let mut decoded = record.clone();
    decode(&mut decoded, stored);
    let body = masked(decoded.body.0.clone(), paths);
    if body != decoded.body.0 {
        *record = Record { body: Exact(body), ..decoded };
    }
}

/// Removes the content codings of a body for redaction.
pub(crate) fn decode(record: &mut Record, stored: &StoredRequest) {
    let content = content_of(&stored.header_block);
    if content.codings.is_empty() || record.body.is_empty() {
        return;
    }
    let coded = std::mem::take(&mut record.body.0);
    record.body.0 = match body::decode(&coded, &content.codings, DECODED_MAX as u64) {
        Ok(decoded) => decoded.bytes,
        Err(_) => b"[redacted: the body cannot be decoded]".to_vec(),
    };
    record.headers.retain(|(name, _)| !name.0.eq_ignore_ascii_case(b"content-encoding"));
}

/// Converts a stored request to a record. Omits fields with default values.
fn record_of(stored: &StoredRequest, body: Vec<u8>) -> Record {
    let summary = &stored.summary;
    Record {
        id: Some(summary.id.clone()),
        inbox: Some(summary.inbox.clone()),
        arrived_at: Some(summary.arrived_at),
        receiving_ms: summary.receiving_ms,
        method: summary.method.clone(),
        target: summary.target.clone(),
        version: Some(summary.version).filter(|version| *version != HttpVersion::Http11),
        remote_address: Some(summary.remote_address.clone()).filter(|remote_address| !remote_address.is_empty()),
        headers: pairs(&stored.header_block),
        names: Some(summary.names).filter(|names| *names != HeaderNames::Exact),
        trailers: pairs(&stored.trailer_block),
        body_state: Some(summary.body_state).filter(|state| *state != BodyState::Complete),
        body_bytes: Some(summary.body_bytes).filter(|bytes| *bytes != body.len() as u64),
        body: Exact(body),
        status: Some(summary.status).filter(|status| *status != 0),
        response: stored.response.as_ref().map(|(response, _)| response.clone()),
        pinned: summary.pinned,
        note: summary.note.clone(),
        source: summary.source.clone(),
        provider: summary.provider.clone(),
        event_type: summary.event_type.clone(),
        event_id: summary.event_id.clone(),
        signature_status: Some(summary.signature_status)
            .filter(|signature_status| *signature_status != SignatureStatus::Unverified),
        reason: summary.reason.clone(),
    }
}
