//! Background jobs with progress and cancellation: imports, exports and backups.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use hookbench_model::{Job, JobState};

/// Maximum number of ended jobs in memory.
const ENDED_KEPT: usize = 50;

type Cancel = Box<dyn Fn() + Send>;

/// Registry of the jobs of this run.
#[derive(Clone, Default)]
pub struct Jobs(Arc<Mutex<BTreeMap<String, (Job, Cancel)>>>);

impl Jobs {
    /// Adds a running job. `cancel` is called to cancel the job.
    pub fn start(&self, job: Job, cancel: Cancel) {
        let mut jobs = self.lock();
        let ended: Vec<String> =
            jobs.values().filter(|(job, _)| job.state != JobState::Running).map(|(job, _)| job.id.clone()).collect();
        for id in ended.iter().take(ended.len().saturating_sub(ENDED_KEPT)) {
            jobs.remove(id);
        }
        jobs.insert(job.id.clone(), (job, cancel));
    }

    /// Returns a job by its id.
    pub fn get(&self, id: &str) -> Option<Job> {
        self.lock().get(id).map(|(job, _)| job.clone())
    }

    /// Returns all jobs, newest first.
    pub fn all(&self) -> Vec<Job> {
        self.lock().values().rev().map(|(job, _)| job.clone()).collect()
    }

    /// Changes a job. Returns the changed job.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut Job)) -> Option<Job> {
        let mut jobs = self.lock();
        let (job, _) = jobs.get_mut(id)?;
        change(job);
        Some(job.clone())
    }

    /// Cancels a job if it is running. Returns the job.
    pub fn cancel(&self, id: &str) -> Option<Job> {
        let mut jobs = self.lock();
        let (job, cancel) = jobs.get_mut(id)?;
        if job.state == JobState::Running {
            job.state = JobState::Canceled;
            cancel();
        }
        Some(job.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Job, Cancel)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
