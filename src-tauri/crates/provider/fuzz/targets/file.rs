//! Fuzz target: parses any text as a provider file and requires a reason for each failure.
#![no_main]

use hookbench_provider::Provider;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(reason) = Provider::parse("mine", text) {
        assert!(!reason.is_empty());
    }
});
