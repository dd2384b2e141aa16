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
    /// How many retries it asks for.
    pub fn retries(&self) -> usize {
        match self {
            Self::Fixed(waits) => waits.len(),
            Self::Exponential { retries, .. } => *retries as usize,
        }
    }

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

/// The one table of a policy's values, with what is taken for each that a vendor leaves open.
macro_rules! policy {
    ($($(#[$about:meta])* $field:ident: $kind:ty = $open:expr,)*) => {
        /// How a vendor delivers.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Policy {
            $($(#[$about])* pub $field: Fact<$kind>,)*
        }

        impl Default for Policy {
            fn default() -> Self {
                Self { $($field: Fact::Assumed($open),)* }
            }
        }

        /// What somebody sets of a policy; all else stays as the vendor has it.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct OwnPolicy {
            $($(#[$about])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
        }

        impl Policy {
            /// This policy with what somebody set.
            #[must_use]
            pub fn with(mut self, own: &OwnPolicy) -> Self {
                $(if let Some(value) = &own.$field {
                    self.$field = Fact::Own(value.clone());
                })*
                self
            }
        }
    };
}

policy! {
    /// From the first byte sent to the last byte of the answer, in ms.
    timeout_ms: u32 = 10_000,
    /// For the connection alone, inside the time-out, in ms.
    connect_timeout_ms: u32 = 3_000,
    /// Which answers are a success.
    success: Success = Success::Any2xx,
    /// When failed attempts are made again.
    schedule: Schedule = Schedule::Fixed(vec![60, 300, 1_200, 3_600, 7_200]),
    /// Which failures are.
    retry_on: RetryOn = RetryOn::All,
    /// By how much of itself a wait may be longer or shorter, in percent.
    jitter_percent: u8 = 0,
    /// Whether redirects are followed; Hookline never does.
    redirects: bool = false,
    /// Whether the wait an answer asks for (`Retry-After`) is kept.
    retry_after: bool = false,
    /// What switches an endpoint off.
    disable: Disable = Disable::Never,
    /// What a 410 means.
    gone: Gone = Gone::Failure,
    /// Whether plain `http:` is allowed.
    https: Https = Https::Advised,
    /// What an endpoint belongs to: `workspace`, `flow`, `website`, `account`.
    scope: String = "account".into(),
    /// Most endpoints in one scope; 0 is no limit.
    endpoints_max: u32 = 0,
    /// Whether a URL may stand only once in a scope.
    unique_url: bool = false,
    /// Whether events can be chosen for an endpoint.
    choice: bool = true,
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

    #[test]
    fn what_somebody_sets_is_laid_over_and_all_else_stays() {
        let own: OwnPolicy =
            serde_json::from_str(r#"{ "timeout_ms": 5, "disable": { "failed_attempts": 2 } }"#).expect("own");
        let vendors = Policy { success: Fact::Stated(Success::Only200), ..Policy::default() };
        let policy = vendors.clone().with(&own);
        assert_eq!((policy.timeout_ms, policy.disable), (Fact::Own(5), Fact::Own(Disable::FailedAttempts(2))));
        assert_eq!((policy.success, policy.schedule), (vendors.success, vendors.schedule));
        assert_eq!(serde_json::to_string(&OwnPolicy::default()).expect("JSON"), "{}");
        assert!(serde_json::from_str::<OwnPolicy>(r#"{ "timeout": 5 }"#).is_err());
    }
}
