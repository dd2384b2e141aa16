//! How what came back is judged. Each returns a finding; `settled` adds what was seen of effects.

use hookbench_model::{AttemptErrorKind, CheckExchange, CheckFinding, CheckOutcome};

use super::{case::ExpectedEffects, side_effect_probe::Effects, subject::Subject};

/// What a judge sees.
pub(crate) struct Seen<'a> {
    pub(crate) subject: &'a Subject,
    /// What the case sent.
    pub(crate) shots: &'a [CheckExchange],
    /// Everything the run has sent so far, this case last.
    pub(crate) all: &'a [CheckExchange],
    /// Effects from before the case to after it, and until its first answer; none where nobody looks.
    pub(crate) effects: Option<(Effects, Effects)>,
}

impl Seen<'_> {
    fn accepted(&self, shot: &CheckExchange) -> bool {
        super::probe_request::status(shot).is_some_and(|status| self.subject.policy.success.value().includes(status))
    }

    /// The first that is not as it should be, in words.
    fn first(&self, wrong: impl Fn(&CheckExchange) -> Option<String>) -> Option<String> {
        self.shots.iter().find_map(|shot| wrong(shot).map(|why| format!("{}: {why}", named(shot))))
    }
}

fn named(shot: &CheckExchange) -> &str {
    if shot.label.is_empty() { &shot.method } else { &shot.label }
}

fn is_client_error(shot: &CheckExchange) -> bool {
    super::probe_request::status(shot).is_some_and(|status| (400..500).contains(&status))
}

/// Whether the handler broke: 5xx, or no answer at all.
fn broke(shot: &CheckExchange) -> Option<String> {
    match super::probe_request::status(shot) {
        Some(status) if status < 500 => None,
        _ => Some(super::probe_request::came(shot)),
    }
}

pub(crate) fn accepts(seen: &Seen<'_>) -> CheckFinding {
    match seen.first(|shot| (!seen.accepted(shot)).then(|| super::probe_request::came(shot))) {
        Some(why) => CheckFinding::fail(format!("{why}; a 2xx was due.")),
        None => CheckFinding::pass("Accepted."),
    }
}

pub(crate) fn refuses(seen: &Seen<'_>) -> CheckFinding {
    let wrong = |shot: &CheckExchange| match (is_client_error(shot), seen.accepted(shot)) {
        (true, _) => None,
        (false, true) => Some(format!("{}, so it was taken", super::probe_request::came(shot))),
        (false, false) => Some(super::probe_request::came(shot)),
    };
    match seen.first(wrong) {
        Some(why) => CheckFinding::fail(format!("{why}; a 4xx was due.")),
        None => CheckFinding::pass("Refused."),
    }
}

pub(crate) fn stands(seen: &Seen<'_>) -> CheckFinding {
    match seen.first(broke) {
        Some(why) => CheckFinding::fail(format!("{why}; it may be refused, but must not break.")),
        None => CheckFinding::pass("It did not break."),
    }
}

/// Forged, and rightly signed under the same id.
pub(crate) fn refuses_forged(seen: &Seen<'_>) -> CheckFinding {
    let [forged, right] = seen.shots else { return CheckFinding::error("It was not sent whole.") };
    if !is_client_error(forged) {
        return refuses(&Seen { shots: std::slice::from_ref(forged), ..*seen });
    }
    match seen.accepted(right) {
        true => CheckFinding::pass("Refused, and the right one behind it is taken."),
        false => CheckFinding::fail(format!(
            "Refused; but the right one behind it, under the same id, was {}. Note ids after checking the signature.",
            super::probe_request::came(right)
        )),
    }
}

/// What an unsigned header says is not acted on.
pub(crate) fn ignores_header(seen: &Seen<'_>) -> CheckFinding {
    let Some(shot) = seen.shots.first() else { return CheckFinding::error("It was not sent whole.") };
    if let Some(why) = broke(shot) {
        return CheckFinding::fail(format!("{why}; a 2xx or a 4xx was due."));
    }
    if is_client_error(shot) {
        return CheckFinding::pass("Refused.");
    }
    match seen.effects {
        None => CheckFinding::unknown(format!("It {}. {NO_PROBE}", super::probe_request::came(shot))),
        Some((effects, _)) if effects.are(0) => CheckFinding::pass("It did not act on the header."),
        Some((effects, _)) => CheckFinding::fail(format!(
            "The probe saw {effects}: the unsigned header decided what was done, so one captured body can be sent as every event type."
        )),
    }
}

