//! Delivery policies: timeouts, retries and automatic disabling.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A value of a delivery policy, with its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyValue<T> {
    /// The vendor documents this value.
    Stated(T),
    /// The vendor does not document a value. Hookbench assumes this one.
    Assumed(T),
    /// A user set this value.
    Own(T),
}

impl<T> PolicyValue<T> {
    /// Returns the value.
    pub fn value(&self) -> &T {
        match self {
            Self::Stated(value) | Self::Assumed(value) | Self::Own(value) => value,
        }
    }

    /// Returns true if the vendor documents the value.
    pub fn is_stated(&self) -> bool {
        matches!(self, Self::Stated(_))
    }
}

/// Statuses that count as success, written as statuses and classes, such as `2xx` or `2xx,301,302`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessStatuses(Vec<RangeInclusive<u16>>);

impl SuccessStatuses {
    /// Returns the set of all 2xx statuses.
    pub fn any_2xx() -> Self {
        Self(vec![200..=299])
    }

    /// Returns the statuses as ranges.
    pub fn ranges(&self) -> impl Iterator<Item = &RangeInclusive<u16>> {
        self.0.iter()
    }

    /// Returns true if a status is in the set.
    pub fn includes(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl std::str::FromStr for SuccessStatuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |part: &str| {
            let part = part.trim();
            let class = part.strip_suffix("xx").or_else(|| part.strip_suffix("XX"));
            let range = match class {
                Some(class) => class
                    .parse()
                    .ok()
                    .filter(|class| (1..=5).contains(class))
                    .map(|class: u16| class * 100..=class * 100 + 99),
                None => {
                    part.parse().ok().filter(|status| (100..=599).contains(status)).map(|status: u16| status..=status)
                }
            };
            range.ok_or_else(|| format!("{part:?} is not a valid status. Use statuses or classes, such as 2xx,301"))
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl std::fmt::Display for SuccessStatuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, range) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            match range.start() == range.end() {
                true => write!(f, "{comma}{}", range.start())?,
                false => write!(f, "{comma}{}xx", range.start() / 100)?,
            }
        }
        Ok(())
    }
}

impl Serialize for SuccessStatuses {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SuccessStatuses {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Delays between the attempts of a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrySchedule {
    /// Fixed delays, in seconds, in this order.
    Fixed(Vec<u32>),
    /// Delays that grow by a factor.
    Exponential {
        /// First delay, in seconds.
        first_s: u32,
        /// Factor between one delay and the next.
        factor: f64,
        /// Number of retries.
        retries: u32,
    },
}

/// Maximum number of retries of one delivery. No vendor documents more retries. The limit guards against typing errors.
pub const RETRIES_MAX: u32 = 100;

impl RetrySchedule {
    /// Returns the number of retries. The number can exceed [`RETRIES_MAX`].
    pub fn retries(&self) -> usize {
        match self {
            Self::Fixed(waits) => waits.len(),
            Self::Exponential { retries, .. } => *retries as usize,
        }
    }

    /// Returns the delay before each retry, in seconds. At most [`RETRIES_MAX`] delays are returned.
    pub fn waits_s(&self) -> Vec<f64> {
        match self {
            Self::Fixed(waits) => waits.iter().take(RETRIES_MAX as usize).map(|wait| f64::from(*wait)).collect(),
            Self::Exponential { first_s, factor, retries } => {
                (0..(*retries).min(RETRIES_MAX)).map(|n| f64::from(*first_s) * factor.powi(n as i32)).collect()
            }
        }
    }
}

/// Failures that are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// Every failure.
    All,
    /// Responses with status 500 and above, timeouts and connection errors. Any other response is final.
    ServerErrors,
}

/// Condition that disables an endpoint automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoDisable {
    /// Endpoints are never disabled automatically.
    Never,
    /// Number of failed retries of one delivery.
    FailedRetries(u32),
    /// Number of consecutive failed attempts, of any deliveries.
    FailedAttempts(u32),
    /// Number of consecutive deliveries whose retries all failed.
    ExhaustedDeliveries(u32),
}

/// Effect of a 410 response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoneAction {
    /// The response is a failure like any other.
    Failure,
    /// The endpoint is disabled immediately.
    Disable,
}

/// Requirement for HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpsRule {
    /// An endpoint without TLS is rejected.
    Required,
    /// An endpoint without TLS is accepted with a warning.
    Advised,
}

