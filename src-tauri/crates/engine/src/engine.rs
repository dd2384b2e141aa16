//! The engine: the owner of a data directory and of all components that use it.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, OnceLock, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hookbench_capture::{Clock, Committed, IdTail, OnCommit, OpenError, Plan, ReadError, RowId, Store, WriteError};
use hookbench_checks::Checks;
use hookbench_delivery::{Outbox, Parts};
use hookbench_event_schema::Validators;
use hookbench_model::{
    Change, DatabaseFault, DatabaseHealth, FeedItem, Inbox, InboxResponse, ListenerState, PipelineStage,
    RequestSummary, Settings, VerificationSettings,
};
use hookbench_provider::Catalog;
use hookbench_query::Query;
use hookbench_search::{InboxSnapshot, Search, SearchIndex};
use hookbench_store::{
    Providers,
    data_dir::{DataDir, DataDirError, OwnerKind},
    deletion::{DeletionRow, Hidden},
    feed::Feed,
    inbox::InboxRow,
    request::{RequestReader, summary_of},
    retention,
    tunnel::{ExposureRow, TunnelRow},
};
use rusqlite::Connection;
use tokio::runtime::Handle;

use crate::{
    import,
    inbox::{InboxConfig, InboxRegistry},
    job::Jobs,
    listener::{self, Listener},
    pipeline::{self, Pipeline},
    refusal::{self, Refusals},
    replay::{self, Replays},
    response::{Files, FixedResponses, Steps},
    traffic::TrafficCounters,
    tunnel::Tunnels,
    update::Updates,
};

/// Name of the inbox that is created in a new data directory.
const FIRST_INBOX: &str = "inbox";

/// Maximum time that a query for a signature status or an event waits for verification, which falls behind in a flood.
const VERIFIED_WITHIN: Duration = Duration::from_secs(5);

/// Interval between two runs of deletion and retention.
const TIDY: Duration = Duration::from_secs(1);

/// Interval between two checks that the database file exists.
const LOOKED_AFTER: Duration = Duration::from_secs(2);

/// Error that prevented the engine from starting. The data directory was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database is empty or missing in a data directory that was in use.
    #[error("{0}")]
    Emptied(String),
    /// A row of the database cannot be read.
    #[error("the database cannot be read: {0}")]
    Content(String),
}

