//! Steady sender for benchmarks. `pace URL RATE SECONDS BYTES` sends RATE POST requests of BYTES bytes per second
//! without waiting for responses, or one request after the other if RATE is 0. Prints latencies in ms and throughput in
//! MB/s.
#![allow(clippy::print_stdout)]

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, rate, seconds, bytes] = args.as_slice() else { return Err("pace URL RATE SECONDS BYTES".into()) };
    let (rate, seconds, bytes): (f64, f64, usize) = (rate.parse()?, seconds.parse()?, bytes.parse()?);
    let body = bytes::Bytes::from(vec![b'x'; bytes]);
    let client = reqwest::Client::new();
    let took = Arc::new(Mutex::new(Vec::new()));
    let post = {
        let took = took.clone();
        move || {
            let (client, url, body, took) = (client.clone(), url.clone(), body.clone(), took.clone());
            async move {
                let began = Instant::now();
                client.post(&url).body(body).send().await?.error_for_status()?.bytes().await?;
                took.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed().as_secs_f64() * 1_000.0);
                Ok::<_, reqwest::Error>(())
            }
        }
    };
    // The first request opens the connection, which is not part of the measurement.
    post().await?;
    took.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let (began, length) = (Instant::now(), Duration::from_secs_f64(seconds));
    if rate == 0.0 {
        while began.elapsed() < length {
            post().await?;
        }
    } else {
        let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        let mut posts = tokio::task::JoinSet::new();
        while began.elapsed() < length {
            tick.tick().await;
            posts.spawn(post());
        }
        while let Some(done) = posts.join_next().await {
            done??;
        }
    }
    let spent = began.elapsed().as_secs_f64();
    let mut took = took.lock().unwrap_or_else(PoisonError::into_inner).clone();
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took.get(((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1))).copied();
    let mb_s = (took.len() * bytes) as f64 / spent / 1e6;
    println!("{}", serde_json::json!({ "p50": at(0.5), "p99": at(0.99), "count": took.len(), "mb_s": mb_s }));
    Ok(())
}