/// The events behind a request that was refused, on its connection.
pub(crate) fn goes_on(seen: &Seen<'_>) -> CheckFinding {
    let Some((_, behind)) = seen.shots.split_first() else { return CheckFinding::error("It was not sent whole.") };
    match behind.iter().find(|shot| !seen.accepted(shot)) {
        None => CheckFinding::pass("Each event behind the PUT was accepted."),
        Some(shot) => CheckFinding::fail(format!(
            "{}: {}; the PUT before it left its body unread. A 2xx was due.",
            named(shot),
            super::probe_request::came(shot)
        )),
    }
}

/// Refused is right, taken is odd, broken is wrong.
pub(crate) fn refuses_or_takes(seen: &Seen<'_>) -> CheckFinding {
    if let Some(why) = seen.first(broke) {
        return CheckFinding::fail(format!("{why}; a 4xx was due."));
    }
    match seen.first(|shot| (!is_client_error(shot)).then(|| super::probe_request::came(shot))) {
        Some(why) => CheckFinding::warn(format!("{why}; a 4xx would tell the sender what is wrong.")),
        None => CheckFinding::pass("Refused."),
    }
}

/// The p-th part of sorted values.
fn at(sorted: &[f64], part: f64) -> f64 {
    sorted.get(((sorted.len().saturating_sub(1)) as f64 * part).round() as usize).copied().unwrap_or_default()
}

pub(crate) fn answer_time(seen: &Seen<'_>) -> CheckFinding {
    let mut times: Vec<f64> = seen.shots.iter().filter_map(super::probe_request::answered_ms).collect();
    times.sort_by(f64::total_cmp);
    if let Some(why) =
        seen.first(|shot| super::probe_request::status(shot).is_none().then(|| super::probe_request::came(shot)))
    {
        return CheckFinding::fail(format!("{why}."));
    }
    if let Some(why) = seen.first(|shot| (!seen.accepted(shot)).then(|| super::probe_request::came(shot))) {
        return CheckFinding::fail(format!("{why}; how soon it answers an event it takes is not known."));
    }
    let slowest = at(&times, 1.0);
    let said = format!(
        "Half within {:.0} ms, 95 % within {:.0} ms, the slowest {slowest:.0} ms.",
        at(&times, 0.5),
        at(&times, 0.95)
    );
    match slowest {
        // Whoever took longer than the vendor waits has not answered.
        slowest if slowest < 5_000.0 => CheckFinding::pass(said),
        _ => CheckFinding::warn(format!("{said} Strict vendors give up after 5 s.")),
    }
}

pub(crate) fn connect_time(seen: &Seen<'_>) -> CheckFinding {
    let slowest = seen.all.iter().filter_map(|shot| shot.timings.connect_us).max();
    match slowest.map(|us| us as f64 / 1_000.0) {
        None => CheckFinding::error("No connection was made."),
        Some(ms) if ms < 1_000.0 => CheckFinding::pass(format!("The slowest took {ms:.1} ms.")),
        Some(ms) => CheckFinding::fail(format!("The slowest took {ms:.0} ms; Shopify gives up after 1 s.")),
    }
}

/// An answer this quick cannot have waited for much, in ms.
const QUICK: f64 = 500.0;

