//! A webhook that the relay delivers to the agent, and the acknowledgment of the agent.

use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Header that contains a [`Delivery`] as JSON.
const ENVELOPE: &str = "hookbench-delivery";

/// Header that contains status and headers of the app's response as JSON, if there is one.
const APP: &str = "hookbench-app";

/// Header that contains the reason for a rejected delivery.
const WHY: &str = "hookbench-why";

/// A webhook as the relay received it. The body is sent separately, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Id of the delivery, the same for each attempt.
    pub id: Uuid,
    /// Name of the inbox.
    pub inbox: String,
    /// Sequence number within the inbox, from 1.
    pub seq: i64,
    /// Number of earlier attempts.
    pub attempt: u32,
    /// Time at which the head was complete at the relay, in µs since the Unix epoch.
    pub received_us: i64,
    /// Time between `received_us` and this attempt by the clock of the relay, in µs.
    pub age_us: i64,
    /// Time from the complete head to the last byte of the body, in µs.
    pub receiving_us: i64,
    /// Method as sent.
    pub method: String,
    /// Part of the target after the token of the inbox, starting with `/` or `?`.
    pub rest: String,
    /// HTTP version, as in a request line.
    pub version: String,
    /// Address of the sender, with the port.
    pub remote_address: String,
    /// Fidelity of the header names: `exact`, `lowercase` or `normalized`.
    pub names: String,
    /// Header block as received.
    #[serde(with = "in_base64")]
    pub head: Vec<u8>,
    /// Trailer block; usually empty.
    #[serde(with = "in_base64", default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<u8>,
    /// Size of the body in bytes. If the body was rejected, the size that the sender announced.
    pub body_bytes: u64,
    /// Completeness of the body: `complete`, `broken_off`, `stalled` or `too_large`.
    pub body_state: String,
    /// SHA-256 of the received body, in hexadecimal.
    pub sha256: String,
    /// Location of the body.
    pub body: BodyPlace,
    /// Status that the sender already got; `None` while the sender waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responded: Option<u16>,
}

/// Location of the body of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyPlace {
    /// The body of the `PUT` request.
    Here,
    /// At the relay, from which it is fetched with the id of the delivery.
    Relay,
}

mod in_base64 {
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::BASE64;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Returns a value as JSON in a header value. DEL is escaped, because JSON allows DEL and header values do not.
fn json_value<T: Serialize>(value: &T) -> HeaderValue {
    let json = serde_json::to_string(value).unwrap_or_default().replace('\u{7f}', "\\u007f");
    HeaderValue::from_bytes(json.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static("null"))
}

fn value_json<T: serde::de::DeserializeOwned>(headers: &HeaderMap, name: &str) -> Option<T> {
    serde_json::from_slice(headers.get(name)?.as_bytes()).ok()
}

impl Delivery {
    /// Returns the headers of the `PUT` request. With `wait_s`, the agent should return the response of the app within
    /// this number of seconds (`Prefer: wait`, RFC 7240 §4.3).
    pub fn headers(&self, wait_s: Option<u32>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ENVELOPE, json_value(self));
        if let Some(Ok(wait)) = wait_s.map(|wait| HeaderValue::from_str(&format!("wait={wait}"))) {
            headers.insert("prefer", wait);
        }
        headers
    }

    /// Parses the headers of a `PUT` request. Returns the delivery and the number of seconds that the sender waits.
    pub fn from_headers(headers: &HeaderMap) -> Option<(Self, Option<u32>)> {
        let wait = headers.get("prefer").and_then(|value| value.to_str().ok()?.strip_prefix("wait=")?.parse().ok());
        Some((value_json(headers, ENVELOPE)?, wait))
    }
}

/// The response of an app or of an inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppResponse {
    /// Status.
    pub status: u16,
    /// Headers, in order. Each character of a value is one byte (ISO 8859-1).
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: bytes::Bytes,
}

#[derive(Serialize, Deserialize)]
struct AppHead {
    status: u16,
    headers: Vec<(String, String)>,
}

