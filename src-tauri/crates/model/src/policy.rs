//! How a vendor delivers: its time limits, retries, and what makes it stop.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A value with what it rests on: a person is shown which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyValue<T> {
    /// The vendor's own document says so.
    Stated(T),
    /// The vendor leaves it open; this is the usual way, and can be changed.
    Assumed(T),
    /// Somebody set it.
    Own(T),
}

impl<T> PolicyValue<T> {
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

/// Which answers are a success: statuses and classes of them, written as `2xx` or `2xx,301,302`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessStatuses(Vec<RangeInclusive<u16>>);

impl SuccessStatuses {
    /// Any 2xx.
    pub fn any_2xx() -> Self {
        Self(vec![200..=299])
    }

    /// The statuses, as ranges.
    pub fn ranges(&self) -> impl Iterator<Item = &RangeInclusive<u16>> {
        self.0.iter()
    }

    /// Whether a status is one.
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
            range.ok_or_else(|| format!("{part:?} is not a status. Write statuses and classes, such as 2xx,301,302"))
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

/// When failed attempts are made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrySchedule {
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

impl RetrySchedule {
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
pub enum AutoDisable {
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
pub enum GoneAction {
    /// A failure like any other.
    Failure,
    /// The endpoint is switched off at once.
    Disable,
}

/// Whether plain `http:` is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpsRule {
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
        pub struct DeliveryPolicy {
            $($(#[$about])* pub $field: PolicyValue<$kind>,)*
        }

        impl Default for DeliveryPolicy {
            fn default() -> Self {
                Self { $($field: PolicyValue::Assumed($open),)* }
            }
        }

        /// What somebody sets of a policy; all else stays as the vendor has it.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct PolicyOverrides {
            $($(#[$about])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
        }

        impl DeliveryPolicy {
            /// This policy with what somebody set.
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
    /// From the first byte sent to the last byte of the answer, in ms.
    timeout_ms: u32 = 10_000,
    /// For the connection alone, inside the time-out, in ms.
    connect_timeout_ms: u32 = 3_000,
    /// Which answers are a success.
    success: SuccessStatuses = SuccessStatuses::any_2xx(),
    /// When failed attempts are made again.
    schedule: RetrySchedule = RetrySchedule::Fixed(vec![60, 300, 1_200, 3_600, 7_200]),
    /// Which failures are.
    retry_on: RetryOn = RetryOn::All,
    /// By how much of itself a wait may be longer or shorter, in percent.
    jitter_percent: u8 = 0,
    /// Whether redirects are followed; Hookline never does.
    redirects: bool = false,
    /// Whether the wait an answer asks for (`Retry-After`) is kept.
    retry_after: bool = false,
    /// Headers of an answer that end a delivery, as `Name: value`.
    stop_on: Vec<String> = Vec::new(),
    /// What switches an endpoint off.
    disable: AutoDisable = AutoDisable::Never,
    /// What a 410 means.
    gone: GoneAction = GoneAction::Failure,
    /// Whether plain `http:` is allowed.
    https: HttpsRule = HttpsRule::Advised,
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
        let grows = |first_s, factor, retries| RetrySchedule::Exponential { first_s, factor, retries }.waits_s();
        assert_eq!(grows(30, 2.0, 3), [30.0, 60.0, 120.0]);
        assert_eq!(grows(1, 1.0, u32::MAX).len(), RETRIES_MAX as usize);
        assert_eq!(DeliveryPolicy::default().schedule.value().waits_s().iter().sum::<f64>(), 206.0 * 60.0);
    }

    #[test]
    fn a_success_is_what_the_vendor_calls_one() {
        for (text, yes, no) in [("2xx", 204, 301), ("200", 200, 201), ("2xx, 301,302", 302, 303), ("2XX", 299, 300)] {
            let success: SuccessStatuses = text.parse().expect(text);
            assert!(success.includes(yes) && !success.includes(no), "{text}");
            assert_eq!(success.to_string().parse(), Ok(success), "{text}");
        }
        assert_eq!("2xx, 301".parse::<SuccessStatuses>().expect("a set").to_string(), "2xx,301");
        for text in ["", "2xx,", "20x", "0xx", "9xx", "99", "600", "two hundred"] {
            assert!(text.parse::<SuccessStatuses>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_somebody_sets_is_laid_over_and_all_else_stays() {
        let own: PolicyOverrides =
            serde_json::from_str(r#"{ "timeout_ms": 5, "disable": { "failed_attempts": 2 } }"#).expect("own");
        let vendors = DeliveryPolicy {
            success: PolicyValue::Stated("200".parse().expect("a status")),
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
