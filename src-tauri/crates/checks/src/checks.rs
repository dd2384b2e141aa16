//! Running the checks: one after the other, each kept as it ends, so that a restart goes on with the next.

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
    assess::{Seen, settled},
    case::{Case, ExpectedEffects, Pacing},
    probe_request::ProbeRequest,
    side_effect_probe::{Effects, Look},
};

/// How often an effect is looked for.
const LOOK: Duration = Duration::from_millis(25);

/// How long a handler that died has to be there again, and one that is being started has to listen.
const BACK: Duration = Duration::from_secs(3);

/// Pause between two attempts to reach such a handler.
const AGAIN: Duration = Duration::from_millis(200);

/// How long one that was not there is asked whether it is back.
const STILL: Duration = Duration::from_secs(1);

/// How long it is waited for that effects stand still, and for those of a burst.
const CALM: Duration = Duration::from_secs(10);

/// Runs that are kept.
const KEPT: i64 = 200;

/// Runs checks, and ends them.
#[derive(Debug)]
pub struct Checks {
    outbox: Arc<Outbox>,
    /// The runs that are in progress, and how each is told to end.
    runs: Mutex<HashMap<i64, watch::Sender<Option<Stop>>>>,
}

/// Why a run ends before its last check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Somebody cancelled the run.
    Cancelled,
}