pub(crate) fn answers_first(seen: &Seen<'_>) -> CheckFinding {
    let Some(shot) = seen.shots.first() else { return CheckFinding::error("It was not sent whole.") };
    if let Some(why) = seen.first(broke) {
        return CheckFinding::fail(format!("{why}; a 2xx was due."));
    }
    if !seen.accepted(shot) {
        return CheckFinding::unknown(format!("The event was {}.", super::probe_request::came(shot)));
    }
    let Some((whole, early)) = seen.effects else { return CheckFinding::skipped(NO_PROBE) };
    let ms = super::probe_request::answered_ms(shot).unwrap_or_default();
    match (early.none(), whole.none()) {
        (true, false) => CheckFinding::pass("The answer came first, the effect after it."),
        (_, true) => CheckFinding::fail("There was no effect, before the answer or after it."),
        _ if ms < QUICK => {
            CheckFinding::pass(format!("The work was done first, in {ms:.0} ms; were it slow, the answer would be."))
        }
        _ => CheckFinding::warn(format!("The work was done first, and the answer took {ms:.0} ms.")),
    }
}

pub(crate) fn tls(seen: &Seen<'_>) -> CheckFinding {
    match seen.shots.first() {
        Some(shot) if shot.error.as_ref().is_some_and(|error| error.kind == AttemptErrorKind::Tls) => {
            CheckFinding::fail(super::probe_request::came(shot))
        }
        Some(shot) if shot.timings.tls_us.is_some() || super::probe_request::status(shot).is_some() => {
            CheckFinding::pass("The certificate holds.")
        }
        Some(shot) => CheckFinding::unknown(super::probe_request::came(shot)),
        None => CheckFinding::error("It was not sent whole."),
    }
}

pub(crate) fn redirects(seen: &Seen<'_>) -> CheckFinding {
    if let Some(nothing) = nothing_answered(seen) {
        return nothing;
    }
    let redirects = |shot: &&CheckExchange| {
        is_event(shot) && super::probe_request::status(shot).is_some_and(|status| (300..400).contains(&status))
    };
    match seen.all.iter().find(redirects) {
        Some(shot) => {
            CheckFinding::fail(format!("{}: {}; senders do not follow.", named(shot), super::probe_request::came(shot)))
        }
        None => CheckFinding::pass("No answer leads elsewhere."),
    }
}

pub(crate) fn method_refused(seen: &Seen<'_>) -> CheckFinding {
    if let Some(why) = seen.first(broke) {
        return CheckFinding::fail(why);
    }
    match seen.first(|shot| (!is_client_error(shot)).then(|| super::probe_request::came(shot))) {
        Some(why) => CheckFinding::fail(format!("{why}; 405 or 404 was due.")),
        None => CheckFinding::pass("Refused."),
    }
}

pub(crate) fn challenged(seen: &Seen<'_>) -> CheckFinding {
    let [right, wrong] = seen.shots else { return CheckFinding::error("It was not sent whole.") };
    let echoed = right.answer.as_ref().is_some_and(|answer| answer.status == 200 && answer.body.trim() == "1158201444");
    match (echoed, is_client_error(wrong)) {
        (true, true) => CheckFinding::pass("The right token is answered with the challenge, the wrong one refused."),
        (false, _) => CheckFinding::fail(format!(
            "With the right token it {}, and not with the challenge.",
            super::probe_request::came(right)
        )),
        (true, false) => {
            CheckFinding::fail(format!("With a wrong token it {}; 403 was due.", super::probe_request::came(wrong)))
        }
    }
}

pub(crate) fn origin_allowed(seen: &Seen<'_>) -> CheckFinding {
    let header = |shot: &CheckExchange| {
        let answer = shot.answer.as_ref()?;
        answer
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("webhook-allowed-origin"))
            .map(|(_, value)| value.clone())
    };
    match seen.shots.first().and_then(header) {
        Some(value) if value == "*" || value == "hookbench.example" => CheckFinding::pass(format!("Allowed: {value}.")),
        _ => CheckFinding::fail("No WebHook-Allowed-Origin names the asking origin."),
    }
}

pub(crate) fn one_effect(seen: &Seen<'_>) -> CheckFinding {
    let refused = |shot: &CheckExchange| (!seen.accepted(shot)).then(|| super::probe_request::came(shot));
    if let Some(why) = seen.first(refused) {
        return CheckFinding::fail(format!("{why}; a repeat is answered 2xx, or the sender goes on."));
    }
    match seen.effects {
        None => CheckFinding::unknown(format!("Each was accepted. {NO_PROBE}")),
        Some(_) => CheckFinding::pass("Each was accepted."),
    }
}

