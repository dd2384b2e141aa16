//! Store and request fixtures for unit tests.

use std::path::Path;

use bytes::Bytes;
use hookbench_model::{BodyState, HeaderNames, HttpVersion};
use http::Method;

use super::{Plan, SCHEMA, SCHEMA_NAMES, SCHEMA_VIA, Store};
use crate::{
    clock::Clock,
    message::{Body, Captured, Findings},
};

pub(crate) fn open(path: &Path) -> Store {
    let migrate = |connection: &mut rusqlite::Connection| {
        connection.execute_batch(&[SCHEMA, SCHEMA_VIA, SCHEMA_NAMES].concat()).map_err(|e| e.to_string())
    };
    let plan = Plan { version: 1, migrate: &migrate };
    Store::open(path, &plan, Clock::fixed(1_800_000_000_000_000), Box::new(|_| ())).expect("open a store")
}

pub(crate) fn request(inbox: i64, body: &'static [u8]) -> Captured {
    Captured {
        inbox,
        arrived_us: 1_800_000_000_000_000,
        receiving_us: 1,
        method: Method::POST,
        target: "/inbox".into(),
        version: HttpVersion::Http11,
        remote_address: ([127, 0, 0, 1], 1).into(),
        headers: Vec::new(),
        names: HeaderNames::Exact,
        trailers: Vec::new(),
        body: Body::Inline(Bytes::from_static(body)),
        body_bytes: body.len() as u64,
        body_state: BodyState::Complete,
        status: 200,
        response: None,
        via: 0,
        findings: Findings::default(),
    }
}