impl Checks {
    /// Checks that are sent over connections like those of an outbox.
    pub fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox, runs: Mutex::default() }
    }

    /// Tells a run to end; whether it was under way.
    pub fn stop(&self, number: i64, stop: Stop) -> bool {
        self.runs().get(&number).is_some_and(|run| run.send(Some(stop)).is_ok())
    }

    /// Takes a run's place: how it hears that it is to end, or nothing if it is under way.
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

    /// Gives a place back that was not needed.
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
    /// Goes on with the runs that had not ended.
    pub async fn resume(self: &Arc<Self>) {
        match self.parts().store.readers().read(running).await {
            Ok(rows) => rows.into_iter().for_each(|row| {
                if let Some(stopped) = self.take_place(row.number) {
                    self.run(row, stopped);
                }
            }),
            Err(error) => tracing::warn!(%error, "checks could not be gone on with"),
        }
    }

    /// Begins a run that has its place, or goes on with it.
    pub fn run(self: &Arc<Self>, row: CheckRow, stopped: watch::Receiver<Option<Stop>>) {
        let checks: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            let Some(checks) = checks.upgrade() else { return };
            let number = row.number;
            let asking = tokio::spawn({
                let (checks, row) = (checks.clone(), row.clone());
                async move { checks.check_all(&row, stopped).await }
            });
            let (state, reason) = match asking.await {
                Ok(Ok(None)) => (CheckRunState::Done, String::new()),
                Ok(Ok(Some(Stop::Cancelled))) => (CheckRunState::Cancelled, "You ended it.".into()),
                Ok(Err(why)) => (CheckRunState::Failed, why),
                // One that breaks ends, too.
                Err(error) => (CheckRunState::Failed, format!("A check broke: {error}. That is a fault of Hookbench.")),
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
            tracing::error!(%error, "the end of a check could not be written down");
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
        // A run that died may have left it broken.
        subject.broken.store(!known.is_empty(), Ordering::Relaxed);
        self.mend(&subject).await?;
        // What was sent before a restart may still have effects.
        let mut stirred = !known.is_empty();
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
            let asked = tokio::select! {
                asked = self.ask_handler(&subject, check, &mut all, &mut down, &mut stirred) => asked,
                stop = async { stopped.wait_for(Option::is_some).await.ok().and_then(|stop| *stop) } => {
                    self.mend(&subject).await?;
                    return Ok(stop.or(Some(Stop::Cancelled)));
                }
            };
            let (finding, sent) = asked?;
            let took_us = self.parts().clock.now_us() - began_us;
            let result = ResultRow { check: check.id.to_owned(), finding, sent, took_us };
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

    /// One check: what it found, and what was sent for it.
    async fn ask_handler(
        &self,
        subject: &Subject,
        check: &Check,
        all: &mut Vec<CheckExchange>,
        down: &mut bool,
        stirred: &mut bool,
    ) -> Result<(CheckFinding, Vec<CheckExchange>), String> {
        let case = match (check.case)(subject, self.parts().clock.now_us() / 1_000) {
            Ok(case) => case,
            Err(why) => return Ok((CheckFinding::skipped(why), Vec::new())),
        };
        // It is waited for once.
        let back = if *down { Duration::ZERO } else { BACK };
        *down = case.requests() > 0 && !self.is_there(subject, all, back).await;
        if *down {
            return Ok((
                CheckFinding::error("The handler does not answer any more; see the check before."),
                Vec::new(),
            ));
        }
        let probe = subject.settings.probe.as_ref();
        let (mut before, mut unseen) = (None, None);
        if let Some(probe) = probe.filter(|_| case.effects != ExpectedEffects::Any) {
            match self.calm(subject, probe, *stirred).await {
                Ok(look) => before = Some((probe, look)),
                Err(why) => unseen = Some(why),
            }
        }
        *stirred = case.effects == ExpectedEffects::Any && (*stirred || case.requests() > 0);
        let (sent, early) = match self.send_case(subject, &case, before.as_ref()).await {
            Ok(sent) => sent,
            Err(why) if subject.unmended.load(Ordering::Relaxed) => return Err(why),
            Err(why) => return Ok((CheckFinding::error(why), Vec::new())),
        };
        self.mend(subject).await?;
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
        let seen = Seen { subject, shots: &sent, all, effects };
        let finding = settled((check.judge)(&seen), case.effects, &seen);
        let tolerated = subject.provider.tolerances.iter().find(|known| known.check == check.id);
        let finding = match (finding.outcome, tolerated) {
            (CheckOutcome::Fail, Some(known)) => CheckFinding::warn(format!("{} {}", finding.said, known.why)),
            _ => finding,
        };
        let waived = subject.settings.waive.iter().any(|id| id == check.id);
        let finding = match finding.outcome {
            CheckOutcome::Fail | CheckOutcome::Warn if waived => {
                CheckFinding::skipped(format!("Waived: {}", finding.said))
            }
            _ => finding,
        };
        let finding = match (check.level, finding.outcome, unseen) {
            // What is worth knowing fails nobody.
            (CheckLevel::Advice, CheckOutcome::Fail, _) => CheckFinding { outcome: CheckOutcome::Warn, ..finding },
            (_, CheckOutcome::Pass | CheckOutcome::Skipped | CheckOutcome::Unknown, Some(why)) => {
                CheckFinding::error(format!("{} But the probe failed: {why}", finding.said))
            }
            _ => finding,
        };
        Ok((finding, sent))
    }

    /// A look at what stands still: effects of what nobody counted may still come.
    async fn calm(&self, subject: &Subject, probe: &SideEffectProbe, stirred: bool) -> Result<Look, String> {
        let mut look = super::side_effect_probe::look(probe, self.parts().clock.now_us()).await?;
        let ends = tokio::time::Instant::now() + CALM;
        while stirred && tokio::time::Instant::now() < ends {
            tokio::time::sleep(Duration::from_millis(subject.settings.settle_ms.into())).await;
            let next = super::side_effect_probe::look(probe, self.parts().clock.now_us()).await?;
            if next == look {
                break;
            }
            look = next;
        }
        Ok(look)
    }

    /// An empty request that asks for nothing but a response.
    async fn empty(&self, subject: &Subject, method: &str, patience: Duration) -> Exchange {
        let shot = ProbeRequest {
            label: String::new(),
            method: method.into(),
            url: subject.settings.url.clone(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
            manner: super::probe_request::Transport::Plain,
        };
        let mut terms = self.terms(subject);
        terms.total = terms.total.min(patience);
        exchange(&subject.connections, &shot.outgoing(), &terms, None).await
    }

    /// Waits for a handler that is just being started. The error says why it cannot be reached: a handler that is not
    /// there yet is not wrong.
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
                        return Err(format!("{} Start the handler, and run the checks again.", error.message));
                    }
                }
                _ => return Ok(()),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Whether somebody answers, where the last request was not answered: a handler that died may come back.
    async fn is_there(&self, subject: &Subject, all: &[CheckExchange], back: Duration) -> bool {
        let silent = |shot: &CheckExchange| shot.answer.is_none();
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
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn terms(&self, subject: &Subject) -> SendOptions {
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

    async fn send(&self, subject: &Subject, shot: ProbeRequest) -> CheckExchange {
        let mut terms = self.terms(subject);
        terms.lower_case = shot.manner == super::probe_request::Transport::LowerCase;
        terms.fresh = shot.manner != super::probe_request::Transport::Reused;
        let exchange = exchange(&subject.connections, &shot.outgoing(), &terms, None).await;
        super::probe_request::exchanged(shot, exchange, &subject.secrets)
    }

    /// Sends what a case has; with a probe, how many effects there were as its first answer came.
    async fn send_case(
        &self,
        subject: &Subject,
        case: &Case,
        probe: Option<&(&SideEffectProbe, Look)>,
    ) -> Result<(Vec<CheckExchange>, Option<Effects>), String> {
        let (mut sent, mut early) = (Vec::new(), None);
        for round in &case.rounds {
            if round.broken
                && let Some(command) = &subject.settings.break_with
            {
                subject.broken.store(true, Ordering::Relaxed);
                if let Err(why) = super::side_effect_probe::run(command).await {
                    self.mend(subject).await?;
                    return Err(why);
                }
            }
            let shots = round.shots.iter().cloned();
            match round.pace {
                Pacing::InOrder => {
                    for shot in shots {
                        // One that hangs twice in a row hangs, and would hold the run up for minutes.
                        if sent.iter().rev().take(2).filter(|shot| timed_out(shot)).count() == 2 {
                            break;
                        }
                        sent.push(self.send(subject, shot).await);
                        if let (None, Some((probe, before))) = (early, probe) {
                            early = super::side_effect_probe::look(probe, self.parts().clock.now_us())
                                .await
                                .and_then(|look| look.since(before))
                                .ok();
                        }
                    }
                }
                Pacing::AtOnce => sent.extend(join_all(shots.map(|shot| self.send(subject, shot))).await),
                Pacing::Every(gap) => {
                    let one = |(place, shot)| async move {
                        tokio::time::sleep(gap * place as u32).await;
                        self.send(subject, shot).await
                    };
                    sent.extend(join_all(shots.enumerate().map(one)).await);
                }
            }
            if round.broken {
                self.mend(subject).await?;
            }
        }
        Ok((sent, early))
    }

    /// Mends what was broken, if it was. What cannot be mended is asked nothing more.
    async fn mend(&self, subject: &Subject) -> Result<(), String> {
        match &subject.settings.mend_with {
            Some(command) if subject.broken.swap(false, Ordering::Relaxed) => {
                match super::side_effect_probe::run(command).await {
                    Ok(_) => Ok(()),
                    Err(why) => {
                        subject.unmended.store(true, Ordering::Relaxed);
                        Err(format!("What was broken for a check could not be mended: {why}"))
                    }
                }
            }
            _ => Ok(()),
        }
    }

    /// What a case has brought about, once there is nothing to wait for any more.
    async fn effects(
        &self,
        subject: &Subject,
        probe: &SideEffectProbe,
        before: &Look,
        case: &Case,
        sent: &[CheckExchange],
    ) -> Result<Effects, String> {
        let settle = Duration::from_millis(subject.settings.settle_ms.into());
        let accepted = sent
            .iter()
            .filter(|shot| super::probe_request::status(shot).is_some_and(|status| (200..300).contains(&status)));
        let due = case.effects.count(accepted.count()).unwrap_or(1);
        // One that is due may come late; one that is not due needs as long to show that it does not come.
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
            tokio::time::sleep(LOOK).await;
        }
        if due > 0 {
            // And one too many.
            tokio::time::sleep(settle).await;
        }
        super::side_effect_probe::look(probe, self.parts().clock.now_us()).await?.since(before)
    }

    /// What a run asks, from its settings.
    pub fn subject(&self, settings: super::CheckSettings) -> Result<Subject, String> {
        let endpoint = settings.endpoint.clone().map(|id| {
            let found = self.outbox.schedule().endpoints().into_iter().find(|row| row.id == id);
            found.ok_or_else(|| format!("There is no endpoint {id:?}."))
        });
        let endpoint = endpoint.transpose()?;
        let catalogue = self.parts().providers.catalogue();
        let (scenarios, _) = hookbench_provider::scenarios(&catalogue, Vec::new());
        let scenarios: Vec<_> = scenarios.into_values().map(|(scenario, _)| scenario).collect();
        Subject::new(settings, endpoint.as_deref(), &catalogue, &scenarios, self.parts().clock.now_us())
    }
}

fn timed_out(shot: &CheckExchange) -> bool {
    shot.error.as_ref().is_some_and(|error| error.kind == AttemptErrorKind::Timeout)
}

/// The checks that are asked again: those named, or those that did not pass. What looks back at answers looks
/// anew, and whoever gave an answer that it complains of is asked for another.
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
        let seen = Seen { subject, shots: &[], all: &result.sent, effects: None };
        if complaining.iter().any(|check| (check.judge)(&seen).outcome == CheckOutcome::Fail)
            || looks_back(&result.check).is_some()
        {
            wanted.push(result.check.clone());
        }
    }
    wanted
}
