//! Trace context of an outgoing request: the header `traceparent` (W3C Trace Context, w3.org/TR/trace-context-1).

use std::hash::{DefaultHasher, Hasher as _};

use crate::headers::Headers;

/// Trace of a request, and the span that an outgoing request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// ID of the trace. Not 0.
    pub trace: u128,
    /// ID of the span. Not 0.
    pub span: u64,
    /// True if the trace is recorded.
    pub sampled: bool,
}

impl TraceContext {
    /// Name of the header.
    pub const HEADER: &str = "traceparent";

    /// Parses the value of the header. Returns `None` if it is invalid, and then the trace starts here.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = std::str::from_utf8(value).ok()?.trim();
        let mut parts = value.split('-');
        let mut next = |digits: usize| {
            let part = parts.next()?;
            let hex = part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            hex.then_some(part)
        };
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        // A later version may have further parts, and version 255 is not allowed.
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        (trace != 0 && span != 0).then_some(Self { trace, span, sampled })
    }

    /// Returns the first trace context of these headers.
    pub fn of_headers<'h>(mut headers: impl Iterator<Item = (&'h [u8], &'h [u8])>) -> Option<Self> {
        let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case(Self::HEADER.as_bytes()))?;
        Self::parse(value)
    }

    /// Returns the context of the request or event with this ID, which starts a trace. The ID of a request, a UUID, is
    /// also the ID of the trace.
    pub fn starting(id: &str) -> Self {
        let trace = uuid::Uuid::parse_str(id).map(|id| id.as_u128());
        let hashed = || (u128::from(hash(&("trace", id))) << 64) | u128::from(hash(&(id, "trace")));
        Self { trace: trace.unwrap_or_else(|_| hashed()), span: span_id(id, 0), sampled: true }
    }

    /// Returns the value of the header.
    pub fn value(self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// Returns the ID of the span of a thing with this ID: 0 for the thing itself, else the number of its attempt.
pub fn span_id(id: &str, number: u32) -> u64 {
    hash(&(id, number)).max(1)
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Sets the header of an attempt. The trace starts with `origin`, the ID of the captured request or the event, because the
/// trace of the sender may be anyone's.
pub(crate) fn propagate(headers: &mut Headers, origin: &str, delivery: &str, attempt: u32) {
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case(TraceContext::HEADER));
    let own = TraceContext { span: span_id(delivery, attempt), ..TraceContext::starting(origin) };
    headers.push((TraceContext::HEADER.to_owned(), own.value().into_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn parses_what_the_recommendation_allows() {
        let parsed = TraceContext::parse(VALUE.as_bytes()).expect("valid");
        assert_eq!(parsed.value(), VALUE);
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes";
        assert_eq!(TraceContext::parse(later.as_bytes()), Some(parsed));
        for wrong in [
            "",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(TraceContext::parse(b"\xff"), None);
    }

    #[test]
    fn an_attempt_belongs_to_the_trace_of_its_request() {
        let mut headers: Headers = vec![("Traceparent".into(), VALUE.into()), ("X-A".into(), b"1".to_vec())];
        propagate(&mut headers, "01a22d67-6f5f-7000-863f-66ebf0d8eaca", "dlv_1", 2);
        let sent = TraceContext::of_headers(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())));
        let trace = 0x01a2_2d67_6f5f_7000_863f_66eb_f0d8_eaca;
        assert_eq!(sent, Some(TraceContext { trace, span: span_id("dlv_1", 2), sampled: true }));
        assert_eq!(headers.len(), 2);
    }
}
