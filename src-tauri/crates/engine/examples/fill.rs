//! Fills a data directory for benchmarks and window tests. `fill DIR COUNT` stores COUNT webhooks of about 1 KB in the
//! first inbox, as if they had arrived.
#![allow(clippy::print_stderr)]

use std::{path::PathBuf, time::Instant};

use hookbench_capture::{Body, Captured, Findings, Plan, Store};
use hookbench_engine::{Clock, Engine, OwnerKind};
use hookbench_model::{BodyState, HeaderNames, HttpVersion};
use hookbench_store::inbox::InboxRow;

/// Number of requests that wait for their commit at a time.
const IN_FLIGHT: usize = 2_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "fill DIR COUNT";
    let dir = PathBuf::from(args.next().ok_or(usage)?);
    let count: usize = args.next().ok_or(usage)?.parse()?;
    // The engine creates the directory, its database and the first inbox.
    let engine = Engine::open(&dir, OwnerKind::Command, Clock::system()).await?;
    let database = engine.dir().database();
    engine.close().await;
    drop(engine);
    let plan = Plan { version: hookbench_store::VERSION, migrate: &hookbench_store::migrate };
    let store = Store::open(&database, &plan, Clock::system(), Box::new(|_| ()))?;
    let inbox = store.readers().read(InboxRow::all).await?.into_iter().next();
    let inbox = inbox.ok_or("the first inbox is missing")?;
    let started = Instant::now();
    for first in (0..count).step_by(IN_FLIGHT) {
        let mut last = None;
        for n in first..count.min(first + IN_FLIGHT) {
            last = Some(store.keep(webhook(&inbox, n)));
        }
        if let Some(last) = last {
            last.committed().await?;
        }
    }
    store.close();
    eprintln!("{count} requests in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn webhook(inbox: &InboxRow, n: usize) -> Captured {
    let body = format!(
        r#"{{"event":"message.created","id":"evt_{n:08}","created_at":"2026-11-21T08:00:00Z","data":{{"chat":{{"id":{},"status":"open"}},"message":{{"author":"visitor","text":"{}"}},"visitor":{{"name":"Visitor {n}","email":"visitor{n}@example.com"}}}}}}"#,
        n % 5_000,
        "lorem ipsum dolor sit amet ".repeat(24),
    );
    Captured {
        inbox: inbox.number,
        arrived_us: Clock::system().now_us(),
        receiving_us: 80,
        method: http::Method::POST,
        target: format!("/{}/orders/{n}", inbox.name),
        version: HttpVersion::Http11,
        remote_address: ([127, 0, 0, 1], 50_000).into(),
        headers: b"Host: 127.0.0.1:4665\r\nContent-Type: application/json\r\nUser-Agent: fill\r\n".to_vec(),
        names: HeaderNames::Exact,
        trailers: Vec::new(),
        body_bytes: body.len() as u64,
        body: Body::Inline(body.into()),
        body_state: BodyState::Complete,
        status: 200,
        response: Some(inbox.response_number),
        via: 0,
        findings: Findings::default(),
    }
}
