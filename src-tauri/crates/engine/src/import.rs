//! Imports: a file's requests into the store, as a job.

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

/// Where imports go that name no inbox.
const INBOX: &str = "imported";

/// Folder in the data directory for files on their way in.
const FOLDER: &str = "import";

/// Requests, and bytes, of one commit.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Entries that are no requests and are told of one by one.
const BAD_TOLD: usize = 100;

/// Most inboxes one file may make.
const INBOXES_MAX: usize = 100;

/// Different answers that are remembered, so that requests with the same one share it.
const ANSWERS: usize = 64;

/// Longest name of a file that is kept, in characters.
const SOURCE_MAX: usize = 200;

/// How often progress is told, and lists are asked to read again.
const PROGRESS: Duration = Duration::from_millis(200);
const RELIST: Duration = Duration::from_secs(1);

/// What is to be imported, and how.
#[derive(Debug, Clone)]
pub struct Import {
    /// Name of the file.
    pub name: String,
    /// Its format; told from its content if absent.
    pub format: Option<FileFormat>,
    /// Where everything goes; where the file says, if absent.
    pub inbox: Option<String>,
    /// Whether one bad entry means that nothing is imported.
    pub whole: bool,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

/// Why an import did not begin.
#[derive(Debug, thiserror::Error)]
pub enum ImportStartError {
    #[error(
        "{0:?} is in none of the formats that can be read: HAR, JSON Lines, CSV, raw HTTP, curl, webhook.site's JSON, Hookbench's archive."
    )]
    /// The format of the file is not known.
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
    #[error("The file could not be put down: {0}.")]
    Io(#[from] io::Error),
}

/// A private file that an upload goes into; it goes away with its owner.
pub fn spool(data: &Path) -> io::Result<NamedTempFile> {
    let folder = folder(data);
    fs::create_dir_all(&folder)?;
    NamedTempFile::new_in(folder)
}

fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

/// Removes what an engine that died left on its way in.
pub(crate) fn sweep(data: &Path) {
    let _ = fs::remove_dir_all(folder(data));
}

/// Begins to import a file.
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
    let cancelled = Arc::new(AtomicBool::new(false));
    let cancel = cancelled.clone();
    engine.jobs.start(job.clone(), Box::new(move || cancel.store(true, Ordering::Relaxed)));
    engine.feed.publish([Change::JobChanged { job: job.clone() }]);
    let now = Instant::now();
    let run = Run {
        engine: engine.clone(),
        runtime: Handle::current(),
        id: job.id.clone(),
        import,
        cancelled,
        done: ImportResult { format: Some(format), ..ImportResult::default() },
        batch: Batch::default(),
        kept: Vec::new(),
        answers: HashMap::new(),
        told: now,
        listed: now,
    };
    tokio::task::spawn_blocking(move || run.whole(format, file.as_file_mut()));
    Ok(job)
}

/// A file in UTF-16 with a byte order mark, as PowerShell and some editors write it, as UTF-8; any other as it is.
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

/// Why an import ended before the file did.
enum Ended {
    Cancelled,
    Failed(String),
}

/// Requests that wait for the next commit.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    bytes: usize,
}

struct Row {
    captured: Captured,
    pinned: bool,
    note: String,
    answer: Option<InboxResponse>,
}

struct Run {
    engine: Arc<Engine>,
    runtime: Handle,
    id: String,
    import: Import,
    cancelled: Arc<AtomicBool>,
    done: ImportResult,
    batch: Batch,
    /// Row numbers of what was imported, as ranges: one a commit.
    kept: Vec<(i64, i64)>,
    /// Numbers of answers by what they are.
    answers: HashMap<String, i64>,
    told: Instant,
    listed: Instant,
}

impl Run {
    fn whole(mut self, format: FileFormat, file: &mut fs::File) {
        self.done.before = self.imported_before();
        let ended = self.checked(format, file).and_then(|()| self.all(format, file));
        if ended.is_err() && self.import.whole {
            self.take_back();
        }
        let (state, error) = match ended {
            Ok(()) => (JobState::Done, None),
            Err(Ended::Cancelled) => (JobState::Cancelled, None),
            Err(Ended::Failed(why)) => (JobState::Failed, Some(why)),
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

    /// When the same file was imported before.
    fn imported_before(&self) -> Option<ImportRecord> {
        let sha256 = self.import.sha256;
        let read = move |connection: &Connection| hookbench_store::imported_file::find(connection, &sha256);
        let (at_us, requests) = self.runtime.block_on(self.engine.store.readers().read(read)).ok().flatten()?;
        Some(ImportRecord { at: timestamp(at_us), requests })
    }

    /// Writes down that this file was imported.
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
            tracing::warn!(%error, "an import could not be written down");
        }
    }

    /// Where all or nothing is wanted: reads the whole file before anything is stored.
    fn checked(&mut self, format: FileFormat, file: &mut fs::File) -> Result<(), Ended> {
        if !self.import.whole {
            return Ok(());
        }
        let (limit, now_us) = self.bounds();
        let cancelled = self.cancelled.clone();
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
            if cancelled.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Err(bad) = read {
            note_bad(done, bad);
        }
        match done.bad {
            _ if self.cancelled.load(Ordering::Relaxed) => Err(Ended::Cancelled),
            0 => Ok(()),
            bad => Err(Ended::Failed(format!("{} cannot be imported, so nothing was", entries(bad)))),
        }
    }

