//! When a message says it was signed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::source::Source;

/// Where the timestamp stands and how far from now it may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampRule {
    /// Where it stands.
    pub from: Source,
    /// How it is written.
    pub unit: Unit,
    /// Seconds it may lie in the past; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_s: Option<u32>,
    /// Seconds it may lie in the future; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future_s: Option<u32>,
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Whole seconds since the Unix epoch.
    S,
    /// Whole milliseconds since the Unix epoch.
    Ms,
    /// ISO 8601; UTC where no zone is given.
    Iso,
    /// Anything: it must be there, and is not compared.
    Raw,
}

impl Unit {
    /// The instant, in ms since the Unix epoch; none if it is not written so, or never compared.
    pub(crate) fn read(self, text: &str) -> Option<i64> {
        match self {
            Self::S => text.parse::<u64>().ok().and_then(|s| i64::try_from(s).ok()?.checked_mul(1_000)),
            Self::Ms => text.parse::<u64>().ok().and_then(|ms| i64::try_from(ms).ok()),
            Self::Iso => nanoseconds(text)
                .parse::<jiff::Timestamp>()
                .ok()
                .or_else(|| {
                    nanoseconds(text)
                        .parse::<jiff::civil::DateTime>()
                        .ok()?
                        .to_zoned(jiff::tz::TimeZone::UTC)
                        .ok()
                        .map(|z| z.timestamp())
                })
                .map(jiff::Timestamp::as_millisecond),
            Self::Raw => None,
        }
    }

    pub(crate) fn write(self, now_ms: i64) -> String {
        match self {
            Self::S | Self::Raw => now_ms.div_euclid(1_000).to_string(),
            Self::Ms => now_ms.to_string(),
            Self::Iso => jiff::Timestamp::from_millisecond(now_ms).map(|t| t.to_string()).unwrap_or_default(),
        }
    }
}

/// A time with no more than nine decimals: Go's and Twitch's clocks write more.
fn nanoseconds(text: &str) -> Cow<'_, str> {
    let Some((whole, fraction)) = text.split_once('.') else { return text.into() };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    match digits > 9 {
        true => format!("{whole}.{}{}", &fraction[..9], &fraction[digits..]).into(),
        false => text.into(),
    }
}
