//! What signing a message gives.

use serde::Serialize;

use crate::{message::Message, source::Source};

/// What signing adds to a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Headers to set, in order.
    pub headers: Vec<(String, String)>,
    /// Values that stand elsewhere, each with its place: a field of the body, a query parameter.
    pub elsewhere: Vec<(String, String)>,
}

impl Signed {
    /// A message's headers with those set so far over them.
    pub(crate) fn headers_over<'a>(&'a self, message: &Message<'a>) -> Vec<(&'a str, &'a [u8])> {
        let replaced = |name: &str| self.headers.iter().any(|(set, _)| set.eq_ignore_ascii_case(name));
        let kept = message.headers.iter().filter(|(name, _)| !replaced(name)).copied();
        kept.chain(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))).collect()
    }

    pub(crate) fn put(&mut self, source: &Source, value: String) {
        match source.header_name() {
            Some(name) => self.headers.push((name, value)),
            None => self.elsewhere.push((source.to_string(), value)),
        }
    }
}
