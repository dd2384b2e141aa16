//! Burst sender for benchmarks. `burst URL COUNT RATE` sends POST requests to `URL/1`, `URL/2` and so on, RATE per
//! second or all at once if RATE is 0, and waits for every response. Prints the number of responses per status, and
//! latencies in ms.
#![allow(clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, rate] = args.as_slice() else { return Err("burst URL COUNT RATE".into()) };
    let (count, rate): (usize, f64) = (count.parse()?, rate.parse()?);
    let client = reqwest::Client::new();
    let mut posts = tokio::task::JoinSet::new();
    let mut tick = (rate > 0.0).then(|| tokio::time::interval(Duration::from_secs_f64(1.0 / rate)));
    for number in 1..=count {
        if let Some(tick) = &mut tick {
            tick.tick().await;
        }
        let post = client.post(format!("{url}/{number}")).body("{}");
        posts.spawn(async move {
            let began = Instant::now();
            let status = match post.send().await {
                Ok(response) => response.status().as_u16().to_string(),
                Err(_) => "none".to_owned(),
            };
            (status, began.elapsed().as_secs_f64() * 1_000.0)
        });
    }
    let (mut statuses, mut took) = (BTreeMap::<String, usize>::new(), Vec::new());
    while let Some(done) = posts.join_next().await {
        let (status, ms) = done?;
        *statuses.entry(status).or_default() += 1;
        took.push(ms);
    }
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took.get(((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1))).copied();
    println!("{}", serde_json::json!({ "statuses": statuses, "p50": at(0.5), "p99": at(0.99), "worst": took.last() }));
    Ok(())
}
