//! Fuzz target: verifies any message, recognizes its provider and runs its handshakes. No input may cause a panic or be
//! valid, because the input is not signed with the secret.
#![no_main]

use std::sync::LazyLock;

use hookbench_provider::{Catalog, SchemeRecord};
use hookbench_signature::{Keys, Message, ParsedMessage, State, signed_content, verify};
use libfuzzer_sys::fuzz_target;

static CATALOGUE: LazyLock<Catalog> = LazyLock::new(|| Catalog::load([]).0);
static SCHEMES: LazyLock<Vec<&'static SchemeRecord>> =
    LazyLock::new(|| CATALOGUE.providers().flat_map(|provider| &provider.schemes).collect());

fuzz_target!(|data: &[u8]| {
    let [high, low, rest @ ..] = data else { return };
    let record = SCHEMES[usize::from(u16::from_be_bytes([*high, *low])) % SCHEMES.len()];
    // The lines before the first empty line are the target and the headers, and the rest is the body.
    let (head, body) = rest.windows(2).position(|pair| pair == b"\n\n").map_or((rest, &[][..]), |at| (&rest[..at], &rest[at + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let target = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let named: Vec<(String, &[u8])> = record
        .scheme
        .places()
        .iter()
        .filter_map(hookbench_signature::Source::header_name)
        .chain(["X-Timestamp".to_owned()])
        .zip(lines.by_ref())
        .collect();
    let free: Vec<(String, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((String::from_utf8_lossy(&line[..colon]).into_owned(), &line[colon + 1..]))
        })
        .collect();
    let headers: Vec<(&str, &[u8])> = named.iter().chain(&free).map(|(name, value)| (name.as_str(), *value)).collect();
    let message = Message { method: "POST", target: &target, url: None, headers: &headers, body };
    let keys = Keys::of("a-secret-that-fuzzing-cannot-guess-5ec2e7");
    let verification = verify(&record.scheme, &message, &keys, 1_800_000_000_000);
    assert_ne!(verification.state, State::Valid, "{}", record.id);
    let _ = signed_content(&record.scheme, &message, &keys);
    let reading = ParsedMessage::new(&message);
    if let Some(provider) = CATALOGUE.recognize(&reading) {
        let _ = provider.read(&reading);
        let _ = provider.response(&message, &keys, false, || State::Invalid);
    }
});