/// An engine with one data directory, one store, one listener and one event stream.
pub struct Engine {
    /// The captured requests, with the only writer of the database.
    pub store: Arc<Store>,
    /// The event stream.
    pub feed: Arc<Feed>,
    /// The inboxes, cached in memory.
    pub inboxes: Arc<InboxRegistry>,
    /// The deletions that can still be undone.
    pub hidden: Arc<Hidden>,
    /// The listener.
    pub listener: Listener,
    /// The main runtime. The listener has a separate runtime.
    pub(crate) main: Handle,
    /// Imports, exports and backups.
    pub jobs: Jobs,
    /// The clock that all components read.
    pub clock: Clock,
    pub(crate) create_inboxes: Arc<AtomicBool>,
    /// The providers, built in and custom.
    pub providers: Arc<Providers>,
    /// Compiled schemas of events.
    pub(crate) validators: Arc<Validators>,
    pub(crate) fixed_responses: FixedResponses,
    pub(crate) response_files: Files,
    /// The position of each response sequence.
    pub steps: Steps,
    pub(crate) replays: Arc<Replays>,
    /// The runs of handler checks.
    pub checks: Arc<Checks>,
    /// The tunnels.
    pub tunnels: Arc<Tunnels>,
    /// The outbox, which sends all deliveries.
    pub outbox: Arc<Outbox>,
    /// The search index.
    pub index: Arc<SearchIndex>,
    pub(crate) refusals: Arc<Refusals>,
    /// The requests per minute.
    pub traffic: TrafficCounters,
    /// What the check for updates found.
    pub updates: Arc<Updates>,
    /// The stages that process committed requests.
    pub pipeline: Arc<Pipeline>,
    settings: RwLock<Settings>,
    // Fields are dropped in order, so the lock on the directory is released after the store has closed.
    dir: DataDir,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Engine {
    /// Locks a data directory, opens its database and starts the background tasks. Does not start the listener.
    ///
    /// # Errors
    /// Returns an error if the directory is in use or cannot be written, or if the database cannot be opened or read.
    pub async fn open(path: &Path, kind: OwnerKind, clock: Clock) -> Result<Arc<Self>, EngineError> {
        let dir = DataDir::own(path, kind)?;
        let database = dir.database();
        if let Some(why) = dir.emptied() {
            return Err(EngineError::Emptied(why));
        }
        let inboxes = Arc::new(InboxRegistry::default());
        let after_commit = AfterCommit::default();
        let (published, pipeline) = (after_commit.published.clone(), after_commit.pipeline.clone());
        let on_commit = after_commit.on_commit(inboxes.clone());
        let plan = Plan { version: hookbench_store::VERSION, migrate: &hookbench_store::migrate };
        let store = Store::open(&database, &plan, clock.clone(), on_commit)?;
        import::sweep(dir.path());
        let providers = Providers::open(dir.path());
        let (known, now_us) = (providers.catalog(), clock.now_us());
        let everything = kind != OwnerKind::Command;
        let loaded = load_or_read(&store, known, now_us, everything).await?;
        let store = Arc::new(store);
        let hidden = Arc::new(Hidden::new(loaded.deletions.clone()));
        let feed = Arc::new(Feed::new(loaded.last_seq));
        let providers = Arc::new(providers);
        let requests = {
            let (hidden, inboxes, tail) = (hidden.clone(), inboxes.clone(), store.id_tail());
            move || RequestReader { hidden: hidden.condition(), tail, inboxes: inboxes.clone() }
        };
        let parts = Parts {
            store: store.clone(),
            feed: feed.clone(),
            clock: clock.clone(),
            providers: providers.clone(),
            requests: Box::new(requests),
        };
        let outbox = Arc::new(Outbox::new(parts, loaded.outbox));
        inboxes.set_test_secret(&loaded.test_secret);
        put_inboxes(&inboxes, &outbox, &loaded.inboxes, &loaded.deletions)?;
        let _ = published.set((feed.clone(), store.id_tail()));
        let engine = Arc::new(Self {
            store,
            feed,
            inboxes,
            hidden,
            listener: Listener::default(),
            main: Handle::current(),
            jobs: Jobs::default(),
            clock,
            create_inboxes: Arc::new(AtomicBool::new(loaded.settings.create_inboxes)),
            providers,
            checks: Arc::new(Checks::new(outbox.clone())),
            outbox,
            fixed_responses: FixedResponses::default(),
            response_files: Files::default(),
            steps: loaded.steps,
            replays: Arc::new(Replays::new(everything)),
            tunnels: Arc::default(),
            index: Arc::new(SearchIndex::new(&dir.index())),
            refusals: Arc::default(),
            traffic: TrafficCounters::default(),
            updates: Arc::default(),
            validators: Arc::default(),
            pipeline,
            settings: RwLock::new(loaded.settings),
            dir,
        });
        if loaded.inboxes.is_empty() {
            engine
                .add_inbox(FIRST_INBOX.into(), InboxResponse::default(), VerificationSettings::default())
                .await
                .map_err(|e| EngineError::Content(e.to_string()))?;
        }
        engine.tunnels.load(loaded.tunnels, loaded.exposures);
        engine.pipeline.resume(&loaded.cursors, loaded.last_request);
        engine.start(everything).await;
        Ok(engine)
    }

    /// Starts the background tasks.
    async fn start(self: &Arc<Self>, everything: bool) {
        self.spawn_tidying();
        pipeline::spawn(self, everything);
        self.spawn_health_watch();
        refusal::spawn(self);
        let source: Weak<Self> = Arc::downgrade(self);
        self.outbox.spawn(source);
        replay::spawn(self);
        // A command ends too soon to need these.
        if everything {
            self.checks.resume().await;
            crate::tunnel::changes::spawn_tunnels(self);
            crate::update::spawn(self);
        }
    }

    /// Returns the data directory.
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Returns the event stream.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Returns the current settings.
    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Returns the health of the database.
    pub fn health(&self) -> DatabaseHealth {
        self.store.health().borrow().clone()
    }

    /// Restarts the listener on `address`. If `None`, restarts it on its current address, else on the last address that
    /// was passed, else on the address of the settings.
    pub async fn start_listener(self: &Arc<Self>, address: Option<SocketAddr>) -> ListenerState {
        let address = self.listener.next_address(address).unwrap_or(self.settings().listen);
        let state = listener::restart(self, address).await;
        self.feed.publish([Change::StatusChanged]);
        state
    }

    /// Returns the reason why the listener cannot move to the address `to`. Returns `None` if it can move, or if the
    /// listener is not running.
    pub async fn cannot_move(&self, to: SocketAddr) -> Option<String> {
        let now = self.listener.address().filter(|now| *now != to && self.settings().listen != to)?;
        let why = listener::unusable(to, now).await?;
        Some(format!("{why} Hookbench still listens on {now}."))
    }

    /// Stops the tunnels and the listener after the open requests, then closes the store.
    pub async fn close(self: &Arc<Self>) {
        crate::tunnel::registry::stop_tunnels(self);
        self.listener.close().await;
        crate::refusal::write_refusals(self).await;
        self.pipeline.close(self).await;
        let store = self.store.clone();
        // Closing joins the writer thread, which would block the runtime.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }

    /// Creates an inbox. Returns `None` if the name is taken.
    ///
    /// # Errors
    /// Returns an error if the database cannot be written.
    pub async fn add_inbox(
        self: &Arc<Self>,
        name: String,
        response: InboxResponse,
        verification: VerificationSettings,
    ) -> Result<Option<Inbox>, WriteError<rusqlite::Error>> {
        let now_us = self.clock.now_us();
        let (feed, inboxes) = (self.feed.clone(), self.inboxes.clone());
        let work = move |connection: &Connection| {
            if InboxRow::named(connection, &name)?.is_some() {
                return Ok(None);
            }
            let row = InboxRow::insert(connection, &name, &response, &verification, now_us)?;
            Ok(Some((row.clone(), row.counted(connection)?)))
        };
        let after = move |made: &Option<(InboxRow, Inbox)>| {
            if let Some((row, inbox)) = made {
                if let Ok(address) = crate::inbox::address(row) {
                    inboxes.put(address);
                }
                feed.publish([Change::InboxAdded { inbox: inbox.clone() }]);
            }
        };
        Ok(self.store.write(work, after).await?.map(|(_, inbox)| inbox))
    }

    /// Stores new settings and applies them.
    ///
    /// # Errors
    /// Returns an error if the database cannot be written. The settings are then unchanged.
    pub async fn apply_settings(self: &Arc<Self>, new: Settings) -> Result<(), WriteError<rusqlite::Error>> {
        let stored = new.clone();
        self.store.write(move |connection| hookbench_store::settings::save(&stored, connection), |_| ()).await?;
        let old = std::mem::replace(
            &mut *self.settings.write().unwrap_or_else(std::sync::PoisonError::into_inner),
            new.clone(),
        );
        self.create_inboxes.store(new.create_inboxes, Ordering::Relaxed);
        if old.check_for_updates != new.check_for_updates {
            self.updates.setting_changed();
        }
        let running = !matches!(self.listener.state(), ListenerState::Off);
        if old.limits != new.limits {
            crate::tunnel::changes::restart_listening_tunnels(self);
        }
        if running && (old.listen != new.listen || old.limits != new.limits) {
            // An address that was set for this run only remains in use unless the setting changed.
            self.start_listener((old.listen != new.listen).then_some(new.listen)).await;
        } else {
            self.feed.publish([Change::StatusChanged]);
        }
        Ok(())
    }

    /// Returns a search for the requests that match a query, in one inbox or in all, without hidden requests.
    pub fn search(&self, query: Query, inbox: Option<i64>) -> Search {
        let of_inbox = inbox.map_or(String::new(), |number| format!(" AND r.inbox = {number}"));
        Search::new(query, self.known(), format!("{of_inbox}{}", self.hidden.condition()), self.clock.now_us())
    }

    /// Returns the requests among `ids` that match a query.
    pub(crate) async fn matching(
        &self,
        query: Query,
        inbox: Option<i64>,
        ids: Vec<RowId>,
    ) -> Result<Vec<RowId>, ReadError> {
        if query.uses().signature_status
            && let Some(newest) = ids.iter().max().copied()
        {
            let _ = tokio::time::timeout(VERIFIED_WITHIN, self.pipeline.wait_until_verified(newest)).await;
        }
        let search = self.search(query, inbox);
        self.store.readers().read(move |connection| search.matching(connection, ids)).await
    }

    /// Removes the changes of requests that do not match a query. Returns all changes if the requests cannot be read.
    pub async fn only_matching(&self, query: Query, items: Vec<Arc<FeedItem>>) -> Vec<Arc<FeedItem>> {
        let id = |item: &FeedItem| match &item.change {
            Change::RequestAdded { request } | Change::RequestChanged { request } => Some(request.id.clone()),
            _ => None,
        };
        let rows = items.iter().filter_map(|item| self.row_of(&id(item)?)).collect();
        let Ok(matching) = self.matching(query, None, rows).await else { return items };
        let matches = |item: &Arc<FeedItem>| match id(item) {
            Some(id) => self.row_of(&id).is_some_and(|row| matching.contains(&row)),
            None => true,
        };
        items.into_iter().filter(matches).collect()
    }

    /// Returns a snapshot of inbox names and of the id mapping for a search.
    pub fn known(&self) -> InboxSnapshot {
        InboxSnapshot::new(self.store.id_tail(), self.inboxes.labels())
    }

    /// Returns a reader that omits hidden requests and fills in inbox names.
    pub fn requests(&self) -> RequestReader {
        RequestReader { hidden: self.hidden.condition(), tail: self.store.id_tail(), inboxes: self.inboxes.clone() }
    }

    /// Returns a function that finds an inbox by its number.
    pub fn address_by_number(&self) -> impl Fn(i64) -> Option<InboxConfig> + Send + 'static {
        let inboxes = self.inboxes.clone();
        move |number| inboxes.by_number(number)
    }

    /// Returns the row number of an id. Returns `None` if the id is not one of this store.
    pub fn row_of(&self, id: &str) -> Option<RowId> {
        self.store.id_tail().row(uuid::Uuid::parse_str(id).ok()?.as_u128())
    }

    /// Returns the id of a request by its row.
    pub fn id_of(&self, row: RowId) -> String {
        self.store.id_tail().text(row)
    }

    /// Reads the summary of a request. Returns `None` if the request does not exist or is hidden.
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    pub async fn summary(&self, row: RowId) -> Result<Option<RequestSummary>, ReadError> {
        let requests = self.requests();
        self.store.readers().read(move |connection| requests.one(connection, row)).await
    }

    /// Purges the deletions that can no longer be undone, and applies retention.
    pub async fn tidy(self: &Arc<Self>) {
        let now_us = self.clock.now_us();
        for deletion in self.hidden.all() {
            if deletion.until_us <= now_us {
                self.purge(deletion).await;
            }
        }
        if let Err(error) = self.store.write(hookbench_store::deletion::delete_strays, |_| ()).await {
            tracing::warn!(%error, "requests of a deleted inbox could not be deleted");
        }
        let retention = self.settings().retention;
        let mut expired = 0;
        loop {
            let (limits, now_ms) = (retention.clone(), now_us / 1_000);
            let slice =
                self.store.write(move |connection| retention::expire_slice(connection, &limits, now_ms), |_| ()).await;
            match slice {
                Ok((deleted, more)) => {
                    expired += deleted;
                    if !more {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "expired requests could not be deleted");
                    break;
                }
            }
        }
        if expired > 0 {
            self.traffic.reset();
            self.feed.publish([Change::RequestsExpired { requests: expired }]);
        }
        self.outbox.tidy(&retention).await;
        crate::forward::save::forget_passed_forwards(self).await;
    }

    async fn purge(&self, mut deletion: DeletionRow) {
        loop {
            let number = deletion.number;
            let (hidden, outbox) = (self.hidden.clone(), self.outbox.clone());
            let work = move |connection: &Connection| {
                let gone = deletion.purge_slice(connection)?;
                Ok::<_, rusqlite::Error>((deletion, gone))
            };
            let after = move |(_, gone): &(DeletionRow, Option<Vec<i64>>)| {
                if let Some(gone) = gone {
                    hidden.remove(number);
                    gone.iter().for_each(|endpoint| outbox.schedule().remove_endpoint(*endpoint));
                }
            };
            match self.store.write(work, after).await {
                Ok((rest, None)) => deletion = rest,
                Ok(_) => {
                    self.tunnels.nudge();
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "deleted requests could not be purged; retrying");
                    return;
                }
            }
        }
    }