/// Acknowledgment of a delivery. Without an acknowledgment, the relay resends the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ack {
    /// The delivery is now stored (201). Contains the response for the sender, if there is one.
    Stored(Option<AppResponse>),
    /// The delivery was stored before (200).
    Had,
    /// The delivery is stored, but the response of the app is too late (202).
    Pending,
    /// A different request with the same id is stored (409). This indicates a bug.
    Conflict,
    /// The delivery is rejected permanently (422). Contains the reason.
    Never(String),
    /// The delivery cannot be stored now and must be resent (503, or 507 if the disk is full).
    Later {
        /// Seconds to wait before the next attempt.
        after_s: u32,
        /// True if the disk of the agent is full.
        full: bool,
    },
}

impl Ack {
    /// Returns the acknowledgment for an incomplete delivery, which is to be resent after 1 second.
    pub fn again() -> Self {
        Self::Later { after_s: 1, full: false }
    }

    /// Converts the acknowledgment to an HTTP response.
    pub fn into_response(self) -> http::Response<bytes::Bytes> {
        let mut response = http::Response::new(bytes::Bytes::new());
        let status = match self {
            Self::Stored(app) => {
                if let Some(AppResponse { status, headers, body }) = app {
                    response.headers_mut().insert(APP, json_value(&AppHead { status, headers }));
                    *response.body_mut() = body;
                }
                StatusCode::CREATED
            }
            Self::Had => StatusCode::OK,
            Self::Pending => StatusCode::ACCEPTED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Never(why) => {
                response.headers_mut().insert(WHY, json_value(&why));
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Later { after_s, full } => {
                response.headers_mut().insert(header::RETRY_AFTER, after_s.into());
                if full { StatusCode::INSUFFICIENT_STORAGE } else { StatusCode::SERVICE_UNAVAILABLE }
            }
        };
        *response.status_mut() = status;
        response
    }

    /// Parses an HTTP response. Returns `None` if the response is not an acknowledgment.
    pub fn from_response(status: StatusCode, headers: &HeaderMap, body: bytes::Bytes) -> Option<Self> {
        Some(match status {
            StatusCode::CREATED => {
                Self::Stored(value_json(headers, APP).map(|AppHead { status, headers }| AppResponse {
                    status,
                    headers,
                    body,
                }))
            }
            StatusCode::OK => Self::Had,
            StatusCode::ACCEPTED => Self::Pending,
            StatusCode::CONFLICT => Self::Conflict,
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => {
                Self::Never(value_json(headers, WHY).unwrap_or_default())
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => {
                let after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Self::Later { after_s: after.unwrap_or(5), full: status == StatusCode::INSUFFICIENT_STORAGE }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_delivery()(
            (id, seq, attempt, received_us) in any::<(u128, i64, u32, i64)>(),
            (inbox, method, rest, remote_address) in any::<(String, String, String, String)>(),
            (head, trailers) in any::<(Vec<u8>, Vec<u8>)>(),
            (body_bytes, here, responded) in any::<(u64, bool, Option<u16>)>(),
        ) -> Delivery {
            Delivery {
                id: Uuid::from_u128(id), inbox, seq, attempt, received_us, age_us: 7, receiving_us: 1, method, rest,
                version: "HTTP/1.1".into(), remote_address, names: "exact".into(), head, trailers, body_bytes,
                body_state: "complete".into(), sha256: "00".into(),
                body: if here { BodyPlace::Here } else { BodyPlace::Relay }, responded,
            }
        }
    }

    proptest! {
        #[test]
        fn delivery_round_trips_through_headers(delivery in any_delivery(), wait: Option<u32>) {
            let headers = delivery.headers(wait);
            prop_assert_eq!(Delivery::from_headers(&headers), Some((delivery, wait)));
        }

        #[test]
        fn acknowledgment_round_trips_through_response(status: u16, headers: Vec<(String, String)>, body: Vec<u8>, why: String, after_s: u32, full: bool) {
            let app = AppResponse { status, headers, body: body.into() };
            for ack in [Ack::Stored(Some(app)), Ack::Stored(None), Ack::Had, Ack::Pending, Ack::Conflict, Ack::Never(why), Ack::Later { after_s, full }] {
                let (parts, body) = ack.clone().into_response().into_parts();
                prop_assert_eq!(Ack::from_response(parts.status, &parts.headers, body), Some(ack));
            }
        }
    }
}
