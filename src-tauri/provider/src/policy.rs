//! How a vendor delivers: its time limits, retries, and what makes it stop.

use serde::{Deserialize, Serialize};

/// A value with what it rests on: a person is shown which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// The vendor's own document says so.
    Stated(T),
    /// The vendor leaves it open; this is the usual way, and can be changed.
    Assumed(T),
    /// Somebody set it.
    Own(T),
}

impl<T> Fact<T> {
    /// The value.
    pub fn value(&self) -> &T {
        match self {
            Self::Stated(value) | Self::Assumed(value) | Self::Own(value) => value,
        }
    }

    /// Whether the vendor says so itself.
    pub fn is_stated(&self) -> bool {
        matches!(self, Self::Stated(_))
    }
}

/// Which answers are a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Success {
    /// Any 2xx.
    #[serde(rename = "2xx")]
    Any2xx,
    /// 200 alone.
    #[serde(rename = "200")]
    Only200,
}

impl Success {
    /// Whether a status is one.
    pub fn includes(self, status: u16) -> bool {
        match self {
            Self::Any2xx => (200..300).contains(&status),
            Self::Only200 => status == 200,
        }
    }
}

/// When failed attempts are made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// After these waits, in seconds, one after the other.
    Fixed(Vec<u32>),
    /// After waits that grow.
    Exponential {
        /// The first wait, in seconds.
        first_s: u32,
        /// What each wait is multiplied by for the next.
        factor: f64,
        /// How many there are.
        retries: u32,
    },
}

/// Most retries of one delivery: no vendor makes more, and a typing error should not make a million.
pub const RETRIES_MAX: u32 = 100;

impl Schedule {
    /// The waits before each retry, in seconds.
    pub fn waits_s(&self) -> Vec<f64> {
        match self {
            Self::Fixed(waits) => waits.iter().take(RETRIES_MAX as usize).map(|wait| f64::from(*wait)).collect(),
            Self::Exponential { first_s, factor, retries } => {
                (0..(*retries).min(RETRIES_MAX)).map(|n| f64::from(*first_s) * factor.powi(n as i32)).collect()
            }
        }
    }
}

/// Which failures are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// Every one.
    All,
    /// Answers of 500 and above, time-outs and connections that fail; any other answer is final.
    ServerErrors,
}

/// What switches an endpoint off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disable {
    /// Nothing but a person.
    Never,
    /// So many failed retries of one delivery.
    FailedRetries(u32),
    /// So many failed attempts in a row, whatever the delivery.
    FailedAttempts(u32),
    /// So many deliveries in a row whose retries are all used up.
    ExhaustedDeliveries(u32),
}

/// What a 410 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// A failure like any other.
    Failure,
    /// The endpoint is switched off at once.
    Disable,
}

/// Whether plain `http:` is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Https {
    /// An endpoint without TLS is refused.
    Required,
    /// It is taken with a warning.
    Advised,
}

/// How a vendor delivers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// From the first byte sent to the last byte of the answer, in ms.
    pub timeout_ms: Fact<u32>,
    /// For the connection alone, inside the time-out, in ms.
    pub connect_timeout_ms: Fact<u32>,
    /// Which answers are a success.
    pub success: Fact<Success>,
    /// When failed attempts are made again.
    pub schedule: Fact<Schedule>,
    /// Which failures are.
    pub retry_on: Fact<RetryOn>,
    /// By how much of itself a wait may be longer or shorter, in percent.
    pub jitter_percent: Fact<u8>,
    /// Whether redirects are followed.
    pub redirects: Fact<bool>,
    /// Whether the wait an answer asks for (`Retry-After`) is kept.
    pub retry_after: Fact<bool>,
    /// What switches an endpoint off.
    pub disable: Fact<Disable>,
    /// What a 410 means.
    pub gone: Fact<Gone>,
    /// Whether plain `http:` is allowed.
    pub https: Fact<Https>,
    /// What an endpoint belongs to: `workspace`, `flow`, `website`, `account`.
    pub scope: Fact<String>,
    /// Most endpoints in one scope; 0 is no limit.
    pub endpoints_max: Fact<u32>,
    /// Whether a URL may stand only once in a scope.
    pub unique_url: Fact<bool>,
    /// Whether events can be chosen for an endpoint.
    pub choice: Fact<bool>,
}

impl Default for Policy {
    /// What is taken for every point a vendor leaves open.
    fn default() -> Self {
        Self {
            timeout_ms: Fact::Assumed(10_000),
            connect_timeout_ms: Fact::Assumed(3_000),
            success: Fact::Assumed(Success::Any2xx),
            schedule: Fact::Assumed(Schedule::Fixed(vec![60, 300, 1_200, 3_600, 7_200])),
            retry_on: Fact::Assumed(RetryOn::All),
            jitter_percent: Fact::Assumed(0),
            redirects: Fact::Assumed(false),
            retry_after: Fact::Assumed(false),
            disable: Fact::Assumed(Disable::Never),
            gone: Fact::Assumed(Gone::Failure),
            https: Fact::Assumed(Https::Advised),
            scope: Fact::Assumed("account".into()),
            endpoints_max: Fact::Assumed(0),
            unique_url: Fact::Assumed(false),
            choice: Fact::Assumed(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_as_the_factor_says_and_never_without_end() {
        let grows = |first_s, factor, retries| Schedule::Exponential { first_s, factor, retries }.waits_s();
        assert_eq!(grows(30, 2.0, 3), [30.0, 60.0, 120.0]);
        assert_eq!(grows(1, 1.0, u32::MAX).len(), RETRIES_MAX as usize);
        assert_eq!(Policy::default().schedule.value().waits_s().iter().sum::<f64>(), 206.0 * 60.0);
    }

    #[test]
    fn a_success_is_what_the_vendor_calls_one() {
        assert!(Success::Any2xx.includes(204) && !Success::Any2xx.includes(301));
        assert!(Success::Only200.includes(200) && !Success::Only200.includes(201));
    }
}