/// Defines the fields of [`DeliveryPolicy`] and [`PolicyOverrides`], with the default of each value for vendors that do
/// not document one.
macro_rules! policy {
    ($($(#[$about:meta])* $field:ident: $kind:ty = $open:expr,)*) => {
        /// Delivery policy of a vendor.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct DeliveryPolicy {
            $($(#[$about])* pub $field: PolicyValue<$kind>,)*
        }

        impl Default for DeliveryPolicy {
            fn default() -> Self {
                Self { $($field: PolicyValue::Assumed($open),)* }
            }
        }

        /// Values that override the delivery policy of a vendor.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct PolicyOverrides {
            $($(#[$about])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
        }

        impl DeliveryPolicy {
            /// Returns this policy with the overrides applied.
            #[must_use]
            pub fn with(mut self, own: &PolicyOverrides) -> Self {
                $(if let Some(value) = &own.$field {
                    self.$field = PolicyValue::Own(value.clone());
                })*
                self
            }
        }
    };
}

policy! {
    /// Timeout of an attempt, from the first byte sent to the last byte of the response, in ms, from 1 to 600000.
    /// Default: 10000.
    timeout_ms: u32 = 10_000,
    /// Timeout of the connection, within the timeout of the attempt, in ms, at least 1. Default: 3000.
    connect_timeout_ms: u32 = 3_000,
    /// Statuses that count as success. Default: `2xx`.
    success: SuccessStatuses = SuccessStatuses::any_2xx(),
    /// Retry schedule. Default: retries after 1, 5, 20, 60 and 120 minutes.
    schedule: RetrySchedule = RetrySchedule::Fixed(vec![60, 300, 1_200, 3_600, 7_200]),
    /// Failures that are retried. Default: `all`.
    retry_on: RetryOn = RetryOn::All,
    /// Jitter: random change of a delay in either direction, in percent of the delay, from 0 to 100. Default: 0.
    jitter_percent: u8 = 0,
    /// True if the vendor follows redirects. For information only: Hookbench never follows redirects.
    redirects: bool = false,
    /// True if `Retry-After` lengthens the delay before a retry, to at most one day. Default: false.
    retry_after: bool = false,
    /// Response headers that end a delivery, as `Name: value`. Default: none.
    stop_on: Vec<String> = Vec::new(),
    /// Condition that disables an endpoint automatically. Default: `never`.
    disable: AutoDisable = AutoDisable::Never,
    /// Effect of a 410 response. Default: `failure`.
    gone: GoneAction = GoneAction::Failure,
    /// Requirement for HTTPS. Default: `advised`.
    https: HttpsRule = HttpsRule::Advised,
    /// Type of account that the limits of the vendor apply to: `workspace`, `flow`, `website` or `account`. Default:
    /// `account`.
    account: String = "account".into(),
    /// Maximum number of endpoints per account. 0 sets no limit. Default: 0.
    endpoints_max: u32 = 0,
    /// True if a URL can be used only once per account. Default: false.
    unique_url: bool = false,
    /// True if an endpoint can subscribe to selected event types. Default: true.
    choice: bool = true,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_delays_by_factor_up_to_retries_max() {
        let grows = |first_s, factor, retries| RetrySchedule::Exponential { first_s, factor, retries }.waits_s();
        assert_eq!(grows(30, 2.0, 3), [30.0, 60.0, 120.0]);
        assert_eq!(grows(1, 1.0, u32::MAX).len(), RETRIES_MAX as usize);
        assert_eq!(DeliveryPolicy::default().schedule.value().waits_s().iter().sum::<f64>(), 206.0 * 60.0);
    }

    #[test]
    fn parses_success_statuses_and_classes() {
        for (text, yes, no) in [("2xx", 204, 301), ("200", 200, 201), ("2xx, 301,302", 302, 303), ("2XX", 299, 300)] {
            let success: SuccessStatuses = text.parse().expect(text);
            assert!(success.includes(yes) && !success.includes(no), "{text}");
            assert_eq!(success.to_string().parse(), Ok(success), "{text}");
        }
        assert_eq!("2xx, 301".parse::<SuccessStatuses>().expect("valid statuses").to_string(), "2xx,301");
        for text in ["", "2xx,", "20x", "0xx", "9xx", "99", "600", "two hundred"] {
            assert!(text.parse::<SuccessStatuses>().is_err(), "{text}");
        }
    }

    #[test]
    fn overrides_replace_only_the_values_they_set() {
        let own: PolicyOverrides =
            serde_json::from_str(r#"{ "timeout_ms": 5, "disable": { "failed_attempts": 2 } }"#).expect("overrides");
        let vendors = DeliveryPolicy {
            success: PolicyValue::Stated("200".parse().expect("a valid status")),
            ..DeliveryPolicy::default()
        };
        let policy = vendors.clone().with(&own);
        assert_eq!(
            (policy.timeout_ms, policy.disable),
            (PolicyValue::Own(5), PolicyValue::Own(AutoDisable::FailedAttempts(2)))
        );
        assert_eq!((policy.success, policy.schedule), (vendors.success, vendors.schedule));
        assert_eq!(serde_json::to_string(&PolicyOverrides::default()).expect("JSON"), "{}");
        assert!(serde_json::from_str::<PolicyOverrides>(r#"{ "timeout": 5 }"#).is_err());
    }
}
