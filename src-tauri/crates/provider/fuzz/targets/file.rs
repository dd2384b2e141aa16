//! Any text as a provider's file: it reads, or it is said why not.
#![no_main]

use hookbench_provider::Provider;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(reason) = Provider::parse("mine", text) {
        assert!(!reason.is_empty());
    }
});