/// At once, a second one may be told to come later.
pub(crate) fn one_effect_at_once(seen: &Seen<'_>) -> CheckFinding {
    if let Some(why) = seen.first(broke) {
        return CheckFinding::fail(why);
    }
    if !seen.shots.iter().any(|shot| seen.accepted(shot)) {
        return CheckFinding::fail("None of them was accepted.");
    }
    match seen.effects {
        None => CheckFinding::unknown(format!("None broke. {NO_PROBE}")),
        Some(_) => CheckFinding::pass("None broke."),
    }
}

pub(crate) fn old_secret(seen: &Seen<'_>) -> CheckFinding {
    if seen.subject.settings.old_secret_valid { accepts(seen) } else { refuses(seen) }
}

pub(crate) fn same_object(seen: &Seen<'_>) -> CheckFinding {
    if let Some(why) = seen.first(|shot| (!seen.accepted(shot)).then(|| super::probe_request::came(shot))) {
        return CheckFinding::fail(why);
    }
    match seen.effects {
        None => CheckFinding::unknown(format!("Both were accepted. {NO_PROBE}")),
        Some((effects, _)) if effects.are(1) => CheckFinding::pass("One effect for both."),
        Some((effects, _)) => CheckFinding::warn(format!(
            "{effects}: ids are told apart, objects are not. Where the vendor sends an object anew under another id, it counts twice."
        )),
    }
}

pub(crate) fn retried(seen: &Seen<'_>) -> CheckFinding {
    let [broken, mended] = seen.shots else { return CheckFinding::error("It was not sent whole.") };
    if seen.accepted(broken) {
        return CheckFinding::fail(format!(
            "While it was broken it {}, so no vendor would send again.",
            super::probe_request::came(broken)
        ));
    }
    if !seen.accepted(mended) {
        return CheckFinding::fail(format!("Mended, the retry was {}.", super::probe_request::came(mended)));
    }
    match seen.effects {
        None => CheckFinding::unknown(format!("Refused while broken, accepted when mended. {NO_PROBE}")),
        Some(_) => CheckFinding::pass("Refused while broken, accepted when mended."),
    }
}

pub(crate) fn captured(seen: &Seen<'_>) -> CheckFinding {
    let [first, again] = seen.shots else { return CheckFinding::error("It was not sent whole.") };
    if let Some(why) = seen.first(broke) {
        return CheckFinding::fail(format!("{why}; it may refuse the second one, but must not break."));
    }
    if !seen.accepted(first) {
        return CheckFinding::unknown(format!("The event itself was {}.", super::probe_request::came(first)));
    }
    if is_client_error(again) {
        return CheckFinding::pass("Refused.");
    }
    if seen.subject.timestamp().is_ok_and(|rule| rule.past_s.is_some()) {
        return CheckFinding::fail(format!(
            "It {}: who captured a request once can send it for ever.",
            super::probe_request::came(again)
        ));
    }
    match seen.effects {
        None => CheckFinding::unknown(format!(
            "It {}; the vendor signs no time, so only its id tells. {NO_PROBE}",
            super::probe_request::came(again)
        )),
        Some(_) => CheckFinding::pass(format!("It {}.", super::probe_request::came(again))),
    }
}

pub(crate) fn state_kept(seen: &Seen<'_>) -> CheckFinding {
    match seen.first(broke) {
        Some(why) => CheckFinding::fail(why),
        None => match seen.first(|shot| (!seen.accepted(shot)).then(|| super::probe_request::came(shot))) {
            Some(why) => CheckFinding::fail(format!("{why}; the vendor would send it again and again.")),
            None => CheckFinding::unknown(
                "All were accepted. Look whether what you stored is as if they had come in order: no probe can tell in general.",
            ),
        },
    }
}