    fn spawn_tidying(self: &Arc<Self>) {
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(TIDY);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let Some(engine) = engine.upgrade() else { return };
                engine.tidy().await;
                if engine.health() == DatabaseHealth::Ok && engine.dir.kind() != OwnerKind::Command {
                    hookbench_capture::ballast::keep(engine.dir.path());
                }
            }
        });
    }

    fn spawn_health_watch(self: &Arc<Self>) {
        let (mut health, feed) = (self.store.health(), self.feed.clone());
        tokio::spawn(async move {
            while health.changed().await.is_ok() {
                feed.publish([Change::StatusChanged]);
            }
        });
        // If the file is missing, an empty write updates the health of the database before the next request fails.
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOKED_AFTER).await;
                let Some(engine) = engine.upgrade() else { return };
                let path = engine.store.path().to_owned();
                if !path.exists() {
                    let _ = engine.store.write(|_: &Connection| Ok::<_, rusqlite::Error>(()), |()| ()).await;
                }
            }
        });
    }
}

/// Publishes the requests that arrived after each commit, and passes all requests to the pipeline.
#[derive(Default)]
struct AfterCommit {
    /// The event stream and the id mapping, which are set once the store is open.
    published: Arc<OnceLock<(Arc<Feed>, IdTail)>>,
    pipeline: Arc<Pipeline>,
}