    fn all(&mut self, format: FileFormat, file: &mut fs::File) -> Result<(), Ended> {
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
                    requests => format!("the {requests} before it were imported"),
                };
                Err(Ended::Failed(format!("the file does not read to its end ({why}); {before}")))
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
    ) -> Result<(), Ended> {
        if self.cancelled.load(Ordering::Relaxed) {
            self.commit()?;
            return Err(Ended::Cancelled);
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
        if self.told.elapsed() > PROGRESS {
            self.tell(at);
        }
        Ok(())
    }

    /// An entry as a row of its inbox, which is made if need be; or why it is none.
    fn row(&mut self, mut record: Record, limit: u64, now_us: i64) -> Result<Result<Row, String>, Ended> {
        let name = self.import.inbox.clone().or_else(|| record.inbox.take()).unwrap_or_else(|| INBOX.into());
        if let Err(why) = check_name(&name) {
            return Ok(Err(why));
        }
        let (pinned, note, answer) = (record.pinned, record.note.clone(), record.take_answer());
        let captured = match record.captured(0, limit, now_us) {
            Ok(captured) => captured,
            Err(why) => return Ok(Err(why)),
        };
        let inbox = match self.engine.addresses.get(&name) {
            Some(address) => address.number,
            None => {
                if let Err(why) = too_many(self.done.inboxes.len() + 1) {
                    return Ok(Err(why));
                }
                self.make_inbox(&name)?
            }
        };
        self.done.inboxes.insert(name);
        Ok(Ok(Row { captured: Captured { inbox, ..captured }, pinned, note, answer }))
    }

    fn make_inbox(&self, name: &str) -> Result<i64, Ended> {
        let made = self.engine.add_inbox(name.into(), InboxResponse::default(), VerificationSettings::default());
        self.runtime.block_on(made).map_err(|e| Ended::Failed(e.to_string()))?;
        let address = self.engine.addresses.get(name);
        address
            .map(|address| address.number)
            .ok_or_else(|| Ended::Failed(format!("the inbox {name} could not be made")))
    }

    fn commit(&mut self) -> Result<(), Ended> {
        let mut rows = std::mem::take(&mut self.batch).rows;
        if rows.is_empty() {
            return Ok(());
        }
        let failed = |e: &dyn std::fmt::Display| Ended::Failed(format!("the store could not take more: {e}"));
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
        let (count, source, mut answers) =
            (rows.len() as u64, self.import.name.clone(), std::mem::take(&mut self.answers));
        let work = move |within: &mut Transaction<'_>| -> rusqlite::Result<_> {
            let (mut first, mut last) = (None, 0);
            for mut row in rows {
                row.captured.answer =
                    row.answer.map(|answer| number_of(within.connection, &answer, &mut answers)).transpose()?;
                let id = within.keep_imported(&mut row.captured)?;
                hookbench_store::request::insert_mark(within.connection, id, row.pinned, &row.note, &source)?;
                first.get_or_insert(id.0);
                last = id.0;
            }
            Ok((first.unwrap_or(last), last, answers))
        };
        match self.runtime.block_on(store.transact(work, |_| ())) {
            Ok((first, last, answers)) => {
                self.kept.push((first, last));
                self.answers = answers;
                self.done.requests += count;
                Ok(())
            }
            Err(error) => {
                bodies.into_iter().for_each(|body| store.drop_chunks(body));
                Err(failed(&error))
            }
        }
    }

    /// Deletes what was imported: all or nothing was wanted.
    fn take_back(&mut self) {
        for (first, last) in std::mem::take(&mut self.kept) {
            let ids: Vec<i64> = (first..=last).collect();
            let work = move |connection: &Connection| delete_requests(connection, &ids);
            if let Err(error) = self.runtime.block_on(self.engine.store.write(work, |_| ())) {
                tracing::error!(%error, "a part of an import could not be taken back");
            }
        }
        self.done.requests = 0;
    }

    fn tell(&mut self, at: u64) {
        self.told = Instant::now();
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
        true => Err(format!("it belongs to one inbox more than the {INBOXES_MAX} a file may have")),
        false => Ok(()),
    }
}

fn note_bad(done: &mut ImportResult, bad: ImportError) {
    done.bad += 1;
    if done.first_bad.len() < BAD_TOLD {
        done.first_bad.push(bad);
    }
}

fn entries(count: u64) -> String {
    if count == 1 { "one entry".into() } else { format!("{count} entries") }
}

/// The number of an answer. Those that come again and again share one row.
fn number_of(
    connection: &Connection,
    answer: &InboxResponse,
    known: &mut HashMap<String, i64>,
) -> rusqlite::Result<i64> {
    let key = serde_json::to_string(answer).unwrap_or_default();
    if let Some(number) = known.get(&key) {
        return Ok(*number);
    }
    if known.len() >= ANSWERS {
        return hookbench_store::response::insert_once(answer, connection, "");
    }
    let number = hookbench_store::response::insert(answer, connection, "")?;
    known.insert(key, number);
    Ok(number)
}

/// Puts a large body into chunks before its row.
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
