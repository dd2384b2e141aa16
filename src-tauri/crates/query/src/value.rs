//! Values with units: sizes, durations and times.

use jiff::{Timestamp, civil, tz::TimeZone};

const SECOND_US: i64 = 1_000_000;

/// Units of time, in seconds.
const DURATIONS: &[(&str, i64)] = &[("s", 1), ("m", 60), ("min", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)];

/// Units of size, in bytes.
const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("m", 1_000_000),
    ("gb", 1_000_000_000),
    ("g", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

/// Point in time, relative to now or absolute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Number of microseconds before now.
    Ago(i64),
    /// Microseconds since the Unix epoch.
    At(i64),
}

impl Moment {
    /// Returns the time in µs since the Unix epoch, relative to `now_us`.
    pub fn us(self, now_us: i64) -> i64 {
        match self {
            Self::Ago(us) => now_us.saturating_sub(us),
            Self::At(us) => us,
        }
    }
}

/// Parses a duration such as `90s`, `2h` or `1d12h` to microseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut sum: i64 = 0;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest)?;
        let length = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = after[..length].to_ascii_lowercase();
        let (_, seconds) = DURATIONS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add((number * (*seconds as f64) * SECOND_US as f64) as i64)?;
        rest = &after[length..];
    }
    (!text.is_empty()).then_some(sum)
}

/// Parses a size such as `512`, `10kb` or `1.5MiB` to bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = leading_number(text)?;
    let unit = unit.to_ascii_lowercase();
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit)?;
    Some((number * *bytes as f64) as u64)
}

fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok().filter(|n: &f64| n.is_finite())?;
    Some((number, &text[end..]))
}

/// Parses a date, a date with a time, a time of today, `today`, `yesterday`, or a duration before now. Without a time
/// zone, the zone of the computer applies.
pub(crate) fn moment(text: &str, zone: &TimeZone, now: Timestamp) -> Option<Moment> {
    if let Some(us) = duration(text) {
        return Some(Moment::Ago(us));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Moment::At(at.as_microsecond()));
    }
    let today = zone.to_datetime(now).date();
    let local = match text.to_ascii_lowercase().as_str() {
        "today" => today.at(0, 0, 0, 0),
        "yesterday" => today.yesterday().ok()?.at(0, 0, 0, 0),
        text => match (text.parse::<civil::DateTime>(), text.parse::<civil::Time>()) {
            (Ok(local), _) => local,
            (_, Ok(time)) => today.to_datetime(time),
            _ => return None,
        },
    };
    Some(Moment::At(zone.to_timestamp(local).ok()?.as_microsecond()))
}

/// Parses a period: a day, the minute or second of a time, a duration up to now, or two of them with `..` between, of
/// which one can be absent. Returns its start, and its end, which does not belong to it. A time without a date is the
/// last such time; the second one is the next such time after the first. A day at the end belongs to the period.
pub(crate) fn period(text: &str, zone: &TimeZone, now: Timestamp) -> Option<(Moment, Moment)> {
    let Some((first, last)) = text.split_once("..") else {
        let named = span(text, zone, now, None)?;
        return Some((named.start, named.end));
    };
    if first.is_empty() && last.is_empty() {
        return None;
    }
    let start = match first {
        "" => Moment::At(i64::MIN),
        first => span(first, zone, now, None)?.start,
    };
    let end = match last {
        "" => Moment::At(i64::MAX),
        last => {
            let named = span(last, zone, now, (!first.is_empty()).then_some(start))?;
            if named.day { named.end } else { named.start }
        }
    };
    let now_us = now.as_microsecond();
    (start.us(now_us) < end.us(now_us)).then_some((start, end))
}

/// Time that a text names, with the end of its day, minute or second.
struct NamedSpan {
    start: Moment,
    end: Moment,
    /// True for a day, false for a time.
    day: bool,
}

/// Parses a day, a time or a duration. A time without a date is the last one up to now, or the next one after `from`.
fn span(text: &str, zone: &TimeZone, now: Timestamp, from: Option<Moment>) -> Option<NamedSpan> {
    if let Some(us) = duration(text) {
        return Some(NamedSpan { start: Moment::Ago(us), end: Moment::At(i64::MAX), day: false });
    }
    let exact = |at: Timestamp, text: &str| {
        // A time with seconds is a second, one without is a minute.
        let seconds = if text.split(['T', ' ']).next_back()?.matches(':').count() > 1 { 1 } else { 60 };
        let us = at.as_microsecond();
        Some(NamedSpan { start: Moment::At(us), end: Moment::At(us + seconds * SECOND_US), day: false })
    };
    let at = |local: civil::DateTime| zone.to_timestamp(local).ok();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return exact(moment, text.trim_end_matches(['Z', 'z']).rsplit_once(['+']).map_or(text, |(time, _)| time));
    }
    let today = zone.to_datetime(now).date();
    let day = match text.to_ascii_lowercase().as_str() {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        text if text.contains(':') => None,
        text => text.parse::<civil::Date>().ok(),
    };
    if let Some(day) = day {
        let (start, end) = (at(day.at(0, 0, 0, 0))?, at(day.tomorrow().ok()?.at(0, 0, 0, 0))?);
        let moment = |at: Timestamp| Moment::At(at.as_microsecond());
        return Some(NamedSpan { start: moment(start), end: moment(end), day: true });
    }
    // A date with a time is parsed as a time as well.
    if !text.contains('-')
        && let Ok(time) = text.parse::<civil::Time>()
    {
        let day = match from {
            Some(from) => zone.to_datetime(Timestamp::from_microsecond(from.us(now.as_microsecond())).ok()?).date(),
            None => today,
        };
        let same = at(day.to_datetime(time))?;
        let other = match from {
            Some(from) if same.as_microsecond() < from.us(now.as_microsecond()) => {
                at(day.tomorrow().ok()?.to_datetime(time))?
            }
            None if same > now => at(day.yesterday().ok()?.to_datetime(time))?,
            _ => same,
        };
        return exact(other, text);
    }
    exact(at(text.parse::<civil::DateTime>().ok()?)?, text)
}