impl AfterCommit {
    fn on_commit(self, inboxes: Arc<InboxRegistry>) -> OnCommit {
        Box::new(move |committed: Committed| {
            let Some((feed, tail)) = self.published.get() else { return };
            feed.publish(committed.arrived.iter().filter_map(|(id, captured)| {
                let inbox = inboxes.name(captured.inbox)?;
                Some(Change::RequestAdded { request: summary_of(*id, captured, *tail, inbox) })
            }));
            self.pipeline.take(committed);
        })
    }
}

/// Registers the stored inboxes. The forwards of a deleted one are held until the deletion is final.
fn put_inboxes(
    inboxes: &InboxRegistry,
    outbox: &Outbox,
    stored: &[InboxRow],
    deletions: &[DeletionRow],
) -> Result<(), EngineError> {
    for inbox in stored {
        let address = crate::inbox::address(inbox).map_err(EngineError::Content)?;
        match deletions.iter().any(|r| r.whole && r.inbox == inbox.number) {
            true => outbox.hold(address.forward_ids(), true),
            false => inboxes.put(address),
        }
    }
    Ok(())
}

/// Loads the state that a start needs. If the database cannot be written, reads it without a commit: stored requests
/// can then be read, and new ones are refused.
async fn load_or_read(
    store: &Store,
    catalog: Arc<Catalog>,
    now_us: i64,
    everything: bool,
) -> Result<Loaded, EngineError> {
    let loaded = {
        let catalog = catalog.clone();
        store.write(move |connection| load(connection, &catalog, now_us, everything), |_| ()).await
    };
    match loaded {
        Ok(loaded) => Ok(loaded),
        // A write that returns an error is rolled back, so the database does not have to be writable.
        Err(WriteError::Commit(error))
            if matches!(error.fault, DatabaseFault::DiskFull | DatabaseFault::Unwritable) =>
        {
            tracing::warn!(%error, "the database cannot be written: stored requests can be read, new ones are refused");
            let only_read = move |connection: &Connection| match load(connection, &catalog, now_us, everything) {
                Ok(loaded) => Err::<(), _>(Ok(Box::new(loaded))),
                Err(error) => Err(Err(error)),
            };
            match store.write(only_read, |()| ()).await {
                Err(WriteError::Refused(Ok(loaded))) => Ok(*loaded),
                Err(error) => Err(EngineError::Content(unreadable(error))),
                Ok(()) => Err(EngineError::Content("no data was returned".into())),
            }
        }
        Err(error) => Err(EngineError::Content(error.to_string())),
    }
}