pub(crate) fn sized(seen: &Seen<'_>) -> CheckFinding {
    let wrong = |shot: &CheckExchange| match super::probe_request::status(shot) {
        Some(413) => None,
        Some(status) if seen.subject.policy.success.value().includes(status) => None,
        // One that has read enough may close what is still being sent.
        None if shot.error.as_ref().is_some_and(|error| error.kind == AttemptErrorKind::Reset)
            && shot.body_bytes > 1_000_000 =>
        {
            None
        }
        _ => Some(super::probe_request::came(shot)),
    };
    if let Some(last) = seen.shots.last().filter(|last| !seen.accepted(last)) {
        return CheckFinding::fail(format!(
            "After the large ones, a usual event was {}.",
            super::probe_request::came(last)
        ));
    }
    match seen.first(wrong) {
        Some(why) => CheckFinding::fail(format!("{why}; 2xx or 413 was due.")),
        None => {
            let refused: Vec<_> = seen.shots.iter().filter(|shot| !seen.accepted(shot)).map(named).collect();
            CheckFinding::pass(if refused.is_empty() {
                "All were accepted.".into()
            } else {
                format!("Too large for it: {}.", refused.join(", "))
            })
        }
    }
}

pub(crate) fn burst(seen: &Seen<'_>) -> CheckFinding {
    let broken = seen.shots.iter().filter(|shot| broke(shot).is_some()).count();
    let mut times: Vec<f64> = seen.shots.iter().filter_map(super::probe_request::answered_ms).collect();
    times.sort_by(f64::total_cmp);
    let (p95, limit) = (at(&times, 0.95), f64::from(seen.subject.timeout_ms()).min(5_000.0));
    if broken > 0 {
        let why = seen.first(broke).unwrap_or_default();
        return CheckFinding::fail(format!("{broken} of {} broke; {why}.", seen.shots.len()));
    }
    let limited = |shot: &CheckExchange| super::probe_request::status(shot) == Some(429);
    if let Some(why) =
        seen.first(|shot| (!seen.accepted(shot) && !limited(shot)).then(|| super::probe_request::came(shot)))
    {
        return CheckFinding::fail(format!("{why}; each was a usual event."));
    }
    let later = seen.shots.iter().filter(|shot| limited(shot)).count();
    let said = format!("{} events, 95 % answered within {p95:.0} ms.", seen.shots.len());
    match (p95 < limit, later) {
        (true, 0) => CheckFinding::pass(said),
        (true, later) => CheckFinding::pass(format!("{said} {later} were told to come later.")),
        (false, _) => CheckFinding::fail(format!("{said} Strict vendors give up after 5 s.")),
    }
}

pub(crate) fn packed(seen: &Seen<'_>) -> CheckFinding {
    match seen.first(broke) {
        Some(why) => CheckFinding::fail(why),
        None => CheckFinding::pass(format!(
            "It was {}.",
            seen.shots.first().map(super::probe_request::came).unwrap_or_default()
        )),
    }
}

pub(crate) fn slow(seen: &Seen<'_>) -> CheckFinding {
    let wrong = |shot: &CheckExchange| match super::probe_request::status(shot) {
        Some(408 | 411 | 413) => None,
        _ if seen.accepted(shot) => None,
        _ => Some(super::probe_request::came(shot)),
    };
    match seen.first(wrong) {
        Some(why) => CheckFinding::fail(format!("{why}; 2xx, 408 or 411 was due.")),
        None => CheckFinding::pass("Both ways of sending were answered."),
    }
}

pub(crate) fn unavailable(seen: &Seen<'_>) -> CheckFinding {
    let Some(shot) = seen.shots.first() else { return CheckFinding::error("It was not sent whole.") };
    let retry_after = shot
        .answer
        .as_ref()
        .is_some_and(|answer| answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("retry-after")));
    match super::probe_request::status(shot) {
        Some(503) if retry_after => CheckFinding::pass("503 with Retry-After."),
        Some(503) => CheckFinding::pass("503; a Retry-After would say when to come again."),
        Some(status) if status >= 500 => {
            CheckFinding::warn(format!("It answered {status}; 503 says that it is not the event's fault."))
        }
        Some(429) => CheckFinding::warn("It answered 429; 503 says that it is not the sender's fault."),
        Some(status) if status >= 400 => {
            CheckFinding::fail(format!("It answered {status}, as if the event were wrong."))
        }
        Some(status) => {
            CheckFinding::fail(format!("It answered {status}, so the event is lost: nobody sends it again."))
        }
        None => CheckFinding::warn(format!("No answer: {}.", super::probe_request::came(shot))),
    }
}

