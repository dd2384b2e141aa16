//! The pipeline that processes committed requests: verify, then forward, infer schemas, index and raise alerts.
//!
//! The writer passes each commit to the verification stage in memory ([`Handover`]). The verification stage stores its
//! results and keeps the verified requests in memory ([`RecentBatches`]) until every other stage has processed them. A
//! stage that falls behind, or restarts after a crash, reads the same [`Batch`] from the store. The memory use of both
//! caches is limited. Each stage has a cursor: the row number of the last request that the stage has processed.

mod alerts;
mod batch;
mod forward;
mod handover;
mod index;
mod schema;
mod verify;
mod wait;

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use hookbench_capture::{Committed, ReadError, RowId};
use hookbench_model::{PipelineStage, StageProgress};
use hookbench_store::{
    pipeline::{first_after, save_cursor, waiting},
    request::{CommittedRequest, ReadLimits},
};
use rusqlite::Connection;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use self::{
    batch::{Batch, RecentBatches},
    handover::{Handover, Next},
};
use crate::Engine;
pub use verify::verify_again;
pub use wait::{Unmet, WaitOutcome, WaitQuery, parse_wait, wait};

/// Limits of a batch.
const BATCH: ReadLimits = ReadLimits { requests: 500, bytes: 4 * 1024 * 1024 };

/// Interval at which the cursors are stored.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// Pause after the database could not be read or written.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Arrivals per second above which receiving has priority over the stages.
const FLOOD: f64 = 15_000.0;

/// The requests on their way through the stages, and the progress of each stage.
pub struct Pipeline {
    handover: Mutex<Handover>,
    recent: Mutex<RecentBatches>,
    committed: Notify,
    /// Number of requests that arrived since the start.
    arrived: AtomicU64,
    verified: watch::Sender<RowId>,
    cursors: [AtomicI64; PipelineStage::ALL.len()],
    saved: [AtomicI64; PipelineStage::ALL.len()],
    closing: AtomicBool,
    /// The last batch that a wait read from the store, while another wait uses it.
    waited: tokio::sync::Mutex<Weak<Batch>>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("cursors", &self.cursors).finish_non_exhaustive()
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            handover: Mutex::default(),
            recent: Mutex::default(),
            committed: Notify::new(),
            arrived: AtomicU64::new(0),
            verified: watch::Sender::new(RowId(0)),
            cursors: [const { AtomicI64::new(0) }; _],
            saved: [const { AtomicI64::new(0) }; _],
            closing: AtomicBool::new(false),
            waited: tokio::sync::Mutex::default(),
        }
    }
}

impl Pipeline {
    /// Sets the cursors to where an earlier run ended, and the last request that it stored.
    pub(crate) fn resume(&self, cursors: &[(PipelineStage, RowId)], last: RowId) {
        self.lock_handover().resume(last);
        for (stage, RowId(cursor)) in cursors {
            self.cursors[*stage as usize].store(*cursor, Ordering::Relaxed);
            self.saved[*stage as usize].store(*cursor, Ordering::Relaxed);
        }
        self.verified.send_replace(self.cursor(PipelineStage::Verify));
    }

    /// Ends the stages before the store closes, and stores their cursors.
    pub(crate) async fn close(&self, engine: &Engine) {
        self.closing.store(true, Ordering::Relaxed);
        self.save(engine).await;
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Adds the requests of a commit.
    pub(crate) fn take(&self, committed: Committed) {
        let arrived = committed.arrived.len() + committed.kept.len();
        self.arrived.fetch_add(arrived as u64, Ordering::Relaxed);
        self.lock_handover().push(committed);
        self.committed.notify_one();
    }

    /// Returns the row number of the last request that a stage has processed.
    pub fn cursor(&self, stage: PipelineStage) -> RowId {
        RowId(self.cursors[stage as usize].load(Ordering::Relaxed))
    }

    /// Returns the last row that was committed.
    pub fn committed(&self) -> RowId {
        self.lock_handover().committed()
    }

    /// Waits until a request is verified.
    pub(crate) async fn wait_until_verified(&self, row: RowId) {
        // The wait cannot fail, because `self` owns the sender.
        let _ = self.verified.subscribe().wait_for(|verified| *verified >= row).await;
    }

    fn advance(&self, stage: PipelineStage, cursor: RowId) {
        self.cursors[stage as usize].store(cursor.0, Ordering::Relaxed);
        let processed = PipelineStage::ALL[1..].iter().map(|stage| self.cursor(*stage)).min();
        self.lock_recent().forget(processed.unwrap_or(RowId(0)));
    }

    /// Returns the next requests after a stage's cursor: from memory, or from the store.
    async fn batch(&self, engine: &Engine, cursor: RowId, end: RowId) -> Result<Arc<Batch>, ReadError> {
        if let Some(batch) = self.lock_recent().after(cursor) {
            return Ok(batch);
        }
        engine.store.readers().read(move |connection| Batch::read(connection, cursor, end, None)).await.map(Arc::new)
    }

    fn lock_handover(&self) -> std::sync::MutexGuard<'_, Handover> {
        self.handover.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_recent(&self) -> std::sync::MutexGuard<'_, RecentBatches> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the progress of each stage, in pipeline order.
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    pub fn progress(&self, connection: &Connection, now_ms: i64) -> rusqlite::Result<Vec<StageProgress>> {
        let (mut all, mut last) = (Vec::new(), None);
        for stage in PipelineStage::ALL {
            let cursor = self.cursor(stage);
            // Most stages have the same cursor, so the requests after it are counted once.
            let (waiting, behind_ms) = match last {
                Some((counted, progress)) if counted == cursor => progress,
                _ => match first_after(connection, cursor)? {
                    Some(first) => (waiting(connection, cursor)?, (now_ms - first.unix_ms()).max(0) as u64),
                    None => (0, 0),
                },
            };
            last = Some((cursor, (waiting, behind_ms)));
            all.push(StageProgress { stage, waiting, behind_ms });
        }
        Ok(all)
    }

    /// Stores the cursors that moved since they were last stored.
    async fn save(&self, engine: &Engine) {
        let moved: Vec<(PipelineStage, RowId)> = (PipelineStage::STORED.into_iter())
            .map(|stage| (stage, self.cursor(stage)))
            .filter(|(stage, cursor)| self.saved[*stage as usize].load(Ordering::Relaxed) != cursor.0)
            .collect();
        if moved.is_empty() {
            return;
        }
        let write = {
            let moved = moved.clone();
            move |connection: &Connection| {
                moved.iter().try_for_each(|(stage, row)| save_cursor(connection, *stage, *row))
            }
        };
        // Cursors that cannot be stored now are stored later. After a crash, some requests are processed again.
        if engine.store.write(write, |()| ()).await.is_ok() {
            for (stage, RowId(cursor)) in moved {
                self.saved[stage as usize].store(cursor, Ordering::Relaxed);
            }
        }
    }
}

/// A stage after verification.
trait Stage: Send + 'static {
    /// Name of the stage.
    const NAME: PipelineStage;

