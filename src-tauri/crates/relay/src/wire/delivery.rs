//! One webhook on its way from relay to laptop, and what the laptop says to it.

use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Header that holds a delivery's envelope, as JSON.
const ENVELOPE: &str = "hookbench-delivery";

/// Header that holds the status and headers of the app, as JSON, where there is an answer of one.
const APP: &str = "hookbench-app";

/// Header that says why something is not taken.
const WHY: &str = "hookbench-why";

/// A webhook as the relay got it. The body travels beside it, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The relay's own id of it, the same each time it is sent.
    pub id: Uuid,
    /// The inbox it is for, by the name the laptop gave it.
    pub inbox: String,
    /// Its place among those of its inbox, from 1.
    pub seq: i64,
    /// How often it has been sent before.
    pub attempt: u32,
    /// When its head was complete at the relay, µs since the Unix epoch.
    pub received_us: i64,
    /// How long ago that was when it was sent on, µs, by the relay's own clock.
    pub age_us: i64,
    /// From its head to its last byte, µs.
    pub receiving_us: i64,
    /// Method as sent.
    pub method: String,
    /// Target as sent, without the inbox's token: what stands behind it, from its `/` or `?` on.
    pub rest: String,
    /// HTTP version, as in a request line.
    pub version: String,
    /// The sender's address, with its port.
    pub peer: String,
    /// How truly header names are known: `exact`, `lowercase` or `normalised`.
    pub names: String,
    /// The header block as it was on the wire.
    #[serde(with = "in_base64")]
    pub head: Vec<u8>,
    /// The trailer block; mostly empty.
    #[serde(with = "in_base64", default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<u8>,
    /// Size of the body, in bytes: received, or announced where it was refused.
    pub body_bytes: u64,
    /// Whether the body is whole: `complete`, `broken_off`, `stalled` or `too_large`.
    pub body_state: String,
    /// SHA-256 of the body as it arrived, in hexadecimal.
    pub sha256: String,
    /// Where the body is.
    pub body: BodyPlace,
    /// What the sender was answered already; none while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u16>,
}

/// Where a delivery's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyPlace {
    /// It is the body of the `PUT`.
    Here,
    /// At the relay, to be fetched by the delivery's id.
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

/// JSON as a header value: what JSON leaves unescaped and a header value cannot hold is escaped.
fn json_value<T: Serialize>(value: &T) -> HeaderValue {
    let json = serde_json::to_string(value).unwrap_or_default().replace('\u{7f}', "\\u007f");
    HeaderValue::from_bytes(json.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static("null"))
}

fn value_json<T: serde::de::DeserializeOwned>(headers: &HeaderMap, name: &str) -> Option<T> {
    serde_json::from_slice(headers.get(name)?.as_bytes()).ok()
}

impl Delivery {
    /// The headers of its `PUT`. With `wait_s` the laptop is asked for its app's own answer within that
    /// many seconds (`Prefer: wait`, RFC 7240 §4.3).
    pub fn headers(&self, wait_s: Option<u32>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ENVELOPE, json_value(self));
        if let Some(Ok(wait)) = wait_s.map(|wait| HeaderValue::from_str(&format!("wait={wait}"))) {
            headers.insert("prefer", wait);
        }
        headers
    }

    /// The delivery in a `PUT`'s headers, and the seconds its sender may be kept waiting.
    pub fn from_headers(headers: &HeaderMap) -> Option<(Self, Option<u32>)> {
        let wait = headers.get("prefer").and_then(|value| value.to_str().ok()?.strip_prefix("wait=")?.parse().ok());
        Some((value_json(headers, ENVELOPE)?, wait))
    }
}

/// What an app, or the inbox itself, answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppAnswer {
    /// Status.
    pub status: u16,
    /// Headers, in order. A value's characters stand for its bytes (ISO 8859-1).
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: bytes::Bytes,
}

#[derive(Serialize, Deserialize)]
struct AppHead {
    status: u16,
    headers: Vec<(String, String)>,
}

/// What the laptop says to a delivery. Where it says nothing, the relay sends the same again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ack {
    /// It is on the laptop's disk since now (201), with the answer for its sender if there is one.
    Stored(Option<AppAnswer>),
    /// It has been on the laptop's disk (200).
    Had,
    /// It is on the laptop's disk, and what the app says comes too late (202).
    Pending,
    /// The id is known with other bytes: something is badly wrong (409).
    Conflict,
    /// It will never be taken, and why (422).
    Never(String),
    /// Not now: again after so many seconds (503, or 507 where the disk is full).
    Later {
        /// Seconds.
        after_s: u32,
        /// Whether the laptop's disk is full.
        full: bool,
    },
}

impl Ack {
    /// Send it again soon: it did not arrive whole.
    pub fn again() -> Self {
        Self::Later { after_s: 1, full: false }
    }

    /// Status, headers and body of the answer.
    pub fn into_response(self) -> http::Response<bytes::Bytes> {
        let mut response = http::Response::new(bytes::Bytes::new());
        let status = match self {
            Self::Stored(answer) => {
                if let Some(AppAnswer { status, headers, body }) = answer {
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

    /// The acknowledgement in an answer; none where it is no such answer.
    pub fn from_response(status: StatusCode, headers: &HeaderMap, body: bytes::Bytes) -> Option<Self> {
        Some(match status {
            StatusCode::CREATED => {
                Self::Stored(value_json(headers, APP).map(|AppHead { status, headers }| AppAnswer {
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
            (inbox, method, rest, peer) in any::<(String, String, String, String)>(),
            (head, trailers) in any::<(Vec<u8>, Vec<u8>)>(),
            (body_bytes, here, answered) in any::<(u64, bool, Option<u16>)>(),
        ) -> Delivery {
            Delivery {
                id: Uuid::from_u128(id), inbox, seq, attempt, received_us, age_us: 7, receiving_us: 1, method, rest,
                version: "HTTP/1.1".into(), peer, names: "exact".into(), head, trailers, body_bytes,
                body_state: "complete".into(), sha256: "00".into(),
                body: if here { BodyPlace::Here } else { BodyPlace::Relay }, answered,
            }
        }
    }

    proptest! {
        #[test]
        fn a_delivery_arrives_as_it_was(delivery in any_delivery(), wait: Option<u32>) {
            let headers = delivery.headers(wait);
            prop_assert_eq!(Delivery::from_headers(&headers), Some((delivery, wait)));
        }

        #[test]
        fn an_acknowledgement_arrives_as_it_was(status: u16, headers: Vec<(String, String)>, body: Vec<u8>, why: String, after_s: u32, full: bool) {
            let app = AppAnswer { status, headers, body: body.into() };
            for ack in [Ack::Stored(Some(app)), Ack::Stored(None), Ack::Had, Ack::Pending, Ack::Conflict, Ack::Never(why), Ack::Later { after_s, full }] {
                let (parts, body) = ack.clone().into_response().into_parts();
                prop_assert_eq!(Ack::from_response(parts.status, &parts.headers, body), Some(ack));
            }
        }
    }
}
