//! Imports: background jobs that store the requests of a file.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    io::Read,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use encoding_rs_io::DecodeReaderBytesBuilder;
use hookbench_capture::{Body, CHUNK_BYTES, Captured, INLINE_BODY_BYTES, Transaction};
use hookbench_formats::{Record, SNIFFED, looks_like, read, sniff};
use hookbench_model::{
    Change, FileFormat, ImportError, ImportRecord, ImportResult, InboxResponse, Job, JobKind, JobState,
    VerificationSettings, timestamp,
};
use hookbench_store::deletion::delete_requests;
use rusqlite::Connection;
use tempfile::NamedTempFile;
use tokio::{runtime::Handle, time::Instant};

use crate::{Engine, inbox::check_name};

/// Name of the inbox for requests whose file names no inbox.
const INBOX: &str = "imported";

/// Directory for uploaded files, inside the data directory.
const FOLDER: &str = "import";

/// Maximum number of requests, and of bytes, of a commit.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Maximum number of invalid entries that are reported individually.
const BAD_REPORTED: usize = 100;

/// Maximum number of inboxes that a file may use.
const INBOXES_MAX: usize = 100;

/// Maximum number of different responses in memory. Requests with the same response share a row.
const RESPONSES: usize = 64;

/// Maximum length of the stored file name, in characters. Longer names are truncated.
const SOURCE_MAX: usize = 200;

/// Interval between two progress updates, and between two notifications to reload lists.
const PROGRESS: Duration = Duration::from_millis(200);
const RELIST: Duration = Duration::from_secs(1);

/// Options of an import.
#[derive(Debug, Clone)]
pub struct Import {
    /// Name of the file.
    pub name: String,
    /// Format of the file. Detected from the content if absent.
    pub format: Option<FileFormat>,
    /// Inbox for all requests. If absent, each request goes to the inbox named in the file.
    pub inbox: Option<String>,
    /// True if a single invalid entry prevents the import of the whole file.
    pub atomic: bool,
    /// SHA-256 hash of the file.
    pub sha256: [u8; 32],
}

/// Error that prevented an import from starting.
#[derive(Debug, thiserror::Error)]
pub enum ImportStartError {
    #[error(
        "The format of {0:?} is not supported. Supported formats: HAR, JSON Lines, CSV, raw HTTP, curl, webhook.site JSON and Hookbench archives."
    )]
    /// The format of the file could not be detected.
    Unknown(String),
    /// The file is of a format that cannot be imported.
    #[error("{0:?} looks like {1}, which cannot be imported.")]
    Other(String, &'static str),
    /// The file is empty.
    #[error("{0:?} is empty.")]
    Empty(String),
    /// The name of the inbox is not valid.
    #[error("{0}")]
    Inbox(String),
    /// The file cannot be read.
    #[error("The file could not be stored: {0}.")]
    Io(#[from] io::Error),
}

/// Creates a private temporary file for an upload. Dropping the file deletes it.
///
/// # Errors
/// Returns an error if the file cannot be created.
pub fn spool(data: &Path) -> io::Result<NamedTempFile> {
    let folder = folder(data);
    fs::create_dir_all(&folder)?;
    NamedTempFile::new_in(folder)
}

fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

/// Deletes the uploaded files that a crashed engine left.
pub(crate) fn sweep(data: &Path) {
    let _ = fs::remove_dir_all(folder(data));
}

/// Starts to import a file.
///
/// # Errors
/// Returns an error if the inbox name is invalid, or if the file is empty, has an unknown format or cannot be read.
pub fn start(engine: &Arc<Engine>, mut import: Import, mut file: NamedTempFile) -> Result<Job, ImportStartError> {
    if let Some(name) = &import.inbox {
        check_name(name).map_err(ImportStartError::Inbox)?;
    }
    let total = file.as_file().metadata()?.len();
    if total == 0 {
        return Err(ImportStartError::Empty(import.name));
    }
    file = in_utf8(engine.dir().path(), file)?;
    if import.format.is_none() {
        let mut first = Vec::new();
        file.reopen()?.take(SNIFFED).read_to_end(&mut first)?;
        import.format = Some(sniff(&first).ok_or_else(|| match looks_like(&first) {
            Some(what) => ImportStartError::Other(import.name.clone(), what),
            None => ImportStartError::Unknown(import.name.clone()),
        })?);
    }
    let format = import.format.unwrap_or(FileFormat::Jsonl);
    import.name = import.name.chars().filter(|c| !c.is_control()).take(SOURCE_MAX).collect();
    let job = Job {
        id: uuid::Uuid::now_v7().to_string(),
        kind: JobKind::Import,
        state: JobState::Running,
        done: 0,
        total,
        path: Some(import.name.clone()),
        inbox: import.inbox.clone(),
        imported: Some(ImportResult { format: Some(format), ..ImportResult::default() }),
        error: None,
    };
    let canceled = Arc::new(AtomicBool::new(false));
    let cancel = canceled.clone();
    engine.jobs.start(job.clone(), Box::new(move || cancel.store(true, Ordering::Relaxed)));
    engine.feed.publish([Change::JobChanged { job: job.clone() }]);
    let now = Instant::now();
    let run = Run {
        engine: engine.clone(),
        runtime: Handle::current(),
        id: job.id.clone(),
        import,
        canceled,
        done: ImportResult { format: Some(format), ..ImportResult::default() },
        batch: Batch::default(),
        kept: Vec::new(),
        responses: HashMap::new(),
        reported_at: now,
        listed: now,
    };
    tokio::task::spawn_blocking(move || run.whole(format, file.as_file_mut()));
    Ok(job)
}

/// Converts a UTF-16 file with a byte order mark to UTF-8. Returns other files unchanged. PowerShell and some editors
/// write UTF-16.
fn in_utf8(data: &Path, file: NamedTempFile) -> io::Result<NamedTempFile> {
    let mut mark = [0; 2];
    let read = file.reopen()?.read(&mut mark)?;
    if read < 2 || !matches!(mark, [0xff, 0xfe] | [0xfe, 0xff]) {
        return Ok(file);
    }
    let mut converted = spool(data)?;
    let mut text = DecodeReaderBytesBuilder::new().build(file.reopen()?);
    io::copy(&mut text, converted.as_file_mut())?;
    Ok(converted)
}

/// Reason why an import stopped early.
enum ImportEnd {
    Canceled,
    Failed(String),
}

/// Requests for the next commit.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    bytes: usize,
}

