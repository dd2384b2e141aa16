//! Reference client for the delivery benchmark: a plain reqwest loop. `post URL COUNT AT_A_TIME FILE` posts the content
//! of a file COUNT times, AT_A_TIME requests at a time, and prints the requests per second.
#![allow(clippy::print_stdout)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, at_a_time, file] = args.as_slice() else { return Err("post URL COUNT AT_A_TIME FILE".into()) };
    let (count, at_a_time): (usize, usize) = (count.parse()?, at_a_time.parse()?);
    let body = bytes::Bytes::from(std::fs::read(file)?);
    let client = reqwest::Client::new();
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let loops: Vec<_> = (0..at_a_time)
        .map(|_| {
            let (client, url, body, next) = (client.clone(), url.clone(), body.clone(), next.clone());
            tokio::spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    let request = client.post(&url).header("content-type", "application/json").body(body.clone());
                    let response = request.send().await?.error_for_status()?;
                    response.bytes().await?;
                }
                Ok::<_, reqwest::Error>(())
            })
        })
        .collect();
    for one in loops {
        one.await??;
    }
    println!("{}", count as f64 / started.elapsed().as_secs_f64());
    Ok(())
}
