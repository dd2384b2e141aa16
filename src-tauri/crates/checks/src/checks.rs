//! Runs checks one after the other. Each result is stored when its check ends, and a restart continues with the next
//! check.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak, atomic::Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use hookbench_delivery::{Outbox, Parts, SendOptions, exchange};
use hookbench_model::{
    AttemptErrorKind, Change, CheckExchange, CheckFinding, CheckLevel, CheckOutcome, CheckRun, CheckRunState,
    SideEffectProbe,
};
use hookbench_store::{
    check::{CheckRow, ResultRow, running},
    delivery::Exchange,
};
use tokio::sync::watch;

use super::{
    CHECKS, Check, Subject,
    assess::{Evidence, settled},
    case::{Case, ExpectedEffects, Pacing},
    probe_request::ProbeRequest,
    side_effect_probe::{EffectCount, Effects},
};

/// Poll interval for side effects.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Time that a crashed handler has to restart, and that a starting handler has to listen.
const BACK: Duration = Duration::from_secs(3);

/// Pause between two attempts to reach a handler that does not respond.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// Minimum timeout of the request that tests whether a crashed handler responds again.
const STILL: Duration = Duration::from_secs(1);

/// Longest wait until the probe value stops changing, and minimum wait for the side effects of a burst.
const CALM: Duration = Duration::from_secs(10);

/// Number of runs that are kept.
const KEPT: i64 = 200;

/// Starts, resumes and stops check runs.
#[derive(Debug)]
pub struct Checks {
    outbox: Arc<Outbox>,
    /// Stop channel of each run in progress, by run number.
    runs: Mutex<HashMap<i64, watch::Sender<Option<Stop>>>>,
}

/// Reason why a run ends before its last check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A user canceled the run.
    Canceled,
}

