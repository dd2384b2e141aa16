//! Fuzz target: verifies any bytes as the signature of each scheme.
#![no_main]

use std::sync::LazyLock;

use hookbench_provider::Catalog;
use hookbench_signature::{Keys, Message, State, verify};
use libfuzzer_sys::fuzz_target;

static CATALOGUE: LazyLock<Catalog> = LazyLock::new(|| Catalog::load([]).0);

fuzz_target!(|value: &[u8]| {
    let keys = Keys::of("a-secret-that-fuzzing-cannot-guess-5ec2e7");
    for record in CATALOGUE.providers().flat_map(|provider| &provider.schemes) {
        let names: Vec<String> =
            record.scheme.places().iter().filter_map(hookbench_signature::Source::header_name).collect();
        let headers: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), value)).collect();
        let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: b"{}" };
        assert_ne!(verify(&record.scheme, &message, &keys, 1_800_000_000_000).state, State::Valid, "{}", record.id);
    }
});
