//! Output of signing a message.

use serde::Serialize;

use crate::{message::Message, source::Source};

/// Headers and values that signing adds to a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Headers to set, in order.
    pub headers: Vec<(String, String)>,
    /// Values outside the headers, each with its location, such as a body field or a query parameter.
    pub outside_headers: Vec<(String, String)>,
}

impl Signed {
    /// Returns the headers of a message, replaced or extended by the headers set so far.
    pub(crate) fn headers_over<'a>(&'a self, message: &Message<'a>) -> Vec<(&'a str, &'a [u8])> {
        let replaced = |name: &str| self.headers.iter().any(|(set, _)| set.eq_ignore_ascii_case(name));
        let kept = message.headers.iter().filter(|(name, _)| !replaced(name)).copied();
        kept.chain(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))).collect()
    }

    pub(crate) fn put(&mut self, source: &Source, value: String) {
        match source.header_name() {
            Some(name) => self.headers.push((name, value)),
            None => self.outside_headers.push((source.to_string(), value)),
        }
    }
}