impl Checks {
    /// Creates a runner that sends requests over connections like those of the outbox.
    pub fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox, runs: Mutex::default() }
    }

    /// Stops a run. Returns true if the run was in progress.
    pub fn stop(&self, number: i64, stop: Stop) -> bool {
        self.runs().get(&number).is_some_and(|run| run.send(Some(stop)).is_ok())
    }

    /// Registers a run and returns its stop channel, or `None` if the run is already in progress.
    pub fn take_place(&self, number: i64) -> Option<watch::Receiver<Option<Stop>>> {
        match self.runs().entry(number) {
            std::collections::hash_map::Entry::Occupied(_) => None,
            std::collections::hash_map::Entry::Vacant(place) => {
                let (stop, stopped) = watch::channel(None);
                place.insert(stop);
                Some(stopped)
            }
        }
    }

    /// Unregisters a run that was not started.
    pub fn leave_place(&self, number: i64) {
        self.runs().remove(&number);
    }

    fn parts(&self) -> &Parts {
        self.outbox.parts()
    }

    fn runs(&self) -> std::sync::MutexGuard<'_, HashMap<i64, watch::Sender<Option<Stop>>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checks {
    /// Resumes the runs that had not ended when Hookbench stopped.
    pub async fn resume(self: &Arc<Self>) {
        match self.parts().store.readers().read(running).await {
            Ok(rows) => rows.into_iter().for_each(|row| {
                if let Some(stopped) = self.take_place(row.number) {
                    self.run(row, stopped);
                }
            }),
            Err(error) => tracing::warn!(%error, "cannot resume check runs"),
        }
    }

    /// Starts or resumes a run registered with [`Self::take_place`].
    pub fn run(self: &Arc<Self>, row: CheckRow, stopped: watch::Receiver<Option<Stop>>) {
        let checks: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            let Some(checks) = checks.upgrade() else { return };
            let number = row.number;
            let run = tokio::spawn({
                let (checks, row) = (checks.clone(), row.clone());
                async move { checks.check_all(&row, stopped).await }
            });
            let (state, reason) = match run.await {
                Ok(Ok(None)) => (CheckRunState::Done, String::new()),
                Ok(Ok(Some(Stop::Canceled))) => (CheckRunState::Canceled, "Canceled by the user.".into()),
                Ok(Err(why)) => (CheckRunState::Failed, why),
                // A panic ends the run as well.
                Err(error) => (CheckRunState::Failed, format!("A check panicked: {error}. This is a Hookbench bug.")),
            };
            checks.end(row, state, reason).await;
            checks.leave_place(number);
        });
    }

    async fn end(&self, row: CheckRow, state: CheckRunState, reason: String) {
        let now_us = self.parts().clock.now_us();
        let work = move |connection: &rusqlite::Connection| {
            row.end(connection, state, &reason, now_us)?;
            hookbench_store::check::keep_newest(connection, KEPT)?;
            let ended = CheckRow { state, reason, ended_us: Some(now_us), ..row };
            crate::shown(&ended, connection)
        };
        let feed = self.parts().feed.clone();
        let after = move |run: &CheckRun| feed.publish([Change::CheckChanged { check: Box::new(run.clone()) }]);
        if let Err(error) = self.parts().store.write(work, after).await {
            tracing::error!(%error, "cannot store the end of a check run");
        }
    }

    async fn check_all(
        self: Arc<Self>,
        row: &CheckRow,
        mut stopped: watch::Receiver<Option<Stop>>,
    ) -> Result<Option<Stop>, String> {
        let subject = self.subject(row.settings.clone())?;
        let known = {
            let row = row.clone();
            self.parts()
                .store
                .readers()
                .read(move |connection| crate::results(&row, connection))
                .await
                .map_err(|e| e.to_string())?
        };
        // A run that was interrupted may have left the handler's dependency in the failed state.
        subject.broken.store(!known.is_empty(), Ordering::Relaxed);
        self.restore(&subject).await?;
        // Requests sent before a restart may still cause side effects.
        let mut unsettled = !known.is_empty();
        let mut down = false;
        let mut all: Vec<CheckExchange> = known.iter().flat_map(|result| result.sent.iter().cloned()).collect();
        if known.is_empty() {
            self.is_up(&subject).await?;
        }
        let due = |looks_back: bool| CHECKS.iter().filter(move |check| check.looks_back() == looks_back);
        for check in due(false).chain(due(true)) {
            if !crate::wants(&row.settings, check) || known.iter().any(|result| result.check == check.id) {
                continue;
            }
            if let Some(stop) = *stopped.borrow() {
                return Ok(Some(stop));
            }
            let began_us = self.parts().clock.now_us();
            let result = tokio::select! {
                result = self.ask_handler(&subject, check, &mut all, &mut down, &mut unsettled) => result,
                stop = async { stopped.wait_for(Option::is_some).await.ok().and_then(|stop| *stop) } => {
                    self.restore(&subject).await?;
                    return Ok(stop.or(Some(Stop::Canceled)));
                }
            };
            let (finding, sent) = result?;
            let duration_us = self.parts().clock.now_us() - began_us;
            let result = ResultRow { check: check.id.to_owned(), finding, sent, duration_us };
            self.keep_result(row, result).await?;
        }
        Ok(None)
    }

    async fn keep_result(&self, row: &CheckRow, result: ResultRow) -> Result<(), String> {
        let row = row.clone();
        let work = move |connection: &rusqlite::Connection| {
            row.keep(connection, &result)?;
            crate::shown(&row, connection)
        };
        let feed = self.parts().feed.clone();
        let after = move |run: &CheckRun| feed.publish([Change::CheckChanged { check: Box::new(run.clone()) }]);
        self.parts().store.write(work, after).await.map(drop).map_err(|e| e.to_string())
    }

    /// Runs one check. Returns the finding and the exchanges.
    async fn ask_handler(
        &self,
        subject: &Subject,
        check: &Check,
        all: &mut Vec<CheckExchange>,
        down: &mut bool,
        unsettled: &mut bool,
    ) -> Result<(CheckFinding, Vec<CheckExchange>), String> {
        let case = match (check.case)(subject, self.parts().clock.now_us() / 1_000) {
            Ok(case) => case,
            Err(why) => return Ok((CheckFinding::skipped(why), Vec::new())),
        };
        // Wait for the handler only once per run.
        let back = if *down { Duration::ZERO } else { BACK };
        *down = case.requests() > 0 && !self.is_there(subject, all, back).await;
        if *down {
            return Ok((CheckFinding::error("The handler no longer responds. See the previous check."), Vec::new()));
        }
        let probe = subject.settings.probe.as_ref();
        let (mut before, mut unseen) = (None, None);
        if let Some(probe) = probe.filter(|_| case.effects != ExpectedEffects::Any) {
            match self.calm(subject, probe, *unsettled).await {
                Ok(reading) => before = Some((probe, reading)),
                Err(why) => unseen = Some(why),
            }
        }
        *unsettled = case.effects == ExpectedEffects::Any && (*unsettled || case.requests() > 0);
        let (sent, early) = match self.send_case(subject, &case, before.as_ref()).await {
            Ok(sent) => sent,
            Err(why) if subject.not_restored.load(Ordering::Relaxed) => return Err(why),
            Err(why) => return Ok((CheckFinding::error(why), Vec::new())),
        };
        self.restore(subject).await?;
        let effects = match before {
            None => None,
            Some((probe, before)) => match self.effects(subject, probe, &before, &case, &sent).await {
                Ok(effects) => Some((effects, early.unwrap_or(Effects::Count(0)))),
                Err(why) => {
                    unseen = Some(why);
                    None
                }
            },
        };
        all.extend(sent.iter().cloned());
        let evidence = Evidence { subject, exchanges: &sent, all, effects };
        let finding = settled((check.assess)(&evidence), case.effects, &evidence);
        let tolerated = subject.provider.tolerances.iter().find(|known| known.check == check.id);
        let finding = match (finding.outcome, tolerated) {
            (CheckOutcome::Fail, Some(known)) => CheckFinding::warn(format!("{} {}", finding.message, known.why)),
            _ => finding,
        };
        let waived = subject.settings.waive.iter().any(|id| id == check.id);
        let finding = match finding.outcome {
            CheckOutcome::Fail | CheckOutcome::Warn if waived => {
                CheckFinding::skipped(format!("Waived: {}", finding.message))
            }
            _ => finding,
        };
        let finding = match (check.level, finding.outcome, unseen) {
            // An advisory check never fails a handler.
            (CheckLevel::Advice, CheckOutcome::Fail, _) => CheckFinding { outcome: CheckOutcome::Warn, ..finding },
            (_, CheckOutcome::Pass | CheckOutcome::Skipped | CheckOutcome::Unknown, Some(why)) => {
                CheckFinding::error(format!("{} However, the side-effect probe failed: {why}", finding.message))
            }
            _ => finding,
        };
        Ok((finding, sent))
    }

    /// Waits until the probe value stops changing, because earlier requests may still cause side effects.
    async fn calm(&self, subject: &Subject, probe: &SideEffectProbe, unsettled: bool) -> Result<EffectCount, String> {
        let mut reading = super::side_effect_probe::look(probe, self.parts().clock.now_us()).await?;
        let ends = tokio::time::Instant::now() + CALM;
        while unsettled && tokio::time::Instant::now() < ends {
            tokio::time::sleep(Duration::from_millis(subject.settings.settle_ms.into())).await;
            let next = super::side_effect_probe::look(probe, self.parts().clock.now_us()).await?;
            if next == reading {
                break;
            }
            reading = next;
        }
        Ok(reading)
    }

    /// Sends a request without a body to find out if the handler responds.
    async fn empty(&self, subject: &Subject, method: &str, patience: Duration) -> Exchange {
        let request = ProbeRequest {
            label: String::new(),
            method: method.into(),
            url: subject.settings.url.clone(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
            transport: super::probe_request::Transport::Plain,
        };
        let mut options = self.options(subject);
        options.total = options.total.min(patience);
        exchange(&subject.connections, &request.outgoing(), &options, None).await
    }

    /// Waits for a handler that is starting.
    ///
    /// # Errors
    ///
    /// Returns the reason if the handler cannot be reached within [`BACK`]. The run is then incomplete, not failed.
    async fn is_up(&self, subject: &Subject) -> Result<(), String> {
        let ends = tokio::time::Instant::now() + BACK;
        loop {
            match self.empty(subject, "HEAD", BACK).await.result {
                Err(error)
                    if matches!(
                        error.kind,
                        AttemptErrorKind::Refused | AttemptErrorKind::Dns | AttemptErrorKind::Unreachable
                    ) =>
                {
                    if tokio::time::Instant::now() > ends {
                        return Err(format!("{} Start the handler, then run the checks again.", error.message));
                    }
                }
                _ => return Ok(()),
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// Returns true if the handler responds. Sends a request only if the last two requests got no response, and waits
    /// up to `back` for a crashed handler to restart.
    async fn is_there(&self, subject: &Subject, all: &[CheckExchange], back: Duration) -> bool {
        let silent = |exchange: &CheckExchange| exchange.response.is_none();
        if all.len() < 2 || !all.iter().rev().take(2).all(silent) {
            return true;
        }
        let ends = tokio::time::Instant::now() + back;
        loop {
            if self.empty(subject, "GET", back.max(STILL)).await.received().is_some() {
                return true;
            }
            if tokio::time::Instant::now() > ends {
                return false;
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    fn options(&self, subject: &Subject) -> SendOptions {
        let total = Duration::from_millis(subject.timeout_ms().into());
        SendOptions {
            total,
            connect: total.min(Duration::from_millis((*subject.policy.connect_timeout_ms.value()).into())),
            trust: subject.trust.clone(),
            lower_case: false,
            fresh: true,
            now_s: self.parts().clock.now_us() / 1_000_000,
        }
    }

    async fn send(&self, subject: &Subject, request: ProbeRequest) -> CheckExchange {
        let mut options = self.options(subject);
        options.lower_case = request.transport == super::probe_request::Transport::LowerCase;
        options.fresh = request.transport != super::probe_request::Transport::Reused;
        let exchange = exchange(&subject.connections, &request.outgoing(), &options, None).await;
        super::probe_request::exchanged(request, exchange, &subject.secrets)
    }

    /// Sends the requests of a case. With a probe, also returns the number of side effects at the time of the first
    /// response.
    async fn send_case(
        &self,
        subject: &Subject,
        case: &Case,
        probe: Option<&(&SideEffectProbe, EffectCount)>,
    ) -> Result<(Vec<CheckExchange>, Option<Effects>), String> {
        let (mut sent, mut early) = (Vec::new(), None);
        for step in &case.steps {
            if step.broken
                && let Some(command) = &subject.settings.fail_command
            {
                subject.broken.store(true, Ordering::Relaxed);
                if let Err(why) = super::side_effect_probe::run(command).await {
                    self.restore(subject).await?;
                    return Err(why);
                }
            }
            let requests = step.requests.iter().cloned();
            match step.pace {
                Pacing::InOrder => {
                    for request in requests {
                        // After two timeouts in a row, the next request would time out as well and delay the run by
                        // minutes.
                        if sent.iter().rev().take(2).filter(|exchange| timed_out(exchange)).count() == 2 {
                            break;
                        }
                        sent.push(self.send(subject, request).await);
                        if let (None, Some((probe, before))) = (early, probe) {
                            early = super::side_effect_probe::look(probe, self.parts().clock.now_us())
                                .await
                                .and_then(|reading| reading.since(before))
                                .ok();
                        }
                    }
                }
                Pacing::AtOnce => sent.extend(join_all(requests.map(|request| self.send(subject, request))).await),
                Pacing::Every(gap) => {
                    let one = |(place, request)| async move {
                        tokio::time::sleep(gap * place as u32).await;
                        self.send(subject, request).await
                    };
                    sent.extend(join_all(requests.enumerate().map(one)).await);
                }
            }
            if step.broken {
                self.restore(subject).await?;
            }
        }
        Ok((sent, early))
    }

    /// Runs the restore command if the fail command was run. If the restore command fails, the run ends.
    async fn restore(&self, subject: &Subject) -> Result<(), String> {
        match &subject.settings.restore_command {
            Some(command) if subject.broken.swap(false, Ordering::Relaxed) => {
                match super::side_effect_probe::run(command).await {
                    Ok(_) => Ok(()),
                    Err(why) => {
                        subject.not_restored.store(true, Ordering::Relaxed);
                        Err(format!("The restore command failed: {why}"))
                    }
                }
            }
            _ => Ok(()),
        }
    }

    /// Waits for the side effects of a case and returns them.
    async fn effects(
        &self,
        subject: &Subject,
        probe: &SideEffectProbe,
        before: &EffectCount,
        case: &Case,
        sent: &[CheckExchange],
    ) -> Result<Effects, String> {
        let settle = Duration::from_millis(subject.settings.settle_ms.into());
        let accepted = sent.iter().filter(|exchange| {
            super::probe_request::status(exchange).is_some_and(|status| (200..300).contains(&status))
        });
        let due = case.effects.count(accepted.count()).unwrap_or(1);
        // An expected side effect may come late. An unexpected side effect needs the same time to show that it does
        // not occur.
        let patience = match case.effects {
            ExpectedEffects::Accepted => (settle * 5).max(CALM),
            _ if due > 0 => settle * 5,
            _ => settle,
        };
        let ends = tokio::time::Instant::now() + patience;
        loop {
            let effects = super::side_effect_probe::look(probe, self.parts().clock.now_us()).await?.since(before)?;
            if due > 0 && effects.reach(due) || tokio::time::Instant::now() >= ends {
                break;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        if due > 0 {
            // Wait for a side effect that exceeds the expected number.
            tokio::time::sleep(settle).await;
        }
        super::side_effect_probe::look(probe, self.parts().clock.now_us()).await?.since(before)
    }

    /// Builds the subject of a run from its settings.
    pub fn subject(&self, settings: super::CheckSettings) -> Result<Subject, String> {
        let endpoint = settings.endpoint.clone().map(|id| {
            let found = self.outbox.schedule().endpoints().into_iter().find(|row| row.id == id);
            found.ok_or_else(|| format!("No such endpoint: {id:?}."))
        });
        let endpoint = endpoint.transpose()?;
        let catalog = self.parts().providers.catalog();
        let (scenarios, _) = hookbench_provider::scenarios(&catalog, Vec::new());
        let scenarios: Vec<_> = scenarios.into_values().map(|(scenario, _)| scenario).collect();
        Subject::new(settings, endpoint.as_deref(), &catalog, &scenarios, self.parts().clock.now_us())
    }
}

fn timed_out(exchange: &CheckExchange) -> bool {
    exchange.error.as_ref().is_some_and(|error| error.kind == AttemptErrorKind::Timeout)
}

/// Returns the checks to rerun: those named, or those that did not pass. Checks that only inspect earlier responses
/// are evaluated again, and the checks whose responses made them fail are added.
pub fn to_ask_again(subject: &Subject, results: &[ResultRow], named: Vec<String>) -> Vec<String> {
    let looks_back = |id: &str| CHECKS.iter().find(|check| check.id == id && check.looks_back());
    let not_passed =
        |result: &&ResultRow| !matches!(result.finding.outcome, CheckOutcome::Pass | CheckOutcome::Skipped);
    let mut wanted = match named.is_empty() {
        true => results.iter().filter(not_passed).map(|result| result.check.clone()).collect(),
        false => named,
    };
    let complaining: Vec<&Check> = wanted.iter().filter_map(|id| looks_back(id)).collect();
    for result in results {
        let evidence = Evidence { subject, exchanges: &[], all: &result.sent, effects: None };
        if complaining.iter().any(|check| (check.assess)(&evidence).outcome == CheckOutcome::Fail)
            || looks_back(&result.check).is_some()
        {
            wanted.push(result.check.clone());
        }
    }
    wanted
}