struct Row {
    captured: Captured,
    pinned: bool,
    note: String,
    response: Option<InboxResponse>,
}

struct Run {
    engine: Arc<Engine>,
    runtime: Handle,
    id: String,
    import: Import,
    canceled: Arc<AtomicBool>,
    done: ImportResult,
    batch: Batch,
    /// Ranges of row numbers of the imported requests, one for each commit.
    kept: Vec<(i64, i64)>,
    /// Numbers of stored responses by their JSON text.
    responses: HashMap<String, i64>,
    reported_at: Instant,
    listed: Instant,
}

impl Run {
    fn whole(mut self, format: FileFormat, file: &mut fs::File) {
        self.done.before = self.imported_before();
        let ended = self.checked(format, file).and_then(|()| self.all(format, file));
        if ended.is_err() && self.import.atomic {
            self.take_back();
        }
        let (state, error) = match ended {
            Ok(()) => (JobState::Done, None),
            Err(ImportEnd::Canceled) => (JobState::Canceled, None),
            Err(ImportEnd::Failed(why)) => (JobState::Failed, Some(why)),
        };
        self.remember();
        let done = self.done.clone();
        self.relist();
        let change = move |job: &mut Job| {
            job.state = state;
            job.error = error;
            job.imported = Some(done);
            if state == JobState::Done {
                job.done = job.total;
            }
        };
        if let Some(job) = self.engine.jobs.update(&self.id, change) {
            self.engine.feed.publish([Change::JobChanged { job }]);
        }
    }

    /// Returns the record of an earlier import of the same file.
    fn imported_before(&self) -> Option<ImportRecord> {
        let sha256 = self.import.sha256;
        let read = move |connection: &Connection| hookbench_store::imported_file::find(connection, &sha256);
        let (at_us, requests) = self.runtime.block_on(self.engine.store.readers().read(read)).ok().flatten()?;
        Some(ImportRecord { at: timestamp(at_us), requests })
    }

    /// Stores a record of this import.
    fn remember(&self) {
        if self.done.requests == 0 {
            return;
        }
        let (sha256, name, requests) = (self.import.sha256, self.import.name.clone(), self.done.requests);
        let at_us = self.engine.clock.now_us();
        let work = move |connection: &Connection| {
            hookbench_store::imported_file::save(connection, &sha256, &name, requests, at_us)
        };
        if let Err(error) = self.runtime.block_on(self.engine.store.write(work, |()| ())) {
            tracing::warn!(%error, "the record of an import could not be stored");
        }
    }