/// Returns the reason why a database that cannot be written could not be read either.
fn unreadable<T>(error: WriteError<Result<T, rusqlite::Error>>) -> String {
    match error {
        WriteError::Refused(Err(error)) => error.to_string(),
        WriteError::Refused(Ok(_)) => "no data was returned".into(),
        WriteError::Commit(error) => error.to_string(),
    }
}

struct Loaded {
    settings: Settings,
    inboxes: Vec<InboxRow>,
    deletions: Vec<DeletionRow>,
    last_seq: i64,
    cursors: Vec<(PipelineStage, RowId)>,
    last_request: RowId,
    outbox: hookbench_delivery::Loaded,
    steps: Steps,
    tunnels: Vec<TunnelRow>,
    exposures: Vec<ExposureRow>,
    test_secret: String,
}

fn load(connection: &Connection, catalog: &Catalog, now_us: i64, everything: bool) -> rusqlite::Result<Loaded> {
    hookbench_store::response_file::sweep(connection)?;
    hookbench_store::replay::interrupted(connection, now_us)?;
    hookbench_store::pipeline::limit_cursors(connection)?;
    Ok(Loaded {
        settings: hookbench_store::settings::load(connection)?,
        inboxes: InboxRow::all(connection)?,
        deletions: DeletionRow::all(connection)?,
        last_seq: hookbench_store::feed::reserve(connection)?,
        cursors: hookbench_store::pipeline::cursors(connection)?,
        last_request: hookbench_store::pipeline::last_request(connection)?,
        outbox: hookbench_delivery::load(connection, catalog, now_us, everything)?,
        steps: Steps::load(connection)?,
        tunnels: TunnelRow::all(connection)?,
        exposures: ExposureRow::all(connection)?,
        test_secret: hookbench_store::verification::test_secret(connection)?,
    })
}
