//! Timestamp of a signature.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::source::Source;

/// Location and tolerance of a timestamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampRule {
    /// Location of the timestamp.
    pub from: Source,
    /// Format of the timestamp.
    pub unit: Unit,
    /// Maximum age, in seconds. No limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_s: Option<u32>,
    /// Maximum time in the future, in seconds. No limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future_s: Option<u32>,
}

/// Format of a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Whole seconds since the Unix epoch.
    S,
    /// Whole milliseconds since the Unix epoch.
    Ms,
    /// ISO 8601 date and time. UTC if no time zone is given.
    Iso,
    /// Any text. The timestamp must be present, and the tolerance is not checked.
    Raw,
}

impl Unit {
    /// Parses a timestamp, in milliseconds since the Unix epoch. Returns `None` for invalid text and for [`Unit::Raw`].
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

/// Truncates the fraction of a second to nine digits. Go and Twitch write more digits than the parser accepts.
fn nanoseconds(text: &str) -> Cow<'_, str> {
    let Some((whole, fraction)) = text.split_once('.') else { return text.into() };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    match digits > 9 {
        true => format!("{whole}.{}{}", &fraction[..9], &fraction[digits..]).into(),
        false => text.into(),
    }
}
