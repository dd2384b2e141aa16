//! Jobs: work that may take longer than a request may, with progress and cancel.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde::Serialize;
use utoipa::ToSchema;

use crate::import::Imported;

/// Ended jobs kept to be asked about.
const ENDED_KEPT: usize = 50;

/// A long piece of work.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// How it stands.
    pub state: JobState,
    /// Done so far: bytes of a backup and of an imported file, requests of a judgement and an export.
    pub done: u64,
    /// All there is to do; 0 where that is not known before it is done.
    pub total: u64,
    /// File it writes, or name of the one it reads.
    pub path: Option<String>,
    /// Inbox it works on.
    pub inbox: Option<String>,
    /// What an import has come to.
    pub imported: Option<Imported>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A backup of the database into a file.
    Backup,
    /// Judging an inbox's stored requests anew.
    Judge,
    /// Importing a file.
    Import,
    /// Exporting requests.
    Export,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// At work.
    Running,
    /// Done.
    Done,
    /// Ended with an error.
    Failed,
    /// Ended because somebody asked.
    Cancelled,
}

type Cancel = Box<dyn Fn() + Send>;

/// All jobs of this run.
#[derive(Clone, Default)]
pub(crate) struct Jobs(Arc<Mutex<BTreeMap<String, (Job, Cancel)>>>);

impl Jobs {
    pub(crate) fn start(&self, job: Job, cancel: Cancel) {
        let mut jobs = self.lock();
        let ended: Vec<String> =
            jobs.values().filter(|(job, _)| job.state != JobState::Running).map(|(job, _)| job.id.clone()).collect();
        for id in ended.iter().take(ended.len().saturating_sub(ENDED_KEPT)) {
            jobs.remove(id);
        }
        jobs.insert(job.id.clone(), (job, cancel));
    }

    pub(crate) fn get(&self, id: &str) -> Option<Job> {
        self.lock().get(id).map(|(job, _)| job.clone())
    }

    pub(crate) fn all(&self) -> Vec<Job> {
        self.lock().values().rev().map(|(job, _)| job.clone()).collect()
    }

    /// Changes a job and gives it back as it then is.
    pub(crate) fn update(&self, id: &str, change: impl FnOnce(&mut Job)) -> Option<Job> {
        let mut jobs = self.lock();
        let (job, _) = jobs.get_mut(id)?;
        change(job);
        Some(job.clone())
    }

    /// Asks a running job to end.
    pub(crate) fn cancel(&self, id: &str) -> Option<Job> {
        let mut jobs = self.lock();
        let (job, cancel) = jobs.get_mut(id)?;
        if job.state == JobState::Running {
            job.state = JobState::Cancelled;
            cancel();
        }
        Some(job.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Job, Cancel)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