    /// Validates the whole file before an atomic import.
    fn checked(&mut self, format: FileFormat, file: &mut fs::File) -> Result<(), ImportEnd> {
        if !self.import.atomic {
            return Ok(());
        }
        let (limit, now_us) = self.bounds();
        let canceled = self.canceled.clone();
        let mut inboxes = BTreeSet::new();
        let done = &mut self.done;
        let read = read(format, file, &mut |_| (), &mut |number, entry| {
            let entry = entry.and_then(|record| {
                if let Some(name) = record.inbox.clone().filter(|_| self.import.inbox.is_none()) {
                    check_name(&name)?;
                    inboxes.insert(name);
                    too_many(inboxes.len())?;
                }
                record.captured(0, limit, now_us)
            });
            if let Err(why) = entry {
                note_bad(done, ImportError::new(format!("{} {number}", format.noun()), why));
            }
            if canceled.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Err(bad) = read {
            note_bad(done, bad);
        }
        match done.bad {
            _ if self.canceled.load(Ordering::Relaxed) => Err(ImportEnd::Canceled),
            0 => Ok(()),
            bad => Err(ImportEnd::Failed(format!("{} cannot be imported; nothing was imported", entries(bad)))),
        }
    }

    fn all(&mut self, format: FileFormat, file: &mut fs::File) -> Result<(), ImportEnd> {
        let (limit, now_us) = self.bounds();
        let (mut at, mut ended) = (0, Ok(()));
        let position = std::cell::Cell::new(0);
        let read = read(format, file, &mut |read| position.set(read), &mut |number, entry| {
            at = position.get();
            let place = || format!("{} {number}", format.noun());
            ended = self.entry(entry, &place, limit, now_us, at);
            if ended.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        ended?;
        self.commit()?;
        match read {
            Ok(()) => Ok(()),
            Err(bad) => {
                let why = format!("{}: {}", bad.place, bad.why);
                note_bad(&mut self.done, bad);
                let before = match self.done.requests {
                    0 => "nothing was imported".to_owned(),
                    requests => format!("the {requests} requests before the error were imported"),
                };
                Err(ImportEnd::Failed(format!("the file cannot be parsed to the end ({why}); {before}")))
            }
        }
    }

    fn bounds(&self) -> (u64, i64) {
        (self.engine.settings().limits.body_bytes, self.engine.clock.now_us())
    }

    fn entry(
        &mut self,
        entry: Result<Record, String>,
        place: &dyn Fn() -> String,
        limit: u64,
        now_us: i64,
        at: u64,
    ) -> Result<(), ImportEnd> {
        if self.canceled.load(Ordering::Relaxed) {
            self.commit()?;
            return Err(ImportEnd::Canceled);
        }
        let row = match entry {
            Ok(record) => self.row(record, limit, now_us)?,
            Err(why) => Err(why),
        };
        match row {
            Ok(row) => {
                self.batch.bytes += row.captured.body_bytes as usize + row.captured.headers.len();
                self.batch.rows.push(row);
            }
            Err(why) => note_bad(&mut self.done, ImportError::new(place(), why)),
        }
        if self.batch.rows.len() >= BATCH || self.batch.bytes >= BATCH_BYTES {
            self.commit()?;
        }
        if self.reported_at.elapsed() > PROGRESS {
            self.tell(at);
        }
        Ok(())
    }

    /// Converts an entry to a row, and creates the inbox if needed. Returns the reason if the entry is invalid.
    fn row(&mut self, mut record: Record, limit: u64, now_us: i64) -> Result<Result<Row, String>, ImportEnd> {
        let name = self.import.inbox.clone().or_else(|| record.inbox.take()).unwrap_or_else(|| INBOX.into());
        if let Err(why) = check_name(&name) {
            return Ok(Err(why));
        }
        let (pinned, note, response) = (record.pinned, record.note.clone(), record.take_response());
        let captured = match record.captured(0, limit, now_us) {
            Ok(captured) => captured,
            Err(why) => return Ok(Err(why)),
        };
        let inbox = match self.engine.inboxes.get(&name) {
            Some(address) => address.number,
            None => {
                if let Err(why) = too_many(self.done.inboxes.len() + 1) {
                    return Ok(Err(why));
                }
                self.make_inbox(&name)?
            }
        };
        self.done.inboxes.insert(name);
        Ok(Ok(Row { captured: Captured { inbox, ..captured }, pinned, note, response }))
    }

    fn make_inbox(&self, name: &str) -> Result<i64, ImportEnd> {
        let made = self.engine.add_inbox(name.into(), InboxResponse::default(), VerificationSettings::default());
        self.runtime.block_on(made).map_err(|e| ImportEnd::Failed(e.to_string()))?;
        let address = self.engine.inboxes.get(name);
        address
            .map(|address| address.number)
            .ok_or_else(|| ImportEnd::Failed(format!("the inbox {name} could not be created")))
    }

    fn commit(&mut self) -> Result<(), ImportEnd> {
        let mut rows = std::mem::take(&mut self.batch).rows;
        if rows.is_empty() {
            return Ok(());
        }
        let failed = |e: &dyn std::fmt::Display| ImportEnd::Failed(format!("the requests could not be stored: {e}"));
        let store = self.engine.store.clone();
        for row in &mut rows {
            self.runtime.block_on(put_down(&store, &mut row.captured)).map_err(|e| failed(&e))?;
        }
        let bodies: Vec<i64> = rows
            .iter()
            .filter_map(|row| match row.captured.body {
                Body::Chunks(body) => Some(body),
                Body::Inline(_) => None,
            })
            .collect();
        let (count, source, mut responses) =
            (rows.len() as u64, self.import.name.clone(), std::mem::take(&mut self.responses));
        let work = move |within: &mut Transaction<'_>| -> rusqlite::Result<_> {
            let (mut first, mut last) = (None, 0);
            for mut row in rows {
                row.captured.response =
                    row.response.map(|response| number_of(within.connection, &response, &mut responses)).transpose()?;
                let id = within.keep_imported(&mut row.captured)?;
                hookbench_store::request::insert_mark(within.connection, id, row.pinned, &row.note, &source)?;
                first.get_or_insert(id.0);
                last = id.0;
            }
            Ok((first.unwrap_or(last), last, responses))
        };
        match self.runtime.block_on(store.transact(work, |_| ())) {
            Ok((first, last, responses)) => {
                self.kept.push((first, last));
                self.responses = responses;
                self.done.requests += count;
                Ok(())
            }
            Err(error) => {
                bodies.into_iter().for_each(|body| store.drop_chunks(body));
                Err(failed(&error))
            }
        }
    }

    /// Deletes the requests of an atomic import that failed.
    fn take_back(&mut self) {
        for (first, last) in std::mem::take(&mut self.kept) {
            let ids: Vec<i64> = (first..=last).collect();
            let work = move |connection: &Connection| delete_requests(connection, &ids);
            if let Err(error) = self.runtime.block_on(self.engine.store.write(work, |_| ())) {
                tracing::error!(%error, "some requests of a failed atomic import could not be deleted");
            }
        }
        self.done.requests = 0;
    }

    fn tell(&mut self, at: u64) {
        self.reported_at = Instant::now();
        let done = self.done.clone();
        let change = |job: &mut Job| {
            job.done = at.min(job.total);
            job.imported = Some(done);
        };
        if let Some(job) = self.engine.jobs.update(&self.id, change) {
            self.engine.feed.publish([Change::JobChanged { job }]);
        }
        if self.listed.elapsed() > RELIST {
            self.relist();
        }
    }

    fn relist(&mut self) {
        self.listed = Instant::now();
        if self.done.requests > 0 {
            self.engine
                .feed
                .publish([Change::RequestsImported { inboxes: self.done.inboxes.iter().cloned().collect() }]);
        }
    }
}

fn too_many(inboxes: usize) -> Result<(), String> {
    match inboxes > INBOXES_MAX {
        true => Err(format!("the file has too many inboxes: at most {INBOXES_MAX} are allowed")),
        false => Ok(()),
    }
}

fn note_bad(done: &mut ImportResult, bad: ImportError) {
    done.bad += 1;
    if done.first_bad.len() < BAD_REPORTED {
        done.first_bad.push(bad);
    }
}

fn entries(count: u64) -> String {
    if count == 1 { "one entry".into() } else { format!("{count} entries") }
}

/// Returns the number of a stored response. Equal responses share a row.
fn number_of(
    connection: &Connection,
    response: &InboxResponse,
    known: &mut HashMap<String, i64>,
) -> rusqlite::Result<i64> {
    let key = serde_json::to_string(response).unwrap_or_default();
    if let Some(number) = known.get(&key) {
        return Ok(*number);
    }
    if known.len() >= RESPONSES {
        return hookbench_store::response::insert_once(response, connection, "");
    }
    let number = hookbench_store::response::insert(response, connection, "")?;
    known.insert(key, number);
    Ok(number)
}

/// Stores a large body in chunks before the row of the request.
async fn put_down(store: &hookbench_capture::Store, row: &mut Captured) -> Result<(), hookbench_capture::CommitError> {
    let Body::Inline(bytes) = &row.body else { return Ok(()) };
    if bytes.len() <= INLINE_BODY_BYTES {
        return Ok(());
    }
    let body = store.new_body();
    for (part, start) in (0..bytes.len()).step_by(CHUNK_BYTES).enumerate() {
        let chunk: Bytes = bytes.slice(start..bytes.len().min(start + CHUNK_BYTES));
        if let Err(error) = store.keep_chunk(body, part as u32, chunk).committed().await {
            store.drop_chunks(body);
            return Err(error);
        }
    }
    row.body = Body::Chunks(body);
    Ok(())
}
