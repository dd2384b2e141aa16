//! Exports: what a query finds, or some requests, as a stream in one of the formats.

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
use hookbench_store::request::{Stored, collect_body};
use rusqlite::Connection;
use tokio::{sync::mpsc, time::Instant};

use crate::{
    Engine,
    request::{every_secret_path, masked, secret_paths},
};

/// Pieces that wait for a slow reader.
const AHEAD: usize = 8;

/// Requests looked up in one go: with the largest bodies that stand in a row, 13 MB.
const PAGE: usize = 100;

/// Bytes after which a piece goes out.
const PIECE: usize = 256 * 1024;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(200);

/// Largest body that is decoded to redact in it, in bytes.
const DECODED_MAX: usize = 64 * 1024 * 1024;

/// Which requests.
#[derive(Debug)]
pub enum Which {
    /// Those of a query, newest first; of an inbox.
    Query(Query, Option<i64>),
    /// These, in their order.
    These(Vec<RowId>),
}

/// What is asked for.
#[derive(Debug)]
pub struct Export {
    /// Format of the file.
    pub format: FileFormat,
    /// The requests.
    pub which: Which,
    /// What is left out.
    pub redaction: Redaction,
}

/// What a reader gets.
pub struct Exporting {
    /// Media type of the file.
    pub media_type: &'static str,
    /// Name of the file.
    pub file_name: String,
    /// The file, piece by piece.
    pub pieces: mpsc::Receiver<io::Result<Bytes>>,
}

/// Begins an export; none if the format is only read. It goes on as fast as the reader takes it, and ends when the reader leaves.
pub fn export(engine: &Arc<Engine>, asked: Export) -> Option<Exporting> {
    let written = WRITTEN.iter().find(|written| written.format == asked.format)?;
    let id = uuid::Uuid::now_v7().to_string();
    let cancelled = Arc::new(AtomicBool::new(false));
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
    let cancel = cancelled.clone();
    engine.jobs.start(job, Box::new(move || cancel.store(true, Ordering::Relaxed)));
    let (pieces, taken) = mpsc::channel(AHEAD);
    let now = engine.clock.now_ms();
    let day = jiff::Timestamp::from_millisecond(now).unwrap_or_default().strftime("%Y-%m-%d");
    let exporting = Exporting {
        media_type: written.media_type,
        file_name: format!("requests-{day}.{}", written.extension),
        pieces: taken,
    };
    let every_secret = every_secret_path(&engine.providers.catalogue());
    let run = Run { engine: engine.clone(), id, cancelled, pieces, told: Instant::now(), every_secret };
    tokio::spawn(run.whole(asked));
    Some(exporting)
}

/// Why an export ended before its end.
enum Ended {
    /// The reader left, or somebody cancelled it.
    Left,
    Failed(String),
}

impl<E: std::fmt::Display> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Run {
    engine: Arc<Engine>,
    id: String,
    cancelled: Arc<AtomicBool>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
    told: Instant,
    /// Where any vendor sends its secret.
    every_secret: Vec<JsonPath>,
}

