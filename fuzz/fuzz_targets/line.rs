//! The parser of LINE's callbacks: whatever bytes come, it answers events or an error, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(callback) = channel::line::receive(data) {
        for event in callback.events {
            assert!(!event.id.is_empty());
        }
    }
    channel::line::verify("secret", data, std::str::from_utf8(data).ok());
});