    /// Processes some of the requests after `cursor`, at most up to and including `end`. Returns the last row that was
    /// processed.
    fn step(
        &mut self,
        engine: &Arc<Engine>,
        cursor: RowId,
        end: RowId,
    ) -> impl Future<Output = Result<RowId, String>> + Send;

    /// Returns the pause after a step that took `elapsed`. `more` is true if requests are waiting.
    fn pause(&self, elapsed: Duration, more: bool) -> Duration;
}

/// Starts the stages, which run until the engine is dropped. `everything` is false for a single command, which ends too
/// soon to need the later stages.
pub(crate) fn spawn(engine: &Arc<Engine>, everything: bool) {
    let engine = Arc::downgrade(engine);
    tokio::spawn(verify::run(engine.clone()));
    tokio::spawn(follow(engine.clone(), alerts::Alerts));
    if everything {
        tokio::spawn(follow(engine.clone(), forward::Mirror));
        tokio::spawn(follow(engine.clone(), schema::Inference));
        tokio::spawn(index::run(engine.clone()));
    }
    tokio::spawn(save_regularly(engine));
}

/// Runs a stage until the engine is dropped.
async fn follow<S: Stage>(engine: Weak<Engine>, mut stage: S) {
    let Some(mut verified) = engine.upgrade().map(|engine| engine.pipeline.verified.subscribe()) else { return };
    loop {
        let (began, end) = (Instant::now(), *verified.borrow_and_update());
        let Some(opened) = engine.upgrade() else { return };
        let cursor = opened.pipeline.cursor(S::NAME);
        let step = match cursor < end {
            true => stage.step(&opened, cursor, end).await,
            false => Ok(cursor),
        };
        let (more, pause) = match step {
            Ok(reached) => {
                opened.pipeline.advance(S::NAME, reached);
                (reached < end, stage.pause(began.elapsed(), reached < end))
            }
            Err(_) if opened.pipeline.is_closing() => return,
            Err(error) => {
                tracing::warn!(error, stage = S::NAME.as_str(), "a pipeline stage failed; retrying");
                (true, RETRY_DELAY)
            }
        };
        drop(opened);
        tokio::time::sleep(pause).await;
        if !more && verified.changed().await.is_err() {
            return;
        }
    }
}

async fn save_regularly(engine: Weak<Engine>) {
    loop {
        tokio::time::sleep(SAVE_INTERVAL).await;
        let Some(engine) = engine.upgrade() else { return };
        engine.pipeline.save(&engine).await;
    }
}

/// Rate of arrivals, measured between two calls.
struct ArrivalRate {
    measured: Instant,
    arrived: u64,
    per_second: f64,
}

impl Default for ArrivalRate {
    fn default() -> Self {
        Self { measured: Instant::now(), arrived: 0, per_second: 0.0 }
    }
}

impl ArrivalRate {
    /// Returns true if the rate of arrivals gives receiving priority. Measures the rate over at least 100 ms.
    fn is_flood(&mut self, pipeline: &Pipeline) -> bool {
        let seconds = self.measured.elapsed().as_secs_f64();
        if seconds >= 0.1 {
            let arrived = pipeline.arrived.load(Ordering::Relaxed);
            self.per_second = arrived.saturating_sub(self.arrived) as f64 / seconds;
            (self.measured, self.arrived) = (Instant::now(), arrived);
        }
        self.per_second > FLOOD
    }
}

/// Returns the requests of a batch that a stage has not processed yet.
fn unprocessed(batch: &Batch, cursor: RowId) -> impl Iterator<Item = &CommittedRequest> {
    batch.requests.iter().filter(move |request| request.row > cursor)
}