pub(crate) fn retry_after(seen: &Seen<'_>) -> CheckFinding {
    let limited: Vec<&CheckExchange> =
        seen.all.iter().filter(|shot| super::probe_request::status(shot) == Some(429)).collect();
    if limited.is_empty() {
        return CheckFinding::skipped("It never answered 429.");
    }
    let readable = |shot: &&&CheckExchange| {
        let headers = shot.answer.iter().flat_map(|answer| &answer.headers);
        let value =
            headers.filter(|(name, _)| name.eq_ignore_ascii_case("retry-after")).map(|(_, value)| value.trim()).next();
        value.is_some_and(|value| value.parse::<u32>().is_ok() || jiff::fmt::rfc2822::parse(value).is_ok())
    };
    match limited.iter().find(|shot| !readable(shot)) {
        Some(_) => CheckFinding::fail("A 429 without a Retry-After in seconds or as a date: the sender guesses."),
        None => CheckFinding::pass("Every 429 says when to come again."),
    }
}

pub(crate) fn gone(seen: &Seen<'_>) -> CheckFinding {
    if let Some(nothing) = nothing_answered(seen) {
        return nothing;
    }
    match seen.all.iter().find(|shot| is_event(shot) && super::probe_request::status(shot) == Some(410)) {
        Some(shot) => CheckFinding::fail(format!(
            "{}: 410. Vendors switch an endpoint off for good when they see it.",
            named(shot)
        )),
        None => CheckFinding::pass("It never answered 410."),
    }
}

/// Largest answer that vendors keep of one, in bytes.
const ANSWER_MAX: u64 = 20_000;

pub(crate) fn tells_little(seen: &Seen<'_>) -> CheckFinding {
    if let Some(nothing) = nothing_answered(seen) {
        return nothing;
    }
    for shot in seen.all {
        let Some(answer) = &shot.answer else { continue };
        if let Some(tells) = &shot.tells {
            return CheckFinding::fail(format!("{}: the answer ({}) holds {tells}.", named(shot), answer.status));
        }
        if answer.body_bytes > ANSWER_MAX && is_event(shot) {
            return CheckFinding::fail(format!(
                "{}: the answer has {} bytes; vendors keep {ANSWER_MAX} at most.",
                named(shot),
                answer.body_bytes
            ));
        }
    }
    CheckFinding::pass("Answers are short and hold no trace and no secret.")
}

/// What looks back at answers has seen nothing where there are none.
fn nothing_answered(seen: &Seen<'_>) -> Option<CheckFinding> {
    let answered = seen.all.iter().any(|shot| shot.answer.is_some());
    (!answered).then(|| CheckFinding::error("No request was answered."))
}

/// Whether it is what a vendor sends, and no question of ours.
fn is_event(shot: &CheckExchange) -> bool {
    shot.method == "POST"
}

pub(crate) fn probed(seen: &Seen<'_>) -> CheckFinding {
    match seen.effects {
        None => CheckFinding::skipped(NO_PROBE),
        Some(_) => accepts(seen),
    }
}

/// Why effects are not judged.
pub(crate) const NO_PROBE: &str = "Whether it had one effect can only be seen with an effect probe.";

/// A finding with what was seen of effects: right answers with wrong effects are wrong.
pub(crate) fn settled(finding: CheckFinding, due: ExpectedEffects, seen: &Seen<'_>) -> CheckFinding {
    let Some(due) = due.count(seen.shots.iter().filter(|shot| seen.accepted(shot)).count()) else { return finding };
    match (seen.effects, finding.outcome) {
        (Some((effects, _)), CheckOutcome::Pass | CheckOutcome::Warn) if !effects.are(due) => CheckFinding::fail(
            format!("{} But the probe saw {effects}; {} due.", finding.said, Effects::Count(due).were()),
        ),
        (Some((effects, _)), CheckOutcome::Pass) => CheckFinding::pass(format!("{} {effects}, as due.", finding.said)),
        _ => finding,
    }
}

#[cfg(test)]
mod tests;