/// Like [`moment`] in the time zone of the computer. Returns µs since the Unix epoch.
pub fn moment_us(text: &str, now_us: i64) -> Option<i64> {
    let now = Timestamp::from_microsecond(now_us).ok()?;
    moment(text.trim(), &TimeZone::system(), now).map(|moment| moment.us(now_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_units() {
        assert_eq!(duration("1d12h"), Some(129_600 * SECOND_US));
        assert_eq!(duration("1.5h"), Some(5_400 * SECOND_US));
        for text in ["", "2", "h", "2x", "-2h", "2h "] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!((size("1mb"), size("1.5KiB"), size("7")), (Some(1_000_000), Some(1_536), Some(7)));
        assert_eq!((size("mb"), size("1 mb"), size("1tb")), (None, None, None));
        // A number that is too large becomes the maximum.
        assert_eq!(size("99999999999999999999gb"), Some(u64::MAX));
    }

    #[test]
    fn parses_times() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let at = |text: &str| moment(text, &TimeZone::fixed(jiff::tz::offset(2)), now);
        let us = |text: &str| Some(Moment::At(text.parse::<Timestamp>().expect("a time").as_microsecond()));
        assert_eq!(at("2h"), Some(Moment::Ago(7_200 * SECOND_US)));
        assert_eq!(at("2026-11-20"), us("2026-11-19T22:00:00Z"));
        assert_eq!(at("2026-11-20T08:30"), us("2026-11-20T06:30:00Z"));
        assert_eq!(at("2026-11-20T08:30:00Z"), us("2026-11-20T08:30:00Z"));
        assert_eq!(at("09:30"), us("2026-11-21T07:30:00Z"));
        assert_eq!(at("yesterday"), us("2026-11-19T22:00:00Z"));
        assert_eq!(at("soon"), None);
    }

    #[test]
    fn parses_periods() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let us = |text: &str| text.parse::<Timestamp>().expect("a time").as_microsecond();
        for (text, from, until) in [
            ("11:24..11:39", "2026-11-21T09:24:00Z", "2026-11-21T09:39:00Z"),
            ("11:24", "2026-11-21T09:24:00Z", "2026-11-21T09:25:00Z"),
            ("11:24:07", "2026-11-21T09:24:07Z", "2026-11-21T09:24:08Z"),
            // A time later than now is that of yesterday, and a range can cross midnight.
            ("15:24..15:39", "2026-11-20T13:24:00Z", "2026-11-20T13:39:00Z"),
            ("23:50..00:10", "2026-11-20T21:50:00Z", "2026-11-20T22:10:00Z"),
            ("yesterday", "2026-11-19T22:00:00Z", "2026-11-20T22:00:00Z"),
            ("2026-11-20", "2026-11-19T22:00:00Z", "2026-11-20T22:00:00Z"),
            ("2026-11-19..2026-11-20", "2026-11-18T22:00:00Z", "2026-11-20T22:00:00Z"),
            ("2026-11-20T08:30..08:45", "2026-11-20T06:30:00Z", "2026-11-20T06:45:00Z"),
            ("2026-11-20T08:30..2026-11-21T09:00", "2026-11-20T06:30:00Z", "2026-11-21T07:00:00Z"),
            ("2026-11-20T08:30Z..2026-11-20T08:31:30Z", "2026-11-20T08:30:00Z", "2026-11-20T08:31:30Z"),
            ("2h..1h", "2026-11-21T08:00:00Z", "2026-11-21T09:00:00Z"),
        ] {
            let read = period(text, &zone, now)
                .map(|(from, until)| (from.us(now.as_microsecond()), until.us(now.as_microsecond())));
            assert_eq!(read, Some((us(from), us(until))), "{text}");
        }
        let (from, until) = period("11:24..", &zone, now).expect("an open range");
        assert_eq!((from, until), (Moment::At(us("2026-11-21T09:24:00Z")), Moment::At(i64::MAX)));
        assert_eq!(period("..11:24", &zone, now).map(|(from, _)| from), Some(Moment::At(i64::MIN)));
        assert_eq!(period("30m", &zone, now).map(|(from, _)| from), Some(Moment::Ago(1_800 * SECOND_US)));
        for text in ["..", "", "soon", "1h..2h", "2026-11-21..2026-11-20", "25:00..26:00"] {
            assert_eq!(period(text, &zone, now), None, "{text}");
        }
    }
}
