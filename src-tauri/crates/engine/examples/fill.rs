//! Fills a data directory for the benches: `fill DIR COUNT` stores COUNT webhooks of about 1 KB.
#![allow(clippy::print_stderr)]

use std::{path::PathBuf, time::Instant};

use hookline_engine::{Clock, Engine, OwnerKind};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "fill DIR COUNT";
    let dir = PathBuf::from(args.next().ok_or(usage)?);
    let count: usize = args.next().ok_or(usage)?.parse()?;
    let engine = Engine::open(&dir, OwnerKind::Command, Clock::system()).await?;
    let started = Instant::now();
    engine.fill(count).await?;
    eprintln!("{count} requests in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
