//! Benchmark of signing, verification and explanation, run by `cargo xtask bench signature`.
#![allow(clippy::print_stdout, reason = "the benchmark prints its results")]

use std::{hint::black_box, time::Instant};

use hookbench_provider::Catalog;
use hookbench_signature::{Keys, Message, SearchContext, explain, sign, verify};

const ROUNDS: u32 = 20_000;
const NOW_MS: i64 = 1_800_000_000_000;

/// Returns the median of five runs, in microseconds per round.
fn timed(mut work: impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..5)
        .map(|_| {
            let began = Instant::now();
            (0..ROUNDS).for_each(|_| work());
            began.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[2]
}

fn main() {
    let (catalog, _) = Catalog::load([]);
    let body = format!(r#"{{"event":"message.created","data":{{"text":"{}"}}}}"#, "x".repeat(970));
    let keys = Keys::of("a secret of some length");
    for id in ["github", "stripe", "slack"] {
        let Some(scheme) = catalog.get(id).and_then(|provider| provider.scheme(None)) else { continue };
        let bare = Message { method: "POST", target: "/", url: None, headers: &[], body: body.as_bytes() };
        let Ok(signed) = sign(&scheme.scheme, &bare, &keys, "id", NOW_MS) else { continue };
        let headers: Vec<(&str, &[u8])> =
            signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let message = Message { headers: &headers, ..bare };
        let signing = timed(|| drop(black_box(sign(&scheme.scheme, black_box(&bare), &keys, "id", NOW_MS))));
        let verifying = timed(|| drop(black_box(verify(&scheme.scheme, black_box(&message), &keys, NOW_MS))));
        println!("{id:<8} 1 KB: sign {signing:.2} µs, verify {verifying:.2} µs");
    }
    let Some(scheme) = catalog.get("github").and_then(|provider| provider.scheme(None)) else { return };
    let large = format!("[{}]", vec![r#"{"id":1,"text":"lorem ipsum dolor sit amet"}"#; 23_000].join(","));
    let other_schemes: Vec<_> = catalog
        .providers()
        .flat_map(|provider| provider.schemes.iter().map(|record| (provider.name.clone(), &record.scheme)))
        .collect();
    let other_secrets = (0..20).map(|n| (format!("the inbox {n}"), format!("secret {n}"))).collect();
    let known = SearchContext { other_secrets, other_schemes, ..SearchContext::default() };
    let spaced = large.replace("\":", "\": ").replace(",\"", ", \"").replace("},{", "}, {");
    for (what, sent, secret) in [
        ("likely mistake", spaced, "a secret of some length"),
        ("least likely mistake", large.clone(), "A SECRET OF SOME LENGTH"),
        ("no known mistake", "something else".into(), "a secret of some length"),
    ] {
        let signing = Keys::of(secret);
        let bare = Message { method: "POST", target: "/", url: None, headers: &[], body: sent.as_bytes() };
        let Ok(signed) = sign(&scheme.scheme, &bare, &signing, "id", NOW_MS) else { continue };
        let headers = [(signed.headers[0].0.as_str(), signed.headers[0].1.as_bytes())];
        let message = Message { headers: &headers, body: large.as_bytes(), ..bare };
        let began = Instant::now();
        let limit = || began.elapsed().as_millis() > 2_000;
        let explanation = explain(&scheme.scheme, &message, &keys, &known, NOW_MS, &limit);
        println!(
            "explain, {:.1} MB body, {what}: {:.0} ms, {} tested, found {:?}",
            large.len() as f64 / 1e6,
            began.elapsed().as_secs_f64() * 1e3,
            explanation.tried,
            explanation.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
        );
    }
}