impl Run {
    async fn whole(mut self, asked: Export) {
        let ended = self.requests(asked).await;
        let (state, error) = match ended {
            Ok(()) => (JobState::Done, None),
            Err(Ended::Left) => (JobState::Cancelled, None),
            Err(Ended::Failed(error)) => (JobState::Failed, Some(error)),
        };
        if state != JobState::Done {
            // The reader must not take what it has for the whole.
            let why = error.clone().unwrap_or_else(|| "the export was cancelled".into());
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

    async fn requests(&mut self, Export { format, which, redaction }: Export) -> Result<(), Ended> {
        let mut writer = Writer::new(format)?;
        let begin = writer.begin()?;
        self.send(begin).await?;
        let mut done = 0;
        match which {
            Which::These(ids) => {
                for ids in ids.chunks(PAGE) {
                    self.page(ids.to_vec(), &redaction, &mut writer, &mut done).await?;
                }
            }
            Which::Query(query, inbox) => {
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
                    match found.upto {
                        Some(upto) => after = upto,
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

    /// Writes some requests; those that were removed meanwhile are not among them.
    async fn page(
        &mut self,
        ids: Vec<RowId>,
        redaction: &Redaction,
        writer: &mut Writer,
        done: &mut u64,
    ) -> Result<(), Ended> {
        let engine = &self.engine;
        let requests = engine.requests();
        let read = move |connection: &Connection| -> rusqlite::Result<Vec<_>> {
            // One view of the store, and its locks are taken once.
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
            let record = self.record(&stored, body, redaction);
            bytes.extend(writer.request(&record)?);
            *done += 1;
            if bytes.len() >= PIECE {
                self.send(std::mem::take(&mut bytes)).await?;
            }
        }
        self.send(bytes).await?;
        if self.told.elapsed() > PROGRESS {
            self.tell(*done);
        }
        Ok(())
    }

    fn tell(&mut self, done: u64) {
        self.told = Instant::now();
        if let Some(job) = self.engine.jobs.update(&self.id, |job| job.done = done) {
            self.engine.feed.publish([Change::JobChanged { job }]);
        }
    }

    async fn send(&self, bytes: Vec<u8>) -> Result<(), Ended> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Ended::Left);
        }
        match bytes.is_empty() {
            true => Ok(()),
            false => self.pieces.send(Ok(bytes.into())).await.map_err(|_| Ended::Left),
        }
    }

    /// A request as it may leave.
    fn record(&self, stored: &Stored, body: Vec<u8>, redaction: &Redaction) -> Record {
        let mut record = record_of(stored, body);
        if redaction.reads_bodies() {
            decode(&mut record, stored);
        }
        if !redaction.secrets {
            self.mask(&mut record, stored);
        }
        redaction.apply(&mut record);
        record
    }

    /// Masks what is secret in the body. A coded one with a secret in it leaves decoded.
    fn mask(&self, record: &mut Record, stored: &Stored) {
        let inbox = self.engine.addresses.get(&stored.summary.inbox);
        let verification = inbox.as_ref().map(|inbox| &*inbox.verification);
        let known = secret_paths(&self.engine.providers.catalogue(), &stored.summary, verification);
        // Who sent it is known a moment after it arrived: until then it may be anyone.
        let paths = known.as_ref().unwrap_or(&self.every_secret);
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
}

/// Undoes a body's codings, so that what is named can be found in it.
fn decode(record: &mut Record, stored: &Stored) {
    let content = content_of(&stored.header_block);
    if content.codings.is_empty() || record.body.is_empty() {
        return;
    }
    let coded = std::mem::take(&mut record.body.0);
    record.body.0 = match body::decode(&coded, &content.codings, DECODED_MAX as u64) {
        Ok(decoded) => decoded.bytes,
        Err(_) => b"[redacted: this body does not decode]".to_vec(),
    };
    record.headers.retain(|(name, _)| !name.0.eq_ignore_ascii_case(b"content-encoding"));
}

/// A stored request as a record. Fields that have their defaults are left out.
fn record_of(stored: &Stored, body: Vec<u8>) -> Record {
    let summary = &stored.summary;
    Record {
        id: Some(summary.id.clone()),
        inbox: Some(summary.inbox.clone()),
        arrived_at: Some(summary.arrived_at),
        receiving_ms: summary.receiving_ms,
        method: summary.method.clone(),
        target: summary.target.clone(),
        version: Some(summary.version).filter(|version| *version != HttpVersion::Http11),
        peer: Some(summary.peer.clone()).filter(|peer| !peer.is_empty()),
        headers: pairs(&stored.header_block),
        names: Some(summary.names).filter(|names| *names != HeaderNames::Exact),
        trailers: pairs(&stored.trailer_block),
        body_state: Some(summary.body_state).filter(|state| *state != BodyState::Complete),
        body_bytes: Some(summary.body_bytes).filter(|bytes| *bytes != body.len() as u64),
        body: Exact(body),
        status: Some(summary.status).filter(|status| *status != 0),
        answer: stored.answer.as_ref().map(|(answer, _)| answer.clone()),
        pinned: summary.pinned,
        note: summary.note.clone(),
        source: summary.source.clone(),
        provider: summary.provider.clone(),
        event_type: summary.event_type.clone(),
        event_id: summary.event_id.clone(),
        verdict: Some(summary.verdict).filter(|verdict| *verdict != SignatureStatus::Unchecked),
        reason: summary.reason.clone(),
    }
}
